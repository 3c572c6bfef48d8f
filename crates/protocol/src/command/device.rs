//! Commands about the whole device: lock, erase, restart, Lost Mode, passwords of recovery, mirroring.
//! Source: Apple schema, `mdm/commands/{device.*,passcode.*,rotate.file.vault.key,mirroring.request}.yaml`.

use crate::secret::{SecretBytes, SecretText};
use crate::wire::{choice, structure};

structure! {
    /// `DeviceLock`.
    #[derive(Default)]
    pub struct DeviceLock {
        /// `Message` on the Lock Screen; only where a passcode is set.
        message: Option<String> = "Message",
        /// `PhoneNumber` on the Lock Screen.
        phone_number: Option<String> = "PhoneNumber",
        /// `PIN`, six characters, Macs only: what unlocks the Mac again.
        pin: Option<SecretText> = "PIN",
    }
}

choice! {
    /// `ObliterationBehavior` of `EraseDevice`: what a Mac does that cannot erase its contents and settings quickly.
    pub enum ObliterationBehavior: String {
        /// Obliterates where the quick way fails.
        Default = "Default",
        /// Never obliterates: the command fails instead.
        DoNotObliterate = "DoNotObliterate",
        /// Obliterates, and says so in an answer of its own.
        ObliterateWithWarning = "ObliterateWithWarning",
        /// Obliterates at once.
        Always = "Always",
    }
}

structure! {
    /// `ReturnToService`: an erased device sets itself up again without hands.
    pub struct ReturnToService {
        /// `Enabled`.
        enabled: bool = "Enabled",
        /// `WiFiProfileData`: the profile of a network to join; it holds a password.
        wifi_profile: Option<SecretBytes> = "WiFiProfileData",
        /// `MDMProfileData`: the enrollment profile to take; not with Automated Device Enrollment.
        mdm_profile: Option<SecretBytes> = "MDMProfileData",
        /// `BootstrapToken`.
        bootstrap_token: Option<SecretBytes> = "BootstrapToken",
        /// `ShouldRetryEnrollment`.
        retry_enrollment: Option<bool> = "ShouldRetryEnrollment",
    }
}

structure! {
    /// `EraseDevice`.
    #[derive(Default)]
    pub struct EraseDevice {
        /// `PreserveDataPlan`: keeps the eSIM.
        preserve_data_plan: Option<bool> = "PreserveDataPlan",
        /// `DisallowProximitySetup`.
        disallow_proximity_setup: Option<bool> = "DisallowProximitySetup",
        /// `PIN`, six characters, Macs only: what unlocks the Mac after it was erased.
        pin: Option<SecretText> = "PIN",
        /// `ObliterationBehavior`, Macs only.
        obliteration: Option<ObliterationBehavior> = "ObliterationBehavior",
        /// `ReturnToService`; not on Macs.
        return_to_service: Option<ReturnToService> = "ReturnToService",
    }
}

structure! {
    /// `RestartDevice`. All keys are for Macs only.
    #[derive(Default)]
    pub struct RestartDevice {
        /// `RebuildKernelCache`.
        rebuild_kernel_cache: Option<bool> = "RebuildKernelCache",
        /// `KextPaths`, with `RebuildKernelCache`.
        kext_paths: Vec<String> = "KextPaths",
        /// `NotifyUser`: the person restarts when it suits.
        notify_user: Option<bool> = "NotifyUser",
    }
}

structure! {
    /// `EnableLostMode`. Apple wants a message or a phone number.
    #[derive(Default)]
    pub struct EnableLostMode {
        /// `Message` on the Lock Screen.
        message: Option<String> = "Message",
        /// `PhoneNumber` on the Lock Screen.
        phone_number: Option<String> = "PhoneNumber",
        /// `Footnote` on the Lock Screen, in place of "Slide to unlock".
        footnote: Option<String> = "Footnote",
    }
}

structure! {
    /// `RequestMirroring`: asks the person to show the screen elsewhere.
    #[derive(Default)]
    pub struct RequestMirroring {
        /// `DestinationName`, of the AirPlay receiver; this or the next.
        destination_name: Option<String> = "DestinationName",
        /// `DestinationDeviceID`: its hardware address.
        destination_id: Option<String> = "DestinationDeviceID",
        /// `ScanTime`, seconds.
        scan_time: Option<i64> = "ScanTime",
        /// `Password` of the receiver.
        password: Option<SecretText> = "Password",
    }
}

structure! {
    /// `SetRecoveryLock` of a Mac with Apple silicon.
    pub struct SetRecoveryLock {
        /// `CurrentPassword`, where one is set.
        current: Option<SecretText> = "CurrentPassword",
        /// `NewPassword`; an empty one takes the lock away.
        new: SecretText = "NewPassword",
    }
}

choice! {
    /// `KeyType` of `RotateFileVaultKey`.
    pub enum FileVaultKeyType: String {
        /// The recovery key that people write down.
        Personal = "personal",
        /// A certificate of the organization.
        Institutional = "institutional",
    }
}

structure! {
    /// `FileVaultUnlock`: what opens the disk now.
    #[derive(Default)]
    pub struct FileVaultUnlock {
        /// `Password`: the present recovery key, or a person's password.
        password: Option<SecretText> = "Password",
        /// `PrivateKeyExport`, a PKCS#12 file.
        private_key: Option<SecretBytes> = "PrivateKeyExport",
        /// `PrivateKeyExportPassword`.
        private_key_password: Option<SecretText> = "PrivateKeyExportPassword",
    }
}

structure! {
    /// `RotateFileVaultKey`.
    pub struct RotateFileVaultKey {
        /// `KeyType`.
        key_type: FileVaultKeyType = "KeyType",
        /// `FileVaultUnlock`.
        unlock: FileVaultUnlock = "FileVaultUnlock",
        /// `NewCertificate`, DER, of an institutional key.
        new_certificate: Option<Vec<u8>> = "NewCertificate",
        /// `ReplyEncryptionCertificate`, DER: the new personal key comes back encrypted for it.
        reply_certificate: Option<Vec<u8>> = "ReplyEncryptionCertificate",
    }
}
