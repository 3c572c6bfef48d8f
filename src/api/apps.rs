//! `/apps`: apps under management and what they say over their account's defaults; `/report`: what is true on the devices;
//! and the explanation of one app on one device.

use super::Api;
use super::body::{Body, Path};
use super::devices::device_of;
use super::etag::{IfMatch, of_version, tagged, version};
use super::problem::Problem;
use super::profiles;
use super::show::{Items, Time};
use crate::apps::{self, App, AppSettings, AppsError, Explanation, NewApp, Report, Scope};
use crate::ids::{AccountId, AppId};
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use russet_protocol::{AdamId, PricingParam};
use russet_store::Tx;
use serde::{Deserialize, Serialize};

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/apps", get(list).post(create))
        .route("/apps/{id}", get(one).delete(remove))
        .route("/apps/{id}/settings", get(settings).put(set_settings))
        .route("/report", get(report))
        .route("/devices/{device}/apps/{app}/explanation", get(explanation))
}

#[derive(Serialize)]
struct Shown {
    id: AppId,
    account: AccountId,
    adam_id: u64,
    pricing_param: &'static str,
    scope: Scope,
    name: Option<String>,
    bundle_id: Option<String>,
    platforms: Vec<&'static str>,
    settings: AppSettings,
    created_at: Time,
}

impl From<App> for Shown {
    fn from(app: App) -> Self {
        Self {
            id: app.id,
            account: app.account,
            adam_id: app.adam.0,
            pricing_param: app.pricing.as_str(),
            scope: app.scope,
            name: app.name,
            bundle_id: app.bundle_id.map(Into::into),
            platforms: app.platforms.into_iter().map(russet_protocol::Platform::as_str).collect(),
            settings: app.settings,
            created_at: Time(app.created_at),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    account: AccountId,
    adam_id: AdamId,
    #[serde(default)]
    pricing_param: PricingParam,
    scope: NewScope,
}

/// Whom a new app can be given to.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum NewScope {
    Everyone,
}

async fn list(State(api): State<Api>) -> Result<Json<Items<Shown>>, Problem> {
    Ok(Items::of(apps::list(&mut *api.ctx.store.read().await?).await?))
}

async fn create(State(api): State<Api>, Body(new): Body<New>) -> Result<(StatusCode, Json<Shown>), Problem> {
    let NewScope::Everyone = new.scope;
    let new = NewApp { account: new.account, adam: new.adam_id, pricing: new.pricing_param, scope: Scope::Everyone };
    Ok((StatusCode::CREATED, Json(apps::add(&api.ctx, new).await?.into())))
}

async fn one(State(api): State<Api>, Path(id): Path<AppId>) -> Result<Json<Shown>, Problem> {
    Ok(Json(apps::get(&mut *api.ctx.store.read().await?, id).await?.into()))
}

/// Takes the app off all devices and gives its licenses back; that goes on after the answer.
async fn remove(State(api): State<Api>, Path(id): Path<AppId>) -> Result<StatusCode, Problem> {
    apps::remove(&api.ctx, id).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn settings(State(api): State<Api>, Path(id): Path<AppId>) -> Result<Response, Problem> {
    let (settings, version) = apps::settings(&mut *api.ctx.store.read().await?, id).await?;
    Ok(tagged(&of_version(version), settings))
}

async fn set_settings(
    State(api): State<Api>,
    Path(id): Path<AppId>,
    IfMatch(etag): IfMatch,
    Body(new): Body<AppSettings>,
) -> Result<Response, Problem> {
    let mut snapshot = api.ctx.store.read().await?;
    profiles::fit(&mut *snapshot, new.vpn_profile.profile(), new.sso_profile.profile()).await?;
    drop(snapshot);
    let app = apps::set_settings(&api.ctx, id, &new, version(etag.as_deref())?).await?;
    Ok(tagged(&of_version(app.version), app.settings))
}

async fn report(State(api): State<Api>) -> Result<Json<Report>, Problem> {
    let now = api.ctx.now();
    Ok(Json(apps::report(&mut *api.ctx.store.read().await?, now).await?))
}

async fn explanation(
    State(api): State<Api>,
    Path((device, app)): Path<(String, String)>,
) -> Result<Json<Explanation>, Problem> {
    let now = api.ctx.now();
    let mut snapshot = api.ctx.store.read().await?;
    let device = device_of(&mut *snapshot, &device).await?;
    let app = app_of(&mut *snapshot, &app).await?;
    Ok(Json(apps::explain(&mut *snapshot, device.id, app, now).await?))
}

/// The app that a person means: its id, its bundle identifier, its number in the store, or a name that only one app has.
async fn app_of(tx: &mut dyn Tx, text: &str) -> Result<AppId, Problem> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let known = apps::list(tx).await?;
    let means = |app: &&App| {
        app.bundle_id.as_ref().is_some_and(|id| id.as_str().eq_ignore_ascii_case(text))
            || app.adam.to_string() == text
            || app.name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(text))
    };
    let mut found = known.iter().filter(means);
    match (found.next(), found.next()) {
        (Some(app), None) => Ok(app.id),
        (Some(_), Some(_)) => Err(Problem::conflict("More than one app is called that.")
            .next("Name the app by its id; `russet admin apps list` shows it.")),
        _ => Err(AppsError::NoSuchApp.into()),
    }
}
