//! Items of the `Settings` command. Source: Apple schema, `mdm/commands/settings.yaml`.

mod items;

pub use items::{
    AccessibilitySettings, AwaitUserConfiguration, DefaultApplications, MdmOptions, OrganizationInfo, PasscodePolicy,
    RecommendationCadence, SharedDeviceConfiguration, Wallpaper, WallpaperPlace,
};

use super::app::AppAttributes;
use crate::fields::{Put, dictionary, rest, text};
use crate::ids::BundleId;
use crate::wire::Field;
use plist::{Dictionary, Value};

/// One setting. The name of each variant is the value of `Item`.
#[derive(Debug, Clone, PartialEq)]
pub enum SettingsItem {
    /// The picture behind the Lock Screen and the Home Screen.
    Wallpaper(Wallpaper),
    /// Data roaming of the whole device (iPhone, iPad). Switching it on switches voice roaming on too.
    DataRoaming {
        /// `Enabled`.
        enabled: bool,
    },
    /// Voice roaming; deprecated.
    VoiceRoaming {
        /// `Enabled`.
        enabled: bool,
    },
    /// Personal Hotspot.
    PersonalHotspot {
        /// `Enabled`.
        enabled: bool,
    },
    /// Bluetooth.
    Bluetooth {
        /// `Enabled`.
        enabled: bool,
    },
    /// Configuration of a managed app; `None` clears it.
    ApplicationConfiguration {
        /// `Identifier`.
        identifier: BundleId,
        /// `Configuration`.
        configuration: Option<Dictionary>,
    },
    /// Attributes of a managed app; `None` clears them.
    ApplicationAttributes {
        /// `Identifier`.
        identifier: BundleId,
        /// `Attributes`.
        attributes: Option<AppAttributes>,
    },
    /// The device's name.
    DeviceName {
        /// `DeviceName`.
        name: String,
    },
    /// The host name of a Mac.
    HostName {
        /// `HostName`.
        name: String,
    },
    /// Who manages the device; `None` takes it away.
    OrganizationInfo(Option<OrganizationInfo>),
    /// The apps that open links, calls and messages.
    DefaultApplications(DefaultApplications),
    /// Options of the management itself.
    MdmOptions(MdmOptions),
    /// Users of a Shared iPad; deprecated for [`SettingsItem::SharedDeviceConfiguration`].
    MaximumResidentUsers {
        /// `MaximumResidentUsers`.
        users: i64,
    },
    /// How a Shared iPad is shared.
    SharedDeviceConfiguration(SharedDeviceConfiguration),
    /// Diagnostics of a Shared iPad are sent to Apple.
    DiagnosticSubmission {
        /// `Enabled`.
        enabled: bool,
    },
    /// App analytics of a Shared iPad are shared with developers.
    AppAnalytics {
        /// `Enabled`.
        enabled: bool,
    },
    /// Passcode of a Shared iPad; deprecated for [`SettingsItem::SharedDeviceConfiguration`].
    PasscodeLockGracePeriod {
        /// `PasscodeLockGracePeriod`: 0, 60, 300, 900, 3600 or 14400.
        seconds: i64,
    },
    /// The time zone.
    TimeZone {
        /// `TimeZone`, as the IANA database names it.
        name: String,
    },
    /// Which updates the person is offered; deprecated.
    SoftwareUpdateSettings {
        /// `RecommendationCadence`.
        cadence: RecommendationCadence,
    },
    /// Accessibility.
    AccessibilitySettings(AccessibilitySettings),
    /// Any other item, with its keys beside `Item`.
    Other {
        /// `Item`.
        item: String,
        /// The other keys.
        keys: Dictionary,
    },
}

