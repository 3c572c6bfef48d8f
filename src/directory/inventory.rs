//! What a device says of itself beside its lists: the answers to `DeviceInformation` and `SecurityInfo`, kept whole within bounds,
//! and told as facts and in words. Source: Apple schema, `information.device.yaml`, `information.security.yaml`.
//!
//! Texts in them are hostile. What is told here never repeats a recovery key, sealed or not.

use super::certificates::InstalledCertificate;
use super::installed_apps::InstalledApp;
use super::installed_profiles::InstalledProfile;
use super::lists::{Entry, bounded};
use super::small_lists::{AvailableUpdate, DeviceUser, ProvisioningProfile, UpdateProgress};
use crate::ids::DeviceId;
use russet_protocol::guard::{self, Limits};
use russet_protocol::plist::{Dictionary, Value};
use russet_protocol::xml;
use russet_store::{StoreError, Tx};

/// The most responses that are kept of one device, and the most bytes of one of them and of all.
const MOST_RESPONSES: usize = 150;
const LARGEST_RESPONSE: usize = 16 * 1024;
const LARGEST: usize = 256 * 1024;

/// Responses that are shown as facts, and what they are called there.
const FACTS: [(&str, &str); 26] = [
    ("BatteryLevel", "battery_level"),
    ("HasBattery", "has_battery"),
    ("DeviceCapacity", "capacity_gb"),
    ("AvailableDeviceCapacity", "available_capacity_gb"),
    ("IsAppleSilicon", "is_apple_silicon"),
    ("IsMultiUser", "is_shared_ipad"),
    ("IsActivationLockEnabled", "is_activation_lock_enabled"),
    ("IsActivationLockSupported", "is_activation_lock_supported"),
    ("IsDeviceLocatorServiceEnabled", "is_find_my_enabled"),
    ("IsCloudBackupEnabled", "is_cloud_backup_enabled"),
    ("IsMDMLostModeEnabled", "is_lost_mode_enabled"),
    ("DataRoamingEnabled", "data_roaming_enabled"),
    ("IsRoaming", "is_roaming"),
    ("PersonalHotspotEnabled", "personal_hotspot_enabled"),
    ("IsNetworkTethered", "is_network_tethered"),
    ("CellularTechnology", "cellular_technology"),
    ("ModemFirmwareVersion", "modem_firmware_version"),
    ("WiFiMAC", "wifi_mac"),
    ("BluetoothMAC", "bluetooth_mac"),
    ("EthernetMAC", "ethernet_mac"),
    ("HostName", "host_name"),
    ("LocalHostName", "local_host_name"),
    ("TimeZone", "time_zone"),
    ("SupplementalOSVersionExtra", "os_version_extra"),
    ("iTunesStoreAccountIsActive", "store_account_is_active"),
    ("SupportsiOSAppInstalls", "supports_ios_apps"),
];

/// The responses of before with those of now over them, bounded, as a property list. An answer to a few queries so leaves what
/// others taught.
pub(super) fn merged(before: Option<&[u8]>, now: &Dictionary) -> Vec<u8> {
    let mut all = before.and_then(read).unwrap_or_default();
    let mut total = xml::encode_dictionary(all.clone()).len();
    for (query, value) in now {
        let size = xml::encode(value).len();
        let is_new = !all.contains_key(query);
        if size > LARGEST_RESPONSE || total.saturating_add(size) > LARGEST || (is_new && all.len() >= MOST_RESPONSES) {
            tracing::warn!(query = bounded(query), size, "a response of a device is too large to be kept");
            continue;
        }
        total = total.saturating_add(size);
        all.insert(query.clone(), value.clone());
    }
    xml::encode_dictionary(all)
}

/// The dictionary of a stored answer.
#[must_use]
pub fn read(stored: &[u8]) -> Option<Dictionary> {
    guard::parse(stored, Limits::for_body(stored.len())).ok()?.into_dictionary()
}

/// The facts among the responses that programs and people ask for most.
#[must_use]
pub fn facts(responses: &Dictionary) -> serde_json::Map<String, serde_json::Value> {
    let shown = |(query, name): &(&str, &str)| Some(((*name).to_owned(), plain(responses.get(query)?)?));
    FACTS.iter().filter_map(shown).collect()
}

