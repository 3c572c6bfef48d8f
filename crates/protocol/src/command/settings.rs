//! Items of the `Settings` command. Source: Apple schema, `mdm/commands/settings.yaml`.

use super::app::AppAttributes;
use crate::fields::{Put, dictionary, flag, rest, text};
use crate::ids::BundleId;
use plist::{Dictionary, Value};

/// One setting.
#[derive(Debug, Clone, PartialEq)]
pub enum SettingsItem {
    /// Attributes of a managed app; `None` clears them.
    ApplicationAttributes {
        /// `Identifier`.
        identifier: BundleId,
        /// `Attributes`.
        attributes: Option<AppAttributes>,
    },
    /// Configuration of a managed app; `None` clears it.
    ApplicationConfiguration {
        /// `Identifier`.
        identifier: BundleId,
        /// `Configuration`.
        configuration: Option<Dictionary>,
    },
    /// Data roaming of the whole device (iPhone, iPad).
    DataRoaming {
        /// `Enabled`.
        enabled: bool,
    },
    /// The organization's name, which app prompts show.
    OrganizationInfo {
        /// `OrganizationName`.
        name: String,
    },
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
            Self::ApplicationAttributes { .. } => "ApplicationAttributes",
            Self::ApplicationConfiguration { .. } => "ApplicationConfiguration",
            Self::DataRoaming { .. } => "DataRoaming",
            Self::OrganizationInfo { .. } => "OrganizationInfo",
            Self::Other { item, .. } => item,
        }
    }

    pub(super) fn to_value(&self) -> Value {
        let mut keys = Dictionary::new();
        keys.put("Item", self.name());
        match self {
            Self::ApplicationAttributes { identifier, attributes } => {
                keys.put("Identifier", identifier.as_str());
                keys.put_some("Attributes", attributes.as_ref().map(AppAttributes::to_dictionary));
            }
            Self::ApplicationConfiguration { identifier, configuration } => {
                keys.put("Identifier", identifier.as_str());
                keys.put_some("Configuration", configuration.clone());
            }
            Self::DataRoaming { enabled } => keys.put("Enabled", *enabled),
            Self::OrganizationInfo { name } => {
                let mut info = Dictionary::new();
                info.put("OrganizationName", name.as_str());
                keys.put("OrganizationInfo", info);
            }
            Self::Other { keys: others, .. } => keys.put_rest(others),
        }
        Value::Dictionary(keys)
    }

    /// Reads an item; what is not exactly one of the typed forms is kept as [`SettingsItem::Other`].
    pub(super) fn read(keys: &Dictionary) -> Option<Self> {
        let item = text(keys, "Item")?;
        let identifier = text(keys, "Identifier").and_then(|id| BundleId::new(id).ok());
        let organization = dictionary(keys, "OrganizationInfo").and_then(|info| text(info, "OrganizationName"));
        let typed = match (item.as_str(), identifier) {
            ("ApplicationAttributes", Some(identifier)) => {
                let attributes = dictionary(keys, "Attributes").map(AppAttributes::from_dictionary);
                Some(Self::ApplicationAttributes { identifier, attributes })
            }
            ("ApplicationConfiguration", Some(identifier)) => {
                let configuration = dictionary(keys, "Configuration").cloned();
                Some(Self::ApplicationConfiguration { identifier, configuration })
            }
            ("DataRoaming", _) => flag(keys, "Enabled").map(|enabled| Self::DataRoaming { enabled }),
            ("OrganizationInfo", _) => organization.map(|name| Self::OrganizationInfo { name }),
            _ => None,
        };
        Some(typed.unwrap_or_else(|| Self::Other { item, keys: rest(keys, &["Item"]) }))
    }
}
