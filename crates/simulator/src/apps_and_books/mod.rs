//! A simulated Apps and Books service (Apple's App and Book Management API, version 2) with its store behind it.
//!
//! Must never reach out to any machine but the notification URL an MDM server gave it.

use crate::StartError;
use crate::ca::Authority;
use crate::clock::Clock;
use std::net::{Ipv4Addr, SocketAddr};

/// How to start the simulator.
pub struct Options {
    /// Where the service is (TLS). Default: a free port on loopback.
    pub listen: SocketAddr,
    /// Where the control API and the store door for simulated devices are (plain HTTP). Default: a free port on loopback.
    pub control_listen: SocketAddr,
    /// The name clients use for this machine; stands in URLs and in the server certificate. Default `localhost`.
    pub host: String,
    /// The authority that issues the server certificate. Default: a new one.
    pub authority: Option<Authority>,
    /// The simulation's clock.
    pub clock: Clock,
    /// What notifications to the MDM server's webhook trust.
    pub webhook_trust: WebhookTrust,
}

impl Default for Options {
    fn default() -> Self {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            listen: anywhere,
            control_listen: anywhere,
            host: "localhost".to_owned(),
            authority: None,
            clock: Clock::default(),
            webhook_trust: WebhookTrust::Anything,
        }
    }
}

/// Which server certificates are accepted when the simulator calls an MDM server's webhook. Apple accepts public ones
/// only; a server on trial rarely has one.
#[derive(Clone)]
pub enum WebhookTrust {
    /// Any certificate.
    Anything,
    /// Certificates that chain to these roots (PEM).
    Roots(String),
}

/// The running simulator. Dropping it stops it.
pub struct Simulator {
    authority: Authority,
    base_url: String,
    control_url: String,
}

impl Simulator {
    /// Starts the simulator.
    ///
    /// # Errors
    /// When a listener cannot be opened, OpenSSL refuses to make a certificate, or a location is wrong.
    #[expect(clippy::unused_async, reason = "listeners follow")]
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let authority = match options.authority {
            Some(authority) => authority,
            None => Authority::create("Russet simulated Apps and Books CA")?,
        };
        Ok(Self {
            authority,
            base_url: format!("https://{}:{}/mdm/v2", options.host, options.listen.port()),
            control_url: format!("http://{}", options.control_listen),
        })
    }

    /// The service's base URL, in place of `https://vpp.itunes.apple.com/mdm/v2`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The metadata lookup's URL (also named by `service/config`).
    #[must_use]
    pub fn lookup_url(&self) -> String {
        self.base_url.replace("/mdm/v2", "/WebObjects/MZStorePlatform.woa/wa/lookup")
    }

    /// Where the control API (`/_sim/…`) and the store door for devices (`/_sim/store/{adamId}`) are; without a path.
    #[must_use]
    pub fn control_url(&self) -> &str {
        &self.control_url
    }

    /// What an MDM server has to trust, as PEM.
    #[must_use]
    pub fn roots_pem(&self) -> String {
        self.authority.roots_pem()
    }

    /// The `.vpptoken` text of a location, by name or `uId`; the first location for `None`.
    #[must_use]
    pub fn vpptoken(&self, _location: Option<&str>) -> Option<String> {
        None
    }

    /// Stops the simulator.
    #[expect(clippy::unused_async, reason = "listeners follow")]
    pub async fn stop(self) {}
}
