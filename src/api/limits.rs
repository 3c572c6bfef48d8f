//! What every request of the admin listener goes through first: a plain path, a line in the log under an id, bounds.

use super::Api;
use super::problem::Problem;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, Method};
use std::time::Instant;
use tracing::Instrument;

/// The largest body, in bytes, where a resource does not say otherwise.
pub(super) const BODY: usize = 1024 * 1024;
/// The largest body that carries a file as base64, in bytes.
pub(super) const FILE_BODY: usize = 8 * 1024 * 1024;

/// The id of a request, an extension of each: it stands in the log and in the answer.
#[derive(Debug, Clone)]
pub(super) struct RequestId(pub(super) String);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Refuses paths that another program on the way may read differently: doubled slashes, dots, escapes, parameters.
pub(super) async fn plain_path(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let tricky = path.contains("//") || path.contains(';') || path.contains('\\') || hides(path);
    if tricky {
        return Problem::not_found("There is nothing at this address.").into_response();
    }
    next.run(request).await
}

/// Whether a segment is `.` or `..`, or an escape stands for a slash, a dot, a backslash, a percent sign or NUL.
fn hides(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    path.split('/').any(|segment| matches!(segment, "." | ".."))
        || ["%2f", "%2e", "%5c", "%25", "%00", "%3b"].iter().any(|escape| lower.contains(escape))
}

/// Gives the request an id, which stands in the answer and on every line that it causes in the log.
pub(super) async fn in_log(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let id = api.ctx.uuid().simple().to_string();
    request.extensions_mut().insert(RequestId(id.clone()));
    let span = tracing::info_span!("request", %id, method = %request.method(), path = request.uri().path());
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    async move {
        let began = Instant::now();
        let mut response = next.run(request).await;
        let (status, ms) = (response.status().as_u16(), began.elapsed().as_millis());
        // Reading is the daily bread of programs: it would drown the rest.
        if reads && response.status().is_success() {
            tracing::debug!(status, ms, "answered");
        } else {
            tracing::info!(status, ms, "answered");
        }
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        response
    }
    .instrument(span)
    .await
}
