//! Answers of devices, read as they send them.

use super::*;
use crate::ids::{BundleId, Udid};
use crate::secret::Secret;
use proptest::prelude::*;

fn sender() -> Sender {
    Sender::device(Udid::new("UDID-1").unwrap())
}

fn uuid() -> CommandUuid {
    CommandUuid::new("C-1").unwrap()
}

fn bundle(id: &str) -> BundleId {
    BundleId::new(id).unwrap()
}

fn chain() -> Vec<ErrorChainItem> {
    vec![ErrorChainItem {
        code: 12_064,
        domain: "MCMDMErrorDomain".to_owned(),
        localized: "L'app n'a pas pu être installée".to_owned(),
        english: Some("License not found".to_owned()),
    }]
}

fn every_answer() -> Vec<(&'static str, Answer)> {
    let mut information = DeviceInformation::default();
    information.set("SerialNumber", "C02");
    information.set("IsSupervised", true);
    let mut security = SecurityInfo::default();
    security.set_management_status(ManagementStatus { user_approved: Some(true), ..Default::default() });
    let managed = ManagedApplication {
        identifier: bundle("com.example.app"),
        status: AppState::ManagedButUninstalled,
        management_flags: Some(5),
        has_configuration: Some(true),
        has_feedback: Some(false),
        is_validated: Some(true),
        external_version: Some(864_000_000),
        other: Dictionary::new(),
    };
    let installed = InstalledApp {
        identifier: Some(bundle("com.example.app")),
        name: Some("=cmd|' /C calc'!A0".to_owned()),
        external_version: Some(3),
        ..InstalledApp::default()
    };
    let payload = InstalledPayload { payload_type: "com.apple.sso".into(), identifier: "p".into(), uuid: "u".into() };
    let profile =
        InstalledProfile { identifier: "i".into(), uuid: "v".into(), payloads: vec![payload], ..Default::default() };
    let results = vec![
        SettingResult { status: Status::Acknowledged, error_chain: vec![], identifier: None },
        SettingResult { status: Status::Error, error_chain: chain(), identifier: Some(bundle("a.b")) },
    ];
    vec![
        (
            "InstallApplication",
            Answer::InstallApplication(InstallApplicationAnswer {
                identifier: Some(bundle("a.b")),
                state: Some(AppState::Installing),
                rejection_reason: Some("AppAlreadyInstalled".into()),
            }),
        ),
        ("ManagedApplicationList", Answer::ManagedApplicationList(ManagedApplicationList { apps: vec![managed] })),
        ("ManagedApplicationList", Answer::ManagedApplicationList(ManagedApplicationList::default())),
        (
            "InstalledApplicationList",
            Answer::InstalledApplicationList(InstalledApplicationList { apps: vec![installed] }),
        ),
        ("ProfileList", Answer::ProfileList(ProfileList { profiles: vec![profile] })),
        ("DeviceInformation", Answer::DeviceInformation(information)),
        ("SecurityInfo", Answer::SecurityInfo(security)),
        ("Settings", Answer::Settings(SettingsAnswer { results })),
        ("RemoveProfile", Answer::none()),
    ]
}

fn lists() -> Vec<(&'static str, Answer)> {
    let certificate =
        InstalledCertificate { common_name: Some("Mia".into()), is_identity: Some(true), certificate: vec![1, 2] };
    let provisioning = ProvisioningProfile { name: Some("App".into()), uuid: "U".into(), expires: None };
    let user = DeviceUser { name: "mia".into(), uid: Some(501), logged_in: Some(true), ..DeviceUser::default() };
    let update = OsUpdate { product_key: "k".into(), version: Some("18.2".into()), ..OsUpdate::default() };
    let progress = OsUpdateProgress { product_key: "k".into(), downloaded: Some(0.5), ..OsUpdateProgress::default() };
    let keys: Dictionary = [("a".to_owned(), Value::from(1))].into_iter().collect();
    let configuration = AppConfiguration { identifier: bundle("a.b"), configuration: Some(keys.clone()) };
    let attributes = AppAttributesEntry { identifier: bundle("a.b"), attributes: None };
    let feedback = AppFeedback { identifier: bundle("a.b"), feedback: Some(keys) };
    vec![
        ("CertificateList", Answer::CertificateList(vec![certificate])),
        ("CertificateList", Answer::CertificateList(vec![])),
        ("ProvisioningProfileList", Answer::ProvisioningProfileList(vec![provisioning])),
        ("UserList", Answer::UserList(vec![user])),
        ("AvailableOSUpdates", Answer::AvailableOsUpdates(vec![update])),
        ("OSUpdateStatus", Answer::OsUpdateStatus(vec![progress])),
        ("ManagedApplicationConfiguration", Answer::ManagedApplicationConfiguration(vec![configuration])),
        ("ManagedApplicationAttributes", Answer::ManagedApplicationAttributes(vec![attributes])),
        ("ManagedApplicationFeedback", Answer::ManagedApplicationFeedback(vec![feedback])),
    ]
}

