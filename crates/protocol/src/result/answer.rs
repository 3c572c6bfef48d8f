//! The answer inside a report, by the request type of its command.

use super::{
    DeviceInformation, InstallApplicationAnswer, InstalledApplicationList, ManagedApplicationList, ProfileList, Report,
    SecurityInfo, SettingsAnswer,
};
use crate::fields::{Put, WireError};
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
            Self::Other(others) => keys.put_rest(others),
        }
        keys
    }
}
