//! A simulator's own certificate authority, made with OpenSSL: server certificates, and push certificates in the form in
//! which Apple's Push Certificates Portal hands them out. Its keys protect nothing and may lie in an open folder.
//!
//! Must never be used by the server: it issues whatever it is asked for.

use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName, SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509Name, X509NameBuilder};
use russet_protocol::Topic;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::path::{Path, PathBuf};

/// Why a certificate could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// OpenSSL refused.
    #[error("OpenSSL could not make or read a certificate: {0}")]
    OpenSsl(#[from] openssl::error::ErrorStack),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// rustls refused the certificate or key.
    #[error("TLS could not be set up with the simulator's certificate: {0}")]
    Tls(String),
}

/// A simulator's own authority. Cheap to clone; two simulators may share one, so that one trust root serves both.
#[derive(Clone)]
pub struct Authority {
    certificate: X509,
    key: PKey<Private>,
}

/// A certificate with its private key.
#[derive(Clone)]
pub struct Identity {
    certificate: X509,
    key: PKey<Private>,
}

/// What clients have to trust.
const ROOTS: &str = "roots.pem";
/// The authority's certificate and key.
const AUTHORITY: &str = "simulator-ca.pem";

impl Authority {
    /// Makes a new authority (ECDSA P-256, ten years).
    ///
    /// # Errors
    /// When OpenSSL refuses.
    pub fn create(common_name: &str) -> Result<Self, CaError> {
        let key = p256()?;
        let name = name(&[("CN", common_name), ("O", "Russet simulator")])?;
        let mut builder = builder(&name, &name, &key, 3650)?;
        builder.append_extension(BasicConstraints::new().critical().ca().build()?)?;
        builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build()?)?;
        let identifier = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None))?;
        builder.append_extension(identifier)?;
        builder.sign(&key, MessageDigest::sha256())?;
        Ok(Self { certificate: builder.build(), key })
    }

    /// Reads the authority kept in a folder, or makes one and keeps it there, so that a simulator started again, or a
    /// second one with the same folder, is trusted by the same `roots.pem`. Two that start at the same moment agree on
    /// one authority.
    ///
    /// # Errors
    /// When a file cannot be read or written, or does not hold what it should.
    pub fn open_or_create(folder: &Path, common_name: &str) -> Result<Self, CaError> {
        let (kept, roots) = (folder.join(AUTHORITY), folder.join(ROOTS));
        if !kept.exists() {
            let made = Self::create(common_name)?;
            let failed = |source| CaError::File { path: kept.clone(), source };
            std::fs::create_dir_all(folder).map_err(|source| CaError::File { path: folder.to_owned(), source })?;
            let draft = folder.join(format!("{AUTHORITY}.{}", uuid::Uuid::new_v4()));
            write(&draft, &[made.roots_pem().into_bytes(), made.key.private_key_to_pem_pkcs8()?].concat())?;
            // A link never replaces: the first one wins, and its file is whole.
            let linked = std::fs::hard_link(&draft, &kept);
            std::fs::remove_file(&draft).map_err(failed)?;
            match linked {
                Err(source) if source.kind() != std::io::ErrorKind::AlreadyExists => return Err(failed(source)),
                _ => {}
            }
        }
        let pem = read(&kept)?;
        let authority = Self { certificate: X509::from_pem(&pem)?, key: PKey::private_key_from_pem(&pem)? };
        write(&roots, authority.roots_pem().as_bytes())?;
        Ok(authority)
    }

    /// The authority's certificate as PEM: what a client of the simulator has to trust.
    #[must_use]
    pub fn roots_pem(&self) -> String {
        pem(&self.certificate)
    }

    /// The authority's certificate as DER.
    ///
    /// # Errors
    /// When OpenSSL refuses.
    pub fn root_der(&self) -> Result<Vec<u8>, CaError> {
        Ok(self.certificate.to_der()?)
    }

    /// Issues a TLS server certificate for these host names and addresses (P-256, SHA-256, 397 days).
    ///
    /// # Errors
    /// When OpenSSL refuses, for example a name that is none.
    pub fn issue_server(&self, names: &[String]) -> Result<Identity, CaError> {
        let key = p256()?;
        let first = names.first().map_or("localhost", String::as_str);
        let mut builder = builder(&name(&[("CN", first)])?, self.certificate.subject_name(), &key, 397)?;
        let mut alternatives = SubjectAlternativeName::new();
        for name in names {
            if name.parse::<std::net::IpAddr>().is_ok() {
                alternatives.ip(name);
            } else {
                alternatives.dns(name);
            }
        }
        let alternatives = alternatives.build(&builder.x509v3_context(Some(&self.certificate), None))?;
        builder.append_extension(alternatives)?;
        builder.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
        builder.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?;
        self.finish(builder, key)
    }

    /// Issues a push certificate as Apple's Push Certificates Portal does: RSA 2048, subject UID = the topic, common name
    /// `APSP:…`, 365 days, for TLS clients.
    ///
    /// # Errors
    /// When OpenSSL refuses.
    pub fn issue_push_certificate(&self, topic: &Topic) -> Result<Identity, CaError> {
        let key = PKey::from_rsa(Rsa::generate(2048)?)?;
        let tail = topic.as_str().rsplit('.').next().unwrap_or_default();
        let subject = name(&[("UID", topic.as_str()), ("CN", &format!("APSP:{tail}")), ("C", "US")])?;
        let mut builder = builder(&subject, self.certificate.subject_name(), &key, 365)?;
        builder.append_extension(BasicConstraints::new().critical().build()?)?;
        builder.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
        builder.append_extension(ExtendedKeyUsage::new().client_auth().build()?)?;
        self.finish(builder, key)
    }

    /// Whether this authority issued it.
    #[must_use]
    pub fn issued(&self, identity: &Identity) -> bool {
        identity.certificate.verify(&self.key).unwrap_or(false)
    }

    fn finish(&self, mut builder: X509Builder, key: PKey<Private>) -> Result<Identity, CaError> {
        let context = builder.x509v3_context(Some(&self.certificate), None);
        let subject = SubjectKeyIdentifier::new().build(&context)?;
        let authority = AuthorityKeyIdentifier::new().keyid(true).build(&context)?;
        builder.append_extension(subject)?;
        builder.append_extension(authority)?;
        builder.sign(&self.key, MessageDigest::sha256())?;
        Ok(Identity { certificate: builder.build(), key })
    }
}

