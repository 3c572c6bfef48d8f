//! Holds every command, profile and check-in message that this crate writes against Apple's own schema. The program that
//! knows the schema is named by `SCHEMA_CHECK`; without it these tests say that they were skipped.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use russet_protocol::checkin::{
    Authenticate, CheckIn, CheckOut, DeclarativeManagement, GetBootstrapToken, GetToken, ReturnToService, Sender,
    SetBootstrapToken, TokenUpdate, UserAuthenticate,
};
use russet_protocol::command::{
    AppAttributes, AppSource, Command, InstallApplication, ManagementFlags, OrganizationInfo, SettingsItem, wrap,
};
use russet_protocol::plist::{Dictionary, Value};
use russet_protocol::profile::{
    AppLayerVpn, AppMapping, KerberosSso, Mdm, NetworkRule, Payload, PayloadBody, Pkcs12, Profile, RootCertificate,
    Scep,
};
use russet_protocol::{AdamId, BundleId, CommandUuid, PushMagic, PushToken, SerialNumber, Topic, Udid};

fn hold_against_schema(kind: &str, target: &[&str], documents: &[Vec<u8>]) {
    let Some(program) = std::env::var_os("SCHEMA_CHECK") else {
        eprintln!("skipped: SCHEMA_CHECK names no program, so nothing was held against Apple's schema");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for (number, document) in documents.iter().enumerate() {
        std::fs::write(folder.path().join(format!("{number:02}.plist")), document).unwrap();
    }
    let outcome = std::process::Command::new(program).arg(kind).arg(folder.path()).args(target).output().unwrap();
    let said = String::from_utf8_lossy(&outcome.stdout);
    assert!(outcome.status.success(), "{kind} {target:?}: {said}{}", String::from_utf8_lossy(&outcome.stderr));
}

const IPHONE: &[&str] = &["--os", "iOS", "--version", "18.1", "--channel", "device", "--supervised", "yes"];
const MAC: &[&str] = &["--os", "macOS", "--version", "15.0", "--channel", "device", "--supervised", "yes"];

fn bundle(id: &str) -> BundleId {
    BundleId::new(id).unwrap()
}

fn attributes() -> AppAttributes {
    AppAttributes {
        vpn_uuid: Some("9E5C0D2A-7F7E-4F4B-8B0E-0A4B6C6D7E8F".into()),
        content_filter_uuid: Some("C".into()),
        dns_proxy_uuid: Some("D".into()),
        relay_uuid: Some("R".into()),
        associated_domains: vec!["webcredentials:example.com".into()],
        direct_downloads: Some(false),
        removable: Some(false),
        tap_to_pay_screen_lock: Some(true),
        cellular_slice_uuid: Some("DNN:enterprise".into()),
        hideable: Some(false),
        lockable: Some(false),
        other: Dictionary::new(),
    }
}

fn organization() -> OrganizationInfo {
    OrganizationInfo { name: "Smith & Sons".into(), ..OrganizationInfo::default() }
}

fn configuration() -> Dictionary {
    [("Organization".to_owned(), Value::from("Smith & Sons"))].into_iter().collect()
}

fn delivered(commands: &[Command]) -> Vec<Vec<u8>> {
    let uuid = CommandUuid::new("01934b1c-0000-7000-8000-000000000000").unwrap();
    commands.iter().map(|command| wrap(&uuid, &command.to_body()).unwrap()).collect()
}

fn common_commands() -> Vec<Command> {
    let flags = |remove_with_mdm, prevent_backup| {
        let management_flags = ManagementFlags { remove_with_mdm, prevent_backup };
        Command::InstallApplication(InstallApplication {
            management_flags,
            ..InstallApplication::licensed(AdamId(361_309_726))
        })
    };
    vec![
        Command::InstallProfile { payload: profile(iphone_payloads()).encode() },
        Command::RemoveProfile { identifier: "com.example".into() },
        Command::ProfileList { managed_only: true },
        Command::ProfileList { managed_only: false },
        flags(false, false),
        flags(true, false),
        flags(false, true),
        flags(true, true),
        Command::RemoveApplication { identifier: bundle("com.example.app") },
        Command::ManagedApplicationList { identifiers: vec![bundle("com.example.app")] },
        Command::ManagedApplicationList { identifiers: vec![] },
        Command::InstalledApplicationList { identifiers: vec![], managed_only: true, items: vec![] },
        Command::DeviceInformation {
            queries: ["UDID", "SerialNumber", "OSVersion", "BuildVersion", "ProductName", "DeviceName"]
                .map(str::to_owned)
                .to_vec(),
        },
        Command::SecurityInfo,
        Command::DeviceConfigured,
        Command::Settings { items: vec![SettingsItem::OrganizationInfo(Some(organization()))] },
    ]
}

#[test]
fn commands_for_an_iphone() {
    let mut commands = common_commands();
    let install = InstallApplication {
        attributes: Some(attributes()),
        configuration: Some(configuration()),
        take_over: true,
        ..InstallApplication::licensed(AdamId(361_309_726))
    };
    let by_manifest = InstallApplication {
        source: AppSource::Manifest("https://example.com/manifest.plist".into()),
        purchase_method: None,
        ..install.clone()
    };
    let by_bundle = InstallApplication { source: AppSource::Identifier(bundle("com.example.app")), ..install.clone() };
    commands.extend([install, by_manifest, by_bundle].map(Command::InstallApplication));
    let identifier = bundle("com.example.app");
    commands.push(Command::InstalledApplicationList {
        identifiers: vec![identifier.clone()],
        managed_only: false,
        items: vec!["Identifier".into(), "ExternalVersionIdentifier".into(), "HasUpdateAvailable".into()],
    });
    commands.push(Command::Settings {
        items: vec![
            SettingsItem::ApplicationAttributes { identifier: identifier.clone(), attributes: Some(attributes()) },
            SettingsItem::ApplicationAttributes { identifier: identifier.clone(), attributes: None },
            SettingsItem::ApplicationConfiguration {
                identifier: identifier.clone(),
                configuration: Some(configuration()),
            },
            SettingsItem::ApplicationConfiguration { identifier, configuration: None },
            SettingsItem::DataRoaming { enabled: false },
        ],
    });
    hold_against_schema("command", IPHONE, &delivered(&commands));
}

#[test]
fn commands_for_a_mac() {
    let install = InstallApplication {
        management_flags: ManagementFlags { remove_with_mdm: true, prevent_backup: true },
        configuration: Some(configuration()),
        take_over: true,
        install_as_managed: Some(true),
        ios_app: Some(true),
        ..InstallApplication::licensed(AdamId(497_799_835))
    };
    // The profile for iPhones holds payloads that Macs do not know.
    let mut commands: Vec<Command> = common_commands().into_iter().skip(1).collect();
    commands.push(Command::InstallProfile { payload: profile(mac_payloads()).encode() });
    commands.push(Command::InstallApplication(install));
    hold_against_schema("command", MAC, &delivered(&commands));
}

fn profile(bodies: Vec<PayloadBody>) -> Profile {
    let mut profile = Profile::new("com.example.russet", "5C3E6F7A-1D2B-4C3D-8E9F-000000000000");
    profile.display_name = Some("Russet".into());
    profile.organization = Some("Smith & Sons".into());
    profile.description = Some("Device management".into());
    let uuid = |n| format!("5C3E6F7A-1D2B-4C3D-8E9F-00000000000{n}");
    let payload = |(n, body)| Payload::new(format!("com.example.russet.{n}"), uuid(n + 1), body).named("Part");
    profile.payloads = bodies.into_iter().enumerate().map(payload).collect();
    profile
}

fn shared_payloads() -> Vec<PayloadBody> {
    let settings: Dictionary = [
        ("UserDefinedName".to_owned(), Value::from("Field")),
        ("VPNType".to_owned(), Value::from("VPN")),
        ("VPNSubType".to_owned(), Value::from("com.example.vpn")),
        ("OnDemandMatchAppEnabled".to_owned(), Value::from(true)),
    ]
    .into_iter()
    .collect();
    vec![
        PayloadBody::Scep(Scep {
            url: "https://mdm.example.com/scep".into(),
            name: Some("Russet".into()),
            subject: vec![vec![("O".into(), "Smith & Sons".into())], vec![("CN".into(), "device".into())]],
            challenge: Some("secret".into()),
            key_size: 2048,
            key_usage: Some(5),
            ca_fingerprint: Some(vec![1, 2, 3]),
            retries: Some(3),
            retry_delay: Some(10),
            key_is_extractable: None,
        }),
        PayloadBody::Mdm(Mdm {
            identity_uuid: "5C3E6F7A-1D2B-4C3D-8E9F-000000000001".into(),
            topic: "com.apple.mgmt.External.5c3e6f7a".into(),
            server_url: "https://mdm.example.com:8443/mdm".into(),
            check_in_url: Some("https://mdm.example.com:8443/checkin".into()),
            sign_message: true,
            access_rights: Some(8191),
            check_out_when_removed: true,
            server_capabilities: vec![
                "com.apple.mdm.per-user-connections".into(),
                "com.apple.mdm.bootstraptoken".into(),
            ],
            enrollment_mode: None,
            assigned_managed_apple_id: None,
        }),
        PayloadBody::RootCertificate(RootCertificate {
            certificate: vec![0x30, 0x82],
            file_name: Some("ca.cer".into()),
        }),
        PayloadBody::Pkcs12(Pkcs12 { identity: vec![0x30], password: Some("p".into()), file_name: None }),
        PayloadBody::AppLayerVpn(AppLayerVpn { vpn_uuid: "9E5C0D2A-7F7E-4F4B-8B0E-0A4B6C6D7E8F".into(), settings }),
    ]
}

fn iphone_payloads() -> Vec<PayloadBody> {
    let mut bodies = shared_payloads();
    bodies.push(PayloadBody::KerberosSso(KerberosSso {
        name: "Field".into(),
        realm: "EXAMPLE.COM".into(),
        principal_name: Some("someone".into()),
        certificate_uuid: Some("5C3E6F7A-1D2B-4C3D-8E9F-000000000004".into()),
        url_prefixes: Some(vec!["https://intranet.example.com/".into()]),
        apps: Some(vec!["com.example.app".into()]),
    }));
    bodies.push(PayloadBody::NetworkUsageRules(vec![
        NetworkRule { apps: Some(vec!["com.example.app".into()]), roaming: Some(false), cellular: Some(true) },
        NetworkRule { apps: Some(vec!["com.example.other".into()]), roaming: Some(false), cellular: Some(false) },
    ]));
    bodies
}

fn mac_payloads() -> Vec<PayloadBody> {
    let mut bodies = shared_payloads();
    bodies.push(PayloadBody::AppMapping(vec![AppMapping {
        identifier: "com.example.app".into(),
        vpn_uuid: "9E5C0D2A-7F7E-4F4B-8B0E-0A4B6C6D7E8F".into(),
        signing_identifier: "com.example.app".into(),
        designated_requirement: "identifier \"com.example.app\" and anchor apple generic".into(),
    }]));
    bodies
}

#[test]
fn profiles() {
    hold_against_schema("profile", &["--os", "iOS", "--version", "18.1"], &[profile(iphone_payloads()).encode()]);
    hold_against_schema("profile", &["--os", "macOS", "--version", "15.0"], &[profile(mac_payloads()).encode()]);
}

#[test]
fn check_in_messages() {
    let sender = Sender::device(Udid::new("00008110-000A1B2C3D4E001E").unwrap());
    let topic = Topic::new("com.apple.mgmt.External.5c3e6f7a").unwrap();
    let user = Sender {
        user_id: Some("1D4F".into()),
        user_short_name: Some("ada".into()),
        user_long_name: Some("Ada".into()),
        ..sender.clone()
    };
    let authenticate = Authenticate {
        sender: sender.clone(),
        topic: Some(topic.clone()),
        device_name: Some("Ada's Mac".into()),
        model: Some("MX123".into()),
        model_name: Some("MacBook Pro".into()),
        os_version: Some("15.0".into()),
        build_version: Some("24A335".into()),
        product_name: Some("Mac15,3".into()),
        serial_number: Some(SerialNumber::new("C02ABC").unwrap()),
        imei: None,
        meid: None,
        other: Dictionary::new(),
    };
    let token_update = TokenUpdate {
        sender: sender.clone(),
        topic: topic.clone(),
        token: PushToken::new(vec![7; 32]).unwrap(),
        push_magic: PushMagic::new("magic").unwrap(),
        unlock_token: Some(vec![1]),
        awaiting_configuration: Some(false),
        not_on_console: Some(false),
        other: Dictionary::new(),
    };
    let none = Dictionary::new;
    let messages = [
        CheckIn::Authenticate(authenticate),
        CheckIn::TokenUpdate(TokenUpdate { sender: user.clone(), unlock_token: None, ..token_update.clone() }),
        CheckIn::TokenUpdate(token_update),
        CheckIn::CheckOut(CheckOut { sender: sender.clone(), topic: Some(topic.into()), other: none() }),
        CheckIn::UserAuthenticate(UserAuthenticate { sender: user.clone(), digest_response: None, other: none() }),
        CheckIn::UserAuthenticate(UserAuthenticate { sender: user, digest_response: Some("d".into()), other: none() }),
        CheckIn::GetBootstrapToken(GetBootstrapToken { sender: sender.clone(), ..Default::default() }),
        CheckIn::SetBootstrapToken(SetBootstrapToken {
            sender: sender.clone(),
            bootstrap_token: Some(vec![1]),
            awaiting_configuration: Some(false),
            other: none(),
        }),
        CheckIn::GetToken(GetToken {
            sender: sender.clone(),
            service: "com.apple.maid".into(),
            parameters: None,
            other: none(),
        }),
        CheckIn::ReturnToService(ReturnToService { sender: sender.clone(), other: none() }),
        CheckIn::DeclarativeManagement(DeclarativeManagement {
            sender,
            endpoint: "tokens".into(),
            data: Some(b"{}".to_vec()),
            other: none(),
        }),
    ];
    hold_against_schema("checkin", &[], &messages.each_ref().map(CheckIn::encode));
}
