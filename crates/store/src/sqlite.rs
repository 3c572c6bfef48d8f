//! SQLite: one writer with group commit, and the options of its connections.
//!
//! The writer's connection is a seat that is taken in turns, first come, first served. A turn that commits does not wait for
//! the disk alone: it leaves its work in the open transaction of the seat, joins the *group*, and passes the seat on. The
//! first of a group queues for the seat again, behind those who were already waiting, and then commits for all: one wait for
//! the disk for many. Each turn after the first works inside a savepoint, so that one that fails takes only its own work back.
//! Nobody is told "done" before the COMMIT that holds their work has returned.

use crate::StoreError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteError, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

/// How many transactions share one COMMIT at most.
const LARGEST_GROUP: usize = 32;
/// How long a transaction waits for its turn before it is told that the writer is stuck.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// A turn that takes longer than this is worth a line in the log: everyone else waited.
const LONG_TURN: Duration = Duration::from_millis(500);

pub(crate) fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .statement_cache_capacity(512)
        .disable_statement_logging()
}

/// The one writer. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Writer {
    seat: Arc<Mutex<Seat>>,
    /// Who has the seat, for the log and for the message of those who wait in vain.
    holder: Arc<std::sync::Mutex<&'static str>>,
}

struct Seat {
    connection: SqliteConnection,
    options: SqliteConnectOptions,
    /// Those whose work is in the open transaction and who wait for its COMMIT.
    group: Vec<oneshot::Sender<Result<(), String>>>,
    /// The last turn was given up; its work is still there.
    abandoned: bool,
    /// SQLite may have rolled back the whole transaction by itself (disk full, input/output error): nobody's work is sure.
    broken: bool,
}

/// One turn at the seat: a transaction under way. Dropped without [`Turn::commit`], its work is taken back.
pub(crate) struct Turn {
    seat: Option<OwnedMutexGuard<Seat>>,
    writer: Writer,
    savepoint: bool,
    use_case: &'static str,
    began: Instant,
}

impl Writer {
    pub(crate) async fn open(options: SqliteConnectOptions) -> Result<Self, StoreError> {
        let connection = options.connect().await?;
        let seat = Seat { connection, options, group: Vec::new(), abandoned: false, broken: false };
        Ok(Self { seat: Arc::new(Mutex::new(seat)), holder: Arc::default() })
    }

    pub(crate) async fn begin(&self, use_case: &'static str) -> Result<Turn, StoreError> {
        let Ok(seat) = tokio::time::timeout(LONGEST_WAIT, Arc::clone(&self.seat).lock_owned()).await else {
            let holder = self.holder();
            return Err(StoreError::unavailable(format!("the writer was not free for 30 s: \"{holder}\" holds it")));
        };
        // From here on the turn's Drop cleans up, whatever happens.
        let mut turn =
            Turn { seat: Some(seat), writer: self.clone(), savepoint: false, use_case, began: Instant::now() };
        *self.holder.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = use_case;
        turn.open().await?;
        Ok(turn)
    }

    fn holder(&self) -> &'static str {
        *self.holder.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Waits for those who write, then lets go of the file. The store cannot write afterwards.
    pub(crate) async fn close(&self) {
        let mut seat = self.seat.lock().await;
        seat.clean().await;
        seat.commit_group().await;
        let _ = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut seat.connection).await;
    }
}

impl Turn {
    async fn open(&mut self) -> Result<(), StoreError> {
        let Some(seat) = self.seat.as_mut() else { return Err(StoreError::Failed) };
        seat.clean().await;
        // The first of a group needs no savepoint: to take its work back is to take all back.
        self.savepoint = !seat.group.is_empty();
        let text = if self.savepoint { "SAVEPOINT turn" } else { "BEGIN IMMEDIATE" };
        if let Err(error) = seat.statement(text).await {
            seat.note(&error);
            return Err(error.into());
        }
        Ok(())
    }

