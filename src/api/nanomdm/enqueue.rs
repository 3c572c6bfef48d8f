//! `/v1/enqueue/{id,id}`: a command as a property list, into the queue of each of these channels.

use super::super::Api;
use super::super::body::{Path, Query};
use super::super::limits::RequestId;
use super::super::problem::Problem;
use super::ids::{self, Outcome, Outcomes, PART};
use super::push::trouble;
use crate::commands::{self, CommandError, NewCommand, Priority, Purpose};
use crate::enrollment::addresses::{self, Target};
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::routing::put;
use axum::{Extension, Router};
use bytes::Bytes;
use russet_protocol::CommandUuid;
use russet_protocol::command::{Command, GivenCommand};
use russet_protocol::guard::Limits;
use russet_store::{StoreError, Tx};
use serde::Deserialize;

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/enqueue/{ids}", put(enqueue).post(enqueue))
}

#[derive(Deserialize)]
struct How {
    /// Anything but nothing means: do not push.
    nopush: Option<String>,
}

async fn enqueue(
    State(api): State<Api>,
    Path(path): Path<String>,
    Query(how): Query<How>,
    Extension(request): Extension<RequestId>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Outcomes, Problem> {
    let body = body?;
    let ids = ids::of(&path)?;
    let unreadable = |error: &dyn std::fmt::Display| Problem::malformed(format!("This is no command: {error}."));
    let given = GivenCommand::read(&body, Limits::for_body(body.len())).map_err(|error| unreadable(&error))?;
    let uuid = match given.uuid() {
        Some(uuid) => uuid.clone(),
        None => CommandUuid::new(api.ctx.uuid().to_string()).map_err(|error| unreadable(&error))?,
    };
    let command = Command::from(given.or_uuid(uuid.clone()));
    let push = how.nopush.is_none_or(|text| text.is_empty()).then_some(&request);
    let mut outcomes = Outcomes::of_command(command.request_type(), &uuid, push.is_none());
    for part in ids.chunks(PART) {
        match into_queues(&api, part, &command, push).await {
            Ok(of_part) => of_part.into_iter().zip(part).for_each(|(outcome, id)| outcomes.add(id, outcome)),
            // Nothing of this part was done; what was done before it stands.
            Err(error) => {
                let problem = Problem::from(error);
                part.iter().for_each(|id| outcomes.add(id, Outcome::refused(&problem)));
            }
        }
    }
    Ok(outcomes)
}

/// One transaction: the outcome of each of these ids, in their order.
async fn into_queues(
    api: &Api,
    ids: &[&str],
    command: &Command,
    push: Option<&RequestId>,
) -> Result<Vec<Outcome>, StoreError> {
    let mut tx = api.ctx.store.begin("enqueue a given command").await?;
    let targets = addresses::find(&mut *tx, ids).await?;
    let mut outcomes = Vec::with_capacity(ids.len());
    for id in ids {
        let target = targets.get(*id).copied().unwrap_or(Err(addresses::Astray::Unknown));
        outcomes.push(match target {
            Err(astray) => Outcome::refused(&astray.into()),
            Ok(Target { leaving: true, .. }) => Outcome::refused(&leaving()),
            Ok(target) => into_queue(api, &mut *tx, target, command, push).await?,
        });
    }
    tx.commit().await?;
    Ok(outcomes)
}

async fn into_queue(
    api: &Api,
    tx: &mut dyn Tx,
    Target { channel, kind, device, .. }: Target,
    command: &Command,
    push: Option<&RequestId>,
) -> Result<Outcome, StoreError> {
    let (purpose, priority) = (Purpose::Admin, Priority::Interactive);
    let new = NewCommand { channel, device, command, after: None, purpose, priority, expires_at: None };
    let queued = match push {
        Some(_) => commands::enqueue_on(tx, &api.ctx, new, kind).await,
        None => commands::enqueue_quietly(tx, &api.ctx, new, kind).await,
    };
    match (queued, push) {
        (Err(CommandError::Store(error)), _) => Err(error),
        (Err(error), _) => Ok(Outcome::refused(&error.into())),
        (Ok(_), None) => Ok(Outcome::default()),
        (Ok(_), Some(request)) => Ok(Outcome::pushed(request, trouble(api, tx, channel).await?)),
    }
}

fn leaving() -> Problem {
    Problem::refused("The device was asked to remove its enrollment; it gets nothing more.")
}
