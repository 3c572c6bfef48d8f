//! Leases: work that one node at a time may do. A row with an owner and an expiry works alike on both databases. Times come
//! from the caller, in epoch milliseconds; nodes' clocks must agree to well within a lease's length.

use crate::{Store, StoreError, Value};
use std::time::Duration;

impl Store {
    /// Takes or renews a lease for this node until `now + ttl`. False while another node holds it. A node that starts again
    /// under its name takes back its own at once.
    pub async fn lease(&self, name: &str, now: i64, ttl: Duration) -> Result<bool, StoreError> {
        let expires = now.saturating_add(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX));
        let mut tx = self.begin("take a lease").await?;
        let taken = tx
            .run(
                "INSERT INTO lease (name, owner, expires_at) VALUES ($1, $2, $3)
                 ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at
                 WHERE lease.owner = excluded.owner OR lease.expires_at <= $4",
                &[name.into(), self.node().into(), expires.into(), now.into()],
            )
            .await?;
        tx.commit().await?;
        Ok(taken == 1)
    }

    /// Gives up a lease of this node; nothing happens if it is another's by now.
    pub async fn release_lease(&self, name: &str) -> Result<(), StoreError> {
        let mut tx = self.begin("give up a lease").await?;
        tx.run("DELETE FROM lease WHERE name = $1 AND owner = $2", &[name.into(), self.node().into()]).await?;
        tx.commit().await
    }

    /// Who holds a lease at `now`, and until when.
    pub async fn lease_holder(&self, name: &str, now: i64) -> Result<Option<(String, i64)>, StoreError> {
        let mut tx = self.read().await?;
        let args: [Value<'_>; 2] = [name.into(), now.into()];
        let row = tx.optional("SELECT owner, expires_at FROM lease WHERE name = $1 AND expires_at > $2", &args).await?;
        row.map(|row| Ok((row.text("owner")?, row.int("expires_at")?))).transpose()
    }
}
