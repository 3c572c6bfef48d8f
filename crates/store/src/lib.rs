//! The storage engine: transactions over SQLite and PostgreSQL, group commit, sealing, migrations.

/// The store.
#[derive(Clone, Debug)]
pub struct Store;
