//! The mirror: Apple's records, read page by page into the store. Counts every hour and when Apple hints at a change, all
//! assignments once a day and when an admin asks.

use super::desk::{Desk, Halt};
use crate::directory::dirty::{self, Lane};
use crate::licenses::store;
use russet_apps_and_books::Filter;
use russet_protocol::{SerialNumber, Timestamp};
use russet_store::{StoreError, Tx};
use std::collections::BTreeSet;
use std::time::Duration;

const COUNTS_EVERY: Duration = Duration::from_secs(3600);
const ALL_EVERY: Duration = Duration::from_secs(24 * 3600);
/// A list that changed while it was read is read again so often; then its union is taken, and it is read again soon.
const TRIES: u32 = 3;
const SOON: Duration = Duration::from_secs(600);
/// Apple's lists may lag behind its events: younger assignments are not dropped because a list does not show them.
const SETTLED: Duration = Duration::from_secs(600);
/// Rows of one transaction.
const PART: usize = 500;

pub(super) async fn due(desk: &mut Desk<'_>) -> Result<(), Halt> {
    let now = desk.now();
    let all = desk.work.sync_due_at <= now;
    if !all && desk.work.assets_due_at > now {
        return Ok(());
    }
    assets(desk).await?;
    let all_next = if all { Some(if assignments(desk).await? { ALL_EVERY } else { SOON }) } else { None };
    let mut tx = desk.ctx.store.begin("a location's records were read").await?;
    let next = all_next.map(|pause| now.plus(pause));
    store::synced(&mut *tx, desk.id(), now, now.plus(COUNTS_EVERY), next).await?;
    tx.commit().await?;
    desk.reload().await
}

async fn assets(desk: &Desk<'_>) -> Result<(), Halt> {
    let run = desk.now();
    let client = desk.client()?;
    let mut walk = client.assets();
    while let Some(records) = desk.ask(walk.more()).await? {
        desk.heard(walk.trailer())?;
        for part in records.chunks(PART) {
            let mut tx = desk.ctx.store.begin("mirror assets").await?;
            for record in part {
                store::put_asset(&mut *tx, desk.id(), record, run).await?;
            }
            tx.commit().await?;
        }
    }
    if walk.is_steady() {
        let mut tx = desk.ctx.store.begin("drop assets that are gone").await?;
        store::drop_assets_before(&mut *tx, desk.id(), run).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Whether the list stood still long enough to be believed as a whole.
async fn assignments(desk: &Desk<'_>) -> Result<bool, Halt> {
    for _ in 0..TRIES {
        let run = desk.now();
        let mut walk = desk.client()?.assignments(&Filter::default());
        while let Some(records) = desk.ask(walk.more()).await? {
            desk.heard(walk.trailer())?;
            for part in records.chunks(PART) {
                let mut tx = desk.ctx.store.begin("mirror assignments").await?;
                let news = store::put_assignments(&mut *tx, desk.id(), part, run).await?;
                mark(&mut *tx, &news, run).await?;
                tx.commit().await?;
            }
        }
        if walk.is_steady() {
            drop_gone(desk, run).await?;
            return Ok(true);
        }
    }
    Ok(false)
}

async fn drop_gone(desk: &Desk<'_>, run: Timestamp) -> Result<(), Halt> {
    loop {
        let mut tx = desk.ctx.store.begin("drop assignments that are gone").await?;
        let limit = u32::try_from(PART).unwrap_or(u32::MAX);
        let gone = store::drop_assignments_before(&mut *tx, desk.id(), run, run.minus(SETTLED), limit).await?;
        let devices = gone.iter().filter(|(kind, _)| kind == "serial");
        let serials: BTreeSet<SerialNumber> =
            devices.filter_map(|(_, target)| SerialNumber::new(target.as_str()).ok()).collect();
        mark(&mut *tx, &serials, run).await?;
        tx.commit().await?;
        if gone.len() < PART {
            return Ok(());
        }
    }
}

async fn mark(tx: &mut dyn Tx, serials: &BTreeSet<SerialNumber>, now: Timestamp) -> Result<(), StoreError> {
    dirty::mark_serials(tx, serials, Lane::Bulk, "a license changed at Apple", now).await
}
