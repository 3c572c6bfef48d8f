//! One typed configuration from file, environment and flags, checked as a whole before anything starts.
//!
//! Must never print a secret, and must never let the server start on a setting it did not understand.
//!
//! [`keys`] lists every setting with its meaning; [`load`] reads them from all sources and names every fault at once;
//! [`example`] writes the commented file.

pub mod addresses;
pub mod check;
pub mod example;
pub mod faults;
pub mod keys;
pub mod load;
pub mod reference;
mod sources;
#[cfg(test)]
mod tests;

pub use addresses::AddressRange;
pub use faults::{Fault, Faults};
pub use load::{Loaded, Sources, load};

use russet_protocol::SecretBytes;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

/// The whole configuration, checked. Built by [`load`]; the demo and tests start from [`Config::defaults`].
#[derive(Clone)]
pub struct Config {
    /// Folder of the SQLite database, the master key and the self-made TLS certificate.
    pub data_dir: PathBuf,
    /// This node's stable name; leases carry it.
    pub node_name: String,
    /// Shown to people on devices and in pages.
    pub organization: String,
    /// `sqlite:PATH` or `postgres://…`; may carry a password, and is therefore never printed as it is.
    pub database_url: String,
    /// Where the key that seals secrets in the database comes from.
    pub master_key: MasterKeySource,
    /// What devices reach.
    pub device: DeviceListener,
    /// What admins reach.
    pub admin: AdminListener,
    /// How check-in messages with a choice are answered.
    pub check_in: CheckIn,
    /// Where Apple's services are.
    pub apple: AppleEndpoints,
    /// How often background work looks, and how long it waits.
    pub pace: Pace,
    /// How long what is over is kept.
    pub retention: Retention,
    /// How enrolled devices are looked after.
    pub fleet: Fleet,
    /// What is written to the log, and how.
    pub log: Log,
}

/// Where the master key comes from.
#[derive(Clone)]
pub enum MasterKeySource {
    /// A file of mode 0600, made at the first start where it is missing.
    File(PathBuf),
    /// Given in the environment (`RUSSET_MASTER_KEY`): 32 bytes as base64 or as hexadecimal digits.
    Given(Zeroizing<[u8; 32]>),
}

impl fmt::Debug for MasterKeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Given(_) => f.write_str("Given(…)"),
        }
    }
}

/// The listener that devices reach.
#[derive(Debug, Clone)]
pub struct DeviceListener {
    /// Address to listen on.
    pub address: SocketAddr,
    /// The URL under which devices reach it, without a trailing slash, `https://mdm.example.com:8443`. A port of 0 is
    /// replaced by the one that the listener got, before any room sees it.
    pub public_url: String,
    /// PEM certificate chain and key; self-made in `data_dir` where absent.
    pub tls: Option<TlsFiles>,
    /// Who may say in a header which client certificate a device has shown.
    pub trusted_proxies: Vec<AddressRange>,
    /// That header, in lower case.
    pub client_certificate_header: String,
    /// Without TLS, and for `trusted_proxies` only.
    pub plain_http: bool,
    /// Certificates (DER) of authorities beside our own whose device identities are accepted.
    pub identity_authorities: Vec<Vec<u8>>,
}

impl DeviceListener {
    /// What devices reach at this address, over TLS by this server.
    #[must_use]
    pub fn new(address: SocketAddr, public_url: String) -> Self {
        Self {
            address,
            public_url,
            tls: None,
            trusted_proxies: Vec::new(),
            client_certificate_header: "client-cert".to_owned(),
            plain_http: false,
            identity_authorities: Vec::new(),
        }
    }

    /// Whether devices meet a TLS certificate of this server's own authority, which they have to learn to trust.
    #[must_use]
    pub fn is_self_made(&self) -> bool {
        self.tls.is_none() && !self.plain_http
    }

    /// Whether this address is a proxy of ours.
    #[must_use]
    pub fn is_proxy(&self, address: std::net::IpAddr) -> bool {
        self.trusted_proxies.iter().any(|range| range.contains(address))
    }
}

/// How check-in messages with a choice are answered.
#[derive(Debug, Clone, Default)]
pub struct CheckIn {
    /// Whether network and mobile users of Macs are managed, without a proof of their password.
    pub manages_network_users: bool,
    /// What signs tokens for Managed Apple Accounts; none are given where absent.
    pub maid: Option<Maid>,
    /// Whether a device that asks may erase itself and enroll again.
    pub returns_to_service: bool,
    /// The profile of the network that an erased device joins. It holds a password.
    pub return_to_service_wifi: Option<SecretBytes>,
}