/// A value without parts.
fn plain(value: &Value) -> Option<serde_json::Value> {
    match value {
        Value::Boolean(flag) => Some((*flag).into()),
        Value::String(text) => Some(bounded(text).into()),
        Value::Integer(number) => number.as_signed().map(Into::into),
        Value::Real(number) => serde_json::Number::from_f64(*number).map(Into::into),
        _ => None,
    }
}

/// What the security of a device comes to, a sentence each; what it does not tell is left out.
#[must_use]
pub fn security_in_words(info: &Dictionary) -> Vec<String> {
    let flag = |keys: &Dictionary, key: &str| keys.get(key).and_then(Value::as_boolean);
    let mut words: Vec<String> = Vec::new();
    let mut say = |value: Option<bool>, yes: &str, no: &str| {
        let said = value.map(|value| if value { yes } else { no });
        words.extend(said.filter(|said| !said.is_empty()).map(str::to_owned));
    };
    let passcode = flag(info, "PasscodePresent");
    say(passcode, "A passcode is set.", "No passcode is set.");
    say(
        flag(info, "PasscodeCompliant"),
        "The passcode fits all rules.",
        "The passcode does not fit all rules on the device.",
    );
    say(
        flag(info, "PasscodeCompliantWithProfiles"),
        "The passcode fits the rules of the profiles.",
        "The passcode does not fit the rules of the profiles.",
    );
    say(
        info.get("HardwareEncryptionCaps")
            .and_then(Value::as_signed_integer)
            .map(|caps| caps == 3 && passcode == Some(true)),
        "The data is protected.",
        "The data is not protected: that needs a passcode.",
    );
    say(flag(info, "FDE_Enabled"), "FileVault is on.", "FileVault is off.");
    say(
        flag(info, "FDE_HasPersonalRecoveryKey"),
        "FileVault has a personal recovery key.",
        "FileVault has no personal recovery key.",
    );
    say(flag(info, "FDE_HasInstitutionalRecoveryKey"), "FileVault has an institutional recovery key.", "");
    say(
        flag(info, "SystemIntegrityProtectionEnabled"),
        "System Integrity Protection is on.",
        "System Integrity Protection is off.",
    );
    say(
        flag(info, "AuthenticatedRootVolumeEnabled"),
        "The system volume is sealed.",
        "The system volume is not sealed.",
    );
    if let Some(firewall) = info.get("FirewallSettings").and_then(Value::as_dictionary) {
        say(flag(firewall, "FirewallEnabled"), "The firewall is on.", "The firewall is off.");
        say(flag(firewall, "BlockAllIncoming"), "The firewall blocks all incoming connections.", "");
        say(flag(firewall, "StealthMode"), "The firewall is in stealth mode.", "");
    }
    if let Some(firmware) = info.get("FirmwarePasswordStatus").and_then(Value::as_dictionary) {
        say(flag(firmware, "PasswordExists"), "A firmware password is set.", "No firmware password is set.");
        say(flag(firmware, "ChangePending"), "The firmware password changes at the next start.", "");
    }
    say(flag(info, "IsRecoveryLockEnabled"), "Recovery is locked with a password.", "Recovery is not locked.");
    say(flag(info, "RemoteDesktopEnabled"), "Remote Desktop is on.", "Remote Desktop is off.");
    if let Some(boot) = info.get("SecureBoot").and_then(Value::as_dictionary)
        && let Some(level) = boot.get("SecureBootLevel").and_then(Value::as_string)
    {
        say(
            Some(level == "full").filter(|_| level != "not supported"),
            "Secure Boot is full.",
            "Secure Boot is reduced.",
        );
    }
    if let Some(status) = info.get("ManagementStatus").and_then(Value::as_dictionary) {
        say(
            flag(status, "EnrolledViaDEP"),
            "It came by Automated Device Enrollment.",
            "It did not come by Automated Device Enrollment.",
        );
        say(
            flag(status, "UserApprovedEnrollment"),
            "A person approved the enrollment.",
            "No person approved the enrollment: some commands may be refused.",
        );
        say(flag(status, "IsUserEnrollment"), "It is a user enrollment.", "");
    }
    words
}

