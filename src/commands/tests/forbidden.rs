//! What Apple's schema forbids, refused when queued: a table of commands and targets, with the reason of each.

use super::desk::{Desk, desks};
use crate::commands::{self, ChannelKind, CommandError, NewCommand, Priority, Purpose};
use russet_protocol::command::Command;
use russet_protocol::plist::{Dictionary, Value};

/// What is known of a device, by name. Columns: ProductName, OSVersion, supervised, Shared iPad, Automated Device Enrollment,
/// user enrollment; `?` is what nobody knows yet.
const TARGETS: &[(&str, [&str; 6])] = &[
    ("phone", ["iPhone17,2", "18.1", "yes", "no", "yes", "no"]),
    ("own phone", ["iPhone17,2", "18.1", "no", "no", "no", "yes"]),
    ("bought phone", ["iPhone17,2", "18.1", "no", "no", "no", "no"]),
    ("new phone", ["iPhone17,2", "18.1", "?", "?", "?", "no"]),
    ("future phone", ["iPhone19,1", "27.0", "yes", "no", "yes", "no"]),
    ("old ipad", ["iPad6,11", "10.2", "yes", "no", "yes", "no"]),
    ("shared ipad", ["iPad13,1", "18.1", "yes", "yes", "yes", "no"]),
    ("mac", ["Mac15,3", "15.1", "yes", "no", "yes", "no"]),
    ("old mac", ["MacBookPro15,1", "11.0", "yes", "no", "yes", "no"]),
    ("own mac", ["Mac15,3", "15.1", "no", "no", "no", "yes"]),
    ("bought mac", ["Mac15,3", "15.1", "no", "no", "no", "no"]),
    ("tv", ["AppleTV14,1", "18.0", "yes", "no", "yes", "no"]),
    ("watch", ["Watch7,1", "11.0", "yes", "no", "yes", "no"]),
    ("glasses", ["RealityDevice14,1", "2.0", "yes", "no", "yes", "no"]),
    ("unknown", ["?", "?", "?", "?", "?", "no"]),
];

/// Command, with `.Key` or `/Item`; target; channel; the reason, or nothing where it is queued.
#[rustfmt::skip]
const ROWS: &[(&str, &str, ChannelKind, &str)] = {
    use ChannelKind::{Device, User};
    &[
    // Platform.
    ("ShutDownDevice", "mac", Device, ""),
    ("ShutDownDevice", "glasses", Device, "ShutDownDevice does not exist on visionOS"),
    ("EnableLostMode", "mac", Device, "EnableLostMode does not exist on macOS"),
    ("SetRecoveryLock", "phone", Device, "SetRecoveryLock does not exist on iOS"),
    ("RotateFileVaultKey", "tv", Device, "RotateFileVaultKey does not exist on tvOS"),
    ("InstallEnterpriseApplication", "phone", Device, "InstallEnterpriseApplication does not exist on iOS"),
    ("DeviceLock.PIN", "phone", Device, "the key PIN of DeviceLock does not exist on iOS"),
    ("DeviceLock.PIN", "mac", Device, ""),
    ("EraseDevice.ReturnToService", "mac", Device, "the key ReturnToService of EraseDevice does not exist on macOS"),
    ("EraseDevice.ReturnToService", "phone", Device, ""),
    ("EraseDevice.ObliterationBehavior", "phone", Device, "the key ObliterationBehavior of EraseDevice does not exist on iOS"),
    ("Settings/Bluetooth", "tv", Device, "the setting Bluetooth does not exist on tvOS"),
    ("Settings/HostName", "phone", Device, "the setting HostName does not exist on iOS"),
    ("RequestMirroring", "watch", Device, "RequestMirroring does not exist on watchOS"),
    // Version.
    ("RestartDevice", "old ipad", Device, "RestartDevice needs iPadOS 10.3; the device has 10.2"),
    ("SetRecoveryLock", "old mac", Device, "SetRecoveryLock needs macOS 11.5; the device has 11.0"),
    ("RestartDevice.NotifyUser", "old mac", Device, "the key NotifyUser of RestartDevice needs macOS 11.4; the device has 11.0"),
    ("DeclarativeManagement", "old mac", Device, "DeclarativeManagement needs macOS 13.0; the device has 11.0"),
    ("AvailableOSUpdates", "phone", Device, ""),
    ("AvailableOSUpdates", "future phone", Device, "AvailableOSUpdates is gone since iOS 27.0; the device has 27.0"),
    ("OSUpdateStatus", "future phone", Device, "OSUpdateStatus is gone since iOS 27.0; the device has 27.0"),
    ("Settings/SoftwareUpdateSettings", "future phone", Device, "the setting SoftwareUpdateSettings is gone since iOS 27.0; the device has 27.0"),
    // Supervision.
    ("RestartDevice", "phone", Device, ""),
    ("RestartDevice", "bought phone", Device, "RestartDevice is for supervised devices only, and this one is not supervised"),
    ("RestartDevice", "bought mac", Device, ""),
    ("EnableLostMode", "bought phone", Device, "EnableLostMode is for supervised devices only, and this one is not supervised"),
    ("Settings/Wallpaper", "bought phone", Device, "the setting Wallpaper is for supervised devices only, and this one is not supervised"),
    ("UserList", "bought mac", Device, "UserList is for supervised devices only, and this one is not supervised"),
    // Automated Device Enrollment.
    ("AccountConfiguration", "mac", Device, ""),
    ("AccountConfiguration", "bought mac", Device, "AccountConfiguration is for devices of Automated Device Enrollment only"),
    // User enrollment.
    ("DeviceLock", "own phone", Device, ""),
    ("EraseDevice", "own phone", Device, "EraseDevice is forbidden in a user enrollment"),
    ("ClearPasscode", "own phone", Device, "ClearPasscode is forbidden in a user enrollment"),
    ("DeviceLock", "own mac", Device, "DeviceLock is forbidden in a user enrollment"),
    ("Settings/DataRoaming", "own phone", Device, "the setting DataRoaming is forbidden in a user enrollment"),
    // Shared iPad.
    ("UserList", "shared ipad", Device, ""),
    ("UserList", "phone", Device, "UserList is for Shared iPads only"),
    ("ClearPasscode", "shared ipad", Device, "ClearPasscode is forbidden on a Shared iPad"),
    ("Settings/SharedDeviceConfiguration", "phone", Device, "the setting SharedDeviceConfiguration is for Shared iPads only"),
    ("EraseDevice.DisallowProximitySetup", "shared ipad", Device, "the key DisallowProximitySetup of EraseDevice is forbidden on a Shared iPad"),
    // Channel.
    ("DeviceLock", "mac", User, "DeviceLock is for the channel of the device, not for that of a user"),
    ("EraseDevice", "shared ipad", User, "EraseDevice is for the channel of the device, not for that of a user"),
    ("SecurityInfo", "shared ipad", User, "SecurityInfo is for the channel of the device, not for that of a user"),
    ("ManagedApplicationFeedback", "mac", Device, "ManagedApplicationFeedback is for the channel of a user, not for that of the device"),
    ("ManagedApplicationFeedback", "mac", User, ""),
    ("InviteToProgram", "mac", Device, "InviteToProgram is for the channel of a user, not for that of the device"),
    ("InviteToProgram", "shared ipad", Device, "InviteToProgram is for the channel of a user, not for that of the device"),
    ("InviteToProgram", "phone", Device, ""),
    ("ProfileList", "shared ipad", User, ""),
    ("Settings/Wallpaper", "shared ipad", User, "the setting Wallpaper is for the channel of the device, not for that of a user"),
    // What nobody knows refuses nothing.
    ("RestartDevice", "new phone", Device, ""),
    ("UserList", "new phone", Device, ""),
    ("SetRecoveryLock", "unknown", Device, ""),
    ("MakeCoffee", "mac", Device, ""),
    ]
};

