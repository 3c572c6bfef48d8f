//! A simulated Apps and Books service (Apple's App and Book Management API, version 2) with its store behind it: assets,
//! assignments, associations that end later as Apple's do, notifications to the MDM server's webhook, the metadata
//! lookup, and the store door at which simulated devices ask for their license. Source: Apple's documentation of the App
//! and Book Management API.
//!
//! Must never reach out to any machine but the notification URL an MDM server gave it. Not simulated yet: users,
//! invitations, subscriptions.

mod calls;
mod catalogue;
mod client_config;
mod control;
mod door;
mod errors;
mod events;
mod happening;
mod history;
mod licensing;
mod metadata;
mod overview;
mod reads;
mod settings;
mod state;
mod store_door;
mod token;
mod webhook;
mod wire;
mod world;

pub use catalogue::{ArtworkShape, Holding, LocationSetup, Product, demo_location, demo_products};
pub use errors::{ApiError, ErrorInfo};
pub use events::{EventStatus, EventType};
pub use happening::{Happening, What};
pub use history::AssignmentTruth;
pub use overview::{AssetView, LocationView};
pub use settings::{Fault, FaultKind, Limits, Settings};
pub use wire::{AssetRef, Assignment, MdmInfo, Target};

use crate::StartError;
use crate::ca::Authority;
use crate::clock::Clock;
use crate::journal::Journal;
use crate::serve::{self, Listener, Speaks};
use state::State;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::{CancellationToken, DropGuard};

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
    /// How the service behaves. Default: see [`Settings`].
    pub settings: Settings,
    /// What the store sells. Default: [`demo_products`].
    pub products: Vec<Product>,
    /// The locations. Default: [`demo_location`].
    pub locations: Vec<LocationSetup>,
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
            settings: Settings::default(),
            products: demo_products(),
            locations: vec![demo_location()],
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
    state: Arc<State>,
    authority: Authority,
    service: Listener,
    control: Listener,
    control_url: String,
    work_stop: DropGuard,
}

impl Simulator {
    /// Starts the simulator.
    ///
    /// # Errors
    /// When a listener cannot be opened, OpenSSL refuses to make a certificate, or a location is wrong.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let authority = match options.authority {
            Some(authority) => authority,
            None => Authority::create("Russet simulated Apps and Books CA")?,
        };
        let world = world::World::new(options.settings, options.products, options.locations, options.clock.now())?;
        let caller = webhook::Caller::new(&options.webhook_trust)?;
        let state = Arc::new(State::new(world, options.clock, caller));

        let identity = authority.issue_server(&serve::names(&options.host, options.listen))?;
        let speaks = Speaks::Tls(serve::tls(&identity, None, &[b"h2", b"http/1.1"])?);
        let service = Listener::open(options.listen, speaks, door::router(Arc::clone(&state))).await?;
        let origin = format!("https://{}:{}", options.host, service.address().port());
        // Set once: nobody else has this state yet.
        let _ = state.origin.set(origin);

        let work_stop = CancellationToken::new();
        tokio::spawn(state::run(Arc::clone(&state), work_stop.clone()));
        let control =
            Listener::open(options.control_listen, Speaks::Plain, control::router(Arc::clone(&state))).await?;
        let control_url = format!("http://{}", control.address());
        Ok(Self { state, authority, service, control, control_url, work_stop: work_stop.drop_guard() })
    }

    /// The service's base URL, in place of `https://vpp.itunes.apple.com/mdm/v2`.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.state.base_url()
    }

    /// The metadata lookup's URL (also named by `service/config`).
    #[must_use]
    pub fn lookup_url(&self) -> String {
        self.state.lookup_url()
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

    /// The text of a location's newest valid `.vpptoken`, by name or `uId`; the first location for `None`. `None` when
    /// there is no such location or all its tokens are revoked.
    #[must_use]
    pub fn vpptoken(&self, location: Option<&str>) -> Option<String> {
        let world = self.state.world();
        let at = location.map_or(Some(0), |name| world.find(name))?;
        world.locations.get(at)?.token().map(|token| token.text.clone())
    }

    /// Makes another token of a location; `None` when there is no such location.
    #[must_use]
    pub fn issue_token(&self, location: &str, valid_for: Duration, read_only: bool) -> Option<String> {
        let now = self.state.clock.now();
        let mut world = self.state.world();
        let at = world.find(location)?;
        let location = world.locations.get_mut(at)?;
        Some(location.issue_token(now, Some(valid_for), read_only))
    }

    /// The locations with what they hold and who manages them.
    #[must_use]
    pub fn locations(&self) -> Vec<LocationView> {
        self.state.world().overview(self.state.clock.now())
    }

    /// Apple's truth about every license that was ever asked for: whether it is held, and how often it was asked for.
    #[must_use]
    pub fn truth(&self) -> Vec<AssignmentTruth> {
        self.state.world().truth(self.state.clock.now())
    }

    /// What happened, in order.
    #[must_use]
    pub fn journal(&self) -> Journal<Happening> {
        self.state.journal.clone()
    }

    /// The simulation's clock.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.state.clock.clone()
    }

    /// How the service behaves now.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.state.world().settings.clone()
    }

    /// Changes how the service behaves; events that began keep their end.
    pub fn change_settings(&self, settings: Settings) {
        self.state.world().settings = settings;
    }

    /// Orders a fault.
    pub fn order(&self, fault: Fault) {
        self.state.world().faults.0.push(fault);
    }

    /// Buys licenses for a location (refunds free ones where `count` is negative); false when there is no such location
    /// or product. The webhook hears of it.
    #[must_use]
    pub fn purchase(&self, location: &str, asset: &AssetRef, count: i64) -> bool {
        let now = self.state.clock.now();
        let mut world = self.state.world();
        let done = world.find(location).is_some_and(|at| world.purchase(at, asset, count, now));
        drop(world);
        self.state.ring();
        done
    }

    /// Stops the simulator; open requests finish within two seconds.
    pub async fn stop(self) {
        drop(self.work_stop);
        self.service.stop().await;
        self.control.stop().await;
    }
}
