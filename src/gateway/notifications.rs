//! Apple's notifications about licenses, /apple/notifications/{account}.

use super::Gate;
use axum::Router;

/// The routes.
pub(super) fn routes() -> Router<Gate> {
    Router::new()
}
