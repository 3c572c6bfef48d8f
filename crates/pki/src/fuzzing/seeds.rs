//! Where fuzzing begins: messages as devices send them, made by OpenSSL under keys that live as long as the process.

use crate::ca::Authority;
use crate::cms::{Digest, attribute as signed_attribute, sign_with_attributes};
use crate::der::{OCTET_STRING, PRINTABLE_STRING, SET, element};
use crate::scep::attribute;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::pkcs7::{Pkcs7, Pkcs7Flags};
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::stack::Stack;
use openssl::symm::Cipher;
use openssl::x509::X509;
use rcgen::{CertificateParams, CustomExtension, DnType, KeyPair};
use russet_protocol::Timestamp;
use std::fmt::Debug;
use std::sync::OnceLock;

/// When everything here was issued.
pub(crate) const NOW: Timestamp = Timestamp(1_795_000_000_000);
/// What the seeds of CMS sign.
pub(crate) const BODY: &[u8] = b"<plist><dict><key>MessageType</key><string>TokenUpdate</string></dict></plist>";

/// What cannot fail here, short of a broken OpenSSL.
pub(crate) fn made<T, E: Debug>(result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("this has to be possible: {error:?}"),
    }
}

/// An authority, and one device with an identity of it.
pub(crate) struct House {
    pub(crate) authority: Authority,
    /// DER.
    pub(crate) identity: Vec<u8>,
    key: PKey<Private>,
    requester: Requester,
}

pub(crate) fn house() -> &'static House {
    static HOUSE: OnceLock<House> = OnceLock::new();
    HOUSE.get_or_init(|| {
        let authority = made(Authority::generate("Test authority", [1; 20], NOW));
        let key = new_key();
        let public = made(key.public_key_to_der());
        let identity = made(authority.issue_identity(&public, "0198-enrollment", [2; 20], NOW));
        House { authority, identity, key, requester: Requester::new(Some("the challenge")) }
    })
}

fn new_key() -> PKey<Private> {
    made(Rsa::generate(2048).and_then(PKey::from_rsa))
}

/// A device that asks for a certificate.
pub(crate) struct Requester {
    pub(crate) key: PKey<Private>,
    /// The self-signed temporary certificate.
    pub(crate) temporary: X509,
    /// PKCS#10, DER.
    pub(crate) request: Vec<u8>,
}

impl Requester {
    pub(crate) fn new(challenge: Option<&str>) -> Self {
        Self::asking_for(challenge, Vec::new())
    }

    /// One that also asks for these extensions.
    pub(crate) fn asking_for(challenge: Option<&str>, extensions: Vec<CustomExtension>) -> Self {
        let key = new_key();
        let pem = made(String::from_utf8(made(key.private_key_to_pem_pkcs8())));
        let pair = made(KeyPair::from_pem_and_sign_algo(&pem, &rcgen::PKCS_RSA_SHA256));
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, "i want to be another device");
        let temporary = made(parameters.clone().self_signed(&pair));
        parameters.custom_extensions = extensions;
        let challenge = challenge.map(|text| rcgen::Attribute {
            oid: &[1, 2, 840, 113_549, 1, 9, 7],
            values: element(SET, &element(PRINTABLE_STRING, text.as_bytes())),
        });
        let request = made(parameters.serialize_request_with_attributes(&pair, challenge.into_iter().collect()));
        Self { key, temporary: made(X509::from_der(temporary.der())), request: request.der().to_vec() }
    }
}

/// An EnvelopedData for the authority.
pub(crate) fn envelope(content: &[u8], to: &Authority, cipher: Cipher) -> Vec<u8> {
    let mut recipients = made(Stack::new());
    made(recipients.push(made(X509::from_der(to.certificate_der()))));
    made(Pkcs7::encrypt(&recipients, content, cipher, Pkcs7Flags::BINARY).and_then(|envelope| envelope.to_der()))
}

/// A PKIMessage of this type.
pub(crate) fn message(kind: &str, content: &[u8], certificate: &X509, key: &PKey<Private>) -> Vec<u8> {
    let text = |oid, text: &str| signed_attribute(oid, &element(PRINTABLE_STRING, text.as_bytes()));
    let attributes = vec![
        text(attribute::MESSAGE_TYPE, kind),
        text(attribute::TRANSACTION_ID, "0A1B2C"),
        signed_attribute(attribute::SENDER_NONCE, &element(OCTET_STRING, &[7; 16])),
    ];
    made(sign_with_attributes(Some(content), attributes, certificate, key, Digest::Sha256))
}

