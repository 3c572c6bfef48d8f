//! Answers about apps. Source: Apple schema, `mdm/commands/application.{install,managed.list,installed.list}.yaml`.

use super::state::AppState;
use crate::fields::{Put, WireError, dictionaries, dictionary, flag, int, rest, text};
use crate::ids::BundleId;
use plist::{Dictionary, Value};

/// The immediate answer to `InstallApplication`: accepted or rejected, never installed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InstallApplicationAnswer {
    /// `Identifier`.
    pub identifier: Option<BundleId>,
    /// `State`.
    pub state: Option<AppState>,
    /// `RejectionReason`; Macs always say `Other`.
    pub rejection_reason: Option<String>,
}

impl InstallApplicationAnswer {
    pub(super) fn read(keys: &Dictionary) -> Self {
        Self {
            identifier: text(keys, "Identifier").and_then(|id| BundleId::new(id).ok()),
            state: text(keys, "State").map(|state| AppState::parse(&state)),
            rejection_reason: text(keys, "RejectionReason"),
        }
    }

    pub(super) fn write(&self, keys: &mut Dictionary) {
        keys.put_some("Identifier", self.identifier.as_ref().map(BundleId::as_str));
        keys.put_some("State", self.state.as_ref().map(AppState::as_str));
        keys.put_some("RejectionReason", self.rejection_reason.as_deref());
    }
}

/// One app of `ManagedApplicationList`.
#[derive(Debug, Clone, PartialEq)]
pub struct ManagedApplication {
    /// The key of the entry.
    pub identifier: BundleId,
    /// `Status`.
    pub status: AppState,
    /// `ManagementFlags`.
    pub management_flags: Option<i64>,
    /// `HasConfiguration`.
    pub has_configuration: Option<bool>,
    /// `HasFeedback`.
    pub has_feedback: Option<bool>,
    /// `IsValidated`.
    pub is_validated: Option<bool>,
    /// `ExternalVersionIdentifier`, the store's number of the installed version.
    pub external_version: Option<i64>,
    /// Keys that this type does not know.
    pub other: Dictionary,
}

const MANAGED: [&str; 6] =
    ["Status", "ManagementFlags", "HasConfiguration", "HasFeedback", "IsValidated", "ExternalVersionIdentifier"];

impl ManagedApplication {
    fn read(identifier: &str, keys: &Dictionary) -> Option<Self> {
        Some(Self {
            identifier: BundleId::new(identifier).ok()?,
            status: AppState::parse(&text(keys, "Status").unwrap_or_default()),
            management_flags: int(keys, "ManagementFlags"),
            has_configuration: flag(keys, "HasConfiguration"),
            has_feedback: flag(keys, "HasFeedback"),
            is_validated: flag(keys, "IsValidated"),
            external_version: int(keys, "ExternalVersionIdentifier"),
            other: rest(keys, &MANAGED),
        })
    }

    fn to_dictionary(&self) -> Dictionary {
        let mut keys = Dictionary::new();
        keys.put("Status", self.status.as_str());
        keys.put_some("ManagementFlags", self.management_flags);
        keys.put_some("HasConfiguration", self.has_configuration);
        keys.put_some("HasFeedback", self.has_feedback);
        keys.put_some("IsValidated", self.is_validated);
        keys.put_some("ExternalVersionIdentifier", self.external_version);
        keys.put_rest(&self.other);
        keys
    }
}

/// The answer to `ManagedApplicationList`. Apps that declarative management owns are not in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ManagedApplicationList {
    /// The apps, in the order sent.
    pub apps: Vec<ManagedApplication>,
}

impl ManagedApplicationList {
    pub(super) fn read(keys: &Dictionary) -> Result<Self, WireError> {
        let missing =
            WireError::Missing { message: "the answer to ManagedApplicationList", key: "ManagedApplicationList" };
        let list = dictionary(keys, "ManagedApplicationList").ok_or(missing)?;
        let entry = |(id, value): (&String, &Value)| ManagedApplication::read(id, value.as_dictionary()?);
        Ok(Self { apps: list.iter().filter_map(entry).collect() })
    }

    pub(super) fn write(&self, keys: &mut Dictionary) {
        let list: Dictionary = self
            .apps
            .iter()
            .map(|app| (app.identifier.as_str().to_owned(), Value::Dictionary(app.to_dictionary())))
            .collect();
        keys.put("ManagedApplicationList", list);
    }
}

/// One app of `InstalledApplicationList`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InstalledApp {
    /// `Identifier`; may be missing on Macs.
    pub identifier: Option<BundleId>,
    /// `Name`, chosen by the app: hostile text.
    pub name: Option<String>,
    /// `Version`.
    pub version: Option<String>,
    /// `ShortVersion`.
    pub short_version: Option<String>,
    /// `ExternalVersionIdentifier`.
    pub external_version: Option<i64>,
    /// `HasUpdateAvailable`; refreshed by the device about daily.
    pub has_update: Option<bool>,
    /// `Installing`.
    pub installing: Option<bool>,
    /// Keys that this type does not know.
    pub other: Dictionary,
}

const INSTALLED: [&str; 7] =
    ["Identifier", "Name", "Version", "ShortVersion", "ExternalVersionIdentifier", "HasUpdateAvailable", "Installing"];

/// The answer to `InstalledApplicationList`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InstalledApplicationList {
    /// The apps, in the order sent.
    pub apps: Vec<InstalledApp>,
}

impl InstalledApplicationList {
    pub(super) fn read(keys: &Dictionary) -> Result<Self, WireError> {
        if keys.get("InstalledApplicationList").and_then(Value::as_array).is_none() {
            let message = "the answer to InstalledApplicationList";
            return Err(WireError::Missing { message, key: "InstalledApplicationList" });
        }
        let read = |keys: &Dictionary| InstalledApp {
            identifier: text(keys, "Identifier").and_then(|id| BundleId::new(id).ok()),
            name: text(keys, "Name"),
            version: text(keys, "Version"),
            short_version: text(keys, "ShortVersion"),
            external_version: int(keys, "ExternalVersionIdentifier"),
            has_update: flag(keys, "HasUpdateAvailable"),
            installing: flag(keys, "Installing"),
            other: rest(keys, &INSTALLED),
        };
        Ok(Self { apps: dictionaries(keys, "InstalledApplicationList").into_iter().map(read).collect() })
    }

    pub(super) fn write(&self, keys: &mut Dictionary) {
        let write = |app: &InstalledApp| {
            let mut keys = Dictionary::new();
            keys.put_some("Identifier", app.identifier.as_ref().map(BundleId::as_str));
            keys.put_some("Name", app.name.as_deref());
            keys.put_some("Version", app.version.as_deref());
            keys.put_some("ShortVersion", app.short_version.as_deref());
            keys.put_some("ExternalVersionIdentifier", app.external_version);
            keys.put_some("HasUpdateAvailable", app.has_update);
            keys.put_some("Installing", app.installing);
            keys.put_rest(&app.other);
            Value::Dictionary(keys)
        };
        keys.put("InstalledApplicationList", self.apps.iter().map(write).collect::<Vec<_>>());
    }
}
