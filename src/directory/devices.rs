//! Devices and their inventory. A device is hardware: it stays the same row through all its enrollments.

use super::inventory;
use super::users::Owner;
use crate::ids::{DeviceId, UserId};
use russet_protocol::result::{DeviceInformation, SecurityInfo};
use russet_protocol::{Platform, SerialNumber, Timestamp, Udid, UserEnrollmentId};
use russet_store::{Row, StoreError, Tx, Value};

/// Longest text about a device that is kept in a column of its own, in bytes.
const LONGEST_FACT: usize = 255;

/// A device as it is known. Names and models were chosen by the device or its user: hostile text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Our identifier.
    pub id: DeviceId,
    /// `UDID`; none in a user enrollment.
    pub udid: Option<Udid>,
    /// Apple's `EnrollmentID`, only in a user enrollment.
    pub user_enrollment_id: Option<UserEnrollmentId>,
    /// The serial number, upper case; none in a user enrollment.
    pub serial: Option<SerialNumber>,
    /// `DeviceName`.
    pub name: Option<String>,
    /// `ProductName`, such as `iPhone17,2`.
    pub product_name: Option<String>,
    /// `Model`, a part number.
    pub model: Option<String>,
    /// `ModelName`, in words.
    pub model_name: Option<String>,
    /// `OSVersion`.
    pub os_version: Option<String>,
    /// `BuildVersion`.
    pub build: Option<String>,
    /// `IsSupervised`; unknown until the first `DeviceInformation`.
    pub supervised: Option<bool>,
    /// `IsMultiUser`: a Shared iPad.
    pub shared_ipad: Option<bool>,
    /// `EnrolledViaDEP`; only Macs say so.
    pub automated: Option<bool>,
    /// The user it belongs to.
    pub owner: Option<Owner>,
    /// When `DeviceInformation` was last answered.
    pub information_at: Option<Timestamp>,
    /// When the device was first seen.
    pub created_at: Timestamp,
    /// When it last spoke, to the minute.
    pub seen_at: Option<Timestamp>,
}

impl Device {
    /// The platform, told by the product name.
    #[must_use]
    pub fn platform(&self) -> Option<Platform> {
        self.product_name.as_deref().and_then(Platform::of_product)
    }

    /// What to call the device before people: its name, serial number, UDID, or our identifier.
    #[must_use]
    pub fn label(&self) -> String {
        let serial = || self.serial.as_ref().map(ToString::to_string);
        let udid = || self.udid.as_ref().map(ToString::to_string);
        self.name.clone().or_else(serial).or_else(udid).unwrap_or_else(|| self.id.text())
    }
}

/// What an Authenticate tells. At least one of `udid` and `user_enrollment_id` is there.
#[derive(Debug, Clone, Default)]
pub struct NewFacts<'a> {
    /// `UDID`.
    pub udid: Option<&'a Udid>,
    /// `EnrollmentID`.
    pub user_enrollment_id: Option<&'a UserEnrollmentId>,
    /// `SerialNumber`.
    pub serial: Option<&'a SerialNumber>,
    /// `DeviceName`.
    pub name: Option<&'a str>,
    /// `ProductName`.
    pub product_name: Option<&'a str>,
    /// `Model`.
    pub model: Option<&'a str>,
    /// `ModelName`.
    pub model_name: Option<&'a str>,
    /// `OSVersion`.
    pub os_version: Option<&'a str>,
    /// `BuildVersion`.
    pub build: Option<&'a str>,
}

macro_rules! columns {
    ($rest:literal) => {
        concat!(
            "SELECT d.id, d.udid, d.user_enrollment_id, d.serial, d.name, d.product_name, d.model, d.model_name,
                    d.os_version, d.build, d.supervised, d.shared_ipad, d.automated, d.information_at, d.created_at,
                    (SELECT s.seen_at FROM device_seen s WHERE s.device_id = d.id) AS seen_at, d.owner_id,
                    (SELECT u.name FROM directory_user u WHERE u.id = d.owner_id) AS owner_name,
                    (SELECT u.full_name FROM directory_user u WHERE u.id = d.owner_id) AS owner_full_name
             FROM device d ",
            $rest
        )
    };
}

