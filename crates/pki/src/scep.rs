//! SCEP messages (RFC 8894): reading a certificate request, answering it.
//!
//! SHA-1 is taken as the digest of a message and answered in kind, since old systems have no other; 3DES likewise. Nothing is
//! issued with either, and every other cipher is refused. Fails closed for every message type but PKCSReq and RenewalReq [VU#971035]. The content is decrypted by OpenSSL, which
//! hides padding errors behind a random key, and everything that fails from there on gets one and the same answer
//! [RUSTSEC-2023-0071]. Nothing here issues: the `enrollment` room checks the challenge and decides who the certificate
//! is for. Facts: `apple/protocol.md`, section 6.

use crate::CryptoError;
use crate::ca::Authority;
use crate::certificate::{Fingerprint, sha256};
use crate::cms::{Attribute, Digest, SignedData, certificates_only, oid, sign_with_attributes};
use crate::der::{OBJECT_IDENTIFIER, OCTET_STRING, PRINTABLE_STRING, Reader, SEQUENCE, element};
use openssl::pkcs7::{Pkcs7, Pkcs7Flags};
use openssl::pkey::PKey;
use openssl::stack::Stack;
use openssl::symm::Cipher;
use openssl::x509::X509;
use russet_protocol::Timestamp;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::cri_attributes::ParsedCriAttribute;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;
use zeroize::Zeroizing;

/// Capabilities to answer GetCACaps with, one a line. A list without a SHA capability is refused by iOS.
pub const CAPABILITIES: &str = "Renewal\nSHA-1\nSHA-256\nSHA-512\nAES\nDES3\nSCEPStandard\nPOSTPKIOperation\n";

/// Messages larger than this are refused unread, in bytes; a request has about 3 kB.
pub const MAX_MESSAGE: usize = 64 * 1024;
const MAX_TRANSACTION_ID: usize = 255;
const MAX_NONCE: usize = 64;
const MAX_CHALLENGE: usize = 255;

/// SCEP's own attributes, `2.16.840.1.113733.1.9.*`.
pub(crate) mod attribute {
    pub(crate) const MESSAGE_TYPE: &[u8] = b"\x60\x86\x48\x01\x86\xf8\x45\x01\x09\x02";
    pub(crate) const PKI_STATUS: &[u8] = b"\x60\x86\x48\x01\x86\xf8\x45\x01\x09\x03";
    pub(crate) const FAIL_INFO: &[u8] = b"\x60\x86\x48\x01\x86\xf8\x45\x01\x09\x04";
    pub(crate) const SENDER_NONCE: &[u8] = b"\x60\x86\x48\x01\x86\xf8\x45\x01\x09\x05";
    pub(crate) const RECIPIENT_NONCE: &[u8] = b"\x60\x86\x48\x01\x86\xf8\x45\x01\x09\x06";
    pub(crate) const TRANSACTION_ID: &[u8] = b"\x60\x86\x48\x01\x86\xf8\x45\x01\x09\x07";
}

/// Why a request was not granted, as SCEP says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailInfo {
    /// Unsupported algorithm.
    BadAlgorithm,
    /// The message could not be read; also the answer to everything that fails after decryption.
    BadMessageCheck,
    /// The request is not permitted.
    BadRequest,
    /// The certificate it refers to is none of ours.
    BadCertificateId,
}

impl FailInfo {
    fn code(self) -> &'static str {
        match self {
            Self::BadAlgorithm => "0",
            Self::BadMessageCheck => "1",
            Self::BadRequest => "2",
            Self::BadCertificateId => "4",
        }
    }
}

/// Whom an answer goes to, and in which algorithms.
#[derive(Debug, Clone)]
pub struct ReplyTo {
    /// The transaction, chosen by the requester. Printable ASCII, at most 255 bytes.
    pub transaction: String,
    sender_nonce: Vec<u8>,
    digest: Digest,
    signer: Vec<u8>,
    cipher: ReplyCipher,
}

/// Answers are encrypted with the cipher of the request: old systems have no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReplyCipher {
    Aes128,
    Aes192,
    Aes256,
    TripleDes,
}

/// How the requester shows that it may have a certificate.
#[derive(Debug, Clone)]
pub enum Proof {
    /// PKCSReq: a challenge, given to it in its enrollment profile. Compare in constant time, use once.
    Challenge(Zeroizing<String>),
    /// RenewalReq: signed with a certificate that is still to be checked against our authority (DER).
    Certificate(Vec<u8>),
}

