//! Apple's escrow key unlock: takes the Activation Lock off a device with its bypass code, under the push certificate.
//! Source: Apple docs, Creating and using bypass codes.
//!
//! Must never log a bypass code, nor repeat a request by itself: what Apple says is the caller's to judge.

use super::certificates;
use crate::context::Context;
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use russet_store::StoreError;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// How long Apple may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Largest answer that is handed on, in bytes. Apple's are empty or one line.
const LARGEST: usize = 64 * 1024;

/// What Apple wants to know.
pub struct Unlock {
    /// `serial`, `productType`, and where the device has them `imei`, `imei2`, `meid`: they travel in the address.
    pub query: Vec<(&'static str, String)>,
    /// `orgName` and `guid` for Apple's records, and `escrowKey`, the bypass code: they travel in the body.
    pub form: Vec<(&'static str, Zeroizing<String>)>,
}

/// What Apple said.
#[derive(Debug)]
pub struct Said {
    /// 200: unlocked; 400: malformed; 404: no such device, or another code; 500: try again later.
    pub status: StatusCode,
    /// The body's media type.
    pub content_type: Option<HeaderValue>,
    /// The body.
    pub body: Bytes,
}

/// Why Apple was not asked, or did not answer.
#[derive(Debug, thiserror::Error)]
pub enum EscrowError {
    /// Another topic than that of the push certificate in use, or there is none.
    #[error("there is no push certificate for this topic; `russet admin push-certificate show` names the one in use")]
    OtherTopic,
    /// The push certificate, the roots or the address cannot be used.
    #[error("Apple cannot be asked: {0}")]
    Unusable(String),
    /// No answer.
    #[error("Apple's unlock service did not answer: {0}; try again, or look at apple.escrow_unlock_url")]
    NoAnswer(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Asks Apple once. `topic` names the push certificate that vouches for us.
///
/// # Errors
/// Where there is no such certificate, or no answer; never for what Apple answers.
pub async fn unlock(ctx: &Context, topic: &str, what: &Unlock) -> Result<Said, EscrowError> {
    let current = certificates::current(&mut *ctx.store.read().await?).await?;
    let current = current.filter(|current| current.topic.as_str() == topic).ok_or(EscrowError::OtherTopic)?;
    let (chain, key) = certificates::for_handshake(ctx, &current.fingerprint).await?.ok_or(EscrowError::OtherTopic)?;
    let tls = client_config(ctx, &chain, &key).await.map_err(EscrowError::Unusable)?;
    let connector = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
    let client: Client<_, Full<Bytes>> =
        Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector.build());
    let query = encoded(what.query.iter().map(|(key, value)| (*key, value.as_str())));
    let form = Zeroizing::new(encoded(what.form.iter().map(|(key, value)| (*key, value.as_str()))));
    let request = Request::post(format!("{}?{query}", ctx.config.apple.escrow_unlock_url))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Full::new(Bytes::copy_from_slice(form.as_bytes())))
        .map_err(|error| EscrowError::Unusable(error.to_string()))?;
    let exchange = async {
        let (parts, body) = client.request(request).await.map_err(|error| innermost(&error))?.into_parts();
        let body = Limited::new(body, LARGEST).collect().await.map_err(|error| error.to_string())?.to_bytes();
        let content_type = parts.headers.get(header::CONTENT_TYPE).cloned();
        Ok::<_, String>(Said { status: parts.status, content_type, body })
    };
    match tokio::time::timeout(PATIENCE, exchange).await {
        Ok(said) => said.map_err(EscrowError::NoAnswer),
        Err(_) => Err(EscrowError::NoAnswer(format!("nothing came within {} seconds", PATIENCE.as_secs()))),
    }
}

fn encoded<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

async fn client_config(ctx: &Context, chain: &str, key: &[u8]) -> Result<rustls::ClientConfig, String> {
    let mut roots = rustls::RootCertStore::empty();
    match &ctx.config.apple.escrow_unlock_roots {
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        Some(path) => {
            let unreadable = |error: &dyn std::fmt::Display| format!("apple.escrow_unlock_roots: {error}");
            let pem = tokio::fs::read(path).await.map_err(|error| unreadable(&error))?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate = certificate.map_err(|error| unreadable(&error))?;
                roots.add(certificate).map_err(|error| unreadable(&error))?;
            }
        }
    }
    let damaged = |_| "the stored push certificate is damaged: import it again".to_owned();
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<Vec<_>, _>>().map_err(damaged)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(damaged)?;
    rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_root_certificates(roots).with_client_auth_cert(chain, key))
        .map_err(|error| error.to_string())
}

/// The cause that a person can do something about lies at the bottom of the chain.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut at = error;
    while let Some(source) = at.source() {
        at = source;
    }
    at.to_string()
}
