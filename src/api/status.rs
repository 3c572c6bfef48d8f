//! `/health` and `/ready`, which need no token, and `/status`: what there is, in numbers.

use super::Api;
use super::problem::Problem;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

/// What watchers reach without a token.
pub(super) fn open_routes() -> Router<Api> {
    Router::new().route("/health", get(health)).route("/ready", get(ready))
}

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/status", get(status))
}

/// The process runs.
async fn health() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// The process can do its work: its database answers.
async fn ready(State(api): State<Api>) -> Result<Json<Value>, Problem> {
    api.ctx.store.lease_holder("readiness", api.ctx.now().millis()).await?;
    Ok(Json(json!({ "status": "ok" })))
}

async fn status(State(api): State<Api>) -> Result<Json<Value>, Problem> {
    let config = &api.ctx.config;
    Ok(Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "organization": config.organization,
        "public_url": config.device.public_url,
    })))
}
