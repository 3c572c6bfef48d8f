//! When tokens were used last: collected in memory, written in batches, so that reading the API writes nothing.

use super::store;
use crate::context::Context;
use crate::ids::TokenId;
use russet_protocol::Timestamp;
use russet_store::StoreError;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const PAUSE: Duration = Duration::from_secs(30);

/// The uses that are not written yet. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct LastUsed(Arc<Mutex<HashMap<TokenId, Timestamp>>>);

impl LastUsed {
    /// Notes a use.
    pub fn note(&self, id: TokenId, now: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, now);
    }

    /// Writes what is noted.
    ///
    /// # Errors
    /// Where the store fails; what was noted is then lost, which costs no more than an older time in a list.
    pub async fn write(&self, ctx: &Context) -> Result<(), StoreError> {
        let noted = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if noted.is_empty() {
            return Ok(());
        }
        let mut tx = ctx.store.begin("note the use of API tokens").await?;
        for (id, at) in noted {
            store::used(&mut *tx, id, at).await?;
        }
        tx.commit().await
    }

    /// Writes every half minute and once at the end.
    pub async fn run(self, ctx: Context, stop: CancellationToken) {
        loop {
            let stopped = tokio::select! {
                () = stop.cancelled() => true,
                () = tokio::time::sleep(PAUSE) => false,
            };
            if let Err(error) = self.write(&ctx).await {
                tracing::warn!(%error, "the last use of API tokens was not written");
            }
            if stopped {
                return;
            }
        }
    }
}
