//! `DeviceInformation` and `SecurityInfo` (Apple schema: information.device.yaml, information.security.yaml). Queries that
//! a device does not answer are left out, as real ones do.

use super::super::device::Device;
use super::super::state::{Enrollment, State};
use super::Reply;
use plist::{Dictionary, Value};
use russet_protocol::Platform;
use russet_protocol::result::{Answer, DeviceInformation, ManagementStatus, SecurityInfo};

/// Queries that need no access right beyond being enrolled; all others here need right 16, which the caller has checked.
pub(super) fn information(device: &Device, enrollment: &Enrollment, queries: &[String]) -> Reply {
    let state = device.state();
    let mut information = DeviceInformation::default();
    for query in queries {
        if let Some(value) = respond(device, &state, enrollment, query) {
            information.set(query, value);
        }
    }
    Reply::done(Answer::DeviceInformation(information))
}

fn respond(device: &Device, state: &State, enrollment: &Enrollment, query: &str) -> Option<Value> {
    let hardware = &device.hardware;
    let mac = hardware.platform == Platform::MacOs;
    let tv = hardware.platform == Platform::TvOs;
    let ios = hardware.platform.is_ios_family();
    let private = hardware.enrollment_id.is_some();
    // A user enrollment tells nothing that names the device.
    if private && matches!(query, "UDID" | "SerialNumber" | "IMEI" | "MEID" | "WiFiMAC" | "BluetoothMAC" | "DeviceName")
    {
        return None;
    }
    Some(match query {
        "UDID" => hardware.udid.as_str().into(),
        "SerialNumber" => hardware.serial.as_str().into(),
        "ProductName" => hardware.product.into(),
        "ModelName" => hardware.model_name.into(),
        "Model" | "ModelNumber" => hardware.model.into(),
        "DeviceName" => state.name.as_str().into(),
        "OSVersion" => hardware.os_version.into(),
        "BuildVersion" => hardware.build.into(),
        "IsSupervised" => hardware.supervised.into(),
        "IsMultiUser" if ios => hardware.shared.into(),
        "IsMDMLostModeEnabled" if ios => state.lost.is_some().into(),
        "IsDeviceLocatorServiceEnabled" if ios => state.lost.is_some().into(),
        "IsCloudBackupEnabled" if ios => false.into(),
        "EASDeviceIdentifier" if ios => format!("SIM{}", hardware.serial).into(),
        "DeviceID" if tv => hardware.serial.as_str().into(),
        "IsAppleSilicon" | "SupportsiOSAppInstalls" | "PINRequiredForDeviceLock" if mac => true.into(),
        "PINRequiredForEraseDevice" | "IsActivationLockSupported" if mac => false.into(),
        "SystemIntegrityProtectionEnabled" if mac => true.into(),
        "HasBattery" if mac => hardware.model_name.starts_with("MacBook").into(),
        "HostName" | "LocalHostName" if mac => format!("{}.local", hardware.serial).into(),
        "WiFiMAC" => hardware.wifi_mac.as_str().into(),
        "IMEI" => hardware.imei.as_deref()?.into(),
        "BatteryLevel" if !tv => Value::Real(0.8),
        "DeviceCapacity" if !tv => Value::Real(128.0),
        "AvailableDeviceCapacity" if !tv => Value::Real(64.0),
        "CellularTechnology" if ios => if hardware.cellular { 3 } else { 0 }.into(),
        "DataRoamingEnabled" if hardware.cellular => state.data_roaming.into(),
        "VoiceRoamingEnabled" if hardware.cellular => state.voice_roaming.into(),
        "IsRoaming" if hardware.cellular => false.into(),
        "PersonalHotspotEnabled" if hardware.cellular => state.settings.contains_key("PersonalHotspot").into(),
        "ServiceSubscriptions" if hardware.cellular => subscriptions(device),
        "IsNetworkTethered" if ios => false.into(),
        "IsActivationLockEnabled" if !tv => false.into(),
        "AwaitingConfiguration" => state.awaiting.into(),
        "iTunesStoreAccountIsActive" => false.into(),
        "PushToken" if !tv => Value::Data(enrollment.token.clone()),
        "ResidentUsers" | "MaximumResidentUsers" | "EstimatedResidentUsers" if hardware.shared => 8.into(),
        "OrganizationInfo" => Value::Dictionary(state.organization.clone()?),
        "TimeZone" if !mac => setting(state, "TimeZone", "TimeZone").unwrap_or_else(|| "Europe/Berlin".into()),
        "MDMOptions" if !tv => setting(state, "MDMOptions", "MDMOptions")?,
        _ => return None,
    })
}

