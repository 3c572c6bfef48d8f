//! Apple's notifications about licenses, `/apple/notifications/{account}` (Apple: "Managing Apps and Books Through Web
//! Services", notifications). Bounded, verified, stored, answered at once: Apple tries three times within minutes, then gives up.
//!
//! The last part of the path is unguessable and names the account; it is no secret by itself, the bearer value is. A wrong one
//! gets 403: no answer of this listener is 401.

use super::Gate;
use super::body::bounded;
use crate::licenses::notifications::{self, Taken};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;

/// The routes.
pub(super) fn routes() -> Router<Gate> {
    Router::new().route("/apple/notifications/{account}", post(take))
}

async fn take(State(gate): State<Gate>, Path(path): Path<String>, headers: HeaderMap, body: Body) -> Response {
    match bounded(body, notifications::LARGEST, gate.patience).await {
        Ok(body) => taken(&gate, &path, &headers, &body).await.into_response(),
        Err(refused) => refused,
    }
}

async fn taken(gate: &Gate, path: &str, headers: &HeaderMap, body: &[u8]) -> StatusCode {
    match notifications::take(&gate.ctx, path, bearer(headers), body).await {
        Ok(Taken::Accepted) => StatusCode::OK,
        Ok(Taken::UnknownPath) => StatusCode::NOT_FOUND,
        Ok(Taken::WrongSecret) => StatusCode::FORBIDDEN,
        Ok(Taken::Malformed) => StatusCode::BAD_REQUEST,
        Err(error) => {
            tracing::error!(%error, "a notification of Apple's could not be stored");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

/// The bearer value; the word before it is not case-sensitive.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (word, rest) = value.split_once(' ')?;
    word.eq_ignore_ascii_case("bearer").then(|| rest.trim())
}
