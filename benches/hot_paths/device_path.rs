//! Devices at the door: a report is recorded and the next command fetched, through the handlers of the device listener, with
//! a client certificate. Each device is one client that waits for its answer before it speaks again. Load and server share
//! the machine; TLS is left out.

use crate::limits;
use crate::phone;
use crate::table::{Latencies, Table};
use crate::world::{self, Enrolled, World};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use russet::commands::{self, NewCommand, Priority, Purpose};
use russet::enrollment::authority;
use russet::gateway;
use russet::server::PeerCertificate;
use russet_protocol::checkin::Sender;
use russet_protocol::command::Command;
use russet_protocol::media;
use russet_protocol::result::{Answer, Report};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tower::ServiceExt as _;

const PART: &str = "device path";
/// Devices at once, and commands for each.
const LOADS: [(usize, usize); 3] = [(1, 2_000), (16, 250), (256, 24)];

pub(crate) async fn measure(table: &mut Table) {
    table.add(PART, "limit: write and sync a page of a file", limits::syncs(), "syncs/s");
    for world in world::worlds().await {
        let name = world.name;
        for connections in if name == "SQLite" { &[1_usize][..] } else { &[1, 16] } {
            let what = format!("limit: {name}, bare INSERT and commit, {connections} connection(s)");
            table.add(PART, what, limits::inserts(&world, *connections).await, "commits/s");
        }
        let devices = world.enroll(LOADS[2].0, false).await;
        let certificates = identities(&world, &devices).await;
        let router = gateway::router(world.ctx.clone());
        for (count, each) in LOADS {
            queue(&world, &devices[..count], each).await;
            let before = world.ctx.store.trips();
            let (cpu, began) = (limits::processor_time(), Instant::now());
            let clients: Vec<_> = devices[..count]
                .iter()
                .zip(&certificates)
                .map(|(one, certificate)| tokio::spawn(session(router.clone(), one.clone(), Arc::clone(certificate))))
                .collect();
            let mut latencies = Vec::new();
            for client in clients {
                latencies.extend(client.await.unwrap());
            }
            let took = began.elapsed().as_secs_f64();
            let cpu = (limits::processor_time() - cpu).as_secs_f64();
            let requests = latencies.len() as f64;
            let trips = (world.ctx.store.trips() - before) as f64 / requests;
            table
                .add(PART, format!("{name}, {count} device(s)"), requests / took, "requests/s")
                .latencies(&Latencies::new(latencies))
                .note(format!("{trips:.1} trips to the database, {:.0} us of CPU a request", cpu * 1e6 / requests));
        }
        world.ctx.store.close().await;
    }
}

/// A certificate for each, of one key: making keys takes long.
async fn identities(world: &World, devices: &[Enrolled]) -> Vec<Arc<[u8]>> {
    let ctx = &world.ctx;
    let authority = authority::open(ctx).await.unwrap();
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap().public_key_to_der().unwrap();
    let mut all = Vec::with_capacity(devices.len());
    let mut tx = ctx.store.begin("bench: identities").await.unwrap();
    for one in devices {
        let certificate = authority.issue_identity(&key, "bench", ctx.random_bytes(), ctx.now()).unwrap();
        let fingerprint = ring::digest::digest(&ring::digest::SHA256, &certificate);
        let fingerprint = russet_pki::certificate::hex(fingerprint.as_ref());
        tx.run(
            "INSERT INTO identity (fingerprint, enrollment, certificate, public_key, origin, transaction_id, issued_at,
                                   not_after, confirmed_at)
             SELECT $1, enrollment, $2, $2, 'scep', 'bench', $3, $4, $3 FROM channel WHERE id = $5",
            &[
                (&fingerprint).into(),
                (&certificate).into(),
                ctx.now().millis().into(),
                i64::MAX.into(),
                (&one.channel.text()).into(),
            ],
        )
        .await
        .unwrap();
        all.push(certificate.into());
    }
    tx.commit().await.unwrap();
    all
}

/// Commands of about 1.5 kB.
async fn queue(world: &World, devices: &[Enrolled], each: usize) {
    let command = Command::InstallProfile { payload: vec![b'x'; 1_000] };
    for one in devices {
        let mut tx = world.ctx.store.begin("bench: enqueue").await.unwrap();
        for _ in 0..each {
            let new = NewCommand {
                channel: one.channel,
                device: one.device,
                command: &command,
                after: None,
                purpose: Purpose::Inventory,
                priority: Priority::Interactive,
                expires_at: None,
            };
            commands::enqueue(&mut *tx, &world.ctx, new).await.unwrap();
        }
        tx.commit().await.unwrap();
    }
}

/// Idle, then command and answer until the queue is empty. How long each request took.
async fn session(router: Router, one: Enrolled, certificate: Arc<[u8]>) -> Vec<Duration> {
    let sender = Sender::device(one.udid);
    let mut said = Report::idle(sender.clone());
    let mut latencies = Vec::new();
    loop {
        let mut request = Request::builder().method(Method::PUT).uri("/mdm").header(header::CONTENT_TYPE, media::MDM);
        let extensions = request.extensions_mut().unwrap();
        extensions.insert(PeerCertificate(Some(Arc::clone(&certificate))));
        let request = request.body(Body::from(said.encode())).unwrap();
        let began = Instant::now();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        latencies.push(began.elapsed());
        if body.is_empty() {
            return latencies;
        }
        said = Report::acknowledged(sender.clone(), phone::decode(&body).uuid, &Answer::none());
    }
}