/// What signs tokens for Managed Apple Accounts.
#[derive(Clone)]
pub struct Maid {
    /// This server's UUID in Apple Business Manager.
    pub server_uuid: String,
    /// The RSA key, PKCS#8 or PKCS#1 DER.
    pub key: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Maid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Maid").field("server_uuid", &self.server_uuid).finish_non_exhaustive()
    }
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
    /// PEM certificate chain and key; plain HTTP where absent, which is allowed on loopback only.
    pub tls: Option<TlsFiles>,
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
    /// `https://deviceservices-external.apple.com/deviceservicesworkers/escrowKeyUnlock`.
    pub escrow_unlock_url: String,
    /// PEM file of trust roots for the escrow key unlock.
    pub escrow_unlock_roots: Option<PathBuf>,
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
            escrow_unlock_url: "https://deviceservices-external.apple.com/deviceservicesworkers/escrowKeyUnlock"
                .to_owned(),
            escrow_unlock_roots: None,
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

/// How long what is over is kept.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// Ended commands, and what devices answered.
    pub commands: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self { commands: Duration::from_secs(90 * 24 * 3600) }
    }
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

/// How enrolled devices are looked after.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// How often each device is asked what is on it.
    pub inventory_every: Duration,
    /// After so long without a word a device is called silent.
    pub silent_after: Duration,
}

impl Default for Fleet {
    fn default() -> Self {
        Self { inventory_every: Duration::from_secs(24 * 3600), silent_after: Duration::from_secs(7 * 24 * 3600) }
    }
}

/// What is written to the log, and how.
#[derive(Debug, Clone)]
pub struct Log {
    /// One JSON object a line instead of text for people.
    pub json: bool,
    /// What is logged, in the form of `tracing`'s filter: `info`, `info,russet::push=debug`.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { json: false, filter: "info".to_owned() }
    }
}

impl Config {
    /// The configuration of a server without any settings that keeps its data in this folder.
    #[must_use]
    pub fn defaults(data_dir: &Path) -> Self {
        let device_address = SocketAddr::from(([0, 0, 0, 0], 8443));
        let host = host_name();
        Self {
            data_dir: data_dir.to_owned(),
            organization: "Russet".to_owned(),
            database_url: default_database_url(data_dir),
            master_key: MasterKeySource::File(data_dir.join("master.key")),
            device: DeviceListener::new(device_address, default_public_url(&host, device_address)),
            check_in: CheckIn::default(),
            node_name: host,
            admin: AdminListener { address: SocketAddr::from(([127, 0, 0, 1], 8080)), tls: None },
            apple: AppleEndpoints::default(),
            pace: Pace::default(),
            retention: Retention::default(),
            fleet: Fleet::default(),
            log: Log::default(),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("data_dir", &self.data_dir)
            .field("node_name", &self.node_name)
            .field("organization", &self.organization)
            .field("database_url", &without_password(&self.database_url))
            .field("master_key", &self.master_key)
            .field("device", &self.device)
            .field("admin", &self.admin)
            .field("check_in", &self.check_in)
            .field("apple", &self.apple)
            .field("pace", &self.pace)
            .field("retention", &self.retention)
            .field("fleet", &self.fleet)
            .field("log", &self.log)
            .finish()
    }
}

/// Where the database lies when nothing is said.
fn default_database_url(data_dir: &Path) -> String {
    format!("sqlite:{}", data_dir.join("russet.db").display())
}

/// Where devices reach the server when nothing is said.
fn default_public_url(host: &str, address: SocketAddr) -> String {
    format!("https://{host}:{}", address.port())
}

/// A database URL fit for logs: with neither password nor query.
#[must_use]
pub fn without_password(url: &str) -> String {
    let url = url.split('?').next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    // The last '@' ends the user part: a password may hold one that nobody escaped.
    let Some((user, host)) = rest.rsplit_once('@') else { return url.to_owned() };
    let name = user.split(':').next().unwrap_or_default();
    format!("{scheme}://{name}:…@{host}")
}

/// The machine's name, which is stable over restarts.
fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.'))
        .unwrap_or_else(|| "localhost".to_owned())
}
