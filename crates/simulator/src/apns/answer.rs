//! What APNs answers: a status and, where it refuses, one of Apple's reasons. Source: "Handling notification responses
//! from APNs".

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use russet_protocol::Timestamp;
use serde::{Deserialize, Serialize};

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// Apple's reason, such as `BadDeviceToken`.
    pub reason: String,
    /// When the token died, in milliseconds since the epoch; only with status 410.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<i64>,
}

impl Refusal {
    /// A refusal for one of Apple's reasons.
    #[must_use]
    pub fn new(status: u16, reason: &str) -> Self {
        Self { status, reason: reason.to_owned(), timestamp: None }
    }

    /// The refusal for a token that is dead since this moment.
    #[must_use]
    pub fn dead(reason: &str, since: Timestamp) -> Self {
        Self { status: 410, reason: reason.to_owned(), timestamp: Some(since.millis()) }
    }
}

/// Answers a request: `Ok` is 200 with an empty body.
pub(super) fn answer(apns_id: &str, outcome: Result<(), Refusal>) -> Response {
    #[derive(Serialize)]
    struct Body {
        reason: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        timestamp: Option<i64>,
    }
    let id = [("apns-id", apns_id.to_owned())];
    match outcome {
        Ok(()) => (StatusCode::OK, id).into_response(),
        Err(refusal) => {
            let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let body = Body { reason: refusal.reason, timestamp: refusal.timestamp };
            (status, id, axum::Json(body)).into_response()
        }
    }
}