impl Identity {
    /// Reads what [`Identity::pem`] wrote.
    ///
    /// # Errors
    /// When the text holds no certificate, or no key.
    pub fn from_pem(pem: &[u8]) -> Result<Self, CaError> {
        Ok(Self { certificate: X509::from_pem(pem)?, key: PKey::private_key_from_pem(pem)? })
    }

    /// The topic of a push certificate: the UID in its subject.
    #[must_use]
    pub fn topic(&self) -> Option<Topic> {
        subject_uid(&self.certificate.to_der().ok()?)
    }

    /// The certificate as PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> String {
        pem(&self.certificate)
    }

    /// The private key as PEM (PKCS#8).
    ///
    /// # Errors
    /// When OpenSSL refuses.
    pub fn private_key_pem(&self) -> Result<String, CaError> {
        Ok(String::from_utf8_lossy(&self.key.private_key_to_pem_pkcs8()?).into_owned())
    }

    /// Certificate and key as one PEM text.
    ///
    /// # Errors
    /// When OpenSSL refuses.
    pub fn pem(&self) -> Result<String, CaError> {
        Ok(self.certificate_pem() + &self.private_key_pem()?)
    }

    /// Certificate and key as PKCS#12, sealed with a password.
    ///
    /// # Errors
    /// When OpenSSL refuses.
    pub fn pkcs12(&self, password: &str, friendly_name: &str) -> Result<Vec<u8>, CaError> {
        let bundle = Pkcs12::builder().name(friendly_name).pkey(&self.key).cert(&self.certificate).build2(password)?;
        Ok(bundle.to_der()?)
    }

    /// Certificate and key in the form rustls takes.
    ///
    /// # Errors
    /// When OpenSSL refuses.
    pub fn for_tls(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), CaError> {
        let certificate = CertificateDer::from(self.certificate.to_der()?);
        let key = PrivatePkcs8KeyDer::from(self.key.private_key_to_pkcs8()?);
        Ok((vec![certificate], PrivateKeyDer::Pkcs8(key)))
    }
}

