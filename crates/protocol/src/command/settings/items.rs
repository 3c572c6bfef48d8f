//! The settings that have more than one key. Source: Apple schema, `mdm/commands/settings.yaml`.

use crate::wire::{choice, structure};

choice! {
    /// `Where` of a wallpaper.
    pub enum WallpaperPlace: i64 {
        /// 1.
        LockScreen = 1i64,
        /// 2.
        HomeScreen = 2i64,
        /// 3.
        Both = 3i64,
    }
}

structure! {
    /// `Wallpaper`: iPhones and iPads, supervised.
    pub struct Wallpaper {
        /// `Image`, PNG or JPEG.
        image: Vec<u8> = "Image",
        /// `Where`.
        place: WallpaperPlace = "Where",
    }
}

structure! {
    /// `OrganizationInfo`: who manages the device. App prompts show the name.
    #[derive(Default)]
    pub struct OrganizationInfo {
        /// `OrganizationName`.
        name: String = "OrganizationName",
        /// `OrganizationShortName`.
        short_name: Option<String> = "OrganizationShortName",
        /// `OrganizationAddress`; lines are separated by `\n`.
        address: Option<String> = "OrganizationAddress",
        /// `OrganizationPhone`.
        phone: Option<String> = "OrganizationPhone",
        /// `OrganizationEmail`.
        email: Option<String> = "OrganizationEmail",
        /// `OrganizationMagic`: ours to choose; the same for all devices of the organization.
        magic: Option<String> = "OrganizationMagic",
    }
}

structure! {
    /// `DefaultApplications`, by bundle identifier.
    #[derive(Default)]
    pub struct DefaultApplications {
        /// `WebBrowser`.
        web_browser: Option<String> = "WebBrowser",
        /// `Calling`.
        calling: Option<String> = "Calling",
        /// `Messaging`.
        messaging: Option<String> = "Messaging",
    }
}

structure! {
    /// `MDMOptions`.
    #[derive(Default)]
    pub struct MdmOptions {
        /// `ActivationLockAllowedWhileSupervised`.
        activation_lock_allowed: Option<bool> = "ActivationLockAllowedWhileSupervised",
        /// `BootstrapTokenAllowed`; replaced by a server capability.
        bootstrap_token_allowed: Option<bool> = "BootstrapTokenAllowed",
        /// `PromptUserToAllowBootstrapTokenForAuthentication`.
        prompt_for_bootstrap_token: Option<bool> = "PromptUserToAllowBootstrapTokenForAuthentication",
        /// `IdleRebootAllowed`.
        idle_reboot_allowed: Option<bool> = "IdleRebootAllowed",
    }
}

structure! {
    /// `AwaitUserConfiguration` of a Shared iPad.
    pub struct AwaitUserConfiguration {
        /// `Enabled`.
        enabled: bool = "Enabled",
    }
}

structure! {
    /// `PasscodePolicy` of a Shared iPad.
    #[derive(Default)]
    pub struct PasscodePolicy {
        /// `PasscodeLockGracePeriod`, seconds: 0, 60, 300, 900, 3600 or 14400.
        grace_period: Option<i64> = "PasscodeLockGracePeriod",
        /// `AutoLockTime`, seconds.
        auto_lock_time: Option<i64> = "AutoLockTime",
    }
}

structure! {
    /// `SharedDeviceConfiguration` of a Shared iPad.
    #[derive(Default)]
    pub struct SharedDeviceConfiguration {
        /// `QuotaSize`, megabytes for each user; this or `resident_users`.
        quota_size: Option<i64> = "QuotaSize",
        /// `ResidentUsers`: how many users the space is shared out among.
        resident_users: Option<i64> = "ResidentUsers",
        /// `UserSessionTimeout`, seconds.
        user_session_timeout: Option<i64> = "UserSessionTimeout",
        /// `TemporarySessionTimeout`, seconds.
        temporary_session_timeout: Option<i64> = "TemporarySessionTimeout",
        /// `TemporarySessionOnly`.
        temporary_session_only: Option<bool> = "TemporarySessionOnly",
        /// `ManagedAppleIDDefaultDomains`, offered at sign-in.
        default_domains: Vec<String> = "ManagedAppleIDDefaultDomains",
        /// `OnlineAuthenticationGracePeriod`, days.
        online_authentication_grace_period: Option<i64> = "OnlineAuthenticationGracePeriod",
        /// `SkipLanguageAndLocaleSetupForNewUsers`.
        skip_language_setup: Option<bool> = "SkipLanguageAndLocaleSetupForNewUsers",
        /// `AwaitUserConfiguration`.
        await_user_configuration: Option<AwaitUserConfiguration> = "AwaitUserConfiguration",
        /// `PasscodePolicy`.
        passcode_policy: Option<PasscodePolicy> = "PasscodePolicy",
    }
}

choice! {
    /// `RecommendationCadence` of `SoftwareUpdateSettings`: which of two current versions the person is offered.
    pub enum RecommendationCadence: i64 {
        /// 0: both.
        Both = 0i64,
        /// 1: the lower one.
        Lower = 1i64,
        /// 2: the higher one.
        Higher = 2i64,
    }
}

structure! {
    /// `AccessibilitySettings`: supervised iPhones, iPads and watches.
    #[derive(Default)]
    pub struct AccessibilitySettings {
        /// `BoldTextEnabled`.
        bold_text: Option<bool> = "BoldTextEnabled",
        /// `IncreaseContrastEnabled`.
        increase_contrast: Option<bool> = "IncreaseContrastEnabled",
        /// `ReduceMotionEnabled`.
        reduce_motion: Option<bool> = "ReduceMotionEnabled",
        /// `ReduceTransparencyEnabled`.
        reduce_transparency: Option<bool> = "ReduceTransparencyEnabled",
        /// `TextSize`, 0 to 11.
        text_size: Option<i64> = "TextSize",
        /// `TouchAccommodationsEnabled`.
        touch_accommodations: Option<bool> = "TouchAccommodationsEnabled",
        /// `VoiceOverEnabled`.
        voice_over: Option<bool> = "VoiceOverEnabled",
        /// `ZoomEnabled`.
        zoom: Option<bool> = "ZoomEnabled",
        /// `GrayscaleEnabled`.
        grayscale: Option<bool> = "GrayscaleEnabled",
    }
}
