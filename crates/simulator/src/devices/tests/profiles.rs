//! What makes a device refuse a profile: no server is needed for that.

use super::super::profile::{AppleError, Profile as Opened};
use super::super::rules;
use super::authority::TestAuthority;
use super::*;
use russet_protocol::profile::NetworkRule;

fn open(profile: &Profile) -> Opened {
    Opened::open(&profile.encode(), &[]).unwrap()
}

fn check(profile: &Profile, platform: Platform, others: &[Opened]) -> Result<(), AppleError> {
    rules::check(&open(profile), platform, &others.iter().collect::<Vec<_>>())
}

fn code(result: Result<(), AppleError>) -> (&'static str, i64) {
    let error = result.unwrap_err();
    (error.domain, error.code)
}

fn rules_for(name: &str, apps: &[&str]) -> Profile {
    let apps = Some(apps.iter().map(|app| (*app).to_owned()).collect());
    profile(
        name,
        vec![PayloadBody::NetworkUsageRules(vec![NetworkRule { apps, roaming: Some(false), cellular: None }])],
    )
}

#[test]
fn a_payload_that_stands_twice_is_refused() {
    let mut twice = vpn();
    let mut copy = twice.payloads[0].clone();
    copy.identifier = "com.example.another".into();
    twice.payloads.push(copy);
    let error = Opened::open(&twice.encode(), &[]).unwrap_err();
    assert_eq!((error.domain, error.code), ("MCProfileErrorDomain", 1007));
    twice.payloads[1].uuid = "unique".into();
    twice.payloads[1].identifier = twice.payloads[0].identifier.clone();
    assert_eq!(Opened::open(&twice.encode(), &[]).unwrap_err().code, 1008);
}

#[test]
fn uuids_and_single_payloads_are_counted_over_all_profiles() {
    let first = rules_for("first", &["com.example.a"]);
    assert!(check(&first, Platform::Ios, &[]).is_ok());
    let second = rules_for("second", &["com.example.b"]);
    assert_eq!(code(check(&second, Platform::Ios, &[open(&first)])), ("MCInstallationErrorDomain", 4001));
    let mut same_uuid = vpn();
    same_uuid.payloads[0].uuid = first.payloads[0].uuid.clone();
    assert_eq!(code(check(&same_uuid, Platform::Ios, &[open(&first)])), ("MCInstallationErrorDomain", 4002));
    let mut same_vpn = vpn();
    same_vpn.identifier = "com.example.vpn2".into();
    same_vpn.uuid = "another".into();
    same_vpn.payloads[0].uuid = "yet another".into();
    assert_eq!(code(check(&same_vpn, Platform::Ios, &[open(&vpn())])).1, 4001, "two VPNs with one VPNUUID");
}

#[test]
fn payloads_of_the_other_platform_are_refused() {
    assert_eq!(code(check(&rules_for("rules", &["com.example.a"]), Platform::MacOs, &[])).1, 4023);
    assert!(check(&vpn(), Platform::MacOs, &[]).is_ok());
}

#[test]
fn lists_of_apps_hold_bundle_identifiers_or_prefixes() {
    assert!(check(&rules_for("rules", &["com.example.*"]), Platform::Ios, &[]).is_ok());
    assert_eq!(code(check(&rules_for("rules", &["com.*.app"]), Platform::Ios, &[])), ("MCPayloadErrorDomain", 2004));
    let keys: plist::Dictionary =
        [("AppIdentifierMatches".to_owned(), plist::Value::Array(vec!["com.example.*".into()]))].into_iter().collect();
    assert!(rules::matches(&keys, "com.example.app"));
    assert!(!rules::matches(&keys, "com.other.app"));
}

#[test]
fn a_signature_must_fit_and_is_verified_only_by_a_trusted_root() {
    let authority = TestAuthority::new();
    let signed = authority.signed(&vpn().encode());
    let root = authority.root.certificate.clone();
    assert_eq!(Opened::open(&signed, &[root]).unwrap().signature, SignatureView::Verified);
    assert_eq!(Opened::open(&signed, &[]).unwrap().signature, SignatureView::Unverified);
    let at = signed.windows(8).position(|part| part == &VPN_UUID.as_bytes()[..8]).unwrap();
    let mut changed = signed;
    changed[at] = b'0';
    assert_eq!(Opened::open(&changed, &[]).unwrap_err().code, 1004);
}