/// The UID in the subject of a certificate (DER): the topic of a push certificate.
#[must_use]
pub fn subject_uid(der: &[u8]) -> Option<Topic> {
    let certificate = X509::from_der(der).ok()?;
    let entry = certificate.subject_name().entries_by_nid(Nid::USERID).next()?;
    Topic::new(std::str::from_utf8(entry.data().as_slice()).ok()?).ok()
}

fn p256() -> Result<PKey<Private>, CaError> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    Ok(PKey::from_ec_key(EcKey::generate(&group)?)?)
}

fn name(entries: &[(&str, &str)]) -> Result<X509Name, CaError> {
    let mut builder = X509NameBuilder::new()?;
    for (field, value) in entries {
        builder.append_entry_by_text(field, value)?;
    }
    Ok(builder.build())
}

fn builder(
    subject: &X509Name,
    issuer: &openssl::x509::X509NameRef,
    key: &PKey<Private>,
    days: u32,
) -> Result<X509Builder, CaError> {
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_serial_number(Asn1Integer::from_bn(&serial)?.as_ref())?;
    builder.set_subject_name(subject)?;
    builder.set_issuer_name(issuer)?;
    builder.set_pubkey(key)?;
    // An hour back: machines that take part in a trial rarely agree to the second.
    let hour_ago =
        i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs())
            .unwrap_or(i64::MAX)
            - 3600;
    builder.set_not_before(Asn1Time::from_unix(hour_ago)?.as_ref())?;
    builder.set_not_after(Asn1Time::days_from_now(days)?.as_ref())?;
    Ok(builder)
}

fn pem(certificate: &X509) -> String {
    String::from_utf8_lossy(&certificate.to_pem().unwrap_or_default()).into_owned()
}

fn read(path: &Path) -> Result<Vec<u8>, CaError> {
    std::fs::read(path).map_err(|source| CaError::File { path: path.to_owned(), source })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), CaError> {
    std::fs::write(path, bytes).map_err(|source| CaError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_certificate_carries_its_topic_and_chains_to_the_authority() {
        let authority = Authority::create("Simulated CA").unwrap();
        let topic = Topic::new("com.apple.mgmt.External.2d5c1f2a-0001").unwrap();
        let identity = authority.issue_push_certificate(&topic).unwrap();
        let der = identity.certificate.to_der().unwrap();
        assert_eq!(subject_uid(&der), Some(topic));
        let read = Identity::from_pem(identity.pem().unwrap().as_bytes()).unwrap();
        assert!(authority.issued(&read) && !Authority::create("Another").unwrap().issued(&read));
        assert_eq!(read.topic(), identity.topic());
        let subject = identity.certificate.subject_name();
        let common_name = subject.entries_by_nid(Nid::COMMONNAME).next().unwrap();
        assert!(common_name.data().as_slice().starts_with(b"APSP:"));
        let bundle = Pkcs12::from_der(&identity.pkcs12("secret", "push").unwrap()).unwrap().parse2("secret").unwrap();
        assert_eq!(bundle.cert.unwrap().to_der().unwrap(), der);
    }

    #[test]
    fn simulators_that_start_at_the_same_moment_agree_on_one_authority() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Authority::open_or_create(folder.path(), "Simulated CA").unwrap().roots_pem();
        let roots: Vec<String> = std::thread::scope(|scope| {
            let started: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            started.into_iter().map(|each| each.join().unwrap()).collect()
        });
        assert!(roots.iter().all(|each| *each == roots[0]));
    }

    #[test]
    fn a_folder_keeps_its_authority() {
        let folder = tempfile::tempdir().unwrap();
        let first = Authority::open_or_create(folder.path(), "Simulated CA").unwrap();
        let second = Authority::open_or_create(folder.path(), "Simulated CA").unwrap();
        assert_eq!(first.roots_pem(), second.roots_pem());
        assert_eq!(std::fs::read_to_string(folder.path().join(ROOTS)).unwrap(), first.roots_pem());
        assert!(second.issue_server(&["localhost".into(), "127.0.0.1".into()]).is_ok());
    }
}
