//! How a device stands by what it acknowledged: wiped, locked, in Lost Mode. Never by what somebody only asked for.
//!
//! A lock says "locked at": when somebody unlocked it again, no device tells. All of it ends with a new enrollment: a device in
//! Lost Mode cannot enroll, and an erased one is in none.

use crate::ids::DeviceId;
use russet_protocol::Timestamp;
use russet_store::{Row, StoreError, Tx, Value};

/// How a device stands. `None`: not so, as far as it said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// When it acknowledged its erasure. It may have failed afterwards: a device that still speaks was not erased.
    pub wiped_at: Option<Timestamp>,
    /// When it was last locked. Whether it was unlocked since is not known.
    pub locked_at: Option<Timestamp>,
    /// Since when it has been in Lost Mode.
    pub lost_mode_since: Option<Timestamp>,
}

/// It acknowledged that it erases itself.
pub(crate) async fn wiped(tx: &mut dyn Tx, device: DeviceId, now: Timestamp) -> Result<(), StoreError> {
    let sql = "INSERT INTO device_standing (device_id, wiped_at) VALUES ($1, $2)
               ON CONFLICT (device_id) DO UPDATE SET wiped_at = excluded.wiped_at, locked_at = NULL, lost_mode_since = NULL";
    tx.run(sql, &[(&device.text()).into(), now.millis().into()]).await.map(|_| ())
}

/// It acknowledged that it locked itself.
pub(crate) async fn locked(tx: &mut dyn Tx, device: DeviceId, now: Timestamp) -> Result<(), StoreError> {
    let sql = "INSERT INTO device_standing (device_id, locked_at) VALUES ($1, $2)
               ON CONFLICT (device_id) DO UPDATE SET locked_at = excluded.locked_at";
    tx.run(sql, &[(&device.text()).into(), now.millis().into()]).await.map(|_| ())
}

/// It acknowledged Lost Mode; where it was in it already, it has been since then.
pub(crate) async fn lost_mode_on(tx: &mut dyn Tx, device: DeviceId, now: Timestamp) -> Result<(), StoreError> {
    let sql = "INSERT INTO device_standing (device_id, lost_mode_since) VALUES ($1, $2)
               ON CONFLICT (device_id) DO UPDATE
               SET lost_mode_since = coalesce(device_standing.lost_mode_since, excluded.lost_mode_since)";
    tx.run(sql, &[(&device.text()).into(), now.millis().into()]).await.map(|_| ())
}

/// It acknowledged the end of Lost Mode.
pub(crate) async fn lost_mode_off(tx: &mut dyn Tx, device: DeviceId) -> Result<(), StoreError> {
    let sql = "UPDATE device_standing SET lost_mode_since = NULL WHERE device_id = $1";
    tx.run(sql, &[(&device.text()).into()]).await.map(|_| ())
}

/// It enrolled anew: it is neither wiped nor locked any more.
pub(crate) async fn enrolled(tx: &mut dyn Tx, device: DeviceId) -> Result<(), StoreError> {
    let sql = "DELETE FROM device_standing WHERE device_id = $1";
    tx.run(sql, &[(&device.text()).into()]).await.map(|_| ())
}

/// Those of these devices that acknowledged their erasure, and when.
pub(crate) async fn wiped_among(
    tx: &mut dyn Tx,
    devices: &[DeviceId],
) -> Result<Vec<(DeviceId, Timestamp)>, StoreError> {
    let ids: Vec<String> = devices.iter().map(|device| device.text()).collect();
    let list: Vec<Value<'_>> = ids.iter().map(Into::into).collect();
    let sql = "SELECT device_id, wiped_at FROM device_standing WHERE wiped_at IS NOT NULL AND device_id IN ({list})";
    let read = |row: &Row| {
        let text = row.text("device_id")?;
        let device = text.parse().map_err(|_| StoreError::corrupt("device_standing", "device_id", &text))?;
        Ok((device, Timestamp(row.int("wiped_at")?)))
    };
    tx.rows_in(sql, &[], &list).await?.iter().map(read).collect()
}

/// How a device stands.
///
/// # Errors
/// Where the store fails.
pub async fn of_device(tx: &mut dyn Tx, device: DeviceId) -> Result<Standing, StoreError> {
    let sql = "SELECT wiped_at, locked_at, lost_mode_since FROM device_standing WHERE device_id = $1";
    let Some(row) = tx.optional(sql, &[(&device.text()).into()]).await? else { return Ok(Standing::default()) };
    let moment = |column| Ok::<_, StoreError>(row.opt_int(column)?.map(Timestamp));
    Ok(Standing {
        wiped_at: moment("wiped_at")?,
        locked_at: moment("locked_at")?,
        lost_mode_since: moment("lost_mode_since")?,
    })
}
