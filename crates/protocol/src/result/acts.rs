//! Short answers: what came of an act on the device, and what managed apps keep. Source: Apple schema,
//! `mdm/commands/{device.lock,device.lostmode.location,mirroring.request,passcode.recovery.verify,rotate.file.vault.key,
//! application.invitetoprogram,managed.application.*}.yaml`.

use crate::ids::BundleId;
use crate::secret::SecretBytes;
use crate::wire::structure;
use plist::Dictionary;

structure! {
    /// The answer to `DeviceLock`.
    #[derive(Default)]
    pub struct DeviceLockAnswer {
        /// `MessageResult`: Success, DeviceInLostMode, NoPasscodeSet or Unknown; only where a message was sent.
        message_result: Option<String> = "MessageResult",
    }
}

structure! {
    /// The answer to `DeviceLocation`.
    pub struct Location {
        /// `Latitude`, degrees.
        latitude: f64 = "Latitude",
        /// `Longitude`, degrees.
        longitude: f64 = "Longitude",
        /// `HorizontalAccuracy`, meters.
        horizontal_accuracy: Option<f64> = "HorizontalAccuracy",
        /// `VerticalAccuracy`, meters; negative where the altitude means nothing.
        vertical_accuracy: Option<f64> = "VerticalAccuracy",
        /// `Altitude`, meters.
        altitude: Option<f64> = "Altitude",
        /// `Speed`, meters a second.
        speed: Option<f64> = "Speed",
        /// `Course`, degrees from north.
        course: Option<f64> = "Course",
        /// `Timestamp`, RFC 3339, of the device's clock.
        timestamp: Option<String> = "Timestamp",
    }
}

structure! {
    /// The answer to `RequestMirroring`.
    #[derive(Default)]
    pub struct MirroringAnswer {
        /// `MirroringResult`: Prompting, DestinationNotFound, Cancelled or Unknown.
        result: Option<String> = "MirroringResult",
    }
}

structure! {
    /// The answer to `VerifyRecoveryLock`.
    pub struct RecoveryLockAnswer {
        /// `PasswordVerified`.
        verified: bool = "PasswordVerified",
    }
}

structure! {
    /// `RotateResult` of `RotateFileVaultKey`.
    #[derive(Default)]
    pub struct RotateResult {
        /// `EncryptedNewRecoveryKey`: CMS, for the certificate that the command named.
        encrypted_key: Option<SecretBytes> = "EncryptedNewRecoveryKey",
    }
}

structure! {
    /// The answer to `RotateFileVaultKey`.
    #[derive(Default)]
    pub struct RotateFileVaultKeyAnswer {
        /// `RotateResult`.
        result: Option<RotateResult> = "RotateResult",
    }
}

structure! {
    /// The answer to `InviteToProgram`.
    #[derive(Default)]
    pub struct InviteToProgramAnswer {
        /// `InvitationResult`: Acknowledged, InvalidProgramID or InvalidInvitationURL.
        result: Option<String> = "InvitationResult",
    }
}

structure! {
    /// One app of `ManagedApplicationConfiguration`.
    pub struct AppConfiguration {
        /// `Identifier`.
        identifier: BundleId = "Identifier",
        /// `Configuration`; none where the app has none.
        configuration: Option<Dictionary> = "Configuration",
    }
}

structure! {
    /// One app of `ManagedApplicationAttributes`.
    pub struct AppAttributesEntry {
        /// `Identifier`.
        identifier: BundleId = "Identifier",
        /// `Attributes`; read them with [`crate::command::AppAttributes::from_dictionary`].
        attributes: Option<Dictionary> = "Attributes",
    }
}

structure! {
    /// One app of `ManagedApplicationFeedback`.
    pub struct AppFeedback {
        /// `Identifier`.
        identifier: BundleId = "Identifier",
        /// `Feedback`, as the app wrote it.
        feedback: Option<Dictionary> = "Feedback",
    }
}
