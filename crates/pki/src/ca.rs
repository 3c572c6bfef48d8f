//! The certificate authority of this server: makes itself, device identities, and the TLS certificate of a private
//! network. It writes every subject itself and takes nothing from a request but the public key.
//!
//! Must never issue for a key it was not shown a proof of possession for: callers verify the request first
//! (`crate::scep` does).

use crate::CryptoError;
use crate::certificate::TrustedCa;
use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::BigNum;
use openssl::ec::{Asn1Flag, EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private, Public};
use openssl::rsa::Rsa;
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName, SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509Name, X509NameBuilder};
use russet_protocol::Timestamp;
use std::time::Duration;
use zeroize::Zeroizing;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Certificates are valid from an hour before they were made: clocks of devices and servers differ.
const BACKDATE: Duration = Duration::from_secs(3600);
/// How long the authority itself is valid.
pub const AUTHORITY_DAYS: u32 = 3650;
/// How long a device identity is valid.
pub const IDENTITY_DAYS: u32 = 365;
/// How long a self-made TLS certificate is valid; Apple devices refuse more than 825 days.
pub const SERVER_DAYS: u32 = 820;

/// Twenty random bytes, from which a serial number is made. At least 64 bits of them must be unpredictable.
pub type SerialBytes = [u8; 20];

/// A name a TLS certificate is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerName {
    /// A host name.
    Dns(String),
    /// An address.
    Ip(std::net::IpAddr),
}

/// A certificate with its key.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The certificate, DER.
    pub certificate: Vec<u8>,
    /// The certificate, PEM.
    pub certificate_pem: String,
    /// The key, PKCS#8 PEM.
    pub key_pem: Zeroizing<String>,
}

