//! `/health` and `/ready`, which need no token, and `/status`: what there is, in numbers.

use super::problem::Problem;
use super::show::Time;
use super::{Api, expiries};
use crate::enrollment::channels;
use crate::licenses::assets;
use crate::{apps, commands, directory, push};
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
    let certificates = expiries::all(&api.ctx).await?;
    let mut snapshot = api.ctx.store.read().await?;
    let tx = &mut *snapshot;
    let licenses = assets::counts(tx).await?;
    let push = push::certificates::current(tx).await?;
    Ok(Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "organization": config.organization,
        "public_url": config.device.public_url,
        "counts": {
            "devices": directory::devices::count(tx).await?,
            "enrolled": channels::live_count(tx).await?,
            "apps": apps::list(tx).await?.len(),
            "licenses": {
                "assigned": licenses.assigned,
                "under_way": licenses.under_way,
                "waiting": licenses.waiting,
                "failed": licenses.failed,
            },
            "open_commands": commands::open_count(tx).await?,
        },
        "push_certificate": push.map(|certificate| json!({
            "topic": certificate.topic,
            "not_after": Time(certificate.not_after),
            "refused": certificate.refused().map(|(reason, _)| reason),
        })),
        "certificates": certificates,
    })))
}
