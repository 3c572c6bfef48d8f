//! The worker: the only one who talks to Apps and Books. One leaseholder for each account over all nodes makes *every* request
//! with its token, so that Apple's limit on requests holds.
//!
//! A turn does what is due for one account, in this order: mark devices after a change, claim the location, read what
//! notifications hint at, follow calls to their end, read Apple's records, send wishes, look up names. Each step leaves its
//! outcome in the store before the next begins, so that the process may end at any moment.

mod claim;
mod desk;
mod follow;
mod hints;
mod marks;
mod mirror;
mod names;
mod records;
mod send;
mod settle;
#[cfg(test)]
mod tests;
mod turn;

use crate::context::Context;
use crate::ids::AccountId;
use crate::licenses::store;
use desk::Kept;
use russet_protocol::Timestamp;
use russet_store::Wake;
use std::collections::HashMap;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Serves all accounts until it is told to stop; what is being sent then is finished first.
pub async fn run(ctx: Context, stop: CancellationToken) {
    let bell = ctx.store.waker(Wake::Licenses);
    let (ring, _) = watch::channel(());
    let (tasks, mut served) = (TaskTracker::new(), HashMap::new());
    loop {
        match accounts(&ctx).await {
            Ok(ids) => {
                for id in ids {
                    served.entry(id).or_insert_with(|| {
                        tasks.spawn(serve(ctx.clone(), id, ring.subscribe(), stop.clone()));
                    });
                }
            }
            Err(error) => tracing::warn!(%error, "the App Store accounts cannot be read; trying again"),
        }
        ring.send_replace(());
        tokio::select! {
            () = bell.notified() => {}
            () = tokio::time::sleep(ctx.config.pace.poll) => {}
            () = stop.cancelled() => break,
        }
    }
    tasks.close();
    tasks.wait().await;
}

async fn accounts(ctx: &Context) -> Result<Vec<AccountId>, russet_store::StoreError> {
    store::ids(&mut *ctx.store.read().await?).await
}

/// Serves one account: a turn whenever something is due. Rings with every wake and every tick of the supervisor.
async fn serve(ctx: Context, id: AccountId, mut ring: watch::Receiver<()>, stop: CancellationToken) {
    let mut kept = Kept::default();
    while !stop.is_cancelled() {
        let next = turn::turn(&ctx, id, &mut kept).await;
        let now = ctx.now();
        // Never in a tight circle, whatever the clock says.
        let pause = next.unwrap_or(Timestamp(i64::MAX)).since(now).clamp(SHORTEST, ctx.config.pace.poll.max(SHORTEST));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = ring.changed() => {}
            () = stop.cancelled() => {}
        }
    }
    desk::leave(&ctx, id).await;
}

const SHORTEST: std::time::Duration = std::time::Duration::from_millis(20);
