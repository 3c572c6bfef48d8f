//! The commands of a device: what is under way and what came of it; orders of an admin; canceling; the PIN that an order set.

use super::Api;
use super::auth::Caller;
use super::body::{Body, Path};
use super::devices::device_of;
use super::problem::Problem;
use super::show::{Items, Time};
use crate::commands::{self, KeptSecret, OpenCommand, Outcome};
use crate::enrollment::orders::{self, Erase, Order, Ordered};
use crate::events;
use axum::extract::State;
use axum::routing::{delete, get};
use axum::{Extension, Json, Router};
use http::StatusCode;
use russet_protocol::command::ObliterationBehavior;
use russet_protocol::result::ErrorChainItem;
use russet_protocol::{CommandUuid, Secret};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/devices/{device}/commands", get(queue).post(order).delete(cancel_all))
        .route("/devices/{device}/commands/{uuid}", delete(cancel))
        .route("/devices/{device}/commands/{uuid}/secret", get(secret))
}

/// An order, as a client writes it.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Asked {
    Refresh {},
    Restart {
        notify_user: Option<bool>,
    },
    ShutDown {},
    Lock {
        message: Option<String>,
        phone_number: Option<String>,
        pin: Option<String>,
    },
    ClearPasscode {},
    Erase {
        pin: Option<String>,
        preserve_data_plan: Option<bool>,
        disallow_proximity_setup: Option<bool>,
        obliteration: Option<Obliteration>,
        #[serde(default)]
        return_to_service: bool,
    },
    EnableLostMode {
        message: Option<String>,
        phone_number: Option<String>,
        footnote: Option<String>,
    },
    DisableLostMode {},
    PlayLostModeSound {},
    Locate {},
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Obliteration {
    Default,
    DoNotObliterate,
    ObliterateWithWarning,
    Always,
}

impl From<Asked> for Order {
    fn from(asked: Asked) -> Self {
        match asked {
            Asked::Refresh {} => Self::Refresh,
            Asked::Restart { notify_user } => Self::Restart { notify_user },
            Asked::ShutDown {} => Self::ShutDown,
            Asked::Lock { message, phone_number, pin } => {
                Self::Lock { message, phone_number, pin: pin.map(Secret::new) }
            }
            Asked::ClearPasscode {} => Self::ClearPasscode,
            Asked::Erase { pin, preserve_data_plan, disallow_proximity_setup, obliteration, return_to_service } => {
                Self::Erase(Erase {
                    pin: pin.map(Secret::new),
                    preserve_data_plan,
                    disallow_proximity_setup,
                    obliteration: obliteration.map(Into::into),
                    return_to_service,
                })
            }
            Asked::EnableLostMode { message, phone_number, footnote } => {
                Self::EnableLostMode { message, phone_number, footnote }
            }
            Asked::DisableLostMode {} => Self::DisableLostMode,
            Asked::PlayLostModeSound {} => Self::PlaySound,
            Asked::Locate {} => Self::Locate,
        }
    }
}

impl From<Obliteration> for ObliterationBehavior {
    fn from(asked: Obliteration) -> Self {
        match asked {
            Obliteration::Default => Self::Default,
            Obliteration::DoNotObliterate => Self::DoNotObliterate,
            Obliteration::ObliterateWithWarning => Self::ObliterateWithWarning,
            Obliteration::Always => Self::Always,
        }
    }
}

#[derive(Serialize)]
struct ShownOrder {
    command_uuid: CommandUuid,
    request_type: String,
    /// Whether it set a PIN, which `GET …/secret` shows.
    keeps_secret: bool,
}

impl From<Ordered> for ShownOrder {
    fn from(ordered: Ordered) -> Self {
        let Ordered { uuid, request_type, keeps_secret } = ordered;
        Self { command_uuid: uuid, request_type, keeps_secret }
    }
}

/// Tells a device to do something.
async fn order(
    State(api): State<Api>,
    Path(device): Path<String>,
    Body(asked): Body<Asked>,
) -> Result<(StatusCode, Json<Items<ShownOrder>>), Problem> {
    let mut tx = api.ctx.store.begin("order a device").await?;
    let device = device_of(&mut *tx, &device).await?;
    let ordered = orders::give(&mut *tx, &api.ctx, &device, asked.into()).await?;
    tx.commit().await?;
    Ok((StatusCode::ACCEPTED, Items::of(ordered)))
}

