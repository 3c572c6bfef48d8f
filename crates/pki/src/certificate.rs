//! What a certificate says: the facts that rooms store and compare. Nothing here decides whether to trust it, except
//! [`TrustedCa`], which accepts a device identity only when our own authority issued it.

use crate::cms::oid::SHA1_WITH_RSA;
use ring::digest::{SHA256, digest};
use russet_protocol::Timestamp;
use x509_parser::prelude::{FromDer, X509Certificate};

/// SHA-256 of some DER.
pub type Fingerprint = [u8; 32];

/// Certificates larger than this are refused unread; a device identity has about 1 kB.
const MAX_CERTIFICATE: usize = 16 * 1024;

/// The bytes are no certificate that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a readable X.509 certificate")]
pub struct NotACertificate;

/// What a certificate says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// SHA-256 of the whole certificate.
    pub fingerprint: Fingerprint,
    /// Serial number, lower-case hex of its DER contents.
    pub serial: String,
    /// Common name of the subject, where there is exactly one as text.
    pub common_name: Option<String>,
    /// UID (0.9.2342.19200300.100.1.1) of the subject; a push certificate carries its topic there.
    pub user_id: Option<String>,
    /// SHA-256 of the SubjectPublicKeyInfo.
    pub public_key: Fingerprint,
    /// First moment of validity.
    pub not_before: Timestamp,
    /// Last moment of validity.
    pub not_after: Timestamp,
    /// Whether the extended key usage names clientAuth.
    pub client_auth: bool,
    /// Whether basic constraints say it is an authority.
    pub is_authority: bool,
}

impl Facts {
    /// Reads the facts of a DER certificate.
    ///
    /// # Errors
    /// When it cannot be read as a certificate.
    pub fn of(der: &[u8]) -> Result<Self, NotACertificate> {
        parse(der).map(|certificate| Self::of_parsed(&certificate, der))
    }

    pub(crate) fn of_parsed(certificate: &X509Certificate<'_>, der: &[u8]) -> Self {
        let validity = certificate.validity();
        Self {
            fingerprint: sha256(der),
            serial: hex(certificate.raw_serial()),
            common_name: single(certificate.subject().iter_common_name()),
            user_id: single(certificate.subject().iter_by_oid(&x509_parser::oid_registry::OID_USERID)),
            public_key: sha256(certificate.public_key().raw),
            not_before: Timestamp(validity.not_before.timestamp().saturating_mul(1000)),
            not_after: Timestamp(validity.not_after.timestamp().saturating_mul(1000)),
            client_auth: matches!(certificate.extended_key_usage(), Ok(Some(usage)) if usage.value.client_auth),
            is_authority: certificate.is_ca(),
        }
    }

    /// Whether the certificate is within its validity.
    #[must_use]
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.not_before <= now && now <= self.not_after
    }
}

/// The one value of an attribute; none where there are several, so that nobody can hide behind the second.
fn single<'a>(mut values: impl Iterator<Item = &'a x509_parser::x509::AttributeTypeAndValue<'a>>) -> Option<String> {
    let value = values.next()?.as_str().ok()?.to_owned();
    if values.next().is_some() { None } else { Some(value) }
}

pub(crate) fn parse(der: &[u8]) -> Result<X509Certificate<'_>, NotACertificate> {
    if der.len() > MAX_CERTIFICATE {
        return Err(NotACertificate);
    }
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(NotACertificate),
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> Fingerprint {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

/// Lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Why a certificate is not one of our device identities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityRefused {
    /// Not a certificate.
    #[error("the identity is not a readable certificate")]
    Unreadable,
    /// Another issuer, or a signature that does not verify.
    #[error("the identity was not issued by this server")]
    ForeignIssuer,
    /// Signed with SHA-1.
    #[error("the identity is signed with SHA-1")]
    WeakSignature,
    /// Made for another purpose: no clientAuth, or an authority itself.
    #[error("the certificate is not a device identity")]
    WrongPurpose,
    /// Issued by us, but not valid at this moment.
    #[error("the identity is expired or not yet valid")]
    Expired,
}

/// The authorities whose device identities are accepted: ours, and ours only; never the machine's roots.
#[derive(Debug, Clone)]
pub struct TrustedCa {
    authorities: Vec<Vec<u8>>,
}

impl TrustedCa {
    /// Trusts these DER certificates of authorities.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn new(authorities: Vec<Vec<u8>>) -> Result<Self, NotACertificate> {
        for der in &authorities {
            parse(der)?;
        }
        Ok(Self { authorities })
    }

    /// Trusts one authority that is known to be readable.
    pub(crate) fn only(authority: Vec<u8>) -> Self {
        Self { authorities: vec![authority] }
    }

    /// Checks that a certificate is a device identity issued by one of the authorities, and valid now.
    ///
    /// # Errors
    /// Says which of the checks failed first.
    pub fn check(&self, der: &[u8], now: Timestamp) -> Result<Facts, IdentityRefused> {
        let facts = self.check_issued(der)?;
        if !facts.is_valid_at(now) {
            return Err(IdentityRefused::Expired);
        }
        Ok(facts)
    }

    /// As [`TrustedCa::check`], whatever the dates say: a device whose identity has expired may still have to be heard. The
    /// caller judges [`Facts::not_before`] and [`Facts::not_after`].
    ///
    /// # Errors
    /// Says which of the checks failed first.
    pub fn check_issued(&self, der: &[u8]) -> Result<Facts, IdentityRefused> {
        let certificate = parse(der).map_err(|_| IdentityRefused::Unreadable)?;
        // Our own are signed with SHA-256. Of outside authorities too: what SHA-1 signs may have been made for two.
        if certificate.signature_algorithm.algorithm.as_bytes() == SHA1_WITH_RSA {
            return Err(IdentityRefused::WeakSignature);
        }
        let issued_by = |authority: &Vec<u8>| {
            parse(authority).is_ok_and(|authority| {
                authority.subject().as_raw() == certificate.issuer().as_raw()
                    && certificate.verify_signature(Some(authority.public_key())).is_ok()
            })
        };
        if !self.authorities.iter().any(issued_by) {
            return Err(IdentityRefused::ForeignIssuer);
        }
        let facts = Facts::of_parsed(&certificate, der);
        if !facts.client_auth || facts.is_authority {
            return Err(IdentityRefused::WrongPurpose);
        }
        Ok(facts)
    }
}
