//! PUT /checkin, the `CheckInURL`: check-in messages.

use super::Gate;
use axum::Router;

/// The routes.
pub(super) fn routes() -> Router<Gate> {
    Router::new()
}
