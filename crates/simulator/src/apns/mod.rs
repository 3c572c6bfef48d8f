//! A simulated Apple Push Notification service, as far as device management uses it: HTTP/2 over TLS with a mandatory
//! client certificate, `POST /3/device/<token>`, answers with Apple's status and reason, and only the last undelivered
//! notification per token kept. Source: "Sending notification requests to APNs" and "Handling notification responses
//! from APNs" in Apple's documentation.
//!
//! Simulated devices hear their notifications at the courier door ([`courier`]); faults, statistics and the journal are
//! at the control door ([`control`]). Must never reach out to any other machine.

use crate::StartError;
use crate::ca::{Authority, CaError, Identity};
use crate::clock::Clock;
use russet_protocol::Topic;
use std::net::{Ipv4Addr, SocketAddr};

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
    authority: Authority,
    push_url: String,
    courier: SocketAddr,
    control_url: String,
}

impl Simulator {
    /// Starts the simulator.
    ///
    /// # Errors
    /// When a listener cannot be opened or OpenSSL refuses to make a certificate.
    #[expect(clippy::unused_async, reason = "listeners follow")]
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let authority = match options.authority {
            Some(authority) => authority,
            None => Authority::create("Russet simulated APNs CA")?,
        };
        Ok(Self {
            authority,
            push_url: format!("https://{}:{}", options.host, options.listen.port()),
            courier: options.courier_listen,
            control_url: format!("http://{}", options.control_listen),
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

    /// Where faults are ordered and the journal is read; without a path.
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

    /// Stops the simulator.
    #[expect(clippy::unused_async, reason = "listeners follow")]
    pub async fn stop(self) {}
}
