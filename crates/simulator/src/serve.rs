//! Listeners of the simulators: accept loops for TLS and plain HTTP (HTTP/1 and HTTP/2) with an orderly stop, and a handle
//! on each connection, so that a fault can end it in the middle.

use crate::StartError;
use crate::ca::{CaError, Identity};
use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a client may take for the TLS handshake.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// How long open requests may take after a stop was asked for.
const DRAIN_LIMIT: Duration = Duration::from_secs(2);

/// The connection a request came on; an extension of every request.
#[derive(Clone)]
pub struct Connection {
    /// The client's certificate (DER), where the listener asks for one.
    pub client_certificate: Option<Arc<[u8]>>,
    /// A number that names the connection; counts up per process start.
    pub number: u64,
    go_away: CancellationToken,
    cut: CancellationToken,
}

impl Connection {
    /// Tells the client to come again on another connection (GOAWAY, or `Connection: close`); open requests finish.
    pub fn go_away(&self) {
        self.go_away.cancel();
    }

    /// Ends the connection at once, without an answer.
    pub fn cut(&self) {
        self.cut.cancel();
    }
}

/// An open listener; dropping it stops it without waiting.
pub struct Listener {
    address: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// What a listener speaks.
pub enum Speaks {
    /// HTTP without TLS. For loopback only.
    Plain,
    /// HTTP/1 and HTTP/2 over TLS.
    Tls(Arc<ServerConfig>),
    /// HTTP/2 only, over TLS.
    TlsHttp2(Arc<ServerConfig>),
}

impl Listener {
    /// Opens a listener that answers with this router.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn open(listen: SocketAddr, speaks: Speaks, router: Router) -> Result<Self, StartError> {
        let socket = bind(listen).await?;
        let address = socket.local_addr().map_err(|source| StartError::Listen { listen, source })?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(accept(socket, Arc::new(speaks), router, stop.clone(), tasks.clone()));
        Ok(Self { address, stop, tasks })
    }

    /// The address it listens on, with the port that was chosen.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops: no new connections, open requests finish within two seconds.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        let _ = tokio::time::timeout(DRAIN_LIMIT, self.tasks.wait()).await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Binds a TCP listener.
///
/// # Errors
/// When the address cannot be bound.
pub async fn bind(listen: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(listen).await.map_err(|source| StartError::Listen { listen, source })
}

/// TLS settings of a server: TLS 1.2 and 1.3, and a client certificate issued by `client_roots` where given (then it is
/// mandatory).
///
/// # Errors
/// When rustls refuses the certificate.
pub fn tls(
    identity: &Identity,
    client_roots: Option<&[u8]>,
    protocols: &[&[u8]],
) -> Result<Arc<ServerConfig>, CaError> {
    let refused = |problem: &dyn std::fmt::Display| CaError::Tls(problem.to_string());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|problem| refused(&problem))?;
    let builder = match client_roots {
        None => builder.with_no_client_auth(),
        Some(root) => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(CertificateDer::from(root.to_vec())).map_err(|problem| refused(&problem))?;
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|problem| refused(&problem))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let (chain, key) = identity.for_tls()?;
    let mut config = builder.with_single_cert(chain, key).map_err(|problem| refused(&problem))?;
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(Arc::new(config))
}

async fn accept(socket: TcpListener, speaks: Arc<Speaks>, router: Router, stop: CancellationToken, tasks: TaskTracker) {
    let mut number = 0;
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, most likely: give connections time to end.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        number += 1;
        tasks.spawn(converse(stream, number, Arc::clone(&speaks), router.clone(), stop.clone()));
    }
}

async fn converse(stream: TcpStream, number: u64, speaks: Arc<Speaks>, router: Router, stop: CancellationToken) {
    let _ = stream.set_nodelay(true);
    let connection = |certificate: Option<Arc<[u8]>>| Connection {
        client_certificate: certificate,
        number,
        go_away: CancellationToken::new(),
        cut: CancellationToken::new(),
    };
    match &*speaks {
        Speaks::Plain => http(stream, connection(None), false, router, stop).await,
        Speaks::Tls(config) | Speaks::TlsHttp2(config) => {
            let handshake = TlsAcceptor::from(Arc::clone(config)).accept(stream);
            let stream = match tokio::time::timeout(HANDSHAKE_LIMIT, handshake).await {
                Ok(Ok(stream)) => stream,
                Ok(Err(problem)) => return tracing::debug!(%problem, "TLS handshake failed"),
                Err(_) => return tracing::debug!("TLS handshake took too long"),
            };
            let presented = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
            let certificate = presented.map(|certificate| Arc::from(certificate.as_ref()));
            let http2_only = matches!(&*speaks, Speaks::TlsHttp2(_));
            http(stream, connection(certificate), http2_only, router, stop).await;
        }
    }
}

async fn http<S>(stream: S, connection: Connection, http2_only: bool, router: Router, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(30));
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(1000);
    let builder = if http2_only { builder.http2_only() } else { builder };
    let service = service_fn({
        let connection = connection.clone();
        move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(connection.clone());
            let request: Request = request.map(axum::body::Body::new);
            tower_service(router.clone(), request)
        }
    });
    let conversation = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(conversation);
    let mut leaving = false;
    loop {
        tokio::select! {
            _ = conversation.as_mut() => return,
            () = connection.cut.cancelled() => return,
            () = connection.go_away.cancelled(), if !leaving => leaving = true,
            () = stop.cancelled(), if !leaving => leaving = true,
        }
        conversation.as_mut().graceful_shutdown();
    }
}

async fn tower_service(router: Router, request: Request) -> Result<axum::response::Response, std::convert::Infallible> {
    use hyper::service::Service as _;
    hyper_util::service::TowerToHyperService::new(router).call(request).await
}