/// Stores what an Authenticate tells; a device that is not known yet gets `id_if_new`. What the message leaves out stays. So
/// does the serial number: hardware keeps it, and licenses go by it, so that a device must not take another one's later.
pub async fn upsert_from_authenticate(
    tx: &mut dyn Tx,
    facts: &NewFacts<'_>,
    id_if_new: DeviceId,
    now: Timestamp,
) -> Result<DeviceId, StoreError> {
    let known = known(tx, facts).await?;
    let id = known.unwrap_or(id_if_new);
    let text = id.text();
    let serial = facts.serial.map(|serial| serial.as_str().to_ascii_uppercase());
    tx.run(
        "INSERT INTO device (id, udid, user_enrollment_id, serial, name, product_name, model, model_name, os_version, build,
                             created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
         ON CONFLICT (id) DO UPDATE SET
             udid = coalesce(excluded.udid, device.udid),
             user_enrollment_id = coalesce(excluded.user_enrollment_id, device.user_enrollment_id),
             serial = coalesce(device.serial, excluded.serial), name = coalesce(excluded.name, device.name),
             product_name = coalesce(excluded.product_name, device.product_name),
             model = coalesce(excluded.model, device.model), model_name = coalesce(excluded.model_name, device.model_name),
             os_version = coalesce(excluded.os_version, device.os_version), build = coalesce(excluded.build, device.build),
             updated_at = excluded.updated_at",
        &[
            (&text).into(),
            facts.udid.map(Udid::as_str).into(),
            facts.user_enrollment_id.map(UserEnrollmentId::as_str).into(),
            serial.as_deref().into(),
            facts.name.map(short).into(),
            facts.product_name.map(short).into(),
            facts.model.map(short).into(),
            facts.model_name.map(short).into(),
            facts.os_version.map(short).into(),
            facts.build.map(short).into(),
            now.millis().into(),
        ],
    )
    .await?;
    Ok(id)
}

/// As much of a device's word as has a place in columns that people read and indexes hold; the whole stays in the message.
fn short(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST_FACT)]
}

async fn known(tx: &mut dyn Tx, facts: &NewFacts<'_>) -> Result<Option<DeviceId>, StoreError> {
    let row = if let Some(udid) = facts.udid {
        tx.optional("SELECT id FROM device WHERE udid = $1 {lock}", &[udid.as_str().into()]).await?
    } else if let Some(id) = facts.user_enrollment_id {
        tx.optional("SELECT id FROM device WHERE user_enrollment_id = $1 {lock}", &[id.as_str().into()]).await?
    } else {
        None
    };
    row.map(|row| id(&row, "id")).transpose()
}

/// One device. [`StoreError::NotFound`] if it does not exist.
pub async fn get(tx: &mut dyn Tx, id: DeviceId) -> Result<Device, StoreError> {
    read(&tx.one(columns!("WHERE d.id = $1"), &[(&id.text()).into()]).await?)
}

/// Some devices, in no order; those that do not exist are left out.
pub async fn of_ids(tx: &mut dyn Tx, ids: &[DeviceId]) -> Result<Vec<Device>, StoreError> {
    let ids: Vec<String> = ids.iter().map(|id| id.text()).collect();
    let list: Vec<Value<'_>> = ids.iter().map(Into::into).collect();
    tx.rows_in(columns!("WHERE d.id IN ({list})"), &[], &list).await?.iter().map(read).collect()
}