/// Everything that is known to be on a device is uncertain from now on: it was enrolled anew.
///
/// # Errors
/// Where the store fails.
pub async fn forget_lists(tx: &mut dyn Tx, device: DeviceId) -> Result<(), StoreError> {
    let id = device.text();
    for sql in [
        InstalledApp::FORGET,
        InstalledCertificate::FORGET,
        InstalledProfile::FORGET,
        ProvisioningProfile::FORGET,
        DeviceUser::FORGET,
        AvailableUpdate::FORGET,
        UpdateProgress::FORGET,
        "DELETE FROM managed_app WHERE device_id = $1",
        "DELETE FROM device_list WHERE device_id = $1",
    ] {
        tx.later(sql, &[(&id).into()]).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::lists::LONGEST_TEXT;
    use super::*;

    fn dictionary(pairs: &[(&str, Value)]) -> Dictionary {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
    }

    #[test]
    fn an_answer_to_a_few_queries_leaves_what_others_taught() {
        let first = merged(None, &dictionary(&[("DeviceName", "Mia".into()), ("BatteryLevel", Value::Real(0.5))]));
        let second = read(&merged(Some(&first), &dictionary(&[("BatteryLevel", Value::Real(0.25))]))).unwrap();
        assert_eq!(
            (second.get("DeviceName"), second.get("BatteryLevel")),
            (Some(&"Mia".into()), Some(&Value::Real(0.25)))
        );
    }

    #[test]
    fn a_device_cannot_fill_its_row() {
        let large = dictionary(&[("DeviceName", "x".repeat(LARGEST_RESPONSE).into()), ("OSVersion", "26.1".into())]);
        let kept = read(&merged(None, &large)).unwrap();
        assert_eq!(kept.keys().map(String::as_str).collect::<Vec<_>>(), ["OSVersion"]);
        let many: Dictionary = (0..1000).map(|number| (format!("Query{number}"), Value::from(true))).collect();
        assert_eq!(read(&merged(None, &many)).unwrap().len(), MOST_RESPONSES);
        let mut grown = Vec::new();
        for round in 0..40 {
            let value: Value = "y".repeat(LARGEST_RESPONSE / 2).into();
            grown = merged(Some(&grown), &dictionary(&[(&format!("Query{round}"), value)]));
        }
        assert!(grown.len() <= LARGEST + 1024, "{}", grown.len());
    }

    #[test]
    fn security_is_told_in_words() {
        let firewall = dictionary(&[("FirewallEnabled", true.into()), ("BlockAllIncoming", false.into())]);
        let status = dictionary(&[("EnrolledViaDEP", false.into()), ("UserApprovedEnrollment", true.into())]);
        let mac = dictionary(&[
            ("FDE_Enabled", true.into()),
            ("FDE_PersonalRecoveryKeyCMS", Value::Data(vec![1])),
            ("FirewallSettings", Value::Dictionary(firewall)),
            ("ManagementStatus", Value::Dictionary(status)),
            ("SystemIntegrityProtectionEnabled", "odd".into()),
        ]);
        assert_eq!(
            security_in_words(&mac),
            [
                "FileVault is on.",
                "The firewall is on.",
                "It did not come by Automated Device Enrollment.",
                "A person approved the enrollment."
            ]
        );
        let phone = dictionary(&[("PasscodePresent", false.into()), ("HardwareEncryptionCaps", 3.into())]);
        assert_eq!(
            security_in_words(&phone),
            ["No passcode is set.", "The data is not protected: that needs a passcode."]
        );
    }

    #[test]
    fn facts_are_plain_values_of_bounded_length() {
        let odd = dictionary(&[
            ("WiFiMAC", "z".repeat(2 * LONGEST_TEXT).into()),
            ("BatteryLevel", Value::Real(f64::NAN)),
            ("IsRoaming", false.into()),
            ("HostName", Value::Array(vec![])),
        ]);
        let facts = facts(&odd);
        assert_eq!(facts["wifi_mac"].as_str().map(str::len), Some(LONGEST_TEXT));
        assert_eq!(facts.keys().map(String::as_str).collect::<Vec<_>>(), ["is_roaming", "wifi_mac"]);
    }
}
