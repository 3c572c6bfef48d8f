//! The push door: one request in, Apple's answer out, and the faults that were ordered.

use super::answer::{Refusal, answer};
use super::request::{self, Push};
use super::state::{EventKind, FaultKind, State};
use crate::ca::subject_uid;
use crate::serve::Connection;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State as Shared};
use axum::response::Response;
use http_body_util::{BodyExt, Limited};
use russet_protocol::Topic;
use std::sync::Arc;
use std::time::Duration;

/// How much of a body is read: enough to see that it is over Apple's 4096 bytes.
const BODY_LIMIT: usize = 16 * 1024;

pub(super) fn router(state: Arc<State>) -> Router {
    Router::new().fallback(push).with_state(state)
}

async fn push(Shared(state): Shared<Arc<State>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    let token = path.strip_prefix("/3/device/").unwrap_or_default().to_ascii_lowercase();
    let apns_id = head
        .headers
        .get("apns-id")
        .and_then(|id| uuid::Uuid::try_parse(id.to_str().ok()?).ok())
        .unwrap_or_else(uuid::Uuid::new_v4)
        .hyphenated()
        .to_string()
        .to_ascii_uppercase();
    let connection = head.extensions.get::<Connection>();
    let fault = state.fault(&token);
    if fault == Some(FaultKind::Cut) {
        return cut(&state, connection, &token).await;
    }
    let body = read_body(body).await;
    let outcome = match (&fault, topic_of(connection)) {
        (Some(FaultKind::Refuse(refusal)), _) => Err(refusal.clone()),
        (Some(FaultKind::GoAway), _) => {
            state.note(EventKind::Disturbed, &token);
            if let Some(connection) = connection {
                connection.go_away();
            }
            Err(Refusal::new(503, "Shutdown"))
        }
        (_, None) => Err(Refusal::new(403, "BadCertificate")),
        (_, Some(topic)) => take(&state, &head, &body, &topic),
    };
    state.record(&token, &apns_id, &outcome);
    match fault {
        Some(FaultKind::CutAfterAccepting) => return cut(&state, connection, &token).await,
        // Real time: a client's time-outs do not know of the simulation's clock.
        Some(FaultKind::Delay { milliseconds }) => tokio::time::sleep(Duration::from_millis(milliseconds)).await,
        _ => {}
    }
    answer(&apns_id, outcome.map(drop))
}

fn take(state: &State, head: &http::request::Parts, body: &[u8], topic: &Topic) -> Result<Push, Refusal> {
    let now = state.clock.now();
    let push = request::read(&head.method, head.uri.path(), &head.headers, body, topic, now)?;
    state.accept(&push)?;
    Ok(push)
}

fn topic_of(connection: Option<&Connection>) -> Option<Topic> {
    subject_uid(connection?.client_certificate.as_deref()?)
}

/// The body, or more bytes than are allowed where it is too long or ends early.
async fn read_body(body: Body) -> Vec<u8> {
    match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => body.to_bytes().to_vec(),
        Err(_) => vec![0; BODY_LIMIT],
    }
}

async fn cut(state: &State, connection: Option<&Connection>, token: &str) -> Response {
    state.note(EventKind::Disturbed, token);
    if let Some(connection) = connection {
        connection.cut();
    }
    // The connection ends under this request; it never gets an answer.
    std::future::pending().await
}
