//! What a device does with a command: one file a family of commands. Answers are Apple's (Apple schema,
//! `mdm/commands/*.yaml`); error numbers are those that Apple's devices show. Nothing here talks to the MDM server, except
//! the new enrollment that replaces the present one.

mod apps;
mod install_app;
mod inventory;
mod profiles;
mod settings;

pub(super) use apps::advance;

use super::device::Device;
use super::profile::AppleError;
use super::state::Enrollment;
use plist::{Dictionary, Value};
use russet_protocol::command::{AppSource, Command};
use russet_protocol::result::{Answer, ErrorChainItem, Status};
use std::sync::Arc;

/// Access rights of the MDM payload (Apple schema: com.apple.mdm.yaml).
const INSPECT_PROFILES: i64 = 1;
const CHANGE_PROFILES: i64 = 2;
const QUERY_DEVICE: i64 = 16;
const INSPECT_APPS: i64 = 256;
const QUERY_SECURITY: i64 = 1024;
const CHANGE_SETTINGS: i64 = 2048;
const MANAGE_APPS: i64 = 4096;

/// What a device says to a command.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: Status,
    pub(super) answer: Answer,
    pub(super) errors: Vec<AppleError>,
    /// The enrollment profile is to go once this answer is out.
    pub(super) leave: bool,
}

impl Reply {
    fn done(answer: Answer) -> Self {
        Self { status: Status::Acknowledged, answer, errors: Vec::new(), leave: false }
    }

    fn failed(error: AppleError) -> Self {
        Self { status: Status::Error, answer: Answer::none(), errors: vec![error], leave: false }
    }

    fn not_now() -> Self {
        Self { status: Status::NotNow, answer: Answer::none(), errors: Vec::new(), leave: false }
    }

    fn format_error(error: AppleError) -> Self {
        Self { status: Status::CommandFormatError, ..Self::failed(error) }
    }

    /// The error chain on the wire.
    pub(super) fn error_chain(&self) -> Vec<ErrorChainItem> {
        let item = |error: &AppleError| ErrorChainItem {
            code: error.code,
            domain: error.domain.to_owned(),
            localized: error.text.clone(),
            english: Some(error.text.clone()),
        };
        self.errors.iter().map(item).collect()
    }
}

/// What a command is about, for the journal: a profile identifier, a store number, a bundle identifier.
pub(super) fn subject(command: &Dictionary) -> Option<String> {
    match Command::from_dictionary(command).ok()? {
        Command::InstallProfile { payload } => super::profile::Profile::open(&payload, &[]).ok().map(|p| p.identifier),
        Command::RemoveProfile { identifier } => Some(identifier),
        Command::InstallApplication(install) => Some(match install.source {
            AppSource::Store(adam) => adam.to_string(),
            AppSource::Identifier(bundle) => bundle.to_string(),
            AppSource::Manifest(url) => url,
        }),
        Command::RemoveApplication { identifier } => Some(identifier.to_string()),
        _ => command.get("Identifier").and_then(Value::as_string).map(str::to_owned),
    }
}

/// Carries a command out.
pub(super) async fn answer(device: &Arc<Device>, enrollment: &Enrollment, uuid: &str, keys: &Dictionary) -> Reply {
    let command = match Command::from_dictionary(keys) {
        Ok(command) => command,
        Err(wrong) => {
            let reason = wrong.to_string();
            device.change(|state| state.problem("malformed-command", reason.as_str(), Some(uuid)));
            return Reply::format_error(AppleError::mdm(12008, reason));
        }
    };
    let kind = command.request_type().to_owned();
    if let Some(right) = right_for(&kind)
        && enrollment.mdm.access_rights != 0
        && enrollment.mdm.access_rights & right == 0
    {
        let text = format!("AccessRights of the enrollment do not allow {kind} (right {right})");
        device.change(|state| state.problem("no-access-right", text.as_str(), Some(uuid)));
        return Reply::failed(AppleError::mdm(12007, text));
    }
    if device.defers(&kind) {
        return Reply::not_now();
    }
    let result = match command {
        Command::InstallProfile { payload } => profiles::install(device, enrollment, uuid, &payload).await,
        Command::RemoveProfile { identifier } => profiles::remove(device, enrollment, uuid, &identifier),
        Command::ProfileList { managed_only } => Ok(profiles::list(device, managed_only)),
        Command::InstallApplication(install) => return install_app::install(device, uuid, keys, install).await,
        Command::RemoveApplication { identifier } => apps::remove(device, identifier.as_str()),
        Command::ManagedApplicationList { identifiers } => Ok(apps::managed_list(device, &identifiers)),
        Command::InstalledApplicationList { identifiers, managed_only, items } => {
            Ok(apps::installed_list(device, &identifiers, managed_only, &items))
        }
        Command::DeviceInformation { queries } => Ok(inventory::information(device, enrollment, &queries)),
        Command::SecurityInfo => Ok(inventory::security(device)),
        Command::DeviceConfigured => Ok(Reply::done(Answer::none())),
        Command::Settings { items } => Ok(settings::apply(device, uuid, items)),
        other => plain(device, enrollment, uuid, other.request_type(), keys),
    };
    result.unwrap_or_else(|error| {
        device.change(|state| state.problem("command-refused", format!("{kind}: {}", error.text), Some(uuid)));
        Reply::failed(error)
    })
}

/// Commands whose keys matter little here.
fn plain(
    device: &Device,
    enrollment: &Enrollment,
    uuid: &str,
    kind: &str,
    keys: &Dictionary,
) -> Result<Reply, AppleError> {
    match kind {
        "CertificateList" => profiles::certificates(device, enrollment),
        "ManagedApplicationAttributes" => Ok(apps::attributes(device, keys)),
        "ManagedApplicationConfiguration" => Ok(apps::configurations(device, keys)),
        "DeviceLock" | "ClearPasscode" | "RestartDevice" | "ShutDownDevice" | "DeclarativeManagement" => {
            Ok(Reply::done(Answer::none()))
        }
        other => {
            let text = format!("{other} is no command that this device knows");
            device.change(|state| state.problem("unknown-command", text.as_str(), Some(uuid)));
            Ok(Reply::format_error(AppleError::mdm(12021, text)))
        }
    }
}

fn right_for(kind: &str) -> Option<i64> {
    Some(match kind {
        "ProfileList" | "CertificateList" => INSPECT_PROFILES,
        "InstallProfile" | "RemoveProfile" => CHANGE_PROFILES,
        "DeviceInformation" => QUERY_DEVICE,
        "InstalledApplicationList" => INSPECT_APPS,
        "SecurityInfo" => QUERY_SECURITY,
        "Settings" => CHANGE_SETTINGS,
        "InstallApplication" | "RemoveApplication" | "ManagedApplicationList" => MANAGE_APPS,
        _ => return None,
    })
}

impl Device {
    /// Whether the device answers `NotNow`: while it is locked, or by the chance the options give profile and app
    /// commands. Some commands are never deferred (Apple docs: Handling NotNow status responses).
    fn defers(&self, kind: &str) -> bool {
        let changes = matches!(kind, "InstallProfile" | "RemoveProfile" | "InstallApplication" | "RemoveApplication");
        let never =
            matches!(kind, "DeviceInformation" | "ProfileList" | "InstalledApplicationList" | "DeviceConfigured");
        let percent = self.shared.options.not_now_percent;
        let mut state = self.state();
        (state.locked && !never) || (changes && percent > 0 && state.chance.percent(percent))
    }
}