/// A request whose signatures are checked: the requester holds the key it wants certified.
#[derive(Debug, Clone)]
pub struct Request {
    /// Where the answer goes.
    pub reply_to: ReplyTo,
    /// Why it should get one.
    pub proof: Proof,
    /// The key to certify, DER SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
    /// SHA-256 of that.
    pub public_key_hash: Fingerprint,
}

/// Why a message is not a request that can be granted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ScepError {
    /// Not even enough of a SCEP message to answer it: HTTP 400.
    #[error("not a SCEP message: {0}")]
    NotScep(&'static str),
    /// Understood well enough to answer with a CertRep that says so.
    #[error("the SCEP request is refused ({info:?}): {why}")]
    Refused {
        /// Where the answer goes.
        reply_to: Box<ReplyTo>,
        /// What it says.
        info: FailInfo,
        /// What is wrong, for the log alone: the answer must tell nothing about the decryption.
        why: &'static str,
    },
}

/// Reads a PKIMessage: signature, type, envelope, certificate request, in this order.
///
/// # Errors
/// [`ScepError::Refused`] where an answer can be made, with [`failure`].
pub fn parse_request(message: &[u8], authority: &Authority) -> Result<Request, ScepError> {
    if message.len() > MAX_MESSAGE {
        return Err(ScepError::NotScep("too large"));
    }
    let der = crate::ber::to_der(message).map_err(|_| ScepError::NotScep("not BER"))?;
    let signed = SignedData::parse(&der).map_err(|_| ScepError::NotScep("not a signed message with one signer"))?;
    let envelope = signed.content.ok_or(ScepError::NotScep("no content"))?;
    let signer = signed.verify(envelope).map_err(|_| ScepError::NotScep("its signature does not verify"))?;
    let message_type =
        printable(signed.attribute(attribute::MESSAGE_TYPE)).ok_or(ScepError::NotScep("no message type"))?;
    let cipher = cipher_of(envelope);
    let reply_to = reply_to(&signed, signer, cipher.unwrap_or(ReplyCipher::Aes128))?;
    let refused = |info, why| ScepError::Refused { reply_to: Box::new(reply_to.clone()), info, why };
    let renewal = match message_type {
        "19" => false,
        "17" => true,
        _ => return Err(refused(FailInfo::BadRequest, "its message type is neither PKCSReq nor RenewalReq")),
    };
    if cipher == Err(NoCipher::Unsupported) {
        return Err(refused(FailInfo::BadAlgorithm, "its envelope is neither AES nor 3DES"));
    }
    // What cannot be answered with a certificate must not use up a challenge.
    if sealed_to(&reply_to, b"").is_err() {
        return Err(refused(FailInfo::BadRequest, "no answer can be encrypted to its signer"));
    }
    // One answer for every failure from here on, so that it tells nothing about the decryption.
    let failed = |why| refused(FailInfo::BadMessageCheck, why);
    let (public_key, challenge) = open_request(envelope, authority).map_err(failed)?;
    let proof = if renewal {
        Proof::Certificate(signer.to_vec())
    } else {
        // The temporary certificate must be of the very key that is asked for: the answer is encrypted to it.
        let signer = crate::certificate::Facts::of(signer).map_err(|_| failed("its signer cannot be read"))?;
        if signer.public_key != sha256(&public_key) {
            return Err(failed("it asks for another key than its signer's"));
        }
        Proof::Challenge(challenge.ok_or_else(|| failed("it brings no challenge"))?)
    };
    let public_key_hash = sha256(&public_key);
    Ok(Request { reply_to, proof, public_key, public_key_hash })
}

fn reply_to(signed: &SignedData<'_>, signer: &[u8], cipher: ReplyCipher) -> Result<ReplyTo, ScepError> {
    let transaction = printable(signed.attribute(attribute::TRANSACTION_ID))
        .filter(|id| !id.is_empty() && id.len() <= MAX_TRANSACTION_ID)
        .ok_or(ScepError::NotScep("no transaction id"))?;
    let sender_nonce = signed
        .attribute(attribute::SENDER_NONCE)
        .filter(|nonce| nonce.tag == OCTET_STRING && nonce.value.len() <= MAX_NONCE)
        .ok_or(ScepError::NotScep("no sender nonce"))?;
    Ok(ReplyTo {
        transaction: transaction.to_owned(),
        sender_nonce: sender_nonce.value.to_vec(),
        digest: signed.digest(),
        signer: signer.to_vec(),
        cipher,
    })
}

