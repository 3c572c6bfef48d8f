//! Which setting exists on which platform and kind of enrollment (the platform matrix; sources: Apple schema
//! mdm/commands/application.install.yaml, mdm/profiles/com.apple.networkusagerules.yaml, com.apple.sso.yaml,
//! com.apple.vpn.managed.applayer.yaml, com.apple.vpn.managed.appmapping.yaml). What does not exist is said, never sent.

use crate::settings::Settings;
use russet_protocol::Platform;
use serde::{Deserialize, Serialize};

/// How a device is enrolled, as far as settings differ by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum EnrollmentKind {
    /// The whole device is managed.
    #[default]
    Device,
    /// Only the work part of a person's own device (User Enrollment); it has no serial number.
    User,
}

/// A setting of an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// App data stays out of backups.
    PreventBackup,
    /// The app goes when the management goes.
    RemoveWithManagement,
    /// Mobile data abroad.
    DataRoaming,
    /// Mobile data.
    CellularData,
    /// Per-app VPN.
    Vpn,
    /// Kerberos single sign-on.
    SingleSignOn,
}

impl Setting {
    /// All of them, in the order in which reports show them.
    pub const ALL: [Self; 6] = [
        Self::PreventBackup,
        Self::RemoveWithManagement,
        Self::DataRoaming,
        Self::CellularData,
        Self::Vpn,
        Self::SingleSignOn,
    ];

    /// The setting's name, as reports show it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::PreventBackup => "prevent backup",
            Self::RemoveWithManagement => "remove with management",
            Self::DataRoaming => "data roaming",
            Self::CellularData => "cellular data",
            Self::Vpn => "per-app VPN",
            Self::SingleSignOn => "single sign-on",
        }
    }
}

/// Whether a setting can reach a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Support {
    /// It exists.
    Exists,
    /// It exists by another means: on the Mac an appmapping payload instead of the app's attributes.
    ByAppMapping,
    /// The platform has nothing like it.
    NotOnThisPlatform,
    /// The platform has it, this kind of enrollment forbids it.
    NotInThisEnrollment,
}

impl Support {
    /// Whether the setting is sent in some form.
    #[must_use]
    pub fn is_sent(self) -> bool {
        matches!(self, Self::Exists | Self::ByAppMapping)
    }
}

/// The matrix.
#[must_use]
pub fn support(setting: Setting, platform: Platform, kind: EnrollmentKind) -> Support {
    let user = kind == EnrollmentKind::User;
    match setting {
        Setting::PreventBackup | Setting::RemoveWithManagement => match platform {
            Platform::MacOs if user => Support::NotInThisEnrollment,
            _ => Support::Exists,
        },
        Setting::DataRoaming | Setting::CellularData => match platform {
            Platform::Ios | Platform::IpadOs if user => Support::NotInThisEnrollment,
            Platform::Ios | Platform::IpadOs => Support::Exists,
            _ => Support::NotOnThisPlatform,
        },
        Setting::Vpn => match platform {
            Platform::MacOs => Support::ByAppMapping,
            Platform::TvOs => Support::NotOnThisPlatform,
            _ => Support::Exists,
        },
        Setting::SingleSignOn => match platform {
            Platform::Ios | Platform::IpadOs => Support::Exists,
            _ => Support::NotOnThisPlatform,
        },
    }
}

/// Settings that ask for something other than Apple's own behavior and cannot reach this device, each with why.
#[must_use]
pub fn missing(settings: &Settings, platform: Platform, kind: EnrollmentKind) -> Vec<(Setting, Support)> {
    Setting::ALL
        .into_iter()
        .filter(|setting| match setting {
            Setting::PreventBackup => settings.prevent_backup.value,
            Setting::RemoveWithManagement => settings.remove_with_management.value,
            Setting::DataRoaming => !settings.data_roaming.value,
            Setting::CellularData => !settings.cellular_data.value,
            Setting::Vpn => settings.vpn.value.is_some(),
            Setting::SingleSignOn => settings.single_sign_on.value.is_some(),
        })
        .map(|setting| (setting, support(setting, platform, kind)))
        .filter(|(_, support)| !support.is_sent())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_has_no_roaming_and_maps_its_vpn() {
        assert_eq!(support(Setting::DataRoaming, Platform::MacOs, EnrollmentKind::Device), Support::NotOnThisPlatform);
        assert_eq!(support(Setting::Vpn, Platform::MacOs, EnrollmentKind::Device), Support::ByAppMapping);
        assert_eq!(support(Setting::DataRoaming, Platform::Ios, EnrollmentKind::User), Support::NotInThisEnrollment);
        assert_eq!(support(Setting::SingleSignOn, Platform::IpadOs, EnrollmentKind::User), Support::Exists);
    }
}
