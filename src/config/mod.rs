//! One typed configuration from file, environment and flags, checked as a whole before anything starts.
//!
//! Must never print a secret, and must never let the server start on a setting it did not understand.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The whole configuration, checked. Built by [`load`](self); tests build it by hand.
#[derive(Debug, Clone)]
pub struct Config {
    /// Folder of the SQLite database, the master key and the self-made TLS certificate.
    pub data_dir: PathBuf,
    /// This node's stable name; leases carry it.
    pub node_name: String,
    /// Shown to people on devices and in pages.
    pub organization: String,
    /// `sqlite:PATH` or `postgres://…`.
    pub database_url: String,
    /// What devices reach.
    pub device: DeviceListener,
    /// What admins reach.
    pub admin: AdminListener,
    /// Where Apple's services are.
    pub apple: AppleEndpoints,
    /// How often background work looks, and how long it waits.
    pub pace: Pace,
}

/// The listener that devices reach.
#[derive(Debug, Clone)]
pub struct DeviceListener {
    /// Address to listen on.
    pub address: SocketAddr,
    /// The URL under which devices reach it, without a trailing slash, `https://mdm.example.com:8443`.
    pub public_url: String,
    /// PEM certificate chain and key; self-made in `data_dir` where absent.
    pub tls: Option<TlsFiles>,
}

/// A TLS certificate chain and its key, as PEM files.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The chain, leaf first.
    pub certificate: PathBuf,
    /// The key, PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
}

/// The listener that admins and their programs reach.
#[derive(Debug, Clone)]
pub struct AdminListener {
    /// Address to listen on.
    pub address: SocketAddr,
}

/// Where Apple's services are; each can be set, Apple's own is the default.
#[derive(Debug, Clone)]
pub struct AppleEndpoints {
    /// `https://api.push.apple.com`.
    pub push_url: String,
    /// PEM file of trust roots for push; the machine's own where absent.
    pub push_roots: Option<PathBuf>,
    /// `https://vpp.itunes.apple.com/mdm/v2`.
    pub apps_and_books_url: String,
    /// PEM file of trust roots for Apps and Books.
    pub apps_and_books_roots: Option<PathBuf>,
    /// The metadata lookup; where absent, the one that Apps and Books names in its service configuration.
    pub metadata_url: Option<String>,
    /// PEM file of trust roots for the metadata lookup.
    pub metadata_roots: Option<PathBuf>,
}

impl Default for AppleEndpoints {
    fn default() -> Self {
        Self {
            push_url: "https://api.push.apple.com".to_owned(),
            push_roots: None,
            apps_and_books_url: "https://vpp.itunes.apple.com/mdm/v2".to_owned(),
            apps_and_books_roots: None,
            metadata_url: None,
            metadata_roots: None,
        }
    }
}

/// The rhythm of background work.
#[derive(Debug, Clone)]
pub struct Pace {
    /// How long workers sleep when nothing wakes them.
    pub poll: Duration,
    /// How long license intents are collected before they are sent together.
    pub license_collect: Duration,
    /// First look at an event when no notification came, and the pause between further looks.
    pub event_poll: Duration,
    /// First look whether an app has arrived after the device accepted the command; doubles from there.
    pub verify_after: Duration,
    /// How long after a push without an answer the device is pushed again.
    pub push_again: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(1),
            license_collect: Duration::from_millis(1500),
            event_poll: Duration::from_secs(30),
            verify_after: Duration::from_secs(15),
            push_again: Duration::from_secs(24 * 3600),
        }
    }
}
