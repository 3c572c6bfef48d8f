//! A fresh database for a scenario.

use russet_test_support::TestDatabase;

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The file in the server's own folder.
    Sqlite,
    /// A fresh database of the shared PostgreSQL.
    Postgres,
}

/// A database that goes when the value does.
pub(crate) struct Database(Option<TestDatabase>);

impl Database {
    /// What the configuration says; nothing for SQLite.
    pub(crate) fn url(&self) -> Option<String> {
        self.0.as_ref().map(|database| database.url().to_owned())
    }
}

/// A fresh database; `None` where no PostgreSQL is installed, which was said.
pub(crate) async fn fresh(kind: Kind) -> Option<Database> {
    match kind {
        Kind::Sqlite => Some(Database(None)),
        Kind::Postgres => russet_test_support::postgres().await.map(|database| Database(Some(database))),
    }
}
