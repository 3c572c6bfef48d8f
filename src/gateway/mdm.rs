//! `PUT /mdm` and `PUT /checkin`, the `ServerURL` and the `CheckInURL` of devices. Either takes both kinds of messages: a
//! device whose profile has no `CheckInURL` sends everything to the `ServerURL`. Which kind it is says the media type, and
//! where that is odd, the body.
//!
//! One message is one transaction and nothing else: no network, no planning. The identity is proved before the body is decoded.

use super::answer::{Failure, plain, property_list};
use super::body::{self, Received};
use super::{Gate, checkin, proxy};
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

/// The header of a device that signs its messages (`SignMessage`).
const SIGNATURE: &str = "mdm-signature";

/// The routes.
pub(super) fn routes() -> Router<Gate> {
    Router::new().route("/mdm", put(message)).route("/checkin", put(message))
}

/// What a message seems to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
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
    let signature = match headers.get(SIGNATURE).map(|value| value.to_str()) {
        Some(Err(_)) => return plain(StatusCode::BAD_REQUEST, "the Mdm-Signature header is not base64"),
        Some(Ok(signature)) => Some(signature),
        None => None,
    };
    let presented = Presented { peer: peer.as_deref(), signature };
    let bytes = match body::receive(body).await {
        Received::Whole(bytes) => bytes,
        Received::TooLarge(size) => return too_large(&gate, peer.as_deref(), size).await,
        Received::Broken => return plain(StatusCode::BAD_REQUEST, "the message broke off, or has no end"),
    };
    let kind = Kind::of(&headers, &uri);
    match handle(&gate, kind, presented, &bytes).await {
        Ok(response) => response,
        Err(unreadable @ EnrollmentError::Unreadable(_)) => {
            match handle(&gate, kind.other(), presented, &bytes).await {
                Ok(response) => response,
                // Neither: the media type's word decides what it is said to be.
                Err(_) => Failure::from(unreadable).into_response(),
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

/// An answer that is too large to be kept. With a client certificate we know whose it is, and its command ends; a signature
/// would be over the bytes that were thrown away.
async fn too_large(gate: &Gate, peer: Option<&[u8]>, size: u64) -> Response {
    tracing::warn!(size, "a message of a device was too large and was thrown away");
    if peer.is_none() {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, "the message is too large");
    }
    let next = async {
        let authority = gate.authority.get().await?;
        conversation::report_too_large(&gate.ctx, &authority, peer, size).await
    };
    next.await.map_or_else(|error| Failure::from(error).into_response(), delivery)
}

/// The next command, or an empty body, which ends the session: an empty property list would not.
fn delivery(next: Option<Delivery>) -> Response {
    next.map_or_else(|| Response::new(Body::empty()), |delivery| property_list(delivery.bytes))
}

#[cfg(test)]
mod tests;
