//! Signatures and envelopes of a device: made and checked with OpenSSL, framed by hand where Apple's devices frame
//! differently from OpenSSL. Must never use the server's own CMS.

use super::der::{
    CONTEXT_0, Element, INTEGER, NULL, OCTETS, Reader, SEQUENCE, SET, framed, oid, ordered, stream, tlv, unsigned, wrap,
};
use super::fault::{Doing, Fault};
use openssl::cms::{CMSOptions, CmsContentInfo};
use openssl::hash::{MessageDigest, hash};
use openssl::pkcs7::{Pkcs7, Pkcs7Flags};
use openssl::pkey::{PKey, Private};
use openssl::sign::Signer;
use openssl::stack::Stack;
use openssl::symm::Cipher;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{X509, X509PurposeId};

const DATA: &str = "1.2.840.113549.1.7.1";
const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
const ENVELOPED_DATA: &str = "1.2.840.113549.1.7.3";
const CONTENT_TYPE: &str = "1.2.840.113549.1.9.3";
const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";
const SIGNING_TIME: &str = "1.2.840.113549.1.9.5";
const UTC_TIME: u8 = 0x17;
const SHA1: &str = "1.3.14.3.2.26";
const SHA256: &str = "2.16.840.1.101.3.4.2.1";
const RSA: &str = "1.2.840.113549.1.1.1";
const SHA1_WITH_RSA: &str = "1.2.840.113549.1.1.5";

/// A certificate with its key.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) certificate: X509,
    pub(super) key: PKey<Private>,
}

/// Which digest a signature uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Digest {
    Sha1,
    Sha256,
}

impl Digest {
    pub(super) fn message_digest(self) -> MessageDigest {
        match self {
            Self::Sha1 => MessageDigest::sha1(),
            Self::Sha256 => MessageDigest::sha256(),
        }
    }

    fn algorithm(self) -> Vec<u8> {
        algorithm(match self {
            Self::Sha1 => SHA1,
            Self::Sha256 => SHA256,
        })
    }
}

