//! `/devices`: what is known of each device. A device is named by its id, serial
//! number, UDID, or a name that only one device has.

use super::Api;
use super::body::{Path, Query};
use super::enrollments;
use super::inventory;
use super::problem::Problem;
use super::show::{Items, Time};
use super::users::ShownOwner;
use crate::apps::AppsError;
use crate::directory::devices::{self, Device};
use crate::directory::standing::{self, Standing};
use crate::enrollment::channels::{self, LiveChannel};
use crate::enrollment::declarations;
use crate::enrollment::silence::{self, Silence};
use crate::ids::DeviceId;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use russet_protocol::Timestamp;
use russet_store::Tx;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Devices of one page, unless less is asked for.
const PAGE: u32 = 1000;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/devices", get(list))
        .route("/devices/{device}", get(one))
        .route("/devices/{device}/declarative-status", get(declarative_status))
}

/// The device that a person means.
pub(super) async fn device_of(tx: &mut dyn Tx, text: &str) -> Result<Device, Problem> {
    match devices::find(tx, text).await? {
        Some(device) => Ok(device),
        None if devices::is_shared_name(tx, text).await? => {
            Err(Problem::conflict("More than one device is called that.")
                .next("Name the device by its serial number; `russet admin devices list` shows it."))
        }
        None => Err(AppsError::NoSuchDevice.into()),
    }
}

#[derive(Serialize)]
struct Shown {
    id: DeviceId,
    name: Option<String>,
    serial_number: Option<String>,
    udid: Option<String>,
    enrollment_id: Option<String>,
    platform: Option<&'static str>,
    product_name: Option<String>,
    model: Option<String>,
    model_name: Option<String>,
    os_version: Option<String>,
    build_version: Option<String>,
    supervised: Option<bool>,
    /// The user it belongs to.
    owner: Option<ShownOwner>,
    created_at: Time,
    last_seen_at: Option<Time>,
    information_at: Option<Time>,
    enrollment: Enrollment,
}

/// How a device stands.
#[derive(Serialize)]
struct Enrollment {
    /// `live`, `leaving` (asked to remove its enrollment), `wiped` (it acknowledged its erasure and is silent since), or `none`.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Time>,
    /// When a silent device was last heard; none for one that is not silent.
    silent_since: Option<Time>,
    /// That in words.
    silence: Option<String>,
}

impl Enrollment {
    fn of(channel: Option<&LiveChannel>, silence: Option<&Silence>, now: Timestamp) -> Self {
        let state = match channel {
            Some(live) if live.wiped => "wiped",
            Some(live) if live.leaving => "leaving",
            Some(_) => "live",
            None => "none",
        };
        Self {
            state,
            since: channel.map(|live| Time(live.live_at)),
            silent_since: silence.map(|silence| Time(silence.since)),
            silence: silence.map(|silence| silence.in_words(now)),
        }
    }
}

impl Shown {
    fn of(device: Device, enrollment: Enrollment) -> Self {
        Self {
            id: device.id,
            platform: device.platform().map(russet_protocol::Platform::as_str),
            name: device.name,
            serial_number: device.serial.map(Into::into),
            udid: device.udid.map(Into::into),
            enrollment_id: device.user_enrollment_id.map(Into::into),
            product_name: device.product_name,
            model: device.model,
            model_name: device.model_name,
            os_version: device.os_version,
            build_version: device.build,
            supervised: device.supervised,
            owner: device.owner.map(Into::into),
            created_at: Time(device.created_at),
            last_seen_at: device.seen_at.map(Time),
            information_at: device.information_at.map(Time),
            enrollment,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    after: Option<DeviceId>,
    limit: Option<u32>,
    /// Only those that are enrolled and silent.
    #[serde(default)]
    silent: bool,
}

/// In the order of their first appearance; `?after=ID` goes on from there.
async fn list(State(api): State<Api>, Query(page): Query<Page>) -> Result<Json<Items<Shown>>, Problem> {
    let limit = page.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let mut snapshot = api.ctx.store.read().await?;
    let found = if page.silent {
        let ids = silence::list(&mut *snapshot, &api.ctx, page.after, limit).await?;
        let mut found = devices::of_ids(&mut *snapshot, &ids).await?;
        found.sort_by_key(|device| device.id);
        found
    } else {
        devices::list(&mut *snapshot, page.after, limit).await?
    };
    let ids: Vec<DeviceId> = found.iter().map(|device| device.id).collect();
    let live = channels::live_of_devices(&mut *snapshot, &ids).await?;
    let live: HashMap<DeviceId, &LiveChannel> = live.iter().map(|channel| (channel.device, channel)).collect();
    let silent = silence::of_devices(&mut *snapshot, &api.ctx, &ids).await?;
    let now = api.ctx.now();
    let shown = |device: Device| {
        let enrollment = Enrollment::of(live.get(&device.id).copied(), silent.get(&device.id), now);
        Shown::of(device, enrollment)
    };
    Ok(Items::of(found.into_iter().map(shown)))
}

/// What the device acknowledged. Whether it was unlocked since is not known.
#[derive(Serialize)]
struct ShownStanding {
    wiped_at: Option<Time>,
    locked_at: Option<Time>,
    lost_mode_since: Option<Time>,
}

impl From<Standing> for ShownStanding {
    fn from(standing: Standing) -> Self {
        let Standing { wiped_at, locked_at, lost_mode_since } = standing;
        Self {
            wiped_at: wiped_at.map(Time),
            locked_at: locked_at.map(Time),
            lost_mode_since: lost_mode_since.map(Time),
        }
    }
}

/// A device with everything that is known of it.
#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    device: Shown,
    #[serde(flatten)]
    said: inventory::Facts,
    standing: ShownStanding,
    /// Newest first.
    enrollments: Vec<enrollments::Shown>,
}

async fn one(State(api): State<Api>, Path(device): Path<String>) -> Result<Json<Whole>, Problem> {
    let mut snapshot = api.ctx.store.read().await?;
    let device = device_of(&mut *snapshot, &device).await?;
    let live = channels::live_of_device(&mut *snapshot, device.id).await?;
    let enrollments = channels::enrollments_of_device(&mut *snapshot, device.id).await?;
    let silent = silence::of_devices(&mut *snapshot, &api.ctx, &[device.id]).await?;
    let enrolled = Enrollment::of(live.as_ref(), silent.get(&device.id), api.ctx.now());
    let said = inventory::facts_of(&mut *snapshot, device.id).await?;
    let standing = standing::of_device(&mut *snapshot, device.id).await?;
    Ok(Json(Whole {
        device: Shown::of(device, enrolled),
        said,
        standing: standing.into(),
        enrollments: enrollments.into_iter().map(Into::into).collect(),
    }))
}

/// What a channel of a device reports by declarative management: the device's own words, not to be believed.
#[derive(Serialize)]
struct Reported {
    /// The user; none for the device itself.
    user: Option<String>,
    received_at: Time,
    /// `StatusItems`, merged from all reports, and the `Errors` of the last.
    report: serde_json::Value,
}

impl From<declarations::Reported> for Reported {
    fn from(reported: declarations::Reported) -> Self {
        Self { user: reported.user, received_at: Time(reported.received_at), report: reported.report }
    }
}

/// What the device and its users report about themselves.
async fn declarative_status(
    State(api): State<Api>,
    Path(device): Path<String>,
) -> Result<Json<Items<Reported>>, Problem> {
    let mut snapshot = api.ctx.store.read().await?;
    let device = device_of(&mut *snapshot, &device).await?.id;
    Ok(Items::of(declarations::status_of_device(&mut *snapshot, device).await?))
}
