//! A SCEP client of OpenSSL and a few lines of DER, so that no mistake of ours cancels itself out.

use openssl::hash::{MessageDigest, hash};
use openssl::pkcs7::{Pkcs7, Pkcs7Flags};
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::sign::Signer;
use openssl::stack::Stack;
use openssl::symm::Cipher;
use openssl::x509::X509;
use rcgen::{CertificateParams, KeyPair};

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        short @ 0..0x80 => out.push(u8::try_from(short).unwrap()),
        middle @ 0x80..0x100 => out.extend([0x81, u8::try_from(middle).unwrap()]),
        long => {
            out.push(0x82);
            out.extend(u16::try_from(long).unwrap().to_be_bytes());
        }
    }
    out.extend_from_slice(content);
    out
}

fn around(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    element(tag, &parts.concat())
}

fn oid(dotted: &str) -> Vec<u8> {
    element(0x06, openssl::asn1::Asn1Object::from_str(dotted).unwrap().as_slice())
}

fn attribute(name: &str, value: &[u8]) -> Vec<u8> {
    around(0x30, &[&oid(name), &element(0x31, value)])
}

/// How a message is made; by default as devices do it.
pub(crate) struct Shape {
    /// The SCEP message type.
    pub(crate) kind: &'static str,
    pub(crate) cipher: Cipher,
    /// The digest of the signature.
    pub(crate) sha1: bool,
    /// In place of the certificate request.
    pub(crate) request: Option<Vec<u8>>,
    /// In place of the envelope.
    pub(crate) envelope: Option<Vec<u8>>,
}

impl Default for Shape {
    fn default() -> Self {
        Self { kind: "19", cipher: Cipher::aes_128_cbc(), sha1: false, request: None, envelope: None }
    }
}

/// A key and the temporary certificate that stands for it before there is an identity.
pub(crate) struct Client {
    pub(crate) key: PKey<Private>,
    temporary: X509,
    parameters: CertificateParams,
}

impl Client {
    pub(crate) fn new() -> Self {
        Self::with_key(PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap())
    }

    pub(crate) fn with_key(key: PKey<Private>) -> Self {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, "I would like to be another device");
        let temporary = parameters.self_signed(&pair(&key)).unwrap();
        Self { temporary: X509::from_der(temporary.der()).unwrap(), key, parameters }
    }

    /// A PKCSReq with this challenge, signed by the temporary certificate; or a RenewalReq, signed by an identity.
    pub(crate) fn message(
        &self,
        challenge: Option<&str>,
        ca: &[u8],
        transaction: &str,
        renewed: Option<(&X509, &PKey<Private>)>,
    ) -> Vec<u8> {
        let kind = if renewed.is_some() { "17" } else { "19" };
        self.shaped(&Shape { kind, ..Shape::default() }, challenge, ca, transaction, renewed)
    }

    /// A message of this shape.
    pub(crate) fn shaped(
        &self,
        shape: &Shape,
        challenge: Option<&str>,
        ca: &[u8],
        transaction: &str,
        signer: Option<(&X509, &PKey<Private>)>,
    ) -> Vec<u8> {
        let request = shape.request.clone().unwrap_or_else(|| self.request(challenge, Vec::new()));
        let envelope = shape.envelope.clone().unwrap_or_else(|| {
            let mut recipients = Stack::new().unwrap();
            recipients.push(X509::from_der(ca).unwrap()).unwrap();
            let envelope = Pkcs7::encrypt(&recipients, &request, shape.cipher, Pkcs7Flags::BINARY).unwrap();
            envelope.to_der().unwrap()
        });
        let (certificate, key) = signer.unwrap_or((&self.temporary, &self.key));
        signed(&envelope, shape, transaction, certificate, key)
    }

    /// A PKCS#10 with this challenge, which asks for these extensions.
    pub(crate) fn request(&self, challenge: Option<&str>, extensions: Vec<rcgen::CustomExtension>) -> Vec<u8> {
        let attributes = challenge.map(|text| rcgen::Attribute {
            oid: &[1, 2, 840, 113_549, 1, 9, 7],
            values: element(0x31, &element(0x13, text.as_bytes())),
        });
        let mut parameters = self.parameters.clone();
        parameters.custom_extensions = extensions;
        let request = parameters.serialize_request_with_attributes(&pair(&self.key), attributes.into_iter().collect());
        request.unwrap().der().to_vec()
    }

    /// The certificate in a CertRep; none where it refuses.
    pub(crate) fn open(&self, answer: &[u8]) -> Option<Vec<u8>> {
        self.open_as(answer, &self.temporary, &self.key)
    }

    pub(crate) fn open_as(&self, answer: &[u8], certificate: &X509, key: &PKey<Private>) -> Option<Vec<u8>> {
        let signed = Pkcs7::from_der(answer).unwrap();
        let mut envelope = Vec::new();
        let store = openssl::x509::store::X509StoreBuilder::new().unwrap().build();
        let flags = Pkcs7Flags::NOVERIFY | Pkcs7Flags::BINARY;
        signed.verify(&Stack::new().unwrap(), &store, None, Some(&mut envelope), flags).ok()?;
        let opened = Pkcs7::from_der(&envelope).ok()?.decrypt(key, certificate, Pkcs7Flags::BINARY).ok()?;
        let certificates = Pkcs7::from_der(&opened).unwrap();
        Some(certificates.signed()?.certificates()?.get(0)?.to_der().unwrap())
    }
}

