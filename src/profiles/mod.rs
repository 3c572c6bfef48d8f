//! Configuration profiles: imported, composed, delivered.
//!
//! An admin imports `.mobileconfig` files ([`import`]); [`compose`] makes of them, and of what the apps of a device need, the
//! profiles that the device is to have, each through one builder; [`delivery`] installs and removes them by commands and knows
//! which content a device has confirmed.
//!
//! Must never build a profile as text, never deliver one that could end or replace the enrollment, and never let the secrets
//! inside a profile out of the store but in a command to a device.

pub mod compose;
pub mod delivery;
mod import;
mod inspect;
mod rows;
#[cfg(test)]
mod tests;

pub use import::{delete, import};
pub use inspect::Refused;

use crate::context::Context;
use crate::ids::ProfileId;
use russet_protocol::Timestamp;
use russet_store::{StoreError, Tx};
use zeroize::Zeroizing;

/// Identifiers that begin like this are of profiles that this server makes: composed ones and enrollment profiles. An imported
/// one with such an identifier would replace them.
pub const OWN_PREFIX: &str = "russet.";

/// What an imported profile is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A per-app VPN (`com.apple.vpn.managed.applayer`).
    PerAppVpn {
        /// `VPNUUID`, which apps name.
        vpn_uuid: String,
    },
    /// A Kerberos single sign-on (`com.apple.sso`), whose apps and URLs are filled in per device.
    KerberosSso {
        /// `Realm`.
        realm: String,
    },
    /// Anything else.
    Other,
}

impl Kind {
    /// The word that the API shows: `per-app-vpn`, `kerberos-sso` or `other`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::PerAppVpn { .. } => "per-app-vpn",
            Self::KerberosSso { .. } => "kerberos-sso",
            Self::Other => "other",
        }
    }
}

/// A profile that an admin imported. Its content stays sealed until it is composed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Its id here.
    pub id: ProfileId,
    /// What the admin calls it.
    pub name: String,
    /// What it is good for.
    pub kind: Kind,
    /// `PayloadIdentifier`: its identity on devices.
    pub identifier: String,
    /// `PayloadDisplayName`.
    pub display_name: Option<String>,
    /// The types of its payloads, in their order.
    pub payload_types: Vec<String>,
    /// Whether the file was signed. Who signed it is not judged, and the signature is not passed on.
    pub signed: bool,
    /// SHA-256 of the content, lower-case hexadecimal.
    pub hash: String,
    /// When it was first imported.
    pub created_at: Timestamp,
    /// When its content was last replaced.
    pub updated_at: Timestamp,
    /// The content, sealed.
    sealed: Vec<u8>,
}

impl Imported {
    /// The profile as an unsigned property list. Holds secrets.
    fn open(&self, ctx: &Context) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        ctx.store.sealer().open("profile", "content_sealed", &self.id.text(), &self.sealed)
    }
}

/// Why a profile is not imported, or not found.
#[derive(Debug, thiserror::Error)]
pub enum ProfilesError {
    /// The file is no profile that may be delivered.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The name is empty, too long or has control characters.
    #[error("the name of a profile must have 1 to 100 characters, none of them a control character")]
    BadName,
    /// A profile with this identifier is there, of another kind.
    #[error(
        "the imported profile \"{name}\" has the same PayloadIdentifier and is of the kind {kind}: give the new file another \
         PayloadIdentifier, or delete the other profile first"
    )]
    OtherKind {
        /// The name of the one that is there.
        name: String,
        /// Its kind.
        kind: &'static str,
    },
    /// Another profile has the same `VPNUUID`.
    #[error(
        "the imported profile \"{name}\" has the same VPNUUID: give each VPN a VPNUUID of its own, or delete that profile"
    )]
    VpnUuidTaken {
        /// The name of the one that is there.
        name: String,
    },
    /// No such profile.
    #[error("there is no such profile; `russet admin profiles list` shows those there are")]
    NotFound,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An imported profile.
///
/// # Errors
/// [`ProfilesError::NotFound`], or the store fails.
pub async fn get(tx: &mut dyn Tx, id: ProfileId) -> Result<Imported, ProfilesError> {
    rows::get(tx, id).await?.ok_or(ProfilesError::NotFound)
}

/// All imported profiles, by name.
///
/// # Errors
/// Where the store fails.
pub async fn list(tx: &mut dyn Tx) -> Result<Vec<Imported>, StoreError> {
    rows::list(tx).await
}
