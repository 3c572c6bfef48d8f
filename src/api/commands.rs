//! What an admin tells a device to do: orders, canceling, and the PIN or password that an order set.
//!
//! The audit log names each order, never what is secret in it.

mod history;

use super::Api;
use super::audit::Ended;
use super::auth::Caller;
use super::body::{Body, Path, file};
use super::devices::device_of;
use super::limits::FILE_BODY;
use super::problem::Problem;
use super::show::{Items, Time};
use super::values;
use crate::commands::{self, KeptSecret};
use crate::enrollment::orders::{self, Erase, How, Order, Ordered};
use crate::enrollment::return_to_service::{self, AskedBy};
use crate::events;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use http::StatusCode;
use russet_protocol::command::{GivenCommand, ObliterationBehavior};
use russet_protocol::guard::Limits;
use russet_protocol::{CommandUuid, Secret};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::time::Duration;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/devices/{device}/commands", get(history::list).post(order).delete(cancel_all))
        .route("/devices/{device}/commands/{uuid}", get(history::one).delete(cancel))
        .route("/devices/{device}/commands/{uuid}/secret", get(secret))
        .layer(DefaultBodyLimit::max(FILE_BODY))
}

/// Longest life of a command in seconds: a year.
const LONGEST_LIFE: u64 = 366 * 86_400;

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
    Command {
        request_type: String,
        #[serde(default)]
        keys: Map<String, Value>,
        user: Option<String>,
        after: Option<String>,
        expires_in_seconds: Option<u64>,
        #[serde(default)]
        bulk: bool,
    },
    PropertyList {
        content: String,
        user: Option<String>,
        after: Option<String>,
        expires_in_seconds: Option<u64>,
        #[serde(default)]
        bulk: bool,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Obliteration {
    Default,
    DoNotObliterate,
    ObliterateWithWarning,
    Always,
}

impl Asked {
    /// What is to be done, and how it is queued.
    fn understood(self, api: &Api) -> Result<(Order, How), Problem> {
        let how = |user, after: Option<String>, seconds: Option<u64>, bulk| {
            let after = after.map(CommandUuid::new).transpose();
            let after = after.map_err(|_| Problem::malformed("`after` is no CommandUUID."))?;
            if seconds.is_some_and(|seconds| seconds == 0 || seconds > LONGEST_LIFE) {
                return Err(Problem::malformed("`expires_in_seconds` is between 1 and 31622400, a year."));
            }
            let expires_at = seconds.map(|seconds| api.ctx.now().plus(Duration::from_secs(seconds)));
            Ok(How { user, after, expires_at, bulk })
        };
        let order = match self {
            Self::Refresh {} => Order::Refresh,
            Self::Restart { notify_user } => Order::Restart { notify_user },
            Self::ShutDown {} => Order::ShutDown,
            Self::Lock { message, phone_number, pin } => {
                Order::Lock { message, phone_number, pin: pin.map(Secret::new) }
            }
            Self::ClearPasscode {} => Order::ClearPasscode,
            Self::Erase { pin, preserve_data_plan, disallow_proximity_setup, obliteration, .. } => {
                Order::Erase(Erase {
                    pin: pin.map(Secret::new),
                    preserve_data_plan,
                    disallow_proximity_setup,
                    obliteration: obliteration.map(Into::into),
                    // Made once the device is known.
                    return_to_service: None,
                })
            }
            Self::EnableLostMode { message, phone_number, footnote } => {
                Order::EnableLostMode { message, phone_number, footnote }
            }
            Self::DisableLostMode {} => Order::DisableLostMode,
            Self::PlayLostModeSound {} => Order::PlaySound,
            Self::Locate {} => Order::Locate,
            Self::Command { request_type, keys, user, after, expires_in_seconds, bulk } => {
                let keys = values::keys(keys).map_err(Problem::malformed)?;
                return Ok((Order::Command { request_type, keys }, how(user, after, expires_in_seconds, bulk)?));
            }
            Self::PropertyList { content, user, after, expires_in_seconds, bulk } => {
                let list = file(&content, "content")?;
                let given = GivenCommand::read(&list, Limits::for_body(list.len()))
                    .map_err(|error| Problem::malformed(format!("`content` is no command: {error}.")))?;
                return Ok((Order::Given(given), how(user, after, expires_in_seconds, bulk)?));
            }
        };
        Ok((order, How::default()))
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
) -> Result<Response, Problem> {
    let offer = match &asked {
        Asked::Erase { return_to_service: true, .. } => Some(return_to_service::offer(&api.ctx).await?),
        _ => None,
    };
    let (mut order, how) = asked.understood(&api)?;
    let mut tx = api.ctx.store.begin("order a device").await?;
    let device = device_of(&mut *tx, &device).await?;
    if let (Order::Erase(erase), Some(offer)) = (&mut order, offer) {
        let serial = device.serial.as_ref();
        erase.return_to_service = Some(offer.record(&mut *tx, &api.ctx, serial, AskedBy::Admin).await?);
    }
    let ordered = orders::give(&mut *tx, &api.ctx, &device, order, how).await?;
    tx.commit().await?;
    let told = ordered.iter().map(|one| format!("{} (CommandUUID {})", one.request_type, one.uuid.as_str()));
    let told = told.collect::<Vec<_>>().join(", ");
    let items: Json<Items<ShownOrder>> = Items::of(ordered);
    let mut response = (StatusCode::ACCEPTED, items).into_response();
    response.extensions_mut().insert(Ended(format!("done: {told}")));
    Ok(response)
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
    Problem::not_found("The device has no such command, or it has ended or was forgotten.")
}
