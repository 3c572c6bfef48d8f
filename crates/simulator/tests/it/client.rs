//! A plain client for the simulators: rustls and hyper, nothing of ours.

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use russet_simulator::ca::Identity;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::sync::Arc;

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) async fn of(response: http::Response<Incoming>) -> Self {
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self { status: head.status.as_u16(), headers: head.headers, body }
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

/// TLS settings that trust only these roots, with a client certificate where given.
pub(crate) fn tls(roots_pem: &str, identity: Option<&Identity>) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(roots_pem.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let builder = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let (chain, key) = identity.for_tls().unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    }
}

/// One HTTP/2 connection over TLS.
pub(crate) async fn http2(
    url: &str,
    mut tls: rustls::ClientConfig,
) -> Result<hyper::client::conn::http2::SendRequest<Full<Bytes>>, Box<dyn std::error::Error>> {
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let uri: http::Uri = url.parse()?;
    let (host, port) = (uri.host().unwrap().to_owned(), uri.port_u16().unwrap());
    let stream = tokio::net::TcpStream::connect((host.as_str(), port)).await?;
    let name = rustls::pki_types::ServerName::try_from(host)?;
    let stream = tokio_rustls::TlsConnector::from(Arc::new(tls)).connect(name, stream).await?;
    let (send, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(send)
}

/// A request over plain HTTP, for control doors.
pub(crate) async fn plain(method: &str, url: &str, body: Option<serde_json::Value>) -> Answer {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
    let request = http::Request::builder()
        .method(method)
        .uri(url)
        .header("content-type", "application/json")
        .body(Full::new(body))
        .unwrap();
    Answer::of(client.request(request).await.unwrap()).await
}
