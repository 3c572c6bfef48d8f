//! The metadata lookup (`contentMetadataLookup` of `service/config`): names, bundle ids and versions of products, as the
//! store tells them to MDM servers. Unknown products and those the caller may not see are silently left out.

use super::catalogue::{ArtworkShape, Product};
use super::happening::What;
use super::state::State;
use super::world::World;
use axum::Json;
use axum::extract::{Query, State as Shared};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use russet_protocol::Platform;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where it is.
pub(super) const PATH: &str = "/WebObjects/MZStorePlatform.woa/wa/lookup";

pub(super) async fn lookup(
    Shared(state): Shared<Arc<State>>,
    headers: HeaderMap,
    uri: http::Uri,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let ask = |name: &str| query.get(name).map_or("", String::as_str);
    let results = {
        let world = state.world();
        let caller = content_token(&headers).and_then(|token| world.by_bearer(token)).map(|(at, _)| at);
        // The profile is spelled "lockup"; other profiles and versions know nothing.
        if ask("p") == "mdm-lockup" && ask("version") == "2" {
            find(&world, caller, ask("id"), ask("platform"), ask("cc"))
        } else {
            Map::new()
        }
    };
    state.note(
        None,
        What::Request {
            method: "GET".to_owned(),
            call: "lookup".to_owned(),
            query: uri.query().unwrap_or_default().to_owned(),
            body: Value::Null,
            status: Some(200),
            error_number: None,
            event_id: None,
            fault: None,
        },
    );
    let country = ask("cc").to_ascii_uppercase();
    Json(json!({
        "results": results,
        "version": 2,
        "isAuthenticated": false,
        "meta": { "storefront": { "cc": country }, "language": { "tag": ask("l") } },
    }))
    .into_response()
}

/// The content token in the cookie `itvt`.
fn content_token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(http::header::COOKIE)?.to_str().ok()?;
    cookies.split(';').find_map(|cookie| cookie.trim().strip_prefix("itvt="))
}

fn find(world: &World, caller: Option<usize>, ids: &str, platform: &str, country: &str) -> Map<String, Value> {
    let owned = |product: &Product| {
        let location = caller.and_then(|at| world.locations.get(at));
        location.is_some_and(|location| location.assets.keys().any(|asset| asset.adam_id.0 == product.adam_id))
    };
    let sold_here = |product: &Product| {
        product.countries.is_empty() || product.countries.iter().any(|each| each.eq_ignore_ascii_case(country))
    };
    let fits = |product: &&Product| {
        product.has_metadata
            && sold_here(product)
            && (!product.custom || owned(product))
            && (platform != "macappstore" || product.platforms.contains(&Platform::MacOs))
    };
    let wanted = ids.split(',').filter_map(|id| id.trim().parse::<u64>().ok());
    let found = wanted.filter_map(|id| world.products.get(&id)).filter(fits);
    found.map(|product| (product.adam_id.to_string(), describe(product))).collect()
}

fn describe(product: &Product) -> Value {
    let picture = format!("https://is1-ssl.mzstatic.example/image/{}", product.adam_id);
    let artwork = match product.artwork {
        ArtworkShape::Template => json!({
            "url": format!("{picture}/{{w}}x{{h}}bb.{{f}}"), "width": 1024, "height": 1024,
        }),
        ArtworkShape::Sizes => [60_u32, 100, 512]
            .map(|size| json!({ "url": format!("{picture}/{size}x{size}bb.png"), "width": size, "height": size }))
            .into(),
    };
    let mobile = product.platforms.iter().any(|platform| platform.is_ios_family());
    let kind = match (product.is_app(), mobile) {
        (false, _) => "ebook",
        (true, true) => "iosSoftware",
        (true, false) => "macSoftware",
    };
    let families: Vec<&str> = product.platforms.iter().map(|platform| family(*platform)).collect();
    json!({
        "id": product.adam_id.to_string(),
        "name": product.name,
        "bundleId": product.bundle_id,
        "artistName": product.seller,
        "artwork": artwork,
        "kind": kind,
        "deviceFamilies": families,
        "minimumOSVersion": product.minimum_os_version,
        "isVppDeviceBasedLicensingEnabled": product.device_assignable,
        "isB2BCustomApp": product.custom,
        "url": format!("https://apps.example/app/id{}", product.adam_id),
        "genres": [{ "name": "Business", "genreId": "6000" }],
        "offers": [{
            "price": product.price,
            "version": { "display": product.version, "externalId": product.external_version_id },
        }],
    })
}

/// The lookup's word for a platform.
fn family(platform: Platform) -> &'static str {
    match platform {
        Platform::Ios => "iphone",
        Platform::IpadOs => "ipad",
        Platform::MacOs => "mac",
        Platform::TvOs => "tvos",
        Platform::VisionOs => "realityDevice",
        Platform::WatchOs => "watch",
    }
}
