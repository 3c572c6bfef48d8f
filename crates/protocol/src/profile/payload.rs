//! One payload of a profile: the keys that all share, and the typed bodies.

use crate::fields::{Put, WireError, rest, text};
use plist::Dictionary;

/// A payload.
#[derive(Debug, Clone, PartialEq)]
pub struct Payload {
    /// `PayloadIdentifier`, unique inside the profile.
    pub identifier: String,
    /// `PayloadUUID`, unique inside the profile.
    pub uuid: String,
    /// `PayloadDisplayName`.
    pub display_name: Option<String>,
    /// What it configures.
    pub body: PayloadBody,
}

/// What a payload configures.
#[derive(Debug, Clone, PartialEq)]
pub enum PayloadBody {
    /// `com.apple.mdm`.
    Mdm(Mdm),
    /// `com.apple.security.scep`.
    Scep(Scep),
    /// `com.apple.security.root`.
    RootCertificate(RootCertificate),
    /// `com.apple.security.pkcs12`.
    Pkcs12(Pkcs12),
    /// `com.apple.vpn.managed.applayer`.
    AppLayerVpn(AppLayerVpn),
    /// `com.apple.vpn.managed.appmapping` (Macs).
    AppMapping(Vec<AppMapping>),
    /// `com.apple.sso` (Kerberos; iPhone and iPad).
    KerberosSso(KerberosSso),
    /// `com.apple.networkusagerules` (iPhone and iPad).
    NetworkUsageRules(Vec<NetworkRule>),
    /// Any other payload, or one of the above that has more or other keys than its type knows: its keys beside the
    /// common ones, unchanged.
    Other {
        /// `PayloadType`.
        payload_type: String,
        /// Its keys.
        keys: Dictionary,
    },
}

/// The MDM payload. Source: Apple schema, `com.apple.mdm.yaml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mdm {
    /// `IdentityCertificateUUID`: the `PayloadUUID` of the identity payload in the same profile.
    pub identity_uuid: String,
    /// `Topic`. May never change.
    pub topic: String,
    /// `ServerURL`, https. May never change.
    pub server_url: String,
    /// `CheckInURL`, https. May never change.
    pub check_in_url: Option<String>,
    /// `SignMessage`: each message carries `Mdm-Signature`.
    pub sign_message: bool,
    /// `AccessRights`, a bit mask; 8191 is all. Bits can be taken away later, never added. Absent for `BYOD`.
    pub access_rights: Option<i64>,
    /// `CheckOutWhenRemoved`.
    pub check_out_when_removed: bool,
    /// `ServerCapabilities`.
    pub server_capabilities: Vec<String>,
    /// `EnrollmentMode`: `BYOD` or `ADDE`, in account-driven enrollments only.
    pub enrollment_mode: Option<String>,
    /// `AssignedManagedAppleID`, in account-driven enrollments only.
    pub assigned_managed_apple_id: Option<String>,
}

/// A SCEP identity. Source: Apple schema, `com.apple.security.scep.yaml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scep {
    /// `URL`.
    pub url: String,
    /// `Name`, sent as the CA identifier.
    pub name: Option<String>,
    /// `Subject`: relative names of pairs of type and value.
    pub subject: Vec<Vec<(String, String)>>,
    /// `Challenge`. A secret.
    pub challenge: Option<String>,
    /// `Keysize`. Apple's default is 1024: always set.
    pub key_size: i64,
    /// `Key Usage`: 1 signing, 4 encryption, 5 both.
    pub key_usage: Option<i64>,
    /// `CAFingerprint`.
    pub ca_fingerprint: Option<Vec<u8>>,
    /// `Retries`.
    pub retries: Option<i64>,
    /// `RetryDelay`, seconds.
    pub retry_delay: Option<i64>,
    /// `KeyIsExtractable` (Macs).
    pub key_is_extractable: Option<bool>,
}

/// A certificate the device is to trust. Source: Apple schema, `com.apple.security.root.yaml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootCertificate {
    /// `PayloadContent`: the certificate, DER.
    pub certificate: Vec<u8>,
    /// `PayloadCertificateFileName`.
    pub file_name: Option<String>,
}

