//! Where APNs is and how it is reached.

use http::Uri;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use std::time::Duration;

/// Whom to trust as APNs.
#[derive(Debug, Clone, Default)]
pub enum Roots {
    /// The roots of this machine.
    #[default]
    System,
    /// These certificates (PEM) and no others.
    Pem(Vec<u8>),
}

/// How APNs is reached.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `https://api.push.apple.com`; port 2197 works as well.
    pub url: String,
    /// Whom to trust.
    pub roots: Roots,
    /// Most connections at a time; a further one is opened only when those there are full.
    pub connections: usize,
    /// For one push, connecting included.
    pub deadline: Duration,
    /// How often an idle connection is pinged.
    pub ping_every: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: "https://api.push.apple.com".to_owned(),
            roots: Roots::System,
            connections: 2,
            deadline: Duration::from_secs(8),
            ping_every: Duration::from_secs(3600),
        }
    }
}

/// Why no client can be made of these settings.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The URL is none APNs can be reached at.
    #[error(
        "the push URL {0:?} must be https://HOST or https://HOST:PORT, without a path; APNs is always reached over TLS"
    )]
    Url(String),
    /// The roots cannot be read.
    #[error("the trust roots for push cannot be used: {0}; give a PEM file with at least one certificate")]
    Roots(String),
    /// The push certificate or its key cannot be used.
    #[error("the push certificate cannot be used for a connection: {0}; import it again with its own private key")]
    Certificate(String),
}

/// What a connection needs.
pub(crate) struct Target {
    pub(crate) address: (String, u16),
    pub(crate) name: ServerName<'static>,
    pub(crate) authority: String,
    pub(crate) tls: Arc<ClientConfig>,
}

impl Target {
    pub(crate) fn new(settings: &Settings, certificate_pem: &str, key_pem: &str) -> Result<Self, SetupError> {
        let wrong = || SetupError::Url(settings.url.clone());
        let uri: Uri = settings.url.parse().map_err(|_| wrong())?;
        let authority = uri.authority().ok_or_else(wrong)?;
        let plain = authority.as_str().contains('@') || !matches!(uri.path(), "" | "/") || uri.query().is_some();
        if uri.scheme_str() != Some("https") || plain {
            return Err(wrong());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host.clone()).map_err(|_| wrong())?;
        let address = (host, authority.port_u16().unwrap_or(443));
        let tls = Arc::new(client_config(&settings.roots, certificate_pem, key_pem)?);
        Ok(Self { address, name, authority: authority.as_str().to_owned(), tls })
    }
}

fn client_config(roots: &Roots, certificate_pem: &str, key_pem: &str) -> Result<ClientConfig, SetupError> {
    let fault = |error: &dyn std::fmt::Display| SetupError::Certificate(error.to_string());
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(certificate_pem.as_bytes()).collect::<Result<_, _>>().map_err(|e| fault(&e))?;
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(|e| fault(&e))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| fault(&e))?
        .with_root_certificates(root_store(roots)?)
        .with_client_auth_cert(chain, key)
        .map_err(|e| fault(&e))?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

fn root_store(roots: &Roots) -> Result<RootCertStore, SetupError> {
    let mut store = RootCertStore::empty();
    match roots {
        Roots::System => {
            let found = rustls_native_certs::load_native_certs();
            store.add_parsable_certificates(found.certs);
        }
        Roots::Pem(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|error| SetupError::Roots(error.to_string()))?;
                store.add(certificate).map_err(|error| SetupError::Roots(error.to_string()))?;
            }
        }
    }
    if store.is_empty() {
        return Err(SetupError::Roots("there are none".to_owned()));
    }
    Ok(store)
}
