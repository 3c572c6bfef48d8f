//! Profiles survive being written and read; what would harm a device is refused.

use super::*;

fn profile(bodies: Vec<PayloadBody>) -> Profile {
    let mut profile = Profile::new("com.example.profile", "11111111-1111-1111-1111-111111111111");
    profile.organization = Some("Smith & Sons <GmbH>".to_owned());
    let payload = |(n, body)| Payload::new(format!("com.example.{n}"), format!("UUID-{n}"), body).named("Näme");
    profile.payloads = bodies.into_iter().enumerate().map(payload).collect();
    profile
}

fn every_body() -> Vec<PayloadBody> {
    let mut settings = Dictionary::new();
    settings.insert("VPNType".to_owned(), "VPN".into());
    settings.insert("UserDefinedName".to_owned(), "Field & Office".into());
    vec![
        PayloadBody::Mdm(Mdm {
            identity_uuid: "UUID-1".into(),
            topic: "com.apple.mgmt.External.x".into(),
            server_url: "https://mdm.example.com/mdm".into(),
            check_in_url: Some("https://mdm.example.com/checkin".into()),
            sign_message: true,
            access_rights: Some(8191),
            check_out_when_removed: true,
            server_capabilities: vec!["com.apple.mdm.per-user-connections".into()],
            enrollment_mode: None,
            assigned_managed_apple_id: None,
        }),
        PayloadBody::Scep(Scep {
            url: "https://mdm.example.com/scep".into(),
            name: Some("Russet".into()),
            subject: vec![vec![("O".into(), "Smith & Sons".into())], vec![("CN".into(), "x".into())]],
            challenge: Some("secret".into()),
            key_size: 2048,
            key_usage: Some(5),
            ca_fingerprint: Some(vec![1, 2]),
            retries: None,
            retry_delay: None,
            key_is_extractable: Some(false),
        }),
        PayloadBody::RootCertificate(RootCertificate { certificate: vec![0x30, 0x82], file_name: None }),
        PayloadBody::Pkcs12(Pkcs12 {
            identity: vec![0x30],
            password: Some("p".into()),
            file_name: Some("i.p12".into()),
        }),
        PayloadBody::AppLayerVpn(AppLayerVpn { vpn_uuid: "V".into(), settings: settings.clone() }),
        PayloadBody::AppMapping(vec![AppMapping {
            identifier: "a.b".into(),
            vpn_uuid: "V".into(),
            signing_identifier: "a.b".into(),
            designated_requirement: "anchor apple generic".into(),
        }]),
        PayloadBody::KerberosSso(KerberosSso {
            name: "Field".into(),
            realm: "EXAMPLE.COM".into(),
            principal_name: Some("u".into()),
            certificate_uuid: None,
            url_prefixes: Some(vec!["https://intranet.example.com/".into()]),
            apps: Some(vec!["a.b".into()]),
        }),
        PayloadBody::NetworkUsageRules(vec![NetworkRule {
            apps: Some(vec!["a.b".into()]),
            roaming: Some(false),
            cellular: Some(true),
        }]),
        PayloadBody::Other { payload_type: "com.apple.wifi.managed".into(), keys: settings },
    ]
}

#[test]
fn every_payload_survives_the_wire() {
    let profile = profile(every_body());
    let bytes = profile.encode();
    assert_eq!(Profile::decode(&bytes, Limits::default()).unwrap(), profile);
    assert_eq!(profile.encode(), bytes);
    assert!(profile.payload("com.apple.sso").is_some());
}

#[test]
fn a_payload_with_keys_of_a_newer_release_is_kept_whole() {
    let mut mdm = Dictionary::new();
    PayloadBody::write(&every_body()[0], &mut mdm);
    mdm.insert("RequiredAppIDForMDM".to_owned(), 5.into());
    let body = PayloadBody::read("com.apple.mdm", mdm.clone());
    assert_eq!(body, PayloadBody::Other { payload_type: "com.apple.mdm".into(), keys: mdm });
    assert_eq!(body.payload_type(), "com.apple.mdm");
}

#[test]
fn an_empty_match_list_is_never_widened() {
    let rule = NetworkRule { apps: Some(vec![]), roaming: Some(false), cellular: None };
    let profile = profile(vec![PayloadBody::NetworkUsageRules(vec![rule])]);
    assert_eq!(Profile::decode(&profile.encode(), Limits::default()).unwrap(), profile);
}

#[test]
fn what_is_no_profile_is_refused() {
    for missing in ["PayloadType", "PayloadIdentifier", "PayloadUUID", "PayloadContent"] {
        let whole = crate::guard::parse(&profile(vec![]).encode(), Limits::default()).unwrap();
        let mut keys = whole.into_dictionary().unwrap();
        keys.remove(missing);
        let outcome = Profile::decode(&xml::encode_dictionary(keys), Limits::default());
        assert!(matches!(outcome, Err(WireError::Missing { key, .. }) if key == missing), "{outcome:?}");
    }
}
