//! Commands: one type each, one builder each, so that no two paths of the server can send different forms of one
//! command. Source: Apple schema, `mdm/commands/*.yaml`.
//!
//! A command is stored as its *body* (the `Command` dictionary), once for all devices that get it; the CommandUUID is
//! wrapped around it at delivery.

mod app;
mod decode;
mod device;
mod encode;
mod given;
mod program;
mod secrets;
mod settings;
mod written;

pub use app::{AppAttributes, AppSource, InstallApplication, ManagementFlags, PurchaseMethod};
pub use device::{
    DeviceLock, EnableLostMode, EraseDevice, FileVaultKeyType, FileVaultUnlock, ObliterationBehavior, RequestMirroring,
    RestartDevice, ReturnToService, RotateFileVaultKey, SetRecoveryLock,
};
pub use given::GivenCommand;
pub use program::{ApplyRedemptionCode, InstallEnterpriseApplication, InviteToProgram, Program, TakeOver};
pub use settings::{
    AccessibilitySettings, AwaitUserConfiguration, DefaultApplications, MdmOptions, OrganizationInfo, PasscodePolicy,
    RecommendationCadence, SettingsItem, SharedDeviceConfiguration, Wallpaper, WallpaperPlace,
};
pub use written::WrittenError;

use crate::fields::{Put, WireError, dictionary, text, top_level};
use crate::guard::Limits;
use crate::ids::{BundleId, CommandUuid};
use crate::secret::{SecretBytes, SecretText};
use crate::xml;
use plist::Dictionary;
use std::fmt;

