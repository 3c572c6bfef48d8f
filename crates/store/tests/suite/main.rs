//! The store's one test suite: every scenario on SQLite and on PostgreSQL, since behavior must not differ between them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cells;
mod lists;
mod nodes;
mod transactions;
mod world;