    pub(crate) fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        self.seat.as_mut().map(|seat| &mut seat.connection).ok_or(StoreError::Failed)
    }

    pub(crate) fn note(&mut self, error: &sqlx::Error) {
        if let Some(seat) = self.seat.as_mut() {
            seat.note(error);
        }
    }

    /// Makes the work durable. Must run to its end: the caller spawns it, so that nobody's going away can leave a group
    /// without the one who commits it.
    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        let Some(seat) = self.seat.as_mut() else { return Err(StoreError::Failed) };
        if self.savepoint
            && let Err(error) = seat.statement("RELEASE turn").await
        {
            seat.note(&error);
            return Err(error.into());
        }
        let took = self.began.elapsed();
        if took > LONG_TURN {
            tracing::warn!(use_case = self.use_case, millis = took.as_millis(), "a transaction kept the writer long");
        }
        let (sender, mut receiver) = oneshot::channel();
        let leads = seat.group.is_empty();
        seat.group.push(sender);
        if seat.group.len() >= LARGEST_GROUP {
            seat.commit_group().await;
        }
        // Passes the seat on without marking it abandoned.
        drop(self.seat.take());
        if leads {
            tokio::select! {
                biased;
                outcome = &mut receiver => return answer(outcome),
                mut seat = self.writer.seat.lock() => {
                    // Whoever commits a group holds the seat: the answer is there by now, or the open group is still ours.
                    if let Ok(outcome) = receiver.try_recv() {
                        return answer(Ok(outcome));
                    }
                    seat.clean().await;
                    seat.commit_group().await;
                }
            }
        }
        answer(receiver.await)
    }
}

fn answer(outcome: Result<Result<(), String>, oneshot::error::RecvError>) -> Result<(), StoreError> {
    outcome.unwrap_or_else(|_| Err("the writer stopped before the commit".to_owned())).map_err(StoreError::unavailable)
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(mut seat) = self.seat.take() else { return };
        seat.abandoned = true;
        // Clean up at once where possible, so that no transaction stays open; else whoever sits down next does it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { seat.clean().await });
        }
    }
}

impl Seat {
    async fn statement(&mut self, text: &'static str) -> Result<(), sqlx::Error> {
        sqlx::query(text).execute(&mut self.connection).await.map(|_| ())
    }

    /// Takes back what the last turn left, and gives up the group if it is not sure any more.
    async fn clean(&mut self) {
        if self.abandoned && !self.broken && !self.group.is_empty() {
            // "No such savepoint" means that the turn was given up before it had begun.
            match self.statement("ROLLBACK TO turn").await {
                Ok(()) => match self.statement("RELEASE turn").await {
                    Ok(()) => self.abandoned = false,
                    Err(_) => self.broken = true,
                },
                Err(error) if primary_code(&error) == Some(1) => self.abandoned = false,
                Err(_) => self.broken = true,
            }
        }
        if self.abandoned || self.broken {
            self.give_up("the database failed; nothing of this transaction was kept").await;
        }
    }

    async fn give_up(&mut self, reason: &str) {
        // "No transaction is active" is as good as done; a connection that does not answer is replaced.
        if let Err(error) = self.statement("ROLLBACK").await
            && primary_code(&error) != Some(1)
        {
            tracing::error!(%error, "the writer's connection failed; opening another");
            match self.options.connect().await {
                Ok(connection) => {
                    let old = std::mem::replace(&mut self.connection, connection);
                    let _ = old.close().await;
                }
                Err(error) => {
                    tracing::error!(%error, "no connection to the database");
                    self.fail_group(reason);
                    return;
                }
            }
        }
        self.fail_group(reason);
        self.abandoned = false;
        self.broken = false;
    }

    fn fail_group(&mut self, reason: &str) {
        for waiting in self.group.drain(..) {
            let _ = waiting.send(Err(reason.to_owned()));
        }
    }

    /// COMMIT for all that wait, and tell them.
    async fn commit_group(&mut self) {
        if self.group.is_empty() {
            return;
        }
        match self.statement("COMMIT").await {
            Ok(()) => {
                for waiting in self.group.drain(..) {
                    let _ = waiting.send(Ok(()));
                }
            }
            Err(error) => {
                tracing::error!(%error, waiting = self.group.len(), "a commit failed");
                self.give_up("the commit failed; nothing of this transaction was kept").await;
            }
        }
    }

    /// Remembers an error after which SQLite may have rolled back everything. A refused statement takes back only itself.
    fn note(&mut self, error: &sqlx::Error) {
        // Codes of a statement that is wrong or refused: error, too big, constraint, mismatch, range.
        let harmless = match error {
            sqlx::Error::Database(_) => matches!(primary_code(error), Some(1 | 18 | 19 | 20 | 25)),
            sqlx::Error::Encode(_) | sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => true,
            _ => false,
        };
        if !harmless {
            self.broken = true;
        }
    }
}

fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let error = error.as_database_error()?;
    error.try_downcast_ref::<SqliteError>()?;
    error.code()?.parse::<i32>().ok().map(|code| code & 0xff)
}
