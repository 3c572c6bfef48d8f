//! The reconciler: takes the devices that are marked, asks the planner, carries the plans out.

use crate::context::Context;
use russet_store::StoreError;
use tokio_util::sync::CancellationToken;

/// Works until it is told to stop.
pub async fn run(_ctx: Context, stop: CancellationToken) {
    stop.cancelled().await;
}

/// Takes one batch of marked devices and carries out their plans. Returns how many were handled; zero when nothing is due.
///
/// # Errors
/// Where the store fails; the marks come back when their lease ends.
pub async fn step(_ctx: &Context) -> Result<usize, StoreError> {
    Ok(0)
}
