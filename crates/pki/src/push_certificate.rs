//! Reading a push certificate as people have it: PEM certificate and key in any of the usual forms and in any order, or
//! PKCS#12. Each fault has a name of its own, because most lost fleets began with a wrong file here [fleet#53252,
//! #52469, #49045; micromdm#904; nanomdm#77, #192].
//!
//! Must never say anything of the key but whether it fits.

use crate::certificate::{Facts, Fingerprint};
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{PKey, Private};
use openssl::provider::Provider;
use openssl::x509::X509;
use russet_protocol::Timestamp;
use zeroize::Zeroizing;

/// Every push topic of MDM starts like this (`apple/protocol.md`, section 1.2).
pub const TOPIC_PREFIX: &str = "com.apple.mgmt.";

/// A push certificate whose key fits.
#[derive(Clone)]
pub struct PushCertificate {
    /// The topic: the UID of the subject.
    pub topic: String,
    /// First moment of validity.
    pub not_before: Timestamp,
    /// Last moment of validity.
    pub not_after: Timestamp,
    /// SHA-256 of the certificate.
    pub fingerprint: Fingerprint,
    /// Serial number, hex.
    pub serial: String,
    /// The certificate and what came along with it, PEM, leaf first.
    pub certificate_pem: String,
    /// The key, PKCS#8 PEM without a password: to be sealed before it is stored.
    pub key_pem: Zeroizing<String>,
}

impl std::fmt::Debug for PushCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PushCertificate").field("topic", &self.topic).finish_non_exhaustive()
    }
}

/// What is wrong with the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushCertificateFault {
    /// Neither PEM nor PKCS#12.
    #[error("the file is neither PEM nor PKCS#12: give the certificate and its private key as PEM, or a .p12 file")]
    UnknownFormat,
    /// A PEM file without a certificate.
    #[error("the file has no certificate: add the .pem file downloaded from Apple's Push Certificates Portal")]
    NoCertificate,
    /// No private key.
    #[error("the file has no private key: add the key that the certificate request was made with")]
    NoKey,
    /// The key needs a password, or the one given is wrong.
    #[error(
        "the private key is encrypted and the password is missing or wrong; give it along (`--password-file FILE`, or \
         `password` in the API)"
    )]
    WrongPassword,
    /// The key cannot be read although it is there.
    #[error("the private key cannot be read: PKCS#1, PKCS#8 and EC keys are accepted")]
    UnreadableKey,
    /// No certificate in the file belongs to the key.
    #[error(
        "the private key does not belong to the certificate: use the key that the certificate request was made with"
    )]
    KeyMismatch,
    /// A certificate of another kind.
    #[error("the certificate is not an MDM push certificate: its subject has no UID that starts with com.apple.mgmt.")]
    NotAPushCertificate,
    /// Not valid any more.
    #[error("the push certificate has expired: renew it at Apple's Push Certificates Portal with the Renew button")]
    Expired,
    /// Not valid yet.
    #[error("the push certificate is not valid yet: check the clock of this server")]
    NotYetValid,
}

/// Reads a push certificate and its key.
///
/// # Errors
/// Names the first fault found.
pub fn parse(file: &[u8], password: Option<&str>, now: Timestamp) -> Result<PushCertificate, PushCertificateFault> {
    let (key, certificates) = if file.windows(11).any(|window| window == b"-----BEGIN ") {
        from_pem(file, password)?
    } else if file.first() == Some(&0x30) {
        from_pkcs12(file, password.unwrap_or_default())?
    } else {
        return Err(PushCertificateFault::UnknownFormat);
    };
    judge(&key, certificates, now)
}

