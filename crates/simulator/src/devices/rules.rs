//! What a device checks before it installs a profile that a server sent: payloads of the other platform, second payloads
//! where one is allowed, values outside Apple's schema (com.apple.networkusagerules.yaml, com.apple.sso.yaml,
//! com.apple.vpn.managed.applayer.yaml, com.apple.vpn.managed.appmapping.yaml).

use super::profile::{AppleError, Payload, Profile};
use plist::{Dictionary, Value};
use russet_protocol::Platform;
use std::collections::BTreeSet;

pub(super) const VPN: &str = "com.apple.vpn.managed.applayer";
pub(super) const VPN_MAPPING: &str = "com.apple.vpn.managed.appmapping";
pub(super) const NETWORK_RULES: &str = "com.apple.networkusagerules";
pub(super) const SSO: &str = "com.apple.sso";

/// Payloads that exist on iPhone and iPad only.
const IOS_ONLY: [&str; 9] = [
    NETWORK_RULES,
    SSO,
    "com.apple.cellular",
    "com.apple.app.lock",
    "com.apple.homescreenlayout",
    "com.apple.shareddeviceconfiguration",
    "com.apple.subscribedcalendar.account",
    "com.apple.conferenceroomdisplay",
    "com.apple.cellularprivatenetwork.managed",
];
/// Payloads that exist on Macs only.
const MAC_ONLY: [&str; 10] = [
    VPN_MAPPING,
    "com.apple.MCX",
    "com.apple.MCX.FileVault2",
    "com.apple.security.firewall",
    "com.apple.system-extension-policy",
    "com.apple.syspolicy.kernel-extension-policy",
    "com.apple.TCC.configuration-profile-policy",
    "com.apple.systempolicy.control",
    "com.apple.servicemanagement",
    "com.apple.loginwindow",
];
/// Payloads of which a device takes one, over all profiles.
const ONE_PER_DEVICE: [&str; 3] = [NETWORK_RULES, SSO, VPN_MAPPING];

