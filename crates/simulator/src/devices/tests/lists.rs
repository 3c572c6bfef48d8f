//! Lists, settings and programs: what devices of each platform answer, and what they refuse.

use super::house::{House, text};
use super::*;
use plist::{Dictionary, Value};
use russet_protocol::command::{ApplyRedemptionCode, InstallEnterpriseApplication, PurchaseMethod, SettingsItem};
use russet_protocol::guard::Limits;
use russet_protocol::result::{Answer, Report};
use russet_protocol::{SecretText, xml};

/// Every command that only reads, with what it is called.
fn reads() -> Vec<Command> {
    vec![
        Command::CertificateList { managed_only: false },
        Command::ProvisioningProfileList { managed_only: false },
        Command::AvailableOsUpdates,
        Command::OsUpdateStatus,
        Command::SecurityInfo,
        Command::ProfileList { managed_only: true },
        Command::InstalledApplicationList { identifiers: vec![], managed_only: true, items: vec![] },
        Command::ManagedApplicationList { identifiers: vec![] },
        Command::ManagedApplicationConfiguration { identifiers: vec![bundle(APP)] },
    ]
}

fn typed(kind: &str, answer: Dictionary) -> Answer {
    let report = Report::decode(&xml::encode_dictionary(answer), Limits::default()).unwrap();
    Answer::read(kind, &report).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_can_be_read_on_every_platform() {
    for platform in [Platform::Ios, Platform::IpadOs, Platform::MacOs, Platform::TvOs] {
        let house = House::open(true).await;
        let fleet = enrolled(&house, one(platform)).await;
        for command in reads() {
            let answer = house.ask(&fleet, &command).await;
            assert_eq!(text(&answer, "Status"), "Acknowledged", "{platform:?} {command:?} {answer:?}");
            match typed(command.request_type(), answer) {
                Answer::CertificateList(all) => {
                    let identities = all.iter().filter(|one| one.is_identity == Some(true)).count();
                    assert_eq!((all.len(), identities), (2, 1), "the root and the identity");
                }
                Answer::AvailableOsUpdates(all) => assert_eq!(all.len(), 1),
                Answer::Other(keys) => panic!("{} has no typed answer: {keys:?}", command.request_type()),
                _ => {}
            }
        }
        assert!(only(&fleet).problems.is_empty(), "{:?}", only(&fleet).problems);
        fleet.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apple_tv_is_an_apple_tv() {
    let house = House::open(true).await;
    let fleet = enrolled(&house, one(Platform::TvOs)).await;
    let hello = house.said("Authenticate").remove(0);
    assert!(text(&hello, "ProductName").starts_with("AppleTV") && !hello.contains_key("IMEI"));
    assert!(!house.said("TokenUpdate")[0].contains_key("UnlockToken"));
    assert_eq!(only(&fleet).platform, Platform::TvOs);
    for command in [Command::DeviceLock(Default::default()), Command::UserList, Command::ShutDownDevice] {
        assert_eq!(text(&house.ask(&fleet, &command).await, "Status"), "Error", "{command:?}");
    }
    assert_eq!(text(&house.ask(&fleet, &send(&vpn())).await, "Status"), "Error", "no per-app VPN there");
    house.ask(&fleet, &install(|_| ())).await;
    assert!(only(&fleet).app(APP).unwrap().managed);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_setting_is_taken_where_apple_has_it() {
    let house = House::open(true).await;
    let fleet = enrolled(&house, one(Platform::MacOs)).await;
    let items = vec![
        SettingsItem::HostName { name: "mac.example.com".into() },
        SettingsItem::Bluetooth { enabled: false },
        SettingsItem::TimeZone { name: "Europe/Paris".into() },
        SettingsItem::MaximumResidentUsers { users: 3 },
    ];
    let answer = house.ask(&fleet, &Command::Settings { items }).await;
    let results = answer.get("Settings").and_then(Value::as_array).unwrap();
    let statuses: Vec<&str> = results.iter().map(|item| text(item.as_dictionary().unwrap(), "Status")).collect();
    assert_eq!(statuses, ["Acknowledged", "Acknowledged", "Error", "Error"]);
    let device = only(&fleet);
    assert_eq!(device.settings["HostName.HostName"], "mac.example.com");
    assert_eq!(device.settings["Bluetooth.Enabled"], "false");
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_waits_for_a_code_is_redeemed() {
    let house = House::open(true).await;
    let fleet = enrolled(&house, one(Platform::Ios)).await;
    let code =
        Command::ApplyRedemptionCode(ApplyRedemptionCode { identifier: bundle(APP), code: SecretText::new("XYZ") });
    assert_eq!(text(&house.ask(&fleet, &code).await, "Status"), "Error", "nothing waits for it");
    let answer = house.ask(&fleet, &install(|i| i.purchase_method = Some(PurchaseMethod::FreeOrCode))).await;
    assert_eq!(text(&answer, "State"), "NeedsRedemption");
    assert_eq!(text(&house.ask(&fleet, &code).await, "Status"), "Acknowledged");
    for _ in 0..2 {
        house.ask(&fleet, &Command::ManagedApplicationList { identifiers: vec![] }).await;
    }
    assert_eq!(only(&fleet).app(APP).unwrap().state, "Managed");

    let feedback = Command::ManagedApplicationFeedback { identifiers: vec![bundle(APP)], delete: true };
    for expected in [true, false] {
        let answer = house.ask(&fleet, &feedback).await;
        let Answer::ManagedApplicationFeedback(all) = typed("ManagedApplicationFeedback", answer) else { panic!() };
        assert_eq!(all[0].feedback.is_some(), expected, "read once and deleted");
    }
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mac_installs_the_organizations_own_app_from_its_manifest() {
    let house = House::open(true).await;
    let fleet = enrolled(&house, one(Platform::MacOs)).await;
    let metadata = [("bundle-identifier", "com.example.tool"), ("bundle-version", "3.1"), ("title", "Tool")];
    let metadata: Dictionary = metadata.into_iter().map(|(key, value)| (key.to_owned(), Value::from(value))).collect();
    let item: Dictionary = [("metadata".to_owned(), Value::Dictionary(metadata))].into_iter().collect();
    let items = [("items".to_owned(), Value::Array(vec![Value::Dictionary(item)]))].into_iter().collect();
    let enterprise = InstallEnterpriseApplication {
        manifest: Some(items),
        install_as_managed: Some(true),
        ..InstallEnterpriseApplication::default()
    };
    let command = Command::InstallEnterpriseApplication(enterprise);
    assert_eq!(text(&house.ask(&fleet, &command).await, "Status"), "Acknowledged");
    let device = only(&fleet);
    let app = device.app("com.example.tool").unwrap();
    assert_eq!((app.version.as_deref(), app.managed), (Some("3.1"), true));
    fleet.stop().await;
}
