//! Commands about apps besides `InstallApplication`: the organization's own apps on Macs, redemption codes, the invitation
//! to Apps and Books. Source: Apple schema, `mdm/commands/application.{install.enterprise,redemptioncode,invitetoprogram}.yaml`.

use crate::ids::BundleId;
use crate::secret::SecretText;
use crate::wire::{choice, structure};
use plist::Dictionary;

choice! {
    /// `ChangeManagementState`.
    pub enum TakeOver: String {
        /// Takes over an app that is installed already.
        Managed = "Managed",
    }
}

structure! {
    /// `InstallEnterpriseApplication`: a package of the organization on a Mac. Its manifest is given inline or by URL.
    #[derive(Default)]
    pub struct InstallEnterpriseApplication {
        /// `Manifest`, inline.
        manifest: Option<Dictionary> = "Manifest",
        /// `ManifestURL`, `https:`.
        manifest_url: Option<String> = "ManifestURL",
        /// `ManifestURLPinningCerts`, DER.
        pinning: Vec<Vec<u8>> = "ManifestURLPinningCerts",
        /// `PinningRevocationCheckRequired`.
        pinning_revocation_check: Option<bool> = "PinningRevocationCheckRequired",
        /// `InstallAsManaged`. Not in user enrollments, as the next three.
        install_as_managed: Option<bool> = "InstallAsManaged",
        /// `ManagementFlags`; Apple knows only 1 here: the app goes with the enrollment profile.
        management_flags: Option<i64> = "ManagementFlags",
        /// `Configuration`.
        configuration: Option<Dictionary> = "Configuration",
        /// `ChangeManagementState`.
        take_over: Option<TakeOver> = "ChangeManagementState",
        /// `iOSApp`.
        ios_app: Option<bool> = "iOSApp",
    }
}

structure! {
    /// `ApplyRedemptionCode`, for an app that waits in `NeedsRedemption`.
    pub struct ApplyRedemptionCode {
        /// `Identifier` of the app.
        identifier: BundleId = "Identifier",
        /// `RedemptionCode`: worth an app to whoever reads it.
        code: SecretText = "RedemptionCode",
    }
}

choice! {
    /// `ProgramID` of `InviteToProgram`.
    pub enum Program: String {
        /// Apps and Books.
        AppsAndBooks = "com.apple.cloudvpp",
    }
}

structure! {
    /// `InviteToProgram`: asks the person to join Apps and Books.
    pub struct InviteToProgram {
        /// `ProgramID`.
        program: Program = "ProgramID",
        /// `InvitationURL`, from the license service: whoever opens it becomes that user.
        invitation_url: SecretText = "InvitationURL",
    }
}