/// An identity with its key. Source: Apple schema, `com.apple.security.pkcs12.yaml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pkcs12 {
    /// `PayloadContent`: PKCS#12. A secret.
    pub identity: Vec<u8>,
    /// `Password`. A secret.
    pub password: Option<String>,
    /// `PayloadCertificateFileName`.
    pub file_name: Option<String>,
}

/// A per-app VPN. Its many vendor settings pass through unread. Source: Apple schema,
/// `com.apple.vpn.managed.applayer.yaml`.
#[derive(Debug, Clone, PartialEq)]
pub struct AppLayerVpn {
    /// `VPNUUID`: what an app's `VPNUUID` attribute names.
    pub vpn_uuid: String,
    /// All other keys, unchanged.
    pub settings: Dictionary,
}

/// One mapping of an app to a per-app VPN. Source: Apple schema, `com.apple.vpn.managed.appmapping.yaml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppMapping {
    /// `Identifier`, a bundle identifier.
    pub identifier: String,
    /// `VPNUUID`.
    pub vpn_uuid: String,
    /// `SigningIdentifier`.
    pub signing_identifier: String,
    /// `DesignatedRequirement`.
    pub designated_requirement: String,
}

/// Kerberos single sign-on. Source: Apple schema, `com.apple.sso.yaml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KerberosSso {
    /// `Name`.
    pub name: String,
    /// `Realm`.
    pub realm: String,
    /// `PrincipalName`; required when MDM installs the profile.
    pub principal_name: Option<String>,
    /// `PayloadCertificateUUID` of an identity payload in the same profile.
    pub certificate_uuid: Option<String>,
    /// `URLPrefixMatches`; `None` matches every URL.
    pub url_prefixes: Option<Vec<String>>,
    /// `AppIdentifierMatches`; `None` matches every app. An empty list is invalid and written as it is, since leaving
    /// it out would widen it to every app: whoever composes one leaves the whole payload out.
    pub apps: Option<Vec<String>>,
}

/// One rule of `ApplicationRules`. Source: Apple schema, `com.apple.networkusagerules.yaml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkRule {
    /// `AppIdentifierMatches`: managed apps; `None` means all of them. An empty list is written as it is, never widened.
    pub apps: Option<Vec<String>>,
    /// `AllowRoamingCellularData`.
    pub roaming: Option<bool>,
    /// `AllowCellularData`.
    pub cellular: Option<bool>,
}

const COMMON: [&str; 5] = ["PayloadType", "PayloadVersion", "PayloadIdentifier", "PayloadUUID", "PayloadDisplayName"];

impl Payload {
    /// A payload.
    #[must_use]
    pub fn new(identifier: impl Into<String>, uuid: impl Into<String>, body: PayloadBody) -> Self {
        Self { identifier: identifier.into(), uuid: uuid.into(), display_name: None, body }
    }

    /// With a name that people see.
    #[must_use]
    pub fn named(mut self, display_name: impl Into<String>) -> Self {
        self.display_name = Some(display_name.into());
        self
    }

    /// `PayloadType`.
    #[must_use]
    pub fn payload_type(&self) -> &str {
        self.body.payload_type()
    }

    pub(super) fn to_dictionary(&self) -> Dictionary {
        let mut keys = Dictionary::new();
        keys.put("PayloadType", self.payload_type());
        keys.put("PayloadVersion", 1i64);
        keys.put("PayloadIdentifier", self.identifier.as_str());
        keys.put("PayloadUUID", self.uuid.as_str());
        keys.put_some("PayloadDisplayName", self.display_name.as_deref());
        self.body.write(&mut keys);
        keys
    }

    pub(super) fn read(keys: &Dictionary) -> Result<Self, WireError> {
        let missing = |key| WireError::Missing { message: "a payload of the profile", key };
        let payload_type = text(keys, "PayloadType").ok_or_else(|| missing("PayloadType"))?;
        let own = rest(keys, &COMMON);
        Ok(Self {
            identifier: text(keys, "PayloadIdentifier").ok_or_else(|| missing("PayloadIdentifier"))?,
            uuid: text(keys, "PayloadUUID").ok_or_else(|| missing("PayloadUUID"))?,
            display_name: text(keys, "PayloadDisplayName"),
            body: PayloadBody::read(&payload_type, own),
        })
    }
}