fn printable(attribute: Option<Attribute<'_>>) -> Option<&str> {
    let attribute = attribute?;
    let text = std::str::from_utf8(attribute.value).ok()?;
    let plain = attribute.tag == PRINTABLE_STRING && text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    plain.then_some(text)
}

/// The key that a certificate request asks for (DER), and its challenge.
pub(crate) type Asked = (Vec<u8>, Option<Zeroizing<String>>);

/// Decrypts the PKCS#10 and reads it; else says what is wrong.
fn open_request(envelope: &[u8], authority: &Authority) -> Result<Asked, &'static str> {
    let pkcs7 = Pkcs7::from_der(envelope).map_err(|_| "its envelope cannot be read")?;
    if pkcs7.type_().is_none_or(|kind| kind.nid() != openssl::nid::Nid::PKCS7_ENVELOPED) {
        return Err("its content is no envelope");
    }
    // The certificate names the recipient: with it OpenSSL answers a wrong key like a wrong padding.
    let opened = pkcs7.decrypt(&authority.key, &authority.certificate, Pkcs7Flags::BINARY);
    let opened = Zeroizing::new(opened.map_err(|_| "its envelope cannot be opened")?);
    read_request(&opened)
}

/// Reads a PKCS#10: its public key and its challenge, after checking its own signature.
pub(crate) fn read_request(der: &[u8]) -> Result<Asked, &'static str> {
    let Ok(([], request)) = X509CertificationRequest::from_der(der) else {
        return Err("its envelope holds no certificate request");
    };
    let info = &request.certification_request_info;
    let is_strong = match info.subject_pki.parsed() {
        Ok(x509_parser::public_key::PublicKey::RSA(rsa)) => (2048..=8192).contains(&rsa.key_size()),
        _ => false,
    };
    if !is_strong || !is_sound(info.subject_pki.raw) {
        return Err("its key is no RSA key of 2048 bits or more");
    }
    if request.verify_signature().is_err() {
        return Err("the signature of its certificate request does not verify");
    }
    if wants_authority(&request) {
        return Err("it asks to be an authority");
    }
    let mut challenges = info.iter_attributes().filter_map(|attribute| match attribute.parsed_attribute() {
        ParsedCriAttribute::ChallengePassword(challenge) => Some(challenge.0.clone()),
        _ => None,
    });
    let challenge = challenges.next().filter(|text| !text.is_empty() && text.len() <= MAX_CHALLENGE);
    if challenges.next().is_some() {
        return Err("it brings more than one challenge");
    }
    Ok((info.subject_pki.raw.to_vec(), challenge.map(Zeroizing::new)))
}

/// Whether a request asks to be an authority itself. It would not become one, but no device asks for that.
fn wants_authority(request: &X509CertificationRequest<'_>) -> bool {
    let mut extensions = request.requested_extensions().into_iter().flatten();
    extensions.any(|extension| match extension {
        ParsedExtension::BasicConstraints(constraints) => constraints.ca,
        ParsedExtension::KeyUsage(usage) => usage.key_cert_sign() || usage.crl_sign(),
        _ => false,
    })
}

/// Whether OpenSSL, which will certify this RSA key, reads it too, and its exponent is one that keys are made with: with
/// 1 anything is its own signature.
fn is_sound(public_key: &[u8]) -> bool {
    let rsa = PKey::public_key_from_der(public_key).and_then(|key| key.rsa());
    rsa.is_ok_and(|rsa| rsa.n().is_bit_set(0) && rsa.e().is_bit_set(0) && (2..=64).contains(&rsa.e().num_bits()))
}

/// Why the cipher of an envelope is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoCipher {
    /// It is no envelope that can be read.
    Unreadable,
    /// It is none that is answered in.
    Unsupported,
}

