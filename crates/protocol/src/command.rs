//! Commands: one type each, one builder each, so that no two paths of the server can send different forms of one
//! command. Source: Apple schema, `mdm/commands/*.yaml`.
//!
//! A command is stored as its *body* (the `Command` dictionary), once for all devices that get it; the CommandUUID is
//! wrapped around it at delivery.

mod app;
mod decode;
mod settings;

pub use app::{AppAttributes, AppSource, InstallApplication, ManagementFlags, PurchaseMethod};
pub use settings::SettingsItem;

use crate::fields::{Put, WireError, dictionary, text, top_level};
use crate::guard::Limits;
use crate::ids::{BundleId, CommandUuid};
use crate::xml;
use plist::{Dictionary, Value};

/// One command.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "commands are made one at a time and matched on; a box would only hide the app"
)]
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
    /// Ends `AwaitingConfiguration`.
    DeviceConfigured,
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
            Self::DeviceConfigured => "DeviceConfigured",
            Self::Settings { .. } => "Settings",
            Self::Raw { request_type, .. } => request_type,
        }
    }

    /// The command as it is stored: its `Command` dictionary as an XML property list. Equal commands give equal bytes.
    #[must_use]
    pub fn to_body(&self) -> Vec<u8> {
        xml::encode_dictionary(self.to_dictionary())
    }

    /// Reads a stored body.
    ///
    /// # Errors
    /// When the bytes are no property list or name no `RequestType`.
    pub fn from_body(body: &[u8]) -> Result<Self, WireError> {
        Self::from_dictionary(&top_level(body, Limits::for_body(body.len()))?)
    }

    fn to_dictionary(&self) -> Dictionary {
        let mut keys = Dictionary::new();
        keys.put("RequestType", self.request_type());
        match self {
            Self::InstallProfile { payload } => keys.put("Payload", Value::Data(payload.clone())),
            Self::RemoveProfile { identifier } => keys.put("Identifier", identifier.as_str()),
            Self::ProfileList { managed_only } => keys.put_some("ManagedOnly", managed_only.then_some(true)),
            Self::InstallApplication(install) => install.write(&mut keys),
            Self::RemoveApplication { identifier } => keys.put("Identifier", identifier.as_str()),
            Self::ManagedApplicationList { identifiers } => put_ids(&mut keys, identifiers),
            Self::InstalledApplicationList { identifiers, managed_only, items } => {
                put_ids(&mut keys, identifiers);
                keys.put_some("ManagedAppsOnly", managed_only.then_some(true));
                if !items.is_empty() {
                    keys.put_texts("Items", items);
                }
            }
            Self::DeviceInformation { queries } => keys.put_texts("Queries", queries),
            Self::SecurityInfo | Self::DeviceConfigured => {}
            Self::Settings { items } => {
                keys.put("Settings", items.iter().map(SettingsItem::to_value).collect::<Vec<_>>());
            }
            Self::Raw { keys: rest, .. } => keys.put_rest(rest),
        }
        keys
    }
}

fn put_ids(keys: &mut Dictionary, identifiers: &[BundleId]) {
    if !identifiers.is_empty() {
        let texts: Vec<&str> = identifiers.iter().map(BundleId::as_str).collect();
        keys.put_texts("Identifiers", &texts);
    }
}

/// A stored body with its CommandUUID around it, as it is delivered. The same UUID and body give the same bytes.
///
/// # Errors
/// When the stored bytes are no dictionary: the store is damaged.
pub fn wrap(uuid: &CommandUuid, body: &[u8]) -> Result<Vec<u8>, WireError> {
    let command = top_level(body, Limits::for_body(body.len()))?;
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
