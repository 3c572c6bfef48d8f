//! The storage engine: transactions over SQLite and PostgreSQL, group commit, sealing of secrets, migrations, leases.
//!
//! Rooms of the server hold their own SQL, written once for both databases, and run it through [`Tx`]. One use case is one
//! [`Transaction`]; a [`Snapshot`] reads. This crate knows no table of any room, and must never hold one back: its own are
//! `instance`, `secret` and `lease`.
//!
//! Rules for statements, so that one text means the same on both databases:
//! - parameters are `$1`, `$2`, …; values are flags, integers, text and bytes, each possibly NULL ([`Value`]);
//! - `{lock}` becomes `FOR UPDATE`, `{lock_skip}` becomes `FOR UPDATE SKIP LOCKED` on PostgreSQL, and nothing on SQLite, which
//!   has one writer; `{rows}` and `{list}` are filled by [`Tx::many`], [`Tx::rows_in`] and [`Tx::run_in`];
//! - write `WHERE flag`, never `WHERE flag = 1`; write `CAST(sum(x) AS BIGINT)`: a bare `sum` is no integer on PostgreSQL;
//! - a statement that fails spoils its transaction on both databases: use `ON CONFLICT` where a conflict is expected;
//! - a write of which nothing is asked goes by [`Tx::later`], together with others; begin it with `INSERT INTO`, `UPDATE` or
//!   `DELETE FROM` and the table, and write nothing through a function or trigger;
//! - never begin a transaction while holding another one: SQLite has one writer, the second would wait for the first.

mod error;
mod key;
mod lease;
mod migrations;
mod open;
mod pending;
mod postgres;
mod row;
mod sealer;
mod session;
mod sql;
mod sqlite;
mod store;
mod tx;
mod value;
mod wake;

pub use error::StoreError;
pub use key::MasterKey;
pub use open::StoreSettings;
pub use row::Row;
pub use sealer::Sealer;
pub use store::{Database, Snapshot, Store, Transaction};
pub use tx::Tx;
pub use value::Value;
pub use wake::Wake;
