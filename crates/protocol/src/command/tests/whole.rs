//! The commands about the whole device, its people and its settings, each with every key; and that none of them shows a
//! secret.

use super::*;
use crate::secret::Secret;
use plist::Value;

const SECRETS: [&str; 7] = ["246810", "hunter2", "UNLOCK", "REDEEM", "invite-me", "wlan-key", "profile-key"];

fn lock() -> DeviceLock {
    DeviceLock {
        message: Some("Call us".into()),
        phone_number: Some("+49 30 1".into()),
        pin: Some(Secret::new("246810")),
    }
}

fn erase() -> EraseDevice {
    EraseDevice {
        preserve_data_plan: Some(true),
        disallow_proximity_setup: Some(true),
        pin: Some(Secret::new("246810")),
        obliteration: Some(ObliterationBehavior::ObliterateWithWarning),
        return_to_service: Some(ReturnToService {
            enabled: true,
            wifi_profile: Some(Secret::new("wlan-key")),
            mdm_profile: Some(Secret::new("profile-key")),
            bootstrap_token: Some(Secret::new("UNLOCK")),
            retry_enrollment: Some(true),
        }),
    }
}

fn rotate() -> RotateFileVaultKey {
    RotateFileVaultKey {
        key_type: FileVaultKeyType::Institutional,
        unlock: FileVaultUnlock {
            password: Some(Secret::new("hunter2")),
            private_key: Some(Secret::new("profile-key")),
            private_key_password: Some(Secret::new("hunter2")),
        },
        new_certificate: Some(vec![1]),
        reply_certificate: Some(vec![2]),
    }
}

fn settings() -> Vec<SettingsItem> {
    let shared = SharedDeviceConfiguration {
        quota_size: Some(4096),
        resident_users: None,
        user_session_timeout: Some(600),
        temporary_session_timeout: Some(60),
        temporary_session_only: Some(true),
        default_domains: vec!["example.com".into()],
        online_authentication_grace_period: Some(7),
        skip_language_setup: Some(true),
        await_user_configuration: Some(AwaitUserConfiguration { enabled: true }),
        passcode_policy: Some(PasscodePolicy { grace_period: Some(300), auto_lock_time: Some(120) }),
    };
    let organization = OrganizationInfo {
        name: "Smith & Sons".into(),
        short_name: Some("S&S".into()),
        address: Some("1 Road\nTown".into()),
        phone: Some("1".into()),
        email: Some("it@example.com".into()),
        magic: Some("m".into()),
    };
    let accessibility = AccessibilitySettings {
        bold_text: Some(true),
        text_size: Some(4),
        voice_over: Some(false),
        ..AccessibilitySettings::default()
    };
    let options = MdmOptions {
        activation_lock_allowed: Some(true),
        idle_reboot_allowed: Some(false),
        bootstrap_token_allowed: Some(true),
        prompt_for_bootstrap_token: Some(false),
    };
    vec![
        SettingsItem::Wallpaper(Wallpaper { image: vec![1, 2], place: WallpaperPlace::Both }),
        SettingsItem::DataRoaming { enabled: true },
        SettingsItem::VoiceRoaming { enabled: true },
        SettingsItem::PersonalHotspot { enabled: false },
        SettingsItem::Bluetooth { enabled: true },
        SettingsItem::DeviceName { name: "Mia's iPad".into() },
        SettingsItem::HostName { name: "mia".into() },
        SettingsItem::OrganizationInfo(Some(organization)),
        SettingsItem::OrganizationInfo(None),
        SettingsItem::DefaultApplications(DefaultApplications {
            web_browser: Some("com.example.browser".into()),
            calling: Some("com.example.calls".into()),
            messaging: None,
        }),
        SettingsItem::MdmOptions(options),
        SettingsItem::MaximumResidentUsers { users: 5 },
        SettingsItem::SharedDeviceConfiguration(shared),
        SettingsItem::DiagnosticSubmission { enabled: true },
        SettingsItem::AppAnalytics { enabled: false },
        SettingsItem::PasscodeLockGracePeriod { seconds: 60 },
        SettingsItem::TimeZone { name: "Europe/Berlin".into() },
        SettingsItem::SoftwareUpdateSettings { cadence: RecommendationCadence::Higher },
        SettingsItem::AccessibilitySettings(accessibility),
    ]
}