/// The device that a person means: our identifier, serial number, UDID, EnrollmentID, or a name that only one device has.
pub async fn find(tx: &mut dyn Tx, text: &str) -> Result<Option<Device>, StoreError> {
    let text = text.trim();
    let (upper, lower) = (text.to_ascii_uppercase(), text.to_ascii_lowercase());
    for (sql, value) in [
        (columns!("WHERE d.id = $1"), lower.as_str()),
        (columns!("WHERE d.serial = $1 ORDER BY d.updated_at DESC LIMIT 1"), upper.as_str()),
        (columns!("WHERE d.udid = $1"), text),
        (columns!("WHERE d.udid = $1"), upper.as_str()),
        (columns!("WHERE d.user_enrollment_id = $1"), text),
    ] {
        if let Some(row) = tx.optional(sql, &[value.into()]).await? {
            return read(&row).map(Some);
        }
    }
    match tx.rows(columns!("WHERE d.name = $1 LIMIT 2"), &[text.into()]).await?.as_slice() {
        [only] => read(only).map(Some),
        _ => Ok(None),
    }
}

/// Whether several devices have this name, so that it means none of them.
pub async fn is_shared_name(tx: &mut dyn Tx, name: &str) -> Result<bool, StoreError> {
    Ok(tx.rows("SELECT id FROM device WHERE name = $1 LIMIT 2", &[name.trim().into()]).await?.len() > 1)
}

/// Devices in the order of their identifiers (of their first appearance), after `after`.
pub async fn list(tx: &mut dyn Tx, after: Option<DeviceId>, limit: u32) -> Result<Vec<Device>, StoreError> {
    let after = after.map(DeviceId::text).unwrap_or_default();
    let sql = columns!("WHERE d.id > $1 ORDER BY d.id LIMIT $2");
    tx.rows(sql, &[(&after).into(), limit.into()]).await?.iter().map(read).collect()
}

/// How many devices are known.
pub async fn count(tx: &mut dyn Tx) -> Result<i64, StoreError> {
    tx.one("SELECT count(*) AS n FROM device", &[]).await?.int("n")
}

/// The devices with this serial number; more than one only after odd repairs.
pub async fn of_serial(tx: &mut dyn Tx, serial: &SerialNumber) -> Result<Vec<Device>, StoreError> {
    let serial = serial.as_str().to_ascii_uppercase();
    tx.rows(columns!("WHERE d.serial = $1"), &[(&serial).into()]).await?.iter().map(read).collect()
}

/// Stores an answer to `DeviceInformation`: the queries that have a column, and all responses beside them, within bounds. Queries
/// that were not answered leave what is known, and a serial number that is known stays.
pub async fn record_information(
    tx: &mut dyn Tx,
    device: DeviceId,
    information: &DeviceInformation,
    now: Timestamp,
) -> Result<(), StoreError> {
    let text = |query| information.text(query).map(|text| short(&text).to_owned());
    let serial = text("SerialNumber").and_then(|serial| SerialNumber::normalized(&serial).ok());
    let before = self::information(tx, device).await?;
    let whole = inventory::merged(before.as_deref(), &information.responses);
    tx.run(
        "UPDATE device SET name = coalesce($2, name), product_name = coalesce($3, product_name),
             model = coalesce($4, model), model_name = coalesce($5, model_name), os_version = coalesce($6, os_version),
             build = coalesce($7, build), serial = coalesce(serial, $8), supervised = coalesce($9, supervised),
             information = $10, information_at = $11, updated_at = $11, shared_ipad = coalesce($12, shared_ipad)
         WHERE id = $1",
        &[
            (&device.text()).into(),
            text("DeviceName").as_deref().into(),
            text("ProductName").as_deref().into(),
            text("Model").as_deref().into(),
            text("ModelName").as_deref().into(),
            text("OSVersion").as_deref().into(),
            text("BuildVersion").as_deref().into(),
            serial.as_ref().map(SerialNumber::as_str).into(),
            information.flag("IsSupervised").into(),
            (&whole).into(),
            now.millis().into(),
            information.flag("IsMultiUser").into(),
        ],
    )
    .await?;
    Ok(())
}

/// The responses to `DeviceInformation`, the last one to each query, as a property list.
pub async fn information(tx: &mut dyn Tx, device: DeviceId) -> Result<Option<Vec<u8>>, StoreError> {
    let row = tx.optional("SELECT information FROM device WHERE id = $1", &[(&device.text()).into()]).await?;
    row.map_or(Ok(None), |row| row.opt_bytes("information"))
}

