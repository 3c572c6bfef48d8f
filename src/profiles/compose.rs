//! Composing the profiles of one device: everything that is wanted of a kind in one profile, since devices take network usage
//! rules, single sign-on and app mappings once only.
//!
//! Equal input gives equal bytes, in whatever order it comes. Identifiers and UUIDs never change with the content, so that a
//! new version replaces the old one in place. All profiles go through [`build`]. An empty list is never written: it would be
//! invalid or mean "every app"; remove the profile instead.

use super::{Imported, Kind, Refused, inspect};
use crate::context::Context;
use ring::digest::{SHA256, digest};
use russet_protocol::BundleId;
use russet_protocol::guard::Limits;
use russet_protocol::plist::{Dictionary, Value};
use russet_protocol::profile::{AppMapping, NetworkRule, Payload, PayloadBody, Profile};
use russet_store::StoreError;
use std::collections::{BTreeMap, BTreeSet};

/// `PayloadIdentifier` of the network usage rules of a device.
pub const NETWORK_USAGE_RULES: &str = "russet.apps.network-usage-rules";
/// `PayloadIdentifier` of the single sign-on of a device.
pub const SINGLE_SIGN_ON: &str = "russet.apps.single-sign-on";
/// `PayloadIdentifier` of the map from apps to VPNs of a Mac.
pub const APP_MAPPING: &str = "russet.apps.app-mapping";

/// A profile that can be delivered.
#[derive(Clone, PartialEq, Eq)]
pub struct Composed {
    /// `PayloadIdentifier`.
    pub identifier: String,
    /// The unsigned property list. May hold secrets.
    pub bytes: Vec<u8>,
    /// SHA-256 of the bytes, lower-case hexadecimal: equal where nothing has to be sent.
    pub hash: String,
}

impl std::fmt::Debug for Composed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Composed")
            .field("identifier", &self.identifier)
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}

/// What one app may do with the cellular network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The app. One rule an app: how rules for the same app combine is nowhere said.
    pub bundle_id: BundleId,
    /// `AllowRoamingCellularData`.
    pub roaming: bool,
    /// `AllowCellularData`.
    pub cellular: bool,
}

/// Which VPN one app of a Mac takes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mapping {
    /// The app.
    pub bundle_id: BundleId,
    /// `VPNUUID` of the VPN.
    pub vpn_uuid: String,
    /// `SigningIdentifier`, as `codesign -d` shows it.
    pub signing_identifier: String,
    /// `DesignatedRequirement`, as `codesign -d -r-` shows it.
    pub designated_requirement: String,
}

/// Why a profile cannot be composed.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// Nothing to put into it.
    #[error("there is nothing to put into the profile; remove it from the device instead")]
    Nothing,
    /// The imported profile is of another kind.
    #[error("the imported profile \"{name}\" is no {wanted} profile; choose another in the settings")]
    OtherKind {
        /// Its name.
        name: String,
        /// What is needed.
        wanted: &'static str,
    },
    /// A URL that no device accepts, or an imported profile that is damaged.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The content could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An imported profile, as it is.
///
/// # Errors
/// Where the content cannot be unsealed.
pub fn imported(ctx: &Context, profile: &Imported) -> Result<Composed, ComposeError> {
    Ok(build(&content(ctx, profile)?))
}

/// Network usage rules (`com.apple.networkusagerules`; iPhone and iPad). Of two rules for one app the stricter parts count.
///
/// # Errors
/// Where there are none.
pub fn network_usage_rules(rules: &[Rule]) -> Result<Composed, ComposeError> {
    let mut apps: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
    for rule in rules {
        let known = apps.entry(rule.bundle_id.as_str()).or_insert((true, true));
        *known = (known.0 && rule.roaming, known.1 && rule.cellular);
    }
    // Apps with the same rule share one: fewer entries for the device to look through.
    let mut shared: BTreeMap<(bool, bool), Vec<String>> = BTreeMap::new();
    for (app, rule) in apps {
        shared.entry(rule).or_default().push(app.to_owned());
    }
    if shared.is_empty() {
        return Err(ComposeError::Nothing);
    }
    let rules = shared.into_iter().map(|((roaming, cellular), apps)| NetworkRule {
        apps: Some(apps),
        roaming: Some(roaming),
        cellular: Some(cellular),
    });
    let body = PayloadBody::NetworkUsageRules(rules.collect());
    Ok(build(&single(NETWORK_USAGE_RULES, "Cellular data of managed apps", body)))
}

