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
mod mdm;
pub mod notifications;
mod proxy;
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
use tokio::sync::Semaphore;

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
    /// Room for large messages: those that are on their way, and those that are being read.
    large: Arc<LargeRoom>,
}

/// How many large messages there may be at once, so that they take a bounded part of the memory. More wait.
struct LargeRoom {
    arriving: Semaphore,
    reading: Semaphore,
}

/// The routes of the device listener.
pub fn router(ctx: Context) -> Router {
    patient_router(ctx, body::Patience::default())
}

fn patient_router(ctx: Context, patience: body::Patience) -> Router {
    let only_proxies = ctx.config.device.plain_http.then(|| Arc::clone(&ctx.config));
    let large = Arc::new(LargeRoom { arriving: Semaphore::new(16), reading: Semaphore::new(2) });
    let gate = Gate { authority: Arc::new(Keeper::new(ctx.clone())), patience, large, ctx };
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
