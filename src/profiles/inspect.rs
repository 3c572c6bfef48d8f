//! Looking into a file before it is taken in: is it a profile, what is it good for, could it do harm.

use super::{Kind, OWN_PREFIX};
use russet_pki::cms::{self, CmsError};
use russet_protocol::WireError;
use russet_protocol::guard::Limits;
use russet_protocol::plist::{Dictionary, Value};
use russet_protocol::profile::{PayloadBody, Profile};
use std::collections::BTreeSet;

/// Largest file, in bytes. Profiles with a few certificates have some ten thousand.
pub(super) const LARGEST: usize = 1 << 20;

/// Enrollment profiles' identifiers end like this: `com.example.mdm.russet.enrollment`.
const ENROLLMENT_SUFFIX: &str = ".russet.enrollment";

/// Why a file is not taken in. Texts name the fault and what to do.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refused {
    /// Too large.
    #[error("the file has {0} bytes; at most {LARGEST} are accepted")]
    TooLarge(usize),
    /// Looks signed, but is not whole.
    #[error("the file is signed, but {0}; export it again, or import it unsigned")]
    Signature(CmsError),
    /// No profile.
    #[error("the file is no configuration profile: {0}; give a .mobileconfig file")]
    NotAProfile(#[from] WireError),
    /// Encrypted for another device.
    #[error("the profile is encrypted: export it without encryption")]
    Encrypted,
    /// No payload.
    #[error("the profile has no payloads: it would do nothing")]
    Empty,
    /// A payload that belongs to enrollment.
    #[error(
        "the profile has a payload of type {0}, which would end or replace the enrollment of the device: take it out"
    )]
    EndsEnrollment(String),
    /// It would vanish without anybody's doing.
    #[error("the profile removes itself ({0}): take that key out, so that it stays for as long as it is wanted")]
    RemovesItself(&'static str),
    /// An identifier of this server's own profiles.
    #[error(
        "the PayloadIdentifier {0:?} is one of this server's own (they begin with {OWN_PREFIX} or end with {ENROLLMENT_SUFFIX}): give the profile another"
    )]
    OwnIdentifier(String),
    /// An identifier or UUID is missing.
    #[error("the profile or a payload has an empty {0}: give each one of its own")]
    EmptyIdentity(&'static str),
    /// An identifier or UUID twice.
    #[error("the {0} {1:?} stands more than once in the profile: devices need each to be unique")]
    Twice(&'static str, String),
    /// More than one of what can be used once.
    #[error("the profile has more than one per-app VPN or single sign-on payload: import each as a profile of its own")]
    Several,
    /// A VPN without its UUID.
    #[error("the per-app VPN payload has no VPNUUID, by which apps name it: add one")]
    NoVpnUuid,
    /// Single sign-on without its realm.
    #[error("the single sign-on payload has no Kerberos realm (Kerberos, Realm): add it")]
    NoRealm,
    /// Single sign-on without its principal.
    #[error(
        "the single sign-on payload has no PrincipalName, which devices need in a profile that MDM installs: add it"
    )]
    NoPrincipal,
    /// A URL that no device accepts.
    #[error("the URL prefix {0:?} begins with neither http:// nor https://: write the whole beginning of the URL")]
    UrlPrefix(String),
}

/// What was found in a file.
pub(super) struct Found {
    pub(super) profile: Profile,
    pub(super) kind: Kind,
    pub(super) signed: bool,
}

/// Reads and judges a file.
pub(super) fn inspect(file: &[u8]) -> Result<Found, Refused> {
    if file.len() > LARGEST {
        return Err(Refused::TooLarge(file.len()));
    }
    // BER SEQUENCE: no property list begins like this.
    let signed = file.first() == Some(&0x30);
    let content = if signed { cms::attached_content(file).map_err(Refused::Signature)? } else { file.to_vec() };
    let limits = Limits::for_body(LARGEST);
    if is_encrypted(&content, limits) {
        return Err(Refused::Encrypted);
    }
    let profile = Profile::decode(&content, limits)?;
    harmless(&profile)?;
    distinct(&profile)?;
    let kind = kind(&profile)?;
    Ok(Found { profile, kind, signed })
}

/// Source: Apple schema, `TopLevel.yaml` (`EncryptedPayloadContent`).
fn is_encrypted(content: &[u8], limits: Limits) -> bool {
    let keys: Option<Dictionary> = russet_protocol::guard::decode(content, limits).ok();
    keys.is_some_and(|keys| keys.contains_key("EncryptedPayloadContent"))
}

