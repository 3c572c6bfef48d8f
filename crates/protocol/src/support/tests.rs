//! The table is Apple's, and it is understood word for word.

use super::*;
use crate::command::{DeviceLock, EraseDevice, RestartDevice, ReturnToService, SettingsItem};
use crate::secret::Secret;

fn on(platform: Platform, version: &str) -> Target {
    Target { platform: Some(platform), os_version: OsVersion::parse(version), ..Target::default() }
}

fn said(command: &Command, target: Target) -> String {
    check(command, &target).map_or_else(|forbidden| forbidden.to_string(), |()| "may be sent".to_owned())
}

#[test]
fn every_word_of_the_table_is_understood() {
    let mut odd = Vec::new();
    let rows = table::read(include_str!("facts.txt"), &mut |word| odd.push(word.to_owned()));
    assert!(odd.is_empty(), "{odd:?}");
    assert!(rows.len() > 120, "{}", rows.len());
    assert!(rows.contains_key("DeviceLock.PIN") && rows.contains_key("Settings/Bluetooth"));
}

#[test]
fn the_committed_table_is_what_the_script_makes_of_the_schema() {
    let Some(schema) = std::env::var_os("APPLE_SCHEMA") else {
        eprintln!("skipped: APPLE_SCHEMA names no schema, so the table of facts was not made anew");
        return;
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/schema-facts");
    let made = std::process::Command::new(script).arg(schema).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(
        made.stdout == include_bytes!("facts.txt"),
        "facts.txt is not what the schema says; run scripts/schema-facts SCHEMA > crates/protocol/src/support/facts.txt"
    );
}

#[test]
fn what_the_schema_forbids_is_said_in_plain_words() {
    let restart = Command::RestartDevice(RestartDevice::default());
    let lock = |pin: Option<&str>| Command::DeviceLock(DeviceLock { pin: pin.map(Secret::new), ..Default::default() });
    let wipe = Command::EraseDevice(EraseDevice {
        return_to_service: Some(ReturnToService {
            enabled: true,
            wifi_profile: None,
            mdm_profile: None,
            bootstrap_token: None,
            retry_enrollment: None,
        }),
        ..EraseDevice::default()
    });
    let bluetooth = Command::Settings { items: vec![SettingsItem::Bluetooth { enabled: true }] };
    let feedback = Command::ManagedApplicationFeedback { identifiers: vec![], delete: false };
    let phone = on(Platform::Ios, "18.1");
    let mac = on(Platform::MacOs, "15.0");
    let unsupervised = |target| Target { supervised: Some(false), ..target };
    let channel = |target, channel| Target { channel: Some(channel), ..target };
    let own = |target| Target { user_enrollment: Some(true), ..target };
    for (command, target, expected) in [
        (&restart, phone, "may be sent"),
        (&restart, unsupervised(phone), "RestartDevice is for supervised devices only, and this one is not supervised"),
        (&restart, unsupervised(mac), "may be sent"),
        (&restart, on(Platform::VisionOs, "2.0"), "RestartDevice does not exist on visionOS"),
        (&restart, on(Platform::IpadOs, "10.2"), "RestartDevice needs iPadOS 10.3; the device has 10.2"),
        (&restart, own(phone), "RestartDevice is forbidden in a user enrollment"),
        (&lock(None), phone, "may be sent"),
        (&lock(Some("123456")), phone, "the key PIN of DeviceLock does not exist on iOS"),
        (&lock(Some("123456")), mac, "may be sent"),
        (
            &lock(None),
            channel(mac, ChannelKind::User),
            "DeviceLock is for the channel of the device, not for that of a user",
        ),
        (
            &wipe,
            on(Platform::TvOs, "17.6"),
            "the key ReturnToService of EraseDevice needs tvOS 18.0; the device has 17.6",
        ),
        (
            &bluetooth,
            unsupervised(phone),
            "the setting Bluetooth is for supervised devices only, and this one is not supervised",
        ),
        (&bluetooth, on(Platform::TvOs, "18.0"), "the setting Bluetooth does not exist on tvOS"),
        (
            &feedback,
            channel(mac, ChannelKind::Device),
            "ManagedApplicationFeedback is for the channel of a user, not for that of the device",
        ),
        (
            &Command::AvailableOsUpdates,
            on(Platform::MacOs, "27.0"),
            "AvailableOSUpdates is gone since macOS 27.0; the device has 27.0",
        ),
        (&Command::AvailableOsUpdates, on(Platform::MacOs, "26.4"), "may be sent"),
        (
            &Command::UserList,
            Target { shared_ipad: Some(false), ..on(Platform::IpadOs, "18.0") },
            "UserList is for Shared iPads only",
        ),
        (
            &Command::DeviceConfigured,
            Target { automated: Some(false), ..phone },
            "DeviceConfigured is for devices of Automated Device Enrollment only",
        ),
        (&Command::ProfileList { managed_only: false }, channel(phone, ChannelKind::User), "may be sent"),
        (
            &Command::SecurityInfo,
            channel(phone, ChannelKind::User),
            "SecurityInfo is for the channel of the device, not for that of a user",
        ),
    ] {
        assert_eq!(said(command, target), expected, "{target:?}");
    }
}

#[test]
fn what_is_not_known_refuses_nothing() {
    let unknown = Command::Raw { request_type: "MakeCoffee".to_owned(), keys: Dictionary::new() };
    assert_eq!(said(&unknown, on(Platform::MacOs, "15.0")), "may be sent");
    let restart = Command::RestartDevice(RestartDevice::default());
    assert_eq!(said(&restart, Target { supervised: Some(false), ..Target::default() }), "may be sent");
    let odd = Target { platform: Some(Platform::Ios), os_version: OsVersion::parse("beta"), ..Target::default() };
    assert_eq!(said(&restart, odd), "may be sent");
}

#[test]
fn versions_are_compared_by_their_numbers() {
    let version = |text| OsVersion::parse(text).unwrap();
    assert!(version("9.3.2") < version("10.0") && version("26") == version("26.0.0"));
    assert!(version("17.5.1 (a)") > version("17.5"));
    assert_eq!(version("17.5.1").to_string(), "17.5.1");
}
