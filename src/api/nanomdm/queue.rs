//! `/v1/queue/{id}`: what waits for a channel; taking it away. What queued commands contain is not shown: profiles hold
//! secrets.

use super::super::Api;
use super::super::audit::Ended;
use super::super::body::{Path, Query};
use super::super::problem::Problem;
use super::ids::{self, PART};
use super::page::Page;
use crate::commands::{self, Place};
use crate::directory::dirty::{self, Lane};
use crate::enrollment::addresses::{self, Astray};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use russet_store::StoreError;
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;

/// What stands in the history of commands that were cleared away.
const CLEARED: &str = "an admin cleared the queue";

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/queue/{ids}", get(list).delete(clear))
}

#[derive(Serialize)]
struct Shown {
    commands: Vec<One>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(Serialize)]
struct One {
    command_uuid: String,
    request_type: String,
}

/// In the order of the queue; the whole of the path is one id.
async fn list(
    State(api): State<Api>,
    Path(id): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<Shown>, Problem> {
    let mut snapshot = api.ctx.store.read().await?;
    let found = addresses::find(&mut *snapshot, &[&id]).await?;
    let target = found.get(&id).copied().unwrap_or(Err(Astray::Unknown))?;
    let after = page.cursor()?.unwrap_or(Place::FRONT);
    let open = commands::open_of_channel(&mut *snapshot, target.channel, after, page.offset(), page.limit()).await?;
    let next_cursor = open.last().filter(|_| page.is_full(open.len())).map(|(place, _)| place.to_string());
    let commands = open.into_iter().map(|(_, command)| One {
        command_uuid: command.sent_as.unwrap_or(command.uuid).into(),
        request_type: command.request_type,
    });
    Ok(Json(Shown { commands: commands.collect(), next_cursor }))
}

/// Takes away what waits for these channels. What is wanted on their devices is planned anew.
async fn clear(State(api): State<Api>, Path(path): Path<String>) -> Result<Response, Problem> {
    let ids = ids::of(&path)?;
    let (mut errors, mut cleared) = (BTreeMap::new(), 0);
    for part in ids.chunks(PART) {
        match clear_part(&api, part, &mut errors).await {
            Ok(count) => cleared += count,
            Err(error) => {
                let words = Problem::from(error).words();
                errors.extend(part.iter().map(|id| ((*id).to_owned(), words.clone())));
            }
        }
    }
    let how = if errors.len() == ids.len() { "refused" } else { "done" };
    let ended =
        Ended(format!("{how}: {cleared} commands, without fault for {} of {}", ids.len() - errors.len(), ids.len()));
    let mut response = match errors.len() {
        0 => StatusCode::NO_CONTENT.into_response(),
        some if some < ids.len() => (StatusCode::MULTI_STATUS, Json(json!({ "status": errors }))).into_response(),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "status": errors }))).into_response(),
    };
    response.extensions_mut().insert(ended);
    Ok(response)
}

async fn clear_part(api: &Api, ids: &[&str], errors: &mut BTreeMap<String, String>) -> Result<u64, StoreError> {
    let now = api.ctx.now();
    let mut tx = api.ctx.store.begin("clear queues").await?;
    let targets = addresses::find(&mut *tx, ids).await?;
    let mut cleared = 0;
    for id in ids {
        match targets.get(*id).copied().unwrap_or(Err(Astray::Unknown)) {
            Err(astray) => {
                errors.insert((*id).to_owned(), Problem::from(astray).words());
            }
            Ok(target) => {
                cleared += commands::clear(&mut *tx, target.channel, CLEARED, now).await?;
                dirty::mark(&mut *tx, target.device, Lane::Interactive, "queue cleared", now).await?;
            }
        }
    }
    tx.commit().await?;
    Ok(cleared)
}
