//! PUT /mdm, the `ServerURL`: reports about commands in, the next command out.

use super::Gate;
use axum::Router;

/// The routes.
pub(super) fn routes() -> Router<Gate> {
    Router::new()
}