/// Holds a profile against the device. `others` are the installed profiles that stay, so not the one it replaces.
pub(super) fn check(profile: &Profile, platform: Platform, others: &[&Profile]) -> Result<(), AppleError> {
    let taken: BTreeSet<&str> = others
        .iter()
        .flat_map(|other| {
            std::iter::once(other.uuid.as_str()).chain(other.payloads.iter().map(|payload| payload.uuid.as_str()))
        })
        .collect();
    let used = std::iter::once(&profile.uuid).chain(profile.payloads.iter().map(|payload| &payload.uuid));
    for uuid in used {
        if taken.contains(uuid.as_str()) {
            return Err(AppleError::install(
                4002,
                format!("The UUID {uuid} is already used by another installed profile"),
            ));
        }
    }
    for kind in ONE_PER_DEVICE {
        let here = profile.of_kind(kind).count();
        let elsewhere = others.iter().find(|other| other.of_kind(kind).next().is_some());
        if here > 1 || (here == 1 && elsewhere.is_some()) {
            let place = elsewhere.map_or("this profile", |other| &other.identifier);
            return Err(AppleError::install(
                4001,
                format!("Only one {kind} payload is allowed on a device; another is in {place}"),
            ));
        }
    }
    let mac = platform == Platform::MacOs;
    let mut vpn: BTreeSet<String> = vpn_uuids(others.iter().copied()).collect();
    for payload in profile.of_kind(VPN) {
        let uuid = text(&payload.keys, "VPNUUID")?;
        if !vpn.insert(uuid.to_ascii_uppercase()) {
            return Err(AppleError::install(4001, format!("Two per-app VPN payloads have the VPNUUID {uuid}")));
        }
    }
    for payload in &profile.payloads {
        let kind = payload.kind.as_str();
        let foreign = match platform {
            Platform::MacOs => IOS_ONLY.contains(&kind),
            Platform::TvOs => IOS_ONLY.contains(&kind) || MAC_ONLY.contains(&kind) || kind == VPN,
            _ => MAC_ONLY.contains(&kind),
        };
        if foreign {
            return Err(AppleError::install(
                4023,
                format!("A {kind} payload cannot be installed on {}", platform.as_str()),
            ));
        }
        if !mac && !kind.starts_with("com.apple.") {
            return Err(AppleError::install(4023, format!("The payload type {kind} is not supported")));
        }
        match kind {
            NETWORK_RULES => network_rules(payload)?,
            SSO => single_sign_on(payload)?,
            VPN_MAPPING => vpn_mapping(payload, &vpn)?,
            "com.apple.security.root" | "com.apple.security.pkcs1" | "com.apple.security.pem" => {
                profile.certificates()?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// The VPNUUIDs of per-app VPN payloads, upper case.
pub(super) fn vpn_uuids<'a>(profiles: impl Iterator<Item = &'a Profile>) -> impl Iterator<Item = String> {
    profiles
        .flat_map(|profile| profile.payloads.iter())
        .filter(|payload| payload.kind == VPN)
        .filter_map(|payload| payload.keys.get("VPNUUID").and_then(Value::as_string).map(str::to_ascii_uppercase))
        .collect::<Vec<_>>()
        .into_iter()
}

fn network_rules(payload: &Payload) -> Result<(), AppleError> {
    only(&payload.keys, &["ApplicationRules", "SIMRules"])?;
    for rule in list(&payload.keys, "ApplicationRules")?.unwrap_or_default() {
        let rule = rule.as_dictionary().ok_or_else(|| wrong("ApplicationRules"))?;
        for key in rule.keys() {
            match key.as_str() {
                "AppIdentifierMatches" => identifiers(rule, true)?,
                "AllowRoamingCellularData" | "AllowCellularData" => {
                    rule.get(key).and_then(Value::as_boolean).ok_or_else(|| wrong(key))?;
                }
                other => return Err(AppleError::payload(2004, format!("An application rule has no key {other}"))),
            }
        }
    }
    Ok(())
}

fn single_sign_on(payload: &Payload) -> Result<(), AppleError> {
    only(&payload.keys, &["Name", "Kerberos"])?;
    text(&payload.keys, "Name")?;
    let kerberos = payload.keys.get("Kerberos").ok_or_else(|| missing("Kerberos"))?;
    let kerberos = kerberos.as_dictionary().ok_or_else(|| wrong("Kerberos"))?;
    text(kerberos, "Realm")?;
    // Optional by hand, required when a server sends it: nobody could be asked.
    text(kerberos, "PrincipalName")?;
    for prefix in list(kerberos, "URLPrefixMatches")?.unwrap_or_default() {
        let prefix = prefix.as_string().ok_or_else(|| wrong("URLPrefixMatches"))?;
        if !prefix.starts_with("http://") && !prefix.starts_with("https://") {
            return Err(AppleError::payload(
                2004,
                format!("The URL prefix {prefix} does not begin with http:// or https://"),
            ));
        }
    }
    identifiers(kerberos, false)
}

fn vpn_mapping(payload: &Payload, vpn: &BTreeSet<String>) -> Result<(), AppleError> {
    only(&payload.keys, &["AppLayerVPNMapping"])?;
    let all = list(&payload.keys, "AppLayerVPNMapping")?.ok_or_else(|| missing("AppLayerVPNMapping"))?;
    for mapping in all {
        let mapping = mapping.as_dictionary().ok_or_else(|| wrong("AppLayerVPNMapping"))?;
        for key in ["Identifier", "DesignatedRequirement", "SigningIdentifier"] {
            text(mapping, key)?;
        }
        let uuid = text(mapping, "VPNUUID")?;
        if !vpn.contains(&uuid.to_ascii_uppercase()) {
            return Err(AppleError::install(
                4001,
                format!("The VPNUUID {uuid} is in no installed per-app VPN profile"),
            ));
        }
    }
    Ok(())
}

/// `AppIdentifierMatches`: bundle identifiers, or a prefix that ends in `.*`.
fn identifiers(keys: &Dictionary, empty_allowed: bool) -> Result<(), AppleError> {
    let Some(all) = list(keys, "AppIdentifierMatches")? else { return Ok(()) };
    if all.is_empty() && !empty_allowed {
        return Err(AppleError::payload(2004, "AppIdentifierMatches is empty"));
    }
    for item in all {
        let item = item.as_string().ok_or_else(|| wrong("AppIdentifierMatches"))?;
        let star = item.find('*');
        if item.is_empty() || star.is_some_and(|at| at + 1 != item.len() || !item.ends_with(".*")) {
            return Err(AppleError::payload(
                2004,
                format!("{item:?} is neither a bundle identifier nor a prefix ending in .*"),
            ));
        }
    }
    Ok(())
}

/// Whether a bundle identifier is meant by `AppIdentifierMatches`; a missing list means every app.
pub(super) fn matches(keys: &Dictionary, bundle_id: &str) -> bool {
    let Some(all) = keys.get("AppIdentifierMatches").and_then(Value::as_array) else { return true };
    all.iter().filter_map(Value::as_string).any(|pattern| match pattern.strip_suffix('*') {
        Some(prefix) => bundle_id.starts_with(prefix),
        None => bundle_id == pattern,
    })
}

const COMMON: [&str; 9] = [
    "PayloadType",
    "PayloadIdentifier",
    "PayloadUUID",
    "PayloadVersion",
    "PayloadDisplayName",
    "PayloadDescription",
    "PayloadOrganization",
    "PayloadScope",
    "PayloadEnabled",
];

fn only(keys: &Dictionary, known: &[&str]) -> Result<(), AppleError> {
    match keys.keys().find(|key| !known.contains(&key.as_str()) && !COMMON.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(AppleError::payload(2004, format!("The payload has no key {key} in Apple's schema"))),
    }
}

fn missing(key: &str) -> AppleError {
    AppleError::payload(2002, format!("The payload has no {key}"))
}

fn wrong(key: &str) -> AppleError {
    AppleError::payload(2003, format!("{key} has the wrong type"))
}

fn text<'a>(keys: &'a Dictionary, key: &str) -> Result<&'a str, AppleError> {
    match keys.get(key) {
        None => Err(missing(key)),
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        Some(_) => Err(wrong(key)),
    }
}

fn list<'a>(keys: &'a Dictionary, key: &str) -> Result<Option<&'a [Value]>, AppleError> {
    match keys.get(key) {
        None => Ok(None),
        Some(value) => value.as_array().map(|all| Some(all.as_slice())).ok_or_else(|| wrong(key)),
    }
}
