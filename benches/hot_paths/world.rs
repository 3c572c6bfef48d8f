//! A database with enrolled devices in it, as their enrollments would have left it. Rows are written directly: enrolling is
//! not what is measured.

use russet::config::Config;
use russet::context::{Clock, Context, SystemClock, SystemRandom};
use russet::directory::devices::{self, NewFacts};
use russet::directory::dirty::{self, Lane};
use russet::ids::{ChannelId, DeviceId, EnrollmentId, InvitationId};
use russet::push;
use russet_protocol::{PushMagic, PushToken, SerialNumber, Timestamp, Topic, Udid};
use russet_store::{MasterKey, Store, StoreSettings, Tx};
use russet_test_support::TestDatabase;
use sqlx::{Connection as _, Executor as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tempfile::TempDir;

pub(crate) const TOPIC: &str = "com.apple.mgmt.External.bench";

/// The machine's clock, moved ahead by hand.
#[derive(Default)]
pub(crate) struct Ahead(AtomicI64);

impl Ahead {
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        Timestamp(SystemClock.now().millis() + self.0.load(Ordering::SeqCst))
    }
}

/// A context on a database of its own.
pub(crate) struct World {
    pub(crate) ctx: Context,
    pub(crate) clock: Arc<Ahead>,
    pub(crate) url: String,
    /// What the table calls it.
    pub(crate) name: &'static str,
    _database: Option<TestDatabase>,
    pub(crate) folder: TempDir,
}

/// A device that is enrolled.
#[derive(Clone)]
pub(crate) struct Enrolled {
    pub(crate) device: DeviceId,
    pub(crate) channel: ChannelId,
    pub(crate) udid: Udid,
}

/// A new folder on the disk of the build results: the folder for temporary files may be in memory.
pub(crate) fn place() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// A world on SQLite, and one on PostgreSQL where one is installed.
pub(crate) async fn worlds() -> Vec<World> {
    let mut worlds = vec![sqlite().await];
    worlds.extend(postgres().await);
    worlds
}

/// With synchronous=FULL, as always. The files lie as `russet serve` expects them in its data folder.
pub(crate) async fn sqlite() -> World {
    let folder = place();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let key = MasterKey::load_or_make(&data.join("master.key")).unwrap();
    let url = format!("sqlite:{}", data.join("russet.db").display());
    open("SQLite", url, folder, key, None).await
}

/// The tests' PostgreSQL does not sync, so that they are fast; here it has to.
async fn postgres() -> Option<World> {
    let database = russet_test_support::postgres().await?;
    let mut connection = sqlx::PgConnection::connect(&database.url()).await.unwrap();
    for setting in ["fsync = on", "synchronous_commit = on", "full_page_writes = on"] {
        connection.execute(sqlx::AssertSqlSafe(format!("ALTER SYSTEM SET {setting}"))).await.unwrap();
    }
    connection.execute("SELECT pg_reload_conf()").await.unwrap();
    // A new connection sees them for sure.
    connection.close().await.unwrap();
    let url = database.url();
    Some(open("PostgreSQL", url, place(), MasterKey::generate().unwrap(), Some(database)).await)
}

async fn open(
    name: &'static str,
    url: String,
    folder: TempDir,
    key: MasterKey,
    database: Option<TestDatabase>,
) -> World {
    let store = Store::open(StoreSettings::new(url.clone(), "bench"), key).await.unwrap();
    let clock = Arc::new(Ahead::default());
    let ctx = Context {
        store,
        clock: clock.clone(),
        random: Arc::new(SystemRandom),
        config: Arc::new(Config::defaults(folder.path())),
        node: "bench".into(),
    };
    World { ctx, clock, url, name, _database: database, folder }
}

impl World {
    pub(crate) fn sqlite_file(&self) -> PathBuf {
        self.folder.path().join("data").join("russet.db")
    }

    /// Enrolls so many iPhones. `marked`: whether the reconciler has to look at them.
    pub(crate) async fn enroll(&self, count: usize, marked: bool) -> Vec<Enrolled> {
        let mut all = Vec::with_capacity(count);
        for first in (0..count).step_by(100) {
            let mut tx = self.ctx.store.begin("bench: enroll").await.unwrap();
            for number in first..count.min(first + 100) {
                let one = enroll(&mut *tx, &self.ctx, number).await;
                if marked {
                    dirty::mark(&mut *tx, one.device, Lane::Interactive, "enrolled", self.ctx.now()).await.unwrap();
                }
                all.push(one);
            }
            tx.commit().await.unwrap();
        }
        all
    }
}

async fn enroll(tx: &mut dyn Tx, ctx: &Context, number: usize) -> Enrolled {
    let (udid, serial) = (format!("00008140-{number:016X}"), format!("BENCH{number:07}"));
    let (udid, serial) = (Udid::new(udid).unwrap(), SerialNumber::new(serial).unwrap());
    let name = format!("iPhone {number}");
    let facts = NewFacts {
        udid: Some(&udid),
        serial: Some(&serial),
        name: Some(&name),
        product_name: Some("iPhone17,2"),
        os_version: Some("18.1"),
        ..NewFacts::default()
    };
    let now = ctx.now();
    let device = devices::upsert_from_authenticate(tx, &facts, DeviceId(ctx.uuid()), now).await.unwrap();
    let invitation = InvitationId(ctx.uuid()).text();
    let (enrollment, channel) = (EnrollmentId(ctx.uuid()).text(), ChannelId(ctx.uuid()));
    let code: [u8; 32] = ctx.random_bytes();
    let now = now.millis().into();
    tx.run(
        "INSERT INTO invitation (id, code_hash, uses, used, sign_message, pkcs12, note, created_at, expires_at)
         VALUES ($1, $2, 1, 1, $3, $5, '', $4, $4)",
        &[(&invitation).into(), (&code).into(), true.into(), now, false.into()],
    )
    .await
    .unwrap();
    tx.run(
        "INSERT INTO enrollment (id, invitation, profile_identifier, topic, state, device, udid, serial,
                                 awaiting_configuration, created_at, authenticated_at, live_at)
         VALUES ($1, $2, 'com.example.mdm', $8, 'live', $3, $4, $5, $6, $7, $7, $7)",
        &[
            (&enrollment).into(),
            (&invitation).into(),
            (&device.text()).into(),
            udid.as_str().into(),
            serial.as_str().into(),
            false.into(),
            now,
            TOPIC.into(),
        ],
    )
    .await
    .unwrap();
    tx.run(
        "INSERT INTO channel (id, enrollment, user_key, created_at, address, token_updates) VALUES ($1, $2, '', $3, $4, 1)",
        &[(&channel.text()).into(), (&enrollment).into(), now, udid.as_str().into()],
    )
    .await
    .unwrap();
    let token = PushToken::new(ctx.random_bytes::<32>().to_vec()).unwrap();
    let magic = PushMagic::new(ctx.uuid().to_string()).unwrap();
    push::set_target(tx, channel, &token, &magic, &Topic::new(TOPIC).unwrap(), ctx.now()).await.unwrap();
    Enrolled { device, channel, udid }
}
