//! The SQL of what is known and planned of each app on each device, and of its story.

use super::explain::StoryEntry;
use super::report::{LicenseView, SettingView};
use super::store::{from_json, parse};
use crate::ids::{AppId, DeviceId};
use russet_planner::{Memory, Owner, Reason, Standing};
use russet_protocol::Timestamp;
use russet_store::{Row, StoreError, Tx};

/// The last verdict on one app on one device.
#[derive(Debug, Clone)]
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
    #[expect(dead_code, reason = "the reconciler reads it")]
    pub(super) memory: Memory,
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
            "SELECT device_id, app_id, state, reason, owner, since, next_at, license, settings, memory FROM device_app ",
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

pub(super) async fn story(tx: &mut dyn Tx, device: DeviceId, app: AppId) -> Result<Vec<StoryEntry>, StoreError> {
    let sql = "SELECT at, step, text FROM app_story WHERE device_id = $1 AND app_id = $2 ORDER BY plan, place";
    let rows = tx.rows(sql, &[(&device.text()).into(), (&app.text()).into()]).await?;
    rows.iter()
        .map(|row| Ok(StoryEntry { at: Timestamp(row.int("at")?), step: row.text("step")?, text: row.text("text")? }))
        .collect()
}

fn read(row: &Row) -> Result<Verdict, StoreError> {
    let device: DeviceId = parse(row, "device_app", "device_id")?;
    let word = |column: &str| Ok::<_, StoreError>(serde_json::Value::String(row.text(column)?));
    let damaged = |column: &'static str| move |_| StoreError::corrupt("device_app", column, device);
    Ok(Verdict {
        device,
        app: parse(row, "device_app", "app_id")?,
        state: serde_json::from_value(word("state")?).map_err(damaged("state"))?,
        reason: from_json(row, "device_app", "reason", device)?,
        owner: serde_json::from_value(word("owner")?).map_err(damaged("owner"))?,
        since: Timestamp(row.int("since")?),
        next_at: Timestamp(row.int("next_at")?),
        license: from_json(row, "device_app", "license", device)?,
        settings: from_json(row, "device_app", "settings", device)?,
        memory: from_json(row, "device_app", "memory", device)?,
    })
}
