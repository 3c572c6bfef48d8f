//! Devices that have fallen silent. A device says goodbye at most once and often never, so silence is a state of its own: no word
//! for as long as the configuration says, or for a day where Apple has said that its push token is dead.

use super::rows;
use crate::context::Context;
use crate::ids::DeviceId;
use russet_protocol::Timestamp;
use russet_store::{StoreError, Tx, Value};
use std::collections::BTreeMap;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A device that is enrolled and silent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// When it was last heard.
    pub since: Timestamp,
    /// Why it cannot be woken, in words, where that is so.
    pub unreachable: Option<String>,
}

impl Silence {
    /// It in words, as of now.
    #[must_use]
    pub fn in_words(&self, now: Timestamp) -> String {
        let days = now.since(self.since).as_secs() / DAY.as_secs();
        let plural = if days == 1 { "" } else { "s" };
        let silent = format!("silent for {days} day{plural}");
        match &self.unreachable {
            Some(why) => format!("{silent}, and it cannot be woken: {why}"),
            None => format!("{silent}; it is woken once a day"),
        }
    }
}

/// Which of these devices are enrolled and silent.
///
/// # Errors
/// Where the store fails.
pub async fn of_devices(
    tx: &mut dyn Tx,
    ctx: &Context,
    devices: &[DeviceId],
) -> Result<BTreeMap<DeviceId, Silence>, StoreError> {
    let ids: Vec<String> = devices.iter().map(|device| device.text()).collect();
    let list: Vec<Value<'_>> = ids.iter().map(Into::into).collect();
    let rows = tx
        .rows_in(
            "SELECT e.device, e.live_at, s.seen_at, p.stopped
             FROM enrollment e JOIN channel c ON c.enrollment = e.id AND c.user_key = ''
             LEFT JOIN device_seen s ON s.device_id = e.device LEFT JOIN push_channel p ON p.channel_id = c.id
             WHERE e.state = 'live' AND e.device IN ({list})",
            &[],
            &list,
        )
        .await?;
    let (now, mut silent) = (ctx.now(), BTreeMap::new());
    for row in &rows {
        let since = Timestamp(row.opt_int("seen_at")?.max(row.opt_int("live_at")?).unwrap_or(0));
        let unreachable = row.opt_text("stopped")?;
        let patience = if unreachable.is_some() { DAY } else { ctx.config.fleet.silent_after };
        if now.since(since) >= patience.min(ctx.config.fleet.silent_after) {
            silent.insert(rows::id(row, "enrollment", "device")?, Silence { since, unreachable });
        }
    }
    Ok(silent)
}

/// Enrolled devices that are silent, in the order of their identifiers, after `after`.
///
/// # Errors
/// Where the store fails.
pub async fn list(
    tx: &mut dyn Tx,
    ctx: &Context,
    after: Option<DeviceId>,
    limit: u32,
) -> Result<Vec<DeviceId>, StoreError> {
    let (now, long) = (ctx.now(), ctx.config.fleet.silent_after);
    let after = after.map(DeviceId::text).unwrap_or_default();
    let rows = tx
        .rows(
            // CROSS JOIN: from the few rows of the first table to the others, whatever SQLite believes of their sizes. The text
            // that is made of the device keeps it from reading all of them in their order instead.
            "SELECT e.device FROM device_seen s CROSS JOIN enrollment e
             WHERE s.seen_at <= $1 AND e.device = s.device_id AND e.state = 'live' AND e.live_at <= $1 AND e.device || '' > $3
             UNION
             SELECT e.device FROM push_channel p CROSS JOIN channel c CROSS JOIN enrollment e CROSS JOIN device_seen s
             WHERE p.stopped IS NOT NULL AND p.target_at <= $2 AND c.id = p.channel_id AND c.user_key = '' AND e.id = c.enrollment
               AND e.state = 'live' AND e.live_at <= $2 AND s.device_id = e.device AND s.seen_at <= $2 AND e.device || '' > $3
             ORDER BY device LIMIT $4",
            &[now.minus(long).millis().into(), now.minus(DAY.min(long)).millis().into(), (&after).into(), limit.into()],
        )
        .await?;
    rows.iter().map(|row| rows::id(row, "enrollment", "device")).collect()
}
