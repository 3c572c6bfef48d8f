//! Reads all sources into one [`Config`], and collects every fault on the way.

use super::addresses;
use super::check;
use super::faults::{Fault, Faults, Origin};
use super::keys;
use super::sources::{self, Setting, Settings};
use super::{
    AdminListener, AppleEndpoints, CheckIn, Config, DeviceListener, Fleet, Log, Maid, MasterKeySource, Pace, Retention,
    TlsFiles, default_database_url, default_public_url, host_name,
};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where settings come from. Handed in whole, so that a test needs neither files nor the process's environment.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The configuration file and its text, where there is one.
    pub file: Option<(PathBuf, String)>,
    /// The environment's variables.
    pub environment: Vec<(String, String)>,
    /// Flags: the key, its text, the flag's own name for messages.
    pub flags: Vec<(String, String, String)>,
    /// What relative paths in environment and flags are relative to.
    pub folder: PathBuf,
}

/// A configuration and where each of its settings came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The settings that somebody wrote, with their origin, in the order of their keys.
    pub written: Vec<(&'static str, Origin)>,
}

/// Reads the configuration.
///
/// # Errors
/// Every fault of every source at once.
pub fn load(sources: &Sources) -> Result<Loaded, Faults> {
    let mut faults = Vec::new();
    let mut settings = Settings::new();
    if let Some((path, text)) = &sources.file {
        sources::from_file(path, text, &mut settings, &mut faults);
    }
    sources::from_environment(sources.environment.iter().cloned(), &sources.folder, &mut settings, &mut faults);
    sources::from_flags(&sources.flags, &sources.folder, &mut settings, &mut faults);

    let written = settings.iter().map(|(key, setting)| (*key, setting.origin.clone())).collect();
    let file_folder = sources.file.as_ref().and_then(|(path, _)| path.parent()).unwrap_or(&sources.folder);
    let mut reader = Reader { settings, faults, default_folder: file_folder.to_owned() };
    let config = reader.config(&sources.environment);
    reader.whole(&config);
    if reader.faults.is_empty() { Ok(Loaded { config, written }) } else { Err(Faults(reader.faults)) }
}

/// Takes settings one by one; a fault is noted and the default goes on in its place, so that all faults are found.
struct Reader {
    settings: Settings,
    faults: Vec<Fault>,
    default_folder: PathBuf,
}

