//! The control door of the simulated Apps and Books service: plain HTTP on loopback, for tests and curious people. A
//! location is named by its `uId`, or by its name with everything but letters and digits percent-encoded.
//!
//! | Call | Does |
//! |---|---|
//! | `GET /_sim/locations` | the locations with their licenses, who manages them, and their webhook's URL |
//! | `GET /_sim/locations/{l}/vpptoken` | the text of the newest valid `.vpptoken` |
//! | `POST /_sim/locations/{l}/tokens` | another one; body `{"validForSeconds":N?,"readOnly":false?}` |
//! | `DELETE /_sim/locations/{l}/tokens` | revokes all of them |
//! | `POST /_sim/locations/{l}/licenses` | buys (or with a negative `count` refunds); body `{"adamId":N,"pricingParam":"STDQ"?,"count":N}` |
//! | `POST /_sim/transfers` | moves free licenses; body `{"from":L,"to":L,"adamId":N,"pricingParam":"STDQ"?,"count":N}` |
//! | `PUT`, `DELETE /_sim/locations/{l}/mdm-info` | another MDM server takes the location over (`{"id","name","metadata"}`), or lets go |
//! | `GET /_sim/assignments?serialNumber=S` | Apple's truth about every license ever asked for ([`super::AssignmentTruth`]) |
//! | `GET /_sim/journal?since=N` | what happened after entry N ([`super::Happening`]) |
//! | `GET`, `PUT /_sim/settings` | delays, page size, limits ([`super::Settings`]; what is left out gets its default) |
//! | `GET`, `POST`, `DELETE /_sim/faults` | list, order ([`super::Fault`] as JSON), cancel faults |
//! | `GET`, `POST /_sim/products` | what the store sells; adds or replaces a [`super::Product`] |
//! | `POST /_sim/products/{adamId}/version` | a new version comes out; body `{"version":"2.1","externalVersionId":N?}` |
//! | `GET /_sim/store/{adamId}?serialNumber=S` | the store door for devices (see [`super::store_door`]) |
//! | `GET /_sim/clock`, `POST /_sim/clock?advanceSeconds=N` | the simulation's time, and moving it |

use super::catalogue::Product;
use super::settings::{Fault, Settings};
use super::state::State;
use super::wire::{AssetRef, MdmInfo};
use super::{happening::Happening, history::AssignmentTruth, overview};
use crate::journal::Entry;
use axum::extract::{Path, Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use russet_protocol::{AdamId, PricingParam};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

type Sim = Shared<Arc<State>>;

pub(super) fn router(state: Arc<State>) -> Router {
    let clock = state.clock.clone();
    Router::new()
        .route("/_sim/locations", get(locations))
        .route("/_sim/locations/{location}/vpptoken", get(vpptoken))
        .route("/_sim/locations/{location}/tokens", post(issue_token).delete(revoke_tokens))
        .route("/_sim/locations/{location}/licenses", post(purchase))
        .route("/_sim/locations/{location}/mdm-info", put(take_over).delete(let_go))
        .route("/_sim/transfers", post(transfer))
        .route("/_sim/assignments", get(assignments))
        .route("/_sim/journal", get(journal))
        .route("/_sim/settings", get(settings).put(change_settings))
        .route("/_sim/faults", get(faults).post(order).delete(cancel))
        .route("/_sim/products", get(products).post(add_product))
        .route("/_sim/products/{adam_id}/version", post(release_version))
        .route("/_sim/store/{adam_id}", get(super::store_door::ask))
        .with_state(state)
        .merge(crate::apns::control::clock_router(clock))
}

/// Refusals of the control door, in words.
struct Refused(StatusCode, String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, self.1 + "\n").into_response()
    }
}

fn no_location(name: &str) -> Refused {
    Refused(StatusCode::NOT_FOUND, format!("There is no location {name}; GET /_sim/locations lists them."))
}

fn place(state: &State, name: &str) -> Result<usize, Refused> {
    state.world().find(name).ok_or_else(|| no_location(name))
}

async fn locations(Shared(state): Sim) -> Json<Vec<overview::LocationView>> {
    Json(state.world().overview(state.clock.now()))
}

