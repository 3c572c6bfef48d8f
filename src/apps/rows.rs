//! The SQL of what is known and planned of each app on each device, and of its story.

use super::explain::StoryEntry;
use super::report::{LicenseView, SettingView};
use super::store::{from_json, json, parse};
use crate::ids::{AccountId, AppId, DeviceId, EnrollmentId};
use russet_planner::{DeviceMemory, Memory, Owner, Reason, Standing};
use russet_protocol::Timestamp;
use russet_store::{Row, StoreError, Tx, Value};
use std::collections::BTreeMap;
use std::time::Duration;

/// The last verdict on one app on one device.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Verdict {
    pub(super) device: DeviceId,
    pub(super) app: AppId,
    pub(super) state: Standing,
    pub(super) reason: Reason,
    pub(super) owner: Owner,
    pub(super) since: Timestamp,
    pub(super) next_at: Timestamp,
    pub(super) license: LicenseView,
    pub(super) settings: Vec<SettingView>,
    pub(super) memory: Memory,
    /// The versions of the settings that it speaks of.
    pub(super) basis: String,
}

impl Verdict {
    /// Whether what is wanted of the app itself is true, its settings aside.
    pub(super) fn is_satisfied(&self) -> bool {
        match self.state {
            Standing::Installed | Standing::Removed | Standing::NotRolledOut => true,
            Standing::NotEnrolled => self.license.state == "nothing",
            Standing::NotPossible => self.reason == Reason::NotForThisPlatform,
            _ => false,
        }
    }
}

macro_rules! verdicts {
    ($rest:literal) => {
        concat!(
            "SELECT device_id, app_id, state, reason, owner, since, next_at, license, settings, memory, basis
             FROM device_app ",
            $rest
        )
    };
}

pub(super) async fn all_verdicts(tx: &mut dyn Tx) -> Result<Vec<Verdict>, StoreError> {
    tx.rows(verdicts!("ORDER BY device_id, app_id"), &[]).await?.iter().map(read).collect()
}

pub(super) async fn verdict(tx: &mut dyn Tx, device: DeviceId, app: AppId) -> Result<Option<Verdict>, StoreError> {
    let sql = verdicts!("WHERE device_id = $1 AND app_id = $2");
    tx.optional(sql, &[(&device.text()).into(), (&app.text()).into()]).await?.as_ref().map(read).transpose()
}

/// The verdicts of some devices, by device and app.
pub(super) async fn verdicts_of(
    tx: &mut dyn Tx,
    devices: &[DeviceId],
) -> Result<BTreeMap<DeviceId, BTreeMap<AppId, Verdict>>, StoreError> {
    let ids: Vec<String> = devices.iter().map(|device| device.text()).collect();
    let list: Vec<Value<'_>> = ids.iter().map(Into::into).collect();
    let mut found: BTreeMap<DeviceId, BTreeMap<AppId, Verdict>> = BTreeMap::new();
    for row in tx.rows_in(verdicts!("WHERE device_id IN ({list})"), &[], &list).await? {
        let verdict = read(&row)?;
        found.entry(verdict.device).or_default().insert(verdict.app, verdict);
    }
    Ok(found)
}

/// The devices that have a row of any app of an account.
pub(super) async fn devices_of_account(tx: &mut dyn Tx, account: AccountId) -> Result<Vec<DeviceId>, StoreError> {
    let sql = "SELECT DISTINCT d.device_id FROM device_app d JOIN app a ON a.id = d.app_id WHERE a.account_id = $1
               ORDER BY d.device_id";
    let rows = tx.rows(sql, &[(&account.text()).into()]).await?;
    rows.iter().map(|row| parse(row, "device_app", "device_id")).collect()
}

