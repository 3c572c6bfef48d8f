//! Managed apps as devices report them. Labels such as "installed" follow from these reports only, never from what was sent.

use super::devices;
use crate::ids::DeviceId;
use russet_protocol::result::{AppState, ManagedApplication};
use russet_protocol::{BundleId, Timestamp};
use russet_store::{Row, StoreError, Tx, Value};

/// One managed app on one device, as last reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedApp {
    /// The device.
    pub device: DeviceId,
    /// The app.
    pub bundle_id: BundleId,
    /// Its state. A state that devices report only once stays until another is reported.
    pub status: AppState,
    /// When this state was first reported.
    pub status_at: Timestamp,
    /// `ManagementFlags`.
    pub management_flags: Option<i64>,
    /// `ExternalVersionIdentifier`.
    pub external_version: Option<i64>,
    /// `HasConfiguration`.
    pub has_configuration: Option<bool>,
    /// When the device last reported the app.
    pub seen_at: Timestamp,
}

/// Which apps a list speaks of: those that are not in it are not on the device.
#[derive(Debug, Clone, Copy)]
pub enum Coverage<'a> {
    /// All managed apps.
    All,
    /// Only these, which were asked for.
    Only(&'a [BundleId]),
}

/// Stores a list from a device. Apps that the list covers and does not name are forgotten, except those whose last state is
/// one that devices report only once.
pub async fn record(
    tx: &mut dyn Tx,
    device: DeviceId,
    apps: &[ManagedApplication],
    coverage: Coverage<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (id, now) = (device.text(), now.millis());
    // A list that names an app twice keeps its last word.
    let mut latest: std::collections::BTreeMap<&str, &ManagedApplication> = std::collections::BTreeMap::new();
    for app in apps {
        latest.insert(app.identifier.as_str(), app);
    }
    let rows: Vec<Vec<Value<'_>>> = latest
        .values()
        .map(|app| {
            vec![
                (&id).into(),
                app.identifier.as_str().into(),
                app.status.as_str().into(),
                now.into(),
                app.management_flags.into(),
                app.external_version.into(),
                app.has_configuration.into(),
                now.into(),
            ]
        })
        .collect();
    tx.many(
        "INSERT INTO managed_app (device_id, bundle_id, status, status_at, management_flags, external_version,
                                  has_configuration, seen_at) VALUES {rows}
         ON CONFLICT (device_id, bundle_id) DO UPDATE SET
             status_at = CASE WHEN managed_app.status = excluded.status THEN managed_app.status_at ELSE excluded.status_at END,
             status = excluded.status, management_flags = excluded.management_flags,
             external_version = excluded.external_version, has_configuration = excluded.has_configuration,
             seen_at = excluded.seen_at",
        &rows,
    )
    .await?;
    let known = of_device(tx, device).await?;
    let covered = |app: &ManagedApp| match coverage {
        Coverage::All => true,
        Coverage::Only(asked) => asked.contains(&app.bundle_id),
    };
    let gone: Vec<&ManagedApp> = known
        .iter()
        .filter(|app| covered(app) && !latest.contains_key(app.bundle_id.as_str()) && !app.status.is_reported_once())
        .collect();
    let gone: Vec<Value<'_>> = gone.iter().map(|app| app.bundle_id.as_str().into()).collect();
    tx.run_in("DELETE FROM managed_app WHERE device_id = $1 AND bundle_id IN ({list})", &[(&id).into()], &gone).await?;
    if matches!(coverage, Coverage::All) {
        list_seen(tx, device, "managed_apps", now).await?;
    }
    Ok(())
}

/// What a device said about one app outside of a list, such as the `State` in the answer to `InstallApplication`.
pub async fn record_state(
    tx: &mut dyn Tx,
    device: DeviceId,
    app: &BundleId,
    state: &AppState,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO managed_app (device_id, bundle_id, status, status_at, seen_at) VALUES ($1, $2, $3, $4, $4)
         ON CONFLICT (device_id, bundle_id) DO UPDATE SET
             status_at = CASE WHEN managed_app.status = excluded.status THEN managed_app.status_at ELSE excluded.status_at END,
             status = excluded.status, seen_at = excluded.seen_at",
        &[(&device.text()).into(), app.as_str().into(), state.as_str().into(), now.millis().into()],
    )
    .await?;
    Ok(())
}

