//! The audit log: every change is written down before it is tried and ended after it; and the list of what was.

use super::Api;
use super::auth::Caller;
use super::body::Query;
use super::problem::{Kind, Problem};
use super::show::{Items, Time};
use crate::events::{self, Entry};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use http::Method;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/audit", get(list))
}

/// How a change ended, where an answer says more than that it was made or refused.
#[derive(Debug, Clone)]
pub(super) struct Ended(pub(super) String);

/// Wraps every request that is not one of reading in an entry of the audit log.
pub(super) async fn record(State(api): State<Api>, request: Request, next: Next) -> Result<Response, Problem> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(next.run(request).await);
    }
    change(api, request, next).await
}

/// Wraps a change in an entry of the audit log. A change whose entry cannot be written is not tried. The work goes on when
/// the client hangs up, so that the entry ends as the change did.
pub(super) async fn change(api: Api, request: Request, next: Next) -> Result<Response, Problem> {
    let actor = request.extensions().get::<Caller>().map_or_else(|| "unknown".to_owned(), Caller::actor);
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let action = format!("{} {path}", request.method());
    let subject = request.uri().path().to_owned();
    let work = async move {
        let entry = events::begin(&api.ctx, &actor, &action, &subject).await?;
        let response = next.run(request).await;
        let outcome = match (response.extensions().get::<Kind>(), response.extensions().get::<Ended>()) {
            (Some(Kind(kind)), _) => format!("refused: {kind}"),
            (None, Some(Ended(how))) => how.clone(),
            (None, None) => "done".to_owned(),
        };
        // The change is made: an entry that stays open says less, but says nothing false.
        if let Err(error) = events::end(&api.ctx, entry, &outcome).await {
            tracing::error!(%error, %action, "an entry of the audit log stays without its outcome");
        }
        Ok(response)
    };
    let span = tracing::Span::current();
    match tokio::spawn(tracing::Instrument::instrument(work, span)).await {
        Ok(answer) => answer,
        Err(error) => Err(Problem::inside(&error)),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    before: Option<Uuid>,
    limit: Option<u32>,
}

#[derive(Serialize)]
struct Shown {
    id: Uuid,
    at: Time,
    actor: String,
    action: String,
    subject: String,
    outcome: Option<String>,
    ended_at: Option<Time>,
}

impl From<Entry> for Shown {
    fn from(entry: Entry) -> Self {
        let Entry { id, at, actor, action, subject, outcome, ended_at } = entry;
        Self { id, at: Time(at), actor, action, subject, outcome, ended_at: ended_at.map(Time) }
    }
}

/// Newest first; `?before=ID` goes on from there.
async fn list(State(api): State<Api>, Query(page): Query<Page>) -> Result<Json<Items<Shown>>, Problem> {
    let limit = page.limit.unwrap_or(events::PAGE);
    let entries = events::list(&mut *api.ctx.store.read().await?, page.before, limit).await?;
    Ok(Items::of(entries))
}
