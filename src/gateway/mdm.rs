//! `PUT /mdm` and `PUT /checkin`, the `ServerURL` and the `CheckInURL` of devices. Either takes both kinds of messages: a
//! device whose profile has no `CheckInURL` sends everything to the `ServerURL`. Which kind it is says the media type, and
//! where that is odd, the body.
//!
//! One message is one transaction and nothing else: no network, no planning. The identity is proved before the body is decoded.

use super::answer::{Failure, plain, property_list};
use super::body::{self, Incoming, Received};
use super::{Gate, checkin, long, proxy};
use crate::commands::Delivery;
use crate::enrollment::EnrollmentError;
use crate::enrollment::conversation;
use crate::enrollment::identity::Presented;
use crate::server::{PeerAddress, PeerCertificate};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::put;
use axum::{Extension, Router};
use russet_protocol::media;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// The header of a device that signs its messages (`SignMessage`).
const SIGNATURE: &str = "mdm-signature";

/// From the last byte of a message to its answer; then 503, which devices try again.
const ANSWERED_WITHIN: Duration = Duration::from_secs(60);

/// The routes.
pub(super) fn routes() -> Router<Gate> {
    Router::new().route("/mdm", put(message)).route("/checkin", put(message))
}

/// What a message seems to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    CheckIn,
    Report,
}

impl Kind {
    /// By the media type, else by the URL.
    fn of(headers: &HeaderMap, uri: &Uri) -> Self {
        let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if media::is(media_type, media::CHECK_IN) {
            Self::CheckIn
        } else if media::is(media_type, media::MDM) {
            Self::Report
        } else if uri.path() == "/checkin" {
            Self::CheckIn
        } else {
            Self::Report
        }
    }

    fn other(self) -> Self {
        match self {
            Self::CheckIn => Self::Report,
            Self::Report => Self::CheckIn,
        }
    }
}

async fn message(
    State(gate): State<Gate>,
    peer: Option<Extension<PeerCertificate>>,
    address: Option<Extension<PeerAddress>>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let address = address.map(|Extension(PeerAddress(address))| address.ip());
    let peer = match proxy::certificate(&gate.ctx.config.device, address, &headers) {
        // What the proxy itself has shown is not a device's.
        Ok(Some(passed_on)) => Some(Arc::from(passed_on)),
        Ok(None) => peer.and_then(|Extension(PeerCertificate(certificate))| certificate),
        Err(proxy::Unreadable) => {
            tracing::warn!(peer = ?address, "the header with the client certificate cannot be read: look at the proxy");
            return plain(StatusCode::BAD_REQUEST, "the header with the client certificate cannot be read");
        }
    };
    let mut signatures = headers.get_all(SIGNATURE).iter().map(|value| value.to_str());
    let signature = match (signatures.next(), signatures.next()) {
        (_, Some(_)) => return refused("the request has more than one Mdm-Signature"),
        (Some(Err(_)), _) => return refused("the Mdm-Signature header is not base64"),
        (Some(Ok(signature)), None) => Some(signature),
        (None, None) => None,
    };
    let presented = Presented { peer: peer.as_deref(), signature };
    let kind = Kind::of(&headers, &uri);
    let mut incoming = Incoming::new(body, gate.patience);
    let (bytes, _room) = match incoming.read(body::SMALL).await {
        Received::Whole(bytes) => (bytes, None),
        Received::More => match long::receive(&gate, kind, presented, incoming).await {
            Ok(mut long) => (std::mem::take(&mut long.bytes), Some(long)),
            Err(response) => return response,
        },
        other => return body::refusal(&other),
    };
    match timeout(ANSWERED_WITHIN, answer(&gate, kind, presented, &bytes)).await {
        Ok(response) => response,
        Err(_) => {
            tracing::error!("a message of a device was not answered in time");
            plain(StatusCode::SERVICE_UNAVAILABLE, "the server cannot answer now; try again later")
        }
    }
}

fn refused(why: &'static str) -> Response {
    tracing::info!(why, "a request of a device was refused");
    plain(StatusCode::BAD_REQUEST, why)
}

async fn answer(gate: &Gate, kind: Kind, presented: Presented<'_>, bytes: &[u8]) -> Response {
    match handle(gate, kind, presented, bytes).await {
        Ok(response) => response,
        Err(unreadable @ EnrollmentError::Unreadable(_)) => {
            match handle(gate, kind.other(), presented, bytes).await {
                Ok(response) => response,
                // Neither: the media type's word decides what it is said to be.
                Err(EnrollmentError::Unreadable(_)) => Failure::from(unreadable).into_response(),
                Err(error) => Failure::from(error).into_response(),
            }
        }
        Err(error) => Failure::from(error).into_response(),
    }
}

/// Hands a message on.
async fn handle(gate: &Gate, kind: Kind, presented: Presented<'_>, body: &[u8]) -> Result<Response, EnrollmentError> {
    match kind {
        Kind::CheckIn => checkin::handle(gate, presented, body).await,
        Kind::Report => {
            let authority = gate.authority.get().await?;
            conversation::report(&gate.ctx, &authority, presented, body).await.map(delivery)
        }
    }
}

/// The next command, or an empty body, which ends the session: an empty property list would not.
pub(super) fn delivery(next: Option<Delivery>) -> Response {
    next.map_or_else(|| Response::new(Body::empty()), |delivery| property_list(delivery.bytes))
}

#[cfg(test)]
mod tests;
