//! The reconciler: takes the devices that are marked, asks the planner, carries the plans out.
//!
//! Any number of nodes may run it. A batch of marks is held under a lease; facts are read for the whole batch at once; each
//! device's plan is one transaction, which also says when to look again. What dies in between is looked at again.

use super::carry_out::{Carried, carry_out};
use super::error::AppsError;
use super::facts;
use super::library::Library;
use crate::context::Context;
use crate::directory::dirty::{self, Mark};
use crate::ids::DeviceId;
use russet_store::{StoreError, Wake};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Devices of one batch.
const BATCH: u32 = 50;
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
    for mark in &marks {
        let Some(case) = cases.iter().find(|case| case.device.id == mark.device) else {
            release(ctx, mark, None).await?;
            continue;
        };
        let plan = russet_planner::plan(&case.facts, now);
        match carry_out(ctx, &library, mark, case, &plan, now).await {
            Ok(Carried::Out) => {}
            Ok(Carried::Overtaken) => release(ctx, mark, Some(now)).await?,
            Err(AppsError::Store(error @ StoreError::Unavailable(_))) => return Err(error.into()),
            // One device that cannot be worked on must not hold up the others.
            Err(error) => {
                tracing::error!(device = %mark.device, %error, "the plan of a device could not be carried out");
                release(ctx, mark, Some(now.plus(SOON))).await?;
            }
        }
    }
    Ok(marks.len())
}

/// Gives a mark back without a plan.
async fn release(ctx: &Context, mark: &Mark, again: Option<russet_protocol::Timestamp>) -> Result<(), StoreError> {
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
