//! What stands around the server in a demo: a folder of its own, free ports, the simulated APNs and the simulated Apps and
//! Books service, and the configuration that points the server at them.
//!
//! Must never touch anything outside its folder, and never listen on anything but loopback.

use anyhow::Context as _;
use russet_protocol::Topic;
use russet_simulator::apps_and_books::AssignmentTruth;
use russet_simulator::{apns, apps_and_books};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

/// The topic of the demo's push certificate, in the form of Apple's.
const TOPIC: &str = "com.apple.mgmt.External.6f1d7a52-90c1-4a0e-8f2b-5d3c1e7b4a90";

/// Where everything is, before anything runs.
pub struct Place {
    /// The folder of configuration, data and log.
    pub folder: PathBuf,
    /// The database, as the configuration says it.
    pub database: Option<String>,
    device_port: u16,
    admin_port: u16,
}

impl Place {
    /// Makes the folder and finds two free ports, which stay the same when the server is started again.
    ///
    /// # Errors
    /// When the folder cannot be made or holds something already.
    pub fn prepare(folder: PathBuf, database: Option<String>) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let mut entries =
            std::fs::read_dir(&folder).with_context(|| format!("cannot read the folder {}", folder.display()))?;
        anyhow::ensure!(
            entries.next().is_none(),
            "{} is not empty; a demo starts from an empty folder. Give another one, or empty it",
            folder.display()
        );
        let [device_port, admin_port] = free_ports()?;
        Ok(Self { folder, database, device_port, admin_port })
    }

    /// Where devices reach the server.
    #[must_use]
    pub fn device_url(&self) -> String {
        format!("https://localhost:{}", self.device_port)
    }

    /// Where admins reach the server.
    #[must_use]
    pub fn admin_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.admin_port)
    }

    /// The server's configuration.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.folder.join("russet.toml")
    }

    /// The server's log.
    #[must_use]
    pub fn log_file(&self) -> PathBuf {
        self.folder.join("russet.log")
    }

    /// The root certificate that the server makes for a private network.
    #[must_use]
    pub fn root_file(&self) -> PathBuf {
        self.folder.join("data").join("tls-root.pem")
    }

    /// Where the server writes the first admin API token.
    #[must_use]
    pub fn token_file(&self) -> PathBuf {
        self.folder.join("admin.token")
    }
}

/// Both ports are held until both are known, so that they differ.
fn free_ports() -> anyhow::Result<[u16; 2]> {
    let holders = [TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?, TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?];
    Ok([holders[0].local_addr()?.port(), holders[1].local_addr()?.port()])
}

/// Apple, simulated.
pub struct Apple {
    /// Apple Push Notification service.
    pub push: apns::Simulator,
    /// Apps and Books, and the store behind it.
    pub books: apps_and_books::Simulator,
}

impl Apple {
    /// Starts both services. The location holds at least `licenses` licenses of each app.
    ///
    /// # Errors
    /// When a listener cannot be opened.
    pub async fn start(licenses: u32) -> anyhow::Result<Self> {
        let mut location = apps_and_books::demo_location();
        for holding in &mut location.holdings {
            holding.quantity = holding.quantity.map(|quantity| quantity.max(licenses));
        }
        // A license is usually visible to the store by the time the profiles before the app are installed.
        let settings = apps_and_books::Settings { visibility_delay_millis: 100, ..apps_and_books::Settings::default() };
        let books =
            apps_and_books::Options { settings, locations: vec![location], ..apps_and_books::Options::default() };
        Ok(Self {
            push: apns::Simulator::start(apns::Options::default()).await?,
            books: apps_and_books::Simulator::start(books).await?,
        })
    }

    /// A push certificate with its key, as PEM in one file.
    ///
    /// # Errors
    /// When OpenSSL refuses.
    pub fn push_certificate(&self) -> anyhow::Result<Vec<u8>> {
        Ok(self.push.issue_push_certificate(&Topic::new(TOPIC)?)?.pem()?.into_bytes())
    }

    /// The server token of the location, as the text of its `.vpptoken` file.
    ///
    /// # Errors
    /// When the location has no token.
    pub fn server_token(&self) -> anyhow::Result<String> {
        self.books.vpptoken(None).context("the simulated location has no server token")
    }

    /// The licenses of devices as Apple has them.
    #[must_use]
    pub fn licenses(&self) -> Vec<AssignmentTruth> {
        self.books.truth()
    }

    /// Ends both services.
    pub async fn stop(self) {
        self.push.stop().await;
        self.books.stop().await;
    }

    /// Writes the server's configuration.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn configure(&self, place: &Place) -> anyhow::Result<()> {
        let push_roots = place.folder.join("push-roots.pem");
        let books_roots = place.folder.join("apps-and-books-roots.pem");
        std::fs::write(&push_roots, self.push.roots_pem())?;
        std::fs::write(&books_roots, self.books.roots_pem())?;

        let mut config = toml::Table::new();
        config.insert("data_dir".to_owned(), "data".into());
        config.insert("organization".to_owned(), "Example GmbH".into());
        let mut section = |name: &str, entries: &[(&str, &str)]| {
            let table = entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())).collect();
            config.insert(name.to_owned(), toml::Value::Table(table));
        };
        if let Some(database) = &place.database {
            section("database", &[("url", database)]);
        }
        let device = format!("127.0.0.1:{}", place.device_port);
        section("device", &[("address", &device), ("public_url", &place.device_url())]);
        section("admin", &[("address", &format!("127.0.0.1:{}", place.admin_port))]);
        section(
            "apple",
            &[
                ("push_url", self.push.push_url()),
                ("push_roots", path(&push_roots)?),
                ("apps_and_books_url", &self.books.base_url()),
                ("apps_and_books_roots", path(&books_roots)?),
                ("metadata_url", &self.books.lookup_url()),
                ("metadata_roots", path(&books_roots)?),
            ],
        );
        // A person watches: everything that waits for real downloads waits less.
        section(
            "pace",
            &[("license_collect", "300ms"), ("event_poll", "3s"), ("verify_after", "1s"), ("push_again", "5s")],
        );
        std::fs::write(place.config_file(), toml::to_string(&config)?)?;
        Ok(())
    }
}

fn path(path: &Path) -> anyhow::Result<&str> {
    path.to_str().with_context(|| format!("the path {} is not text", path.display()))
}