/// Stores an answer to `SecurityInfo`, whole; one that is larger than any device's is cut.
pub async fn record_security(
    tx: &mut dyn Tx,
    device: DeviceId,
    security: &SecurityInfo,
    now: Timestamp,
) -> Result<(), StoreError> {
    let whole = inventory::merged(None, &security.info);
    let automated = security.management_status().and_then(|status| status.enrolled_via_dep);
    let sql = "UPDATE device SET security = $2, security_at = $3, updated_at = $3, automated = coalesce($4, automated)
               WHERE id = $1";
    tx.run(sql, &[(&device.text()).into(), (&whole).into(), now.millis().into(), automated.into()]).await.map(|_| ())
}

/// The last answer to `SecurityInfo`, as a property list, and when it came.
pub async fn security(tx: &mut dyn Tx, device: DeviceId) -> Result<Option<(Vec<u8>, Timestamp)>, StoreError> {
    let sql = "SELECT security, security_at FROM device WHERE id = $1";
    let Some(row) = tx.optional(sql, &[(&device.text()).into()]).await? else { return Ok(None) };
    Ok(row.opt_bytes("security")?.zip(row.opt_int("security_at")?.map(Timestamp)))
}

/// Gives a device to a user; whoever had it before has it no more.
///
/// # Errors
/// Where the store fails.
pub async fn set_owner(tx: &mut dyn Tx, device: DeviceId, owner: UserId, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE device SET owner_id = $2, updated_at = $3 WHERE id = $1 AND (owner_id IS NULL OR owner_id <> $2)";
    tx.run(sql, &[(&device.text()).into(), (&owner.text()).into(), now.millis().into()]).await.map(|_| ())
}

/// The device spoke. Written at most once a minute.
pub async fn seen(tx: &mut dyn Tx, device: DeviceId, now: Timestamp) -> Result<(), StoreError> {
    // What was seen in the future was seen by a clock that has been put right since.
    let (minute_ago, in_a_minute) = (now.millis().saturating_sub(60_000), now.millis().saturating_add(60_000));
    tx.later(
        "INSERT INTO device_seen (device_id, seen_at) VALUES ($1, $2)
         ON CONFLICT (device_id) DO UPDATE SET seen_at = excluded.seen_at
             WHERE device_seen.seen_at <= $3 OR device_seen.seen_at > $4",
        &[(&device.text()).into(), now.millis().into(), minute_ago.into(), in_a_minute.into()],
    )
    .await
}

pub(super) fn id(row: &Row, column: &str) -> Result<DeviceId, StoreError> {
    let text = row.text(column)?;
    text.parse().map_err(|_| StoreError::corrupt("device", column, text))
}

fn read(row: &Row) -> Result<Device, StoreError> {
    let id = id(row, "id")?;
    let damaged = |column| move |_| StoreError::corrupt("device", column, id);
    Ok(Device {
        id,
        udid: row.opt_text("udid")?.map(Udid::new).transpose().map_err(damaged("udid"))?,
        user_enrollment_id: row
            .opt_text("user_enrollment_id")?
            .map(UserEnrollmentId::new)
            .transpose()
            .map_err(damaged("user_enrollment_id"))?,
        serial: row.opt_text("serial")?.map(SerialNumber::new).transpose().map_err(damaged("serial"))?,
        name: row.opt_text("name")?,
        product_name: row.opt_text("product_name")?,
        model: row.opt_text("model")?,
        model_name: row.opt_text("model_name")?,
        os_version: row.opt_text("os_version")?,
        build: row.opt_text("build")?,
        supervised: row.opt_flag("supervised")?,
        shared_ipad: row.opt_flag("shared_ipad")?,
        automated: row.opt_flag("automated")?,
        owner: Owner::read(row)?,
        information_at: row.opt_int("information_at")?.map(Timestamp),
        created_at: Timestamp(row.int("created_at")?),
        seen_at: row.opt_int("seen_at")?.map(Timestamp),
    })
}
