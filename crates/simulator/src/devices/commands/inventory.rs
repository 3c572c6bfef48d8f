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
    let phone = hardware.platform == Platform::Ios;
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
        "IsMultiUser" if !mac => false.into(),
        "IsAppleSilicon" if mac => true.into(),
        "SupportsiOSAppInstalls" if mac => true.into(),
        "HostName" | "LocalHostName" if mac => format!("{}.local", hardware.serial).into(),
        "WiFiMAC" => hardware.wifi_mac.as_str().into(),
        "IMEI" => hardware.imei.as_deref()?.into(),
        "BatteryLevel" => Value::Real(0.8),
        "DeviceCapacity" => Value::Real(128.0),
        "AvailableDeviceCapacity" => Value::Real(64.0),
        "CellularTechnology" if !mac => if hardware.cellular { 3 } else { 0 }.into(),
        "DataRoamingEnabled" if hardware.cellular => state.data_roaming.into(),
        "VoiceRoamingEnabled" if phone => state.voice_roaming.into(),
        "IsRoaming" if hardware.cellular => false.into(),
        "IsNetworkTethered" if !mac => false.into(),
        "IsActivationLockEnabled" => false.into(),
        "AwaitingConfiguration" => false.into(),
        "iTunesStoreAccountIsActive" => false.into(),
        "PushToken" => Value::Data(enrollment.token.clone()),
        "OrganizationInfo" => Value::Dictionary(state.organization.clone()?),
        _ => return None,
    })
}

/// Security facts.
pub(super) fn security(device: &Device) -> Reply {
    let mut info = Dictionary::new();
    if device.hardware.platform == Platform::MacOs {
        info.insert("FDE_Enabled".to_owned(), true.into());
        info.insert("SystemIntegrityProtectionEnabled".to_owned(), true.into());
    } else {
        info.insert("HardwareEncryptionCaps".to_owned(), 3.into());
        for key in ["PasscodePresent", "PasscodeCompliant", "PasscodeCompliantWithProfiles"] {
            info.insert(key.to_owned(), true.into());
        }
    }
    let mut security = SecurityInfo { info };
    security.set_management_status(ManagementStatus {
        enrolled_via_dep: Some(false),
        user_approved: Some(true),
        user_enrollment: Some(false),
    });
    Reply::done(Answer::SecurityInfo(security))
}
