//! Push certificates in the forms admins have them: PEM, PKCS#12, with and without a password.

use super::*;
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::rsa::Rsa;
use openssl::symm::Cipher;
use openssl::x509::{X509Builder, X509NameBuilder};

const NOW: Timestamp = Timestamp(1_795_000_000_000);
const TOPIC: &str = "com.apple.mgmt.External.7d0cf5d6-31f6-4e0c-8ea9-3f9f0f4a2b11";

fn rsa() -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap()
}

fn certificate(key: &PKey<Private>, topic: Option<&str>) -> X509 {
    let mut name = X509NameBuilder::new().unwrap();
    if let Some(topic) = topic {
        name.append_entry_by_nid(Nid::USERID, topic).unwrap();
    }
    name.append_entry_by_text("CN", "APSP:test").unwrap();
    let name = name.build();
    let mut builder = X509Builder::new().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&BigNum::from_u32(77).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(NOW.millis() / 1000 - 3600).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(NOW.millis() / 1000 + 86_400).unwrap()).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.sign(key, MessageDigest::sha256()).unwrap();
    builder.build()
}

fn file(parts: &[Vec<u8>]) -> Vec<u8> {
    parts.join(&b"\nwords between the blocks, as exports have them\n"[..])
}

#[test]
fn every_usual_form_of_the_key_is_accepted() {
    let rsa = rsa();
    let pem = certificate(&rsa, Some(TOPIC)).to_pem().unwrap();
    let ec =
        PKey::from_ec_key(EcKey::generate(&EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap()).unwrap()).unwrap();
    let ec_pem = certificate(&ec, Some(TOPIC)).to_pem().unwrap();
    let encrypted = rsa.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"secret").unwrap();
    for parts in [
        [pem.clone(), rsa.private_key_to_pem_pkcs8().unwrap()],
        [rsa.rsa().unwrap().private_key_to_pem().unwrap(), pem.clone()],
        [ec_pem.clone(), ec.ec_key().unwrap().private_key_to_pem().unwrap()],
        [pem, encrypted],
    ] {
        let parsed = parse(&file(&parts), Some("secret"), NOW).unwrap();
        assert_eq!(parsed.topic, TOPIC);
        assert!(parsed.key_pem.starts_with("-----BEGIN PRIVATE KEY-----"));
        assert!(parsed.certificate_pem.starts_with("-----BEGIN CERTIFICATE-----"));
        assert_eq!(parsed.not_after, NOW.plus(std::time::Duration::from_secs(86_400)));
        assert_eq!(parsed.serial, "4d");
    }
}

#[test]
fn pkcs12_is_accepted_in_today_s_and_in_keychain_s_old_ciphers() {
    let key = rsa();
    let leaf = certificate(&key, Some(TOPIC));
    let modern = Pkcs12::builder().name("push").pkey(&key).cert(&leaf).build2("secret").unwrap().to_der().unwrap();
    let legacy = {
        let _legacy = Provider::try_load(None, "legacy", true).unwrap();
        let mut builder = Pkcs12::builder();
        builder.key_algorithm(Nid::PBE_WITHSHA1AND3_KEY_TRIPLEDES_CBC).cert_algorithm(Nid::PBE_WITHSHA1AND40BITRC2_CBC);
        builder.mac_md(MessageDigest::sha1());
        builder.name("push").pkey(&key).cert(&leaf).build2("secret").unwrap().to_der().unwrap()
    };
    for bag in [modern, legacy] {
        assert_eq!(parse(&bag, Some("secret"), NOW).unwrap().topic, TOPIC);
        assert_eq!(parse(&bag, Some("wrong"), NOW).unwrap_err(), PushCertificateFault::WrongPassword);
        assert_eq!(parse(&bag, None, NOW).unwrap_err(), PushCertificateFault::WrongPassword);
    }
}

#[test]
fn each_fault_has_its_name() {
    let (key, other) = (rsa(), rsa());
    let good = certificate(&key, Some(TOPIC)).to_pem().unwrap();
    let key_pem = key.private_key_to_pem_pkcs8().unwrap();
    let encrypted = key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"secret").unwrap();
    let no_topic = certificate(&key, None).to_pem().unwrap();
    let app_topic = certificate(&key, Some("com.example.app")).to_pem().unwrap();
    let cases = [
        (b"hello".to_vec(), PushCertificateFault::UnknownFormat),
        (vec![], PushCertificateFault::UnknownFormat),
        (vec![0x30, 0x03, 1, 2, 3], PushCertificateFault::UnknownFormat),
        (key_pem.clone(), PushCertificateFault::NoCertificate),
        (good.clone(), PushCertificateFault::NoKey),
        (file(&[good.clone(), encrypted]), PushCertificateFault::WrongPassword),
        (
            file(&[good.clone(), b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".to_vec()]),
            PushCertificateFault::UnreadableKey,
        ),
        (file(&[good.clone(), other.private_key_to_pem_pkcs8().unwrap()]), PushCertificateFault::KeyMismatch),
        (file(&[no_topic, key_pem.clone()]), PushCertificateFault::NotAPushCertificate),
        (file(&[app_topic, key_pem.clone()]), PushCertificateFault::NotAPushCertificate),
    ];
    for (bytes, fault) in cases {
        assert_eq!(parse(&bytes, None, NOW).unwrap_err(), fault);
    }
    let good = file(&[good, key_pem]);
    let later = NOW.plus(std::time::Duration::from_secs(2 * 86_400));
    assert_eq!(parse(&good, None, later).unwrap_err(), PushCertificateFault::Expired);
    let earlier = NOW.minus(std::time::Duration::from_secs(86_400));
    assert_eq!(parse(&good, None, earlier).unwrap_err(), PushCertificateFault::NotYetValid);
}