/// The content encryption of an EnvelopedData.
pub(crate) fn cipher_of(envelope: &[u8]) -> Result<ReplyCipher, NoCipher> {
    fn name(der: &[u8]) -> Option<&[u8]> {
        let mut outer = Reader::new(der).expect(SEQUENCE).ok()?.reader();
        let kind = outer.expect(OBJECT_IDENTIFIER).ok()?;
        let mut fields = outer.next().ok()?.reader().expect(SEQUENCE).ok()?.reader();
        if kind.contents != oid::ENVELOPED_DATA {
            return None;
        }
        fields.next().ok()?; // version
        fields.expect(crate::der::SET).ok()?; // recipients
        let mut content = fields.expect(SEQUENCE).ok()?.reader();
        content.expect(OBJECT_IDENTIFIER).ok()?;
        Some(content.expect(SEQUENCE).ok()?.reader().expect(OBJECT_IDENTIFIER).ok()?.contents)
    }
    let der = crate::ber::to_der(envelope).map_err(|_| NoCipher::Unreadable)?;
    match name(&der).ok_or(NoCipher::Unreadable)? {
        b"\x60\x86\x48\x01\x65\x03\x04\x01\x02" => Ok(ReplyCipher::Aes128),
        b"\x60\x86\x48\x01\x65\x03\x04\x01\x16" => Ok(ReplyCipher::Aes192),
        b"\x60\x86\x48\x01\x65\x03\x04\x01\x2a" => Ok(ReplyCipher::Aes256),
        b"\x2a\x86\x48\x86\xf7\x0d\x03\x07" => Ok(ReplyCipher::TripleDes),
        _ => Err(NoCipher::Unsupported),
    }
}

/// The certificate of the authority as a chain of one: a certs-only SignedData, for clients that ask for the chain.
#[must_use]
pub fn chain(authority: &Authority) -> Vec<u8> {
    certificates_only(&[authority.certificate_der()])
}

/// A CertRep with the certificate (DER), encrypted to the requester. `nonce`: 16 random bytes.
///
/// # Errors
/// When OpenSSL fails, which it does for a requester whose certificate it cannot encrypt to.
pub fn success(
    reply_to: &ReplyTo,
    certificate: &[u8],
    authority: &Authority,
    nonce: [u8; 16],
) -> Result<Vec<u8>, CryptoError> {
    let content = certificates_only(&[certificate, authority.certificate_der()]);
    let envelope = sealed_to(reply_to, &content)?;
    respond(reply_to, Some(&envelope), "0", None, authority, nonce)
}

/// An EnvelopedData that only the requester can open.
fn sealed_to(reply_to: &ReplyTo, content: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let mut recipients = Stack::new()?;
    recipients.push(X509::from_der(&reply_to.signer)?)?;
    let cipher = match reply_to.cipher {
        ReplyCipher::Aes128 => Cipher::aes_128_cbc(),
        ReplyCipher::Aes192 => Cipher::aes_192_cbc(),
        ReplyCipher::Aes256 => Cipher::aes_256_cbc(),
        ReplyCipher::TripleDes => Cipher::des_ede3_cbc(),
    };
    Ok(Pkcs7::encrypt(&recipients, content, cipher, Pkcs7Flags::BINARY)?.to_der()?)
}

/// A CertRep that refuses. `nonce`: 16 random bytes.
///
/// # Errors
/// When OpenSSL fails.
pub fn failure(
    reply_to: &ReplyTo,
    info: FailInfo,
    authority: &Authority,
    nonce: [u8; 16],
) -> Result<Vec<u8>, CryptoError> {
    respond(reply_to, None, "2", Some(info), authority, nonce)
}

fn respond(
    reply_to: &ReplyTo,
    content: Option<&[u8]>,
    status: &str,
    info: Option<FailInfo>,
    authority: &Authority,
    nonce: [u8; 16],
) -> Result<Vec<u8>, CryptoError> {
    let text = |oid, text: &str| crate::cms::attribute(oid, &element(PRINTABLE_STRING, text.as_bytes()));
    let octets = |oid, octets: &[u8]| crate::cms::attribute(oid, &element(OCTET_STRING, octets));
    let mut attributes = vec![
        text(attribute::MESSAGE_TYPE, "3"),
        text(attribute::PKI_STATUS, status),
        text(attribute::TRANSACTION_ID, &reply_to.transaction),
        octets(attribute::SENDER_NONCE, &nonce),
        octets(attribute::RECIPIENT_NONCE, &reply_to.sender_nonce),
    ];
    if let Some(info) = info {
        attributes.push(text(attribute::FAIL_INFO, info.code()));
    }
    sign_with_attributes(content, attributes, &authority.certificate, &authority.key, reply_to.digest)
}

/// Checks that a renewal is signed by a device identity of ours that is still valid, and says what it is.
///
/// # Errors
/// [`FailInfo::BadCertificateId`] for a certificate that is none of ours.
pub fn check_renewal(
    certificate: &[u8],
    authority: &Authority,
    now: Timestamp,
) -> Result<crate::certificate::Facts, FailInfo> {
    authority.trusted().check(certificate, now).map_err(|_| FailInfo::BadCertificateId)
}

#[cfg(test)]
mod tests;