fn pair(key: &PKey<Private>) -> KeyPair {
    let pem = String::from_utf8(key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    KeyPair::from_pem_and_sign_algo(&pem, &rcgen::PKCS_RSA_SHA256).unwrap()
}

fn signed(content: &[u8], shape: &Shape, transaction: &str, certificate: &X509, key: &PKey<Private>) -> Vec<u8> {
    let (algorithm, name) = if shape.sha1 {
        (MessageDigest::sha1(), "1.3.14.3.2.26")
    } else {
        (MessageDigest::sha256(), "2.16.840.1.101.3.4.2.1")
    };
    let scep = |number: u8| format!("2.16.840.1.113733.1.9.{number}");
    let digest = hash(algorithm, content).unwrap();
    let mut attributes = [
        attribute("1.2.840.113549.1.9.3", &oid("1.2.840.113549.1.7.1")),
        attribute("1.2.840.113549.1.9.4", &element(0x04, &digest)),
        attribute(&scep(2), &element(0x13, shape.kind.as_bytes())),
        attribute(&scep(7), &element(0x13, transaction.as_bytes())),
        attribute(&scep(5), &element(0x04, &[7; 16])),
    ];
    attributes.sort();
    let attributes = attributes.concat();
    let mut signer = Signer::new(algorithm, key).unwrap();
    signer.update(&element(0x31, &attributes)).unwrap();
    let digest = around(0x30, &[&oid(name), &[5, 0]]);
    let serial = certificate.serial_number().to_bn().unwrap().to_vec();
    let serial = if serial[0] & 0x80 == 0 { serial } else { [vec![0], serial].concat() };
    let info = around(
        0x30,
        &[
            &element(2, &[1]),
            &around(0x30, &[&certificate.issuer_name().to_der().unwrap(), &element(2, &serial)]),
            &digest,
            &element(0xa0, &attributes),
            &around(0x30, &[&oid("1.2.840.113549.1.1.1"), &[5, 0]]),
            &element(4, &signer.sign_to_vec().unwrap()),
        ],
    );
    let data = around(0x30, &[&oid("1.2.840.113549.1.7.1"), &element(0xa0, &element(4, content))]);
    let certificates = element(0xa0, &certificate.to_der().unwrap());
    let body = around(0x30, &[&element(2, &[1]), &element(0x31, &digest), &data, &certificates, &element(0x31, &info)]);
    around(0x30, &[&oid("1.2.840.113549.1.7.2"), &element(0xa0, &body)])
}