/// Writes verdicts over those before.
pub(super) async fn write_verdicts(tx: &mut dyn Tx, verdicts: &[&Verdict]) -> Result<(), StoreError> {
    let texts: Vec<[String; 8]> = verdicts
        .iter()
        .map(|verdict| {
            [
                verdict.device.text(),
                verdict.app.text(),
                json(&verdict.reason),
                json(&verdict.license),
                json(&verdict.settings),
                json(&verdict.memory),
                word(&verdict.state),
                word(&verdict.owner),
            ]
        })
        .collect();
    let rows: Vec<Vec<Value<'_>>> = verdicts
        .iter()
        .zip(&texts)
        .map(|(verdict, [device, app, reason, license, settings, memory, state, owner])| {
            vec![
                device.into(),
                app.into(),
                state.into(),
                reason.into(),
                owner.into(),
                verdict.since.millis().into(),
                verdict.next_at.millis().into(),
                license.into(),
                settings.into(),
                memory.into(),
                (&verdict.basis).into(),
            ]
        })
        .collect();
    tx.many(
        "INSERT INTO device_app (device_id, app_id, state, reason, owner, since, next_at, license, settings, memory, basis)
         VALUES {rows}
         ON CONFLICT (device_id, app_id) DO UPDATE SET
             state = excluded.state, reason = excluded.reason, owner = excluded.owner, since = excluded.since,
             next_at = excluded.next_at, license = excluded.license, settings = excluded.settings,
             memory = excluded.memory, basis = excluded.basis",
        &rows,
    )
    .await?;
    Ok(())
}

/// Nothing is left to do or to remember of an app on a device.
pub(super) async fn forget(tx: &mut dyn Tx, device: DeviceId, app: AppId) -> Result<(), StoreError> {
    let (device, app) = (device.text(), app.text());
    tx.run("DELETE FROM device_app WHERE device_id = $1 AND app_id = $2", &[(&device).into(), (&app).into()]).await?;
    Ok(())
}

/// Notes on a device as a whole, under its present enrollment.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes {
    pub(super) enrollment: Option<EnrollmentId>,
    pub(super) memory: DeviceMemory,
    /// How many plans were carried out; 0 before the first.
    pub(super) revision: i64,
}

/// The notes on some devices; those never planned are left out.
pub(super) async fn notes(tx: &mut dyn Tx, devices: &[DeviceId]) -> Result<BTreeMap<DeviceId, Notes>, StoreError> {
    let ids: Vec<String> = devices.iter().map(|device| device.text()).collect();
    let list: Vec<Value<'_>> = ids.iter().map(Into::into).collect();
    let sql = "SELECT device_id, enrollment_id, memory, revision FROM device_plan WHERE device_id IN ({list})";
    let rows = tx.rows_in(sql, &[], &list).await?;
    rows.iter()
        .map(|row| {
            let device: DeviceId = parse(row, "device_plan", "device_id")?;
            let enrollment = row.opt_text("enrollment_id")?.map(|id| id.parse()).transpose();
            let notes = Notes {
                enrollment: enrollment.map_err(|_| StoreError::corrupt("device_plan", "enrollment_id", device))?,
                memory: from_json(row, "device_plan", "memory", device)?,
                revision: row.int("revision")?,
            };
            Ok((device, notes))
        })
        .collect()
}

/// Takes the right to carry out the plan that follows `notes`, and raises the revision. False where another plan was
/// carried out since they were read; then nothing of this one may be. Until the end of the transaction nobody else can.
pub(super) async fn claim_plan(tx: &mut dyn Tx, device: DeviceId, notes: &Notes) -> Result<bool, StoreError> {
    let enrollment = notes.enrollment.map(EnrollmentId::text);
    let claimed = tx
        .run(
            "INSERT INTO device_plan (device_id, enrollment_id, memory, revision) VALUES ($1, $2, $3, 1)
             ON CONFLICT (device_id) DO UPDATE SET
                 enrollment_id = excluded.enrollment_id, revision = device_plan.revision + 1
             WHERE device_plan.revision = $4",
            &[
                (&device.text()).into(),
                enrollment.as_deref().into(),
                (&json(&notes.memory)).into(),
                notes.revision.into(),
            ],
        )
        .await?;
    Ok(claimed == 1)
}

