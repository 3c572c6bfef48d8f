//! The control door of the simulated APNs: plain HTTP on loopback, for tests and curious people.
//!
//! | Call | Does |
//! |---|---|
//! | `GET /_sim/stats` | figures since the start |
//! | `GET /_sim/journal?since=N` | what happened after entry N |
//! | `GET`, `POST`, `DELETE /_sim/faults` | list, order ([`super::Fault`] as JSON), cancel faults |
//! | `POST /_sim/tokens/{hex}/unregister?reason=ExpiredToken` | the token is dead from now on (410) |
//! | `POST /_sim/tokens/{hex}/register` | the token is alive again |
//! | `POST /_sim/go-away`, `POST /_sim/cut` | all open connections are told to end, or ended |
//! | `POST /_sim/certificates?topic=T` | a push certificate, as the Push Certificates Portal gives one |
//! | `GET /_sim/clock`, `POST /_sim/clock?advanceSeconds=N` | the simulation's time, and moving it |

use super::Fault;
use super::state::State;
use crate::ca::{Authority, CaError};
use crate::clock::Clock;
use crate::serve::Connections;
use axum::extract::{Path, Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use russet_protocol::Topic;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone)]
pub(super) struct Desk {
    pub(super) state: Arc<State>,
    pub(super) connections: Connections,
    pub(super) authority: Authority,
}

pub(super) fn router(desk: Desk) -> Router {
    let clock = desk.state.clock.clone();
    Router::new()
        .route("/_sim/stats", get(stats))
        .route("/_sim/journal", get(journal))
        .route("/_sim/faults", get(faults).post(order).delete(clear))
        .route("/_sim/tokens/{token}/unregister", post(unregister))
        .route("/_sim/tokens/{token}/register", post(register))
        .route("/_sim/go-away", post(go_away))
        .route("/_sim/cut", post(cut))
        .route("/_sim/certificates", post(certificate))
        .with_state(desk)
        .merge(clock_router(clock))
}

/// The part of a control API that shows and moves the clock; the same in every simulator.
pub(crate) fn clock_router(clock: Clock) -> Router {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Advance {
        advance_seconds: u64,
    }
    let show = |clock: &Clock| Json(json!({ "now": clock.now() }));
    let read = {
        let clock = clock.clone();
        move || async move { show(&clock) }
    };
    let advance = move |Query(by): Query<Advance>| async move {
        clock.advance(Duration::from_secs(by.advance_seconds));
        show(&clock)
    };
    Router::new().route("/_sim/clock", get(read).post(advance))
}

async fn stats(Shared(desk): Shared<Desk>) -> Response {
    Json(desk.state.stats(desk.connections.accepted())).into_response()
}

#[derive(Deserialize)]
pub(crate) struct Since {
    #[serde(default)]
    pub(crate) since: u64,
}

async fn journal(Shared(desk): Shared<Desk>, Query(query): Query<Since>) -> Response {
    Json(desk.state.journal.since(query.since)).into_response()
}

async fn faults(Shared(desk): Shared<Desk>) -> Json<Vec<Fault>> {
    Json(desk.state.faults())
}

async fn order(Shared(desk): Shared<Desk>, Json(fault): Json<Fault>) -> StatusCode {
    desk.state.order(fault);
    StatusCode::NO_CONTENT
}

async fn clear(Shared(desk): Shared<Desk>) -> StatusCode {
    desk.state.clear_faults();
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct Reason {
    #[serde(default = "unregistered")]
    reason: String,
}

fn unregistered() -> String {
    "Unregistered".to_owned()
}

async fn unregister(Shared(desk): Shared<Desk>, Path(token): Path<String>, Query(query): Query<Reason>) -> StatusCode {
    desk.state.set_dead(&token.to_ascii_lowercase(), Some(&query.reason));
    StatusCode::NO_CONTENT
}

async fn register(Shared(desk): Shared<Desk>, Path(token): Path<String>) -> StatusCode {
    desk.state.set_dead(&token.to_ascii_lowercase(), None);
    StatusCode::NO_CONTENT
}

async fn go_away(Shared(desk): Shared<Desk>) -> StatusCode {
    desk.connections.open().iter().for_each(crate::serve::Connection::go_away);
    StatusCode::NO_CONTENT
}

async fn cut(Shared(desk): Shared<Desk>) -> StatusCode {
    desk.connections.open().iter().for_each(crate::serve::Connection::cut);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct Wanted {
    topic: Topic,
}

async fn certificate(Shared(desk): Shared<Desk>, Query(wanted): Query<Wanted>) -> Response {
    let made = || -> Result<String, CaError> { desk.authority.issue_push_certificate(&wanted.topic)?.pem() };
    match made() {
        Ok(pem) => pem.into_response(),
        Err(problem) => (StatusCode::INTERNAL_SERVER_ERROR, problem.to_string()).into_response(),
    }
}