/// Some bytes as the envelope of a message, and in the envelope of a message; both signed as they should be.
pub(crate) fn wrapped(bytes: &[u8]) -> [Vec<u8>; 2] {
    let Requester { key, temporary, .. } = &house().requester;
    let inside = envelope(bytes, &house().authority, Cipher::aes_128_cbc());
    [message("19", bytes, temporary, key), message("19", &inside, temporary, key)]
}

/// Signed messages in the forms that devices have, and certificates.
#[must_use]
pub fn cms_messages() -> Vec<Vec<u8>> {
    let house = house();
    let (signer, none) = (made(X509::from_der(&house.identity)), made(Stack::new()));
    let forms = [
        Pkcs7Flags::DETACHED | Pkcs7Flags::BINARY,
        Pkcs7Flags::DETACHED | Pkcs7Flags::BINARY | Pkcs7Flags::NOATTR,
        Pkcs7Flags::BINARY,
        Pkcs7Flags::DETACHED | Pkcs7Flags::BINARY | Pkcs7Flags::NOCERTS,
    ];
    let mut seeds: Vec<Vec<u8>> = forms
        .map(|flags| made(Pkcs7::sign(&signer, &house.key, &none, BODY, flags).and_then(|signed| signed.to_der())))
        .to_vec();
    let indefinite: Vec<_> = seeds.iter().map(|der| indefinite(der, 0)).collect();
    seeds.extend(indefinite);
    seeds.push(house.identity.clone());
    seeds.push(house.authority.certificate_der().to_vec());
    seeds
}

/// A certificate in RFC 9440's form.
pub(crate) fn structured(der: &[u8]) -> String {
    format!(":{}:", STANDARD.encode(der))
}

/// A certificate in nginx's form.
pub(crate) fn escaped(der: &[u8]) -> String {
    let (mut pem, letters) = (String::from("-----BEGIN CERTIFICATE-----\n"), STANDARD.encode(der));
    for line in letters.as_bytes().chunks(64) {
        pem.extend(line.iter().copied().map(char::from));
        pem.push('\n');
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    let escape = |letter: char| match letter {
        'A'..='Z' | 'a'..='z' | '0'..='9' | '-' | '_' | '.' | '~' => letter.to_string(),
        other => format!("%{:02X}", u32::from(other)),
    };
    pem.chars().map(escape).collect()
}

/// Certificates, signatures and messages as text.
#[must_use]
pub fn texts() -> Vec<Vec<u8>> {
    let house = house();
    let message = cms_messages().swap_remove(0);
    let standard = STANDARD.encode(&message);
    let mut seeds: Vec<String> = [&house.identity[..], house.authority.certificate_der(), b"0"]
        .into_iter()
        .flat_map(|der| [structured(der), escaped(der)])
        .collect();
    // An escape is not needed for every letter that may have one.
    seeds.push(escaped(&house.identity).replace("%2B", "+").replace("%2F", "/").replace("%3D", "="));
    seeds.push(format!("operation=PKIOperation&message={}", standard.replace('+', "%2B")));
    seeds.push(format!("operation=PKIOperation&message={}", standard.replace('+', "-").replace('/', "_")));
    seeds.push(standard);
    seeds.into_iter().map(String::into_bytes).collect()
}

/// SCEP requests, whole and in their parts.
#[must_use]
pub fn scep_messages() -> Vec<Vec<u8>> {
    let house = house();
    let Requester { key, temporary, request } = &house.requester;
    let mut seeds = vec![request.clone(), Requester::new(None).request];
    for cipher in [Cipher::aes_128_cbc(), Cipher::aes_256_cbc(), Cipher::des_ede3_cbc()] {
        let content = envelope(request, &house.authority, cipher);
        seeds.push(message("19", &content, temporary, key));
        seeds.push(content);
    }
    let content = envelope(request, &house.authority, Cipher::aes_128_cbc());
    let renewal = message("17", &content, &made(X509::from_der(&house.identity)), &house.key);
    seeds.extend([indefinite(&renewal, 0), renewal, message("20", &content, temporary, key)]);
    seeds
}

/// The same element with indefinite lengths, as far as they stand in the frame of a message: iOS writes it so.
fn indefinite(der: &[u8], depth: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(der.len() + 32);
    let mut reader = crate::der::Reader::new(der);
    while let Ok(element) = reader.next() {
        let frame = matches!(element.tag, 0x30 | 0xa0) && depth < 4;
        if frame {
            out.extend([element.tag, 0x80]);
            out.extend(indefinite(element.contents, depth + 1));
            out.extend([0, 0]);
        } else {
            out.extend_from_slice(element.whole);
        }
    }
    out
}
