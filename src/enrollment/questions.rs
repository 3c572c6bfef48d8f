//! What a device is asked about itself, and only what exists for it: its platform and version, supervised or not, a user enrollment
//! or not. Source: Apple schema, `information.device.yaml` and the commands' `supportedOS`, by `russet_protocol::support`.

use crate::directory::devices::Device;
use crate::directory::installed_apps::ITEMS;
use russet_protocol::Platform;
use russet_protocol::command::Command;
use russet_protocol::support::{self, ChannelKind, OsVersion, Target};

/// Queries of every device. What one does not know it leaves out.
const QUERIES: [&str; 17] = [
    "UDID",
    "SerialNumber",
    "DeviceName",
    "Model",
    "ModelName",
    "ModelNumber",
    "ProductName",
    "OSVersion",
    "BuildVersion",
    "SupplementalBuildVersion",
    "SupplementalOSVersionExtra",
    "IsSupervised",
    "DeviceCapacity",
    "AvailableDeviceCapacity",
    "WiFiMAC",
    "BluetoothMAC",
    "TimeZone",
];

/// Queries of iPhones and iPads beside those.
const MOBILE: [&str; 13] = [
    "IsMultiUser",
    "BatteryLevel",
    "CellularTechnology",
    "ModemFirmwareVersion",
    "DataRoamingEnabled",
    "PersonalHotspotEnabled",
    "IsNetworkTethered",
    "ServiceSubscriptions",
    "IsActivationLockEnabled",
    "IsDeviceLocatorServiceEnabled",
    "IsCloudBackupEnabled",
    "IsMDMLostModeEnabled",
    "iTunesStoreAccountIsActive",
];

/// Queries of Macs beside those.
const MAC: [&str; 10] = [
    "IsAppleSilicon",
    "BatteryLevel",
    "HasBattery",
    "EthernetMAC",
    "HostName",
    "LocalHostName",
    "IsActivationLockEnabled",
    "IsActivationLockSupported",
    "SupportsiOSAppInstalls",
    "iTunesStoreAccountIsActive",
];

/// The question what a device is.
pub(super) fn information(device: &Device) -> Command {
    let (platform, version) = (device.platform(), version(device));
    let more: &[&str] = match platform {
        Some(Platform::Ios) => &MOBILE,
        Some(Platform::MacOs) => &MAC,
        _ => &[],
    };
    let mut queries: Vec<String> = QUERIES.iter().chain(more).map(|query| (*query).to_owned()).collect();
    // Gone in 26, where each subscription tells it.
    if platform == Some(Platform::Ios) && version.is_none_or(|version| Some(version) < OsVersion::parse("26.0")) {
        queries.push("IsRoaming".to_owned());
    }
    Command::DeviceInformation { queries }
}

/// All questions that exist for a device. What is not known of it counts as not there: a question in vain is an error in its
/// history.
pub(super) fn all(device: &Device) -> Vec<Command> {
    let target = Target {
        platform: device.platform(),
        os_version: version(device),
        channel: Some(ChannelKind::Device),
        supervised: Some(device.supervised == Some(true)),
        user_enrollment: Some(device.user_enrollment_id.is_some()),
        shared_ipad: Some(device.shared_ipad == Some(true)),
        automated: Some(device.automated == Some(true)),
    };
    let exists = |command: &Command| support::check(command, &target).is_ok();
    let apps = |items: &[&str]| Command::InstalledApplicationList {
        identifiers: Vec::new(),
        managed_only: false,
        items: items.iter().map(|item| (*item).to_owned()).collect(),
    };
    let chosen = apps(&ITEMS);
    let apps = if exists(&chosen) { chosen } else { apps(&[]) };
    let mut all = vec![information(device), Command::SecurityInfo, Command::ProfileList { managed_only: false }];
    if target.platform.is_some() {
        all.extend([
            Command::ManagedApplicationList { identifiers: Vec::new() },
            apps,
            Command::CertificateList { managed_only: false },
            Command::ProvisioningProfileList { managed_only: false },
            Command::UserList,
        ]);
    }
    if target.platform.is_some() && target.os_version.is_some() {
        all.extend([Command::AvailableOsUpdates, Command::OsUpdateStatus]);
    }
    all.retain(exists);
    all
}

fn version(device: &Device) -> Option<OsVersion> {
    device.os_version.as_deref().and_then(OsVersion::parse)
}
