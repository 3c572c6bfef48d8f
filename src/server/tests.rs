//! The listener on real sockets: who the peer is, what is too slow, and how it stops.

use super::*;
use axum::routing::get;
use axum::{Extension, Router};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

struct Fixture {
    address: SocketAddr,
    stop: CancellationToken,
    served: tokio::task::JoinHandle<()>,
    connector: tokio_rustls::TlsConnector,
}

fn identity(name: &str) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    (made.cert.der().clone(), PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap())
}

async fn fixture(router: Router, limits: Limits, client: Option<&str>) -> Fixture {
    install_crypto();
    let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let certificate =
        tls::ServerCertificate::from_pem(own.cert.pem().as_bytes(), own.signing_key.serialize_pem().as_bytes())
            .unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(own.cert.der().clone()).unwrap();
    let builder = rustls::ClientConfig::builder().with_root_certificates(roots);
    let config = match client {
        Some(name) => {
            let (certificate, key) = identity(name);
            builder.with_client_auth_cert(vec![certificate], key).unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = listener.address();
    let stop = CancellationToken::new();
    let settings = tls::settings(&certificate, true).unwrap();
    let served = tokio::spawn(listener.serve(Some(settings), router, limits, stop.clone()));
    Fixture { address, stop, served, connector: Arc::new(config).into() }
}

async fn ask(fixture: &Fixture, path: &str) -> String {
    let stream = TcpStream::connect(fixture.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = fixture.connector.connect(name, stream).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // The peer may close without a close_notify; what came before counts.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

fn who() -> Router {
    Router::new().route(
        "/",
        get(|Extension(PeerCertificate(peer)): Extension<PeerCertificate>| async move {
            peer.map_or("none".to_owned(), |der| format!("{} bytes", der.len()))
        }),
    )
}

#[tokio::test]
async fn a_client_certificate_is_optional_and_nobody_judges_it_here() {
    let without = fixture(who(), Limits::default(), None).await;
    assert!(ask(&without, "/").await.ends_with("none"));
    // Self-signed by a stranger: the handshake succeeds, the application sees it.
    let with = fixture(who(), Limits::default(), Some("stranger")).await;
    assert!(ask(&with, "/").await.ends_with(" bytes"));
}

#[tokio::test]
async fn a_request_under_way_ends_before_the_listener_is_gone() {
    let (entered, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (e, g) = (entered.clone(), go.clone());
    let handler = move || {
        let (e, g) = (e.clone(), g.clone());
        async move {
            e.notify_one();
            g.notified().await;
            "finished"
        }
    };
    let fixture = Arc::new(fixture(Router::new().route("/", get(handler)), Limits::default(), None).await);
    let asked = tokio::spawn({
        let fixture = fixture.clone();
        async move { ask(&fixture, "/").await }
    });
    entered.notified().await;
    fixture.stop.cancel();
    go.notify_one();
    assert!(asked.await.unwrap().ends_with("finished"));
    let fixture = Arc::into_inner(fixture).unwrap();
    tokio::time::timeout(Duration::from_secs(5), fixture.served).await.unwrap().unwrap();
    assert!(TcpStream::connect(fixture.address).await.is_err());
}

#[tokio::test]
async fn what_is_too_slow_or_panics_is_answered_and_costs_no_connection() {
    let limits =
        Limits { request: Duration::from_millis(50), handshake: Duration::from_millis(50), ..Limits::default() };
    let router = Router::new().route("/slow", get(std::future::pending::<()>)).route(
        "/panic",
        get(|| async {
            if true {
                panic!("on purpose")
            }
        }),
    );
    let fixture = fixture(router, limits, None).await;
    assert!(ask(&fixture, "/slow").await.starts_with("HTTP/1.1 503"));
    assert!(ask(&fixture, "/panic").await.starts_with("HTTP/1.1 500"));
    // A peer that never begins its handshake is let go.
    let mut silent = TcpStream::connect(fixture.address).await.unwrap();
    let read = tokio::time::timeout(Duration::from_secs(5), silent.read(&mut [0; 8])).await.unwrap();
    assert!(matches!(read, Ok(0) | Err(_)));
}
