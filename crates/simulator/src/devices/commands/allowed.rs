//! Which command a device takes, by its platform, channel, supervision and kind of enrollment, and which access right the
//! server needs for it. Written by hand from Apple's schema (`mdm/commands/*.yaml`, `mdm/profiles/com.apple.mdm.yaml`), and on
//! purpose not read from the server's table: what the two disagree about shows in a scenario.

use super::super::channel::Channel;
use super::super::profile::AppleError;
use super::super::roster::Hardware;
use russet_protocol::Platform;

/// Access rights of the MDM payload.
const INSPECT_PROFILES: i64 = 1;
const CHANGE_PROFILES: i64 = 2;
const LOCK: i64 = 4;
const ERASE: i64 = 8;
const QUERY_DEVICE: i64 = 16;
const INSPECT_PROVISIONING: i64 = 64;
const INSPECT_APPS: i64 = 256;
const QUERY_SECURITY: i64 = 1024;
const CHANGE_SETTINGS: i64 = 2048;
const MANAGE_APPS: i64 = 4096;

/// A command, the right for it, and whom it is for on iPhone and iPad, Mac, and Apple TV; empty: not there.
/// `device`, `user`: the channel. `-shared-device`: not on that channel of a Shared iPad. `supervised`; `ade`: only where the
/// device came by Automated Device Enrollment; `-ue`: not in user enrollments; `shared`, `-shared`: only on Shared iPads, or not;
/// `<27`: gone from there on.
struct Row(&'static str, i64, &'static str, &'static str, &'static str);

const TABLE: [Row; 38] = [
    Row("ApplyRedemptionCode", MANAGE_APPS, "device -shared -ue", "", ""),
    Row("AvailableOSUpdates", 0, "device supervised -ue <27", "device -ue <27", "device supervised <27"),
    Row("CertificateList", INSPECT_PROFILES, "device", "device user", "device"),
    Row("ClearPasscode", LOCK, "device -shared -ue", "", ""),
    Row("DeclarativeManagement", 0, "device user", "device user", "device"),
    Row("DeviceConfigured", 0, "device supervised -ue ade", "device -ue ade", "device supervised"),
    Row("DeviceInformation", QUERY_DEVICE, "device user", "device user", "device"),
    Row("DeviceLocation", 0, "device supervised -ue", "", ""),
    Row("DeviceLock", LOCK, "device", "device -ue", ""),
    Row("DisableLostMode", 0, "device supervised -ue", "", ""),
    Row("EnableLostMode", 0, "device supervised -ue", "", ""),
    Row("EraseDevice", ERASE, "device -ue", "device -ue", "device"),
    Row("InstallApplication", MANAGE_APPS, "device", "device user", "device"),
    Row("InstallEnterpriseApplication", MANAGE_APPS, "", "device", ""),
    Row("InstallProfile", CHANGE_PROFILES, "device user", "device user", "device"),
    Row("InstalledApplicationList", INSPECT_APPS, "device", "device user -ue", "device"),
    Row("InviteToProgram", 0, "device -shared-device user -ue", "user -ue", ""),
    Row("ManagedApplicationAttributes", MANAGE_APPS, "device", "", "device"),
    Row("ManagedApplicationConfiguration", MANAGE_APPS, "device", "device", "device"),
    Row("ManagedApplicationFeedback", MANAGE_APPS, "device", "user", "device"),
    Row("ManagedApplicationList", MANAGE_APPS, "device", "device user", "device"),
    Row("OSUpdateStatus", 0, "device supervised -ue <27", "device supervised -ue <27", "device supervised <27"),
    Row("PlayLostModeSound", 0, "device supervised -ue", "", ""),
    Row("ProfileList", INSPECT_PROFILES, "device user", "device user", "device"),
    Row("ProvisioningProfileList", INSPECT_PROVISIONING, "device", "device", "device"),
    Row("RemoveApplication", MANAGE_APPS, "device", "device", "device"),
    Row("RemoveProfile", CHANGE_PROFILES, "device user", "device user", "device"),
    Row("RequestMirroring", 0, "device", "device", ""),
    Row("RestartDevice", LOCK, "device supervised -ue", "device -ue", "device supervised"),
    Row("RotateFileVaultKey", LOCK, "", "device -ue", ""),
    Row("SecurityInfo", QUERY_SECURITY, "device", "device user", "device"),
    Row("SetRecoveryLock", LOCK, "", "device -ue", ""),
    Row("Settings", CHANGE_SETTINGS, "device user", "device user", "device"),
    Row("ShutDownDevice", LOCK, "device supervised -ue", "device -ue", ""),
    Row("StopMirroring", 0, "device supervised -ue", "device -ue", ""),
    Row("UserConfigured", 0, "device -shared-device user supervised -ue ade", "", ""),
    Row("UserList", 0, "device shared -ue", "device supervised -ue", ""),
    Row("VerifyRecoveryLock", LOCK, "", "device -ue", ""),
];

