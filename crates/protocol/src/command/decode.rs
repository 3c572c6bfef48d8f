//! Reading commands, as a device does (and as a stored body is read back for people).

use super::{
    ApplyRedemptionCode, Command, DeviceLock, EnableLostMode, EraseDevice, InstallApplication,
    InstallEnterpriseApplication, InviteToProgram, RequestMirroring, RestartDevice, RotateFileVaultKey,
    SetRecoveryLock, SettingsItem,
};
use crate::fields::{WireError, data, dictionaries, flag, rest, text, texts};
use crate::ids::BundleId;
use crate::wire::Field;
use plist::Dictionary;

impl Command {
    /// Reads a `Command` dictionary.
    ///
    /// # Errors
    /// When `RequestType` or a key is missing without which the command says nothing.
    pub fn from_dictionary(keys: &Dictionary) -> Result<Self, WireError> {
        let missing = |message, key| WireError::Missing { message, key };
        let kind = text(keys, "RequestType").ok_or_else(|| missing("a command", "RequestType"))?;
        let managed_only = || flag(keys, "ManagedOnly").unwrap_or(false);
        Ok(match kind.as_str() {
            "InstallProfile" => {
                let payload = data(keys, "Payload").ok_or_else(|| missing("InstallProfile", "Payload"))?;
                Self::InstallProfile { payload }
            }
            "RemoveProfile" => {
                let identifier = text(keys, "Identifier").ok_or_else(|| missing("RemoveProfile", "Identifier"))?;
                Self::RemoveProfile { identifier }
            }
            "ProfileList" => Self::ProfileList { managed_only: managed_only() },
            "CertificateList" => Self::CertificateList { managed_only: managed_only() },
            "ProvisioningProfileList" => Self::ProvisioningProfileList { managed_only: managed_only() },
            "InstallApplication" => Self::InstallApplication(InstallApplication::read(keys)?),
            "RemoveApplication" => {
                let identifier = text(keys, "Identifier").ok_or_else(|| missing("RemoveApplication", "Identifier"))?;
                Self::RemoveApplication { identifier: BundleId::new(identifier)? }
            }
            "ManagedApplicationList" => Self::ManagedApplicationList { identifiers: ids(keys)? },
            "InstalledApplicationList" => Self::InstalledApplicationList {
                identifiers: ids(keys)?,
                managed_only: flag(keys, "ManagedAppsOnly").unwrap_or(false),
                items: texts(keys, "Items").unwrap_or_default(),
            },
            "DeviceInformation" => Self::DeviceInformation { queries: texts(keys, "Queries").unwrap_or_default() },
            "SecurityInfo" => Self::SecurityInfo,
            "UserList" => Self::UserList,
            "AvailableOSUpdates" => Self::AvailableOsUpdates,
            "OSUpdateStatus" => Self::OsUpdateStatus,
            "InstallEnterpriseApplication" => {
                Self::InstallEnterpriseApplication(InstallEnterpriseApplication::read(keys)?)
            }
            "ManagedApplicationConfiguration" => Self::ManagedApplicationConfiguration { identifiers: ids(keys)? },
            "ManagedApplicationAttributes" => Self::ManagedApplicationAttributes { identifiers: ids(keys)? },
            "ManagedApplicationFeedback" => Self::ManagedApplicationFeedback {
                identifiers: ids(keys)?,
                delete: flag(keys, "DeleteFeedback").unwrap_or(false),
            },
            "ApplyRedemptionCode" => Self::ApplyRedemptionCode(ApplyRedemptionCode::read(keys)?),
            "InviteToProgram" => Self::InviteToProgram(InviteToProgram::read(keys)?),
            "DeviceLock" => Self::DeviceLock(DeviceLock::read(keys)?),
            "ClearPasscode" => {
                let unlock_token = Field::take(keys, "UnlockToken");
                Self::ClearPasscode {
                    unlock_token: unlock_token.ok_or_else(|| missing("ClearPasscode", "UnlockToken"))?,
                }
            }
            "EraseDevice" => Self::EraseDevice(EraseDevice::read(keys)?),
            "RestartDevice" => Self::RestartDevice(RestartDevice::read(keys)?),
            "ShutDownDevice" => Self::ShutDownDevice,
            "EnableLostMode" => Self::EnableLostMode(EnableLostMode::read(keys)?),
            "DisableLostMode" => Self::DisableLostMode,
            "PlayLostModeSound" => Self::PlayLostModeSound,
            "DeviceLocation" => Self::DeviceLocation,
            "RequestMirroring" => Self::RequestMirroring(RequestMirroring::read(keys)?),
            "DeviceConfigured" => Self::DeviceConfigured,
            "SetRecoveryLock" => Self::SetRecoveryLock(SetRecoveryLock::read(keys)?),
            "VerifyRecoveryLock" => {
                let password = Field::take(keys, "Password");
                Self::VerifyRecoveryLock {
                    password: password.ok_or_else(|| missing("VerifyRecoveryLock", "Password"))?,
                }
            }
            "RotateFileVaultKey" => Self::RotateFileVaultKey(RotateFileVaultKey::read(keys)?),
            "DeclarativeManagement" => Self::DeclarativeManagement { data: data(keys, "Data") },
            "Settings" => Self::Settings {
                items: dictionaries(keys, "Settings").into_iter().filter_map(SettingsItem::read).collect(),
            },
            _ => Self::Raw { request_type: kind, keys: rest(keys, &["RequestType"]) },
        })
    }
}

fn ids(keys: &Dictionary) -> Result<Vec<BundleId>, WireError> {
    let texts = texts(keys, "Identifiers").unwrap_or_default();
    texts.into_iter().map(|id| BundleId::new(id).map_err(WireError::from)).collect()
}