/// The authority, ready to issue. RSA 2048: SCEP encrypts to this key, which only RSA can do.
#[derive(Clone)]
pub struct Authority {
    pub(crate) certificate: X509,
    pub(crate) key: PKey<Private>,
    der: Vec<u8>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

/// Why a stored authority cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// Certificate or key cannot be read.
    #[error("the stored certificate authority cannot be read: restore it from a backup")]
    Unreadable,
    /// The key belongs to another certificate.
    #[error("the stored key does not belong to the certificate authority: restore both from one backup")]
    KeyMismatch,
    /// OpenSSL failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

impl Authority {
    /// Makes a new self-signed authority.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn generate(common_name: &str, serial: SerialBytes, now: Timestamp) -> Result<Self, CryptoError> {
        let key = PKey::from_rsa(Rsa::generate(2048)?)?;
        let name = name_of(common_name)?;
        let mut builder = started(&name, &name, serial, now, AUTHORITY_DAYS)?;
        builder.set_pubkey(&key)?;
        builder.append_extension(BasicConstraints::new().critical().ca().pathlen(0).build()?)?;
        // digitalSignature and keyEncipherment because devices encrypt SCEP requests to this certificate and verify its
        // answers and profiles with it.
        let usage =
            KeyUsage::new().critical().key_cert_sign().crl_sign().digital_signature().key_encipherment().build()?;
        builder.append_extension(usage)?;
        let identifier = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None))?;
        builder.append_extension(identifier)?;
        builder.sign(&key, MessageDigest::sha256())?;
        let certificate = builder.build();
        let der = certificate.to_der()?;
        Ok(Self { certificate, key, der })
    }

    /// Loads the authority from its DER certificate and PKCS#8 DER key.
    ///
    /// # Errors
    /// When they cannot be read or do not belong together.
    pub fn load(certificate: &[u8], key: &[u8]) -> Result<Self, AuthorityError> {
        let der = certificate.to_vec();
        let certificate = X509::from_der(certificate).map_err(|_| AuthorityError::Unreadable)?;
        let key = PKey::private_key_from_pkcs8(key).map_err(|_| AuthorityError::Unreadable)?;
        let public = certificate.public_key().map_err(|_| AuthorityError::Unreadable)?;
        if !public.public_eq(&key) {
            return Err(AuthorityError::KeyMismatch);
        }
        Ok(Self { certificate, key, der })
    }

    /// The certificate, DER.
    #[must_use]
    pub fn certificate_der(&self) -> &[u8] {
        &self.der
    }

    /// The certificate, PEM.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn certificate_pem(&self) -> Result<String, CryptoError> {
        pem(&self.certificate)
    }

    /// The key, PKCS#8 DER: to be sealed before it is stored.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn key_der(&self) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        Ok(Zeroizing::new(self.key.private_key_to_pkcs8()?))
    }

    /// The check that accepts what this authority issued, and nothing else.
    #[must_use]
    pub fn trusted(&self) -> TrustedCa {
        TrustedCa::only(self.der.clone())
    }

    /// Issues a device identity for a public key (DER SubjectPublicKeyInfo): subject `CN=common_name` and nothing of the
    /// request, key usage digitalSignature and keyEncipherment, extended key usage clientAuth. Gives DER.
    ///
    /// # Errors
    /// When the key cannot be read or OpenSSL fails.
    pub fn issue_identity(
        &self,
        public_key: &[u8],
        common_name: &str,
        serial: SerialBytes,
        now: Timestamp,
    ) -> Result<Vec<u8>, CryptoError> {
        let public_key = PKey::public_key_from_der(public_key)?;
        let usage = ExtendedKeyUsage::new().client_auth().build()?;
        let certificate = self.issue(&public_key, common_name, serial, now, IDENTITY_DAYS, usage, &[])?;
        Ok(certificate.to_der()?)
    }

    /// Makes a TLS server certificate in the form Apple devices accept: P-256, SHA-256, names in the SAN, serverAuth, at
    /// most 825 days.
    ///
    /// # Errors
    /// When OpenSSL fails, or no name is given.
    pub fn issue_server(
        &self,
        names: &[ServerName],
        serial: SerialBytes,
        now: Timestamp,
    ) -> Result<Issued, CryptoError> {
        let mut group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
        group.set_asn1_flag(Asn1Flag::NAMED_CURVE);
        let key = PKey::from_ec_key(EcKey::generate(&group)?)?;
        let public_key = PKey::public_key_from_der(&key.public_key_to_der()?)?;
        let usage = ExtendedKeyUsage::new().server_auth().build()?;
        let common_name = match names.first() {
            // A common name holds 64 characters at most; devices look at the alternative names only.
            Some(ServerName::Dns(name)) if name.len() <= 64 => name.clone(),
            Some(ServerName::Ip(address)) => address.to_string(),
            _ => "russet".to_owned(),
        };
        let certificate = self.issue(&public_key, &common_name, serial, now, SERVER_DAYS, usage, names)?;
        Ok(Issued {
            certificate: certificate.to_der()?,
            certificate_pem: pem(&certificate)?,
            key_pem: Zeroizing::new(String::from_utf8_lossy(&key.private_key_to_pem_pkcs8()?).into_owned()),
        })
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of a certificate, named once, in one private function")]
    fn issue(
        &self,
        public_key: &PKey<Public>,
        common_name: &str,
        serial: SerialBytes,
        now: Timestamp,
        days: u32,
        purpose: openssl::x509::X509Extension,
        names: &[ServerName],
    ) -> Result<X509, CryptoError> {
        let subject = name_of(common_name)?;
        let mut builder = started(&subject, self.certificate.subject_name(), serial, now, days)?;
        builder.set_pubkey(public_key)?;
        builder.append_extension(BasicConstraints::new().critical().build()?)?;
        let mut usage = KeyUsage::new();
        usage.critical().digital_signature();
        if public_key.rsa().is_ok() {
            usage.key_encipherment();
        }
        builder.append_extension(usage.build()?)?;
        builder.append_extension(purpose)?;
        if !names.is_empty() {
            let mut alternative = SubjectAlternativeName::new();
            for name in names {
                match name {
                    ServerName::Dns(name) => alternative.dns(name),
                    ServerName::Ip(address) => alternative.ip(&address.to_string()),
                };
            }
            let extension = alternative.build(&builder.x509v3_context(Some(&self.certificate), None))?;
            builder.append_extension(extension)?;
        }
        let identifier = SubjectKeyIdentifier::new().build(&builder.x509v3_context(Some(&self.certificate), None))?;
        builder.append_extension(identifier)?;
        let context = builder.x509v3_context(Some(&self.certificate), None);
        let identifier = AuthorityKeyIdentifier::new().keyid(true).build(&context)?;
        builder.append_extension(identifier)?;
        builder.sign(&self.key, MessageDigest::sha256())?;
        Ok(builder.build())
    }
}

fn name_of(common_name: &str) -> Result<X509Name, CryptoError> {
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_nid(Nid::COMMONNAME, common_name)?;
    Ok(name.build())
}

fn started(
    subject: &openssl::x509::X509NameRef,
    issuer: &openssl::x509::X509NameRef,
    mut serial: SerialBytes,
    now: Timestamp,
    days: u32,
) -> Result<X509Builder, CryptoError> {
    // A serial number is a positive integer of at most twenty bytes: the first bit clear, the second set, so that its
    // length never varies.
    serial[0] = (serial[0] & 0x7f) | 0x40;
    let mut builder = X509Builder::new()?;
    builder.set_version(2)?;
    builder.set_subject_name(subject)?;
    builder.set_issuer_name(issuer)?;
    let serial: Asn1Integer = BigNum::from_slice(&serial)?.to_asn1_integer()?;
    builder.set_serial_number(&serial)?;
    let from = Asn1Time::from_unix(now.minus(BACKDATE).millis().div_euclid(1000))?;
    let until = Asn1Time::from_unix(now.plus(DAY * days).millis().div_euclid(1000))?;
    builder.set_not_before(&from)?;
    builder.set_not_after(&until)?;
    Ok(builder)
}

pub(crate) fn pem(certificate: &X509) -> Result<String, CryptoError> {
    Ok(String::from_utf8_lossy(&certificate.to_pem()?).into_owned())
}
