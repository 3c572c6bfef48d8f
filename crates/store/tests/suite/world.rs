//! A store on each database, with a table to play with.

use russet_store::{Database, MasterKey, Store, StoreError, StoreSettings, Tx};
use russet_test_support::TestDatabase;

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) url: String,
    pub(crate) key: MasterKey,
    /// Held so that they go last.
    pub(crate) database: (Option<TestDatabase>, tempfile::TempDir),
}

impl World {
    /// Another node of the same installation; on SQLite the store has to be closed first.
    pub(crate) async fn open(&self, node: &str) -> Result<Store, StoreError> {
        Store::open(StoreSettings::new(&self.url, node), self.key.clone()).await
    }

    pub(crate) async fn count(&self) -> i64 {
        let mut view = self.store.read().await.unwrap();
        view.one("SELECT count(*) AS n FROM play", &[]).await.unwrap().int("n").unwrap()
    }
}

pub(crate) async fn put(tx: &mut dyn Tx, id: i64, name: &str) -> Result<u64, StoreError> {
    tx.run("INSERT INTO play (id, name, amount) VALUES ($1, $2, 0)", &[id.into(), name.into()]).await
}

/// One world on each database.
pub(crate) async fn worlds() -> Vec<World> {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("suite.db").display());
    let mut worlds = vec![world(url, folder, None).await];
    if let Some(database) = russet_test_support::postgres().await {
        worlds.push(world(database.url(), tempfile::tempdir().unwrap(), Some(database)).await);
    }
    worlds
}

async fn world(url: String, folder: tempfile::TempDir, database: Option<TestDatabase>) -> World {
    let key = MasterKey::generate().unwrap();
    let store = Store::open(StoreSettings::new(&url, "one"), key.clone()).await.unwrap();
    let table = match store.database() {
        Database::Sqlite => {
            "CREATE TABLE play (id INTEGER PRIMARY KEY, name TEXT UNIQUE, amount INTEGER, flag INTEGER, bytes BLOB) STRICT"
        }
        Database::Postgres => {
            "CREATE TABLE play (id BIGINT PRIMARY KEY, name TEXT UNIQUE, amount BIGINT, flag BOOLEAN, bytes BYTEA)"
        }
    };
    let mut tx = store.begin("a table to play with").await.unwrap();
    tx.run(table, &[]).await.unwrap();
    tx.commit().await.unwrap();
    World { store, url, key, database: (database, folder) }
}
