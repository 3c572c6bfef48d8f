//! The store, its transactions and its snapshots.

use crate::postgres::Herald;
use crate::session::{Connection, Session};
use crate::sqlite::Writer;
use crate::wake::Bells;
use crate::{Sealer, StoreError, Tx, Wake};
use std::fs::File;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use zeroize::Zeroizing;

/// Which database is behind the store. For words in pages and logs; nothing may behave differently by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// SQLite, in this process.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// The store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) bells: Bells,
    pub(crate) herald: Option<Herald>,
    pub(crate) sealer: Sealer,
    pub(crate) node: String,
    pub(crate) tasks: Vec<AbortHandle>,
    /// Trips to the database since the store was opened.
    pub(crate) trips: Arc<AtomicU64>,
    /// Held for the life of the store.
    pub(crate) _lock: Option<File>,
}

pub(crate) enum Engine {
    Sqlite { writer: Writer, readers: sqlx::SqlitePool },
    Postgres(sqlx::PgPool),
}

impl Drop for Inner {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("database", &self.database()).field("node", &self.inner.node).finish()
    }
}

impl Store {
    /// Begins a transaction that may write; `use_case` names it in logs. On SQLite it waits for its turn (30 s at most), so
    /// keep it short: no network, no other transaction while it is open.
    pub async fn begin(&self, use_case: &'static str) -> Result<Transaction, StoreError> {
        let connection = match &self.inner.engine {
            Engine::Sqlite { writer, .. } => Connection::Writer(writer.begin(use_case).await?),
            Engine::Postgres(pool) => Connection::Postgres(pool.begin().await?),
        };
        Ok(Transaction { session: Session::new(connection, &self.inner.trips), store: self.clone() })
    }

    /// A view of the store that does not change while it is held, and cannot write.
    pub async fn read(&self) -> Result<Snapshot, StoreError> {
        let connection = match &self.inner.engine {
            Engine::Sqlite { readers, .. } => Connection::Reader(readers.begin().await?),
            Engine::Postgres(pool) => {
                Connection::Postgres(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
            }
        };
        Ok(Snapshot { session: Session::new(connection, &self.inner.trips) })
    }

    /// What rings when a committed transaction woke this lane, here or on another node. It may miss: look by yourself too,
    /// every few seconds.
    #[must_use]
    pub fn waker(&self, lane: Wake) -> Arc<Notify> {
        self.inner.bells.of(lane)
    }

    /// Seals and opens secrets.
    #[must_use]
    pub fn sealer(&self) -> &Sealer {
        &self.inner.sealer
    }

    /// The name of this node.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.inner.node
    }

    /// How often rooms went to the database since the store was opened, beginnings and commits aside: what a piece of work
    /// costs is the difference.
    #[must_use]
    pub fn trips(&self) -> u64 {
        self.inner.trips.load(Ordering::Relaxed)
    }

    /// Which database is behind.
    #[must_use]
    pub fn database(&self) -> Database {
        match self.inner.engine {
            Engine::Sqlite { .. } => Database::Sqlite,
            Engine::Postgres(_) => Database::Postgres,
        }
    }

    /// A secret that belongs to no row, such as the certificate authority's key.
    pub async fn secret(&self, tx: &mut dyn Tx, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let row = tx.optional("SELECT sealed FROM secret WHERE name = $1", &[name.into()]).await?;
        row.map(|row| self.sealer().open("secret", "sealed", name, &row.bytes("sealed")?)).transpose()
    }

    /// Stores such a secret, sealed; `now` in epoch milliseconds.
    pub async fn put_secret(&self, tx: &mut dyn Tx, name: &str, secret: &[u8], now: i64) -> Result<(), StoreError> {
        let sealed = self.sealer().seal("secret", "sealed", name, secret)?;
        tx.run(
            "INSERT INTO secret (name, sealed, updated_at) VALUES ($1, $2, $3)
             ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed, updated_at = excluded.updated_at",
            &[name.into(), (&sealed).into(), now.into()],
        )
        .await?;
        Ok(())
    }

    /// Closes the store: waits for writers under way, then lets go of the connections. Other clones cannot be used afterwards.
    pub async fn close(&self) {
        for task in &self.inner.tasks {
            task.abort();
        }
        match &self.inner.engine {
            Engine::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Engine::Postgres(pool) => pool.close().await,
        }
    }
}

/// A transaction that may write. Dropped without [`Transaction::commit`], nothing of it is kept. Use it as `&mut *transaction`
/// where a `&mut dyn Tx` is asked for.
#[must_use]
pub struct Transaction {
    session: Session,
    store: Store,
}

impl Transaction {
    /// Makes the work durable, then wakes who is to be woken. Once called it goes on even if the caller is dropped. An error
    /// means that nothing was kept, except [`StoreError::Unavailable`] from a broken connection: then the outcome is unknown.
    pub async fn commit(self) -> Result<(), StoreError> {
        let Self { mut session, store } = self;
        if session.failed {
            return Err(StoreError::Failed);
        }
        let work = tokio::spawn(async move {
            session.flush().await?;
            let Session { connection, wakes, .. } = session;
            match connection {
                Connection::Writer(turn) => turn.commit().await?,
                Connection::Postgres(transaction) => transaction.commit().await?,
                Connection::Reader(transaction) => transaction.commit().await?,
            }
            store.inner.bells.ring(wakes);
            if let Some(herald) = &store.inner.herald {
                herald.tell(wakes);
            }
            Ok(())
        });
        work.await.unwrap_or_else(|_| Err(StoreError::unavailable("the server stopped during the commit")))
    }
}

impl Deref for Transaction {
    type Target = dyn Tx;
    fn deref(&self) -> &Self::Target {
        &self.session
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.session
    }
}

/// A view of the store at one moment. Use it as `&mut *snapshot`. Hold it briefly: it keeps a connection.
#[must_use]
pub struct Snapshot {
    session: Session,
}

impl Deref for Snapshot {
    type Target = dyn Tx;
    fn deref(&self) -> &Self::Target {
        &self.session
    }
}

impl DerefMut for Snapshot {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.session
    }
}