/// The command that a row names: its key or item, and nothing more.
fn named(name: &str) -> Command {
    let mut keys = Dictionary::new();
    let request_type = if let Some((kind, key)) = name.split_once('.') {
        keys.insert(key.to_owned(), "x".into());
        kind
    } else if let Some((kind, item)) = name.split_once('/') {
        let item: Dictionary = [("Item".to_owned(), Value::from(item))].into_iter().collect();
        keys.insert(kind.to_owned(), Value::Array(vec![item.into()]));
        kind
    } else {
        name
    };
    Command::Raw { request_type: request_type.to_owned(), keys }
}

async fn becomes(desk: &Desk, name: &str) {
    let facts = TARGETS.iter().find(|(known, _)| *known == name).unwrap().1;
    let [product, version, supervised, shared, automated, user_enrollment] =
        facts.map(|fact| (fact != "?").then_some(fact));
    let flag = |fact: Option<&str>| fact.map(|fact| fact == "yes");
    let own = user_enrollment == Some("yes");
    let mut tx = desk.world.ctx.store.begin("test: facts").await.unwrap();
    tx.run(
        "UPDATE device SET product_name = $2, os_version = $3, supervised = $4, shared_ipad = $5, automated = $6,
                           udid = $7, user_enrollment_id = $8 WHERE id = $1",
        &[
            (&desk.device.text()).into(),
            product.into(),
            version.into(),
            flag(supervised).into(),
            flag(shared).into(),
            flag(automated).into(),
            (!own).then_some("UDID-C02").into(),
            own.then_some("EnrollmentID-C02").into(),
        ],
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
}

async fn queued(desk: &Desk, command: &Command, kind: ChannelKind, push: bool) -> Result<(), CommandError> {
    let ctx = &desk.world.ctx;
    let mut tx = ctx.store.begin("test: enqueue").await.unwrap();
    let new = NewCommand {
        channel: desk.channel,
        device: desk.device,
        command,
        after: None,
        purpose: Purpose::Admin,
        priority: Priority::Interactive,
        expires_at: None,
    };
    let outcome = match push {
        true => commands::enqueue_on(&mut *tx, ctx, new, kind).await,
        false => commands::enqueue_quietly(&mut *tx, ctx, new, kind).await,
    };
    tx.commit().await.unwrap();
    outcome.map(|_| ())
}

#[tokio::test]
async fn each_row_is_queued_or_refused_with_its_reason() {
    for desk in desks().await {
        let mut open = 0;
        for (command, target, channel, reason) in ROWS {
            becomes(&desk, target).await;
            let said = queued(&desk, &named(command), *channel, open % 2 == 0).await;
            let said = said.map_or_else(|error| error.to_string(), |()| String::new());
            assert_eq!(said, *reason, "{command} for {target} on {channel:?}");
            open += usize::from(reason.is_empty());
        }
        assert_eq!(desk.open().await.len(), open, "what was refused is not in the queue");
    }
}