fn judge(
    key: &PKey<Private>,
    mut certificates: Vec<X509>,
    now: Timestamp,
) -> Result<PushCertificate, PushCertificateFault> {
    let fits = |certificate: &X509| certificate.public_key().is_ok_and(|public| public.public_eq(key));
    let position = certificates.iter().position(fits).ok_or(PushCertificateFault::KeyMismatch)?;
    let leaf = certificates.remove(position);
    let der = leaf.to_der().map_err(|_| PushCertificateFault::NoCertificate)?;
    let facts = Facts::of(&der).map_err(|_| PushCertificateFault::NoCertificate)?;
    let topic = match &facts.user_id {
        Some(topic) if topic.starts_with(TOPIC_PREFIX) => topic.clone(),
        _ => return Err(PushCertificateFault::NotAPushCertificate),
    };
    if now > facts.not_after {
        return Err(PushCertificateFault::Expired);
    }
    if now < facts.not_before {
        return Err(PushCertificateFault::NotYetValid);
    }
    let mut certificate_pem = String::new();
    for certificate in std::iter::once(&leaf).chain(&certificates) {
        certificate_pem.push_str(&crate::ca::pem(certificate).map_err(|_| PushCertificateFault::NoCertificate)?);
    }
    let key_pem = Zeroizing::new(key.private_key_to_pem_pkcs8().map_err(|_| PushCertificateFault::UnreadableKey)?);
    Ok(PushCertificate {
        topic,
        not_before: facts.not_before,
        not_after: facts.not_after,
        fingerprint: facts.fingerprint,
        serial: facts.serial,
        certificate_pem,
        key_pem: Zeroizing::new(String::from_utf8_lossy(&key_pem).into_owned()),
    })
}

type KeyAndCertificates = (PKey<Private>, Vec<X509>);

fn from_pem(file: &[u8], password: Option<&str>) -> Result<KeyAndCertificates, PushCertificateFault> {
    let text = String::from_utf8_lossy(file);
    let mut certificates = Vec::new();
    let mut key = None;
    for block in blocks(&text) {
        let label = block.trim_start_matches("-----BEGIN ").split("-----").next().unwrap_or_default();
        if label == "CERTIFICATE" || label == "X509 CERTIFICATE" || label == "TRUSTED CERTIFICATE" {
            certificates.push(X509::from_pem(block.as_bytes()).map_err(|_| PushCertificateFault::NoCertificate)?);
        } else if label.ends_with("PRIVATE KEY") && key.is_none() {
            key = Some(private_key(block, password)?);
        }
    }
    if certificates.is_empty() {
        return Err(PushCertificateFault::NoCertificate);
    }
    Ok((key.ok_or(PushCertificateFault::NoKey)?, certificates))
}

/// The PEM blocks of a text, from BEGIN to END.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.find("-----BEGIN ")?;
        let end = start + rest[start..].find("-----END ")?;
        let line = rest[end..].find('\n').map_or(rest.len(), |newline| end + newline + 1);
        let block = &rest[start..line];
        rest = &rest[line..];
        Some(block)
    })
}

fn private_key(block: &str, password: Option<&str>) -> Result<PKey<Private>, PushCertificateFault> {
    if !block.contains("ENCRYPTED") {
        return PKey::private_key_from_pem(block.as_bytes()).map_err(|_| PushCertificateFault::UnreadableKey);
    }
    let password = password.unwrap_or_default();
    with_legacy(|| PKey::private_key_from_pem_passphrase(block.as_bytes(), password.as_bytes()).ok())
        .ok_or(PushCertificateFault::WrongPassword)
}

fn from_pkcs12(file: &[u8], password: &str) -> Result<KeyAndCertificates, PushCertificateFault> {
    let bag = Pkcs12::from_der(file).map_err(|_| PushCertificateFault::UnknownFormat)?;
    let parsed = with_legacy(|| bag.parse2(password).ok()).ok_or(PushCertificateFault::WrongPassword)?;
    let key = parsed.pkey.ok_or(PushCertificateFault::NoKey)?;
    let mut certificates: Vec<X509> = parsed.cert.into_iter().collect();
    certificates.extend(parsed.ca.into_iter().flatten());
    if certificates.is_empty() {
        return Err(PushCertificateFault::NoCertificate);
    }
    Ok((key, certificates))
}

/// Tries once more with OpenSSL's old ciphers: Keychain Access still exports PKCS#12 files under 40-bit RC2.
fn with_legacy<T>(read: impl Fn() -> Option<T>) -> Option<T> {
    read().or_else(|| {
        let _legacy = Provider::try_load(None, "legacy", true).ok()?;
        read()
    })
}

#[cfg(test)]
mod tests;
