//! What devices and Apple reach: `/enroll`, `/scep`, `/mdm`, `/checkin`, Apple's webhook. HTTP in, protocol types out, one call
//! into a room below.
//!
//! Must never answer 401, from no layer: it un-enrolls the device [micromdm#102]. Everything that is not listed here is 404.
//!
//! | path | who comes | what it is |
//! |---|---|---|
//! | `GET /enroll/{code}` | people | the page behind an invitation's link, with a button to the profile |
//! | `GET /enroll/{code}/profile` | devices, `curl` | the signed enrollment profile, `application/x-apple-aspen-config` |
//! | `GET`, `POST /scep` | devices | identities by SCEP |
//! | `PUT /checkin`, `PUT /mdm` | devices | check-in messages; command reports |
//! | `/apple/notifications/{account}` | Apps and Books | notifications |
//! | `GET /health` | monitors | that the listener answers |

mod answer;
mod body;
mod checkin;
mod enroll;
mod enroll_page;
mod long;
mod mdm;
pub mod notifications;
mod proxy;
mod room;
mod scep;
#[cfg(test)]
mod tests;

use crate::context::Context;
use crate::enrollment::authority::Keeper;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use std::sync::Arc;
use std::time::Duration;

/// No request takes longer than this; most are ended far earlier by the limits of their bodies and handlers.
pub const LONGEST_REQUEST: Duration = Duration::from_secs(15 * 60);

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Gate {
    /// What rooms are handed.
    pub(crate) ctx: Context,
    /// The certificate authority, opened at the first use.
    pub(crate) authority: Arc<Keeper>,
    /// How slow peers may be.
    patience: body::Patience,
    /// Memory for long messages.
    room: Arc<room::Room>,
}

/// The routes of the device listener.
pub fn router(ctx: Context) -> Router {
    bounded_router(ctx, body::Patience::default(), room::Size::default())
}

fn bounded_router(ctx: Context, patience: body::Patience, room: room::Size) -> Router {
    let only_proxies = ctx.config.device.plain_http.then(|| Arc::clone(&ctx.config));
    let gate =
        Gate { authority: Arc::new(Keeper::new(ctx.clone())), patience, room: Arc::new(room::Room::new(room)), ctx };
    let router = Router::new()
        .route("/health", get(|| async { "ok\n" }))
        .merge(enroll::routes())
        .merge(scep::routes())
        .merge(mdm::routes())
        .merge(notifications::routes())
        .with_state(gate);
    match only_proxies {
        Some(config) => router.layer(from_fn_with_state(config, proxy::only)),
        None => router,
    }
}
