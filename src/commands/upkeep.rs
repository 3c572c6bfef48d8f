//! Background work of the queue: commands that come to their time, and history that grows old.

use super::history::{self, OutcomeState};
use super::{Priority, queue, store};
use crate::context::Context;
use crate::directory::dirty;
use russet_store::StoreError;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Rows of one transaction, so that no device waits long for its turn.
const BATCH: u32 = 500;
/// Between two rounds.
const ROUND: Duration = Duration::from_secs(60);

/// Runs [`upkeep`] each minute until told to stop.
pub async fn run(ctx: Context, stop: CancellationToken) {
    loop {
        if let Err(error) = upkeep(&ctx).await {
            tracing::warn!(%error, "upkeep of the command queue failed; it is tried again in a minute");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(ROUND) => {}
        }
    }
}

/// One round: ends what has come to its time and forgets what is old. How many commands expired.
///
/// # Errors
/// Where the store fails.
pub async fn upkeep(ctx: &Context) -> Result<u64, StoreError> {
    let mut expired = 0;
    loop {
        let ended = expire(ctx).await?;
        expired += ended;
        if ended < u64::from(BATCH) {
            break;
        }
    }
    while prune(ctx).await? {}
    Ok(expired)
}

async fn expire(ctx: &Context) -> Result<u64, StoreError> {
    let now = ctx.now();
    let mut tx = ctx.store.begin("commands: expire").await?;
    let (uuids, devices) = store::expired(&mut *tx, now, BATCH).await?;
    let count = u64::try_from(uuids.len()).unwrap_or(u64::MAX);
    if count > 0 {
        queue::give_up(&mut *tx, uuids, OutcomeState::Expired, history::EXPIRED, now).await?;
        dirty::mark_many(&mut *tx, &devices, Priority::Bulk, "command expired", now).await?;
    }
    tx.commit().await?;
    Ok(count)
}

/// Forgets one batch of each, as old as `retention.commands` says; whether there may be more.
async fn prune(ctx: &Context) -> Result<bool, StoreError> {
    let mut tx = ctx.store.begin("commands: forget").await?;
    let most = store::prune(&mut *tx, ctx.now().minus(ctx.config.retention.commands), BATCH).await?;
    tx.commit().await?;
    Ok(most >= u64::from(BATCH))
}
