//! The transport against a small local push service: TLS with a private authority, client certificate required, HTTP/2.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use russet_apns::{Client, MdmPush, Roots, SendError, Settings, Verdict};
use rustls::RootCertStore;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

type Seen = Arc<Mutex<Vec<(http::request::Parts, Bytes)>>>;
type Reply = fn(usize) -> Option<(u16, &'static str)>;

struct Service {
    url: String,
    roots: Vec<u8>,
    certificate: String,
    key: String,
    seen: Seen,
    connections: Arc<AtomicUsize>,
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Starts the service. `reply` is asked with the number of the request; `None` breaks the connection without an answer.
async fn start(reply: Reply, streams: u32) -> Service {
    let ca = authority();
    let server_key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&server_key, &ca).unwrap();
    let client_key = KeyPair::generate().unwrap();
    let client = CertificateParams::new(vec!["push".to_owned()]).unwrap().signed_by(&client_key, &ca).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(ca.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(server_key.serialize_der()));
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![server.der().clone()], key)
        .unwrap();
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let (seen, connections) = (Seen::default(), Arc::new(AtomicUsize::new(0)));
    let (shared, count, acceptor) = (Arc::clone(&seen), Arc::clone(&connections), TlsAcceptor::from(Arc::new(tls)));
    tokio::spawn(async move {
        let requests = Arc::new(AtomicUsize::new(0));
        while let Ok((tcp, _)) = listener.accept().await {
            let (shared, requests, acceptor) = (Arc::clone(&shared), Arc::clone(&requests), acceptor.clone());
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let Ok(tls) = acceptor.accept(tcp).await else { return };
                let service = service_fn(move |request: http::Request<Incoming>| {
                    let (shared, number) = (Arc::clone(&shared), requests.fetch_add(1, Ordering::SeqCst));
                    async move {
                        let (parts, body) = request.into_parts();
                        let body = body.collect().await.unwrap().to_bytes();
                        shared.lock().unwrap().push((parts, body));
                        match reply(number) {
                            Some((status, body)) => Ok(Response::builder()
                                .status(StatusCode::from_u16(status).unwrap())
                                .body(Full::new(Bytes::from_static(body.as_bytes())))
                                .unwrap()),
                            None => Err("broken on purpose"),
                        }
                    }
                });
                let _ = http2::Builder::new(TokioExecutor::new())
                    .max_concurrent_streams(streams)
                    .serve_connection(TokioIo::new(tls), service)
                    .await;
            });
        }
    });
    Service {
        url,
        roots: ca.pem().into_bytes(),
        certificate: client.pem(),
        key: client_key.serialize_pem(),
        seen,
        connections,
    }
}

impl Service {
    fn settings(&self) -> Settings {
        Settings { url: self.url.clone(), roots: Roots::Pem(self.roots.clone()), ..Settings::default() }
    }

    fn client(&self) -> Client {
        Client::new(&self.settings(), &self.certificate, &self.key).unwrap()
    }
}

fn push() -> MdmPush<'static> {
    MdmPush::new("00ff17", "MAGIC", "com.apple.mgmt.External.x", 1_700_000_000)
}

#[tokio::test]
async fn a_push_carries_what_apple_asks_for() {
    let service = start(|_| Some((200, "")), 100).await;
    let answer = service.client().send(&push()).await.unwrap();
    assert_eq!(answer.verdict(), Verdict::Accepted);
    let seen = service.seen.lock().unwrap();
    let (parts, body) = &seen[0];
    assert_eq!((parts.method.as_str(), parts.uri.path()), ("POST", "/3/device/00ff17"));
    let header = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap());
    assert_eq!(header("apns-topic"), Some("com.apple.mgmt.External.x"));
    assert_eq!(header("apns-push-type"), Some("mdm"));
    assert_eq!(header("apns-priority"), Some("10"));
    assert_eq!(header("apns-expiration"), Some("1700000000"));
    assert_eq!(body.as_ref(), br#"{"mdm":"MAGIC"}"#);
}

#[tokio::test]
async fn a_refusal_is_an_answer() {
    let service = start(|_| Some((410, r#"{"reason":"Unregistered","timestamp":99}"#)), 100).await;
    let answer = service.client().send(&push()).await.unwrap();
    assert_eq!(answer.verdict(), Verdict::TokenDead { since: Some(99) });
}

#[tokio::test]
async fn a_broken_stream_is_sent_once_more_on_a_new_connection() {
    let service = start(|number| (number > 0).then_some((200, "")), 100).await;
    assert_eq!(service.client().send(&push()).await.unwrap().verdict(), Verdict::Accepted);
    assert_eq!(service.connections.load(Ordering::SeqCst), 2);

    let never = start(|_| None, 100).await;
    assert!(matches!(never.client().send(&push()).await, Err(SendError::Lost(_))));
    assert_eq!(never.seen.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn many_pushes_share_few_connections() {
    let service = start(|_| Some((200, "")), 4).await;
    let client = Arc::new(service.client());
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let client = Arc::clone(&client);
        all.spawn(async move { client.send(&push()).await.unwrap().verdict() });
    }
    while let Some(verdict) = all.join_next().await {
        assert_eq!(verdict.unwrap(), Verdict::Accepted);
    }
    assert!(service.connections.load(Ordering::SeqCst) <= 2);
}

#[tokio::test]
async fn a_stranger_as_apns_and_a_stranger_as_client_are_refused() {
    let service = start(|_| Some((200, "")), 100).await;
    let other = authority();
    let settings = Settings { roots: Roots::Pem(other.pem().into_bytes()), ..service.settings() };
    let client = Client::new(&settings, &service.certificate, &service.key).unwrap();
    assert!(matches!(client.send(&push()).await, Err(SendError::Connect(_))));

    let key = KeyPair::generate().unwrap();
    let foreign = CertificateParams::new(vec!["push".to_owned()]).unwrap().signed_by(&key, &other).unwrap();
    let client = Client::new(&service.settings(), &foreign.pem(), &key.serialize_pem()).unwrap();
    let refused = client.send(&push()).await.unwrap_err();
    assert!(matches!(refused, SendError::CertificateRefused(_)), "{refused:?}");
}

#[tokio::test]
async fn silence_ends_at_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let service = start(|_| Some((200, "")), 100).await;
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let settings = Settings { url, deadline: Duration::from_millis(80), ..service.settings() };
    let client = Client::new(&settings, &service.certificate, &service.key).unwrap();
    assert!(matches!(client.send(&push()).await, Err(SendError::Deadline(_))));
}

#[test]
fn only_a_bare_https_url_is_taken() {
    for url in ["http://localhost:1", "https://", "https://a@b", "https://host/path", "ftp://host", "host"] {
        let settings = Settings { url: url.to_owned(), ..Settings::default() };
        assert!(Client::new(&settings, "", "").is_err(), "{url}");
    }
}
