//! Reading commands, as a device does (and as a stored body is read back for people).

use super::{Command, InstallApplication, SettingsItem};
use crate::fields::{WireError, data, dictionaries, flag, rest, text, texts};
use crate::ids::BundleId;
use plist::Dictionary;

impl Command {
    /// Reads a `Command` dictionary.
    ///
    /// # Errors
    /// When `RequestType` or a key is missing without which the command says nothing.
    pub fn from_dictionary(keys: &Dictionary) -> Result<Self, WireError> {
        let missing = |message, key| WireError::Missing { message, key };
        let kind = text(keys, "RequestType").ok_or_else(|| missing("a command", "RequestType"))?;
        Ok(match kind.as_str() {
            "InstallProfile" => {
                let payload = data(keys, "Payload").ok_or_else(|| missing("InstallProfile", "Payload"))?;
                Self::InstallProfile { payload }
            }
            "RemoveProfile" => {
                let identifier = text(keys, "Identifier").ok_or_else(|| missing("RemoveProfile", "Identifier"))?;
                Self::RemoveProfile { identifier }
            }
            "ProfileList" => Self::ProfileList { managed_only: flag(keys, "ManagedOnly").unwrap_or(false) },
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
            "DeviceConfigured" => Self::DeviceConfigured,
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