pub(super) fn commands() -> Vec<Command> {
    let identifiers = vec![bundle("a.b")];
    let enterprise = InstallEnterpriseApplication {
        manifest_url: Some("https://example.com/m.plist".into()),
        pinning: vec![vec![1], vec![2]],
        pinning_revocation_check: Some(true),
        install_as_managed: Some(true),
        management_flags: Some(1),
        take_over: Some(TakeOver::Managed),
        ios_app: Some(false),
        ..InstallEnterpriseApplication::default()
    };
    vec![
        Command::CertificateList { managed_only: true },
        Command::ProvisioningProfileList { managed_only: false },
        Command::UserList,
        Command::AvailableOsUpdates,
        Command::OsUpdateStatus,
        Command::InstallEnterpriseApplication(enterprise),
        Command::ManagedApplicationConfiguration { identifiers: identifiers.clone() },
        Command::ManagedApplicationAttributes { identifiers: vec![] },
        Command::ManagedApplicationFeedback { identifiers, delete: true },
        Command::ApplyRedemptionCode(ApplyRedemptionCode { identifier: bundle("a.b"), code: Secret::new("REDEEM") }),
        Command::InviteToProgram(InviteToProgram {
            program: Program::AppsAndBooks,
            invitation_url: Secret::new("https://example.com/invite-me"),
        }),
        Command::DeviceLock(lock()),
        Command::DeviceLock(DeviceLock::default()),
        Command::ClearPasscode { unlock_token: Secret::new("UNLOCK") },
        Command::EraseDevice(erase()),
        Command::EraseDevice(EraseDevice::default()),
        Command::RestartDevice(RestartDevice {
            rebuild_kernel_cache: Some(true),
            kext_paths: vec!["/Library/Extensions/a.kext".into()],
            notify_user: Some(true),
        }),
        Command::ShutDownDevice,
        Command::EnableLostMode(EnableLostMode {
            message: Some("Lost".into()),
            phone_number: Some("1".into()),
            footnote: Some("Thank you".into()),
        }),
        Command::DisableLostMode,
        Command::PlayLostModeSound,
        Command::DeviceLocation,
        Command::RequestMirroring(RequestMirroring {
            destination_name: Some("Hall".into()),
            destination_id: Some("00:11".into()),
            scan_time: Some(30),
            password: Some(Secret::new("hunter2")),
        }),
        Command::SetRecoveryLock(SetRecoveryLock { current: Some(Secret::new("hunter2")), new: Secret::new("246810") }),
        Command::VerifyRecoveryLock { password: Secret::new("hunter2") },
        Command::RotateFileVaultKey(rotate()),
        Command::DeclarativeManagement { data: None },
        Command::DeclarativeManagement { data: Some(b"{}".to_vec()) },
        Command::Settings { items: settings() },
    ]
}

#[test]
fn settings_are_read_as_what_they_are() {
    for item in settings() {
        let read = SettingsItem::read(item.to_value().as_dictionary().unwrap()).unwrap();
        assert_eq!(read, item);
        assert!(!matches!(read, SettingsItem::Other { .. }), "{}", item.name());
    }
}

#[test]
fn no_secret_shows_in_a_log() {
    let parts = [format!("{:?}", lock()), format!("{:?}", erase()), format!("{:?}", rotate())];
    let raw = Command::Raw {
        request_type: "SetFirmwarePassword".into(),
        keys: [("NewPassword".to_owned(), Value::from("hunter2"))].into_iter().collect(),
    };
    let profile = Command::InstallProfile { payload: b"profile-key".to_vec() };
    let whole = commands().into_iter().chain([raw, profile]).map(|command| format!("{command:?}"));
    for shown in parts.into_iter().chain(whole) {
        for secret in SECRETS {
            assert!(!shown.contains(secret), "{shown}");
            let bytes = format!("{:?}", secret.as_bytes());
            assert!(!shown.contains(&bytes[1..bytes.len() - 1]), "{shown}");
        }
    }
    assert_eq!(format!("{:?}", Command::DeviceLock(lock())), r#"DeviceLock{"Message", "PhoneNumber", "PIN"}"#);
}

#[test]
fn a_command_without_what_it_needs_is_no_command() {
    for kind in ["ClearPasscode", "SetRecoveryLock", "VerifyRecoveryLock", "RotateFileVaultKey", "InviteToProgram"] {
        let keys = [("RequestType".to_owned(), Value::from(kind))].into_iter().collect();
        assert!(Command::from_dictionary(&keys).is_err(), "{kind}");
    }
}

#[test]
fn a_command_tells_which_secret_somebody_will_need() {
    let kept = |command: &Command| command.secret_to_keep().map(|(name, secret)| (name, secret.reveal().clone()));
    assert_eq!(kept(&Command::DeviceLock(lock())), Some(("pin", "246810".to_owned())));
    assert_eq!(kept(&Command::DeviceLock(DeviceLock::default())), None);
    assert!(Command::EraseDevice(erase()).holds_short_secret());
    assert!(!Command::DeviceLock(DeviceLock::default()).holds_short_secret());
    assert!(!Command::SecurityInfo.holds_short_secret());
}

#[test]
fn every_command_can_be_written_by_its_keys() {
    for command in commands() {
        let mut keys = command.to_dictionary();
        keys.remove("RequestType");
        assert_eq!(Command::from_written(command.request_type(), &keys), Ok(command));
    }
}