/// Why a command is not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No device knows it: the command is malformed.
    Unknown(AppleError),
    /// It is not for this device, or not for this channel of it.
    NotHere(AppleError),
    /// The server has no right to it.
    NoRight(AppleError),
}

/// Holds a command against the device. `rights` is 0 where the enrollment has none to speak of.
pub(super) fn check(hardware: &Hardware, channel: Channel, rights: i64, kind: &str) -> Result<(), Refusal> {
    let Some(Row(_, right, ios, mac, tv)) = TABLE.iter().find(|row| row.0 == kind) else {
        let text = format!("“{kind}” is not a valid request type.");
        return Err(Refusal::Unknown(AppleError::mdm(12021, text)));
    };
    let spec = match hardware.platform {
        Platform::MacOs => mac,
        Platform::TvOs => tv,
        _ => ios,
    };
    if let Some(why) = unfit(hardware, channel, spec) {
        let text = format!("“{kind}” is not a valid request type: {why}.");
        return Err(Refusal::NotHere(AppleError::mdm(12021, text)));
    }
    // The rights do not count in a user enrollment.
    if hardware.enrollment_id.is_none() && rights != 0 && rights & right != *right {
        let text = format!("AccessRights of the enrollment do not allow {kind} (right {right})");
        return Err(Refusal::NoRight(AppleError::mdm(12007, text)));
    }
    Ok(())
}

/// Why something with these limits is not for this device; also of settings.
pub(super) fn unfit(hardware: &Hardware, channel: Channel, spec: &str) -> Option<&'static str> {
    if spec.is_empty() {
        return Some("it does not exist on this platform");
    }
    let has = |word: &str| spec.split(' ').any(|found| found == word);
    let own = channel == Channel::Device;
    let major: u32 = hardware.os_version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0);
    let rules = [
        (own && !has("device"), "it is for users only"),
        (own && hardware.shared && has("-shared-device"), "it is for the users of a Shared iPad only"),
        (!own && !has("user"), "it is for the device only"),
        (has("supervised") && !hardware.supervised, "the device is not supervised"),
        (has("ade") && !hardware.awaits, "the device was not enrolled automatically"),
        (has("-ue") && hardware.enrollment_id.is_some(), "it is forbidden in a user enrollment"),
        (has("shared") && !hardware.shared, "it is for Shared iPads only"),
        (has("-shared") && hardware.shared, "it is forbidden on a Shared iPad"),
        (has("<27") && major >= 27, "it is gone from this system"),
    ];
    rules.into_iter().find(|(broken, _)| *broken).map(|(_, why)| why)
}

#[cfg(test)]
mod tests {
    use super::super::super::options::{Mix, Options};
    use super::super::super::roster::invent;
    use super::*;

    fn device(mix: Mix, supervised_percent: u8, user_enrollment: bool) -> Hardware {
        invent(&Options { mix, supervised_percent, user_enrollment, ..Options::default() }, 0)
    }

    const NONE: Mix = Mix { iphones: 0, ipads: 0, macs: 0, apple_tvs: 0, shared_ipads: 0 };

    #[test]
    fn the_table_is_in_order_and_names_each_command_once() {
        assert!(TABLE.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn supervision_platform_channel_and_enrollment_decide() {
        let phone = device(Mix { iphones: 1, ..NONE }, 100, false);
        let own_phone = device(Mix { iphones: 1, ..NONE }, 0, false);
        let mac = device(Mix { macs: 1, ..NONE }, 0, false);
        let tv = device(Mix { apple_tvs: 1, ..NONE }, 100, false);
        let shared = device(Mix { shared_ipads: 1, ..NONE }, 0, false);
        let private = device(Mix { iphones: 1, ..NONE }, 100, true);
        let (own, user) = (Channel::Device, Channel::User(0));
        let takes = |hardware: &Hardware, channel, kind: &str| check(hardware, channel, 8191, kind).is_ok();
        assert!(takes(&phone, own, "EnableLostMode") && !takes(&own_phone, own, "EnableLostMode"));
        assert!(!takes(&mac, own, "EnableLostMode") && !takes(&tv, own, "DeviceLock"));
        assert!(takes(&mac, own, "SetRecoveryLock") && !takes(&phone, own, "SetRecoveryLock"));
        assert!(takes(&mac, user, "InviteToProgram") && !takes(&mac, own, "InviteToProgram"));
        assert!(takes(&shared, own, "UserList") && !takes(&phone, own, "UserList"));
        assert!(takes(&shared, user, "InstallProfile") && !takes(&shared, own, "ClearPasscode"));
        assert!(!takes(&private, own, "EraseDevice") && takes(&private, own, "DeviceLock"));
        assert!(check(&private, own, 1, "DeviceLock").is_ok(), "rights do not count there");
        assert!(matches!(check(&phone, own, 1, "DeviceLock"), Err(Refusal::NoRight(_))));
        assert!(matches!(check(&phone, own, 8191, "MakeCoffee"), Err(Refusal::Unknown(_))));
    }
}
