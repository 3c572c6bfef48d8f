//! Bad input at the real door: the device listener with real TLS, on each database. Each table has rows of a name, bytes
//! and what must come of them; after each row a healthy device is served at once, and no row is a fault of the server's.

mod answers;
mod connections;
mod identities;
mod lists;
mod log;
mod requests;
mod scep;

use super::super::{body::Patience, bounded_router, room::Size};
use crate::commands::{self, NewCommand, OutcomeState, Priority, Purpose};
use crate::config::Config;
use crate::enrollment::testing::{enroll, identity};
use crate::ids::{ChannelId, DeviceId};
use crate::server::{self, Limits, tls};
use crate::testing::{self, World};
use log::Log;
use openssl::pkey::{PKey, Private};
use requests::{Answer, Identity, Request};
use russet_protocol::command::{Command, Delivered};
use russet_protocol::result::Report;
use russet_protocol::{CommandUuid, Udid, checkin::Sender};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// An enrolled device.
struct Device {
    serial: &'static str,
    device: DeviceId,
    channel: ChannelId,
    certificate: Vec<u8>,
    key: PKey<Private>,
}

/// A server with two enrolled devices: `bad` sends what the rows say, `good` never does anything wrong.
struct House {
    world: World,
    bad: Device,
    good: Device,
    address: SocketAddr,
    root: rustls::pki_types::CertificateDer<'static>,
    log: Rc<Log>,
    stop: CancellationToken,
}

