//! The background work of one process: what runs, and the watch over it.

use super::tls::Keeper;
use crate::access::LastUsed;
use crate::context::Context;
use crate::{api, apps, commands, enrollment, licenses, push};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Everything that runs beside the listeners.
pub(super) struct Workers {
    stop: CancellationToken,
    tasks: TaskTracker,
    failed: watch::Sender<Option<String>>,
}

impl Workers {
    /// Starts all of it.
    pub(super) fn start(ctx: &Context, uses: LastUsed, keeper: Keeper) -> Self {
        let workers =
            Self { stop: CancellationToken::new(), tasks: TaskTracker::new(), failed: watch::Sender::new(None) };
        let stop = || workers.stop.clone();
        workers.watch("push", push::worker::run(ctx.clone(), stop()));
        workers.watch("licenses", licenses::worker::run(ctx.clone(), stop()));
        workers.watch("reconciler", apps::reconciler::run(ctx.clone(), stop()));
        workers.watch("upkeep of commands", commands::run(ctx.clone(), stop()));
        workers.watch("renewal of identities", enrollment::renewal::run(ctx.clone(), stop()));
        workers.watch("visits of devices", enrollment::visits::run(ctx.clone(), stop()));
        workers.watch("ends of certificates", api::expiries::watch(ctx.clone(), stop()));
        workers.watch("use of API tokens", uses.run(ctx.clone(), stop()));
        workers.watch("TLS certificates", keeper.run(stop()));
        workers
    }

    /// Runs one piece of work that should never end by itself.
    fn watch(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let (stop, failed) = (self.stop.clone(), self.failed.clone());
        self.tasks.spawn(async move {
            let ended = tokio::spawn(work).await;
            if stop.is_cancelled() {
                return;
            }
            let how = if ended.is_err() { "failed inside" } else { "ended" };
            tracing::error!(work = name, how, "background work that should run for good is over");
            failed.send_replace(Some(format!("the background work \"{name}\" {how}; see the log, then start again")));
        });
    }

    /// Waits until some work is over that should not be.
    pub(super) async fn failed(&self) -> String {
        let mut seen = self.failed.subscribe();
        match seen.wait_for(Option::is_some).await {
            Ok(text) => text.clone().unwrap_or_default(),
            // The sender lives as long as `self`.
            Err(_) => std::future::pending().await,
        }
    }

    /// Tells all to stop and waits; false where something went on for longer than `patience`.
    pub(super) async fn stop(self, patience: Duration) -> bool {
        self.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(patience, self.tasks.wait()).await.is_ok()
    }
}
