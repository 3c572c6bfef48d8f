//! Names and bundle ids, from the metadata lookup: once a day for each app. A lookup that fails holds nothing else up.

use super::desk::{Desk, Halt};
use crate::licenses::assets::Metadata;
use crate::licenses::store;
use russet_apps_and_books::{Found, Lookup};
use russet_protocol::{AdamId, BundleId, Platform, Timestamp};
use std::time::Duration;

const OLD: Duration = Duration::from_secs(24 * 3600);
/// An app that was not found, or could not be asked for, is asked for again after this.
const AGAIN: Duration = Duration::from_secs(3600);
/// How many are looked up in one turn, so that licenses do not wait for names.
const PART: u32 = 10;
/// Apple's word for what only Macs have.
const MAC_STORE: &str = "macappstore";
const BUSINESS: &str = "enterprisestore";

/// Names asked for before this moment are old.
pub(super) fn stale(now: Timestamp) -> Timestamp {
    now.minus(OLD)
}

pub(super) async fn due(desk: &Desk<'_>) -> Result<(), Halt> {
    let now = desk.now();
    let nameless = store::nameless(&mut *desk.ctx.store.read().await?, desk.id(), stale(now), PART).await?;
    let mut news = false;
    for (adam, platforms) in nameless {
        let said = ask(desk, adam, &platforms).await?;
        // Counted as asked some time ago, so that it is old again after the shorter pause.
        let asked_at = if said.is_some() { now } else { now.minus(OLD.saturating_sub(AGAIN)) };
        let mut tx = desk.ctx.store.begin("name an app").await?;
        news |= store::put_metadata(&mut *tx, desk.id(), adam, said.as_ref(), asked_at).await?;
        tx.commit().await?;
    }
    if news {
        let mut tx = desk.ctx.store.begin("apps have new names or versions").await?;
        store::unmark(&mut *tx, desk.id()).await?;
        tx.wake(russet_store::Wake::Licenses);
        tx.commit().await?;
    }
    Ok(())
}

async fn ask(desk: &Desk<'_>, adam_id: AdamId, platforms: &str) -> Result<Option<Metadata>, Halt> {
    let country = desk.work.country.as_deref().unwrap_or("US");
    let usual = desk.work.platform.as_deref().unwrap_or(BUSINESS);
    let places = if platforms == Platform::MacOs.as_str() { [MAC_STORE, usual] } else { [usual, MAC_STORE] };
    for platform in places {
        match desk.ask(desk.client()?.metadata(&Lookup { adam_id, platform, country })).await {
            Ok(Some(found)) => return Ok(Some(metadata(found))),
            Ok(None) => {}
            Err(Halt::Apple(failure)) => {
                tracing::info!(account = %desk.id(), app = %adam_id, %failure, "an app's name cannot be looked up");
                return Ok(None);
            }
            Err(halt) => return Err(halt),
        }
    }
    Ok(None)
}

fn metadata(found: Found) -> Metadata {
    Metadata {
        name: found.name,
        bundle_id: found.bundle_id.and_then(|id| BundleId::new(id).ok()),
        version: found.version,
        external_version_id: found.external_version_id,
        minimum_os: found.minimum_os,
        icon_url: found.icon_url,
        asked_at: None,
    }
}
