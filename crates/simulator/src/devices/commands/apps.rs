//! Managed apps after their installation was accepted: their way from state to state, the lists, removal (Apple schema:
//! application.managed.list.yaml, application.installed.list.yaml, application.remove.yaml).

use super::super::device::Device;
use super::super::options::Pace;
use super::super::profile::AppleError;
use super::super::state::{App, State};
use super::Reply;
use plist::Dictionary;
use russet_protocol::BundleId;
use russet_protocol::Platform;
use russet_protocol::result::{
    Answer, AppAttributesEntry, AppConfiguration, AppState, InstalledApp, InstalledApplicationList, ManagedApplication,
    ManagedApplicationList,
};
use std::time::Duration;

/// Moves an app on by one state. `refuses`: its person says no where asked. Of an app that was not there, a refused
/// installation leaves nothing behind; that is shown once and then forgotten by the caller.
fn step(app: &mut App, refuses: bool) {
    app.state = match app.state {
        "Prompting" if refuses => "UserRejected",
        "PromptingForUpdate" if refuses => "UpdateRejected",
        "PromptingForManagement" if refuses => "ManagementRejected",
        "Prompting" | "Queued" | "ValidatingPurchase" => "Installing",
        "PromptingForUpdate" => "Updating",
        "PromptingForManagement" | "Installing" | "Updating" => {
            // On Macs an app that was sent without InstallAsManaged stays unmanaged.
            app.managed |= app.state == "PromptingForManagement";
            if let Some((number, version)) = app.coming.take() {
                app.external_version = Some(number);
                app.version = Some(version);
            }
            app.present = true;
            "Managed"
        }
        other => other,
    };
}

/// Brings an app to where it is by now: by one state for every list that shows it, or by the time since it was accepted.
pub(in super::super) fn advance(state: &mut State, bundle_id: &str, pace: Pace, shown: bool) {
    let refuses = state.refusals.contains(bundle_id);
    let Some(app) = state.apps.get_mut(bundle_id) else { return };
    match pace {
        Pace::Polls if shown => step(app, refuses),
        Pace::Polls => {}
        Pace::Time(whole) => {
            // The person and the store take the first third of the time, the download the rest.
            while app.is_busy() {
                let begins = matches!(app.state, "Installing" | "Updating" | "PromptingForManagement");
                let due = if begins { whole } else { whole / 3 };
                if app.started.elapsed() < due.max(Duration::from_millis(1)) {
                    break;
                }
                step(app, refuses);
            }
        }
    }
    if matches!(app.state, "UserRejected" | "UpdateRejected" | "ManagementRejected") {
        app.coming = None;
        state.refusals.remove(bundle_id);
    }
}

/// States a device reports once and then forgets.
fn forget_reported(state: &mut State, bundle_id: &str) {
    let Some(app) = state.apps.get_mut(bundle_id) else { return };
    if !AppState::parse(app.state).is_reported_once() {
        return;
    }
    if app.managed && app.present {
        app.state = "Managed";
    } else if app.present {
        // A person's own app is in no list of managed apps.
        app.state = "UserInstalledApp";
    } else {
        state.apps.remove(bundle_id);
    }
}

/// `ManagedApplicationList`.
pub(super) fn managed_list(device: &Device, wanted: &[BundleId]) -> Reply {
    let pace = device.shared.options.pace;
    let apps = device.change(|state| {
        let names: Vec<String> = state
            .apps
            .values()
            .filter(|app| app.managed || app.is_busy() || app.state == "ManagementRejected")
            .map(|app| app.bundle_id.clone())
            .filter(|name| wanted.is_empty() || wanted.iter().any(|id| id.as_str() == name))
            .collect();
        let mut listed = Vec::new();
        for name in names {
            advance(state, &name, pace, true);
            listed.extend(state.apps.get(&name).and_then(managed_entry));
            forget_reported(state, &name);
        }
        listed
    });
    Reply::done(Answer::ManagedApplicationList(ManagedApplicationList { apps }))
}

fn managed_entry(app: &App) -> Option<ManagedApplication> {
    Some(ManagedApplication {
        identifier: BundleId::new(&app.bundle_id).ok()?,
        status: AppState::parse(app.state),
        management_flags: Some(app.flags),
        has_configuration: Some(app.configuration.is_some()),
        has_feedback: Some(false),
        is_validated: app.present.then_some(true),
        external_version: app.external_version.filter(|_| app.present).and_then(|number| i64::try_from(number).ok()),
        other: Dictionary::new(),
    })
}

