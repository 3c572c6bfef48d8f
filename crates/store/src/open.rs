//! Opening a store: the lock of a SQLite file, migrations, and the check that the master key is the right one.

use crate::key::MasterKey;
use crate::sealer::Sealer;
use crate::sqlite::{self, Writer};
use crate::store::{Engine, Inner, Store};
use crate::wake::Bells;
use crate::{StoreError, migrations, postgres};
use ring::rand::{SecureRandom as _, SystemRandom};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqlitePoolOptions;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Readers of a SQLite file beside the writer.
const READERS: u32 = 4;
/// Connections to PostgreSQL, unless set.
const CONNECTIONS: u32 = 16;
/// What `key_check` holds under the right key.
const KEY_CHECK: &[u8] = b"russet";

/// Where the store is and who opens it.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// `sqlite:PATH` (or `sqlite://PATH`, or just a path) or `postgres://…`.
    pub url: String,
    /// The name of this node, stable over restarts; leases carry it.
    pub node: String,
    /// Connections to PostgreSQL at most; SQLite ignores it.
    pub connections: u32,
}

impl StoreSettings {
    /// Settings with 16 connections.
    #[must_use]
    pub fn new(url: impl Into<String>, node: impl Into<String>) -> Self {
        Self { url: url.into(), node: node.into(), connections: CONNECTIONS }
    }
}

impl Store {
    /// Opens a store and brings its schema up to date. A second process on one SQLite file is refused, and so is a master key
    /// that is not the one the database was made with, and on PostgreSQL a second process under one node name.
    pub async fn open(settings: StoreSettings, key: MasterKey) -> Result<Self, StoreError> {
        let sealer = Sealer::new(&key)?;
        let bells = Bells::default();
        let tag = random_text()?;
        let is_postgres = settings.url.starts_with("postgres://") || settings.url.starts_with("postgresql://");
        let (engine, herald, tasks, lock) = if is_postgres {
            let pool = postgres::connect(&settings.url, settings.connections.max(2)).await?;
            migrations::postgres(&pool).await?;
            let name = postgres::hold_name(&pool, &settings.node).await?;
            let (herald, mut tasks) = postgres::start(&pool, &bells, &tag);
            tasks.push(name);
            (Engine::Postgres(pool), Some(herald), tasks, None)
        } else {
            let path = sqlite_path(&settings.url);
            let lock = lock(&path)?;
            let options = sqlite::options(&path);
            let mut connection = options.connect().await.map_err(|error| unopened(&path, &error))?;
            migrations::sqlite(&mut connection).await?;
            drop(connection);
            let writer = Writer::open(options.clone()).await?;
            let readers = SqlitePoolOptions::new().max_connections(READERS);
            let readers = readers.connect_lazy_with(options.create_if_missing(false).read_only(true));
            (Engine::Sqlite { writer, readers }, None, Vec::new(), Some(lock))
        };
        let inner =
            Inner { engine, bells, herald, sealer, node: settings.node, tasks, trips: Arc::default(), _lock: lock };
        let store = Self { inner: Arc::new(inner) };
        store.check_key().await?;
        Ok(store)
    }

    async fn check_key(&self) -> Result<(), StoreError> {
        let sealed = self.sealer().seal("instance", "key_check", "1", KEY_CHECK)?;
        let instance = random_text()?;
        let mut tx = self.begin("check the master key").await?;
        tx.run(
            "INSERT INTO instance (id, instance, key_check) VALUES (1, $1, $2) ON CONFLICT (id) DO NOTHING",
            &[(&instance).into(), (&sealed).into()],
        )
        .await?;
        let stored = tx.one("SELECT key_check FROM instance WHERE id = 1", &[]).await?.bytes("key_check")?;
        if self.sealer().open("instance", "key_check", "1", &stored).is_err() {
            let text = "the master key is not the one this database was made with; put the right key back";
            return Err(StoreError::Key(text.to_owned()));
        }
        tx.commit().await
    }
}

fn sqlite_path(url: &str) -> PathBuf {
    let path = url.strip_prefix("sqlite:").unwrap_or(url);
    PathBuf::from(path.strip_prefix("//").unwrap_or(path))
}

/// Takes the lock beside the file. The operating system lets go of it when the process ends, however it ends.
fn lock(path: &Path) -> Result<File, StoreError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let fault = |error: std::io::Error| {
        StoreError::Locked(format!("the database file {} cannot be used: {error}", path.display()))
    };
    let file = File::options().create(true).truncate(false).write(true).open(&beside).map_err(fault)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked(format!(
            "another process uses the database file {}; stop it first. Several servers need PostgreSQL",
            path.display()
        ))),
        Err(TryLockError::Error(error)) => Err(fault(error)),
    }
}

fn unopened(path: &Path, error: &sqlx::Error) -> StoreError {
    StoreError::Locked(format!("the database file {} cannot be opened: {error}", path.display()))
}

fn random_text() -> Result<String, StoreError> {
    let mut bytes = [0_u8; 16];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| StoreError::unavailable("the machine's random source failed"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
