//! A fleet's worth of rows, for tests that look at how the database finds the few that a statement asks for.

use super::World;
use crate::ids::{AccountId, ChannelId, DeviceId};
use russet_planner::Reason;
use russet_store::{Tx, Value};

/// How many devices.
const SIZE: u32 = 3000;

/// The filled tables, and one device among many.
pub(crate) struct Crowd {
    pub(crate) device: DeviceId,
    pub(crate) channel: ChannelId,
    pub(crate) account: AccountId,
    /// The serial number of `device`.
    pub(crate) serial: String,
    /// An open command of `device`.
    pub(crate) command: String,
}

/// An identifier of the `kind`th kind.
fn id(kind: u32, number: u32) -> String {
    format!("{kind:08x}-0000-7000-8000-{number:012x}")
}

/// Puts one row into a table for each device.
async fn each(tx: &mut dyn Tx, sql: &'static str, row: impl Fn(u32) -> Vec<Cell>) {
    let rows: Vec<Vec<Cell>> = (0..SIZE).map(row).collect();
    let values: Vec<Vec<Value<'_>>> = rows.iter().map(|row| row.iter().map(Cell::value).collect()).collect();
    tx.many(sql, &values).await.unwrap();
}

/// A value that owns its text.
enum Cell {
    Text(String),
    Int(i64),
    Flag(bool),
    Bytes(Vec<u8>),
}

impl Cell {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Text(text) => text.into(),
            Self::Int(number) => (*number).into(),
            Self::Flag(flag) => (*flag).into(),
            Self::Bytes(bytes) => bytes.into(),
        }
    }
}

