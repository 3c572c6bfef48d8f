//! What is on a device, as it last said: `/devices/{device}/installed-apps` and the other lists, and what stands beside them in
//! `/devices/{device}`. The devices' own words, not to be believed and not to be run.

use super::Api;
use super::body::{Path, Query};
use super::devices::device_of;
use super::problem::Problem;
use super::show::Time;
use crate::directory::certificates::InstalledCertificate;
use crate::directory::installed_apps::InstalledApp;
use crate::directory::installed_profiles::InstalledProfile;
use crate::directory::lists::{self, Entry};
use crate::directory::small_lists::{AvailableUpdate, DeviceUser, ProvisioningProfile, UpdateProgress};
use crate::directory::{devices, inventory};
use crate::ids::DeviceId;
use axum::extract::State;
use axum::routing::{MethodRouter, get};
use axum::{Json, Router};
use russet_protocol::Timestamp;
use russet_protocol::result::{DeviceInformation, ServiceSubscription};
use russet_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Entries of one page, unless less is asked for.
const PAGE: u32 = 1000;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/devices/{device}/installed-apps", list::<InstalledApp>())
        .route("/devices/{device}/certificates", list::<InstalledCertificate>())
        .route("/devices/{device}/profiles", list::<InstalledProfile>())
        .route("/devices/{device}/provisioning-profiles", list::<ProvisioningProfile>())
        .route("/devices/{device}/users", list::<DeviceUser>())
        .route("/devices/{device}/available-updates", list::<AvailableUpdate>())
        .route("/devices/{device}/update-progress", list::<UpdateProgress>())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    after: Option<String>,
    limit: Option<u32>,
}

/// A page of a list, and when the device gave it.
#[derive(Serialize)]
struct Listed {
    items: Vec<Value>,
    /// What `?after=` gets for the next page; none on the last.
    next: Option<String>,
    /// When the device last gave the whole list; none where it never did.
    listed_at: Option<Time>,
    /// How many entries beyond those that are kept the device named.
    left_out: u64,
}

fn list<E: Entry + Send + 'static>() -> MethodRouter<Api> {
    get(page_of::<E>)
}

async fn page_of<E: Entry + Send>(
    State(api): State<Api>,
    Path(device): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<Listed>, Problem> {
    let limit = page.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let mut snapshot = api.ctx.store.read().await?;
    let device = device_of(&mut *snapshot, &device).await?.id;
    let found: Vec<E> = lists::page(&mut *snapshot, device, &page.after.unwrap_or_default(), limit).await?;
    let last = lists::last_listed::<E>(&mut *snapshot, device).await?;
    let is_full = usize::try_from(limit).is_ok_and(|limit| found.len() >= limit);
    let next = found.last().filter(|_| is_full).map(|entry| entry.key().to_owned());
    Ok(Json(Listed {
        items: found.iter().map(shown).collect(),
        next,
        listed_at: last.map(|last| Time(last.at)),
        left_out: last.map_or(0, |last| last.left_out),
    }))
}

/// An entry with its moments as everywhere in the API.
fn shown<E: Entry>(entry: &E) -> Value {
    let mut shown = serde_json::to_value(entry).unwrap_or_default();
    for (column, _) in E::COLUMNS.iter().filter(|(_, is_moment)| *is_moment) {
        if let Some(millis) = shown[*column].as_i64() {
            shown[*column] = Time(Timestamp(millis)).to_string().into();
        }
    }
    shown
}

/// What a device said of itself.
#[derive(Serialize)]
pub(super) struct Facts {
    facts: Map<String, Value>,
    security: Option<Security>,
    service_subscriptions: Vec<Subscription>,
}

/// The security of a device, a sentence each.
#[derive(Serialize)]
struct Security {
    at: Time,
    text: Vec<String>,
}

#[derive(Serialize)]
struct Subscription {
    slot: Option<String>,
    label: Option<String>,
    phone_number: Option<String>,
    iccid: Option<String>,
    eid: Option<String>,
    imei: Option<String>,
    meid: Option<String>,
    home_carrier: Option<String>,
    current_carrier: Option<String>,
    current_mcc: Option<String>,
    current_mnc: Option<String>,
    carrier_settings_version: Option<String>,
    is_roaming: Option<bool>,
    is_data_preferred: Option<bool>,
    is_voice_preferred: Option<bool>,
}

impl From<ServiceSubscription> for Subscription {
    fn from(sim: ServiceSubscription) -> Self {
        Self {
            slot: sim.slot,
            label: sim.label,
            phone_number: sim.phone_number,
            iccid: sim.iccid,
            eid: sim.eid,
            imei: sim.imei,
            meid: sim.meid,
            home_carrier: sim.home_carrier,
            current_carrier: sim.current_carrier,
            current_mcc: sim.current_mcc,
            current_mnc: sim.current_mnc,
            carrier_settings_version: sim.carrier_settings_version,
            is_roaming: sim.is_roaming,
            is_data_preferred: sim.is_data_preferred,
            is_voice_preferred: sim.is_voice_preferred,
        }
    }
}

/// What a device said of itself, from what is stored.
pub(super) async fn facts_of(tx: &mut dyn Tx, device: DeviceId) -> Result<Facts, StoreError> {
    let responses = devices::information(tx, device).await?.as_deref().and_then(inventory::read).unwrap_or_default();
    let security = devices::security(tx, device).await?;
    let security = security.and_then(|(stored, at)| Some((inventory::read(&stored)?, at)));
    let information = DeviceInformation { responses };
    Ok(Facts {
        facts: inventory::facts(&information.responses),
        security: security.map(|(info, at)| Security { at: Time(at), text: inventory::security_in_words(&info) }),
        service_subscriptions: information.subscriptions().into_iter().flatten().map(Into::into).collect(),
    })
}
