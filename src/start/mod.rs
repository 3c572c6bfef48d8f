//! Puts the house together: opens the store, loads or makes what a first start needs, starts listeners and workers, and
//! stops them in order. Must hold no rule of any room: it only decides what runs, and in which order it begins and ends.
//!
//! `russet serve` and `russet demo` both start the server by [`start`], so that the demo is the real thing.

mod error;
mod folder;
pub mod log;
mod tls;
mod token;
mod workers;

pub use error::StartError;
pub use token::FirstToken;

use crate::access::LastUsed;
use crate::config::Config;
use crate::context::{Context, SystemClock, SystemRandom};
use crate::server::{self, Limits, Listener};
use crate::{api, enrollment, gateway};
use russet_store::{Store, StoreError, StoreSettings};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use workers::Workers;

/// How long background work may take to put down what it holds.
const WORKERS_DRAIN: Duration = Duration::from_secs(15);

/// What a start is asked for beside the configuration.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where the first admin API token is written (mode 0600), instead of being handed back for the screen.
    pub token_file: Option<PathBuf>,
    /// Make an admin API token also where there has been one.
    pub new_token: bool,
}

/// A running server. Dropped, it goes on; [`Server::stop`] ends it.
pub struct Server {
    /// What its rooms are handed.
    pub ctx: Context,
    /// Where devices connect; the port is real.
    pub device_address: SocketAddr,
    /// Where admins connect; the port is real.
    pub admin_address: SocketAddr,
    /// The admin API token that this start made.
    pub first_token: Option<FirstToken>,
    /// The root that devices must trust to reach this server, a PEM file; none where the TLS certificate was given.
    pub tls_root: Option<PathBuf>,
    closing: CancellationToken,
    listeners: TaskTracker,
    workers: Workers,
}

/// Starts the server: everything is checked and made before the first connection is accepted.
///
/// # Errors
/// What could not be opened, made or bound, and what to do about it. Nothing runs then.
pub async fn start(mut config: Config, options: Options) -> Result<Server, StartError> {
    server::install_crypto();
    folder::prepare(&config.data_dir)?;
    let (key, made) = folder::master_key(&config.master_key)?;
    let settings = StoreSettings::new(&config.database_url, &config.node_name);
    let store = match (Store::open(settings, key).await, made) {
        // A new key cannot be the one of a database that is there: the old one is missing, and nothing must stand in its place.
        (Err(StoreError::Key(_)), Some(file)) => {
            std::fs::remove_file(file).map_err(|source| StartError::File {
                path: file.to_owned(),
                action: "removed",
                source,
            })?;
            return Err(StartError::KeyMissing(file.to_owned()));
        }
        (opened, _) => opened?,
    };
    let device = bind("device.address", config.device.address).await?;
    let admin = bind("admin.address", config.admin.address).await?;
    config.device.public_url = with_port(&config.device.public_url, device.address().port());
    let node = Arc::from(config.node_name.as_str());
    let ctx =
        Context { store, clock: Arc::new(SystemClock), random: Arc::new(SystemRandom), config: Arc::new(config), node };

    let authority = enrollment::authority::open(&ctx).await?;
    let keeper = tls::Keeper::open(&ctx, authority)?;
    let device_tls = keeper.device().map(|certificate| server::tls::settings(certificate, true)).transpose()?;
    let admin_tls = keeper.admin().map(|certificate| server::tls::settings(certificate, false)).transpose()?;
    let first_token = token::first(&ctx, &options).await?;

    let uses = LastUsed::default();
    let (closing, listeners) = (CancellationToken::new(), TaskTracker::new());
    let (device_address, admin_address) = (device.address(), admin.address());
    let limits = Limits::default();
    // The gateway has limits of its own for what is slow: an answer of a device may take minutes on its way.
    let patient = Limits { request: gateway::LONGEST_REQUEST, ..limits };
    listeners.spawn(device.serve(device_tls, gateway::router(ctx.clone()), patient, closing.clone()));
    listeners.spawn(admin.serve(admin_tls, api::router(ctx.clone(), uses.clone()), limits, closing.clone()));
    let tls_root = keeper.root_file();
    let workers = Workers::start(&ctx, uses, keeper);
    tracing::info!(%device_address, %admin_address, public_url = %ctx.config.device.public_url, "russet started");
    Ok(Server { ctx, device_address, admin_address, first_token, tls_root, closing, listeners, workers })
}

impl Server {
    /// How devices reach it.
    #[must_use]
    pub fn public_url(&self) -> &str {
        &self.ctx.config.device.public_url
    }

    /// How a program on this machine reaches the admin API.
    #[must_use]
    pub fn admin_url(&self) -> String {
        let scheme = if self.ctx.config.admin.tls.is_some() { "https" } else { "http" };
        let mut address = self.admin_address;
        if address.ip().is_unspecified() {
            address.set_ip(if address.is_ipv4() {
                [127, 0, 0, 1].into()
            } else {
                std::net::Ipv6Addr::LOCALHOST.into()
            });
        }
        format!("{scheme}://{address}")
    }

    /// Waits until a part of the server ends that should run for good, and says which. The caller then stops the rest:
    /// a server that has lost a worker must not look healthy.
    pub async fn failed(&self) -> String {
        self.workers.failed().await
    }

    /// Stops in order: no new connections, requests under way finish, background work puts down what it holds, the store
    /// closes.
    pub async fn stop(self) {
        self.closing.cancel();
        self.listeners.close();
        self.listeners.wait().await;
        if !self.workers.stop(WORKERS_DRAIN).await {
            tracing::warn!("background work was still under way when the server stopped");
        }
        self.ctx.store.close().await;
        tracing::info!("russet stopped");
    }
}

async fn bind(key: &'static str, address: SocketAddr) -> Result<Listener, StartError> {
    server::bind(address).await.map_err(|source| StartError::Listen { key, address, source })
}

/// A public URL of port 0 asks for the port that the listener got.
fn with_port(public_url: &str, port: u16) -> String {
    match public_url.strip_suffix(":0") {
        Some(before) => format!("{before}:{port}"),
        None => public_url.to_owned(),
    }
}
