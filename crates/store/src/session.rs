//! One connection in one transaction: what stands behind [`Tx`].

use crate::pending::Pending;
use crate::row::{Inner, Row};
use crate::sql::{self, Dialect};
use crate::sqlite::Turn;
use crate::wake::Wakes;
use crate::{StoreError, Tx, Value, Wake};
use async_trait::async_trait;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, Postgres, SqlSafeStr, SqlStr, Sqlite};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The connection, by what it may do.
pub(crate) enum Connection {
    /// SQLite's one writer.
    Writer(Turn),
    /// One of SQLite's readers.
    Reader(sqlx::Transaction<'static, Sqlite>),
    /// PostgreSQL.
    Postgres(sqlx::Transaction<'static, Postgres>),
}

/// A connection in a transaction, and what is to happen after its commit.
pub(crate) struct Session {
    pub(crate) connection: Connection,
    pub(crate) wakes: Wakes,
    /// A statement failed, or was given up half-way: the transaction can only be rolled back. PostgreSQL demands it; SQLite
    /// gets the same rule so that both behave alike.
    pub(crate) failed: bool,
    /// Writes that go with the next trip.
    pending: Pending,
    /// Trips of all sessions of the store.
    trips: Arc<AtomicU64>,
}

macro_rules! bind {
    ($arguments:ty, $values:expr) => {{
        let mut arguments = <$arguments>::default();
        let mut outcome = Ok(());
        for value in $values {
            let added = match value {
                Value::Flag(value) => arguments.add(value),
                Value::Int(value) => arguments.add(value),
                // PostgreSQL has no form for NUL, and what it cannot keep SQLite shall not either.
                Value::Text(Some(value)) if value.contains('\0') => arguments.add(value.replace('\0', "")),
                Value::Text(value) => arguments.add(value),
                Value::Bytes(value) => arguments.add(value),
            };
            if let Err(error) = added {
                outcome = Err(sqlx::Error::Encode(error));
                break;
            }
        }
        outcome.map(|()| arguments)
    }};
}

macro_rules! on_connection {
    ($self:expr, $values:expr, |$query:ident, $connection:ident| $run:expr) => {
        match &mut $self.connection {
            Connection::Writer(turn) => {
                let $connection = turn.connection()?;
                match bind!(SqliteArguments, $values) {
                    Ok(arguments) => {
                        let $query = |text: SqlStr| sqlx::query_with::<Sqlite, _>(text, arguments);
                        $run.map(Found::Sqlite)
                    }
                    Err(error) => Err(error),
                }
            }
            Connection::Reader(transaction) => {
                let $connection = &mut **transaction;
                match bind!(SqliteArguments, $values) {
                    Ok(arguments) => {
                        let $query = |text: SqlStr| sqlx::query_with::<Sqlite, _>(text, arguments);
                        $run.map(Found::Sqlite)
                    }
                    Err(error) => Err(error),
                }
            }
            Connection::Postgres(transaction) => {
                let $connection = &mut **transaction;
                match bind!(PgArguments, $values) {
                    Ok(arguments) => {
                        let $query = |text: SqlStr| sqlx::query_with::<Postgres, _>(text, arguments);
                        $run.map(Found::Postgres)
                    }
                    Err(error) => Err(error),
                }
            }
        }
    };
}

/// An answer of either database.
enum Found<S, P> {
    Sqlite(S),
    Postgres(P),
}

impl Session {
    pub(crate) fn new(connection: Connection, trips: &Arc<AtomicU64>) -> Self {
        let (wakes, pending) = (Wakes::default(), Pending::default());
        Self { connection, wakes, failed: false, pending, trips: Arc::clone(trips) }
    }

    fn dialect(&self) -> Dialect {
        match self.connection {
            Connection::Postgres(_) => Dialect::Postgres,
            Connection::Writer(_) | Connection::Reader(_) => Dialect::Sqlite,
        }
    }

    /// Marks the session as failed until `outcome` proves otherwise, so that a statement given up half-way counts as failed.
    fn start(&mut self) -> Result<(), StoreError> {
        if self.failed {
            return Err(StoreError::Failed);
        }
        self.failed = true;
        self.trips.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn end<T>(&mut self, outcome: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        match outcome {
            Ok(value) => {
                self.failed = false;
                Ok(value)
            }
            Err(error) => {
                if let Connection::Writer(turn) = &mut self.connection {
                    turn.note(&error);
                }
                Err(error.into())
            }
        }
    }

    async fn fetch<'v>(
        &mut self,
        text: SqlStr,
        values: impl Iterator<Item = Value<'v>> + Send,
    ) -> Result<Vec<Row>, StoreError> {
        self.start()?;
        let outcome = on_connection!(self, values, |query, connection| query(text).fetch_all(connection).await);
        Ok(match self.end(outcome)? {
            Found::Sqlite(rows) => rows.into_iter().map(|row| Row(Inner::Sqlite(row))).collect(),
            Found::Postgres(rows) => rows.into_iter().map(|row| Row(Inner::Postgres(row))).collect(),
        })
    }

    /// Sends the writes that were put off.
    pub(crate) async fn flush(&mut self) -> Result<(), StoreError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let pending = std::mem::take(&mut self.pending);
        let text = AssertSqlSafe(pending.text(self.dialect(), None)).into_sql_str();
        self.execute(text, pending.values()).await.map(|_| ())
    }

    async fn execute<'v>(
        &mut self,
        text: SqlStr,
        values: impl Iterator<Item = Value<'v>> + Send,
    ) -> Result<u64, StoreError> {
        self.start()?;
        let outcome = on_connection!(self, values, |query, connection| query(text).execute(connection).await);
        Ok(match self.end(outcome)? {
            Found::Sqlite(done) => done.rows_affected(),
            Found::Postgres(done) => done.rows_affected(),
        })
    }
}

