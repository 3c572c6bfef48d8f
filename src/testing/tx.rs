//! Transactions that tests look into: something happens between two statements, or every statement shows its plan.

use super::World;
use russet_store::{Database, Row, StoreError, Tx, Value, Wake};
use std::pin::Pin;

/// What happens elsewhere.
type Elsewhere<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A transaction in the midst of which something happens elsewhere: before the `count`th statement whose text holds `needle`.
pub(crate) struct Meanwhile<'a> {
    pub(crate) inner: &'a mut dyn Tx,
    pub(crate) needle: &'static str,
    pub(crate) count: u32,
    pub(crate) then: Option<Elsewhere<'a>>,
}

impl Meanwhile<'_> {
    async fn reached(&mut self, sql: &str) {
        if sql.contains(self.needle) {
            self.count = self.count.saturating_sub(1);
            if self.count == 0
                && let Some(then) = self.then.take()
            {
                then.await;
            }
        }
    }
}

#[async_trait::async_trait]
impl Tx for Meanwhile<'_> {
    async fn rows(&mut self, sql: &'static str, args: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        self.reached(sql).await;
        self.inner.rows(sql, args).await
    }

    async fn run(&mut self, sql: &'static str, args: &[Value<'_>]) -> Result<u64, StoreError> {
        self.reached(sql).await;
        self.inner.run(sql, args).await
    }

    async fn later(&mut self, sql: &'static str, args: &[Value<'_>]) -> Result<(), StoreError> {
        self.reached(sql).await;
        self.inner.later(sql, args).await
    }

    async fn many(&mut self, sql: &'static str, rows: &[Vec<Value<'_>>]) -> Result<u64, StoreError> {
        self.reached(sql).await;
        self.inner.many(sql, rows).await
    }

    async fn rows_in(
        &mut self,
        sql: &'static str,
        fixed: &[Value<'_>],
        list: &[Value<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        self.reached(sql).await;
        self.inner.rows_in(sql, fixed, list).await
    }

    async fn run_in(&mut self, sql: &'static str, fixed: &[Value<'_>], list: &[Value<'_>]) -> Result<u64, StoreError> {
        self.reached(sql).await;
        self.inner.run_in(sql, fixed, list).await
    }

    fn wake(&mut self, lane: Wake) {
        self.inner.wake(lane);
    }
}

/// A transaction that notes the database's plan of each statement before it runs it. Plain inserts of many rows have none
/// worth reading.
pub(crate) struct Explained<'a> {
    inner: &'a mut dyn Tx,
    database: Database,
    /// Each statement with the lines of its plan.
    pub(crate) plans: Vec<(&'static str, Vec<String>)>,
}

/// Tables with few rows, which may be read from end to end; among them the names that statements give them and to their own
/// intermediate results.
const SMALL: [&str; 11] = [
    "app",
    "profile",
    "lease",
    "license_account",
    "license_asset",
    "license_metadata",
    "push_certificate",
    "a",
    "m",
    "w",
    "waiting",
];

impl<'a> Explained<'a> {
    pub(crate) fn new(inner: &'a mut dyn Tx, world: &World) -> Self {
        Self { inner, database: world.ctx.store.database(), plans: Vec::new() }
    }

    /// Fails where a statement reads a table that grows with the fleet from end to end.
    pub(crate) fn expect_no_scans(&self) {
        assert!(!self.plans.is_empty(), "no statement was looked at");
        for (sql, plan) in &self.plans {
            for line in plan {
                let scanned = match self.database {
                    Database::Sqlite => line.strip_prefix("SCAN "),
                    Database::Postgres => line.split_once("Seq Scan on ").map(|(_, rest)| rest),
                };
                let table = scanned.and_then(|rest| rest.split_whitespace().next());
                let small = |table: &str| SMALL.contains(&table) || table.starts_with('(') || table == "CONSTANT";
                assert!(table.is_none_or(small), "{line}\nin the plan of\n{sql}\n{plan:#?}");
            }
        }
    }

    /// The same statement, asking for its plan. Leaked: statements are texts of the program.
    fn question(&self, sql: &str) -> &'static str {
        match self.database {
            Database::Sqlite => Box::leak(format!("EXPLAIN QUERY PLAN {sql}").into_boxed_str()),
            Database::Postgres => Box::leak(format!("EXPLAIN {sql}").into_boxed_str()),
        }
    }

    fn note(&mut self, sql: &'static str, rows: &[Row]) {
        let column = match self.database {
            Database::Sqlite => "detail",
            Database::Postgres => "QUERY PLAN",
        };
        self.plans.push((sql, rows.iter().map(|row| row.text(column).unwrap()).collect()));
    }
}

#[async_trait::async_trait]
impl Tx for Explained<'_> {
    async fn rows(&mut self, sql: &'static str, args: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        let plan = self.inner.rows(self.question(sql), args).await?;
        self.note(sql, &plan);
        self.inner.rows(sql, args).await
    }

    async fn run(&mut self, sql: &'static str, args: &[Value<'_>]) -> Result<u64, StoreError> {
        let plan = self.inner.rows(self.question(sql), args).await?;
        self.note(sql, &plan);
        self.inner.run(sql, args).await
    }

    async fn later(&mut self, sql: &'static str, args: &[Value<'_>]) -> Result<(), StoreError> {
        let plan = self.inner.rows(self.question(sql), args).await?;
        self.note(sql, &plan);
        self.inner.later(sql, args).await
    }

    async fn many(&mut self, sql: &'static str, rows: &[Vec<Value<'_>>]) -> Result<u64, StoreError> {
        self.inner.many(sql, rows).await
    }

    async fn rows_in(
        &mut self,
        sql: &'static str,
        fixed: &[Value<'_>],
        list: &[Value<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        let plan = self.inner.rows_in(self.question(sql), fixed, list).await?;
        self.note(sql, &plan);
        self.inner.rows_in(sql, fixed, list).await
    }

    async fn run_in(&mut self, sql: &'static str, fixed: &[Value<'_>], list: &[Value<'_>]) -> Result<u64, StoreError> {
        let plan = self.inner.rows_in(self.question(sql), fixed, list).await?;
        self.note(sql, &plan);
        self.inner.run_in(sql, fixed, list).await
    }

    fn wake(&mut self, lane: Wake) {
        self.inner.wake(lane);
    }
}

impl World {
    /// Whether two transactions can run at a time: then what one does between two statements of the other is to be tested.
    pub(crate) fn is_concurrent(&self) -> bool {
        self.ctx.store.database() == Database::Postgres
    }

    /// Returns when some transaction waits for another one's lock.
    pub(crate) async fn until_one_waits(&self) {
        let look = async {
            loop {
                let mut view = self.ctx.store.read().await.unwrap();
                let sql = "SELECT count(*) AS n FROM pg_stat_activity
                           WHERE datname = current_database() AND wait_event_type = 'Lock'";
                if view.one(sql, &[]).await.unwrap().int("n").unwrap() > 0 {
                    return;
                }
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), look).await.expect("nobody waits for a lock");
    }
}
