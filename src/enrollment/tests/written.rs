//! Any command by Apple's keys, for any device: what the server fills in, and what it refuses, on both databases.

use crate::commands::{self, CommandError};
use crate::directory::devices;
use crate::enrollment::orders::{self, How, Order, Ordered};
use crate::enrollment::{EnrollmentError, rows, testing, unenroll};
use crate::ids::{ChannelId, DeviceId, EnrollmentId};
use crate::testing::{World, contexts};
use russet_protocol::checkin::Sender;
use russet_protocol::command::{Command, Delivered, GivenCommand};
use russet_protocol::guard::Limits;
use russet_protocol::plist::{Dictionary, Value};
use russet_protocol::result::{Answer, Report};
use russet_protocol::{Udid, xml};
use std::time::Duration;

fn keys(list: &[(&str, Value)]) -> Dictionary {
    list.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
}

async fn give_how(world: &World, device: DeviceId, order: Order, how: How) -> Result<Vec<Ordered>, EnrollmentError> {
    let mut tx = world.ctx.store.begin("test: order").await.unwrap();
    let device = devices::get(&mut *tx, device).await.unwrap();
    let ordered = orders::give(&mut *tx, &world.ctx, &device, order, how).await;
    tx.commit().await.unwrap();
    ordered
}

async fn written(
    world: &World,
    device: DeviceId,
    request_type: &str,
    list: &[(&str, Value)],
) -> Result<Ordered, EnrollmentError> {
    let order = Order::Command { request_type: request_type.to_owned(), keys: keys(list) };
    Ok(give_how(world, device, order, How::default()).await?.remove(0))
}

/// What the device gets next; it acknowledges it.
async fn taken(world: &World, channel: ChannelId, device: DeviceId) -> Command {
    let sender = Sender::device(Udid::new("UDID").unwrap());
    let mut tx = world.ctx.store.begin("test: report").await.unwrap();
    let (ctx, idle) = (&world.ctx, Report::idle(sender.clone()));
    let next = commands::record_and_next(&mut *tx, ctx, channel, device, &idle, b"").await.unwrap().unwrap();
    let done = Report::acknowledged(sender, next.uuid.clone(), &Answer::none());
    commands::record_and_next(&mut *tx, ctx, channel, device, &done, b"").await.unwrap();
    tx.commit().await.unwrap();
    Delivered::decode(&next.bytes, Limits::default()).unwrap().unwrap().command
}

