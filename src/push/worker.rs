//! The worker: takes due pushes from the outbox, sends them, writes down what came of them.

use crate::context::Context;
use tokio_util::sync::CancellationToken;

/// Runs until `stop`.
pub async fn run(ctx: Context, stop: CancellationToken) {
    let _ = ctx;
    stop.cancelled().await;
}
