//! The reconciler on 1,000 devices: brought to what is wanted first (that is measured too), then looked at once more with
//! nothing left to do.

use crate::limits::processor_time;
use crate::phone::{Phone, bundle_id};
use crate::table::Table;
use crate::world::{self, World};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use russet::apps::{self, NewApp, Scope, reconciler};
use russet::cli::demo::profiles as samples;
use russet::context::Context;
use russet::directory::dirty::{self, Lane};
use russet::ids::AccountId;
use russet::licenses::{Defaults, accounts};
use russet::profiles;
use russet_protocol::{AdamId, PricingParam};
use std::time::{Duration, Instant};

const PART: &str = "reconciler";
const DEVICES: usize = 1_000;
const APPS: u64 = 5;
/// Devices that speak at once while everything is brought to what is wanted.
const AT_ONCE: usize = 32;

/// Gives the SQLite world, in which everything is as wanted.
pub(crate) async fn measure(table: &mut Table) -> World {
    let mut kept = None;
    for world in world::worlds().await {
        measure_one(table, &world).await;
        match kept {
            None => kept = Some(world),
            Some(_) => world.ctx.store.close().await,
        }
    }
    kept.unwrap()
}

async fn measure_one(table: &mut Table, world: &World) {
    let (ctx, name) = (&world.ctx, world.name);
    let account = account(ctx).await;
    for adam in 1..=APPS {
        let new = NewApp { account, adam: AdamId(adam), pricing: PricingParam::Standard, scope: Scope::Everyone };
        apps::add(ctx, new).await.unwrap();
    }
    let enrolled = world.enroll(DEVICES, true).await;
    let mut phones: Vec<Phone> = enrolled.into_iter().map(Phone::new).collect();
    let (mut marks, mut time, mut trips) = (0, Duration::ZERO, 0);
    let mut settled = false;
    for _ in 0..30 {
        let done = drain(ctx).await;
        (marks, time, trips) = (marks + done.marks, time + done.time, trips + done.trips);
        confirm(ctx).await;
        phones = speak(ctx, phones).await;
        let report = apps::report(&mut *ctx.store.read().await.unwrap(), ctx.now()).await.unwrap();
        if report.settled && report.satisfied {
            settled = true;
            break;
        }
        world.clock.advance(Duration::from_secs(10));
    }
    assert!(settled, "the devices did not come to what is wanted");
    let what = format!("{name}: plans that bring {DEVICES} devices to {APPS} apps");
    table
        .add(PART, what, marks as f64 / time.as_secs_f64(), "marks/s")
        .note(format!("{:.1} trips a mark, {marks} marks", trips as f64 / marks as f64));

    // Nothing is left to do: the first look still writes what the last answers said.
    mark(ctx).await;
    drain(ctx).await;
    mark(ctx).await;
    let done = drain(ctx).await;
    assert_eq!(done.marks, DEVICES);
    table
        .add(
            PART,
            format!("{name}: {DEVICES} devices as wanted"),
            done.marks as f64 / done.time.as_secs_f64(),
            "marks/s",
        )
        .note(format!(
            "{:.1} trips a device, {:.0} us of CPU each",
            done.trips as f64 / done.marks as f64,
            done.cpu.as_secs_f64() * 1e6 / done.marks as f64
        ));
}

/// What a number of steps of the reconciler cost.
struct Done {
    marks: usize,
    time: Duration,
    cpu: Duration,
    trips: u64,
}

async fn drain(ctx: &Context) -> Done {
    let (trips, cpu, began) = (ctx.store.trips(), processor_time(), Instant::now());
    let mut marks = 0;
    loop {
        let step = reconciler::step(ctx).await.unwrap();
        if step == 0 {
            break;
        }
        marks += step;
    }
    let trips = ctx.store.trips() - trips;
    Done { marks, time: began.elapsed(), cpu: processor_time().saturating_sub(cpu), trips }
}

async fn mark(ctx: &Context) {
    let mut tx = ctx.store.begin("bench: mark").await.unwrap();
    dirty::mark_all(&mut *tx, Lane::Bulk, "bench", ctx.now()).await.unwrap();
    tx.commit().await.unwrap();
}

/// An account of all settings whose location owns the apps.
async fn account(ctx: &Context) -> AccountId {
    let vpn = profiles::import(ctx, "VPN", &samples::per_app_vpn().unwrap()).await.unwrap();
    let sso = profiles::import(ctx, "Sign-on", &samples::kerberos_single_sign_on().unwrap()).await.unwrap();
    let defaults = Defaults {
        mandatory: Some(true),
        prevent_backup: Some(true),
        data_roaming: Some(false),
        cellular_data: Some(true),
        vpn_profile: Some(vpn),
        sso_profile: Some(sso),
        sso_urls: vec!["https://intranet.example.com/".to_owned()],
        ..Defaults::default()
    };
    let token = STANDARD.encode(r#"{"token":"inner","expDate":"2040-11-08T22:33:22+0000","orgName":"Bench"}"#);
    let account = accounts::create(ctx, "Bench", &token, defaults).await.unwrap().id;
    let (id, now) = (account.text(), ctx.now().millis());
    let mut tx = ctx.store.begin("bench: assets").await.unwrap();
    for adam in 1..=APPS {
        let (number, name, bundle_id) = (i64::try_from(adam).unwrap(), format!("App {adam}"), bundle_id(adam));
        tx.run(
            "INSERT INTO license_asset (account_id, adam_id, pricing, product_type, device_assignable, revocable, platforms,
                                        total, assigned, available, retired, seen_at)
             VALUES ($1, $2, 'STDQ', 'App', $3, $3, 'iOS', 9999, 0, 9999, 0, $4)",
            &[(&id).into(), number.into(), true.into(), now.into()],
        )
        .await
        .unwrap();
        tx.run(
            "INSERT INTO license_metadata (account_id, adam_id, name, bundle_id, asked_at) VALUES ($1, $2, $3, $4, $5)",
            &[(&id).into(), number.into(), (&name).into(), (&bundle_id).into(), now.into()],
        )
        .await
        .unwrap();
    }
    tx.commit().await.unwrap();
    account
}

/// Apple grants every license that is asked for.
async fn confirm(ctx: &Context) {
    let mut tx = ctx.store.begin("bench: confirm").await.unwrap();
    let now = ctx.now().millis();
    let given = tx
        .run(
            "INSERT INTO license_assignment (account_id, adam_id, pricing, target_kind, target, since, seen_at)
             SELECT account_id, adam_id, pricing, 'serial', serial, $1, $1 FROM license_intent WHERE wanted = 'assigned'",
            &[now.into()],
        )
        .await
        .unwrap();
    if given > 0 {
        tx.run("DELETE FROM license_intent", &[]).await.unwrap();
        dirty::mark_all(&mut *tx, Lane::Bulk, "license changed", ctx.now()).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// Every device does what is queued for it.
async fn speak(ctx: &Context, phones: Vec<Phone>) -> Vec<Phone> {
    let mut groups: Vec<Vec<Phone>> = (0..AT_ONCE).map(|_| Vec::new()).collect();
    for (place, phone) in phones.into_iter().enumerate() {
        groups[place % AT_ONCE].push(phone);
    }
    let tasks: Vec<_> = groups
        .into_iter()
        .map(|mut group| {
            let ctx = ctx.clone();
            tokio::spawn(async move {
                for phone in &mut group {
                    phone.session(&ctx).await;
                }
                group
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    all
}
