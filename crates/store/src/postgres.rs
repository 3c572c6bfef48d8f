//! PostgreSQL: its pool, and waking other nodes by NOTIFY.

use crate::StoreError;
use crate::wake::{Bells, Wake, Wakes};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgListener, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _};
use std::str::FromStr as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

const CHANNEL: &str = "russet_wake";
/// Notifications are collected for this long: NOTIFY takes a lock of the whole cluster at commit.
const COLLECT: Duration = Duration::from_millis(20);
/// How long the first connection may take.
const FIRST_CONNECTION: Duration = Duration::from_secs(10);
const RECONNECT: Duration = Duration::from_secs(1);

pub(crate) async fn connect(url: &str, connections: u32) -> Result<PgPool, StoreError> {
    let options = PgConnectOptions::from_str(url)
        .map_err(|_| StoreError::Locked("the address of the PostgreSQL database cannot be read".to_owned()))?
        .application_name("russet")
        .statement_cache_capacity(512)
        .disable_statement_logging();
    // The pool goes on trying and tells only that time ran out; one connection of our own tells why.
    match tokio::time::timeout(FIRST_CONNECTION, options.connect()).await {
        Ok(connected) => connected?.close().await?,
        Err(_) => {
            let text = format!("nothing answered within {} s", FIRST_CONNECTION.as_secs());
            return Err(StoreError::unavailable(text));
        }
    }
    Ok(PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(30))
        .connect_with(options)
        .await?)
}

/// The class of the advisory locks that stand for names of nodes: "ru".
const NODE_NAMES: i32 = 0x7275;
/// How long a start waits for its name: the database may not have noticed yet that this node's last process has ended.
const NAME_WAIT: Duration = Duration::from_secs(10);
/// How often the connection that holds the name is looked after.
const NAME_CHECK: Duration = Duration::from_secs(10);

/// Holds the name of this node while the returned task lives. Leases carry the name: two nodes of one name would each take
/// the other's work for its own.
pub(crate) async fn hold_name(pool: &PgPool, node: &str) -> Result<tokio::task::AbortHandle, StoreError> {
    let begun = tokio::time::Instant::now();
    let connection = loop {
        if let Some(connection) = take_name(pool, node).await? {
            break connection;
        }
        if begun.elapsed() >= NAME_WAIT {
            return Err(StoreError::Locked(format!(
                "another server uses this database under the node name {node:?}; stop it, or give each its own node_name"
            )));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    Ok(tokio::spawn(keep_name(pool.clone(), node.to_owned(), connection)).abort_handle())
}

/// A connection of its own that holds the name; none where another one does.
async fn take_name(pool: &PgPool, node: &str) -> Result<Option<PgConnection>, sqlx::Error> {
    let mut connection = pool.connect_options().connect().await?;
    let sql = "SELECT pg_try_advisory_lock($1, hashtext($2))";
    let taken: bool = sqlx::query_scalar(sql).bind(NODE_NAMES).bind(node).fetch_one(&mut connection).await?;
    Ok(taken.then_some(connection))
}

async fn keep_name(pool: PgPool, node: String, connection: PgConnection) {
    let mut held = Some(connection);
    loop {
        tokio::time::sleep(NAME_CHECK).await;
        let alive = match &mut held {
            Some(connection) => sqlx::query("SELECT 1").execute(connection).await.is_ok(),
            None => false,
        };
        if alive {
            continue;
        }
        held = match take_name(&pool, &node).await {
            Ok(Some(connection)) => Some(connection),
            Ok(None) => {
                tracing::error!(
                    node,
                    "another server uses this database under the name of this node; stop one of them"
                );
                None
            }
            // The database is away; everybody else says so.
            Err(_) => None,
        };
    }
}

/// Tells other nodes whom to wake. Its own notifications are known by `tag` and left alone.
#[derive(Clone)]
pub(crate) struct Herald {
    pending: Arc<Mutex<Wakes>>,
    kick: Arc<Notify>,
}

impl Herald {
    pub(crate) fn tell(&self, wakes: Wakes) {
        if wakes == Wakes::default() {
            return;
        }
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        for lane in wakes.iter() {
            pending.add(lane);
        }
        drop(pending);
        self.kick.notify_one();
    }
}

/// Starts the task that sends and the one that listens; both end when aborted.
pub(crate) fn start(pool: &PgPool, bells: &Bells, tag: &str) -> (Herald, Vec<tokio::task::AbortHandle>) {
    let herald = Herald { pending: Arc::default(), kick: Arc::default() };
    let sending = tokio::spawn(send(pool.clone(), herald.clone(), tag.to_owned()));
    let listening = tokio::spawn(listen(pool.clone(), bells.clone(), tag.to_owned()));
    (herald, vec![sending.abort_handle(), listening.abort_handle()])
}

async fn send(pool: PgPool, herald: Herald, tag: String) {
    loop {
        herald.kick.notified().await;
        let wakes = std::mem::take(&mut *herald.pending.lock().unwrap_or_else(PoisonError::into_inner));
        for lane in wakes.iter() {
            let payload = format!("{} {tag}", lane.name());
            let sent = sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(payload).execute(&pool).await;
            if let Err(error) = sent {
                // Nothing is lost: the workers of other nodes look by themselves.
                tracing::debug!(%error, "could not notify other nodes");
            }
        }
        tokio::time::sleep(COLLECT).await;
    }
}

async fn listen(pool: PgPool, bells: Bells, tag: String) {
    let mut everyone = Wakes::default();
    Wake::ALL.into_iter().for_each(|lane| everyone.add(lane));
    loop {
        let outcome = hear(&pool, &bells, &tag, everyone).await;
        if let Err(error) = outcome {
            tracing::warn!(%error, "not listening to other nodes; trying again");
        }
        tokio::time::sleep(RECONNECT).await;
    }
}

/// Listens until the connection breaks.
async fn hear(pool: &PgPool, bells: &Bells, tag: &str, everyone: Wakes) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    // What was sent while nobody listened is not repeated.
    bells.ring(everyone);
    while let Some(notification) = listener.try_recv().await? {
        if let Some((lane, from)) = notification.payload().split_once(' ')
            && from != tag
            && let Some(lane) = Wake::from_name(lane)
        {
            let mut wakes = Wakes::default();
            wakes.add(lane);
            bells.ring(wakes);
        }
    }
    Ok(())
}
