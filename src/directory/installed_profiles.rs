//! Configuration profiles as devices report them.

use super::lists::{self, bounded, flag_in, listed, some_bounded, text_in};
use crate::ids::DeviceId;
use russet_protocol::Timestamp;
use russet_protocol::result;
use russet_store::{StoreError, Tx, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The payload that is the management itself. Source: Apple schema, `com.apple.mdm.yaml`.
const MDM: &str = "com.apple.mdm";

listed! {
    /// One profile on one device, as last reported. Texts are hostile.
    pub struct InstalledProfile in "installed_profile", list "profiles", most 1000 {
        /// `PayloadIdentifier`.
        key identifier,
        /// `PayloadUUID`, of this build of the profile.
        uuid: String,
        /// `PayloadDisplayName`.
        display_name: Option<String>,
        /// `PayloadOrganization`.
        organization: Option<String>,
        /// `IsManaged`.
        is_managed: Option<bool>,
        /// `IsEncrypted`.
        is_encrypted: Option<bool>,
        /// `PayloadRemovalDisallowed`.
        removal_disallowed: Option<bool>,
        /// How many payloads it holds.
        payloads: i64,
        /// Whether one of them is the management of the device.
        has_mdm: bool,
    }
}

/// Stores a device's list, which is always complete: profiles that it does not name are forgotten.
pub async fn record(
    tx: &mut dyn Tx,
    device: DeviceId,
    profiles: &[result::InstalledProfile],
    now: Timestamp,
) -> Result<(), StoreError> {
    let entry = |profile: &result::InstalledProfile| InstalledProfile {
        identifier: bounded(&profile.identifier),
        uuid: bounded(&profile.uuid),
        display_name: some_bounded(profile.display_name.as_deref()),
        organization: text_in(&profile.other, "PayloadOrganization"),
        is_managed: profile.is_managed,
        is_encrypted: flag_in(&profile.other, "IsEncrypted"),
        removal_disallowed: flag_in(&profile.other, "PayloadRemovalDisallowed"),
        payloads: i64::try_from(profile.payloads.len()).unwrap_or(i64::MAX),
        has_mdm: profile.payloads.iter().any(|payload| payload.payload_type == MDM),
    };
    // A part of an identifier would name another profile.
    let fits = |identifier: &str| !identifier.is_empty() && bounded(identifier) == identifier;
    let named = profiles.iter().filter(|profile| fits(&profile.identifier));
    lists::replace(tx, device, named.map(entry), now).await
}

/// Everything known of a device's profiles is uncertain from now on.
pub async fn forget(tx: &mut dyn Tx, device: DeviceId) -> Result<(), StoreError> {
    lists::forget::<InstalledProfile>(tx, device).await
}

/// When each of these devices last listed its profiles, and which it named. Devices whose list is not known, or not whole, are
/// left out.
///
/// # Errors
/// Where the store fails.
pub async fn named_by(
    tx: &mut dyn Tx,
    devices: &[DeviceId],
) -> Result<BTreeMap<DeviceId, (Timestamp, BTreeSet<String>)>, StoreError> {
    let by_id: BTreeMap<String, DeviceId> = devices.iter().map(|device| (device.text(), *device)).collect();
    let list: Vec<Value<'_>> = by_id.keys().map(Into::into).collect();
    let sql = "SELECT l.device_id, l.seen_at, p.identifier FROM device_list l
               LEFT JOIN installed_profile p ON p.device_id = l.device_id
               WHERE l.list = 'profiles' AND l.left_out = 0 AND l.device_id IN ({list})";
    let mut named: BTreeMap<DeviceId, (Timestamp, BTreeSet<String>)> = BTreeMap::new();
    for row in tx.rows_in(sql, &[], &list).await? {
        let Some(device) = by_id.get(&row.text("device_id")?) else { continue };
        let at = Timestamp(row.int("seen_at")?);
        let (_, all) = named.entry(*device).or_insert_with(|| (at, BTreeSet::new()));
        all.extend(row.opt_text("identifier")?);
    }
    Ok(named)
}

/// The profiles on a device that hold its management: there is at most one, unless the device says odd things.
///
/// # Errors
/// Where the store fails.
pub async fn with_mdm(tx: &mut dyn Tx, device: DeviceId) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT identifier FROM installed_profile WHERE device_id = $1 AND has_mdm ORDER BY identifier LIMIT 2";
    tx.rows(sql, &[(&device.text()).into()]).await?.iter().map(|row| row.text("identifier")).collect()
}
