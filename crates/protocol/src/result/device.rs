//! Answers about the device, its profiles and settings. Source: Apple schema,
//! `mdm/commands/{profile.list,information.device,information.security,settings}.yaml`.

use super::{ErrorChainItem, ServiceSubscription, Status, read_chain, write_chain};
use crate::fields::{Put, WireError, dictionaries, dictionary, flag, int, rest, text};
use crate::ids::BundleId;
use crate::wire::list;
use plist::{Dictionary, Value};

/// One payload of an installed profile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstalledPayload {
    /// `PayloadType`.
    pub payload_type: String,
    /// `PayloadIdentifier`.
    pub identifier: String,
    /// `PayloadUUID`.
    pub uuid: String,
}

/// One profile of `ProfileList`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InstalledProfile {
    /// `PayloadIdentifier`: the identity of the profile.
    pub identifier: String,
    /// `PayloadUUID`: of this build of the profile.
    pub uuid: String,
    /// `PayloadDisplayName`.
    pub display_name: Option<String>,
    /// `IsManaged`.
    pub is_managed: Option<bool>,
    /// `PayloadContent`, the payloads without their settings.
    pub payloads: Vec<InstalledPayload>,
    /// Keys that this type does not know.
    pub other: Dictionary,
}

const PROFILE: [&str; 5] = ["PayloadIdentifier", "PayloadUUID", "PayloadDisplayName", "IsManaged", "PayloadContent"];

/// The answer to `ProfileList`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProfileList {
    /// The profiles, in the order sent.
    pub profiles: Vec<InstalledProfile>,
}

impl ProfileList {
    pub(super) fn read(keys: &Dictionary) -> Result<Self, WireError> {
        if keys.get("ProfileList").and_then(Value::as_array).is_none() {
            return Err(WireError::Missing { message: "the answer to ProfileList", key: "ProfileList" });
        }
        let payload = |keys: &Dictionary| InstalledPayload {
            payload_type: text(keys, "PayloadType").unwrap_or_default(),
            identifier: text(keys, "PayloadIdentifier").unwrap_or_default(),
            uuid: text(keys, "PayloadUUID").unwrap_or_default(),
        };
        let profile = |keys: &Dictionary| InstalledProfile {
            identifier: text(keys, "PayloadIdentifier").unwrap_or_default(),
            uuid: text(keys, "PayloadUUID").unwrap_or_default(),
            display_name: text(keys, "PayloadDisplayName"),
            is_managed: flag(keys, "IsManaged"),
            payloads: dictionaries(keys, "PayloadContent").into_iter().map(payload).collect(),
            other: rest(keys, &PROFILE),
        };
        Ok(Self { profiles: dictionaries(keys, "ProfileList").into_iter().map(profile).collect() })
    }

    pub(super) fn write(&self, keys: &mut Dictionary) {
        let payload = |payload: &InstalledPayload| {
            let mut keys = Dictionary::new();
            keys.put("PayloadType", payload.payload_type.as_str());
            keys.put("PayloadVersion", 1i64);
            keys.put("PayloadIdentifier", payload.identifier.as_str());
            keys.put("PayloadUUID", payload.uuid.as_str());
            Value::Dictionary(keys)
        };
        let profile = |profile: &InstalledProfile| {
            let mut keys = Dictionary::new();
            keys.put("PayloadIdentifier", profile.identifier.as_str());
            keys.put("PayloadUUID", profile.uuid.as_str());
            keys.put_some("PayloadDisplayName", profile.display_name.as_deref());
            keys.put_some("IsManaged", profile.is_managed);
            keys.put("PayloadContent", profile.payloads.iter().map(payload).collect::<Vec<_>>());
            keys.put_rest(&profile.other);
            Value::Dictionary(keys)
        };
        keys.put("ProfileList", self.profiles.iter().map(profile).collect::<Vec<_>>());
    }
}

/// The answer to `DeviceInformation`: whatever was asked for and the device cares to tell. Missing keys are normal.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DeviceInformation {
    /// `QueryResponses`, complete.
    pub responses: Dictionary,
}

impl DeviceInformation {
    pub(super) fn read(keys: &Dictionary) -> Result<Self, WireError> {
        let missing = WireError::Missing { message: "the answer to DeviceInformation", key: "QueryResponses" };
        Ok(Self { responses: dictionary(keys, "QueryResponses").ok_or(missing)?.clone() })
    }

