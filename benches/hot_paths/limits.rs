//! What the machine can do at best: syncs of a file, and bare INSERTs with a commit each in the same database.

use crate::world::{World, place};
use russet_store::Database;
use sqlx::{Connection as _, Executor as _};
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(1);
const PAGE: usize = 4096;

/// How often a second a page of a file on the disk of the databases can be written and synced (`fdatasync`, as SQLite does).
pub(crate) fn syncs() -> f64 {
    let folder = place();
    let file = File::create(folder.path().join("sync")).unwrap();
    let page = [1_u8; PAGE];
    // Space is there beforehand: a growing file costs its metadata too.
    for number in 0..1024 {
        file.write_all_at(&page, number * 4096).unwrap();
    }
    file.sync_all().unwrap();
    let (began, mut done) = (Instant::now(), 0_u32);
    while began.elapsed() < LONG {
        file.write_all_at(&page, u64::from(done % 1024) * 4096).unwrap();
        file.sync_data().unwrap();
        done += 1;
    }
    f64::from(done) / began.elapsed().as_secs_f64()
}

/// Bare INSERTs a second, each with its own commit, by so many connections at once; SQLite has one writer.
pub(crate) async fn inserts(world: &World, connections: usize) -> f64 {
    match world.ctx.store.database() {
        Database::Sqlite => sqlite(world).await,
        Database::Postgres => postgres(world, connections).await,
    }
}

/// A row of about the size of a stored report.
const ROW: &[u8] = &[7; 400];

async fn sqlite(world: &World) -> f64 {
    use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteSynchronous};
    let options = SqliteConnectOptions::new()
        .filename(world.sqlite_file())
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5));
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    connection.execute("CREATE TABLE IF NOT EXISTS bare (id INTEGER PRIMARY KEY, body BLOB)").await.unwrap();
    let (began, mut done) = (Instant::now(), 0_u32);
    while began.elapsed() < LONG {
        sqlx::query("INSERT INTO bare (body) VALUES ($1)").bind(ROW).execute(&mut connection).await.unwrap();
        done += 1;
    }
    f64::from(done) / began.elapsed().as_secs_f64()
}

async fn postgres(world: &World, connections: usize) -> f64 {
    use sqlx::postgres::PgConnection;
    let mut first = PgConnection::connect(&world.url).await.unwrap();
    first.execute("CREATE TABLE IF NOT EXISTS bare (id BIGSERIAL PRIMARY KEY, body BYTEA)").await.unwrap();
    let began = Instant::now();
    let workers: Vec<_> = (0..connections)
        .map(|_| {
            let url = world.url.clone();
            tokio::spawn(async move {
                let mut connection = PgConnection::connect(&url).await.unwrap();
                let mut done = 0_u32;
                while began.elapsed() < LONG {
                    sqlx::query("INSERT INTO bare (body) VALUES ($1)")
                        .bind(ROW)
                        .execute(&mut connection)
                        .await
                        .unwrap();
                    done += 1;
                }
                done
            })
        })
        .collect();
    let mut done = 0;
    for worker in workers {
        done += worker.await.unwrap();
    }
    f64::from(done) / began.elapsed().as_secs_f64()
}

/// Processor time of this process so far, without PostgreSQL's.
pub(crate) fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    // Fields 14 and 15 of proc(5), user and system time, in hundredths of a second.
    let ticks: u64 = after_name[11].parse::<u64>().unwrap() + after_name[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}
