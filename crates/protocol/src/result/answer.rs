//! The answer inside a report, by the request type of its command.

use super::acts::{
    AppAttributesEntry, AppConfiguration, AppFeedback, DeviceLockAnswer, InviteToProgramAnswer, Location,
    MirroringAnswer, RecoveryLockAnswer, RotateFileVaultKeyAnswer,
};
use super::inventory::{DeviceUser, InstalledCertificate, OsUpdate, OsUpdateProgress, ProvisioningProfile};
use super::{
    DeviceInformation, InstallApplicationAnswer, InstalledApplicationList, ManagedApplicationList, ProfileList, Report,
    SecurityInfo, SettingsAnswer,
};
use crate::fields::{Put, WireError};
use crate::wire::{Item, list, put_list};
use plist::Dictionary;

/// A typed answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// To `InstallApplication`.
    InstallApplication(InstallApplicationAnswer),
    /// To `ManagedApplicationList`.
    ManagedApplicationList(ManagedApplicationList),
    /// To `InstalledApplicationList`.
    InstalledApplicationList(InstalledApplicationList),
    /// To `ProfileList`.
    ProfileList(ProfileList),
    /// To `DeviceInformation`.
    DeviceInformation(DeviceInformation),
    /// To `SecurityInfo`.
    SecurityInfo(SecurityInfo),
    /// To `Settings`.
    Settings(SettingsAnswer),
    /// To `CertificateList`.
    CertificateList(Vec<InstalledCertificate>),
    /// To `ProvisioningProfileList`.
    ProvisioningProfileList(Vec<ProvisioningProfile>),
    /// To `UserList`.
    UserList(Vec<DeviceUser>),
    /// To `AvailableOSUpdates`.
    AvailableOsUpdates(Vec<OsUpdate>),
    /// To `OSUpdateStatus`.
    OsUpdateStatus(Vec<OsUpdateProgress>),
    /// To `ManagedApplicationConfiguration`.
    ManagedApplicationConfiguration(Vec<AppConfiguration>),
    /// To `ManagedApplicationAttributes`.
    ManagedApplicationAttributes(Vec<AppAttributesEntry>),
    /// To `ManagedApplicationFeedback`.
    ManagedApplicationFeedback(Vec<AppFeedback>),
    /// To `InviteToProgram`.
    InviteToProgram(InviteToProgramAnswer),
    /// To `DeviceLock`.
    DeviceLock(DeviceLockAnswer),
    /// To `DeviceLocation`.
    DeviceLocation(Location),
    /// To `RequestMirroring`.
    RequestMirroring(MirroringAnswer),
    /// To `VerifyRecoveryLock`.
    VerifyRecoveryLock(RecoveryLockAnswer),
    /// To `RotateFileVaultKey`.
    RotateFileVaultKey(RotateFileVaultKeyAnswer),
    /// To a command without a typed answer: its keys, mostly none.
    Other(Dictionary),
}

impl Answer {
    /// No keys at all, as most commands are answered.
    #[must_use]
    pub fn none() -> Self {
        Self::Other(Dictionary::new())
    }