fn acts() -> Vec<(&'static str, Answer)> {
    let location = Location {
        latitude: 52.5,
        longitude: 13.4,
        horizontal_accuracy: Some(5.0),
        vertical_accuracy: None,
        altitude: Some(34.0),
        speed: None,
        course: None,
        timestamp: Some("2026-11-21T09:00:00Z".into()),
    };
    let word = |word: &str| Some(word.to_owned());
    let rotated = RotateResult { encrypted_key: Some(Secret::new(b"new-key".to_vec())) };
    vec![
        ("InviteToProgram", Answer::InviteToProgram(InviteToProgramAnswer { result: word("InvalidProgramID") })),
        ("DeviceLock", Answer::DeviceLock(DeviceLockAnswer { message_result: word("NoPasscodeSet") })),
        ("DeviceLock", Answer::DeviceLock(DeviceLockAnswer::default())),
        ("DeviceLocation", Answer::DeviceLocation(location)),
        ("RequestMirroring", Answer::RequestMirroring(MirroringAnswer { result: word("Prompting") })),
        ("VerifyRecoveryLock", Answer::VerifyRecoveryLock(RecoveryLockAnswer { verified: false })),
        ("RotateFileVaultKey", Answer::RotateFileVaultKey(RotateFileVaultKeyAnswer { result: Some(rotated) })),
    ]
}

#[test]
fn a_list_is_read_as_far_as_it_can_be() {
    let user = |name: Value| Value::Dictionary([("UserName".to_owned(), name)].into_iter().collect());
    let users = Value::Array(vec![user("mia".into()), user(7.into()), Value::from("odd")]);
    let keys = [("Users".to_owned(), users)].into_iter().collect();
    let mut report = Report::acknowledged(sender(), uuid(), &Answer::Other(keys));
    let Answer::UserList(read) = Answer::read("UserList", &report).unwrap() else { panic!("no list of users") };
    assert_eq!(read.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), ["mia"]);
    report.keys = Dictionary::new();
    assert!(Answer::read("UserList", &report).is_err());
    // A whole number is a real one too.
    let whole = [("Latitude".to_owned(), Value::from(52)), ("Longitude".to_owned(), Value::from(13))];
    report.keys = whole.into_iter().collect();
    assert!(Answer::read("DeviceLocation", &report).is_ok());
}

#[test]
fn every_answer_survives_the_wire() {
    for (request_type, answer) in every_answer().into_iter().chain(lists()).chain(acts()) {
        let report = Report::acknowledged(sender(), uuid(), &answer);
        let read = Report::decode(&report.encode(), Limits::default()).unwrap();
        assert_eq!(read, report);
        assert_eq!(Answer::read(request_type, &read).unwrap(), answer);
    }
}

#[test]
fn failures_carry_chain_and_rejection() {
    let rejected = InstallApplicationAnswer { rejection_reason: Some("Other".into()), ..Default::default() };
    let report = Report::failed(sender(), uuid(), chain(), &Answer::InstallApplication(rejected));
    let read = Report::decode(&report.encode(), Limits::default()).unwrap();
    assert_eq!(read, report);
    assert_eq!(read.error_chain[0].english.as_deref(), Some("License not found"));
}

#[test]
fn odd_reports_are_read_rather_than_refused() {
    let mut keys = Dictionary::new();
    keys.insert("Status".into(), "Splendid".into());
    keys.insert("CommandUUID".into(), "".into());
    keys.insert("ErrorChain".into(), "not an array".into());
    keys.insert("ManagedApplicationList".into(), 7.into());
    let report = Report::decode(&xml::encode_dictionary(keys), Limits::default()).unwrap();
    assert_eq!(report.status, Status::Unknown("Splendid".into()));
    assert_eq!(report.command_uuid, None);
    assert!(Answer::read("ManagedApplicationList", &report).is_err(), "the answer is undecodable, the report is not");
    assert!(Report::decode(&xml::encode_dictionary(Dictionary::new()), Limits::default()).is_err());
}

#[test]
fn states_keep_what_apple_never_named() {
    for state in AppState::KNOWN {
        assert_eq!(&AppState::parse(state.as_str()), state);
    }
    assert_eq!(AppState::parse("Unknown"), AppState::Unknown("Unknown".into()));
    assert!(AppState::Failed.is_reported_once() && !AppState::Managed.is_reported_once());
    assert!(AppState::Prompting.is_in_progress() && !AppState::ManagedButUninstalled.is_in_progress());
}

proptest! {
    #[test]
    fn any_report_survives_the_wire(
        status in "(Idle|NotNow|Acknowledged|Error|[A-Za-z ]{1,12})",
        code in any::<i64>(),
        words in proptest::collection::vec("[\\PC]{0,30}", 3),
        key in "[A-Z][a-z]{4,8}Key",
    ) {
        let mut keys = Dictionary::new();
        keys.insert(key, words[0].clone().into());
        let item = ErrorChainItem { code, domain: words[1].clone(), localized: words[2].clone(), english: None };
        let report = Report {
            sender: sender(),
            status: Status::parse(&status),
            command_uuid: Some(uuid()),
            error_chain: vec![item],
            keys,
        };
        let bytes = report.encode();
        prop_assert_eq!(Report::decode(&bytes, Limits::default()).unwrap(), report);
    }
}