    /// A text among the responses, such as `SerialNumber`, `ProductName`, `OSVersion`, `BuildVersion`, `DeviceName`.
    #[must_use]
    pub fn text(&self, query: &str) -> Option<String> {
        text(&self.responses, query)
    }

    /// A truth value among the responses, such as `IsSupervised`, `DataRoamingEnabled`, `IsAppleSilicon`.
    #[must_use]
    pub fn flag(&self, query: &str) -> Option<bool> {
        flag(&self.responses, query)
    }

    /// A whole number among the responses.
    #[must_use]
    pub fn int(&self, query: &str) -> Option<i64> {
        int(&self.responses, query)
    }

    /// `ServiceSubscriptions`: the SIMs of the device. None where it did not say.
    #[must_use]
    pub fn subscriptions(&self) -> Option<Vec<ServiceSubscription>> {
        list(&self.responses, "the answer to DeviceInformation", "ServiceSubscriptions").ok()
    }

    /// Adds a response.
    pub fn set(&mut self, query: &str, value: impl Into<Value>) {
        self.responses.put(query, value);
    }
}

/// `SecurityInfo.ManagementStatus`: how the device was enrolled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ManagementStatus {
    /// `EnrolledViaDEP`.
    pub enrolled_via_dep: Option<bool>,
    /// `UserApprovedEnrollment`.
    pub user_approved: Option<bool>,
    /// `IsUserEnrollment`.
    pub user_enrollment: Option<bool>,
}

/// The answer to `SecurityInfo`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SecurityInfo {
    /// `SecurityInfo`, complete.
    pub info: Dictionary,
}

impl SecurityInfo {
    pub(super) fn read(keys: &Dictionary) -> Result<Self, WireError> {
        let missing = WireError::Missing { message: "the answer to SecurityInfo", key: "SecurityInfo" };
        Ok(Self { info: dictionary(keys, "SecurityInfo").ok_or(missing)?.clone() })
    }

    /// `ManagementStatus`.
    #[must_use]
    pub fn management_status(&self) -> Option<ManagementStatus> {
        let keys = dictionary(&self.info, "ManagementStatus")?;
        Some(ManagementStatus {
            enrolled_via_dep: flag(keys, "EnrolledViaDEP"),
            user_approved: flag(keys, "UserApprovedEnrollment"),
            user_enrollment: flag(keys, "IsUserEnrollment"),
        })
    }

    /// Sets `ManagementStatus`.
    pub fn set_management_status(&mut self, status: ManagementStatus) {
        let mut keys = Dictionary::new();
        keys.put_some("EnrolledViaDEP", status.enrolled_via_dep);
        keys.put_some("UserApprovedEnrollment", status.user_approved);
        keys.put_some("IsUserEnrollment", status.user_enrollment);
        self.info.put("ManagementStatus", keys);
    }
}

/// What came of one item of `Settings`.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingResult {
    /// `Status`: Acknowledged or Error.
    pub status: Status,
    /// `ErrorChain`.
    pub error_chain: Vec<ErrorChainItem>,
    /// `Identifier` of the app the item was about.
    pub identifier: Option<BundleId>,
}

/// The answer to `Settings`, one result an item: an acknowledged command does not mean that each item worked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SettingsAnswer {
    /// The results, in the order of the items.
    pub results: Vec<SettingResult>,
}

impl SettingsAnswer {
    /// The schema calls `Settings` a dictionary, devices send an array: both are read.
    pub(super) fn read(keys: &Dictionary) -> Self {
        let read = |keys: &Dictionary| SettingResult {
            status: Status::parse(&text(keys, "Status").unwrap_or_default()),
            error_chain: read_chain(keys),
            identifier: text(keys, "Identifier").and_then(|id| BundleId::new(id).ok()),
        };
        match dictionary(keys, "Settings") {
            Some(single) => Self { results: vec![read(single)] },
            None => Self { results: dictionaries(keys, "Settings").into_iter().map(read).collect() },
        }
    }

    pub(super) fn write(&self, keys: &mut Dictionary) {
        let write = |result: &SettingResult| {
            let mut keys = Dictionary::new();
            keys.put("Status", result.status.as_str());
            write_chain(&mut keys, &result.error_chain);
            keys.put_some("Identifier", result.identifier.as_ref().map(BundleId::as_str));
            Value::Dictionary(keys)
        };
        keys.put("Settings", self.results.iter().map(write).collect::<Vec<_>>());
    }
}
