//! Edits that do not overwrite each other: a read carries an `ETag`, a change names it in `If-Match`.

use super::problem::Problem;
use axum::Json;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, header};
use serde::Serialize;

/// The version that a change is based on, with its quotes; none where the client does not care.
pub(super) struct IfMatch(pub(super) Option<String>);

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(header::IF_MATCH).iter();
        let (value, more) = (values.next(), values.next());
        let Some(value) = value else { return Ok(Self(None)) };
        let text = value.to_str().ok().map(str::trim).filter(|text| more.is_none() && !text.contains(','));
        match text {
            // Any version will do.
            Some("*") => Ok(Self(None)),
            Some(text) if text.len() >= 2 && text.starts_with('"') && text.ends_with('"') => {
                Ok(Self(Some(text.to_owned())))
            }
            _ => {
                Err(Problem::malformed("`If-Match` must be the one ETag that the read gave, with its quotes, or `*`."))
            }
        }
    }
}

/// An answer with its version; `etag` with its quotes.
pub(super) fn tagged(etag: &str, body: impl Serialize) -> Response {
    let mut response = Json(body).into_response();
    if let Ok(value) = HeaderValue::from_str(etag) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}

/// The tag of a counted version.
pub(super) fn of_version(version: i64) -> String {
    format!("\"{version}\"")
}

/// The version of such a tag. One of another form is none of ours: what it was read from has changed.
pub(super) fn version(etag: Option<&str>) -> Result<Option<i64>, Problem> {
    let Some(etag) = etag else { return Ok(None) };
    etag.trim_matches('"').parse().map(Some).map_err(|_| Problem::changed_meanwhile())
}