/// Kerberos single sign-on (`com.apple.sso`; iPhone and iPad) for these apps: the imported profile with their ids in
/// `AppIdentifierMatches`, and with these URLs in `URLPrefixMatches`. Without URLs the imported profile's own stand.
///
/// # Errors
/// Where the profile is none of single sign-on, there are no apps, or a URL is no prefix of one.
pub fn single_sign_on(
    ctx: &Context,
    base: &Imported,
    apps: &[BundleId],
    urls: &[String],
) -> Result<Composed, ComposeError> {
    let Kind::KerberosSso { .. } = base.kind else {
        return Err(ComposeError::OtherKind { name: base.name.clone(), wanted: "single sign-on" });
    };
    let apps: BTreeSet<&str> = apps.iter().map(BundleId::as_str).collect();
    if apps.is_empty() {
        return Err(ComposeError::Nothing);
    }
    let apps: Vec<String> = apps.into_iter().map(str::to_owned).collect();
    let mut prefixes: Vec<String> = Vec::new();
    for url in urls {
        inspect::check_url_prefix(url)?;
        if !prefixes.contains(url) {
            prefixes.push(url.clone());
        }
    }
    let mut profile = content(ctx, base)?;
    SINGLE_SIGN_ON.clone_into(&mut profile.identifier);
    profile.uuid = uuid(SINGLE_SIGN_ON);
    for payload in &mut profile.payloads {
        match &mut payload.body {
            PayloadBody::KerberosSso(sso) => {
                sso.apps = Some(apps.clone());
                if !prefixes.is_empty() {
                    sso.url_prefixes = Some(prefixes.clone());
                }
            }
            PayloadBody::Other { payload_type, keys } if payload_type == "com.apple.sso" => {
                if let Some(kerberos) = keys.get_mut("Kerberos").and_then(Value::as_dictionary_mut) {
                    put_texts(kerberos, "AppIdentifierMatches", &apps);
                    if !prefixes.is_empty() {
                        put_texts(kerberos, "URLPrefixMatches", &prefixes);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(build(&profile))
}

/// The map from apps to VPNs (`com.apple.vpn.managed.appmapping`; Macs).
///
/// # Errors
/// Where there are none.
pub fn app_mapping(mappings: &[Mapping]) -> Result<Composed, ComposeError> {
    // One VPN an app: the first by order counts.
    let mut apps: BTreeMap<&str, &Mapping> = BTreeMap::new();
    let sorted: BTreeSet<&Mapping> = mappings.iter().collect();
    for mapping in sorted {
        apps.entry(mapping.bundle_id.as_str()).or_insert(mapping);
    }
    if apps.is_empty() {
        return Err(ComposeError::Nothing);
    }
    let entries = apps.into_values().map(|mapping| AppMapping {
        identifier: mapping.bundle_id.as_str().to_owned(),
        vpn_uuid: mapping.vpn_uuid.clone(),
        signing_identifier: mapping.signing_identifier.clone(),
        designated_requirement: mapping.designated_requirement.clone(),
    });
    Ok(build(&single(APP_MAPPING, "VPN of managed apps", PayloadBody::AppMapping(entries.collect()))))
}

/// The one place where a profile becomes bytes.
fn build(profile: &Profile) -> Composed {
    let bytes = profile.encode();
    Composed { identifier: profile.identifier.clone(), hash: hash(&bytes), bytes }
}

/// A profile of one payload.
fn single(identifier: &str, name: &str, body: PayloadBody) -> Profile {
    let inner = format!("{identifier}.payload");
    let mut profile = Profile::new(identifier, uuid(identifier));
    profile.display_name = Some(name.to_owned());
    profile.payloads = vec![Payload::new(inner.clone(), uuid(&inner), body).named(name)];
    profile
}

fn content(ctx: &Context, profile: &Imported) -> Result<Profile, ComposeError> {
    let bytes = profile.open(ctx)?;
    let read = Profile::decode(&bytes, Limits::for_body(bytes.len().max(inspect::LARGEST)));
    Ok(read.map_err(Refused::NotAProfile)?)
}

fn put_texts(keys: &mut Dictionary, key: &str, texts: &[String]) {
    keys.insert(key.to_owned(), Value::Array(texts.iter().cloned().map(Value::String).collect()));
}

/// A UUID that belongs to an identifier for good (RFC 9562, version 8: ours to define).
fn uuid(identifier: &str) -> String {
    let hash = digest(&SHA256, identifier.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_ref()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().hyphenated().to_string().to_ascii_uppercase()
}

/// SHA-256, lower-case hexadecimal.
pub(super) fn hash(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
