//! `/v1/pushcert`: the push certificate, as PEM with its key.

use super::super::Api;
use super::super::auth::Caller;
use super::super::body::Query;
use super::super::problem::Problem;
use super::super::show::Time;
use crate::push::certificates::{self, Certificate};
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::routing::get;
use axum::{Extension, Json, Router};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/pushcert", get(current).put(import))
}

#[derive(Serialize)]
struct Shown {
    topic: String,
    not_after: Time,
}

impl From<Certificate> for Shown {
    fn from(certificate: Certificate) -> Self {
        Self { topic: certificate.topic.into(), not_after: Time(certificate.not_after) }
    }
}

#[derive(Deserialize)]
struct Which {
    topic: Option<String>,
}

async fn current(State(api): State<Api>, Query(which): Query<Which>) -> Result<Json<Shown>, Problem> {
    let Some(topic) = which.topic.filter(|topic| !topic.is_empty()) else {
        return Err(Problem::malformed("Name the push topic: `?topic=com.apple.mgmt.…`."));
    };
    let certificate = certificates::current(&mut *api.ctx.store.read().await?).await?;
    let certificate = certificate.filter(|certificate| certificate.topic.as_str() == topic);
    let missing = || Problem::not_found("There is no push certificate for this topic.");
    Ok(Json(certificate.ok_or_else(missing)?.into()))
}

#[derive(Deserialize)]
struct How {
    /// Anything but nothing confirms that devices enrolled under another topic are to be lost.
    confirm_new_topic: Option<String>,
}

async fn import(
    State(api): State<Api>,
    Query(how): Query<How>,
    Extension(caller): Extension<Caller>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Shown>, Problem> {
    let file = Zeroizing::new(apart(&body?));
    let confirmed = how.confirm_new_topic.is_some_and(|text| !text.is_empty());
    let imported = certificates::import(&api.ctx, &caller.actor(), &file, None, confirmed).await?;
    Ok(Json(imported.into()))
}

/// Files that were joined without a line end between them: `cat push.pem push.key`.
fn apart(file: &[u8]) -> Vec<u8> {
    const JOINT: &[u8] = b"----------BEGIN ";
    let mut parted = Vec::with_capacity(file.len() + 16);
    for (at, byte) in file.iter().enumerate() {
        parted.push(*byte);
        if parted.ends_with(b"-----") && file[..=at].len() >= 5 && file[at + 1 - 5..].starts_with(JOINT) {
            parted.push(b'\n');
        }
    }
    parted
}
