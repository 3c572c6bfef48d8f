//! CMS SignedData (RFC 5652): verifying what devices sign, signing profiles, reading signed profiles.
//!
//! Real devices send BER with indefinite lengths, SHA-1 or SHA-256, with or without signed attributes; some clients
//! attach the content (`apple/protocol.md`, section 5). Must never look for a signer in any way but issuer and serial
//! number, must never accept a message with several signers, and must never decide by the signing time: clocks of
//! devices are wrong.

mod parse;
mod sign;
mod verify;

pub(crate) use parse::{Attribute, Digest, SignedData};
pub use sign::sign_attached;
pub(crate) use sign::{attribute, certificates_only, sign_with_attributes};

use crate::ber::BerError;
use crate::certificate::{Facts, IdentityRefused, TrustedCa};
use crate::der::Malformed;
use russet_protocol::Timestamp;

/// Object identifiers, as the contents of their DER.
pub(crate) mod oid {
    pub(crate) const DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
    pub(crate) const SIGNED_DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
    pub(crate) const ENVELOPED_DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03";
    pub(crate) const CONTENT_TYPE: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03";
    pub(crate) const MESSAGE_DIGEST: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04";
    pub(crate) const SIGNING_TIME: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x05";
    pub(crate) const RSA_ENCRYPTION: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
    pub(crate) const SHA1_WITH_RSA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05";
    pub(crate) const SHA256_WITH_RSA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b";
    pub(crate) const SHA384_WITH_RSA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c";
    pub(crate) const SHA512_WITH_RSA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d";
    pub(crate) const EC_PUBLIC_KEY: &[u8] = b"\x2a\x86\x48\xce\x3d\x02\x01";
    pub(crate) const P256: &[u8] = b"\x2a\x86\x48\xce\x3d\x03\x01\x07";
    pub(crate) const P384: &[u8] = b"\x2b\x81\x04\x00\x22";
    pub(crate) const ECDSA_SHA256: &[u8] = b"\x2a\x86\x48\xce\x3d\x04\x03\x02";
    pub(crate) const ECDSA_SHA384: &[u8] = b"\x2a\x86\x48\xce\x3d\x04\x03\x03";
    pub(crate) const SHA1: &[u8] = b"\x2b\x0e\x03\x02\x1a";
    pub(crate) const SHA256: &[u8] = b"\x60\x86\x48\x01\x65\x03\x04\x02\x01";
    pub(crate) const SHA384: &[u8] = b"\x60\x86\x48\x01\x65\x03\x04\x02\x02";
    pub(crate) const SHA512: &[u8] = b"\x60\x86\x48\x01\x65\x03\x04\x02\x03";
}

/// Why a signed message is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CmsError {
    /// Not BER.
    #[error("the signature is not CMS: {0}")]
    Ber(#[from] BerError),
    /// BER, but no SignedData as RFC 5652 has it.
    #[error("the signature is not a CMS SignedData")]
    Malformed,
    /// No signer, or more than one.
    #[error("the signature must have exactly one signer")]
    NotOneSigner,
    /// The signer's certificate is not in the message, or is in it twice with different contents.
    #[error("the certificate of the signer is not in the message")]
    SignerNotFound,
    /// A digest or signature algorithm that is not supported, or that does not fit the key.
    #[error("the signature uses an unsupported algorithm")]
    UnsupportedAlgorithm,
    /// The signature, the message digest or the attached content is not of this message.
    #[error("the signature does not belong to this message")]
    Mismatch,
    /// The signer is not a device identity of ours.
    #[error(transparent)]
    Identity(#[from] IdentityRefused),
}

impl From<Malformed> for CmsError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// Who signed a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// The certificate, DER.
    pub certificate: Vec<u8>,
    /// What it says.
    pub facts: Facts,
}

/// Verifies a detached signature (the decoded `Mdm-Signature` header) over exactly these bytes, made by a device
/// identity that one of our authorities issued and that is valid now.
///
/// # Errors
/// Says which check failed first.
pub fn verify_detached(signature: &[u8], body: &[u8], ca: &TrustedCa, now: Timestamp) -> Result<Signer, CmsError> {
    let signer = verify_detached_undated(signature, body, ca)?;
    if !signer.facts.is_valid_at(now) {
        return Err(IdentityRefused::Expired.into());
    }
    Ok(signer)
}

/// As [`verify_detached`], whatever the dates of the identity say: the caller judges them.
///
/// # Errors
/// Says which check failed first.
pub fn verify_detached_undated(signature: &[u8], body: &[u8], ca: &TrustedCa) -> Result<Signer, CmsError> {
    let der = crate::ber::to_der(signature)?;
    let signed = SignedData::parse(&der)?;
    if signed.content.is_some_and(|attached| attached != body) {
        return Err(CmsError::Mismatch);
    }
    let certificate = signed.verify(body)?;
    let facts = ca.check_issued(certificate)?;
    Ok(Signer { certificate: certificate.to_vec(), facts })
}

/// A detached signature whose body is still on its way, part by part: for bodies that are too large to be kept.
pub struct Awaited {
    der: Vec<u8>,
    digest: ring::digest::Context,
    ca: TrustedCa,
    claimed: Facts,
}

impl Awaited {
    /// Begins. The signature must name a device identity that one of our authorities issued, whatever its dates: until
    /// [`Awaited::finish`] that is a claim, which tells whether a large body is worth receiving and nothing else.
    ///
    /// # Errors
    /// Says which check failed first.
    pub fn new(signature: &[u8], ca: TrustedCa) -> Result<Self, CmsError> {
        let der = crate::ber::to_der(signature)?;
        let signed = SignedData::parse(&der)?;
        let claimed = ca.check_issued(signed.signer_certificate()?)?;
        let digest = ring::digest::Context::new(signed.digest().ring());
        Ok(Self { der, digest, ca, claimed })
    }

    /// What the certificate says that the signature names. Anybody may name it.
    #[must_use]
    pub fn claimed(&self) -> &Facts {
        &self.claimed
    }

    /// The next part of the body.
    pub fn update(&mut self, part: &[u8]) {
        self.digest.update(part);
    }

    /// The body is whole: as [`verify_detached_undated`].
    ///
    /// # Errors
    /// Says which check failed first.
    pub fn finish(self) -> Result<Signer, CmsError> {
        let signed = SignedData::parse(&self.der)?;
        let digest = self.digest.finish();
        let of_another =
            |attached: &[u8]| ring::digest::digest(digest.algorithm(), attached).as_ref() != digest.as_ref();
        if signed.content.is_some_and(of_another) {
            return Err(CmsError::Mismatch);
        }
        let certificate = signed.verify_digest(digest.as_ref())?;
        let facts = self.ca.check_issued(certificate)?;
        Ok(Signer { certificate: certificate.to_vec(), facts })
    }
}

impl std::fmt::Debug for Awaited {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Awaited").finish_non_exhaustive()
    }
}

/// The content of a signed message, after checking that its signature is whole. Who signed is not judged: a profile an
/// admin imports may come from any authority.
///
/// # Errors
/// When it is no signed message with attached content, or its signature is not of this content.
pub fn attached_content(message: &[u8]) -> Result<Vec<u8>, CmsError> {
    let der = crate::ber::to_der(message)?;
    let signed = SignedData::parse(&der)?;
    let content = signed.content.ok_or(CmsError::Malformed)?;
    signed.verify(content)?;
    Ok(content.to_vec())
}

#[cfg(test)]
mod tests;
