//! The worker: the only one who talks to Apps and Books, one leaseholder for each account over all nodes.

use crate::context::Context;
use tokio_util::sync::CancellationToken;

/// Serves all accounts until it is told to stop.
pub async fn run(_ctx: Context, stop: CancellationToken) {
    stop.cancelled().await;
}
