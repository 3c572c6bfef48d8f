//! Making SignedData: profiles with their content attached, SCEP answers with their attributes.

use super::{Digest, oid};
use crate::CryptoError;
use crate::der::{
    CONTEXT_0, INTEGER, NULL, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET, UTC_TIME, around, element, set_of,
};
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::sign::Signer;
use openssl::x509::X509;
use russet_protocol::Timestamp;

/// Signs content with an authority's key and attaches it: the form in which devices take signed profiles. SHA-256,
/// DER, the certificate of the signer included, and the time of signing among the attributes.
///
/// # Errors
/// When OpenSSL fails.
pub fn sign_attached(content: &[u8], authority: &crate::ca::Authority, now: Timestamp) -> Result<Vec<u8>, CryptoError> {
    let time = element(UTC_TIME, &utc_time(now));
    let attributes = vec![attribute(oid::SIGNING_TIME, &time)];
    sign_with_attributes(Some(content), attributes, &authority.certificate, &authority.key, Digest::Sha256)
}

/// `YYMMDDHHMMSSZ`; a moment outside the years it can say becomes the start of 1970.
fn utc_time(now: Timestamp) -> Vec<u8> {
    let seconds = now.millis().div_euclid(1000);
    let Ok(time) = x509_parser::time::ASN1Time::from_timestamp(seconds) else { return b"700101000000Z".to_vec() };
    let time = time.to_datetime();
    let (hour, minute, second) = time.to_hms();
    let (year, month, day) = (time.year().rem_euclid(100), u8::from(time.month()), time.day());
    format!("{year:02}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z").into_bytes()
}

/// One attribute with one value.
pub(crate) fn attribute(oid: &[u8], value: &[u8]) -> Vec<u8> {
    around(SEQUENCE, &[&element(OBJECT_IDENTIFIER, oid), &element(SET, value)])
}

/// Signs content (none: a message whose content is absent, as a SCEP failure is) together with these attributes.
pub(crate) fn sign_with_attributes(
    content: Option<&[u8]>,
    mut attributes: Vec<Vec<u8>>,
    certificate: &X509,
    key: &PKey<Private>,
    digest: Digest,
) -> Result<Vec<u8>, CryptoError> {
    let message_digest = ring::digest::digest(digest.ring(), content.unwrap_or_default());
    attributes.push(attribute(oid::CONTENT_TYPE, &element(OBJECT_IDENTIFIER, oid::DATA)));
    attributes.push(attribute(oid::MESSAGE_DIGEST, &element(OCTET_STRING, message_digest.as_ref())));
    let signed = set_of(attributes);
    let mut signer = Signer::new(digest.openssl(), key)?;
    signer.update(&signed)?;
    let signature = signer.sign_to_vec()?;
    // The same attributes again, under the implicit tag of their field.
    let mut attributes = signed;
    attributes[0] = CONTEXT_0;

    let issuer = certificate.issuer_name().to_der()?;
    let serial = element(INTEGER, &positive(&certificate.serial_number().to_bn()?.to_vec()));
    let digest_algorithm = algorithm(digest.oid());
    let signer_info = around(
        SEQUENCE,
        &[
            &element(INTEGER, &[1]),
            &around(SEQUENCE, &[&issuer, &serial]),
            &digest_algorithm,
            &attributes,
            &algorithm(oid::RSA_ENCRYPTION),
            &element(OCTET_STRING, &signature),
        ],
    );
    let content = content.map_or_else(Vec::new, |content| element(CONTEXT_0, &element(OCTET_STRING, content)));
    let encapsulated = around(SEQUENCE, &[&element(OBJECT_IDENTIFIER, oid::DATA), &content]);
    Ok(signed_data(&digest_algorithm, &encapsulated, &certificate.to_der()?, &signer_info))
}

/// A SignedData without a signer: the form in which SCEP hands out certificates.
pub(crate) fn certificates_only(certificates: &[&[u8]]) -> Vec<u8> {
    let encapsulated = element(SEQUENCE, &element(OBJECT_IDENTIFIER, oid::DATA));
    signed_data(&[], &encapsulated, &certificates.concat(), &[])
}

fn signed_data(digest_algorithm: &[u8], encapsulated: &[u8], certificates: &[u8], signer: &[u8]) -> Vec<u8> {
    let signed = around(
        SEQUENCE,
        &[
            &element(INTEGER, &[1]),
            &element(SET, digest_algorithm),
            encapsulated,
            &element(CONTEXT_0, certificates),
            &element(SET, signer),
        ],
    );
    around(SEQUENCE, &[&element(OBJECT_IDENTIFIER, oid::SIGNED_DATA), &element(CONTEXT_0, &signed)])
}

fn algorithm(oid: &[u8]) -> Vec<u8> {
    around(SEQUENCE, &[&element(OBJECT_IDENTIFIER, oid), &element(NULL, &[])])
}

/// The contents of a positive INTEGER.
fn positive(magnitude: &[u8]) -> Vec<u8> {
    match magnitude.first() {
        None => vec![0],
        Some(first) if first & 0x80 != 0 => [&[0], magnitude].concat(),
        Some(_) => magnitude.to_vec(),
    }
}

impl Digest {
    pub(crate) fn openssl(self) -> MessageDigest {
        match self {
            Self::Sha1 => MessageDigest::sha1(),
            Self::Sha256 => MessageDigest::sha256(),
            Self::Sha384 => MessageDigest::sha384(),
            Self::Sha512 => MessageDigest::sha512(),
        }
    }

    fn oid(self) -> &'static [u8] {
        match self {
            Self::Sha1 => oid::SHA1,
            Self::Sha256 => oid::SHA256,
            Self::Sha384 => oid::SHA384,
            Self::Sha512 => oid::SHA512,
        }
    }
}
