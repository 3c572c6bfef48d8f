//! Apple's notifications, read as hints: they say what to look at now, never what is so. So it does not matter that they come
//! twice, late, in another order, or not at all.

use super::desk::{Desk, Halt};
use crate::licenses::store;
use russet_apps_and_books::Notification;
use std::time::Duration;

/// How many are read at once.
const PART: u32 = 200;
/// How long a notification is kept to know it again.
const KEPT: Duration = Duration::from_secs(2 * 24 * 3600);

pub(super) async fn read(desk: &Desk<'_>) -> Result<(), Halt> {
    let (ctx, id, now) = (desk.ctx, desk.id(), desk.now());
    loop {
        let waiting = store::waiting(&mut *ctx.store.read().await?, id, PART).await?;
        if waiting.is_empty() {
            return Ok(());
        }
        let mut tx = ctx.store.begin("read Apple's notifications").await?;
        for (notification_id, body) in &waiting {
            // It was read once when it was taken in.
            if let Ok(notification) = Notification::parse(body) {
                match (notification.kind.as_str(), notification.event_id()) {
                    ("ASSET_MANAGEMENT", Some(event)) => store::hint(&mut *tx, id, event, now).await?,
                    ("ASSET_COUNT" | "UNLIMITED_ASSET", _) => store::want_counts(&mut *tx, id, now).await?,
                    _ => {}
                }
            }
            store::processed(&mut *tx, id, notification_id, now).await?;
        }
        store::forget(&mut *tx, id, now.minus(KEPT)).await?;
        tx.commit().await?;
    }
}