    /// Reads the answer of a report to a command of this request type.
    ///
    /// # Errors
    /// When the key that holds the answer is missing (also where the command failed: look at the status first).
    pub fn read(request_type: &str, report: &Report) -> Result<Self, WireError> {
        let keys = &report.keys;
        Ok(match request_type {
            "InstallApplication" => Self::InstallApplication(InstallApplicationAnswer::read(keys)),
            "ManagedApplicationList" => Self::ManagedApplicationList(ManagedApplicationList::read(keys)?),
            "InstalledApplicationList" => Self::InstalledApplicationList(InstalledApplicationList::read(keys)?),
            "ProfileList" => Self::ProfileList(ProfileList::read(keys)?),
            "DeviceInformation" => Self::DeviceInformation(DeviceInformation::read(keys)?),
            "SecurityInfo" => Self::SecurityInfo(SecurityInfo::read(keys)?),
            "Settings" => Self::Settings(SettingsAnswer::read(keys)),
            "CertificateList" => Self::CertificateList(at(keys, "CertificateList")?),
            "ProvisioningProfileList" => Self::ProvisioningProfileList(at(keys, "ProvisioningProfileList")?),
            "UserList" => Self::UserList(at(keys, "Users")?),
            "AvailableOSUpdates" => Self::AvailableOsUpdates(at(keys, "AvailableOSUpdates")?),
            "OSUpdateStatus" => Self::OsUpdateStatus(at(keys, "OSUpdateStatus")?),
            "ManagedApplicationConfiguration" => {
                Self::ManagedApplicationConfiguration(at(keys, "ApplicationConfigurations")?)
            }
            "ManagedApplicationAttributes" => Self::ManagedApplicationAttributes(at(keys, "ApplicationAttributes")?),
            "ManagedApplicationFeedback" => Self::ManagedApplicationFeedback(at(keys, "ManagedApplicationFeedback")?),
            "InviteToProgram" => Self::InviteToProgram(InviteToProgramAnswer::read(keys)?),
            "DeviceLock" => Self::DeviceLock(DeviceLockAnswer::read(keys)?),
            "DeviceLocation" => Self::DeviceLocation(Location::read(keys)?),
            "RequestMirroring" => Self::RequestMirroring(MirroringAnswer::read(keys)?),
            "VerifyRecoveryLock" => Self::VerifyRecoveryLock(RecoveryLockAnswer::read(keys)?),
            "RotateFileVaultKey" => Self::RotateFileVaultKey(RotateFileVaultKeyAnswer::read(keys)?),
            _ => Self::Other(keys.clone()),
        })
    }

    pub(super) fn to_keys(&self) -> Dictionary {
        let mut keys = Dictionary::new();
        match self {
            Self::InstallApplication(answer) => answer.write(&mut keys),
            Self::ManagedApplicationList(answer) => answer.write(&mut keys),
            Self::InstalledApplicationList(answer) => answer.write(&mut keys),
            Self::ProfileList(answer) => answer.write(&mut keys),
            Self::DeviceInformation(answer) => keys.put("QueryResponses", answer.responses.clone()),
            Self::SecurityInfo(answer) => keys.put("SecurityInfo", answer.info.clone()),
            Self::Settings(answer) => answer.write(&mut keys),
            Self::CertificateList(all) => put_list(&mut keys, "CertificateList", all),
            Self::ProvisioningProfileList(all) => put_list(&mut keys, "ProvisioningProfileList", all),
            Self::UserList(all) => put_list(&mut keys, "Users", all),
            Self::AvailableOsUpdates(all) => put_list(&mut keys, "AvailableOSUpdates", all),
            Self::OsUpdateStatus(all) => put_list(&mut keys, "OSUpdateStatus", all),
            Self::ManagedApplicationConfiguration(all) => put_list(&mut keys, "ApplicationConfigurations", all),
            Self::ManagedApplicationAttributes(all) => put_list(&mut keys, "ApplicationAttributes", all),
            Self::ManagedApplicationFeedback(all) => put_list(&mut keys, "ManagedApplicationFeedback", all),
            Self::InviteToProgram(answer) => answer.write(&mut keys),
            Self::DeviceLock(answer) => answer.write(&mut keys),
            Self::DeviceLocation(answer) => answer.write(&mut keys),
            Self::RequestMirroring(answer) => answer.write(&mut keys),
            Self::VerifyRecoveryLock(answer) => answer.write(&mut keys),
            Self::RotateFileVaultKey(answer) => answer.write(&mut keys),
            Self::Other(others) => keys.put_rest(others),
        }
        keys
    }
}

/// An answer that is one list.
fn at<T: Item>(keys: &Dictionary, key: &'static str) -> Result<Vec<T>, WireError> {
    list(keys, "the answer of a device", key)
}
