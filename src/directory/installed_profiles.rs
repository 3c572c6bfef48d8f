//! Configuration profiles as devices report them.

use super::managed_apps::{list_seen, list_seen_at};
use crate::ids::DeviceId;
use russet_protocol::Timestamp;
use russet_protocol::result;
use russet_store::{StoreError, Tx, Value};

/// One profile on one device, as last reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledProfile {
    /// `PayloadIdentifier`.
    pub identifier: String,
    /// `PayloadUUID`, of this build of the profile.
    pub uuid: String,
    /// `PayloadDisplayName`. Hostile text.
    pub display_name: Option<String>,
    /// `IsManaged`.
    pub is_managed: Option<bool>,
    /// When the device last reported it.
    pub seen_at: Timestamp,
}

/// No profile has a longer identifier, in bytes; indexes have an end.
const LONGEST_IDENTIFIER: usize = 1024;

/// Stores a device's list, which is always complete: profiles that it does not name are forgotten.
pub async fn record(
    tx: &mut dyn Tx,
    device: DeviceId,
    profiles: &[result::InstalledProfile],
    now: Timestamp,
) -> Result<(), StoreError> {
    let (id, now) = (device.text(), now.millis());
    let mut latest = std::collections::BTreeMap::new();
    let fits = |identifier: &str| !identifier.is_empty() && identifier.len() <= LONGEST_IDENTIFIER;
    for profile in profiles.iter().filter(|profile| fits(&profile.identifier)) {
        latest.insert(profile.identifier.as_str(), profile);
    }
    let rows: Vec<Vec<Value<'_>>> = latest
        .values()
        .map(|profile| {
            vec![
                (&id).into(),
                (&profile.identifier).into(),
                (&profile.uuid).into(),
                profile.display_name.as_deref().into(),
                profile.is_managed.into(),
                now.into(),
            ]
        })
        .collect();
    tx.run("DELETE FROM installed_profile WHERE device_id = $1", &[(&id).into()]).await?;
    tx.many(
        "INSERT INTO installed_profile (device_id, identifier, uuid, display_name, is_managed, seen_at) VALUES {rows}",
        &rows,
    )
    .await?;
    list_seen(tx, device, "profiles", now).await
}

/// Everything known of a device's profiles is uncertain from now on.
pub async fn forget(tx: &mut dyn Tx, device: DeviceId) -> Result<(), StoreError> {
    let id = device.text();
    tx.run("DELETE FROM installed_profile WHERE device_id = $1", &[(&id).into()]).await?;
    tx.run("DELETE FROM device_list WHERE device_id = $1 AND list = 'profiles'", &[(&id).into()]).await?;
    Ok(())
}

/// The profiles of a device.
pub async fn of_device(tx: &mut dyn Tx, device: DeviceId) -> Result<Vec<InstalledProfile>, StoreError> {
    let sql = "SELECT identifier, uuid, display_name, is_managed, seen_at FROM installed_profile
               WHERE device_id = $1 ORDER BY identifier";
    let rows = tx.rows(sql, &[(&device.text()).into()]).await?;
    let read = |row: &russet_store::Row| {
        Ok(InstalledProfile {
            identifier: row.text("identifier")?,
            uuid: row.text("uuid")?,
            display_name: row.opt_text("display_name")?,
            is_managed: row.opt_flag("is_managed")?,
            seen_at: Timestamp(row.int("seen_at")?),
        })
    };
    rows.iter().map(read).collect()
}

/// When the device last gave its list of profiles.
pub async fn listed_at(tx: &mut dyn Tx, device: DeviceId) -> Result<Option<Timestamp>, StoreError> {
    list_seen_at(tx, device, "profiles").await
}