/// Cancels one open command, delivered or not. A device that has it already may still carry it out.
async fn cancel(State(api): State<Api>, Path((device, uuid)): Path<(String, String)>) -> Result<StatusCode, Problem> {
    let mut tx = api.ctx.store.begin("cancel a command").await?;
    let device = device_of(&mut *tx, &device).await?.id;
    if !orders::cancel(&mut *tx, &api.ctx, device, &known(uuid)?).await? {
        return Err(no_such_command());
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Cancels all open commands of a device.
async fn cancel_all(State(api): State<Api>, Path(device): Path<String>) -> Result<Json<Value>, Problem> {
    let mut tx = api.ctx.store.begin("cancel all commands of a device").await?;
    let device = device_of(&mut *tx, &device).await?.id;
    let canceled = orders::cancel_all(&mut *tx, &api.ctx, device).await?;
    tx.commit().await?;
    Ok(Json(json!({ "canceled": canceled })))
}

/// The PIN or password that a command set on the device. Whoever asks is written down first.
async fn secret(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Path((device, uuid)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let subject = format!("/api/v1/devices/{device}/commands/{uuid}/secret");
    let action = "GET /devices/{device}/commands/{uuid}/secret";
    let entry = events::begin(&api.ctx, &caller.actor(), action, &subject).await?;
    let found = kept(&api, &device, uuid).await;
    let outcome = if found.is_ok() { "done" } else { "refused: urn:russet:not-found" };
    events::end(&api.ctx, entry, outcome).await?;
    let KeptSecret { name, text, created_at } = found?;
    Ok(Json(json!({ "name": name, "secret": text.as_str(), "created_at": Time(created_at) })))
}

async fn kept(api: &Api, device: &str, uuid: String) -> Result<KeptSecret, Problem> {
    let mut snapshot = api.ctx.store.read().await?;
    let device = device_of(&mut *snapshot, device).await?.id;
    let kept = commands::reveal(&mut *snapshot, &api.ctx, device, &known(uuid)?).await?;
    kept.ok_or_else(|| Problem::not_found("This command of this device set no PIN and no password."))
}

fn known(uuid: String) -> Result<CommandUuid, Problem> {
    CommandUuid::new(uuid).map_err(|_| no_such_command())
}

fn no_such_command() -> Problem {
    Problem::not_found("The device has no such open command.")
}

/// A command, open or ended. What the device said is its own text: not to be believed, and not to be run.
#[derive(Serialize)]
struct ShownCommand {
    command_uuid: String,
    request_type: String,
    purpose: String,
    /// `queued`, `delivered`, `not_now`; ended: `done`, `failed`, `dropped`, `expired`.
    state: &'static str,
    open: bool,
    reason: Option<String>,
    error_chain: Vec<ErrorChainItem>,
    rejection_reason: Option<String>,
    waits_for: Option<String>,
    created_at: Time,
    delivered_at: Option<Time>,
    not_now_at: Option<Time>,
    expires_at: Option<Time>,
    ended_at: Option<Time>,
}

impl From<OpenCommand> for ShownCommand {
    fn from(command: OpenCommand) -> Self {
        Self {
            command_uuid: command.sent_as.unwrap_or(command.uuid).into(),
            request_type: command.request_type,
            purpose: command.purpose.to_string(),
            state: command.state.as_str(),
            open: true,
            reason: None,
            error_chain: Vec::new(),
            rejection_reason: None,
            waits_for: command.waits_for.map(Into::into),
            created_at: Time(command.created_at),
            delivered_at: command.delivered_at.map(Time),
            not_now_at: command.not_now_at.map(Time),
            expires_at: command.expires_at.map(Time),
            ended_at: None,
        }
    }
}

impl From<Outcome> for ShownCommand {
    fn from(command: Outcome) -> Self {
        Self {
            command_uuid: command.sent_as.unwrap_or(command.uuid).into(),
            request_type: command.request_type,
            purpose: command.purpose.to_string(),
            state: command.state.as_str(),
            open: false,
            reason: command.reason,
            error_chain: command.error_chain,
            rejection_reason: command.rejection,
            waits_for: None,
            created_at: Time(command.created_at),
            delivered_at: command.delivered_at.map(Time),
            not_now_at: None,
            expires_at: None,
            ended_at: Some(Time(command.ended_at)),
        }
    }
}

/// The open commands in the order of the queue, then the last ones that ended, newest first.
async fn queue(State(api): State<Api>, Path(device): Path<String>) -> Result<Json<Items<ShownCommand>>, Problem> {
    let mut snapshot = api.ctx.store.read().await?;
    let device = device_of(&mut *snapshot, &device).await?.id;
    let open = commands::open_of_device(&mut *snapshot, device).await?;
    let ended = commands::history_of_device(&mut *snapshot, device).await?;
    let all: Vec<ShownCommand> = open.into_iter().map(Into::into).chain(ended.into_iter().map(Into::into)).collect();
    Ok(Items::of(all))
}
