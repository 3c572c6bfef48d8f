//! SCEP as Apple devices use it: `GetCACaps`, `GetCACert` (and the chain), `PKIOperation` by POST and by GET. Source: RFC 8894;
//! `apple/protocol.md`, section 6.1.

use super::Gate;
use super::answer::{Failure, plain, with_type};
use super::body::bounded;
use crate::enrollment::issuance;
use axum::Router;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::get;
use russet_pki::scep::{CAPABILITIES, MAX_MESSAGE, chain};
use russet_pki::text::{query_message, query_value};

/// The routes.
pub(super) fn routes() -> Router<Gate> {
    Router::new().route("/scep", get(operation).post(operation))
}

async fn operation(
    State(gate): State<Gate>,
    method: Method,
    RawQuery(query): RawQuery,
    body: Body,
) -> Result<Response, Failure> {
    let query = query.unwrap_or_default();
    let body = match bounded(body, MAX_MESSAGE, gate.patience).await {
        Ok(body) => body,
        Err(refused) => return Ok(refused),
    };
    match query_value(&query, "operation").as_deref() {
        Some(b"GetCACaps") => Ok(with_type("text/plain", CAPABILITIES)),
        Some(b"GetCACert") => {
            let authority = gate.authority.get().await?;
            // One certificate, and that type: there is no separate registration authority.
            Ok(with_type("application/x-x509-ca-cert", authority.certificate_der().to_vec()))
        }
        // Of early drafts. One certificate is a chain as well: the authority signs devices itself.
        Some(b"GetCACertChain") => {
            let authority = gate.authority.get().await?;
            Ok(with_type("application/x-x509-ca-ra-cert-chain", chain(&authority)))
        }
        Some(b"PKIOperation") => {
            let message = if method == Method::POST { Some(body) } else { query_message(&query).ok() };
            let Some(message) = message else {
                return Ok(refused("the message of this PKIOperation is not base64"));
            };
            let authority = gate.authority.get().await?;
            let answer = issuance::answer(&gate.ctx, &authority, message).await?;
            Ok(with_type("application/x-pki-message", answer))
        }
        _ => Ok(refused("the operation is one of GetCACaps, GetCACert, GetCACertChain, PKIOperation")),
    }
}

fn refused(why: &'static str) -> Response {
    tracing::info!(why, "a SCEP request was refused");
    plain(StatusCode::BAD_REQUEST, why)
}
