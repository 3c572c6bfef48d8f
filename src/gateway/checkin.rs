//! Check-in messages of devices, and their answers. Source: Apple docs, Check-in.

use super::Gate;
use super::answer::{plain, property_list, with_type};
use crate::enrollment::EnrollmentError;
use crate::enrollment::checkin::Reply;
use crate::enrollment::conversation;
use crate::enrollment::identity::Presented;
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;

/// Hands a check-in message on and answers it.
///
/// # Errors
/// As [`conversation::check_in`]; unreadable as a check-in message, the body may still be a report.
pub(super) async fn handle(gate: &Gate, presented: Presented<'_>, body: &[u8]) -> Result<Response, EnrollmentError> {
    let authority = gate.authority.get().await?;
    conversation::check_in(&gate.ctx, &authority, presented, body).await.map(answer)
}

/// Where Apple names a status other than 200, the device expects it; a check-in answered otherwise comes again for good.
fn answer(reply: Reply) -> Response {
    match reply {
        Reply::Done => Response::new(Body::empty()),
        Reply::PropertyList(bytes) => property_list(bytes),
        Reply::Json(bytes) if bytes.is_empty() => Response::new(Body::empty()),
        Reply::Json(bytes) => with_type("application/json", bytes),
        Reply::UserNotManaged => plain(StatusCode::GONE, "users of this Mac are not managed"),
        Reply::UnknownService => plain(StatusCode::BAD_REQUEST, "there is no token of this service"),
        Reply::NoDeclaration => plain(StatusCode::NOT_FOUND, "there is no such declaration"),
    }
}
