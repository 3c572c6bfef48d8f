//! Few long-lived connections, shared by all pushes of one certificate. A further one is opened only when those there
//! carry as many streams as APNs allows: opening and closing a connection for each push may be taken for abuse.

use crate::client::SendError;
use crate::settings::Target;
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long a ping may stay unanswered before the connection counts as gone.
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Streams used before APNs has told its limit: one, since a burst beyond a limit not heard yet would be refused.
const INITIAL_STREAMS: usize = 1;

/// One connection, and how many pushes are under way on it.
struct Connection {
    number: usize,
    sender: SendRequest<Full<Bytes>>,
    under_way: Arc<AtomicUsize>,
    /// How many streams APNs allows on it, as last told (SETTINGS_MAX_CONCURRENT_STREAMS).
    allowed: Arc<AtomicUsize>,
}

/// A turn on a connection; ends when dropped.
pub(crate) struct Turn {
    pub(crate) sender: SendRequest<Full<Bytes>>,
    /// Which connection it is on, for [`Connections::forget`].
    pub(crate) number: usize,
    under_way: Arc<AtomicUsize>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(crate) struct Connections {
    target: Target,
    most: usize,
    ping_every: Duration,
    open: Mutex<Vec<Connection>>,
    /// Held while connecting, so that a burst opens one connection and not hundreds.
    opening: tokio::sync::Mutex<()>,
    opened: AtomicUsize,
}

impl Connections {
    pub(crate) fn new(target: Target, most: usize, ping_every: Duration) -> Self {
        let open = Mutex::new(Vec::new());
        Self {
            target,
            most: most.max(1),
            ping_every,
            open,
            opening: tokio::sync::Mutex::new(()),
            opened: AtomicUsize::new(0),
        }
    }

    pub(crate) fn authority(&self) -> &str {
        &self.target.authority
    }

    fn open(&self) -> MutexGuard<'_, Vec<Connection>> {
        // The list is whole between any two statements, so a panic elsewhere does not spoil it.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The least busy connection: `(turn, whether it is full, how many are open)`.
    fn least_busy(&self) -> Option<(Turn, bool, usize)> {
        let mut open = self.open();
        open.retain(|connection| !connection.sender.is_closed());
        let count = open.len();
        let best = open.iter().min_by_key(|connection| connection.under_way.load(Ordering::Relaxed))?;
        let busy = best.under_way.fetch_add(1, Ordering::Relaxed);
        let full = busy >= best.allowed.load(Ordering::Relaxed).max(1);
        let turn = Turn { sender: best.sender.clone(), number: best.number, under_way: Arc::clone(&best.under_way) };
        Some((turn, full, count))
    }

    /// A turn on an open connection, or on a new one.
    pub(crate) async fn turn(&self) -> Result<Turn, SendError> {
        let _gate = match self.least_busy() {
            Some((turn, false, _)) => return Ok(turn),
            Some((turn, true, count)) if count >= self.most => return Ok(turn),
            // Full, and another may be opened: by one of us, the others queue on what is there.
            Some((turn, true, _)) => match self.opening.try_lock() {
                Ok(gate) => gate,
                Err(_) => return Ok(turn),
            },
            None => self.opening.lock().await,
        };
        // Whoever held the gate before may have opened what is needed, or the last one that is allowed.
        match self.least_busy() {
            Some((turn, full, count)) if !full || count >= self.most => return Ok(turn),
            _ => {}
        }
        let (sender, allowed) = self.connect().await?;
        let under_way = Arc::new(AtomicUsize::new(1));
        let number = self.opened.fetch_add(1, Ordering::Relaxed);
        self.open().push(Connection { number, sender: sender.clone(), under_way: Arc::clone(&under_way), allowed });
        Ok(Turn { sender, number, under_way })
    }

    /// Takes no further push to this connection; those under way end on it. Others stay: when one connection ends under
    /// many pushes, each of them comes here, and all go on together on one new connection.
    pub(crate) fn forget(&self, number: usize) {
        self.open().retain(|connection| connection.number != number);
    }

    async fn connect(&self) -> Result<(SendRequest<Full<Bytes>>, Arc<AtomicUsize>), SendError> {
        let (host, port) = (&self.target.address.0, self.target.address.1);
        let tcp = TcpStream::connect((host.as_str(), port)).await.map_err(|e| SendError::connect(&e))?;
        tcp.set_nodelay(true).map_err(|e| SendError::connect(&e))?;
        let connector = TlsConnector::from(Arc::clone(&self.target.tls));
        let tls = connector.connect(self.target.name.clone(), tcp).await.map_err(|e| SendError::connect(&e))?;
        if tls.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err(SendError::Connect("the other side does not speak HTTP/2".to_owned()));
        }
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(self.ping_every)
            .keep_alive_timeout(PING_TIMEOUT)
            .keep_alive_while_idle(true)
            .initial_max_send_streams(INITIAL_STREAMS)
            .handshake(TokioIo::new(tls))
            .await
            .map_err(|e| SendError::connect(&e))?;
        let allowed = Arc::new(AtomicUsize::new(INITIAL_STREAMS));
        let told = Arc::clone(&allowed);
        tokio::spawn(async move {
            let mut connection = pin!(connection);
            let ended = poll_fn(|cx| {
                let state = connection.as_mut().poll(cx);
                told.store(connection.current_max_send_streams(), Ordering::Relaxed);
                state
            });
            if let Err(error) = ended.await {
                tracing::debug!(%error, "a connection to APNs ended");
            }
        });
        Ok((sender, allowed))
    }
}
