//! What comes in: JSON bodies, parts of the path, queries. A wrong one is a problem that names the field, never plain text.

use super::problem::Problem;
use axum::extract::rejection::{BytesRejection, FormRejection, JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use zeroize::Zeroizing;

/// A JSON body.
#[derive(FromRequest)]
#[from_request(via(axum::Json), rejection(Problem))]
pub(super) struct Body<T>(pub(super) T);

/// A part of the path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub(super) struct Path<T>(pub(super) T);

/// The query of the address.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub(super) struct Query<T>(pub(super) T);

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::too_large("The body is larger than this address accepts."),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                Self::malformed("The body must be JSON; send `Content-Type: application/json`.")
            }
            _ => Self::malformed(rejection.body_text()),
        }
    }
}

impl From<PathRejection> for Problem {
    fn from(_: PathRejection) -> Self {
        // An identifier that cannot be one names nothing.
        Self::not_found("The address holds something that is no identifier.")
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::malformed(rejection.body_text())
    }
}

impl From<BytesRejection> for Problem {
    fn from(rejection: BytesRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::too_large("The body is larger than this address accepts."),
            _ => Self::malformed("The body broke off."),
        }
    }
}

impl From<FormRejection> for Problem {
    fn from(rejection: FormRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::too_large("The body is larger than this address accepts."),
            // What the form holds may be secret: it is not repeated.
            _ => Self::malformed(
                "The body must be a form with the fields of this address, as the documentation lists them.",
            ),
        }
    }
}

/// The bytes of a file that a client sent as base64.
pub(super) fn file(text: &str, field: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
    STANDARD.decode(text.trim()).map(Zeroizing::new).map_err(|_| {
        Problem::malformed(format!("`{field}` must be the file's bytes in base64 (RFC 4648, with padding)."))
    })
}
