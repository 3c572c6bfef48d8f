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
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
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
    /// A number that names the connection; counts up from 1 for each listener.
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

/// The connections of a listener that are open now. Clones see the same connections.
#[derive(Clone, Default)]
pub struct Connections {
    shared: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    accepted: u64,
    open: HashMap<u64, Connection>,
}

impl Connections {
    /// The connections open now, those whose handshake is done.
    #[must_use]
    pub fn open(&self) -> Vec<Connection> {
        self.lock().open.values().cloned().collect()
    }

    /// How many connections got through their handshake since the start.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.lock().accepted
    }

    fn enter(&self, client_certificate: Option<Arc<[u8]>>) -> Connection {
        let mut shared = self.lock();
        shared.accepted += 1;
        let connection = Connection {
            client_certificate,
            number: shared.accepted,
            go_away: CancellationToken::new(),
            cut: CancellationToken::new(),
        };
        shared.open.insert(connection.number, connection.clone());
        connection
    }

    fn leave(&self, number: u64) {
        self.lock().open.remove(&number);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Open> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open listener; dropping it stops it without waiting.
pub struct Listener {
    address: SocketAddr,
    connections: Connections,
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
        let connections = Connections::default();
        let house = House { speaks: Arc::new(speaks), router, connections: connections.clone(), stop: stop.clone() };
        tasks.spawn(accept(socket, house, tasks.clone()));
        Ok(Self { address, connections, stop, tasks })
    }

    /// The connections open now.
    #[must_use]
    pub fn connections(&self) -> Connections {
        self.connections.clone()
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

/// The names and addresses a server certificate is for: the host asked for, and this machine by its loopback names where
/// it listens on loopback.
#[must_use]
pub fn names(host: &str, listen: SocketAddr) -> Vec<String> {
    let mut names = vec![host.to_owned(), "localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if !listen.ip().is_loopback() && !listen.ip().is_unspecified() {
        names.push(listen.ip().to_string());
    }
    names.sort();
    names.dedup();
    names
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

#[derive(Clone)]
struct House {
    speaks: Arc<Speaks>,
    router: Router,
    connections: Connections,
    stop: CancellationToken,
}

async fn accept(socket: TcpListener, house: House, tasks: TaskTracker) {
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            () = house.stop.cancelled() => return,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, most likely: give connections time to end.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        tasks.spawn(converse(stream, house.clone()));
    }
}

async fn converse(stream: TcpStream, house: House) {
    let _ = stream.set_nodelay(true);
    match &*house.speaks {
        Speaks::Plain => http(stream, house.connections.enter(None), false, &house).await,
        Speaks::Tls(config) | Speaks::TlsHttp2(config) => {
            let handshake = TlsAcceptor::from(Arc::clone(config)).accept(stream);
            let stream = match tokio::time::timeout(HANDSHAKE_LIMIT, handshake).await {
                Ok(Ok(stream)) => stream,
                Ok(Err(problem)) => return tracing::debug!(%problem, "TLS handshake failed"),
                Err(_) => return tracing::debug!("TLS handshake took too long"),
            };
            let presented = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
            let certificate = presented.map(|certificate| Arc::from(certificate.as_ref()));
            let http2_only = matches!(&*house.speaks, Speaks::TlsHttp2(_));
            http(stream, house.connections.enter(certificate), http2_only, &house).await;
        }
    }
}

async fn http<S>(stream: S, connection: Connection, http2_only: bool, house: &House)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(30));
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(1000);
    let builder = if http2_only { builder.http2_only() } else { builder };
    let service = service_fn({
        let (connection, router) = (connection.clone(), house.router.clone());
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
            _ = conversation.as_mut() => break,
            () = connection.cut.cancelled() => break,
            () = connection.go_away.cancelled(), if !leaving => leaving = true,
            () = house.stop.cancelled(), if !leaving => leaving = true,
        }
        conversation.as_mut().graceful_shutdown();
    }
    house.connections.leave(connection.number);
}

async fn tower_service(router: Router, request: Request) -> Result<axum::response::Response, std::convert::Infallible> {
    use hyper::service::Service as _;
    hyper_util::service::TowerToHyperService::new(router).call(request).await
}