/// A key of a setting that the server made.
fn setting(state: &State, item: &str, key: &str) -> Option<Value> {
    state.settings.get(item)?.get(key).cloned()
}

/// One plan.
fn subscriptions(device: &Device) -> Value {
    let hardware = &device.hardware;
    let mut plan = Dictionary::new();
    let number = format!("+49 151 {:08}", hardware.index);
    let texts = [
        ("CarrierSettingsVersion", "59.0"),
        ("CurrentCarrierNetwork", "Example Mobile"),
        ("ICCID", "8949 0200 0000 0000 0000"),
        ("Label", "Primary"),
        ("LabelID", "00000000-0000-4000-8000-000000000001"),
        ("PhoneNumber", &number),
        ("Slot", "CTSubscriptionSlotOne"),
        ("EID", "89049032000000000000000000000000"),
        ("IMEI", hardware.imei.as_deref().unwrap_or_default()),
    ];
    texts.into_iter().for_each(|(key, value)| drop(plan.insert(key.to_owned(), value.into())));
    for (key, value) in [("IsDataPreferred", true), ("IsRoaming", false), ("IsVoicePreferred", true)] {
        plan.insert(key.to_owned(), value.into());
    }
    Value::Array(vec![Value::Dictionary(plan)])
}

/// Security facts.
pub(super) fn security(device: &Device) -> Reply {
    let mut info = Dictionary::new();
    let mut put = |key: &str, value: Value| drop(info.insert(key.to_owned(), value));
    let mac = device.hardware.platform == Platform::MacOs;
    let state = device.state();
    if mac {
        let escrows = state.enrollment.as_ref().is_some_and(|enrollment| enrollment.mdm.bootstrap);
        for key in ["FDE_Enabled", "FDE_HasPersonalRecoveryKey", "SystemIntegrityProtectionEnabled"] {
            put(key, true.into());
        }
        put("FDE_HasInstitutionalRecoveryKey", false.into());
        put("IsRecoveryLockEnabled", state.recovery_lock.is_some().into());
        put("RemoteDesktopEnabled", false.into());
        put("AuthenticatedRootVolumeEnabled", true.into());
        let may = if escrows { "allowed" } else { "disallowed" };
        put("BootstrapTokenAllowedForAuthentication", may.into());
        put("BootstrapTokenRequiredForSoftwareUpdate", true.into());
        put("BootstrapTokenRequiredForKernelExtensionApproval", true.into());
        let firewall = [("FirewallEnabled", true), ("BlockAllIncoming", false), ("StealthMode", false)];
        let firewall = firewall.into_iter().map(|(key, value)| (key.to_owned(), Value::from(value))).collect();
        put("FirewallSettings", Value::Dictionary(firewall));
        let boot = [("SecureBootLevel", "full"), ("ExternalBootLevel", "disallowed")];
        let boot = boot.into_iter().map(|(key, value)| (key.to_owned(), Value::from(value))).collect();
        put("SecureBoot", Value::Dictionary(boot));
    } else {
        put("HardwareEncryptionCaps", 3.into());
        if device.can_lock() {
            put("PasscodePresent", state.passcode.into());
            put("PasscodeCompliant", true.into());
            put("PasscodeCompliantWithProfiles", true.into());
            put("PasscodeLockGracePeriod", 0.into());
            put("PasscodeLockGracePeriodEnforced", 0.into());
        }
    }
    let mut security = SecurityInfo { info };
    security.set_management_status(ManagementStatus {
        enrolled_via_dep: mac.then_some(device.hardware.awaits),
        user_approved: mac.then_some(true),
        user_enrollment: Some(device.hardware.enrollment_id.is_some()),
    });
    Reply::done(Answer::SecurityInfo(security))
}