impl SettingsItem {
    /// The value of `Item`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Wallpaper(_) => "Wallpaper",
            Self::DataRoaming { .. } => "DataRoaming",
            Self::VoiceRoaming { .. } => "VoiceRoaming",
            Self::PersonalHotspot { .. } => "PersonalHotspot",
            Self::Bluetooth { .. } => "Bluetooth",
            Self::ApplicationConfiguration { .. } => "ApplicationConfiguration",
            Self::ApplicationAttributes { .. } => "ApplicationAttributes",
            Self::DeviceName { .. } => "DeviceName",
            Self::HostName { .. } => "HostName",
            Self::OrganizationInfo(_) => "OrganizationInfo",
            Self::DefaultApplications(_) => "DefaultApplications",
            Self::MdmOptions(_) => "MDMOptions",
            Self::MaximumResidentUsers { .. } => "MaximumResidentUsers",
            Self::SharedDeviceConfiguration(_) => "SharedDeviceConfiguration",
            Self::DiagnosticSubmission { .. } => "DiagnosticSubmission",
            Self::AppAnalytics { .. } => "AppAnalytics",
            Self::PasscodeLockGracePeriod { .. } => "PasscodeLockGracePeriod",
            Self::TimeZone { .. } => "TimeZone",
            Self::SoftwareUpdateSettings { .. } => "SoftwareUpdateSettings",
            Self::AccessibilitySettings(_) => "AccessibilitySettings",
            Self::Other { item, .. } => item,
        }
    }

    pub(super) fn to_value(&self) -> Value {
        let mut keys = Dictionary::new();
        keys.put("Item", self.name());
        match self {
            Self::Wallpaper(wallpaper) => wallpaper.write(&mut keys),
            Self::DataRoaming { enabled }
            | Self::VoiceRoaming { enabled }
            | Self::PersonalHotspot { enabled }
            | Self::Bluetooth { enabled }
            | Self::DiagnosticSubmission { enabled }
            | Self::AppAnalytics { enabled } => keys.put("Enabled", *enabled),
            Self::ApplicationConfiguration { identifier, configuration } => {
                keys.put("Identifier", identifier.as_str());
                keys.put_some("Configuration", configuration.clone());
            }
            Self::ApplicationAttributes { identifier, attributes } => {
                keys.put("Identifier", identifier.as_str());
                keys.put_some("Attributes", attributes.as_ref().map(AppAttributes::to_dictionary));
            }
            // These have their name for a key.
            Self::DeviceName { name } | Self::HostName { name } | Self::TimeZone { name } => {
                keys.put(self.name(), name.as_str());
            }
            Self::OrganizationInfo(organization) => organization.store(&mut keys, "OrganizationInfo"),
            Self::DefaultApplications(apps) => apps.write(&mut keys),
            Self::MdmOptions(options) => options.store(&mut keys, "MDMOptions"),
            Self::MaximumResidentUsers { users: number } | Self::PasscodeLockGracePeriod { seconds: number } => {
                keys.put(self.name(), *number);
            }
            Self::SharedDeviceConfiguration(configuration) => configuration.write(&mut keys),
            Self::SoftwareUpdateSettings { cadence } => cadence.store(&mut keys, "RecommendationCadence"),
            Self::AccessibilitySettings(settings) => settings.write(&mut keys),
            Self::Other { keys: others, .. } => keys.put_rest(others),
        }
        Value::Dictionary(keys)
    }

    /// Reads an item; what is not exactly one of the typed forms is kept as [`SettingsItem::Other`].
    pub(super) fn read(keys: &Dictionary) -> Option<Self> {
        let item = text(keys, "Item")?;
        let typed = Self::typed(&item, keys);
        Some(typed.unwrap_or_else(|| Self::Other { item, keys: rest(keys, &["Item"]) }))
    }

    fn typed(item: &str, keys: &Dictionary) -> Option<Self> {
        let enabled = || Field::take(keys, "Enabled");
        let identifier = || Field::take(keys, "Identifier");
        let of_own_name = || text(keys, item);
        Some(match item {
            "Wallpaper" => Self::Wallpaper(Wallpaper::read(keys).ok()?),
            "DataRoaming" => Self::DataRoaming { enabled: enabled()? },
            "VoiceRoaming" => Self::VoiceRoaming { enabled: enabled()? },
            "PersonalHotspot" => Self::PersonalHotspot { enabled: enabled()? },
            "Bluetooth" => Self::Bluetooth { enabled: enabled()? },
            "DiagnosticSubmission" => Self::DiagnosticSubmission { enabled: enabled()? },
            "AppAnalytics" => Self::AppAnalytics { enabled: enabled()? },
            "ApplicationConfiguration" => Self::ApplicationConfiguration {
                identifier: identifier()?,
                configuration: dictionary(keys, "Configuration").cloned(),
            },
            "ApplicationAttributes" => Self::ApplicationAttributes {
                identifier: identifier()?,
                attributes: dictionary(keys, "Attributes").map(AppAttributes::from_dictionary),
            },
            "DeviceName" => Self::DeviceName { name: of_own_name()? },
            "HostName" => Self::HostName { name: of_own_name()? },
            "TimeZone" => Self::TimeZone { name: of_own_name()? },
            "OrganizationInfo" => match keys.get("OrganizationInfo") {
                None => Self::OrganizationInfo(None),
                Some(_) => Self::OrganizationInfo(Some(Field::take(keys, "OrganizationInfo")?)),
            },
            "DefaultApplications" => Self::DefaultApplications(DefaultApplications::read(keys).ok()?),
            "MDMOptions" => Self::MdmOptions(Field::take(keys, "MDMOptions")?),
            "MaximumResidentUsers" => Self::MaximumResidentUsers { users: Field::take(keys, item)? },
            "PasscodeLockGracePeriod" => Self::PasscodeLockGracePeriod { seconds: Field::take(keys, item)? },
            "SharedDeviceConfiguration" => Self::SharedDeviceConfiguration(SharedDeviceConfiguration::read(keys).ok()?),
            "SoftwareUpdateSettings" => {
                Self::SoftwareUpdateSettings { cadence: Field::take(keys, "RecommendationCadence")? }
            }
            "AccessibilitySettings" => Self::AccessibilitySettings(AccessibilitySettings::read(keys).ok()?),
            _ => return None,
        })
    }
}
