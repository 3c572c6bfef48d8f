//! The reconciler: takes the devices that are marked, asks the planner, carries the plans out.
//!
//! Any number of nodes may run it. A batch of marks is held under a lease; facts are read for the whole batch at once; each
//! device's plan is one transaction, which also says when to look again; devices whose plan changes nothing share one. What
//! dies in between is looked at again.

use super::carry_out::{Carried, carry_out, changes_nothing};
use super::error::AppsError;
use super::facts::{self, Case};
use super::library::Library;
use crate::context::Context;
use crate::directory::dirty::{self, Mark};
use crate::ids::DeviceId;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use russet_planner::Plan;
use russet_protocol::Timestamp;
use russet_store::{StoreError, Wake};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Devices of one batch.
const BATCH: u32 = 50;
/// Plans that are carried out at a time: they share the commits of SQLite, and the connections of PostgreSQL with devices.
const AT_ONCE: usize = 8;
/// How long a batch may take before others may take its marks; plans of a slower node are refused by their revision.
const LEASE: Duration = Duration::from_secs(30);
/// A wake may be lost, so it looks by itself this often.
const AT_LATEST: Duration = Duration::from_secs(10);
/// How long it waits after a failure of the store.
const AFTER_FAILURE: Duration = Duration::from_secs(2);
/// How soon a device is looked at again whose plan failed or was overtaken.
const SOON: Duration = Duration::from_secs(30);

/// Works until it is told to stop. What this node held when it last ended is due at once.
pub async fn run(ctx: Context, stop: CancellationToken) {
    let waker = ctx.store.waker(Wake::Reconciler);
    while let Err(error) = reclaim(&ctx).await {
        tracing::warn!(%error, "the reconciler cannot start yet");
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(AFTER_FAILURE) => {}
        }
    }
    while !stop.is_cancelled() {
        let wait = match step(&ctx).await {
            Ok(0) => until_next(&ctx).await.unwrap_or(AFTER_FAILURE),
            Ok(_) => continue,
            Err(error) => {
                tracing::error!(%error, "the reconciler could not work on a batch; its devices are looked at again");
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = waker.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Takes one batch of marked devices and carries out their plans. Returns how many were handled; zero when nothing is due.
///
/// # Errors
/// Where the store fails; the marks come back when their lease ends.
pub async fn step(ctx: &Context) -> Result<usize, AppsError> {
    let now = ctx.now();
    let mut tx = ctx.store.begin("take marked devices").await?;
    let marks = dirty::take(&mut *tx, &ctx.node, BATCH, now, LEASE).await?;
    tx.commit().await?;
    if marks.is_empty() {
        return Ok(0);
    }
    let ids: Vec<DeviceId> = marks.iter().map(|mark| mark.device).collect();
    let (library, cases) = {
        let mut view = ctx.store.read().await?;
        let library = Library::load(&mut *view).await?;
        let cases = facts::load(&mut *view, ctx, &library, &ids, now).await?;
        (library, cases)
    };
    let cases: BTreeMap<DeviceId, Case> = cases.into_iter().map(|case| (case.device.id, case)).collect();
    let (mut as_wanted, mut work) = (Vec::new(), Vec::new());
    for mark in &marks {
        let Some(case) = cases.get(&mark.device) else {
            release(ctx, mark, None).await?;
            continue;
        };
        let plan = russet_planner::plan(&case.facts, now);
        if changes_nothing(&library, case, &plan, now) {
            as_wanted.push((mark, plan.next_at));
        } else {
            work.push((mark, case, plan));
        }
    }
    look_again(ctx, &as_wanted).await?;
    let work: Vec<_> =
        work.into_iter().map(|(mark, case, plan)| work_on(ctx, &library, mark, case, plan, now)).collect();
    stream::iter(work).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    Ok(marks.len())
}

/// Carries one plan out. Fails only where the store does not answer.
async fn work_on(
    ctx: &Context,
    library: &Library,
    mark: &Mark,
    case: &Case,
    plan: Plan,
    now: Timestamp,
) -> Result<(), StoreError> {
    match carry_out(ctx, library, mark, case, &plan, now).await {
        Ok(Carried::Out) => Ok(()),
        Ok(Carried::Overtaken) => release(ctx, mark, Some(now)).await,
        Err(AppsError::Store(error @ StoreError::Unavailable(_))) => Err(error),
        // One device that cannot be worked on must not hold up the others.
        Err(error) => {
            tracing::error!(device = %mark.device, %error, "the plan of a device could not be carried out");
            release(ctx, mark, Some(now.plus(SOON))).await
        }
    }
}

/// Says of devices that are as wanted when to look at them again. Their marks alone decide whether that still holds: a
/// change since their facts were read has raised the generation.
async fn look_again(ctx: &Context, marks: &[(&Mark, Timestamp)]) -> Result<(), StoreError> {
    if marks.is_empty() {
        return Ok(());
    }
    let mut tx = ctx.store.begin("look again at devices that are as wanted").await?;
    dirty::done_many(&mut *tx, marks, "a look that was planned").await?;
    tx.commit().await
}

/// Gives a mark back without a plan.
async fn release(ctx: &Context, mark: &Mark, again: Option<Timestamp>) -> Result<(), StoreError> {
    let mut tx = ctx.store.begin("give a mark back").await?;
    dirty::done(&mut *tx, mark, again.map(|at| (at, "the last look was cut short"))).await?;
    tx.commit().await
}

async fn reclaim(ctx: &Context) -> Result<(), StoreError> {
    let mut tx = ctx.store.begin("take back this node's marks").await?;
    dirty::reclaim(&mut *tx, &ctx.node, ctx.now()).await?;
    tx.commit().await
}

/// How long there is nothing to do, if nobody marks a device.
async fn until_next(ctx: &Context) -> Result<Duration, StoreError> {
    let next = dirty::next_ready(&mut *ctx.store.read().await?).await?;
    Ok(next.map_or(AT_LATEST, |at| at.since(ctx.now()).min(AT_LATEST)))
}
