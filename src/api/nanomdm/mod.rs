//! The raw door: tools made for NanoMDM keep working. Its addresses, JSON keys and status codes (source: NanoMDM's OpenAPI
//! description and operations guide), our queue, outbox and audit log behind them.
//!
//! Basic credentials: the user `nanomdm`, an API token as the password. Ids are compared whole, never taken apart. Many ids
//! succeed and fail one by one: 200 all, 207 some, 500 none, and 409 where each of them had the CommandUUID before.
//!
//! Must never have a way of its own into the queue, and must never answer with a secret: neither the UnlockToken of a device
//! nor the content of queued commands.

mod credentials;
mod enqueue;
mod enrollments;
mod escrow;
mod form;
mod ids;
mod page;
mod push;
mod push_certificate;
mod queue;

use super::limits::FILE_BODY;
use super::problem::Problem;
use super::{Api, unknown, wrong_method};
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

/// The addresses of the door.
pub(super) fn router(api: &Api) -> Router<Api> {
    let door = Router::new()
        .merge(enqueue::routes())
        .merge(push::routes())
        .merge(push_certificate::routes())
        .merge(escrow::routes())
        .merge(enrollments::routes())
        .merge(queue::routes())
        .layer(DefaultBodyLimit::max(FILE_BODY))
        .route_layer(from_fn_with_state(api.clone(), credentials::record))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(api.clone(), credentials::check))
        .layer(from_fn(form::in_its_form));
    Router::new().route("/version", get(version)).nest("/v1", door)
}

/// Open to everybody, as there.
async fn version() -> Json<Value> {
    Json(json!({ "version": concat!("russet ", env!("CARGO_PKG_VERSION")) }))
}

/// A program that asks for what it may not have is told so, rather than given less.
fn never_given(what: &str) -> Problem {
    Problem::refused(format!("{what} never leaves the server."))
}
