//! The service's door: which requests are let in, in one fixed order — method, content type, form of the authorization,
//! token, rate, faults, the token's rights, JSON — and how they are answered and written down.

use super::calls::{self, Call, Performed};
use super::errors::ApiError;
use super::happening::What;
use super::reads::Query;
use super::settings::{FaultKind, Occasion};
use super::state::State;
use crate::serve::Connection;
use axum::body::Body;
use axum::extract::{Query as QueryOf, Request, State as Shared};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::request::Parts;
use http::{Method, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// How much of a body is read.
const BODY_LIMIT: usize = 4 * 1024 * 1024;

pub(super) fn router(state: Arc<State>) -> Router {
    Router::new().route(super::metadata::PATH, get(super::metadata::lookup)).fallback(service).with_state(state)
}

/// Who asks, once their token was found in order.
pub(super) struct Admitted {
    /// The location's place in the world.
    pub(super) at: usize,
    pub(super) u_id: String,
    pub(super) bearer: String,
    read_only: bool,
}

async fn service(Shared(state): Shared<Arc<State>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let path = head.uri.path().strip_prefix("/mdm/v2/").unwrap_or_default().to_owned();
    let Some(call) = Call::of(&path) else {
        return (StatusCode::NOT_FOUND, "The simulator has no such call.\n").into_response();
    };
    let body = read_body(body).await;
    let admitted = admit(&state, call, &head);
    let location = admitted.as_ref().ok().and_then(|caller| caller.as_ref().map(|caller| caller.u_id.clone()));
    let fault = match &admitted {
        Ok(_) => state.world().faults.strike(Occasion::Request, &path, location.as_deref()),
        Err(_) => None,
    };
    let connection = head.extensions.get::<Connection>();
    let entry = Entry { head: &head, path: &path, body: &body, fault: fault.as_ref(), location: location.as_deref() };
    let (mut retry_after, mut version_changes) = (None, false);
    let admitted = match &fault {
        Some(FaultKind::CutBefore) => return cut(&state, &entry, connection, None).await,
        Some(FaultKind::Html { status }) => return html(&state, &entry, *status),
        Some(FaultKind::Error { error_number, retry_after: when }) => {
            retry_after.clone_from(when);
            Err(ApiError::new(*error_number))
        }
        Some(FaultKind::VersionChanges) => {
            version_changes = true;
            admitted
        }
        _ => admitted,
    };
    let outcome = match admitted {
        Err(refused) => Err(refused),
        Ok(caller) => {
            if let (true, Some(caller)) = (version_changes, &caller) {
                state.world().touch(caller.at);
            }
            attend(&state, call, caller.as_ref(), &head, &body).await
        }
    };
    if fault == Some(FaultKind::CutAfter) {
        return cut(&state, &entry, connection, outcome.ok().and_then(|done| done.event_id)).await;
    }
    if let Some(FaultKind::Delay { milliseconds }) = fault {
        // Real time: a client's time-outs do not know of the simulation's clock.
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }
    answer(&state, &entry, outcome, retry_after.as_deref())
}

/// Method, content type, authorization, token, rate. `None` for the call that needs no token.
fn admit(state: &State, call: Call, head: &Parts) -> Result<Option<Admitted>, ApiError> {
    if !call.allows(&head.method) {
        return Err(ApiError::new(9726));
    }
    let text = |name| head.headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    let media_type = |value: &str| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if head.method == Method::POST && text(header::CONTENT_TYPE).map(media_type).as_deref() != Some("application/json")
    {
        return Err(ApiError::new(9727));
    }
    if call == Call::ServiceConfig {
        return Ok(None);
    }
    let bearer = text(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer ")).map(str::trim);
    let Some(bearer) = bearer.filter(|bearer| !bearer.is_empty()) else { return Err(ApiError::new(9722)) };
    let now = state.clock.now();
    let mut world = state.world();
    let Some((at, token)) = world.by_bearer(bearer) else { return Err(ApiError::new(9622)) };
    let read_only = token.read_only;
    if token.revoked {
        return Err(ApiError::new(9625));
    }
    if token.expires_at <= now {
        return Err(ApiError::new(9621));
    }
    let limit = world.settings.throttle.then_some(world.settings.limits.max_request_per_second);
    let location = world.location_mut(at)?;
    if limit.is_some_and(|limit| !location.admit(limit)) {
        return Err(ApiError::new(9646));
    }
    Ok(Some(Admitted { at, u_id: location.u_id.clone(), bearer: bearer.to_owned(), read_only }))
}

/// The token's rights, the query, JSON, then the call itself.
async fn attend(
    state: &State,
    call: Call,
    caller: Option<&Admitted>,
    head: &Parts,
    body: &[u8],
) -> Result<Performed, ApiError> {
    if call.changes_licenses() && caller.is_some_and(|caller| caller.read_only) {
        return Err(ApiError::new(9637));
    }
    let QueryOf(query): QueryOf<Query> = QueryOf::try_from_uri(&head.uri).map_err(|_| ApiError::new(9602))?;
    let body = if head.method == Method::POST {
        let read: Value = serde_json::from_slice(body).map_err(|_| ApiError::new(9602))?;
        if !read.is_object() {
            return Err(ApiError::new(9602));
        }
        read
    } else {
        Value::Null
    };
    calls::perform(state, call, caller, &query, &body).await
}

/// What the journal says about a request.
struct Entry<'a> {
    head: &'a Parts,
    path: &'a str,
    body: &'a [u8],
    fault: Option<&'a FaultKind>,
    location: Option<&'a str>,
}

impl Entry<'_> {
    fn write(&self, state: &State, status: Option<u16>, error_number: Option<u16>, event_id: Option<String>) {
        let mut body: Value = serde_json::from_slice(self.body).unwrap_or_default();
        if let Some(secret) = body.get_mut("notificationAuthToken") {
            *secret = Value::from("(not written down)");
        }
        let what = What::Request {
            method: self.head.method.to_string(),
            call: self.path.to_owned(),
            query: self.head.uri.query().unwrap_or_default().to_owned(),
            body,
            status,
            error_number,
            event_id,
            fault: self.fault.cloned(),
        };
        state.note(self.location, what);
    }
}

fn answer(
    state: &State,
    entry: &Entry<'_>,
    outcome: Result<Performed, ApiError>,
    retry_after: Option<&str>,
) -> Response {
    let (response, error_number, event_id) = match outcome {
        Ok(done) => (Json(done.answer).into_response(), None, done.event_id),
        Err(refused) => {
            let as_200 = state.world().settings.errors_as_200;
            (refused.answer(as_200, retry_after), Some(refused.error_number), None)
        }
    };
    entry.write(state, Some(response.status().as_u16()), error_number, event_id);
    response
}

fn html(state: &State, entry: &Entry<'_>, status: u16) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    entry.write(state, Some(status.as_u16()), None, None);
    let page = "<html><head><title>Error</title></head><body><h1>The request could not be served.</h1></body></html>";
    (status, axum::response::Html(page)).into_response()
}

async fn cut(state: &State, entry: &Entry<'_>, connection: Option<&Connection>, event_id: Option<String>) -> Response {
    entry.write(state, None, None, event_id);
    if let Some(connection) = connection {
        connection.cut();
    }
    // The connection ends under this request; it never gets an answer.
    std::future::pending().await
}

/// The body; nothing where it is too long or ends early.
async fn read_body(body: Body) -> Vec<u8> {
    match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => body.to_bytes().to_vec(),
        Err(_) => Vec::new(),
    }
}
