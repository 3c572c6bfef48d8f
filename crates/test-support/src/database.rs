//! One database for one test.

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use std::str::FromStr as _;
use std::sync::atomic::{AtomicU32, Ordering};

/// How long making a database may take, and dropping one.
const MAKING: &str = "60s";
const DROPPING: &str = "2s";

/// A database of a test's own; dropped with the value, whoever is still connected.
#[derive(Debug)]
pub struct TestDatabase {
    server: String,
    name: String,
}

impl TestDatabase {
    pub(crate) async fn create(server: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let since =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_millis());
        let name = format!("test_{}_{since}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let database = Self { server: server.to_owned(), name };
        // The name is of our own making: letters, digits, underscores.
        let done = run(&database.server, format!("CREATE DATABASE {}", database.name), MAKING).await;
        assert!(done.is_ok(), "no database could be created in the PostgreSQL of the tests: {done:?}");
        database
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        let (address, parameters) = self.server.split_once('?').unwrap_or((&self.server, ""));
        let (server, _) = address.rsplit_once('/').unwrap_or((address, ""));
        let mark = if parameters.is_empty() { "" } else { "?" };
        format!("{server}/{}{mark}{parameters}", self.name)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (server, text) = (self.server.clone(), format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        // A thread and a runtime of its own: the test's runtime may be on its way out. It also stands still meanwhile, so a
        // connection that it is just opening would keep PostgreSQL waiting: hence the limit, after which the database stays.
        let work = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            if let Ok(runtime) = runtime {
                let _ = runtime.block_on(run(&server, text, DROPPING));
            }
        });
        let _ = work.join();
    }
}

async fn run(server: &str, text: String, limit: &str) -> Result<(), sqlx::Error> {
    let options = PgConnectOptions::from_str(server)?.options([("statement_timeout", limit)]);
    let mut connection = PgConnection::connect_with(&options).await?;
    connection.execute(AssertSqlSafe(text)).await?;
    connection.close().await
}