/// The values of one part of a list: the fixed ones, the part, and its last value again up to the padded length.
fn part_values<'v>(fixed: &'v [Value<'v>], part: &'v [Value<'v>]) -> impl Iterator<Item = Value<'v>> + Send {
    let missing = sql::padded(part.len()) - part.len();
    let again = part.last().into_iter().flat_map(move |last| std::iter::repeat_n(last, missing));
    fixed.iter().chain(part).chain(again).copied()
}

#[async_trait]
impl Tx for Session {
    async fn rows(&mut self, sql: &'static str, args: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        if self.dialect() == Dialect::Sqlite && !self.pending.is_empty() {
            let pending = std::mem::take(&mut self.pending);
            let text = AssertSqlSafe(pending.text(Dialect::Sqlite, Some(sql))).into_sql_str();
            return self.fetch(text, pending.values().chain(args.iter().copied())).await;
        }
        self.flush().await?;
        let text = sql::plain(sql, self.dialect());
        self.fetch(text, args.iter().copied()).await
    }

    async fn run(&mut self, sql: &'static str, args: &[Value<'_>]) -> Result<u64, StoreError> {
        self.flush().await?;
        let text = sql::plain(sql, self.dialect());
        self.execute(text, args.iter().copied()).await
    }

    async fn many(&mut self, sql: &'static str, rows: &[Vec<Value<'_>>]) -> Result<u64, StoreError> {
        let Some(width) = rows.first().map(Vec::len) else { return Ok(0) };
        if rows.iter().any(|row| row.len() != width) {
            return Err(StoreError::unavailable("rows of different width"));
        }
        self.flush().await?;
        let (mut left, mut changed) = (rows, 0);
        while !left.is_empty() {
            let (now, later) = left.split_at(sql::rows_at_once(left.len(), width));
            let text = sql::with_rows(sql, self.dialect(), now.len(), width);
            changed += self.execute(text, now.iter().flatten().copied()).await?;
            left = later;
        }
        Ok(changed)
    }

    async fn rows_in(
        &mut self,
        sql: &'static str,
        fixed: &[Value<'_>],
        list: &[Value<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        self.flush().await?;
        let mut found = Vec::new();
        for part in list.chunks(sql::LIST_PART) {
            let text = sql::with_list(sql, self.dialect(), fixed.len(), sql::padded(part.len()));
            found.append(&mut self.fetch(text, part_values(fixed, part)).await?);
        }
        Ok(found)
    }

    async fn run_in(&mut self, sql: &'static str, fixed: &[Value<'_>], list: &[Value<'_>]) -> Result<u64, StoreError> {
        self.flush().await?;
        let mut changed = 0;
        for part in list.chunks(sql::LIST_PART) {
            let text = sql::with_list(sql, self.dialect(), fixed.len(), sql::padded(part.len()));
            changed += self.execute(text, part_values(fixed, part)).await?;
        }
        Ok(changed)
    }

    async fn later(&mut self, sql: &'static str, args: &[Value<'_>]) -> Result<(), StoreError> {
        if self.failed {
            return Err(StoreError::Failed);
        }
        if !self.pending.may_join(sql, self.dialect()) {
            self.flush().await?;
        }
        self.pending.add(sql, args);
        Ok(())
    }

    fn wake(&mut self, lane: Wake) {
        self.wakes.add(lane);
    }
}
