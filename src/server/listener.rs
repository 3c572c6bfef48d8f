//! One listener: accepts connections, bounds what each may cost, hands requests to a router, and stops in order.

use super::{PeerAddress, PeerCertificate};
use axum::Router;
use axum::body::Body;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use rustls::ServerConfig;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tower_http::catch_panic::CatchPanicLayer;

/// What one listener allows.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once; more wait unaccepted.
    pub connections: usize,
    /// For the TLS handshake.
    pub handshake: Duration,
    /// For the head of an HTTP/1 request.
    pub header: Duration,
    /// For a whole request, its body and its answer's making; then 503.
    pub request: Duration,
    /// For requests under way when the listener stops.
    pub drain: Duration,
    /// Requests at once on one HTTP/2 connection.
    pub streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 8192,
            handshake: Duration::from_secs(10),
            header: Duration::from_secs(15),
            request: Duration::from_secs(60),
            drain: Duration::from_secs(10),
            streams: 64,
        }
    }
}

/// A bound address that does not accept yet.
#[derive(Debug)]
pub struct Listener {
    inner: TcpListener,
    address: SocketAddr,
}

/// Binds an address.
///
/// # Errors
/// Where the address is taken or not this machine's.
pub async fn bind(address: SocketAddr) -> std::io::Result<Listener> {
    let inner = TcpListener::bind(address).await?;
    let address = inner.local_addr()?;
    Ok(Listener { inner, address })
}

impl Listener {
    /// Where it listens; the port is real also where 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`, then lets requests under way end within [`Limits::drain`]. Plain HTTP without `tls`.
    pub async fn serve(self, tls: Option<Arc<ServerConfig>>, router: Router, limits: Limits, stop: CancellationToken) {
        let router = router.layer(CatchPanicLayer::new());
        let acceptor = tls.map(TlsAcceptor::from);
        let room = Arc::new(Semaphore::new(limits.connections));
        let graceful = Arc::new(GracefulShutdown::new());
        loop {
            let Ok(permit) = room.clone().acquire_owned().await else { break };
            let (stream, peer) = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.accept() => accepted,
            };
            let connection =
                Connection { peer, router: router.clone(), limits, graceful: graceful.clone(), stop: stop.clone() };
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                connection.run(stream, acceptor).await;
                drop(permit);
            });
        }
        drop(self.inner);
        // Connections that are still shaking hands see `stop` themselves and let go of their share.
        let wait = async {
            let mut shared = graceful;
            loop {
                match Arc::try_unwrap(shared) {
                    Ok(alone) => break alone.shutdown().await,
                    Err(others) => shared = others,
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(limits.drain, wait).await.is_err() {
            tracing::warn!(address = %self.address, "requests were still under way when the listener stopped");
        }
    }

    /// The next connection. Errors of accepting are the machine's (no more file handles): waits a little, and longer each
    /// time, rather than spin.
    async fn accept(&self) -> (TcpStream, SocketAddr) {
        let mut pause = Duration::from_millis(5);
        loop {
            match self.inner.accept().await {
                Ok(accepted) => return accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(1));
                }
            }
        }
    }
}

struct Connection {
    peer: SocketAddr,
    router: Router,
    limits: Limits,
    graceful: Arc<GracefulShutdown>,
    stop: CancellationToken,
}

impl Connection {
    async fn run(self, stream: TcpStream, acceptor: Option<TlsAcceptor>) {
        // Answers are small and awaited: do not hold them back to fill a packet.
        let _ = stream.set_nodelay(true);
        let Some(acceptor) = acceptor else {
            return self.speak(stream, PeerCertificate(None)).await;
        };
        let shaken = tokio::select! {
            () = self.stop.cancelled() => return,
            shaken = tokio::time::timeout(self.limits.handshake, acceptor.accept(stream)) => shaken,
        };
        match shaken {
            Ok(Ok(stream)) => {
                let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
                let certificate = PeerCertificate(shown.map(|der| Arc::from(der.as_ref())));
                self.speak(stream, certificate).await;
            }
            Ok(Err(error)) => tracing::debug!(peer = %self.peer, %error, "TLS handshake failed"),
            Err(_) => tracing::debug!(peer = %self.peer, "TLS handshake took too long"),
        }
    }

    async fn speak<S>(self, stream: S, certificate: PeerCertificate)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { peer, router, limits, graceful, stop: _ } = self;
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(PeerAddress(peer));
            request.extensions_mut().insert(certificate.clone());
            answer(router.clone(), request, limits.request)
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.header).max_buf_size(64 * 1024);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits.streams)
            .max_header_list_size(32 * 1024)
            .keep_alive_interval(Duration::from_secs(30))
            .keep_alive_timeout(Duration::from_secs(10));
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let watched = graceful.watch(connection);
        drop(graceful);
        if let Err(error) = watched.await {
            tracing::debug!(%peer, %error, "the connection ended with an error");
        }
    }
}

/// The router's answer, or 503 where it takes too long: a peer that sends its body drop by drop must not hold a
/// connection for good. Never a 4xx, which a device would take as its own fault.
async fn answer(router: Router, request: Request<Body>, limit: Duration) -> Result<Response<Body>, Infallible> {
    match tokio::time::timeout(limit, router.oneshot(request)).await {
        Ok(answered) => answered,
        Err(_) => {
            let mut late = Response::new(Body::empty());
            *late.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            Ok(late)
        }
    }
}