/// On which device, the command, its keys.
type Row = (&'static str, &'static str, Vec<(&'static str, Value)>);

/// Everything that the protocol page lists, as an admin may order it: on a phone, on a Mac.
#[tokio::test]
async fn every_command_can_be_ordered_by_its_keys() {
    let list = |items: &[&str]| Value::Array(items.iter().map(|item| Value::from(*item)).collect());
    let setting = |item: &str, key: &str, value: Value| {
        let item = Value::Dictionary(keys(&[("Item", item.into()), (key, value)]));
        ("Settings", Value::Array(vec![item]))
    };
    let service = Value::Dictionary(keys(&[("Enabled", true.into()), ("WiFiProfileData", Value::Data(vec![1]))]));
    let unlock = Value::Dictionary(keys(&[("Password", "ABCD-EFGH".into())]));
    let rows: Vec<Row> = vec![
        ("phone", "DeviceInformation", vec![("Queries", list(&["DeviceName"]))]),
        ("phone", "SecurityInfo", vec![]),
        ("phone", "InstalledApplicationList", vec![("ManagedAppsOnly", true.into())]),
        ("phone", "ManagedApplicationList", vec![("Identifiers", list(&["com.example.app"]))]),
        ("phone", "ProfileList", vec![]),
        ("phone", "CertificateList", vec![("ManagedOnly", true.into())]),
        ("phone", "ProvisioningProfileList", vec![]),
        ("mac", "UserList", vec![]),
        ("mac", "AvailableOSUpdates", vec![]),
        ("mac", "OSUpdateStatus", vec![]),
        ("phone", "InstallProfile", vec![("Payload", Value::Data(b"profile".to_vec()))]),
        ("phone", "RemoveProfile", vec![("Identifier", "com.example.wifi".into())]),
        ("phone", "InstallApplication", vec![("iTunesStoreID", 361_309_726.into()), ("ManagementFlags", 1.into())]),
        ("mac", "InstallEnterpriseApplication", vec![("ManifestURL", "https://example.com/m.plist".into())]),
        ("phone", "RemoveApplication", vec![("Identifier", "com.example.app".into())]),
        ("phone", "ManagedApplicationConfiguration", vec![("Identifiers", list(&["com.example.app"]))]),
        ("phone", "ManagedApplicationAttributes", vec![("Identifiers", list(&["com.example.app"]))]),
        ("phone", "ManagedApplicationFeedback", vec![("Identifiers", list(&["a"])), ("DeleteFeedback", true.into())]),
        ("phone", "ApplyRedemptionCode", vec![("Identifier", "a".into()), ("RedemptionCode", "CODE".into())]),
        (
            "phone",
            "InviteToProgram",
            vec![("ProgramID", "com.apple.cloudvpp".into()), ("InvitationURL", "https://example.com/i".into())],
        ),
        ("phone", "Settings", vec![setting("Bluetooth", "Enabled", false.into())]),
        ("phone", "Settings", vec![setting("DeviceName", "DeviceName", "Hall".into())]),
        ("mac", "Settings", vec![setting("HostName", "HostName", "hall".into())]),
        ("phone", "DeviceLock", vec![("Message", "Call us".into())]),
        ("mac", "DeviceLock", vec![("PIN", "246810".into())]),
        ("phone", "ClearPasscode", vec![("UnlockToken", Value::Data(vec![7]))]),
        ("phone", "EraseDevice", vec![("ReturnToService", service), ("PreserveDataPlan", true.into())]),
        ("mac", "EraseDevice", vec![("ObliterationBehavior", "DoNotObliterate".into()), ("PIN", "135790".into())]),
        ("phone", "RestartDevice", vec![]),
        ("mac", "RestartDevice", vec![("NotifyUser", true.into())]),
        ("phone", "ShutDownDevice", vec![]),
        ("phone", "EnableLostMode", vec![("Message", "Lost".into()), ("Footnote", "Thank you".into())]),
        ("phone", "DisableLostMode", vec![]),
        ("phone", "PlayLostModeSound", vec![]),
        ("phone", "DeviceLocation", vec![]),
        ("phone", "RequestMirroring", vec![("DestinationName", "Hall".into()), ("ScanTime", 30.into())]),
        ("phone", "DeviceConfigured", vec![]),
        ("mac", "SetRecoveryLock", vec![("NewPassword", "horse".into())]),
        ("mac", "VerifyRecoveryLock", vec![("Password", "horse".into())]),
        ("mac", "RotateFileVaultKey", vec![("KeyType", "personal".into()), ("FileVaultUnlock", unlock)]),
        ("phone", "DeclarativeManagement", vec![("Data", Value::Data(b"{}".to_vec()))]),
        ("phone", "ActivationLockBypassCode", vec![]),
        ("mac", "SetFirmwarePassword", vec![("NewPassword", "horse".into())]),
    ];
    for world in contexts().await {
        let (phone, on_phone) = testing::enroll(&world.ctx, "C02PHONE", "iPhone17,2").await;
        let (mac, on_mac) = testing::enroll(&world.ctx, "C02MAC", "Mac15,3").await;
        for (target, request_type, list) in &rows {
            let (device, channel) = if *target == "mac" { (mac, on_mac) } else { (phone, on_phone) };
            let ordered = written(&world, device, request_type, list).await.unwrap();
            assert_eq!(ordered.request_type, *request_type);
            let command = taken(&world, channel, device).await;
            let mut got = command.to_dictionary();
            assert_eq!(got.remove("RequestType"), Some((*request_type).into()));
            for (key, value) in list {
                assert_eq!(got.get(key), Some(value), "{request_type}.{key}");
            }
        }
    }
}

#[tokio::test]
async fn what_the_server_knows_is_filled_in_and_kept_sealed() {
    for world in contexts().await {
        let ctx = &world.ctx;
        let (mac, on_mac) = testing::enroll(ctx, "C02MAC", "Mac15,3").await;
        let missing = written(&world, mac, "VerifyRecoveryLock", &[]).await.unwrap_err();
        assert!(missing.to_string().starts_with("no password of recoveryOS was set"), "{missing}");
        let set = written(&world, mac, "SetRecoveryLock", &[]).await.unwrap();
        assert!(set.keeps_secret);
        let Command::SetRecoveryLock(first) = taken(&world, on_mac, mac).await else { panic!("another command") };
        assert!(first.current.is_none() && first.new.reveal().len() == 23, "four words of five letters");
        let mut view = ctx.store.read().await.unwrap();
        let kept = commands::reveal(&mut *view, ctx, mac, &set.uuid).await.unwrap().unwrap();
        assert_eq!(kept.text.as_str(), first.new.reveal());
        drop(view);
        written(&world, mac, "VerifyRecoveryLock", &[]).await.unwrap();
        let Command::VerifyRecoveryLock { password } = taken(&world, on_mac, mac).await else { panic!("another") };
        assert_eq!(password.reveal(), first.new.reveal());
        world.clock.advance(Duration::from_secs(1));
        let cleared = written(&world, mac, "SetRecoveryLock", &[("NewPassword", "".into())]).await.unwrap();
        assert!(!cleared.keeps_secret);
        let Command::SetRecoveryLock(last) = taken(&world, on_mac, mac).await else { panic!("another command") };
        assert_eq!(last.current.unwrap().reveal(), first.new.reveal(), "the device asks for the present one");
        assert!(written(&world, mac, "VerifyRecoveryLock", &[]).await.is_err(), "there is none any more");

        written(&world, mac, "EraseDevice", &[]).await.unwrap();
        let Command::EraseDevice(erase) = taken(&world, on_mac, mac).await else { panic!("another command") };
        assert_eq!(erase.pin.unwrap().reveal().len(), 6, "a Mac gets a PIN");
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_nothing_is_queued() {
    for world in contexts().await {
        let ctx = &world.ctx;
        let (phone, channel) = testing::enroll(ctx, "C02PHONE", "iPhone17,2").await;
        let text = |error: EnrollmentError| error.to_string();
        for (request_type, list, expected) in [
            ("EraseDevice", vec![("Pin", Value::from("123456"))], "EraseDevice has no key Pin"),
            ("EraseDevice", vec![("PIN", "1234".into())], "a PIN has six digits"),
            ("DeviceLock", vec![("PIN", "123456".into())], "the key PIN of DeviceLock does not exist on iOS"),
            ("EnableLostMode", vec![], "Lost Mode needs a message"),
            ("ClearPasscode", vec![], "has given no UnlockToken"),
            ("SetRecoveryLock", vec![], "SetRecoveryLock does not exist on iOS"),
            ("RemoveProfile", vec![("Identifier", "com.example.mdm".into())], "unenroll the device instead"),
        ] {
            let refused = text(written(&world, phone, request_type, &list).await.unwrap_err());
            assert!(refused.contains(expected), "{request_type}: {refused}");
        }
        let bytes = xml::encode_dictionary(keys(&[(
            "Command",
            Value::Dictionary(keys(&[("RequestType", "EnableRemoteDesktop".into())])),
        )]));
        let given = || GivenCommand::read(&bytes, Limits::default()).unwrap();
        let refused = give_how(&world, phone, Order::Given(given()), How::default()).await.unwrap_err();
        assert!(matches!(refused, EnrollmentError::Command(CommandError::Forbidden(_))), "{refused}");
        let (mac, on_mac) = testing::enroll(ctx, "C02MAC", "Mac15,3").await;
        let nobody = How { user: Some("anna".into()), ..How::default() };
        let refused = give_how(&world, mac, Order::Given(given()), nobody).await.unwrap_err();
        assert!(matches!(refused, EnrollmentError::NoSuchUser), "{refused}");
        let sent = give_how(&world, mac, Order::Given(given()), How::default()).await.unwrap();
        assert_eq!(taken(&world, on_mac, mac).await.request_type(), "EnableRemoteDesktop");
        let mut view = ctx.store.read().await.unwrap();
        assert!(commands::find(&mut *view, mac, &sent[0].uuid).await.unwrap().is_some());
        assert_eq!(commands::open_of_device(&mut *view, phone).await.unwrap(), []);
        drop(view);
        let mut tx = ctx.store.begin("test: leave").await.unwrap();
        unenroll(&mut *tx, ctx, phone).await.unwrap();
        tx.commit().await.unwrap();
        let refused = written(&world, phone, "ProfileList", &[]).await.unwrap_err();
        assert!(matches!(refused, EnrollmentError::Leaving), "{refused}");
        assert_eq!(taken(&world, channel, phone).await.request_type(), "RemoveProfile");
    }
}

#[tokio::test]
async fn an_order_for_a_user_waits_in_the_users_queue_behind_another_and_for_its_time_only() {
    for world in contexts().await {
        let ctx = &world.ctx;
        let (mac, on_mac) = testing::enroll(ctx, "C02MAC", "Mac15,3").await;
        let user = ChannelId(ctx.uuid());
        let mut tx = ctx.store.begin("test: a user").await.unwrap();
        let sql = "SELECT enrollment FROM channel WHERE id = $1";
        let enrollment: EnrollmentId =
            tx.one(sql, &[(&on_mac.text()).into()]).await.unwrap().text("enrollment").unwrap().parse().unwrap();
        tx.run(
            "INSERT INTO channel (id, enrollment, user_key, user_short_name, created_at, address, token_updates)
             VALUES ($1, $2, 'USER-1', 'anna', 0, 'UDID-C02MAC:USER-1', 1)",
            &[(&user.text()).into(), (&enrollment.text()).into()],
        )
        .await
        .unwrap();
        rows::put_sealed(&mut *tx, ctx, enrollment, rows::Sealed::UnlockToken, Some(b"token")).await.unwrap();
        tx.commit().await.unwrap();
        let order = |kind: &str| Order::Command { request_type: kind.to_owned(), keys: Dictionary::new() };
        let anna = || How { user: Some("anna".into()), ..How::default() };
        let first = give_how(&world, mac, order("ActiveNSExtensions"), anna()).await.unwrap().remove(0);
        let by_id = How { user: Some("USER-1".into()), bulk: true, ..How::default() };
        let behind = How { after: Some(first.uuid), ..by_id.clone() };
        give_how(&world, mac, order("ProfileList"), behind).await.unwrap();
        let brief = How { expires_at: Some(ctx.now().plus(Duration::from_secs(1))), ..by_id };
        give_how(&world, mac, order("CertificateList"), brief).await.unwrap();
        let refused = give_how(&world, mac, order("DeviceLock"), anna()).await.unwrap_err();
        assert!(refused.to_string().contains("not for that of a user"), "{refused}");
        world.clock.advance(Duration::from_secs(2));
        assert_eq!(taken(&world, user, mac).await.request_type(), "ActiveNSExtensions");
        assert_eq!(taken(&world, user, mac).await.request_type(), "ProfileList");
        let mut view = ctx.store.read().await.unwrap();
        let open = commands::open_of_device(&mut *view, mac).await.unwrap();
        assert_eq!(open.len(), 1, "the one whose time is over waits for the sweep");
        drop(view);
        assert_eq!(commands::upkeep(ctx).await.unwrap(), 1);
    }
}