/// Writes the notes after the plan was carried out.
pub(super) async fn write_memory(tx: &mut dyn Tx, device: DeviceId, memory: &DeviceMemory) -> Result<(), StoreError> {
    let sql = "UPDATE device_plan SET memory = $2 WHERE device_id = $1";
    tx.later(sql, &[(&device.text()).into(), (&json(memory)).into()]).await
}

/// A new line of an app's story.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) app: AppId,
    pub(super) at: Timestamp,
    pub(super) step: &'static str,
    pub(super) text: String,
}

/// How long the lines of a story are kept. They go when new ones are told, so that the last ones always stay, and so that the
/// cost follows what changed.
const STORY_KEPT: Duration = Duration::from_secs(90 * 86_400);

/// Adds lines to the stories of a device's apps, in their order. `plan`: the revision of the plan that tells them.
pub(super) async fn tell(
    tx: &mut dyn Tx,
    device: DeviceId,
    plan: i64,
    lines: &[Line],
    now: Timestamp,
) -> Result<(), StoreError> {
    let device = device.text();
    let apps: Vec<String> = lines.iter().map(|line| line.app.text()).collect();
    let list: Vec<Value<'_>> = apps.iter().map(Into::into).collect();
    tx.run_in(
        "DELETE FROM app_story WHERE device_id = $1 AND at < $2 AND app_id IN ({list})",
        &[(&device).into(), now.minus(STORY_KEPT).millis().into()],
        &list,
    )
    .await?;
    let rows: Vec<Vec<Value<'_>>> = (0_u32..)
        .zip(lines.iter().zip(&apps))
        .map(|(place, (line, app))| {
            vec![
                (&device).into(),
                app.into(),
                plan.into(),
                place.into(),
                line.at.millis().into(),
                line.step.into(),
                (&line.text).into(),
            ]
        })
        .collect();
    tx.many("INSERT INTO app_story (device_id, app_id, plan, place, at, step, text) VALUES {rows}", &rows).await?;
    Ok(())
}

pub(super) async fn story(tx: &mut dyn Tx, device: DeviceId, app: AppId) -> Result<Vec<StoryEntry>, StoreError> {
    let sql = "SELECT at, step, text FROM app_story WHERE device_id = $1 AND app_id = $2 ORDER BY plan, place";
    let rows = tx.rows(sql, &[(&device.text()).into(), (&app.text()).into()]).await?;
    rows.iter()
        .map(|row| Ok(StoryEntry { at: Timestamp(row.int("at")?), step: row.text("step")?, text: row.text("text")? }))
        .collect()
}

fn read(row: &Row) -> Result<Verdict, StoreError> {
    let device: DeviceId = parse(row, "device_app", "device_id")?;
    let quoted = |column: &str| Ok::<_, StoreError>(serde_json::Value::String(row.text(column)?));
    let damaged = |column: &'static str| move |_| StoreError::corrupt("device_app", column, device);
    Ok(Verdict {
        device,
        app: parse(row, "device_app", "app_id")?,
        state: serde_json::from_value(quoted("state")?).map_err(damaged("state"))?,
        reason: from_json(row, "device_app", "reason", device)?,
        owner: serde_json::from_value(quoted("owner")?).map_err(damaged("owner"))?,
        since: Timestamp(row.int("since")?),
        next_at: Timestamp(row.int("next_at")?),
        license: from_json(row, "device_app", "license", device)?,
        settings: from_json(row, "device_app", "settings", device)?,
        memory: from_json(row, "device_app", "memory", device)?,
        basis: row.text("basis")?,
    })
}

/// The stored word of one of the planner's enumerations.
fn word<T: serde::Serialize>(value: &T) -> String {
    json(value).trim_matches('"').to_owned()
}