fn harmless(profile: &Profile) -> Result<(), Refused> {
    if profile.payloads.is_empty() {
        return Err(Refused::Empty);
    }
    for payload in &profile.payloads {
        if matches!(payload.payload_type(), "com.apple.mdm" | "com.apple.declarations") {
            return Err(Refused::EndsEnrollment(payload.payload_type().to_owned()));
        }
    }
    for key in ["RemovalDate", "DurationUntilRemoval"] {
        if profile.other.contains_key(key) {
            return Err(Refused::RemovesItself(key));
        }
    }
    let identifier = profile.identifier.to_ascii_lowercase();
    if identifier.starts_with(OWN_PREFIX) || identifier.ends_with(ENROLLMENT_SUFFIX) {
        return Err(Refused::OwnIdentifier(profile.identifier.clone()));
    }
    Ok(())
}

/// Identifiers and UUIDs, each once. UUIDs compare without case, as devices do.
fn distinct(profile: &Profile) -> Result<(), Refused> {
    let mut uuids = BTreeSet::from([profile.uuid.to_ascii_uppercase()]);
    let mut identifiers = BTreeSet::new();
    let own = std::iter::once((&profile.identifier, &profile.uuid));
    for (identifier, uuid) in own.chain(profile.payloads.iter().map(|payload| (&payload.identifier, &payload.uuid))) {
        if identifier.trim().is_empty() {
            return Err(Refused::EmptyIdentity("PayloadIdentifier"));
        }
        if uuid.trim().is_empty() {
            return Err(Refused::EmptyIdentity("PayloadUUID"));
        }
    }
    for payload in &profile.payloads {
        if !uuids.insert(payload.uuid.to_ascii_uppercase()) {
            return Err(Refused::Twice("PayloadUUID", payload.uuid.clone()));
        }
        if !identifiers.insert(payload.identifier.as_str()) {
            return Err(Refused::Twice("PayloadIdentifier", payload.identifier.clone()));
        }
    }
    Ok(())
}

fn kind(profile: &Profile) -> Result<Kind, Refused> {
    let mut kinds = Vec::new();
    for payload in &profile.payloads {
        match (&payload.body, payload.payload_type()) {
            (PayloadBody::AppLayerVpn(vpn), _) => kinds.push(vpn_kind(Some(&vpn.vpn_uuid))?),
            (PayloadBody::Other { keys, .. }, "com.apple.vpn.managed.applayer") => {
                kinds.push(vpn_kind(keys.get("VPNUUID").and_then(Value::as_string))?);
            }
            (PayloadBody::KerberosSso(sso), _) => {
                let urls = sso.url_prefixes.iter().flatten().map(String::as_str);
                kinds.push(sso_kind(Some(&sso.realm), sso.principal_name.as_deref(), urls)?);
            }
            (PayloadBody::Other { keys, .. }, "com.apple.sso") => {
                let kerberos = keys.get("Kerberos").and_then(Value::as_dictionary).ok_or(Refused::NoRealm)?;
                let text = |key| kerberos.get(key).and_then(Value::as_string);
                let urls = kerberos.get("URLPrefixMatches").and_then(Value::as_array).into_iter().flatten();
                kinds.push(sso_kind(text("Realm"), text("PrincipalName"), urls.filter_map(Value::as_string))?);
            }
            _ => {}
        }
    }
    if kinds.len() > 1 {
        return Err(Refused::Several);
    }
    Ok(kinds.pop().unwrap_or(Kind::Other))
}

fn vpn_kind(vpn_uuid: Option<&str>) -> Result<Kind, Refused> {
    let vpn_uuid = vpn_uuid.map(str::trim).filter(|text| !text.is_empty()).ok_or(Refused::NoVpnUuid)?;
    Ok(Kind::PerAppVpn { vpn_uuid: vpn_uuid.to_owned() })
}

fn sso_kind<'a>(
    realm: Option<&str>,
    principal: Option<&str>,
    urls: impl Iterator<Item = &'a str>,
) -> Result<Kind, Refused> {
    let realm = realm.filter(|text| !text.trim().is_empty()).ok_or(Refused::NoRealm)?;
    principal.filter(|text| !text.trim().is_empty()).ok_or(Refused::NoPrincipal)?;
    for url in urls {
        check_url_prefix(url)?;
    }
    Ok(Kind::KerberosSso { realm: realm.to_owned() })
}

/// Source: Apple schema, `com.apple.sso.yaml`: each prefix begins with a scheme of the web.
pub(super) fn check_url_prefix(url: &str) -> Result<(), Refused> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && !url.chars().any(|c| c.is_whitespace() || c.is_control()) => Ok(()),
        _ => Err(Refused::UrlPrefix(url.to_owned())),
    }
}
