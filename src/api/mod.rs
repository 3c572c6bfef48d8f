//! What admins' programs reach: `/api/v1`, with bearer tokens and problem answers (RFC 9457). Thin: reads arguments, calls one
//! function of a room, shows what it said. Must never answer with a secret, except a token at the moment it is made and
//! a PIN that an admin asks for by name.
//!
//! Everything under `/api/v1` needs a token; a token of the role *viewer* reads only, and neither tokens nor the audit log.
//! Every change is an entry of the audit log. One file per resource. [`nanomdm`] is the door for tools made for NanoMDM.

mod accounts;
mod apps;
mod audit;
mod auth;
mod body;
mod commands;
mod devices;
mod enrollments;
mod etag;
pub mod expiries;
mod inventory;
mod invitations;
mod limits;
mod nanomdm;
mod problem;
mod profiles;
mod push_certificate;
mod show;
mod status;
#[cfg(test)]
mod tests;
mod tokens;
mod users;
mod values;

use crate::access::LastUsed;
use crate::context::Context;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use http::{HeaderValue, header};
use problem::Problem;
use tower_http::set_header::SetResponseHeaderLayer;

/// What handlers are given. Cheap to clone.
#[derive(Clone)]
struct Api {
    ctx: Context,
    uses: LastUsed,
}

/// The routes of the admin listener. Uses of tokens are noted in `uses`; who starts the server lets them be written.
pub fn router(ctx: Context, uses: LastUsed) -> Router {
    let api = Api { ctx, uses };
    let resources = Router::new()
        .merge(status::routes())
        .merge(tokens::routes())
        .merge(audit::routes())
        .merge(accounts::routes())
        .merge(apps::routes())
        .merge(commands::routes())
        .merge(devices::routes())
        .merge(enrollments::routes())
        .merge(inventory::routes())
        .merge(invitations::routes())
        .merge(profiles::routes())
        .merge(push_certificate::routes())
        .merge(users::routes())
        // Inside the check of the token: it names who asked.
        .route_layer(from_fn_with_state(api.clone(), audit::record))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(api.clone(), auth::check));
    let fixed = |name, value| SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value));
    Router::new()
        .merge(status::open_routes())
        .nest("/api/v1", resources)
        .merge(nanomdm::router(&api))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(limits::BODY))
        .layer(fixed(header::CACHE_CONTROL, "no-store"))
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(from_fn_with_state(api.clone(), limits::in_log))
        .layer(from_fn(limits::plain_path))
        .with_state(api)
}

async fn unknown() -> Problem {
    Problem::not_found("There is nothing at this address.").next("The resources stand in the documentation of the API.")
}

async fn wrong_method() -> Problem {
    Problem::wrong_method()
}
