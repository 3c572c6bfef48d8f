//! Holds the commands about the whole device, its people and its settings against Apple's own schema, as `schema.rs` does.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use russet_protocol::command::{
    AccessibilitySettings, ApplyRedemptionCode, AwaitUserConfiguration, Command, DeviceLock, EnableLostMode,
    EraseDevice, FileVaultKeyType, FileVaultUnlock, InstallEnterpriseApplication, InviteToProgram, MdmOptions,
    ObliterationBehavior, OrganizationInfo, PasscodePolicy, Program, RecommendationCadence, RequestMirroring,
    RestartDevice, ReturnToService, RotateFileVaultKey, SetRecoveryLock, SettingsItem, SharedDeviceConfiguration,
    TakeOver, Wallpaper, WallpaperPlace, wrap,
};
use russet_protocol::plist::{Dictionary, Value};
use russet_protocol::{BundleId, CommandUuid, Secret};

fn hold_against_schema(target: &[&str], commands: &[Command]) {
    let Some(program) = std::env::var_os("SCHEMA_CHECK") else {
        eprintln!("skipped: SCHEMA_CHECK names no program, so nothing was held against Apple's schema");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let uuid = CommandUuid::new("01934b1c-0000-7000-8000-000000000000").unwrap();
    for (number, command) in commands.iter().enumerate() {
        let bytes = wrap(&uuid, &command.to_body()).unwrap();
        std::fs::write(folder.path().join(format!("{number:02}.plist")), bytes).unwrap();
    }
    let outcome = std::process::Command::new(program).arg("command").arg(folder.path()).args(target).output().unwrap();
    let said = String::from_utf8_lossy(&outcome.stdout);
    assert!(outcome.status.success(), "{target:?}: {said}{}", String::from_utf8_lossy(&outcome.stderr));
}

const IPHONE: &[&str] = &["--os", "iOS", "--version", "26.0", "--channel", "device", "--supervised", "yes"];
const MAC: &[&str] = &["--os", "macOS", "--version", "15.0", "--channel", "device", "--supervised", "yes"];
const MAC_USER: &[&str] = &["--os", "macOS", "--version", "15.0", "--channel", "user", "--supervised", "yes"];

fn app() -> BundleId {
    BundleId::new("com.example.app").unwrap()
}

fn lists() -> Vec<Command> {
    vec![
        Command::CertificateList { managed_only: true },
        Command::CertificateList { managed_only: false },
        Command::ProvisioningProfileList { managed_only: false },
        Command::AvailableOsUpdates,
        Command::OsUpdateStatus,
        Command::ManagedApplicationConfiguration { identifiers: vec![app()] },
        Command::DeclarativeManagement { data: Some(b"{}".to_vec()) },
        Command::DeclarativeManagement { data: None },
        Command::DeviceConfigured,
        Command::ShutDownDevice,
        Command::RestartDevice(RestartDevice::default()),
        Command::RequestMirroring(RequestMirroring {
            destination_name: Some("Hall".into()),
            destination_id: Some("00:11:22:33:44:55".into()),
            scan_time: Some(30),
            password: Some(Secret::new("hunter2")),
        }),
    ]
}

#[test]
fn for_an_iphone() {
    let mut commands = lists();
    commands.extend([
        Command::ManagedApplicationAttributes { identifiers: vec![app()] },
        Command::ManagedApplicationFeedback { identifiers: vec![app()], delete: true },
        Command::UserList,
        Command::ApplyRedemptionCode(ApplyRedemptionCode { identifier: app(), code: Secret::new("CODE") }),
        Command::DeviceLock(DeviceLock { message: Some("Call".into()), phone_number: Some("1".into()), pin: None }),
        Command::ClearPasscode { unlock_token: Secret::new(vec![1]) },
        Command::EraseDevice(EraseDevice {
            preserve_data_plan: Some(true),
            disallow_proximity_setup: Some(true),
            return_to_service: Some(ReturnToService {
                enabled: true,
                wifi_profile: Some(Secret::new(vec![1])),
                mdm_profile: Some(Secret::new(vec![2])),
                bootstrap_token: Some(Secret::new(vec![3])),
                retry_enrollment: None,
            }),
            ..EraseDevice::default()
        }),
        Command::EnableLostMode(EnableLostMode {
            message: Some("Lost".into()),
            phone_number: Some("1".into()),
            footnote: Some("Thank you".into()),
        }),
        Command::DisableLostMode,
        Command::PlayLostModeSound,
        Command::DeviceLocation,
    ]);
    hold_against_schema(IPHONE, &commands);
}

#[test]
fn for_a_mac() {
    let mut commands = lists();
    commands.extend([
        Command::UserList,
        Command::InstallEnterpriseApplication(InstallEnterpriseApplication {
            manifest_url: Some("https://example.com/manifest.plist".into()),
            pinning: vec![vec![1]],
            pinning_revocation_check: Some(true),
            install_as_managed: Some(true),
            management_flags: Some(1),
            take_over: Some(TakeOver::Managed),
            ios_app: Some(false),
            ..InstallEnterpriseApplication::default()
        }),
        Command::InstallEnterpriseApplication(InstallEnterpriseApplication {
            manifest: Some([("items".to_owned(), Value::Array(vec![]))].into_iter().collect::<Dictionary>()),
            ..InstallEnterpriseApplication::default()
        }),
        Command::DeviceLock(DeviceLock { pin: Some(Secret::new("246810")), ..DeviceLock::default() }),
        Command::EraseDevice(EraseDevice {
            pin: Some(Secret::new("246810")),
            obliteration: Some(ObliterationBehavior::DoNotObliterate),
            ..EraseDevice::default()
        }),
        Command::RestartDevice(RestartDevice {
            rebuild_kernel_cache: Some(true),
            kext_paths: vec!["/Library/Extensions/a.kext".into()],
            notify_user: Some(true),
        }),
        Command::SetRecoveryLock(SetRecoveryLock { current: Some(Secret::new("a")), new: Secret::new("b") }),
        Command::VerifyRecoveryLock { password: Secret::new("b") },
        Command::RotateFileVaultKey(RotateFileVaultKey {
            key_type: FileVaultKeyType::Personal,
            unlock: FileVaultUnlock { password: Some(Secret::new("a")), ..FileVaultUnlock::default() },
            new_certificate: None,
            reply_certificate: Some(vec![1]),
        }),
    ]);
    hold_against_schema(MAC, &commands);
    let of_a_user = [
        Command::ManagedApplicationFeedback { identifiers: vec![app()], delete: false },
        Command::InviteToProgram(InviteToProgram {
            program: Program::AppsAndBooks,
            invitation_url: Secret::new("https://example.com/join"),
        }),
    ];
    hold_against_schema(MAC_USER, &of_a_user);
}

fn settings(items: impl IntoIterator<Item = SettingsItem>) -> Vec<Command> {
    items.into_iter().map(|item| Command::Settings { items: vec![item] }).collect()
}

/// `DefaultApplications` is not here: the schema has no `Item` in it, without which no device could tell what it is.
#[test]
fn every_setting() {
    let organization = OrganizationInfo {
        name: "Smith & Sons".into(),
        short_name: Some("S&S".into()),
        address: Some("1 Road\nTown".into()),
        phone: Some("1".into()),
        email: Some("it@example.com".into()),
        magic: Some("m".into()),
    };
    let options = |mac: bool| MdmOptions {
        activation_lock_allowed: Some(true),
        prompt_for_bootstrap_token: mac.then_some(true),
        bootstrap_token_allowed: mac.then_some(true),
        idle_reboot_allowed: (!mac).then_some(true),
    };
    let phone = settings([
        SettingsItem::Wallpaper(Wallpaper { image: vec![1], place: WallpaperPlace::LockScreen }),
        SettingsItem::DataRoaming { enabled: true },
        SettingsItem::VoiceRoaming { enabled: true },
        SettingsItem::PersonalHotspot { enabled: true },
        SettingsItem::Bluetooth { enabled: true },
        SettingsItem::DeviceName { name: "Phone".into() },
        SettingsItem::OrganizationInfo(Some(organization.clone())),
        SettingsItem::OrganizationInfo(None),
        SettingsItem::MdmOptions(options(false)),
        SettingsItem::MaximumResidentUsers { users: 5 },
        SettingsItem::SharedDeviceConfiguration(SharedDeviceConfiguration {
            quota_size: Some(4096),
            resident_users: Some(5),
            user_session_timeout: Some(600),
            temporary_session_timeout: Some(60),
            temporary_session_only: Some(true),
            default_domains: vec!["example.com".into()],
            online_authentication_grace_period: Some(7),
            skip_language_setup: Some(true),
            await_user_configuration: Some(AwaitUserConfiguration { enabled: true }),
            passcode_policy: Some(PasscodePolicy { grace_period: Some(300), auto_lock_time: Some(120) }),
        }),
        SettingsItem::DiagnosticSubmission { enabled: true },
        SettingsItem::AppAnalytics { enabled: true },
        SettingsItem::PasscodeLockGracePeriod { seconds: 300 },
        SettingsItem::TimeZone { name: "Europe/Berlin".into() },
        SettingsItem::SoftwareUpdateSettings { cadence: RecommendationCadence::Lower },
        SettingsItem::AccessibilitySettings(AccessibilitySettings {
            bold_text: Some(true),
            increase_contrast: Some(true),
            reduce_motion: Some(true),
            reduce_transparency: Some(true),
            text_size: Some(11),
            touch_accommodations: Some(true),
            voice_over: Some(true),
            zoom: Some(true),
            grayscale: None,
        }),
    ]);
    hold_against_schema(IPHONE, &phone);
    let mac = settings([
        SettingsItem::Bluetooth { enabled: false },
        SettingsItem::DeviceName { name: "Mac".into() },
        SettingsItem::HostName { name: "mac".into() },
        SettingsItem::OrganizationInfo(Some(organization)),
        SettingsItem::MdmOptions(options(true)),
    ]);
    hold_against_schema(MAC, &mac);
}
