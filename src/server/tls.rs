//! TLS settings of a listener, with a certificate that can be replaced while it runs.

use super::client_certificate::AnyWellFormed;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::sync::{Arc, PoisonError, RwLock};

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The chain holds no certificate, or something that is none.
    #[error("the TLS certificate chain cannot be read: it must be PEM, leaf first")]
    Chain,
    /// The key cannot be read.
    #[error("the TLS key cannot be read: it must be PEM, without a password")]
    Key,
    /// Key and certificate do not fit each other, or rustls refuses them.
    #[error("the TLS certificate and its key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

/// The certificate a listener shows; the next handshake sees a replaced one. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ServerCertificate(Arc<RwLock<Arc<CertifiedKey>>>);

impl ServerCertificate {
    /// From PEM texts.
    ///
    /// # Errors
    /// Where they cannot be read or do not fit each other.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        Ok(Self(Arc::new(RwLock::new(Arc::new(certified(chain, key)?)))))
    }

    /// Replaces it.
    ///
    /// # Errors
    /// As [`ServerCertificate::from_pem`]; the old one then stays.
    pub fn replace(&self, chain: &[u8], key: &[u8]) -> Result<(), TlsError> {
        let next = Arc::new(certified(chain, key)?);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }
}

impl ResolvesServerCert for ServerCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// TLS 1.2 and 1.3, HTTP/2 before HTTP/1.1. With `ask` the peer may show a certificate of its own.
///
/// # Errors
/// Where rustls refuses the settings.
pub fn settings(certificate: &ServerCertificate, ask: bool) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let builder = if ask {
        builder.with_client_cert_verifier(Arc::new(AnyWellFormed(provider)))
    } else {
        builder.with_no_client_auth()
    };
    let mut settings = builder.with_cert_resolver(Arc::new(certificate.clone()));
    settings.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(settings))
}

fn certified(chain: &[u8], key: &[u8]) -> Result<CertifiedKey, TlsError> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(chain).collect::<Result<_, _>>().map_err(|_| TlsError::Chain)?;
    if chain.is_empty() {
        return Err(TlsError::Chain);
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::Key)?;
    let certified = CertifiedKey::new(chain, rustls::crypto::ring::sign::any_supported_type(&key)?);
    certified.keys_match()?;
    Ok(certified)
}
