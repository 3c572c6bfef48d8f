//! What a device does with a command: one file a family of commands. Answers are Apple's (Apple schema,
//! `mdm/commands/*.yaml`); error numbers are those that Apple's devices show. Nothing here talks to the MDM server, except
//! the new enrollment that replaces the present one.

mod acts;
mod allowed;
mod apps;
mod install_app;
mod inventory;
mod lists;
mod lost_mode;
mod profiles;
mod program;
mod recovery;
mod settings;

pub(super) use apps::advance;

use super::channel::Channel;
use super::device::Device;
use super::power::After;
use super::profile::AppleError;
use super::state::Enrollment;
use allowed::Refusal;
use plist::{Dictionary, Value};
use russet_protocol::command::{AppSource, Command};
use russet_protocol::result::{Answer, ErrorChainItem, Status};
use std::sync::Arc;

/// What a device says to a command.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: Status,
    pub(super) answer: Answer,
    pub(super) errors: Vec<AppleError>,
    /// What happens once this answer is out.
    pub(super) after: After,
}

impl Reply {
    pub(super) fn done(answer: Answer) -> Self {
        Self { status: Status::Acknowledged, answer, errors: Vec::new(), after: After::Nothing }
    }

    fn failed(error: AppleError) -> Self {
        Self { status: Status::Error, answer: Answer::none(), errors: vec![error], after: After::Nothing }
    }

