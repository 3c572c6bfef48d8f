//! `/v1/enrollments/query`: which channels there are. Names of users were chosen by devices: hostile text.

use super::super::Api;
use super::super::body::Query as InAddress;
use super::super::problem::Problem;
use super::super::show::Time;
use super::never_given;
use super::page::Page;
use crate::directory::devices;
use crate::enrollment::addresses::{self, Found, Kind, LONGEST_LIST, Query};
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/enrollments/query", post(query))
}

#[derive(Default, Deserialize)]
struct Asked {
    filter: Option<Filter>,
    options: Option<Options>,
    pagination: Option<Page>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Filter {
    ids: Option<Vec<String>>,
    serials: Option<Vec<String>>,
    user_short_names: Option<Vec<String>>,
    types: Option<Vec<String>>,
    enabled: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Options {
    include_device_cert: bool,
    include_unlock_token: bool,
}

#[derive(Serialize)]
struct Shown {
    enrollments: Vec<One>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(Serialize)]
struct One {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    device: OfDevice,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<OfUser>,
    enabled: bool,
    token_update_tally: i64,
    last_seen: Time,
}

#[derive(Serialize)]
struct OfDevice {
    #[serde(skip_serializing_if = "Option::is_none")]
    serial_number: Option<String>,
    /// PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    device_cert: Option<String>,
}

#[derive(Serialize)]
struct OfUser {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_short_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_long_name: Option<String>,
}

/// The kinds by the names that NanoMDM has for them.
fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Device => "Device",
        Kind::User => "User",
        Kind::UserEnrollmentDevice => "User Enrollment (Device)",
        Kind::UserEnrollment => "User Enrollment",
        Kind::SharedIpad => "Shared iPad",
    }
}

async fn query(
    State(api): State<Api>,
    InAddress(page): InAddress<Page>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Shown>, Problem> {
    let body = body?;
    // A body is optional, and so is the name of its type.
    let asked: Asked = if body.trim_ascii().is_empty() {
        Asked::default()
    } else {
        serde_json::from_slice(&body).map_err(|error| Problem::malformed(format!("The body must be JSON: {error}.")))?
    };
    let options = asked.options.unwrap_or_default();
    if options.include_unlock_token {
        return Err(never_given("A device's UnlockToken"));
    }
    let page = page.or(asked.pagination);
    let query = understood(asked.filter.unwrap_or_default(), &page)?;
    let mut snapshot = api.ctx.store.read().await?;
    let found = addresses::query(&mut *snapshot, &query).await?;
    let ids: Vec<_> = found.iter().map(|one| one.device).collect();
    let devices: HashMap<_, _> =
        devices::of_ids(&mut *snapshot, &ids).await?.into_iter().map(|device| (device.id, device)).collect();
    let certificates = if options.include_device_cert {
        let ids: Vec<_> = found.iter().map(|one| one.enrollment).collect();
        addresses::certificates(&mut *snapshot, &ids).await?
    } else {
        HashMap::new()
    };
    let next_cursor = found.last().filter(|_| page.is_full(found.len())).map(|one| one.channel.text());
    let enrollments = found
        .into_iter()
        .map(|one| {
            let certificate = certificates.get(&one.enrollment).map(|der| pem(der));
            One::of(devices.get(&one.device), one, certificate)
        })
        .collect();
    Ok(Json(Shown { enrollments, next_cursor }))
}

fn understood(filter: Filter, page: &Page) -> Result<Query, Problem> {
    let mut kinds = Vec::new();
    for name in filter.types.unwrap_or_default() {
        let kind = Kind::ALL.into_iter().find(|kind| word(*kind) == name);
        kinds.push(kind.ok_or_else(|| {
            let known = Kind::ALL.map(word).join("`, `");
            Problem::malformed(format!("`types` knows only `{known}`."))
        })?);
    }
    let list = |name: &str, list: Option<Vec<String>>| {
        let list = list.unwrap_or_default();
        if list.len() > LONGEST_LIST {
            return Err(Problem::malformed(format!("`{name}` may have {LONGEST_LIST} entries at most.")));
        }
        Ok(list)
    };
    Ok(Query {
        names: list("ids", filter.ids)?,
        serials: list("serials", filter.serials)?,
        user_short_names: list("user_short_names", filter.user_short_names)?,
        kinds,
        live: filter.enabled,
        after: page.cursor()?,
        offset: page.offset(),
        limit: page.limit(),
    })
}

impl One {
    fn of(device: Option<&devices::Device>, found: Found, device_cert: Option<String>) -> Self {
        let of_user = !matches!(found.kind, Kind::Device | Kind::UserEnrollmentDevice);
        Self {
            id: found.name,
            kind: word(found.kind),
            device: OfDevice {
                serial_number: device.and_then(|device| device.serial.clone()).map(Into::into),
                device_cert,
            },
            user: of_user
                .then_some(OfUser { user_short_name: found.user_short_name, user_long_name: found.user_long_name }),
            enabled: found.live,
            token_update_tally: found.token_updates,
            last_seen: Time(device.and_then(|device| device.seen_at).unwrap_or(found.created_at)),
        }
    }
}

/// RFC 7468.
fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}