macro_rules! cells {
    ($($cell:expr),* $(,)?) => { vec![$(Cell::from($cell)),*] };
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Cell {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<Vec<u8>> for Cell {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

const INVITATION: u32 = 1;
const DEVICE: u32 = 2;
const ENROLLMENT: u32 = 3;
const CHANNEL: u32 = 4;
const COMMAND: u32 = 5;
const ENDED: u32 = 6;
const APP: u32 = 7;
const BATCH: u32 = 8;
const USER: u32 = 9;

const HOUR: i64 = 3_600_000;

/// Few of many are due at a time, some of each lane.
fn is_due(number: u32) -> bool {
    number.is_multiple_of(49)
}

fn serial(number: u32) -> String {
    format!("C{number:05}")
}

impl World {
    /// Fills the tables that grow with the fleet: each device is live, has an open command and an ended one, a mark, a push, an
    /// app, a profile, a license and a wish.
    pub(crate) async fn crowd(&self) -> Crowd {
        let app = [(1001, "Notes", "com.example.notes", "iOS")];
        let account = crate::licenses::testing::account(&self.ctx, crate::licenses::Defaults::default(), &app).await;
        let now = self.ctx.now().millis();
        let mut tx = self.ctx.store.begin("test: a crowd").await.unwrap();
        people(&mut *tx, now).await;
        queues(&mut *tx, now).await;
        apps(&mut *tx, &account.text(), now).await;
        // PostgreSQL counts its rows by itself sooner or later; SQLite never does.
        if self.is_concurrent() {
            tx.run("ANALYZE", &[]).await.unwrap();
        }
        tx.commit().await.unwrap();
        Crowd {
            device: id(DEVICE, 77).parse().unwrap(),
            channel: id(CHANNEL, 77).parse().unwrap(),
            account,
            serial: serial(77),
            command: id(COMMAND, 77),
        }
    }
}

async fn people(tx: &mut dyn Tx, now: i64) {
    let invitation = id(INVITATION, 0);
    tx.run(
        "INSERT INTO invitation (id, code_hash, uses, used, sign_message, pkcs12, note, created_at, expires_at)
         VALUES ($1, $2, 1, 1, $3, $4, '', $5, $5)",
        &[(&invitation).into(), (&[7_u8; 32]).into(), true.into(), false.into(), now.into()],
    )
    .await
    .unwrap();
    each(tx, "INSERT INTO directory_user (id, name, name_key, created_at) VALUES {rows}", |n| {
        cells![id(USER, n), format!("user{n}"), format!("user{n}"), now]
    })
    .await;
    each(
        tx,
        "INSERT INTO device (id, udid, serial, product_name, os_version, owner_id, created_at, updated_at) VALUES {rows}",
        |n| cells![id(DEVICE, n), format!("UDID-{n}"), serial(n), "iPhone17,2", "18.1", id(USER, n), now, now],
    )
    .await;
    each(tx, "INSERT INTO device_seen (device_id, seen_at) VALUES {rows}", |n| cells![id(DEVICE, n), now]).await;
    each(tx, "INSERT INTO device_standing (device_id, locked_at) VALUES {rows}", |n| cells![id(DEVICE, n), now]).await;
    each(
        tx,
        "INSERT INTO enrollment (id, invitation, profile_identifier, topic, state, device, udid, serial,
             awaiting_configuration, created_at, authenticated_at, live_at, visit_at, inventory_at) VALUES {rows}",
        |n| {
            let (device, udid) = (id(DEVICE, n), format!("UDID-{n}"));
            let (invitation, visit) = (id(INVITATION, 0), now + if is_due(n) { -1 } else { HOUR });
            let live = "live";
            cells![
                id(ENROLLMENT, n),
                invitation,
                "a",
                "t",
                live,
                device,
                udid,
                serial(n),
                false,
                now,
                now,
                now,
                visit,
                visit
            ]
        },
    )
    .await;
    each(tx, "INSERT INTO channel (id, enrollment, user_key, address, token_updates, created_at) VALUES {rows}", |n| {
        cells![id(CHANNEL, n), id(ENROLLMENT, n), "", format!("UDID-{n}"), 1, now]
    })
    .await;
    each(
        tx,
        "INSERT INTO identity (fingerprint, enrollment, certificate, public_key, origin, transaction_id, issued_at, not_after)
         VALUES {rows}",
        |n| cells![format!("print-{n}"), id(ENROLLMENT, n), vec![1], vec![1], "scep", "t", now, now],
    )
    .await;
}

async fn queues(tx: &mut dyn Tx, now: i64) {
    let hash = vec![7_u8; 32];
    each(tx, "INSERT INTO command_body (hash, sealed, used_at) VALUES {rows}", |n| {
        let mut hash = vec![7_u8; 28];
        hash.extend(n.to_be_bytes());
        cells![hash, vec![1], now]
    })
    .await;
    tx.run(
        "INSERT INTO command_body (hash, sealed, used_at) VALUES ($1, $2, $3)",
        &[(&hash).into(), (&hash).into(), now.into()],
    )
    .await
    .unwrap();
    each(
        tx,
        "INSERT INTO command (uuid, channel_id, device_id, request_type, body_hash, purpose, priority, state, created_at,
             expires_at, delivered_at) VALUES {rows}",
        |n| {
            let (kind, state) = ("SecurityInfo", "delivered");
            let (channel, device) = (id(CHANNEL, n), id(DEVICE, n));
            let later = now + 1_000_000;
            cells![id(COMMAND, n), channel, device, kind, hash.clone(), "inventory", 0, state, now, later, now]
        },
    )
    .await;
    each(
        tx,
        "INSERT INTO command_history (uuid, channel_id, device_id, request_type, body_hash, purpose, priority, state,
             created_at, ended_at) VALUES {rows}",
        |n| {
            let (channel, device) = (id(CHANNEL, n), id(DEVICE, n));
            cells![id(ENDED, n), channel, device, "InstallProfile", hash.clone(), "inventory", 0, "done", now, now]
        },
    )
    .await;
    each(
        tx,
        "INSERT INTO push_channel (channel_id, topic, token, magic, target_at, lane, generation, requested_at, due_at,
             attempts) VALUES {rows}",
        |n| {
            let (lane, due) = (i64::from(n % 2), now + if is_due(n) { -1 } else { HOUR });
            cells![id(CHANNEL, n), "com.apple.mgmt.test", vec![1], "m", now, lane, 1, now, due, 0]
        },
    )
    .await;
    each(tx, "INSERT INTO dirty_mark (device_id, lane, generation, due_at, ready_at, causes) VALUES {rows}", |n| {
        let due = now + if is_due(n) { -1 } else { HOUR };
        cells![id(DEVICE, n), i64::from(n % 2), 1, due, due, "test"]
    })
    .await;
}

