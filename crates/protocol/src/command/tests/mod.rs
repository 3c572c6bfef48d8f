//! Every command survives being written and read.

use super::*;
use crate::ids::AdamId;

mod whole;

fn bundle(id: &str) -> BundleId {
    BundleId::new(id).unwrap()
}

fn every_command() -> Vec<Command> {
    let mut configuration = Dictionary::new();
    configuration.insert("Organization".to_owned(), "Smith & Sons <b>".into());
    let attributes = AppAttributes {
        vpn_uuid: Some("VPN-1".to_owned()),
        associated_domains: vec!["webcredentials:example.com".to_owned()],
        removable: Some(false),
        ..AppAttributes::default()
    };
    let full = InstallApplication {
        management_flags: ManagementFlags { remove_with_mdm: true, prevent_backup: true },
        attributes: Some(attributes.clone()),
        configuration: Some(configuration.clone()),
        take_over: true,
        install_as_managed: Some(true),
        ios_app: Some(false),
        ..InstallApplication::licensed(AdamId(361_309_726))
    };
    let own = InstallApplication {
        source: AppSource::Manifest("https://example.com/m.plist".to_owned()),
        purchase_method: None,
        ..InstallApplication::licensed(AdamId(1))
    };
    vec![
        Command::InstallProfile { payload: vec![0, 1, 2, 255] },
        Command::RemoveProfile { identifier: "com.example.profile".to_owned() },
        Command::ProfileList { managed_only: false },
        Command::ProfileList { managed_only: true },
        Command::InstallApplication(InstallApplication::licensed(AdamId(9_007_199_254_740_993))),
        Command::InstallApplication(full),
        Command::InstallApplication(own),
        Command::RemoveApplication { identifier: bundle("com.example.app") },
        Command::ManagedApplicationList { identifiers: vec![] },
        Command::ManagedApplicationList { identifiers: vec![bundle("a.b"), bundle("c.d")] },
        Command::InstalledApplicationList {
            identifiers: vec![bundle("a.b")],
            managed_only: true,
            items: vec!["Identifier".to_owned(), "ExternalVersionIdentifier".to_owned()],
        },
        Command::DeviceInformation { queries: vec!["SerialNumber".to_owned(), "IsSupervised".to_owned()] },
        Command::SecurityInfo,
        Command::DeviceConfigured,
        Command::Settings {
            items: vec![
                SettingsItem::ApplicationAttributes { identifier: bundle("a.b"), attributes: Some(attributes) },
                SettingsItem::ApplicationAttributes { identifier: bundle("a.b"), attributes: None },
                SettingsItem::ApplicationConfiguration {
                    identifier: bundle("a.b"),
                    configuration: Some(configuration.clone()),
                },
                SettingsItem::DataRoaming { enabled: false },
                SettingsItem::Other { item: "MoonPhase".to_owned(), keys: configuration.clone() },
            ],
        },
        Command::Raw { request_type: "MakeCoffee".to_owned(), keys: configuration },
    ]
}

#[test]
fn every_command_survives_storing_and_delivery() {
    let uuid = CommandUuid::new("0195-x").unwrap();
    for command in every_command().into_iter().chain(whole::commands()) {
        let body = command.to_body();
        assert_eq!(Command::from_body(&body).unwrap(), command);
        let bytes = wrap(&uuid, &body).unwrap();
        assert_eq!(bytes, wrap(&uuid, &body).unwrap(), "delivered again, the bytes are the same");
        let delivered = Delivered::decode(&bytes, Limits::default()).unwrap().unwrap();
        assert_eq!(delivered, Delivered { uuid: uuid.clone(), command });
    }
}

#[test]
fn an_empty_body_means_nothing_to_do() {
    assert_eq!(Delivered::decode(b"", Limits::default()), Ok(None));
}

#[test]
fn flags_without_a_bit_are_left_out() {
    let body = Command::InstallApplication(InstallApplication::licensed(AdamId(7))).to_body();
    let text = String::from_utf8(body).unwrap();
    assert!(!text.contains("ManagementFlags"));
    assert!(text.contains("PurchaseMethod"));
    assert_eq!(ManagementFlags::from_bits(5).bits(), 5);
    assert_eq!(ManagementFlags::from_bits(4), ManagementFlags { prevent_backup: true, ..Default::default() });
}

#[test]
fn an_app_is_named_in_exactly_one_way() {
    let mut keys = Dictionary::new();
    keys.insert("RequestType".to_owned(), "InstallApplication".into());
    assert!(Command::from_dictionary(&keys).is_err());
    keys.insert("iTunesStoreID".to_owned(), 5.into());
    assert!(Command::from_dictionary(&keys).is_ok());
    keys.insert("Identifier".to_owned(), "a.b".into());
    assert!(Command::from_dictionary(&keys).is_err());
}

#[test]
fn control_characters_never_make_a_list_unreadable() {
    let command = Command::RemoveProfile { identifier: "a\u{1}b\u{FFFF}c".to_owned() };
    let read = Command::from_body(&command.to_body()).unwrap();
    assert_eq!(read, Command::RemoveProfile { identifier: "abc".to_owned() });
}