    fn not_now() -> Self {
        Self { status: Status::NotNow, answer: Answer::none(), errors: Vec::new(), after: After::Nothing }
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
pub(super) async fn answer(
    device: &Arc<Device>,
    channel: Channel,
    enrollment: &Enrollment,
    uuid: &str,
    keys: &Dictionary,
) -> Reply {
    let kind = keys.get("RequestType").and_then(Value::as_string).unwrap_or_default().to_owned();
    let object = |problem: &str, error: &AppleError| {
        device.change(|state| state.problem(problem, format!("{kind}: {}", error.text), Some(uuid)));
    };
    match allowed::check(&device.hardware, channel, enrollment.mdm.access_rights, &kind) {
        Ok(()) => {}
        Err(Refusal::Unknown(error)) => {
            object("unknown-command", &error);
            return Reply::format_error(error);
        }
        Err(Refusal::NotHere(error)) => {
            object("command-not-here", &error);
            return Reply::failed(error);
        }
        Err(Refusal::NoRight(error)) => {
            object("no-access-right", &error);
            return Reply::failed(error);
        }
    }
    if kind == "InviteToProgram" && keys.get("ProgramID").and_then(Value::as_string) != Some("com.apple.cloudvpp") {
        return program::invite_elsewhere();
    }
    let command = match Command::from_dictionary(keys) {
        Ok(command) => command,
        Err(wrong) => {
            let reason = wrong.to_string();
            device.change(|state| state.problem("malformed-command", reason.as_str(), Some(uuid)));
            return Reply::format_error(AppleError::mdm(12008, reason));
        }
    };
    if device.defers(&kind) {
        return Reply::not_now();
    }
    let who = Who { device, channel, enrollment, uuid };
    carry_out(who, keys, command).await.unwrap_or_else(|error| {
        object("command-refused", &error);
        Reply::failed(error)
    })
}

/// Who is to do it, on which channel, for which command.
#[derive(Clone, Copy)]
struct Who<'a> {
    device: &'a Arc<Device>,
    channel: Channel,
    enrollment: &'a Enrollment,
    uuid: &'a str,
}

async fn carry_out(who: Who<'_>, keys: &Dictionary, command: Command) -> Result<Reply, AppleError> {
    let Who { device, channel, enrollment, uuid } = who;
    match command {
        Command::InstallProfile { payload } => profiles::install(who, &payload).await,
        Command::RemoveProfile { identifier } => profiles::remove(who, &identifier),
        Command::ProfileList { managed_only } => Ok(profiles::list(device, channel, managed_only)),
        Command::CertificateList { .. } => lists::certificates(device, enrollment),
        Command::ProvisioningProfileList { .. } => Ok(lists::provisioning(device)),
        Command::UserList => Ok(lists::users(device)),
        Command::AvailableOsUpdates => Ok(lists::updates(device)),
        Command::OsUpdateStatus => Ok(lists::update_status(device)),
        Command::InstallApplication(install) => Ok(install_app::install(device, uuid, keys, install).await),
        Command::InstallEnterpriseApplication(install) => program::install_enterprise(device, &install),
        Command::RemoveApplication { identifier } => apps::remove(device, identifier.as_str()),
        Command::ManagedApplicationList { identifiers } => Ok(apps::managed_list(device, &identifiers)),
        Command::InstalledApplicationList { identifiers, managed_only, items } => {
            Ok(apps::installed_list(device, &identifiers, managed_only, &items))
        }
        Command::ManagedApplicationAttributes { identifiers } => Ok(apps::attributes(device, &identifiers)),
        Command::ManagedApplicationConfiguration { identifiers } => Ok(apps::configurations(device, &identifiers)),
        Command::ManagedApplicationFeedback { identifiers, delete } => {
            Ok(program::feedback(device, &identifiers, delete))
        }
        Command::ApplyRedemptionCode(apply) => program::redeem(device, &apply),
        Command::InviteToProgram(invite) => Ok(program::invite(&invite)),
        Command::DeviceInformation { queries } => Ok(inventory::information(device, enrollment, &queries)),
        Command::SecurityInfo => Ok(inventory::security(device)),
        Command::Settings { .. } => Ok(settings::apply(device, channel, uuid, keys)),
        Command::DeviceLock(lock) => acts::lock(device, &lock),
        Command::ClearPasscode { unlock_token } => acts::clear_passcode(device, enrollment, &unlock_token),
        Command::EraseDevice(erase) => acts::erase(erase),
        Command::RestartDevice(_) => Ok(acts::and_then(After::Restart)),
        Command::ShutDownDevice => Ok(acts::and_then(After::ShutDown)),
        Command::RequestMirroring(request) => acts::mirror(&request),
        Command::DeviceConfigured => Ok(acts::configured(device, channel)),
        Command::EnableLostMode(lost) => lost_mode::enable(device, &lost),
        Command::DisableLostMode => lost_mode::disable(device),
        Command::PlayLostModeSound => lost_mode::play_sound(device),
        Command::DeviceLocation => lost_mode::location(device),
        Command::SetRecoveryLock(lock) => recovery::set_lock(device, &lock),
        Command::VerifyRecoveryLock { password } => recovery::verify_lock(device, &password),
        Command::RotateFileVaultKey(rotate) => recovery::rotate(device, &rotate),
        Command::DeclarativeManagement { data } => {
            device.change(|state| state.due.insert(channel, data));
            Ok(Reply::done(Answer::none()))
        }
        Command::Raw { request_type, .. } if request_type == "UserConfigured" => Ok(acts::configured(device, channel)),
        // What the table knows and has no type.
        Command::Raw { .. } | Command::Given(_) => Ok(Reply::done(Answer::none())),
    }
}

/// Commands that are never put off. iOS: Apple docs, Handling NotNow status responses; those of Lost Mode and of Setup
/// Assistant are added, as they are for devices whose owner is not there.
const NEVER_DEFERRED: [&str; 18] = [
    "ClearPasscode",
    "DeclarativeManagement",
    "DeviceConfigured",
    "DeviceInformation",
    "DeviceLocation",
    "DeviceLock",
    "DisableLostMode",
    "EnableLostMode",
    "EraseDevice",
    "InstalledApplicationList",
    "PlayLostModeSound",
    "ProfileList",
    "ProvisioningProfileList",
    "RestartDevice",
    "Restrictions",
    "ShutDownDevice",
    "UserConfigured",
    "UserList",
];

impl Device {
    /// Whether the device answers `NotNow`: while it is locked, or by the chance the options give profile and app
    /// commands. Some commands are never deferred.
    fn defers(&self, kind: &str) -> bool {
        let changes = matches!(kind, "InstallProfile" | "RemoveProfile" | "InstallApplication" | "RemoveApplication");
        let never = NEVER_DEFERRED.contains(&kind);
        let percent = self.shared.options.not_now_percent;
        let mut state = self.state();
        (state.locked && !never) || (changes && percent > 0 && state.chance.percent(percent))
    }
}