/// One command. `Debug` names its keys and shows no values: profiles, configurations and PINs are secrets.
#[derive(Clone, PartialEq)]
pub enum Command {
    /// Installs or replaces a profile; the payload is the profile's bytes, signed or not.
    InstallProfile {
        /// `Payload`.
        payload: Vec<u8>,
    },
    /// Removes the profile with this `PayloadIdentifier`.
    RemoveProfile {
        /// `Identifier`.
        identifier: String,
    },
    /// Asks for the installed profiles.
    ProfileList {
        /// `ManagedOnly`; sent only when true.
        managed_only: bool,
    },
    /// Installs, updates or takes over an app. `Acknowledged` means accepted, not installed.
    InstallApplication(InstallApplication),
    /// Removes a managed app and its data.
    RemoveApplication {
        /// `Identifier`.
        identifier: BundleId,
    },
    /// Asks for the state of managed apps. Some states are reported once only.
    ManagedApplicationList {
        /// `Identifiers`; empty asks for all.
        identifiers: Vec<BundleId>,
    },
    /// Asks for installed apps.
    InstalledApplicationList {
        /// `Identifiers`; empty asks for all.
        identifiers: Vec<BundleId>,
        /// `ManagedAppsOnly`; sent only when true.
        managed_only: bool,
        /// `Items`; empty asks for all keys, some of which are costly.
        items: Vec<String>,
    },
    /// Asks for facts about the device.
    DeviceInformation {
        /// `Queries`.
        queries: Vec<String>,
    },
    /// Asks for security facts.
    SecurityInfo,
    /// Asks for the installed certificates.
    CertificateList {
        /// `ManagedOnly`; sent only when true.
        managed_only: bool,
    },
    /// Asks for the installed provisioning profiles.
    ProvisioningProfileList {
        /// `ManagedOnly`; sent only when true.
        managed_only: bool,
    },
    /// Asks for the users of a Shared iPad or a Mac.
    UserList,
    /// Asks for the system updates that fit the device; gone from 27 on.
    AvailableOsUpdates,
    /// Asks how far system updates are; gone from 27 on.
    OsUpdateStatus,
    /// Installs an app of the organization on a Mac.
    InstallEnterpriseApplication(InstallEnterpriseApplication),
    /// Asks for the configurations of managed apps.
    ManagedApplicationConfiguration {
        /// `Identifiers`.
        identifiers: Vec<BundleId>,
    },
    /// Asks for the attributes of managed apps.
    ManagedApplicationAttributes {
        /// `Identifiers`.
        identifiers: Vec<BundleId>,
    },
    /// Asks for what managed apps left for the server to read.
    ManagedApplicationFeedback {
        /// `Identifiers`.
        identifiers: Vec<BundleId>,
        /// `DeleteFeedback`; sent only when true.
        delete: bool,
    },
    /// Pays for an app with a code.
    ApplyRedemptionCode(ApplyRedemptionCode),
    /// Asks the person to join Apps and Books.
    InviteToProgram(InviteToProgram),
    /// Locks the device at once.
    DeviceLock(DeviceLock),
    /// Takes the passcode away.
    ClearPasscode {
        /// `UnlockToken`, from the device's TokenUpdate.
        unlock_token: SecretBytes,
    },
    /// Erases the device at once.
    EraseDevice(EraseDevice),
    /// Restarts the device at once.
    RestartDevice(RestartDevice),
    /// Shuts the device down at once.
    ShutDownDevice,
    /// Switches Lost Mode on.
    EnableLostMode(EnableLostMode),
    /// Switches Lost Mode off.
    DisableLostMode,
    /// Plays a sound on a device in Lost Mode.
    PlayLostModeSound,
    /// Asks where a device in Lost Mode is.
    DeviceLocation,
    /// Asks the person to mirror the screen.
    RequestMirroring(RequestMirroring),
    /// Ends `AwaitingConfiguration`.
    DeviceConfigured,
    /// Sets, changes or takes away the password of recoveryOS.
    SetRecoveryLock(SetRecoveryLock),
    /// Asks whether this is the password of recoveryOS.
    VerifyRecoveryLock {
        /// `Password`.
        password: SecretText,
    },
    /// Changes what opens the disk of a Mac when its people cannot.
    RotateFileVaultKey(RotateFileVaultKey),
    /// Switches declarative management on; afterwards says that declarations changed.
    DeclarativeManagement {
        /// `Data`: the tokens as JSON, which saves the device one question.
        data: Option<Vec<u8>>,
    },
    /// Changes settings; each item answers for itself.
    Settings {
        /// `Settings`.
        items: Vec<SettingsItem>,
    },
    /// Any other command, as its `Command` dictionary without `RequestType`.
    Raw {
        /// `RequestType`.
        request_type: String,
        /// The other keys.
        keys: Dictionary,
    },
    /// A whole command as another program wrote it. Never what a device or a stored body is read as.
    Given(GivenCommand),
}

impl Command {
    /// The value of `RequestType`.
    #[must_use]
    pub fn request_type(&self) -> &str {
        match self {
            Self::InstallProfile { .. } => "InstallProfile",
            Self::RemoveProfile { .. } => "RemoveProfile",
            Self::ProfileList { .. } => "ProfileList",
            Self::InstallApplication(_) => "InstallApplication",
            Self::RemoveApplication { .. } => "RemoveApplication",
            Self::ManagedApplicationList { .. } => "ManagedApplicationList",
            Self::InstalledApplicationList { .. } => "InstalledApplicationList",
            Self::DeviceInformation { .. } => "DeviceInformation",
            Self::SecurityInfo => "SecurityInfo",
            Self::CertificateList { .. } => "CertificateList",
            Self::ProvisioningProfileList { .. } => "ProvisioningProfileList",
            Self::UserList => "UserList",
            Self::AvailableOsUpdates => "AvailableOSUpdates",
            Self::OsUpdateStatus => "OSUpdateStatus",
            Self::InstallEnterpriseApplication(_) => "InstallEnterpriseApplication",
            Self::ManagedApplicationConfiguration { .. } => "ManagedApplicationConfiguration",
            Self::ManagedApplicationAttributes { .. } => "ManagedApplicationAttributes",
            Self::ManagedApplicationFeedback { .. } => "ManagedApplicationFeedback",
            Self::ApplyRedemptionCode(_) => "ApplyRedemptionCode",
            Self::InviteToProgram(_) => "InviteToProgram",
            Self::DeviceLock(_) => "DeviceLock",
            Self::ClearPasscode { .. } => "ClearPasscode",
            Self::EraseDevice(_) => "EraseDevice",
            Self::RestartDevice(_) => "RestartDevice",
            Self::ShutDownDevice => "ShutDownDevice",
            Self::EnableLostMode(_) => "EnableLostMode",
            Self::DisableLostMode => "DisableLostMode",
            Self::PlayLostModeSound => "PlayLostModeSound",
            Self::DeviceLocation => "DeviceLocation",
            Self::RequestMirroring(_) => "RequestMirroring",
            Self::DeviceConfigured => "DeviceConfigured",
            Self::SetRecoveryLock(_) => "SetRecoveryLock",
            Self::VerifyRecoveryLock { .. } => "VerifyRecoveryLock",
            Self::RotateFileVaultKey(_) => "RotateFileVaultKey",
            Self::DeclarativeManagement { .. } => "DeclarativeManagement",
            Self::Settings { .. } => "Settings",
            Self::Raw { request_type, .. } => request_type,
            Self::Given(given) => given.request_type(),
        }
    }

