//! `/accounts`: App Store accounts, their defaults and what they own.

use super::Api;
use super::body::{Body, Path};
use super::etag::{IfMatch, tagged};
use super::problem::Problem;
use super::profiles;
use super::show::{Items, Time};
use crate::apps;
use crate::ids::AccountId;
use crate::licenses::accounts::{self, Account};
use crate::licenses::assets::{self, Asset};
use crate::licenses::{Defaults, LicenseError};
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use http::StatusCode;
use serde::{Deserialize, Serialize};

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/accounts", get(list).post(create))
        .route("/accounts/{id}", get(one).delete(remove))
        .route("/accounts/{id}/server-token", put(renew_token))
        .route("/accounts/{id}/defaults", get(defaults).put(set_defaults))
        .route("/accounts/{id}/defaults/preview", post(preview))
        .route("/accounts/{id}/assets", get(owned))
        .route("/accounts/{id}/sync", post(sync))
}

#[derive(Serialize)]
struct Shown {
    id: AccountId,
    name: String,
    location_name: Option<String>,
    organization_name: String,
    country_code: Option<String>,
    token_expires_at: Time,
    state: &'static str,
    state_text: String,
    state_at: Time,
    /// How Apple tells us of changes: `notified`, `polling` where it cannot reach this server, `unknown` at first.
    webhook: String,
    last_sync_at: Option<Time>,
    defaults: Defaults,
}

impl From<Account> for Shown {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            name: account.name,
            location_name: account.location_name,
            organization_name: account.organization_name,
            country_code: account.country_code,
            token_expires_at: Time(account.token_expires_at),
            state: account.state.word(),
            state_text: account.state_text,
            state_at: Time(account.state_at),
            webhook: account.webhook,
            last_sync_at: account.last_sync_at.map(Time),
            defaults: account.defaults,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    name: String,
    server_token: String,
    #[serde(default)]
    defaults: Defaults,
}

async fn list(State(api): State<Api>) -> Result<Json<Items<Shown>>, Problem> {
    Ok(Items::of(accounts::list(&mut *api.ctx.store.read().await?).await?))
}

async fn create(State(api): State<Api>, Body(new): Body<New>) -> Result<(StatusCode, Json<Shown>), Problem> {
    fit(&api, &new.defaults).await?;
    let account = accounts::create(&api.ctx, &new.name, &new.server_token, new.defaults).await?;
    Ok((StatusCode::CREATED, Json(account.into())))
}

async fn one(State(api): State<Api>, Path(id): Path<AccountId>) -> Result<Json<Shown>, Problem> {
    let account = accounts::get(&mut *api.ctx.store.read().await?, id).await?;
    Ok(Json(account.ok_or(LicenseError::NotFound)?.into()))
}

/// Forgets the account; refused while it manages apps.
async fn remove(State(api): State<Api>, Path(id): Path<AccountId>) -> Result<StatusCode, Problem> {
    accounts::get(&mut *api.ctx.store.read().await?, id).await?.ok_or(LicenseError::NotFound)?;
    apps::remove_account(&api.ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewToken {
    server_token: String,
}

/// The next server token of the same location.
async fn renew_token(
    State(api): State<Api>,
    Path(id): Path<AccountId>,
    Body(new): Body<NewToken>,
) -> Result<Json<Shown>, Problem> {
    Ok(Json(accounts::renew_token(&api.ctx, id, &new.server_token).await?.into()))
}

/// The profiles that defaults name are there and good for their purpose.
async fn fit(api: &Api, defaults: &Defaults) -> Result<(), Problem> {
    profiles::fit(&mut *api.ctx.store.read().await?, defaults.vpn_profile, defaults.sso_profile).await
}

async fn defaults(State(api): State<Api>, Path(id): Path<AccountId>) -> Result<Response, Problem> {
    let (defaults, etag) = accounts::defaults(&mut *api.ctx.store.read().await?, id).await?;
    Ok(tagged(&etag, defaults))
}

async fn set_defaults(
    State(api): State<Api>,
    Path(id): Path<AccountId>,
    IfMatch(etag): IfMatch,
    Body(new): Body<Defaults>,
) -> Result<Response, Problem> {
    fit(&api, &new).await?;
    let account = accounts::set_defaults(&api.ctx, id, new, etag.as_deref()).await?;
    Ok(tagged(&account.etag, account.defaults))
}

/// What these defaults would do, before they are set.
async fn preview(
    State(api): State<Api>,
    Path(id): Path<AccountId>,
    Body(new): Body<Defaults>,
) -> Result<Json<apps::Preview>, Problem> {
    new.check()?;
    fit(&api, &new).await?;
    Ok(Json(apps::preview(&api.ctx, id, &new).await?))
}

#[derive(Serialize)]
struct ShownAsset {
    adam_id: u64,
    pricing_param: &'static str,
    name: Option<String>,
    bundle_id: Option<String>,
    product_type: String,
    platforms: Vec<&'static str>,
    device_assignable: bool,
    revocable: bool,
    /// Licenses; null for free apps without limit.
    total: Option<i64>,
    assigned: i64,
    /// Licenses left; null for free apps without limit.
    available: Option<i64>,
    retired: i64,
    version: Option<String>,
    minimum_os: Option<String>,
    icon_url: Option<String>,
    seen_at: Time,
}

impl From<Asset> for ShownAsset {
    fn from(asset: Asset) -> Self {
        Self {
            adam_id: asset.adam_id.0,
            pricing_param: asset.pricing.as_str(),
            name: asset.metadata.name,
            bundle_id: asset.metadata.bundle_id.map(Into::into),
            product_type: asset.product_type,
            platforms: asset.platforms.into_iter().map(russet_protocol::Platform::as_str).collect(),
            device_assignable: asset.device_assignable,
            revocable: asset.revocable,
            total: asset.total,
            assigned: asset.assigned,
            available: asset.available,
            retired: asset.retired,
            version: asset.metadata.version,
            minimum_os: asset.metadata.minimum_os,
            icon_url: asset.metadata.icon_url,
            seen_at: Time(asset.seen_at),
        }
    }
}

async fn owned(State(api): State<Api>, Path(id): Path<AccountId>) -> Result<Json<Items<ShownAsset>>, Problem> {
    let mut snapshot = api.ctx.store.read().await?;
    accounts::get(&mut *snapshot, id).await?.ok_or(LicenseError::NotFound)?;
    Ok(Items::of(assets::list(&mut *snapshot, id).await?))
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Sync {
    /// Take the location from another MDM server that has claimed it.
    take_over: bool,
}

/// Reads the location's records at Apple soon. The body may be missing.
async fn sync(
    State(api): State<Api>,
    Path(id): Path<AccountId>,
    body: axum::body::Bytes,
) -> Result<StatusCode, Problem> {
    let Sync { take_over } = match body.is_empty() {
        true => Sync::default(),
        false => serde_json::from_slice(&body).map_err(|error| Problem::malformed(error.to_string()))?,
    };
    accounts::sync(&api.ctx, id, take_over).await?;
    Ok(StatusCode::ACCEPTED)
}
