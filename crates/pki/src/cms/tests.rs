//! Messages are made by the OpenSSL command line: an implementation that is not ours, with the shapes real devices send.

use super::*;
use crate::ca::Authority;
use crate::certificate::Facts;
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const NOW: Timestamp = Timestamp(1_795_000_000_000);
const BODY: &[u8] = b"<plist><dict><key>MessageType</key><string>TokenUpdate</string></dict></plist>";

pub(crate) struct Device {
    pub(crate) authority: Authority,
    pub(crate) certificate: Vec<u8>,
    folder: tempfile::TempDir,
}

pub(crate) fn device() -> Device {
    device_with(&PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap())
}

fn device_with(key: &PKey<Private>) -> Device {
    let authority = Authority::generate("Test authority", [1; 20], NOW).unwrap();
    let public = key.public_key_to_der().unwrap();
    let certificate = authority.issue_identity(&public, "0198-enrollment", [2; 20], NOW).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let pem = openssl::x509::X509::from_der(&certificate).unwrap().to_pem().unwrap();
    std::fs::write(folder.path().join("certificate.pem"), pem).unwrap();
    std::fs::write(folder.path().join("key.pem"), key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    std::fs::write(folder.path().join("ca.pem"), authority.certificate_pem().unwrap()).unwrap();
    std::fs::write(folder.path().join("ca-key.pem"), authority.key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    std::fs::write(folder.path().join("body"), BODY).unwrap();
    Device { authority, certificate, folder }
}

impl Device {
    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn openssl(&self, arguments: &str) -> Vec<u8> {
        let run = Command::new("openssl").args(arguments.split(' ')).current_dir(self.path()).output().unwrap();
        assert!(run.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&run.stderr));
        run.stdout
    }

    fn sign(&self, options: &str) -> Vec<u8> {
        self.openssl(&format!(
            "cms -sign -binary -in body -signer certificate.pem -inkey key.pem -outform DER {options}"
        ))
    }

    fn verify(&self, signature: &[u8], body: &[u8]) -> Result<Signer, CmsError> {
        verify_detached(signature, body, &self.authority.trusted(), NOW)
    }

    /// As [`Device::verify`], for a body that comes in parts and is not kept.
    fn streamed(&self, signature: &[u8], parts: &[&[u8]]) -> Result<Signer, CmsError> {
        let mut awaited = Awaited::new(signature, self.authority.trusted())?;
        parts.iter().for_each(|part| awaited.update(part));
        awaited.finish()
    }
}

#[test]
fn every_shape_that_devices_send_is_accepted() {
    let device = device();
    for options in [
        "-noattr -md sha1 -stream", // iOS: BER of indefinite length
        "-noattr -md sha1 -stream -nodetach",
        "-noattr -md sha256",
        "-md sha256",
        "-md sha1 -nosmimecap",
        "-md sha256 -stream -nodetach",
        "-md sha512 -certfile ca.pem",
    ] {
        let signature = device.sign(options);
        let signer = device.verify(&signature, BODY).unwrap_or_else(|error| panic!("{options}: {error}"));
        assert_eq!(signer.certificate, device.certificate, "{options}");
        assert_eq!(signer.facts.common_name.as_deref(), Some("0198-enrollment"));
        assert_eq!(device.verify(&signature, b"another body"), Err(CmsError::Mismatch), "{options}");
        assert_eq!(device.streamed(&signature, &[&BODY[..9], b"", &BODY[9..]]), Ok(signer), "{options}");
        for other in [&[BODY, b" "][..], &[&BODY[1..]], &[b"another body"], &[]] {
            assert_eq!(device.streamed(&signature, other), Err(CmsError::Mismatch), "{options}");
        }
    }
    assert_eq!(device.sign("-noattr -md sha1 -stream")[..2], [0x30, 0x80], "the fixture is indefinite");
}

#[test]
fn keys_on_curves_sign_as_well() {
    for (curve, digest) in [(Nid::X9_62_PRIME256V1, "sha256"), (Nid::SECP384R1, "sha384"), (Nid::SECP384R1, "sha256")] {
        let group = EcGroup::from_curve_name(curve).unwrap();
        let device = device_with(&PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap());
        for options in [format!("-md {digest}"), format!("-noattr -md {digest} -stream")] {
            let signature = device.sign(&options);
            let signer = device.verify(&signature, BODY).unwrap_or_else(|error| panic!("{options}: {error}"));
            assert_eq!(device.streamed(&signature, &[BODY]), Ok(signer));
            assert_eq!(device.verify(&signature, b"another body"), Err(CmsError::Mismatch));
            assert_eq!(device.streamed(&signature, &[b"another body"]), Err(CmsError::Mismatch));
        }
        let weak = device.sign("-md sha1");
        assert_eq!(device.verify(&weak, BODY), Err(CmsError::UnsupportedAlgorithm), "no device needs it");
    }
}

#[test]
fn a_signer_of_another_authority_or_out_of_validity_is_refused() {
    let (device, other) = (device(), device());
    let signature = device.sign("-noattr -md sha1");
    let foreign = verify_detached(&signature, BODY, &other.authority.trusted(), NOW);
    let claimed = Awaited::new(&signature, other.authority.trusted()).err();
    assert_eq!(claimed, Some(CmsError::Identity(IdentityRefused::ForeignIssuer)));
    assert_eq!(foreign, Err(CmsError::Identity(IdentityRefused::ForeignIssuer)));
    for now in [NOW.plus(Duration::from_secs(366 * 86_400)), NOW.minus(Duration::from_secs(7200))] {
        let result = verify_detached(&signature, BODY, &device.authority.trusted(), now);
        assert_eq!(result, Err(CmsError::Identity(IdentityRefused::Expired)));
    }
}

#[test]
fn a_server_certificate_and_the_authority_itself_are_no_device_identities() {
    let device = device();
    let server = device.authority.issue_server(&[crate::ca::ServerName::Dns("mdm.test".into())], [3; 20], NOW).unwrap();
    let trusted = device.authority.trusted();
    assert_eq!(trusted.check(&server.certificate, NOW), Err(IdentityRefused::WrongPurpose));
    assert_eq!(trusted.check(device.authority.certificate_der(), NOW), Err(IdentityRefused::WrongPurpose));
    assert_eq!(trusted.check(b"nonsense", NOW), Err(IdentityRefused::Unreadable));
}

#[test]
fn an_identity_that_is_signed_with_sha1_is_refused() {
    use openssl::{hash::MessageDigest, x509};
    let device = device();
    let issued = |digest| {
        let mut builder = x509::X509Builder::new().unwrap();
        builder.set_version(2).unwrap();
        builder.set_issuer_name(device.authority.certificate.subject_name()).unwrap();
        builder.set_pubkey(&device.authority.key).unwrap();
        let usage = x509::extension::ExtendedKeyUsage::new().client_auth().build().unwrap();
        builder.append_extension(usage).unwrap();
        builder.set_not_before(&openssl::asn1::Asn1Time::from_unix(0).unwrap()).unwrap();
        builder.set_not_after(&openssl::asn1::Asn1Time::from_unix(NOW.millis() / 500).unwrap()).unwrap();
        builder.sign(&device.authority.key, digest).unwrap();
        builder.build().to_der().unwrap()
    };
    let trusted = device.authority.trusted();
    assert!(trusted.check(&issued(MessageDigest::sha256()), NOW).is_ok());
    assert_eq!(trusted.check(&issued(MessageDigest::sha1()), NOW), Err(IdentityRefused::WeakSignature));
}

#[test]
fn two_signers_none_and_a_missing_certificate_are_refused() {
    let device = device();
    let two = device.sign("-md sha256 -signer ca.pem -inkey ca-key.pem");
    assert_eq!(device.verify(&two, BODY), Err(CmsError::NotOneSigner));
    let without = device.sign("-md sha256 -nocerts");
    assert_eq!(device.verify(&without, BODY), Err(CmsError::SignerNotFound));
    let key_id = device.sign("-md sha256 -keyid");
    assert_eq!(device.verify(&key_id, BODY), Err(CmsError::Malformed));
    let none = certificates_only(&[&device.certificate]);
    assert_eq!(device.verify(&none, BODY), Err(CmsError::NotOneSigner));
    assert!(matches!(device.verify(b"", BODY), Err(CmsError::Ber(_))));
}

#[test]
fn any_changed_byte_is_refused_without_a_panic() {
    let device = device();
    let signature = device.sign("-md sha256");
    let facts = Facts::of(&device.certificate).unwrap();
    for at in 0..signature.len() {
        let mut changed = signature.clone();
        changed[at] ^= 0x41;
        assert_eq!(device.streamed(&changed, &[BODY]).ok(), device.verify(&changed, BODY).ok(), "byte {at}");
        if let Ok(signer) = device.verify(&changed, BODY) {
            // Bytes outside what is signed (a version, unsigned hints) may change; who signed may not. That goes for a
            // few bytes of the certificate too: whoever knows the identity by its fingerprint refuses such a copy.
            assert_eq!(signer.facts.public_key, facts.public_key, "byte {at}");
            assert_eq!(signer.facts.common_name, facts.common_name, "byte {at}");
        }
    }
}

#[test]
fn openssl_accepts_a_profile_we_sign_and_we_read_its_content() {
    let device = device();
    let signed = sign_attached(BODY, &device.authority, NOW).unwrap();
    std::fs::write(device.path().join("profile"), &signed).unwrap();
    let content =
        device.openssl("cms -verify -binary -inform DER -in profile -CAfile ca.pem -purpose any -attime 1795000000");
    assert_eq!(content, BODY);
    assert_eq!(attached_content(&signed).unwrap(), BODY);
    let printed = device.openssl("cms -cmsout -print -inform DER -in profile");
    assert!(String::from_utf8_lossy(&printed).contains("UTCTIME:Nov 18 11:06:40 2026 GMT"));
    let mut changed = signed;
    let at = changed.windows(11).position(|window| window == b"TokenUpdate").unwrap();
    changed[at] = b'X';
    assert_eq!(attached_content(&changed), Err(CmsError::Mismatch));
}

#[test]
fn the_tls_certificate_has_the_form_apple_devices_accept() {
    let device = device();
    let names =
        [crate::ca::ServerName::Dns("mdm.example.com".into()), crate::ca::ServerName::Ip("127.0.0.1".parse().unwrap())];
    let server = device.authority.issue_server(&names, [9; 20], NOW).unwrap();
    std::fs::write(device.path().join("server.pem"), &server.certificate_pem).unwrap();
    let text = String::from_utf8(device.openssl("x509 -in server.pem -noout -text")).unwrap();
    for expected in ["DNS:mdm.example.com, IP Address:127.0.0.1", "TLS Web Server Authentication", "NIST CURVE: P-256"]
    {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    let facts = Facts::of(&server.certificate).unwrap();
    assert!(facts.not_after.since(facts.not_before) <= Duration::from_secs(825 * 86_400));
    device.openssl("verify -CAfile ca.pem -attime 1795000000 -x509_strict -purpose sslserver server.pem");
    device.openssl("verify -CAfile ca.pem -attime 1795000000 -x509_strict -purpose sslclient certificate.pem");
}

#[test]
fn an_authority_is_loaded_from_what_was_stored() {
    let device = device();
    let authority = &device.authority;
    let key = authority.key_der().unwrap();
    let loaded = Authority::load(authority.certificate_der(), &key).unwrap();
    assert_eq!(loaded.certificate_der(), authority.certificate_der());
    let other = Authority::generate("Other", [1; 20], NOW).unwrap();
    let mismatch = Authority::load(other.certificate_der(), &key);
    assert!(matches!(mismatch, Err(crate::ca::AuthorityError::KeyMismatch)));
}
