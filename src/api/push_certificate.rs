//! `/push-certificate`: the certificate under which APNs is reached.

use super::Api;
use super::auth::Caller;
use super::body::{Body, file};
use super::limits::FILE_BODY;
use super::problem::Problem;
use super::show::Time;
use crate::push::certificates::{self, Certificate};
use axum::extract::{DefaultBodyLimit, State};
use axum::routing::get;
use axum::{Extension, Json, Router};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/push-certificate", get(current).put(import)).layer(DefaultBodyLimit::max(FILE_BODY))
}

#[derive(Serialize)]
struct Shown {
    topic: String,
    not_before: Time,
    not_after: Time,
    fingerprint: String,
    serial: String,
    imported_at: Time,
    /// What APNs says against it, where it does.
    refused: Option<String>,
    retry_at: Option<Time>,
}

impl From<Certificate> for Shown {
    fn from(certificate: Certificate) -> Self {
        let (refused, retry_at) = certificate.refused().unzip();
        Self {
            topic: certificate.topic.into(),
            not_before: Time(certificate.not_before),
            not_after: Time(certificate.not_after),
            fingerprint: certificate.fingerprint,
            serial: certificate.serial,
            imported_at: Time(certificate.imported_at),
            refused,
            retry_at: retry_at.map(Time),
        }
    }
}

/// A certificate with its key. Holds secrets: never printed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    certificate: Zeroizing<String>,
    password: Option<Zeroizing<String>>,
    #[serde(default)]
    confirm_new_topic: bool,
}

async fn current(State(api): State<Api>) -> Result<Json<Shown>, Problem> {
    let certificate = certificates::current(&mut *api.ctx.store.read().await?).await?;
    let missing = || {
        Problem::not_found("No push certificate has been imported.")
            .next("Import one: `russet admin push-certificate import FILE`.")
    };
    Ok(Json(certificate.ok_or_else(missing)?.into()))
}

async fn import(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Body(new): Body<New>,
) -> Result<Json<Shown>, Problem> {
    let bytes = file(&new.certificate, "certificate")?;
    let password = new.password.as_ref().map(|password| password.as_str());
    let imported = certificates::import(&api.ctx, &caller.actor(), &bytes, password, new.confirm_new_topic).await?;
    Ok(Json(imported.into()))
}
