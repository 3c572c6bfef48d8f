//! The test server's authority: an RSA root that issues TLS certificates, signs profiles and answers SCEP, all by OpenSSL.

use super::super::cms::{self, Digest, Identity};
use super::super::der::{CONTEXT_0, INTEGER, OCTETS, PRINTABLE, SEQUENCE, SET, oid, tlv, wrap};
use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::{BigNum, MsbOption};
use openssl::cms::{CMSOptions, CmsContentInfo};
use openssl::hash::MessageDigest;
use openssl::pkcs7::{Pkcs7, Pkcs7Flags};
use openssl::pkey::{PKey, PKeyRef, Public};
use openssl::rsa::Rsa;
use openssl::stack::Stack;
use openssl::symm::Cipher;
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName};
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::{X509, X509Builder, X509NameBuilder, X509PurposeId, X509Req};

pub(super) const CHALLENGE: &str = "one-time-secret";

pub(super) struct TestAuthority {
    pub(super) root: Identity,
}

impl TestAuthority {
    pub(super) fn new() -> Self {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let mut builder = begin("Test MDM CA", &key);
        builder.set_issuer_name(&name("Test MDM CA")).unwrap();
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
        let usage = KeyUsage::new().critical().key_cert_sign().digital_signature().key_encipherment().build().unwrap();
        builder.append_extension(usage).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        Self { root: Identity { certificate: builder.build(), key } }
    }

    fn finish(&self, mut builder: X509Builder) -> X509 {
        builder.set_issuer_name(self.root.certificate.subject_name()).unwrap();
        builder.sign(&self.root.key, MessageDigest::sha256()).unwrap();
        builder.build()
    }

    /// A TLS certificate for this machine.
    pub(super) fn server(&self) -> Identity {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let mut builder = begin("localhost", &key);
        let names = SubjectAlternativeName::new()
            .dns("localhost")
            .ip("127.0.0.1")
            .build(&builder.x509v3_context(Some(&self.root.certificate), None))
            .unwrap();
        builder.append_extension(names).unwrap();
        builder.append_extension(ExtendedKeyUsage::new().server_auth().build().unwrap()).unwrap();
        Identity { certificate: self.finish(builder), key }
    }

    fn device(&self, key: &PKeyRef<Public>) -> X509 {
        let mut builder = begin("simulated device", key);
        builder.append_extension(ExtendedKeyUsage::new().client_auth().build().unwrap()).unwrap();
        self.finish(builder)
    }

    /// A profile as servers sign it: the content attached.
    pub(super) fn signed(&self, profile: &[u8]) -> Vec<u8> {
        let (certificate, key) = (&self.root.certificate, &self.root.key);
        CmsContentInfo::sign(Some(certificate), Some(key), None, Some(profile), CMSOptions::BINARY)
            .and_then(|signed| signed.to_der())
            .unwrap()
    }

    pub(super) fn store(&self) -> X509Store {
        let mut store = X509StoreBuilder::new().unwrap();
        store.add_cert(self.root.certificate.clone()).unwrap();
        store.set_purpose(X509PurposeId::ANY).unwrap();
        store.build()
    }

    /// Answers a PKIOperation; refuses whoever lacks the challenge.
    pub(super) fn scep(&self, message: &[u8]) -> Vec<u8> {
        let found = cms::signed_attributes(message).unwrap();
        let of =
            |dotted: &str| found.iter().find(|(name, _)| *name == oid(dotted)).map(|(_, value)| value.clone()).unwrap();
        let (transaction, nonce) = (of("2.16.840.1.113733.1.9.7"), of("2.16.840.1.113733.1.9.5"));
        assert_eq!(of("2.16.840.1.113733.1.9.2"), tlv(PRINTABLE, b"19"), "a PKCSReq");
        let mut envelope = Vec::new();
        CmsContentInfo::from_der(message)
            .unwrap()
            .verify(None, None, None, Some(&mut envelope), CMSOptions::NO_SIGNER_CERT_VERIFY | CMSOptions::BINARY)
            .unwrap();
        let request =
            CmsContentInfo::from_der(&envelope).unwrap().decrypt(&self.root.key, &self.root.certificate).unwrap();
        let allowed = request.windows(CHALLENGE.len()).any(|part| part == CHALLENGE.as_bytes());
        let request = X509Req::from_der(&request).unwrap();
        let key = request.public_key().unwrap();
        assert!(request.verify(&key).unwrap(), "the request is signed by its own key");
        let temporary = cms::certificates(message).unwrap().into_iter().next().unwrap();
        assert!(temporary.public_key().unwrap().public_eq(&key), "the message is signed by the key of the request");

        let status: &[u8] = if allowed { b"0" } else { b"2" };
        let mut attributes = vec![
            ("2.16.840.1.113733.1.9.2", tlv(PRINTABLE, b"3")),
            ("2.16.840.1.113733.1.9.3", tlv(PRINTABLE, status)),
            ("2.16.840.1.113733.1.9.6", nonce),
            ("2.16.840.1.113733.1.9.5", tlv(OCTETS, &[5; 16])),
            ("2.16.840.1.113733.1.9.7", transaction),
        ];
        let mut content = Vec::new();
        if allowed {
            let mut to = Stack::new().unwrap();
            to.push(temporary).unwrap();
            let inner = certificates_only(&self.device(&key).to_der().unwrap());
            let sealed = Pkcs7::encrypt(&to, &inner, Cipher::aes_128_cbc(), Pkcs7Flags::BINARY).unwrap();
            content = sealed.to_der().unwrap();
        } else {
            attributes.push(("2.16.840.1.113733.1.9.4", tlv(PRINTABLE, b"2")));
        }
        cms::attached(&self.root, Digest::Sha256, &content, attributes, false).unwrap()
    }
}

fn certificates_only(certificate: &[u8]) -> Vec<u8> {
    let data = wrap(SEQUENCE, &[&oid("1.2.840.113549.1.7.1")]);
    let parts = [tlv(INTEGER, &[1]), tlv(SET, &[]), data, tlv(CONTEXT_0, certificate), tlv(SET, &[])];
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    wrap(SEQUENCE, &[&oid("1.2.840.113549.1.7.2"), &tlv(CONTEXT_0, &wrap(SEQUENCE, &parts))])
}

fn name(common_name: &str) -> openssl::x509::X509Name {
    let mut builder = X509NameBuilder::new().unwrap();
    builder.append_entry_by_text("CN", common_name).unwrap();
    builder.build()
}

fn begin<T: openssl::pkey::HasPublic>(common_name: &str, key: &PKeyRef<T>) -> X509Builder {
    let mut builder = X509Builder::new().unwrap();
    builder.set_version(2).unwrap();
    let mut serial = BigNum::new().unwrap();
    serial.rand(100, MsbOption::MAYBE_ZERO, false).unwrap();
    builder.set_serial_number(Asn1Integer::from_bn(&serial).unwrap().as_ref()).unwrap();
    builder.set_subject_name(&name(common_name)).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.set_not_before(Asn1Time::days_from_now(0).unwrap().as_ref()).unwrap();
    builder.set_not_after(Asn1Time::days_from_now(30).unwrap().as_ref()).unwrap();
    builder
}
