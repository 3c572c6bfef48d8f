//! What tests of several crates share: a PostgreSQL with a fresh database for each test.
//!
//! For tests only: it panics where a test cannot go on. Must never depend on another crate of ours, so that each of them may
//! use it.

mod cluster;
mod database;

pub use database::TestDatabase;

/// A fresh, empty PostgreSQL database, dropped when the value is.
///
/// In the server that `RUSSET_TEST_POSTGRES_URL` names; where it is not set, in a throw-away one that this process starts and
/// that ends with it. `None` where no PostgreSQL is installed; that is said on standard error, so that nobody takes a skipped
/// test for a passed one. Set `RUSSET_TEST_POSTGRES_URL` to `none` to skip on purpose.
///
/// # Panics
/// Where the named server cannot be used: then the tests must not pass.
pub async fn postgres() -> Option<TestDatabase> {
    let server = cluster::server_url()?;
    Some(TestDatabase::create(&server).await)
}