/// `InstalledApplicationList`; keys that `Items` does not name are left out (identifiers always come).
pub(super) fn installed_list(device: &Device, wanted: &[BundleId], managed_only: bool, items: &[String]) -> Reply {
    let pace = device.shared.options.pace;
    let asked = |key: &str| items.is_empty() || items.iter().any(|item| item == key);
    let apps = device.change(|state| {
        let names: Vec<String> = state.apps.keys().cloned().collect();
        names.iter().for_each(|name| advance(state, name, pace, false));
        let is_wanted = |app: &App| wanted.is_empty() || wanted.iter().any(|id| id.as_str() == app.bundle_id);
        let entry = |app: &App| {
            let mut other = Dictionary::new();
            if asked("BundleSize") {
                other.insert("BundleSize".to_owned(), 50_000_000.into());
            }
            if asked("DeviceBasedVPP") {
                other.insert("DeviceBasedVPP".to_owned(), app.by_device_license.into());
            }
            InstalledApp {
                identifier: BundleId::new(&app.bundle_id).ok(),
                name: asked("Name").then(|| app.name.clone()),
                version: app.version.clone().filter(|_| asked("Version")),
                short_version: app.version.clone().filter(|_| asked("ShortVersion")),
                external_version: app
                    .external_version
                    .filter(|_| asked("ExternalVersionIdentifier"))
                    .and_then(|number| i64::try_from(number).ok()),
                has_update: None,
                installing: asked("Installing").then(|| app.is_busy()),
                other,
            }
        };
        let shown = state.apps.values().filter(|app| app.present && (app.managed || !managed_only) && is_wanted(app));
        shown.map(entry).collect()
    });
    Reply::done(Answer::InstalledApplicationList(InstalledApplicationList { apps }))
}

/// `RemoveApplication`: a managed app and its data.
pub(super) fn remove(device: &Device, bundle_id: &str) -> Result<Reply, AppleError> {
    device.change(|state| {
        state.managed_app(bundle_id)?;
        state.apps.remove(bundle_id);
        Ok(Reply::done(Answer::none()))
    })
}

/// `ManagedApplicationAttributes`: reads them.
pub(super) fn attributes(device: &Device, wanted: &[BundleId]) -> Reply {
    let all = read(device, wanted, |identifier, app| AppAttributesEntry {
        identifier,
        attributes: (!app.attributes.is_empty()).then(|| app.attributes.clone()),
    });
    Reply::done(Answer::ManagedApplicationAttributes(all))
}

/// `ManagedApplicationConfiguration`: reads them.
pub(super) fn configurations(device: &Device, wanted: &[BundleId]) -> Reply {
    let all = read(device, wanted, |identifier, app| AppConfiguration {
        identifier,
        configuration: app.configuration.clone(),
    });
    Reply::done(Answer::ManagedApplicationConfiguration(all))
}

fn read<T>(device: &Device, wanted: &[BundleId], item: impl Fn(BundleId, &App) -> T) -> Vec<T> {
    let state = device.state();
    let managed = |identifier: &BundleId| state.apps.get(identifier.as_str()).filter(|app| app.managed);
    wanted.iter().filter_map(|identifier| Some(item(identifier.clone(), managed(identifier)?))).collect()
}

/// Attributes that refer to what is not there are refused: the app would be cut off from its network.
pub(super) fn check_attributes(state: &State, attributes: &Dictionary) -> Result<(), AppleError> {
    let Some(value) = attributes.get("VPNUUID") else { return Ok(()) };
    let uuid = value.as_string().unwrap_or_default();
    if state.vpn_uuids().contains(&uuid.to_ascii_uppercase()) {
        return Ok(());
    }
    Err(AppleError::mdm(12008, format!("The VPNUUID {uuid} is in no installed per-app VPN profile")))
}

impl State {
    /// The managed app with this bundle identifier.
    pub(super) fn managed_app(&mut self, bundle_id: &str) -> Result<&mut App, AppleError> {
        let found = self.apps.get_mut(bundle_id).filter(|app| app.managed);
        found.ok_or_else(|| AppleError::mdm(12029, format!("The app {bundle_id} is not managed")))
    }
}

/// Whether a question to the person stands before an installation: never on Macs and supervised devices.
pub(super) fn asks(device: &Device) -> bool {
    device.hardware.platform != Platform::MacOs && !device.hardware.supervised
}
