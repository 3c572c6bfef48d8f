//! `/v1/push/{id,id}`: wakes these channels. The outbox sends, so that nobody waits for Apple here.

use super::super::Api;
use super::super::body::Path;
use super::super::limits::RequestId;
use super::super::problem::Problem;
use super::ids::{self, Outcome, Outcomes, PART};
use crate::enrollment::addresses;
use crate::ids::ChannelId;
use crate::push::{self, Lane};
use axum::extract::State;
use axum::routing::get;
use axum::{Extension, Router};
use russet_store::{StoreError, Tx};

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/push/{ids}", get(wake).put(wake))
}

async fn wake(
    State(api): State<Api>,
    Path(path): Path<String>,
    Extension(request): Extension<RequestId>,
) -> Result<Outcomes, Problem> {
    let mut outcomes = Outcomes::default();
    for part in ids::of(&path)?.chunks(PART) {
        match wake_part(&api, part, &request).await {
            Ok(of_part) => of_part.into_iter().zip(part).for_each(|(outcome, id)| outcomes.add(id, outcome)),
            Err(error) => {
                let words = Problem::from(error).words();
                part.iter().for_each(|id| outcomes.add(id, Outcome::pushed(&request, Some(words.clone()))));
            }
        }
    }
    Ok(outcomes)
}

async fn wake_part(api: &Api, ids: &[&str], request: &RequestId) -> Result<Vec<Outcome>, StoreError> {
    let mut tx = api.ctx.store.begin("push by id").await?;
    let targets = addresses::find(&mut *tx, ids).await?;
    let mut outcomes = Vec::with_capacity(ids.len());
    for id in ids {
        let fault = match targets.get(*id).copied().unwrap_or(Err(addresses::Astray::Unknown)) {
            Err(astray) => Some(Problem::from(astray).words()),
            Ok(target) => {
                push::request(&mut *tx, target.channel, Lane::Interactive, api.ctx.now()).await?;
                trouble(api, &mut *tx, target.channel).await?
            }
        };
        outcomes.push(Outcome::pushed(request, fault));
    }
    tx.commit().await?;
    Ok(outcomes)
}

/// Why no push of this channel will be sent by itself. One that failed and is tried again is no fault.
pub(super) async fn trouble(api: &Api, tx: &mut dyn Tx, channel: ChannelId) -> Result<Option<String>, StoreError> {
    let standing = push::standing(tx, channel, api.ctx.now()).await?;
    Ok(standing.filter(|standing| standing.next_at.is_none()).and_then(|standing| standing.trouble))
}
