//! The enrollments of devices: how they stand, their end, and those that are held until an admin decides.

use super::Api;
use super::body::Path;
use super::devices::device_of;
use super::problem::Problem;
use super::show::{Items, Time};
use crate::enrollment::channels::Shown as Enrollment;
use crate::enrollment::held::{self, Held};
use crate::enrollment::identity::State as Standing;
use crate::enrollment::{renewal, unenroll};
use crate::ids::EnrollmentId;
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/devices/{device}/unenroll", post(end))
        .route("/devices/{device}/renew-identity", post(renew))
        .route("/enrollments/held", get(list_held))
        .route("/enrollments/{id}/release", post(release))
        .route("/enrollments/{id}/reject", post(reject))
}

/// An enrollment, as a device shows it.
#[derive(Serialize)]
pub(super) struct Shown {
    id: EnrollmentId,
    /// `offered`, `enrolling`, `live`, `held`, `rejected`, `ended`.
    state: &'static str,
    reason: Option<String>,
    topic: String,
    authenticated_at: Option<Time>,
    live_at: Option<Time>,
    ended_at: Option<Time>,
    /// The last moment of the newest identity it has used.
    identity_ends_at: Option<Time>,
    /// Since when a renewal of its identity waits for the device.
    renewing_since: Option<Time>,
}

impl From<Enrollment> for Shown {
    fn from(enrollment: Enrollment) -> Self {
        Self {
            id: enrollment.id,
            state: word(enrollment.state),
            reason: enrollment.reason,
            topic: enrollment.topic,
            authenticated_at: enrollment.authenticated_at.map(Time),
            live_at: enrollment.live_at.map(Time),
            ended_at: enrollment.ended_at.map(Time),
            identity_ends_at: enrollment.identity_ends_at.map(Time),
            renewing_since: enrollment.renewing_since.map(Time),
        }
    }
}

fn word(state: Standing) -> &'static str {
    match state {
        Standing::Offered => "offered",
        Standing::Enrolling => "enrolling",
        Standing::Live => "live",
        Standing::Held => "held",
        Standing::Rejected => "rejected",
        Standing::Ended => "ended",
    }
}

/// Asks the device to remove its enrollment profile; its licenses go back when it has.
async fn end(State(api): State<Api>, Path(device): Path<String>) -> Result<(StatusCode, Json<Value>), Problem> {
    let mut tx = api.ctx.store.begin("unenroll a device").await?;
    let device = device_of(&mut *tx, &device).await?.id;
    let command = unenroll(&mut *tx, &api.ctx, device).await?;
    tx.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "command_uuid": command }))))
}

/// Gives the device a new identity now; it is asked to within seconds.
async fn renew(State(api): State<Api>, Path(device): Path<String>) -> Result<StatusCode, Problem> {
    let device = device_of(&mut *api.ctx.store.read().await?, &device).await?.id;
    renewal::request(&api.ctx, device).await?;
    Ok(StatusCode::ACCEPTED)
}

#[derive(Serialize)]
struct ShownHeld {
    id: EnrollmentId,
    udid: Option<String>,
    serial_number: Option<String>,
    reason: String,
    since: Time,
}

impl From<Held> for ShownHeld {
    fn from(held: Held) -> Self {
        let Held { id, udid, serial, reason, since } = held;
        Self { id, udid, serial_number: serial, reason, since: Time(since) }
    }
}

async fn list_held(State(api): State<Api>) -> Result<Json<Items<ShownHeld>>, Problem> {
    Ok(Items::of(held::list(&mut *api.ctx.store.read().await?).await?))
}

/// Vouches for a held enrollment: it takes the place of the other one.
async fn release(State(api): State<Api>, Path(id): Path<EnrollmentId>) -> Result<StatusCode, Problem> {
    held::release(&api.ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Turns a held enrollment away.
async fn reject(State(api): State<Api>, Path(id): Path<EnrollmentId>) -> Result<StatusCode, Problem> {
    held::reject(&api.ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
