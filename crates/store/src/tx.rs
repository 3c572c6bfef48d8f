//! What rooms see of a transaction.

use crate::{Row, StoreError, Value, Wake};
use async_trait::async_trait;

/// A transaction, or a snapshot to read from. Functions of rooms take `&mut dyn Tx`; call them with `&mut *transaction`.
///
/// The rules for statements stand in the documentation of the crate.
#[async_trait]
pub trait Tx: Send {
    /// The rows of a statement.
    async fn rows(&mut self, sql: &'static str, args: &[Value<'_>]) -> Result<Vec<Row>, StoreError>;

    /// Runs a statement; the number of rows it changed.
    async fn run(&mut self, sql: &'static str, args: &[Value<'_>]) -> Result<u64, StoreError>;

    /// Runs one statement for many rows: `INSERT INTO t (a, b) VALUES {rows} ON CONFLICT …`. Split into as few statements as
    /// the database's limit on parameters allows; all rows have the same number of values. With `DO UPDATE`, no two rows may
    /// meet the same conflict. The number of rows changed.
    async fn many(&mut self, sql: &'static str, rows: &[Vec<Value<'_>>]) -> Result<u64, StoreError>;

    /// The rows of a statement with `… IN ({list})`; `fixed` are `$1`…`$n`. An empty list gives no rows. Long lists are asked
    /// in parts, so an ORDER BY holds only within each part of 256.
    async fn rows_in(
        &mut self,
        sql: &'static str,
        fixed: &[Value<'_>],
        list: &[Value<'_>],
    ) -> Result<Vec<Row>, StoreError>;

    /// Runs a statement with `… IN ({list})`, like [`Tx::rows_in`]; the number of rows changed.
    async fn run_in(&mut self, sql: &'static str, fixed: &[Value<'_>], list: &[Value<'_>]) -> Result<u64, StoreError>;

    /// Runs a write of which nothing is asked, neither whether it changed a row nor, before the next call, whether it failed:
    /// it goes to the database together with others, before whatever is asked next, at the latest with the commit. It gives
    /// no rows; `{rows}` and `{list}` are not filled.
    async fn later(&mut self, sql: &'static str, args: &[Value<'_>]) -> Result<(), StoreError>;

    /// Wakes the workers of this lane once the transaction is committed. Does nothing in a snapshot.
    fn wake(&mut self, lane: Wake);
}

impl dyn Tx + '_ {
    /// The only row of a statement. [`StoreError::NotFound`] if there is none; further rows are ignored.
    pub async fn one(&mut self, sql: &'static str, args: &[Value<'_>]) -> Result<Row, StoreError> {
        self.optional(sql, args).await?.ok_or(StoreError::NotFound)
    }

    /// The first row of a statement, if there is one.
    pub async fn optional(&mut self, sql: &'static str, args: &[Value<'_>]) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }
}