async fn vpptoken(Shared(state): Sim, Path(name): Path<String>) -> Result<String, Refused> {
    let at = place(&state, &name)?;
    let world = state.world();
    let token = world.locations.get(at).and_then(super::world::Location::token);
    token.map(|token| token.text.clone()).ok_or_else(|| {
        let text = "Every token of this location is revoked; POST …/tokens makes another.";
        Refused(StatusCode::NOT_FOUND, text.to_owned())
    })
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct NewToken {
    valid_for_seconds: Option<u64>,
    read_only: bool,
}

async fn issue_token(
    Shared(state): Sim,
    Path(name): Path<String>,
    Json(asked): Json<NewToken>,
) -> Result<String, Refused> {
    let at = place(&state, &name)?;
    let now = state.clock.now();
    let mut world = state.world();
    let location = world.location_mut(at).map_err(|_| no_location(&name))?;
    Ok(location.issue_token(now, asked.valid_for_seconds.map(Duration::from_secs), asked.read_only))
}

async fn revoke_tokens(Shared(state): Sim, Path(name): Path<String>) -> Result<StatusCode, Refused> {
    let at = place(&state, &name)?;
    if let Ok(location) = state.world().location_mut(at) {
        location.tokens.iter_mut().for_each(|token| token.revoked = true);
    }
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Purchase {
    adam_id: u64,
    #[serde(default)]
    pricing_param: PricingParam,
    count: i64,
}

impl Purchase {
    fn key(&self) -> AssetRef {
        AssetRef { adam_id: AdamId(self.adam_id), pricing_param: self.pricing_param }
    }
}

fn no_product(adam_id: u64) -> Refused {
    Refused(StatusCode::NOT_FOUND, format!("The store has no product {adam_id}; GET /_sim/products lists them."))
}

async fn purchase(
    Shared(state): Sim,
    Path(name): Path<String>,
    Json(asked): Json<Purchase>,
) -> Result<StatusCode, Refused> {
    let at = place(&state, &name)?;
    let now = state.clock.now();
    if !state.world().purchase(at, &asked.key(), asked.count, now) {
        return Err(no_product(asked.adam_id));
    }
    state.ring();
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Transfer {
    from: String,
    to: String,
    adam_id: u64,
    #[serde(default)]
    pricing_param: PricingParam,
    count: u32,
}

async fn transfer(Shared(state): Sim, Json(asked): Json<Transfer>) -> Result<StatusCode, Refused> {
    let (from, to) = (place(&state, &asked.from)?, place(&state, &asked.to)?);
    let key = AssetRef { adam_id: AdamId(asked.adam_id), pricing_param: asked.pricing_param };
    let now = state.clock.now();
    {
        let mut world = state.world();
        let free = world.available(from, &key, now);
        if free < u64::from(asked.count) {
            let text = format!("Only {free} licenses are free there; nothing was moved.");
            return Err(Refused(StatusCode::CONFLICT, text));
        }
        world.purchase(from, &key, -i64::from(asked.count), now);
        world.purchase(to, &key, i64::from(asked.count), now);
    }
    state.ring();
    Ok(StatusCode::NO_CONTENT)
}

async fn take_over(
    Shared(state): Sim,
    Path(name): Path<String>,
    Json(info): Json<MdmInfo>,
) -> Result<StatusCode, Refused> {
    set_mdm_info(&state, &name, Some(info))
}

async fn let_go(Shared(state): Sim, Path(name): Path<String>) -> Result<StatusCode, Refused> {
    set_mdm_info(&state, &name, None)
}

fn set_mdm_info(state: &State, name: &str, info: Option<MdmInfo>) -> Result<StatusCode, Refused> {
    let at = place(state, name)?;
    if let Ok(location) = state.world().location_mut(at) {
        location.mdm_info = info;
    }
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfDevice {
    serial_number: Option<String>,
}

async fn assignments(Shared(state): Sim, Query(wanted): Query<OfDevice>) -> Json<Vec<AssignmentTruth>> {
    let serial = wanted.serial_number.map(|serial| super::licensing::normalized(&serial));
    let mut truth = state.world().truth(state.clock.now());
    truth.retain(|row| serial.is_none() || row.serial_number == serial);
    Json(truth)
}

async fn journal(Shared(state): Sim, Query(query): Query<crate::apns::control::Since>) -> Json<Vec<Entry<Happening>>> {
    Json(state.journal.since(query.since))
}

async fn settings(Shared(state): Sim) -> Json<Settings> {
    Json(state.world().settings.clone())
}

async fn change_settings(Shared(state): Sim, Json(settings): Json<Settings>) -> StatusCode {
    state.world().settings = settings;
    StatusCode::NO_CONTENT
}

async fn faults(Shared(state): Sim) -> Json<Vec<Fault>> {
    Json(state.world().faults.0.clone())
}

async fn order(Shared(state): Sim, Json(fault): Json<Fault>) -> StatusCode {
    state.world().faults.0.push(fault);
    StatusCode::NO_CONTENT
}

async fn cancel(Shared(state): Sim) -> StatusCode {
    state.world().faults.0.clear();
    StatusCode::NO_CONTENT
}

async fn products(Shared(state): Sim) -> Json<Vec<Product>> {
    Json(state.world().products.values().cloned().collect())
}

async fn add_product(Shared(state): Sim, Json(product): Json<Product>) -> StatusCode {
    state.world().products.insert(product.adam_id, product);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewVersion {
    version: String,
    external_version_id: Option<u64>,
}

async fn release_version(
    Shared(state): Sim,
    Path(adam_id): Path<u64>,
    Json(new): Json<NewVersion>,
) -> Result<StatusCode, Refused> {
    let released = state.world().release(adam_id, new.version, new.external_version_id);
    if released { Ok(StatusCode::NO_CONTENT) } else { Err(no_product(adam_id)) }
}
