//! The store as a device meets it: which app this is, and whether the device has a license that the store sees by now.
//! Plain HTTP on the control listener, `GET /_sim/store/{adamId}?serialNumber=S`.

use super::happening::What;
use super::state::State;
use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use russet_protocol::AdamId;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Device {
    #[serde(default)]
    serial_number: String,
}

pub(super) async fn ask(
    Shared(state): Shared<Arc<State>>,
    Path(adam_id): Path<u64>,
    Query(device): Query<Device>,
) -> Response {
    let serial_number = super::licensing::normalized(&device.serial_number);
    let (product, licensed) = {
        let world = state.world();
        let licensed = world.licensed(adam_id, &serial_number, state.clock.now());
        (world.products.get(&adam_id).cloned(), licensed)
    };
    state.note(None, What::StoreAsked { adam_id: AdamId(adam_id), serial_number, licensed });
    let Some(product) = product else {
        return (StatusCode::NOT_FOUND, "The store has no such product.\n").into_response();
    };
    Json(json!({
        "adamId": product.adam_id,
        "bundleId": product.bundle_id,
        "name": product.name,
        "platforms": product.platforms,
        "externalVersionId": product.external_version_id,
        "version": product.version,
        "minimumOsVersion": product.minimum_os_version,
        "licensed": licensed,
    }))
    .into_response()
}
