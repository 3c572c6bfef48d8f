//! A simulated Apple Push Notification service, as far as device management uses it: HTTP/2 over TLS with a mandatory
//! client certificate, `POST /3/device/<token>`, answers with Apple's status and reason, and only the last undelivered
//! notification per token kept. Source: "Sending notification requests to APNs" and "Handling notification responses
//! from APNs" in Apple's documentation.
//!
//! Simulated devices hear their notifications at the courier door ([`courier`]); faults, statistics and the journal are
//! at the control door ([`control`]). Must never reach out to any other machine.

mod answer;
pub(crate) mod control;
pub mod courier;
mod push;
mod request;
mod state;

pub use answer::Refusal;
pub use state::{Event, EventKind, Fault, FaultKind, Stats};

use crate::StartError;
use crate::ca::{Authority, CaError, Identity};
use crate::clock::Clock;
use crate::journal::Journal;
use crate::serve::{self, Listener, Speaks};
use russet_protocol::{PushToken, Topic};
use state::State;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio_util::sync::{CancellationToken, DropGuard};

/// How to start the simulator.
pub struct Options {
    /// Where pushes are received (TLS, HTTP/2). Default: a free port on loopback.
    pub listen: SocketAddr,
    /// Where simulated devices wait for notifications (plain TCP). Default: a free port on loopback.
    pub courier_listen: SocketAddr,
    /// Where faults are ordered and the journal is read (plain HTTP). Default: a free port on loopback.
    pub control_listen: SocketAddr,
    /// The name clients use for this machine; stands in `push_url` and in the server certificate. Default `localhost`.
    pub host: String,
    /// The authority that issues the server certificate and push certificates. Default: a new one.
    pub authority: Option<Authority>,
    /// The simulation's clock.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            listen: anywhere,
            courier_listen: anywhere,
            control_listen: anywhere,
            host: "localhost".to_owned(),
            authority: None,
            clock: Clock::default(),
        }
    }
}

/// The running simulator. Dropping it stops it.
pub struct Simulator {
    state: Arc<State>,
    authority: Authority,
    push_url: String,
    push: Listener,
    courier: SocketAddr,
    courier_stop: DropGuard,
    control: Listener,
    control_url: String,
}

impl Simulator {
    /// Starts the simulator.
    ///
    /// # Errors
    /// When a listener cannot be opened or OpenSSL refuses to make a certificate.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let authority = match options.authority {
            Some(authority) => authority,
            None => Authority::create("Russet simulated APNs CA")?,
        };
        let state = Arc::new(State::new(options.clock));

        let identity = authority.issue_server(&serve::names(&options.host, options.listen))?;
        let tls = serve::tls(&identity, Some(&authority.root_der()?), &[b"h2"])?;
        let push = Listener::open(options.listen, Speaks::TlsHttp2(tls), push::router(Arc::clone(&state))).await?;

        let socket = serve::bind(options.courier_listen).await?;
        let listen = options.courier_listen;
        let courier = socket.local_addr().map_err(|source| StartError::Listen { listen, source })?;
        let courier_stop = CancellationToken::new();
        tokio::spawn(courier::serve(socket, Arc::clone(&state), courier_stop.clone()));

        let connections = push.connections();
        let desk = control::Desk { state: Arc::clone(&state), connections, authority: authority.clone() };
        let control = Listener::open(options.control_listen, Speaks::Plain, control::router(desk)).await?;
        Ok(Self {
            push_url: format!("https://{}:{}", options.host, push.address().port()),
            control_url: format!("http://{}", control.address()),
            courier_stop: courier_stop.drop_guard(),
            state,
            authority,
            push,
            courier,
            control,
        })
    }

    /// Where an MDM server sends its pushes, in place of `https://api.push.apple.com`; without a path.
    #[must_use]
    pub fn push_url(&self) -> &str {
        &self.push_url
    }

    /// Where simulated devices wait for their notifications.
    #[must_use]
    pub fn courier_addr(&self) -> SocketAddr {
        self.courier
    }

    /// Where faults are ordered and the journal is read (`/_sim/…`); without a path.
    #[must_use]
    pub fn control_url(&self) -> &str {
        &self.control_url
    }

    /// What an MDM server has to trust, as PEM.
    #[must_use]
    pub fn roots_pem(&self) -> String {
        self.authority.roots_pem()
    }

    /// Issues a push certificate for a topic, as Apple's Push Certificates Portal would.
    ///
    /// # Errors
    /// When OpenSSL refuses.
    pub fn issue_push_certificate(&self, topic: &Topic) -> Result<Identity, CaError> {
        self.authority.issue_push_certificate(topic)
    }

    /// Figures since the start.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.state.stats(self.push.connections().accepted())
    }

    /// What happened, in order.
    #[must_use]
    pub fn journal(&self) -> Journal<Event> {
        self.state.journal.clone()
    }

    /// Orders a fault.
    pub fn order(&self, fault: Fault) {
        self.state.order(fault);
    }

    /// Makes a token dead: pushes to it are answered with 410 and this reason (`Unregistered` or `ExpiredToken`).
    pub fn unregister(&self, token: &PushToken, reason: &str) {
        self.state.set_dead(&token.to_hex(), Some(reason));
    }

    /// Tells every open connection to end (GOAWAY).
    pub fn go_away(&self) {
        self.push.connections().open().iter().for_each(serve::Connection::go_away);
    }

    /// Stops the simulator; open requests finish within two seconds.
    pub async fn stop(self) {
        drop(self.courier_stop);
        self.push.stop().await;
        self.control.stop().await;
    }
}
