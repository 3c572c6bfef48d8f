//! The form of refusals at the raw door: a JSON object with one text, under the key that its tools look at. What went wrong
//! has become a status and a text in the one place where errors become HTTP; only its clothes change here.

use super::super::problem::Words;
use axum::Json;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value};

/// Dresses problems as NanoMDM's tools know them.
pub(super) async fn in_its_form(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let path = path.strip_prefix("/v1").unwrap_or(path);
    let key = match path {
        _ if path.starts_with("/enqueue/") => "command_error",
        _ if path.starts_with("/push/") => "push_error",
        _ => "error",
    };
    let response = next.run(request).await;
    let Some(Words(words)) = response.extensions().get() else { return response };
    let body: Map<String, Value> = [(key.to_owned(), Value::String(words.clone()))].into_iter().collect();
    let mut dressed = (response.status(), Json(body)).into_response();
    if response.status() == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Basic realm=\"nanomdm\", charset=\"UTF-8\"");
        dressed.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    dressed
}