    /// The CommandUUID that whoever wrote the command chose for it.
    #[must_use]
    pub fn chosen_uuid(&self) -> Option<&CommandUuid> {
        match self {
            Self::Given(given) => given.uuid(),
            _ => None,
        }
    }

    /// The command as it is stored: its `Command` dictionary as an XML property list; a given one as it was given. Equal
    /// commands give equal bytes.
    #[must_use]
    pub fn to_body(&self) -> Vec<u8> {
        match self {
            Self::Given(given) => given.body().to_vec(),
            _ => xml::encode_dictionary(self.to_dictionary()),
        }
    }

    /// Reads a stored body.
    ///
    /// # Errors
    /// When the bytes are no property list or name no `RequestType`.
    pub fn from_body(body: &[u8]) -> Result<Self, WireError> {
        let keys = top_level(body, Limits::for_body(body.len()))?;
        Self::from_dictionary(given::inside(&keys).unwrap_or(&keys))
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.to_dictionary();
        f.write_str(self.request_type())?;
        f.debug_set().entries(keys.keys().filter(|key| *key != "RequestType")).finish()
    }
}

/// A stored body with its CommandUUID around it, as it is delivered. The same UUID and body give the same bytes; a given
/// command that carries this UUID gives its own.
///
/// # Errors
/// When the stored bytes are no dictionary: the store is damaged.
pub fn wrap(uuid: &CommandUuid, body: &[u8]) -> Result<Vec<u8>, WireError> {
    let command = top_level(body, Limits::for_body(body.len()))?;
    if given::inside(&command).is_some() {
        return Ok(given::deliver(uuid, command, body));
    }
    let mut keys = Dictionary::new();
    keys.put("Command", command);
    keys.put("CommandUUID", uuid.as_str());
    Ok(xml::encode_dictionary(keys))
}

/// What a device receives.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivered {
    /// `CommandUUID`.
    pub uuid: CommandUuid,
    /// `Command`.
    pub command: Command,
}

impl Delivered {
    /// Reads a delivered command; `None` for an empty body, which means there is nothing to do.
    ///
    /// # Errors
    /// When the body is no acceptable property list, or lacks `CommandUUID`, `Command` or `RequestType`.
    pub fn decode(bytes: &[u8], limits: Limits) -> Result<Option<Self>, WireError> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let keys = top_level(bytes, limits)?;
        let missing = |key| WireError::Missing { message: "a command", key };
        let uuid = CommandUuid::new(text(&keys, "CommandUUID").ok_or_else(|| missing("CommandUUID"))?)?;
        let command = dictionary(&keys, "Command").ok_or_else(|| missing("Command"))?;
        Ok(Some(Self { uuid, command: Command::from_dictionary(command)? }))
    }
}

#[cfg(test)]
mod tests;
