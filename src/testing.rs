//! What the tests of every room share: a context on each database, a clock moved by hand, randomness that repeats itself.
//!
//! One test runs on both databases:
//! ```ignore
//! for world in testing::contexts().await {
//!     let ctx = &world.ctx;
//!     world.clock.advance(Duration::from_secs(60));
//! }
//! ```

mod crowd;
mod tx;

pub(crate) use tx::{Explained, Meanwhile};

use crate::config::Config;
use crate::context::{Clock, Context, Random};
use crate::directory::devices::{self, NewFacts};
use crate::ids::DeviceId;
use russet_protocol::{SerialNumber, Timestamp, Udid};
use russet_store::{MasterKey, Store, StoreSettings};
use russet_test_support::TestDatabase;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// When every test begins: 2026-11-21T08:00:00Z.
pub(crate) const BEGIN: Timestamp = Timestamp(1_795_248_000_000);

/// A clock that only tests move.
pub(crate) struct Hands(AtomicI64);

impl Hands {
    /// Lets time pass.
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// The same "random" bytes in every run: SHA-256 of a count.
#[derive(Default)]
struct Repeated(AtomicU64);

impl Random for Repeated {
    fn fill(&self, buffer: &mut [u8]) {
        for part in buffer.chunks_mut(32) {
            let count = self.0.fetch_add(1, Ordering::SeqCst);
            let block = ring::digest::digest(&ring::digest::SHA256, &count.to_be_bytes());
            part.copy_from_slice(&block.as_ref()[..part.len()]);
        }
    }
}

/// One database and a context on it. Everything goes when the value goes.
pub(crate) struct World {
    /// What rooms are handed.
    pub(crate) ctx: Context,
    /// Its clock.
    pub(crate) clock: Arc<Hands>,
    _database: Option<TestDatabase>,
    folder: tempfile::TempDir,
}

impl World {
    /// A folder of its own, where the configuration's data folder is too.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The same world with another configuration.
    pub(crate) fn configured(mut self, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = (*self.ctx.config).clone();
        change(&mut config);
        self.ctx.config = Arc::new(config);
        self
    }

    /// A device of this serial number that has said its Authenticate. The UDID is `UDID-` and the serial number.
    pub(crate) async fn device(&self, serial: &str) -> DeviceId {
        let (udid, serial) = (Udid::new(format!("UDID-{serial}")).unwrap(), SerialNumber::new(serial).unwrap());
        let facts = NewFacts {
            udid: Some(&udid),
            serial: Some(&serial),
            product_name: Some("iPhone17,2"),
            os_version: Some("18.1"),
            ..NewFacts::default()
        };
        let mut tx = self.ctx.store.begin("test: a device").await.unwrap();
        let id = DeviceId(self.ctx.uuid());
        let id = devices::upsert_from_authenticate(&mut *tx, &facts, id, self.ctx.now()).await.unwrap();
        tx.commit().await.unwrap();
        id
    }
}

/// A world on SQLite, and one on PostgreSQL where there is one.
pub(crate) async fn contexts() -> Vec<World> {
    let mut worlds = vec![sqlite().await];
    if let Some(database) = russet_test_support::postgres().await {
        worlds.push(world(&database.url(), tempfile::tempdir().unwrap(), Some(database)).await);
    }
    worlds
}

/// A world on SQLite only, for what cannot differ between databases.
pub(crate) async fn sqlite() -> World {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("test.db").display());
    world(&url, folder, None).await
}

async fn world(url: &str, folder: tempfile::TempDir, database: Option<TestDatabase>) -> World {
    let store = Store::open(StoreSettings::new(url, "test"), MasterKey::generate().unwrap()).await.unwrap();
    let clock = Arc::new(Hands(AtomicI64::new(BEGIN.millis())));
    let ctx = Context {
        store,
        clock: clock.clone(),
        random: Arc::new(Repeated::default()),
        config: Arc::new(Config::defaults(folder.path())),
        node: "test".into(),
    };
    World { ctx, clock, _database: database, folder }
}

#[tokio::test]
async fn each_world_is_new_and_its_time_stands_still() {
    for world in contexts().await {
        assert_eq!(world.ctx.now(), BEGIN);
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(world.ctx.now(), BEGIN.plus(Duration::from_secs(1)));
        assert!(world.folder().exists());
        let mut view = world.ctx.store.read().await.unwrap();
        assert!(devices::list(&mut *view, None, 10).await.unwrap().is_empty());
    }
}