/// Everything known of a device's apps is uncertain from now on: it was erased or enrolled anew.
pub async fn forget(tx: &mut dyn Tx, device: DeviceId) -> Result<(), StoreError> {
    let id = device.text();
    tx.run("DELETE FROM managed_app WHERE device_id = $1", &[(&id).into()]).await?;
    tx.run("DELETE FROM device_list WHERE device_id = $1 AND list = 'managed_apps'", &[(&id).into()]).await?;
    Ok(())
}

/// The managed apps of a device.
pub async fn of_device(tx: &mut dyn Tx, device: DeviceId) -> Result<Vec<ManagedApp>, StoreError> {
    let sql =
        "SELECT device_id, bundle_id, status, status_at, management_flags, external_version, has_configuration, seen_at
               FROM managed_app WHERE device_id = $1 ORDER BY bundle_id";
    tx.rows(sql, &[(&device.text()).into()]).await?.iter().map(read).collect()
}

/// The managed apps of many devices.
pub async fn of_devices(tx: &mut dyn Tx, devices: &[DeviceId]) -> Result<Vec<ManagedApp>, StoreError> {
    let ids: Vec<String> = devices.iter().map(|device| device.text()).collect();
    let list: Vec<Value<'_>> = ids.iter().map(Into::into).collect();
    let sql =
        "SELECT device_id, bundle_id, status, status_at, management_flags, external_version, has_configuration, seen_at
               FROM managed_app WHERE device_id IN ({list})";
    tx.rows_in(sql, &[], &list).await?.iter().map(read).collect()
}

/// When the device last gave its whole list of managed apps.
pub async fn listed_at(tx: &mut dyn Tx, device: DeviceId) -> Result<Option<Timestamp>, StoreError> {
    list_seen_at(tx, device, "managed_apps").await
}

/// When each of these devices last gave its whole list of managed apps; those that never did are left out.
pub async fn listed_at_of(
    tx: &mut dyn Tx,
    devices: &[DeviceId],
) -> Result<std::collections::BTreeMap<DeviceId, Timestamp>, StoreError> {
    let ids: Vec<String> = devices.iter().map(|device| device.text()).collect();
    let list: Vec<Value<'_>> = ids.iter().map(Into::into).collect();
    let sql = "SELECT device_id, seen_at FROM device_list WHERE list = 'managed_apps' AND device_id IN ({list})";
    let rows = tx.rows_in(sql, &[], &list).await?;
    rows.iter().map(|row| Ok((devices::id(row, "device_id")?, Timestamp(row.int("seen_at")?)))).collect()
}

async fn list_seen(tx: &mut dyn Tx, device: DeviceId, list: &str, now: i64) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO device_list (device_id, list, seen_at) VALUES ($1, $2, $3)
         ON CONFLICT (device_id, list) DO UPDATE SET seen_at = excluded.seen_at",
        &[(&device.text()).into(), list.into(), now.into()],
    )
    .await?;
    Ok(())
}

async fn list_seen_at(tx: &mut dyn Tx, device: DeviceId, list: &str) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT seen_at FROM device_list WHERE device_id = $1 AND list = $2";
    let row = tx.optional(sql, &[(&device.text()).into(), list.into()]).await?;
    row.map(|row| row.int("seen_at").map(Timestamp)).transpose()
}

fn read(row: &Row) -> Result<ManagedApp, StoreError> {
    let device = devices::id(row, "device_id")?;
    let bundle_id = row.text("bundle_id")?;
    Ok(ManagedApp {
        device,
        bundle_id: BundleId::new(bundle_id).map_err(|_| StoreError::corrupt("managed_app", "bundle_id", device))?,
        status: AppState::parse(&row.text("status")?),
        status_at: Timestamp(row.int("status_at")?),
        management_flags: row.opt_int("management_flags")?,
        external_version: row.opt_int("external_version")?,
        has_configuration: row.opt_flag("has_configuration")?,
        seen_at: Timestamp(row.int("seen_at")?),
    })
}