/// What must come of a row.
enum Expect {
    /// Refused with this status, and a log line with this text.
    Refused(u16, &'static str),
    /// Refused as SCEP refuses, and a log line with this text.
    Failure(&'static str),
    /// Answered 200.
    Taken,
}

struct Row {
    name: String,
    request: Request,
    expect: Expect,
}

impl Row {
    fn new(name: impl Into<String>, request: Request, expect: Expect) -> Self {
        Self { name: name.into(), request, expect }
    }
}

impl Device {
    fn sender(&self) -> Sender {
        Sender::device(Udid::new(format!("UDID-{}", self.serial)).unwrap())
    }

    fn idle(&self) -> Vec<u8> {
        Report::idle(self.sender()).encode()
    }

    fn identity(&self) -> Identity {
        Identity::new(self.certificate.clone(), self.key.private_key_to_pkcs8().unwrap())
    }
}

async fn device(world: &World, serial: &'static str) -> Device {
    let (device, channel) = enroll(&world.ctx, serial, "iPhone17,2").await;
    let (certificate, key) = identity(&world.ctx, channel).await;
    Device { serial, device, channel, certificate, key }
}

/// One house on each database.
async fn houses() -> Vec<House> {
    houses_with(Patience::default(), Size::default()).await
}

async fn houses_with(patience: Patience, room: Size) -> Vec<House> {
    houses_of(patience, room, |_| ()).await
}

async fn houses_of(patience: Patience, room: Size, configure: fn(&mut Config)) -> Vec<House> {
    server::install_crypto();
    let (mut houses, log) = (Vec::new(), Rc::new(Log::begin()));
    for world in testing::contexts().await {
        let world = world.configured(configure);
        let (bad, good) = (device(&world, "BAD").await, device(&world, "GOOD").await);
        let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let certificate =
            tls::ServerCertificate::from_pem(own.cert.pem().as_bytes(), own.signing_key.serialize_pem().as_bytes());
        let settings = tls::settings(&certificate.unwrap(), true).unwrap();
        let listener = server::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let (address, stop) = (listener.address(), CancellationToken::new());
        let limits = Limits { handshake: Duration::from_secs(2), header: Duration::from_secs(2), ..Limits::default() };
        let router = bounded_router(world.ctx.clone(), patience, room);
        tokio::spawn(listener.serve(Some(settings), router, limits, stop.clone()));
        houses.push(House { world, bad, good, address, root: own.cert.der().clone(), log: Rc::clone(&log), stop });
    }
    houses
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl House {
    /// Sends each row, looks at what came of it, and at the health of everything else.
    async fn run(&self, rows: Vec<Row>) {
        for row in rows {
            let before = self.records().await;
            self.log.forget();
            let answer = row.request.send(self).await;
            let said = self.log.text();
            match row.expect {
                Expect::Refused(status, reason) => {
                    assert_eq!(answer.status, status, "{}: {}\n{said}", row.name, answer.text());
                    assert!(said.contains(reason), "{}: no line names {reason:?}:\n{said}", row.name);
                    assert_eq!(self.records().await, before, "{}: something changed", row.name);
                }
                Expect::Failure(reason) => {
                    assert_eq!(answer.status, 200, "{}: {}\n{said}", row.name, answer.text());
                    assert!(answer.is_scep_failure(), "{}: granted", row.name);
                    assert!(said.contains(reason), "{}: no line names {reason:?}:\n{said}", row.name);
                    assert_eq!(self.records().await, before, "{}: something changed", row.name);
                }
                Expect::Taken => assert_eq!(answer.status, 200, "{}: {}\n{said}", row.name, answer.text()),
            }
            let fault = said.lines().any(|line| line.split_whitespace().nth(1) == Some("ERROR"));
            assert!(!fault, "{}: a fault of the server's:\n{said}", row.name);
            self.healthy(&row.name).await;
        }
    }

    /// The good device is served, now.
    async fn healthy(&self, after: &str) {
        let idle = Request::report(&self.good.idle()).of(&self.good);
        let answer = tokio::time::timeout(Duration::from_secs(5), idle.send(self)).await;
        assert_eq!(answer.map(|answer| answer.status).ok(), Some(200), "the next request after {after}");
    }

    async fn queue(&self, device: &Device, command: &Command) -> CommandUuid {
        self.queue_for(device, device.channel, command).await
    }

    async fn queue_for(&self, device: &Device, channel: ChannelId, command: &Command) -> CommandUuid {
        let ctx = &self.world.ctx;
        let mut tx = ctx.store.begin("test: enqueue").await.unwrap();
        let new = NewCommand {
            channel,
            device: device.device,
            command,
            after: None,
            purpose: Purpose::Inventory,
            priority: Priority::Interactive,
            expires_at: None,
        };
        let uuid = commands::enqueue(&mut *tx, ctx, new).await.unwrap();
        tx.commit().await.unwrap();
        uuid
    }

    async fn outcome(&self, uuid: &CommandUuid) -> Option<OutcomeState> {
        let mut view = self.world.ctx.store.read().await.unwrap();
        commands::outcome(&mut *view, uuid).await.unwrap().map(|outcome| outcome.state)
    }

    /// The channel of a user of a device, as the user's first TokenUpdate opens it.
    async fn user_channel(&self, device: &Device, user: &Sender) -> ChannelId {
        let channel = ChannelId(self.world.ctx.uuid());
        let mut tx = self.world.ctx.store.begin("test: a user").await.unwrap();
        tx.run(
            "INSERT INTO channel (id, enrollment, user_key, created_at, address, token_updates)
             SELECT $1, enrollment, $2, created_at, $1, 1 FROM channel WHERE id = $3",
            &[(&channel.text()).into(), user.user_key().unwrap().into(), (&device.channel.text()).into()],
        )
        .await
        .unwrap();
        tx.commit().await.unwrap();
        channel
    }

    /// What a request that is refused must not change: queue, history, answers, enrollments, identities and their rights,
    /// devices.
    async fn records(&self) -> Vec<String> {
        let mut view = self.world.ctx.store.read().await.unwrap();
        let mut records = Vec::new();
        for sql in [
            "SELECT uuid || state || COALESCE(waits_for, '') AS line FROM command ORDER BY position",
            "SELECT uuid || state AS line FROM command_history ORDER BY uuid",
            "SELECT COALESCE(command_uuid, '') || status || COALESCE(note, '') AS line FROM command_report ORDER BY position",
            "SELECT id || state || COALESCE(udid, '') || COALESCE(serial, '') AS line FROM enrollment ORDER BY id",
            "SELECT id || user_key || address AS line FROM channel ORDER BY id",
            "SELECT fingerprint || enrollment AS line FROM identity ORDER BY fingerprint",
            "SELECT enrollment AS line FROM scep_challenge WHERE used_at IS NULL ORDER BY enrollment",
            "SELECT id || COALESCE(udid, '') || COALESCE(serial, '') AS line FROM device ORDER BY id",
        ] {
            records.extend(view.rows(sql, &[]).await.unwrap().iter().map(|row| row.text("line").unwrap()));
        }
        records
    }

    /// Notes and sizes of the stored reports of a device, in the order they came.
    async fn reports(&self, device: &Device) -> Vec<(Option<String>, usize)> {
        let mut view = self.world.ctx.store.read().await.unwrap();
        let sql = "SELECT note, raw FROM command_report WHERE device_id = $1 ORDER BY position";
        let rows = view.rows(sql, &[(&device.device.text()).into()]).await.unwrap();
        rows.iter().map(|row| (row.opt_text("note").unwrap(), row.bytes("raw").unwrap().len())).collect()
    }
}

/// The command in an answer; none where the session is over.
fn delivered(answer: &Answer) -> Option<CommandUuid> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let limits = russet_protocol::guard::Limits::for_body(answer.body.len());
    Delivered::decode(&answer.body, limits).unwrap().map(|delivered| delivered.uuid)
}

/// The same bytes on every run.
fn noise(length: usize) -> Vec<u8> {
    let mut dice = 1u64;
    let mut next = || {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        dice.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

/// A text that does not get shorter when a database compresses it.
fn long_text(length: usize) -> String {
    noise(length).iter().map(|byte| char::from(b'a' + byte % 26)).collect()
}
