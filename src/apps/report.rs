//! The report: for each device and app what is wanted, what is true on the device, and why. Read from the verdicts that
//! the reconciler wrote; nothing is planned here.

use super::app::App;
use super::error::AppsError;
use super::library::Library;
use super::{rows, time};
use crate::commands::{self, OpenCommand, Purpose};
use crate::directory::devices::{self, Device};
use crate::directory::dirty;
use crate::ids::{AppId, DeviceId};
use russet_protocol::Timestamp;
use russet_store::Tx;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Everything, as `GET /api/v1/report` answers it.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// One row per device and app.
    pub items: Vec<ReportRow>,
    /// Whether nothing more is to come unless something changes.
    pub settled: bool,
    /// Whether everything wanted is true on the devices.
    pub satisfied: bool,
}

/// One app on one device.
#[derive(Debug, Clone, Serialize)]
pub struct ReportRow {
    /// The device.
    pub device: ReportDevice,
    /// The app.
    pub app: ReportApp,
    /// How the license stands.
    pub license: LicenseView,
    /// Each setting: wanted, on the device, in words.
    pub settings: Vec<SettingView>,
    /// Where the app stands (`installed`, `waiting_for_device`, …).
    pub state: String,
    /// Why, in plain English.
    pub reason: String,
    /// Whose turn it is: `server`, `device`, `Apple`, `admin` or `person`.
    pub owner: String,
    /// Since when it stands so.
    #[serde(serialize_with = "time::serialize")]
    pub since: Timestamp,
    /// When Russet looks again at the latest.
    #[serde(serialize_with = "time::serialize")]
    pub next_at: Timestamp,
    /// Whether nothing more is to come unless something changes.
    pub settled: bool,
    /// Whether what is wanted is true.
    pub satisfied: bool,
}

/// A device, as the report names it.
#[derive(Debug, Clone, Serialize)]
pub struct ReportDevice {
    /// Our identifier.
    pub id: DeviceId,
    /// `DeviceName`, or what else there is to call it. Hostile text.
    pub name: String,
    /// The serial number.
    pub serial_number: Option<String>,
    /// `iOS`, `iPadOS`, `macOS`, …
    pub platform: Option<&'static str>,
}

/// An app, as the report names it.
#[derive(Debug, Clone, Serialize)]
pub struct ReportApp {
    /// Our identifier.
    pub id: AppId,
    /// Its name, or its number.
    pub name: String,
    /// Its bundle identifier.
    pub bundle_id: Option<String>,
    /// Its number in Apple's store.
    pub adam_id: u64,
}

/// How a license stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenseView {
    /// `nothing`, `associating`, `assigned`, `releasing`, `failed` or `none_left`.
    pub state: String,
    /// In plain English.
    pub text: String,
}

/// One setting of an app on a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingView {
    /// `prevent_backup`, `remove_with_management`, `data_roaming`, `cellular_data`, `vpn` or `single_sign_on`.
    pub name: String,
    /// What is wanted: a switch, or the name of a profile; null where nothing is.
    pub wanted: serde_json::Value,
    /// What the device confirmed; null where it confirmed nothing yet, and where the setting does not exist there.
    pub on_device: serde_json::Value,
    /// Whether the device has it as wanted, or the setting does not exist there.
    pub satisfied: bool,
    /// In plain English, also that the setting does not exist on this platform.
    pub text: String,
}

/// The report over all devices and apps.
///
/// # Errors
/// Where the store fails.
pub async fn report(tx: &mut dyn Tx, now: Timestamp) -> Result<Report, AppsError> {
    let verdicts = rows::all_verdicts(tx).await?;
    let ids: Vec<DeviceId> =
        verdicts.iter().map(|verdict| verdict.device).collect::<BTreeSet<_>>().into_iter().collect();
    let devices: BTreeMap<DeviceId, Device> =
        devices::of_ids(tx, &ids).await?.into_iter().map(|device| (device.id, device)).collect();
    let library = Library::load(tx).await?;
    let mut busy: BTreeSet<DeviceId> = dirty::busy(tx, now).await?.into_iter().collect();
    let open = commands::open_of_devices(tx, &ids).await?;
    busy.extend(open.iter().filter(|open| changes_apps(open)).map(|open| open.device));
    let mut items = Vec::with_capacity(verdicts.len());
    for verdict in verdicts {
        let (Some(device), Some(app)) = (devices.get(&verdict.device), library.apps.get(&verdict.app)) else {
            continue;
        };
        // A verdict on older settings says nothing on those of now.
        let stale = verdict.basis != library.basis(app);
        items.push(row(device, app, verdict, stale, busy.contains(&device.id)));
    }
    Ok(Report {
        settled: busy.is_empty() && items.iter().all(|row| row.settled),
        satisfied: items.iter().all(|row| row.satisfied),
        items,
    })
}

/// `stale`: the verdict is on older settings. `busy`: something is under way on the device.
pub(super) fn row(device: &Device, app: &App, verdict: rows::Verdict, stale: bool, busy: bool) -> ReportRow {
    let settings_hold = verdict.settings.iter().all(|setting| setting.satisfied);
    ReportRow {
        device: ReportDevice {
            id: device.id,
            name: device.label(),
            serial_number: device.serial.as_ref().map(ToString::to_string),
            platform: device.platform().map(russet_protocol::Platform::as_str),
        },
        app: ReportApp {
            id: app.id,
            name: app.label(),
            bundle_id: app.bundle_id.as_ref().map(ToString::to_string),
            adam_id: app.adam.0,
        },
        settled: !busy && !stale && verdict.state.is_settled(),
        satisfied: !stale && verdict.is_satisfied() && settings_hold,
        reason: verdict.reason.text(),
        state: verdict.state.as_str().to_owned(),
        owner: verdict.owner.as_str().to_owned(),
        license: verdict.license,
        settings: verdict.settings,
        since: verdict.since,
        next_at: verdict.next_at,
    }
}

/// Whether an open command will change what is on the device, rather than look.
pub(super) fn changes_apps(open: &OpenCommand) -> bool {
    matches!(open.purpose, Purpose::App(_) | Purpose::Profile(_))
}