async fn apps(tx: &mut dyn Tx, account: &str, now: i64) {
    tx.run(
        "INSERT INTO app (id, account_id, adam_id, pricing_param, scope, settings, version, created_at)
         VALUES ($1, $2, 1001, 'STDQ', 'everyone', '{}', 1, $3)",
        &[(&id(APP, 0)).into(), account.into(), now.into()],
    )
    .await
    .unwrap();
    each(tx, "INSERT INTO managed_app (device_id, bundle_id, status, status_at, seen_at) VALUES {rows}", |n| {
        cells![id(DEVICE, n), "com.example.notes", "Managed", now, now]
    })
    .await;
    each(tx, "INSERT INTO device_list (device_id, list, seen_at) VALUES {rows}", |n| {
        cells![id(DEVICE, n), "managed_apps", now]
    })
    .await;
    each(tx, "INSERT INTO device_list (device_id, list, seen_at) VALUES {rows}", |n| {
        cells![id(DEVICE, n), "profiles", now]
    })
    .await;
    let sql = "INSERT INTO installed_profile (device_id, identifier, uuid, payloads, has_mdm) VALUES {rows}";
    each(tx, sql, |n| cells![id(DEVICE, n), "com.example.profile", "uuid", 1, false]).await;
    each(
        tx,
        "INSERT INTO device_profile (device_id, identifier, channel_id, command, command_at, failed_tries) VALUES {rows}",
        |n| cells![id(DEVICE, n), "com.example.profile", id(CHANNEL, n), id(ENDED, n), now, 0],
    )
    .await;
    each(tx, "INSERT INTO device_plan (device_id, enrollment_id, memory, revision) VALUES {rows}", |n| {
        cells![id(DEVICE, n), id(ENROLLMENT, n), "{}", 1]
    })
    .await;
    let reason = serde_json::to_string(&Reason::NotForThisPlatform).unwrap();
    each(
        tx,
        "INSERT INTO device_app (device_id, app_id, state, reason, owner, since, next_at, license, settings, memory, basis)
         VALUES {rows}",
        |n| {
            let (device, license) = (id(DEVICE, n), r#"{"state":"nothing","text":""}"#);
            cells![device, id(APP, 0), "not_possible", reason.clone(), "admin", now, now, license, "[]", "{}", "-"]
        },
    )
    .await;
    each(tx, "INSERT INTO app_story (device_id, app_id, plan, place, at, step, text) VALUES {rows}", |n| {
        cells![id(DEVICE, n), id(APP, 0), 1, 0, now, "license", "asked for"]
    })
    .await;
    each(
        tx,
        "INSERT INTO license_assignment (account_id, adam_id, pricing, target_kind, target, since, seen_at) VALUES {rows}",
        |n| cells![account, 1001, "STDQ", "serial", serial(n), now, now],
    )
    .await;
    each(
        tx,
        "INSERT INTO license_notification (account_id, notification_id, received_at, body, processed_at) VALUES {rows}",
        |n| cells![account, format!("notification-{n}"), now, vec![1], now],
    )
    .await;
    each(
        tx,
        "INSERT INTO license_intent (account_id, adam_id, pricing, serial, wanted, state, since, batch_id, tries, due_at)
         VALUES {rows}",
        |n| {
            let state = if n % 100 == 0 { "open" } else { "sent" };
            cells![account, 1002, "STDQ", serial(n), "assigned", state, now, id(BATCH, n / 100), 0, now]
        },
    )
    .await;
    each(
        tx,
        "INSERT INTO license_batch (id, account_id, action, state, event_id, sent_at, look_at, looks) VALUES {rows}",
        |n| cells![id(BATCH, n), account, "associate", "following", format!("event-{n}"), now, now + i64::from(n), 0],
    )
    .await;
}