/// A signed attribute: dotted identifier and the DER of its one value.
pub(super) type Attribute = (&'static str, Vec<u8>);

/// An attribute that was read: the DER of its identifier and of its first value.
pub(super) type Found = (Vec<u8>, Vec<u8>);

fn algorithm(dotted: &str) -> Vec<u8> {
    wrap(SEQUENCE, &[&oid(dotted), &[NULL, 0]])
}

/// `Mdm-Signature` as iOS makes it: BER with indefinite lengths, SHA-1, no signed attributes.
pub(super) fn detached_ber(identity: &Identity, body: &[u8]) -> Result<Vec<u8>, Fault> {
    let signature = sign(&identity.key, Digest::Sha1, body)?;
    let signer = signer_info(identity, Digest::Sha1, None, &algorithm(SHA1_WITH_RSA), &signature)?;
    let certificate = identity.certificate.to_der().doing("writing the device's certificate")?;
    let signed = stream(
        SEQUENCE,
        &[
            &tlv(INTEGER, &[1]),
            &wrap(SET, &[&Digest::Sha1.algorithm()]),
            &stream(SEQUENCE, &[&oid(DATA)]),
            &stream(CONTEXT_0, &[&certificate]),
            &wrap(SET, &[&signer]),
        ],
    );
    Ok(stream(SEQUENCE, &[&oid(SIGNED_DATA), &stream(CONTEXT_0, &[&signed])]))
}

/// `Mdm-Signature` as DER with SHA-256 and signed attributes. `odd`: so many seconds the device's clock is off; then the time
/// of signing is said, and is wrong.
pub(super) fn detached_der(identity: &Identity, body: &[u8], odd: i64) -> Result<Vec<u8>, Fault> {
    let mut attributes = Vec::new();
    if odd != 0 {
        let now = jiff::Timestamp::now();
        let then = jiff::Timestamp::from_second(now.as_second().saturating_add(odd)).unwrap_or(now);
        attributes.push((SIGNING_TIME, tlv(UTC_TIME, then.strftime("%y%m%d%H%M%SZ").to_string().as_bytes())));
    }
    signed_data(identity, Digest::Sha256, body, None, attributes, false)
}

/// A SignedData around its content, with signed attributes beside the two obligatory ones: a SCEP message.
pub(super) fn attached(
    identity: &Identity,
    digest: Digest,
    content: &[u8],
    attributes: Vec<Attribute>,
    indefinite: bool,
) -> Result<Vec<u8>, Fault> {
    signed_data(identity, digest, content, Some(content), attributes, indefinite)
}

fn signed_data(
    identity: &Identity,
    digest: Digest,
    body: &[u8],
    content: Option<&[u8]>,
    attributes: Vec<Attribute>,
    indefinite: bool,
) -> Result<Vec<u8>, Fault> {
    let hashed = hash(digest.message_digest(), body).doing("hashing a message")?;
    let mut members = vec![attribute(CONTENT_TYPE, &oid(DATA)), attribute(MESSAGE_DIGEST, &tlv(OCTETS, &hashed))];
    members.extend(attributes.into_iter().map(|(name, value)| attribute(name, &value)));
    let members = ordered(members);
    // What is signed is the SET OF, tag 0x31; what is sent carries the implicit tag [0] instead (RFC 5652, section 5.4).
    let signature = sign(&identity.key, digest, &tlv(SET, &members))?;
    let signer = signer_info(identity, digest, Some(&members), &algorithm(RSA), &signature)?;
    let certificate = identity.certificate.to_der().doing("writing the device's certificate")?;
    let encapsulated = match content {
        None => wrap(SEQUENCE, &[&oid(DATA)]),
        Some(content) => {
            framed(indefinite, SEQUENCE, &[&oid(DATA), &framed(indefinite, CONTEXT_0, &[&octets(indefinite, content)])])
        }
    };
    let signed = framed(
        indefinite,
        SEQUENCE,
        &[
            &tlv(INTEGER, &[1]),
            &wrap(SET, &[&digest.algorithm()]),
            &encapsulated,
            &framed(indefinite, CONTEXT_0, &[&certificate]),
            &wrap(SET, &[&signer]),
        ],
    );
    Ok(framed(indefinite, SEQUENCE, &[&oid(SIGNED_DATA), &framed(indefinite, CONTEXT_0, &[&signed])]))
}

/// An OCTET STRING, streamed in pieces of 1 kB where lengths are indefinite.
fn octets(indefinite: bool, content: &[u8]) -> Vec<u8> {
    if !indefinite {
        return tlv(OCTETS, content);
    }
    let pieces: Vec<Vec<u8>> = content.chunks(1024).map(|piece| tlv(OCTETS, piece)).collect();
    let parts: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
    stream(0x24, &parts)
}

fn attribute(name: &str, value: &[u8]) -> Vec<u8> {
    wrap(SEQUENCE, &[&oid(name), &wrap(SET, &[value])])
}

fn sign(key: &PKey<Private>, digest: Digest, body: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut signer = Signer::new(digest.message_digest(), key).doing("signing")?;
    signer.update(body).doing("signing")?;
    signer.sign_to_vec().doing("signing")
}

fn signer_info(
    identity: &Identity,
    digest: Digest,
    attributes: Option<&[u8]>,
    signature_algorithm: &[u8],
    signature: &[u8],
) -> Result<Vec<u8>, Fault> {
    let issuer = identity.certificate.issuer_name().to_der().doing("reading the issuer")?;
    let serial = identity.certificate.serial_number().to_bn().doing("reading the serial number")?.to_vec();
    let attributes = attributes.map(|members| tlv(CONTEXT_0, members)).unwrap_or_default();
    Ok(wrap(
        SEQUENCE,
        &[
            &tlv(INTEGER, &[1]),
            &wrap(SEQUENCE, &[&issuer, &unsigned(&serial)]),
            &digest.algorithm(),
            &attributes,
            signature_algorithm,
            &tlv(OCTETS, signature),
        ],
    ))
}

/// What a signed message held.
pub(super) struct Opened {
    pub(super) content: Vec<u8>,
    /// The signer leads to one of the roots given.
    pub(super) trusted: bool,
}

/// Opens an attached signature: the signature must fit; whether the signer is trusted is told apart.
pub(super) fn open(message: &[u8], roots: &[X509]) -> Result<Opened, Fault> {
    let mut cms = CmsContentInfo::from_der(message).doing("reading a signed message")?;
    let mut content = Vec::new();
    cms.verify(None, None, None, Some(&mut content), CMSOptions::NO_SIGNER_CERT_VERIFY | CMSOptions::BINARY)
        .doing("checking a signature")?;
    let mut store = X509StoreBuilder::new().doing("making a trust store")?;
    for root in roots {
        store.add_cert(root.clone()).doing("trusting a root")?;
    }
    // Apple's signers carry all kinds of extended key usages; OpenSSL's default would ask for e-mail protection.
    store.set_purpose(X509PurposeId::ANY).doing("making a trust store")?;
    let store = store.build();
    let trusted = cms.verify(None, Some(&store), None, None, CMSOptions::BINARY).is_ok();
    Ok(Opened { content, trusted })
}

/// Opens a message that exactly this certificate must have signed (SCEP's CertRep).
pub(super) fn open_from(message: &[u8], signer: &X509) -> Result<Vec<u8>, Fault> {
    let mut cms = CmsContentInfo::from_der(message).doing("reading the CA's answer")?;
    let mut known = Stack::new().doing("reading the CA's answer")?;
    known.push(signer.clone()).doing("reading the CA's answer")?;
    let mut content = Vec::new();
    cms.verify(
        Some(&known),
        None,
        None,
        Some(&mut content),
        CMSOptions::NOINTERN | CMSOptions::NO_SIGNER_CERT_VERIFY | CMSOptions::BINARY,
    )
    .doing("checking the CA's signature")?;
    Ok(content)
}

/// The signed attributes of a message's only signer: identifiers as DER with the DER of their first value. Call it after
/// the signature was checked.
pub(super) fn signed_attributes(message: &[u8]) -> Result<Vec<Found>, Fault> {
    // OpenSSL rewrites whatever framing came into DER, so that the reader below needs no BER.
    let message = CmsContentInfo::from_der(message).and_then(|cms| cms.to_der()).doing("reading signed attributes")?;
    attributes_of(&message).ok_or_else(|| Fault::Refused("the signed message has no signed attributes".into()))
}

fn attributes_of(message: &[u8]) -> Option<Vec<Found>> {
    let info = Reader(message).next()?;
    let signed = info.children().nth(1)?.children().next()?;
    let signers = signed.children().filter(|element| element.tag == SET).last()?;
    let signer = signers.children().next()?;
    let attributes = signer.children().find(|element| element.tag == CONTEXT_0)?;
    Some(
        attributes
            .children()
            .filter_map(|attribute| {
                let mut parts = attribute.children();
                let name = parts.next()?.whole.to_vec();
                let value = parts.next()?.children().next()?.whole.to_vec();
                Some((name, value))
            })
            .collect(),
    )
}

/// Encrypts to one certificate. With `indefinite`, framed as Apple's encoder does: every outer length indefinite, the
/// ciphertext a constructed `[0]` of OCTET STRINGs.
pub(super) fn envelope(to: &X509, content: &[u8], cipher: Cipher, indefinite: bool) -> Result<Vec<u8>, Fault> {
    let mut recipients = Stack::new().doing("encrypting to the CA")?;
    recipients.push(to.clone()).doing("encrypting to the CA")?;
    let der = Pkcs7::encrypt(&recipients, content, cipher, Pkcs7Flags::BINARY)
        .and_then(|envelope| envelope.to_der())
        .doing("encrypting to the CA")?;
    if !indefinite {
        return Ok(der);
    }
    restream(&der).ok_or_else(|| Fault::Refused("OpenSSL's envelope has an unknown shape".into()))
}

fn restream(der: &[u8]) -> Option<Vec<u8>> {
    let enveloped = Reader(der).next()?.children().nth(1)?.children().next()?;
    let parts: Vec<Element<'_>> = enveloped.children().collect();
    let [version, recipients, encrypted] = parts.as_slice() else { return None };
    let inner: Vec<Element<'_>> = encrypted.children().collect();
    let [kind, cipher, ciphertext] = inner.as_slice() else { return None };
    let pieces: Vec<Vec<u8>> = ciphertext.content.chunks(1000).map(|piece| tlv(OCTETS, piece)).collect();
    let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
    let encrypted = stream(SEQUENCE, &[kind.whole, cipher.whole, &stream(CONTEXT_0, &pieces)]);
    let enveloped = stream(SEQUENCE, &[version.whole, recipients.whole, &encrypted]);
    Some(stream(SEQUENCE, &[&oid(ENVELOPED_DATA), &stream(CONTEXT_0, &[&enveloped])]))
}

/// Decrypts an envelope.
pub(super) fn unseal(message: &[u8], identity: &Identity) -> Result<Vec<u8>, Fault> {
    Pkcs7::from_der(message)
        .and_then(|envelope| envelope.decrypt(&identity.key, &identity.certificate, Pkcs7Flags::BINARY))
        .doing("decrypting the CA's answer")
}

/// The certificates of a certs-only SignedData.
pub(super) fn certificates(message: &[u8]) -> Result<Vec<X509>, Fault> {
    let pkcs7 = Pkcs7::from_der(message).doing("reading a list of certificates")?;
    Ok(pkcs7
        .signed()
        .and_then(|signed| signed.certificates())
        .map(|stack| stack.iter().map(ToOwned::to_owned).collect())
        .unwrap_or_default())
}