impl Reader {
    fn config(&mut self, environment: &[(String, String)]) -> Config {
        let data_dir = self.path("data_dir").unwrap_or_else(|| self.default_folder.join("data"));
        let node_name = self.parsed("node_name", check::name).unwrap_or_else(host_name);
        let device_address =
            self.parsed("device.address", check::address).unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 8443)));
        let admin_address =
            self.parsed("admin.address", check::address).unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080)));
        let (pace, fleet) = (Pace::default(), Fleet::default());
        let apple = AppleEndpoints::default();
        Config {
            organization: self.parsed("organization", check::line).unwrap_or_else(|| "Russet".to_owned()),
            database_url: self.database_url().unwrap_or_else(|| default_database_url(&data_dir)),
            master_key: self.master_key(&data_dir, environment),
            device: DeviceListener {
                address: device_address,
                public_url: self
                    .parsed("device.public_url", check::public_url)
                    .unwrap_or_else(|| default_public_url(&host_name(), device_address)),
                tls: self.tls("device.tls_certificate", "device.tls_key"),
                trusted_proxies: self.parsed("device.trusted_proxies", addresses::list).unwrap_or_default(),
                client_certificate_header: self
                    .parsed("device.client_certificate_header", check::header)
                    .unwrap_or_else(|| "client-cert".to_owned()),
                plain_http: self.parsed("device.plain_http", check::flag).unwrap_or(false),
                identity_authorities: self.read("device.identity_authorities", check::authorities).unwrap_or_default(),
            },
            check_in: CheckIn {
                manages_network_users: self
                    .parsed("check_in.user_authenticate", check::user_authenticate)
                    .unwrap_or(false),
                maid: self.maid(),
                returns_to_service: self.parsed("check_in.return_to_service", check::allow).unwrap_or(false),
                return_to_service_wifi: self.read("check_in.return_to_service_wifi", check::wifi_profile),
            },
            admin: AdminListener { address: admin_address, tls: self.tls("admin.tls_certificate", "admin.tls_key") },
            apple: AppleEndpoints {
                push_url: self.parsed("apple.push_url", check::service_url).unwrap_or(apple.push_url),
                push_roots: self.roots("apple.push_roots"),
                apps_and_books_url: self
                    .parsed("apple.apps_and_books_url", check::service_url)
                    .unwrap_or(apple.apps_and_books_url),
                apps_and_books_roots: self.roots("apple.apps_and_books_roots"),
                metadata_url: self.parsed("apple.metadata_url", check::service_url),
                metadata_roots: self.roots("apple.metadata_roots"),
                escrow_unlock_url: self
                    .parsed("apple.escrow_unlock_url", check::service_url)
                    .unwrap_or(apple.escrow_unlock_url),
                escrow_unlock_roots: self.roots("apple.escrow_unlock_roots"),
            },
            pace: Pace {
                poll: self.pause("pace.poll", pace.poll),
                license_collect: self.pause("pace.license_collect", pace.license_collect),
                event_poll: self.pause("pace.event_poll", pace.event_poll),
                verify_after: self.pause("pace.verify_after", pace.verify_after),
                push_again: self.pause("pace.push_again", pace.push_again),
            },
            retention: Retention { commands: self.pause("retention.commands", Retention::default().commands) },
            fleet: Fleet {
                inventory_every: self.pause("fleet.inventory_every", fleet.inventory_every),
                silent_after: self.pause("fleet.silent_after", fleet.silent_after),
            },
            log: Log {
                json: self.parsed("log.format", check::log_format).unwrap_or(false),
                filter: self.parsed("log.filter", check::log_filter).unwrap_or_else(|| Log::default().filter),
            },
            data_dir,
            node_name,
        }
    }

    /// What is wrong only when settings are seen together.
    fn whole(&mut self, config: &Config) {
        if !config.admin.address.ip().is_loopback() && config.admin.tls.is_none() {
            self.fault(
                "admin.address",
                "other than loopback needs admin.tls_certificate and admin.tls_key: API tokens must not travel in the clear",
            );
        }
        if config.device.plain_http && config.device.trusted_proxies.is_empty() {
            self.fault(
                "device.plain_http",
                "needs device.trusted_proxies: devices speak to an MDM server over TLS only",
            );
        }
        if config.device.plain_http && config.device.tls.is_some() {
            self.fault("device.plain_http", "leaves no use for device.tls_certificate: leave one of them out");
        }
        let hours = config.fleet.inventory_every.as_secs() / 3600;
        if !(1..=30 * 24).contains(&hours) {
            self.fault("fleet.inventory_every", "must lie between 1h and 30d");
        }
        if config.fleet.silent_after.as_secs() < 3600 {
            self.fault("fleet.silent_after", "must be at least 1h: devices sleep");
        }
        if config.admin.address == config.device.address && config.admin.address.port() != 0 {
            self.fault("admin.address", "is the same as device.address: give each listener its own port");
        }
        if config.data_dir.exists() && !config.data_dir.is_dir() {
            self.fault("data_dir", "is a file: name a folder");
        }
    }

    fn fault(&mut self, key: &str, problem: impl Into<String>) {
        debug_assert!(keys::find(key).is_some(), "{key} is not in the list of keys");
        let origin = self.settings.get(key).map_or(Origin::Default, |setting| setting.origin.clone());
        self.faults.push(Fault { key: key.to_owned(), origin, problem: problem.into() });
    }

    fn setting(&self, key: &str) -> Option<Setting> {
        debug_assert!(keys::find(key).is_some(), "{key} is not in the list of keys");
        self.settings.get(key).cloned()
    }

    fn parsed<T>(&mut self, key: &str, parse: fn(&str) -> Result<T, String>) -> Option<T> {
        let setting = self.setting(key)?;
        match parse(setting.text.trim()) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.fault(key, problem);
                None
            }
        }
    }

    fn pause(&mut self, key: &str, default: Duration) -> Duration {
        self.parsed(key, check::duration).unwrap_or(default)
    }

    fn path(&mut self, key: &str) -> Option<PathBuf> {
        let setting = self.setting(key)?;
        if setting.text.trim().is_empty() {
            self.fault(key, "is empty: name a path, or leave the line out");
            return None;
        }
        Some(setting.folder.join(setting.text))
    }

    /// What a file holds.
    fn read<T>(&mut self, key: &str, read: fn(&Path) -> Result<T, String>) -> Option<T> {
        let path = self.path(key)?;
        read(&path).map_err(|problem| self.fault(key, problem)).ok()
    }

    fn maid(&mut self) -> Option<Maid> {
        let (uuid, key) = ("check_in.maid_server_uuid", "check_in.maid_key");
        match (self.setting(uuid).is_some(), self.setting(key).is_some()) {
            (false, false) => return None,
            (true, false) => self.fault(uuid, format!("needs {key} beside it")),
            (false, true) => self.fault(key, format!("needs {uuid} beside it")),
            (true, true) => {}
        }
        let server_uuid = self.parsed(uuid, check::uuid);
        let key = self.read(key, check::rsa_key);
        Some(Maid { server_uuid: server_uuid?, key: key? })
    }

    fn roots(&mut self, key: &str) -> Option<PathBuf> {
        let path = self.path(key)?;
        if let Err(problem) = check::roots_file(&path) {
            self.fault(key, problem);
        }
        Some(path)
    }

    fn tls(&mut self, certificate_key: &str, key_key: &str) -> Option<TlsFiles> {
        match (self.path(certificate_key), self.path(key_key)) {
            (None, None) => None,
            (Some(_), None) => {
                self.fault(certificate_key, format!("needs {key_key} beside it"));
                None
            }
            (None, Some(_)) => {
                self.fault(key_key, format!("needs {certificate_key} beside it"));
                None
            }
            (Some(certificate), Some(key)) => {
                let files = TlsFiles { certificate, key };
                if let Err((at_key, problem)) = check::tls_files(&files) {
                    self.fault(if at_key { key_key } else { certificate_key }, problem);
                }
                Some(files)
            }
        }
    }

    fn database_url(&mut self) -> Option<String> {
        let setting = self.setting("database.url")?;
        let text = setting.text.trim();
        if let Err(problem) = check::database_url(text) {
            self.fault("database.url", problem);
            return None;
        }
        // A relative path of SQLite is relative to the file that names it.
        Some(match text.strip_prefix("sqlite:") {
            Some(path) => format!("sqlite:{}", setting.folder.join(path.trim_start_matches("//")).display()),
            None => text.to_owned(),
        })
    }

    fn master_key(&mut self, data_dir: &Path, environment: &[(String, String)]) -> MasterKeySource {
        let file = self.path("master_key_file");
        match environment.iter().find(|(name, _)| name == "RUSSET_MASTER_KEY") {
            Some((name, text)) => match check::master_key(text) {
                Ok(key) => return MasterKeySource::Given(key),
                Err(problem) => self.faults.push(Fault {
                    key: "master_key_file".to_owned(),
                    origin: Origin::Environment(name.clone()),
                    problem,
                }),
            },
            None => {
                if let Some(problem) = file.as_deref().and_then(|path| check::master_key_file(path).err()) {
                    self.fault("master_key_file", problem);
                }
            }
        }
        MasterKeySource::File(file.unwrap_or_else(|| data_dir.join("master.key")))
    }
}
