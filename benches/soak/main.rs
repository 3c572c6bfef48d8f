//! `make soak`: many simulated devices with every misbehavior against the real server as a process of its own, while an admin
//! orders things all the time. It ends with a verdict, which is the exit status too: no device saw a 5xx or a 401, no command
//! was lost, and the server's own memory has stopped growing.
//!
//! Must never take the server's word for what was done: its record of each command is held against the device's.

#![expect(clippy::unwrap_used, reason = "a trial that cannot go on has failed, at the place named")]

mod admin;
mod memory;
mod verdict;

use admin::Admin;
use memory::Memory;
use russet::cli::demo::server_process::ServerProcess;
use russet::cli::demo::setup;
use russet::cli::demo::world::{Apple, Place};
use russet::cli::demo::{self, fleet_options};
use russet_simulator::devices::{Fleet, Misbehavior, Mix, Options, Power, Retry};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Devices enroll within this time, for each hundred of them.
const ENROLL_A_HUNDRED: Duration = Duration::from_secs(180);
/// The admin knows the devices as they were so long ago.
const LOOK_AGAIN: Duration = Duration::from_secs(3);
/// What is open when the orders end is answered within this time.
const SETTLE: Duration = Duration::from_secs(300);

struct Asked {
    devices: usize,
    minutes: u64,
    database: Option<String>,
    folder: Option<PathBuf>,
}

fn main() -> ExitCode {
    let asked = match asked(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(why) => {
            eprintln!("{why}\nusage: [--devices N] [--minutes N] [--database URL] [--folder FOLDER]");
            return ExitCode::from(2);
        }
    };
    russet::server::install_crypto();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if runtime.block_on(soak(asked)) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn asked(mut words: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut asked = Asked { devices: 1000, minutes: 10, database: None, folder: None };
    while let Some(word) = words.next() {
        if word == "--bench" {
            continue; // cargo's own
        }
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        let number = || value.parse::<u64>().ok().filter(|number| *number > 0);
        let count = |number: Option<u64>| number.ok_or_else(|| format!("{word} needs a number, not {value:?}"));
        match word.as_str() {
            "--devices" => asked.devices = usize::try_from(count(number())?).unwrap(),
            "--minutes" => asked.minutes = count(number())?,
            "--database" => asked.database = Some(value),
            "--folder" => asked.folder = Some(value.into()),
            _ => return Err(format!("there is no {word}")),
        }
    }
    Ok(asked)
}

async fn soak(asked: Asked) -> bool {
    let temporary = tempfile::tempdir().unwrap();
    let folder = asked.folder.clone().unwrap_or_else(|| temporary.path().join("soak"));
    let place = Place::prepare(std::path::absolute(folder).unwrap(), asked.database.clone()).unwrap();
    let apple = Apple::start(u32::try_from(asked.devices).unwrap()).await.unwrap();
    apple.configure(&place).unwrap();
    let mut server = ServerProcess::spawn(Path::new(env!("CARGO_BIN_EXE_russet")), &place).unwrap();
    server.ready(&place).await.unwrap();
    let client = demo::admin(&place).unwrap();
    setup::run(&client, &apple, asked.devices, &|_, _| {}).await.unwrap();
    let links = links(&client, asked.devices).await;
    println!(
        "{} devices enroll, of every kind, with every misbehavior; log: {}",
        asked.devices,
        place.log_file().display()
    );
    let fleet = Fleet::start(options(&place, &apple, links, asked.devices)).await.unwrap();
    let began = Instant::now();
    let limit = ENROLL_A_HUNDRED * u32::try_from(asked.devices.div_ceil(100)).unwrap();
    while began.elapsed() < limit && !everyone(&fleet) {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    if !everyone(&fleet) {
        for device in fleet.snapshot().iter().filter(|device| device.enrollments == 0).take(10) {
            eprintln!("{} is {:?}: {:?}", device.serial, device.phase, device.last_error);
        }
        eprintln!("not every device has enrolled after {} seconds", limit.as_secs());
        return false;
    }
    println!("enrolled after {} seconds; orders begin\n", began.elapsed().as_secs());

    let token = std::fs::read_to_string(place.token_file()).unwrap();
    let mut admin = Admin::new(client, &place.admin_url(), token.trim());
    let mut memory = Memory::of(server.pid().unwrap());
    work(&asked, &fleet, &mut admin, &mut memory).await;

    println!("\norders end; every device behaves, and what is open is to be answered");
    fleet.behave();
    settle(&fleet, &admin).await;
    let verdict = verdict::reach(&fleet, &admin, &memory, asked.minutes).await;
    fleet.stop().await;
    let ended = server.stop().await;
    let orderly = ended.is_ok_and(|status| status.success());
    if !orderly {
        println!("FAULT the server did not end in order");
    }
    apple.stop().await;
    if !(verdict && orderly) {
        println!("the server's folder is kept: {}", temporary.keep().display());
    }
    verdict && orderly
}

fn everyone(fleet: &Fleet) -> bool {
    fleet.snapshot().iter().all(|device| device.enrollments > 0)
}

/// Invitations of each sort: signed messages, client certificates only, and an identity that comes with the profile.
async fn links(client: &russet::cli::client::Client, devices: usize) -> Vec<String> {
    let mut links = Vec::new();
    for how in [json!({}), json!({ "sign_message": false }), json!({ "identity": "pkcs12" })] {
        let mut body = json!({ "uses": devices * 4, "note": "the trial's devices" });
        body.as_object_mut().unwrap().extend(how.as_object().unwrap().clone());
        let made = client.post("/api/v1/invitations", &body).await.unwrap();
        links.push(made["link"].as_str().unwrap().to_owned());
    }
    // Most devices make their own key and sign.
    links.insert(0, links[0].clone());
    links
}

fn options(place: &Place, apple: &Apple, links: Vec<String>, devices: usize) -> Options {
    Options {
        enroll_urls: links,
        mix: Mix { iphones: 5, ipads: 2, macs: 3, apple_tvs: 1, shared_ipads: 1 },
        users: 1,
        misbehavior: Misbehavior::all(),
        not_now_percent: 5,
        not_now_pause: Duration::from_secs(5),
        person_after: Some(Duration::from_secs(10)),
        restart_time: Duration::from_secs(2),
        retry: Retry { first: Duration::from_millis(200), most: Duration::from_secs(10) },
        system_roots: false,
        ..fleet_options(place, apple, "", devices).unwrap()
    }
}

/// The minutes of the trial.
async fn work(asked: &Asked, fleet: &Fleet, admin: &mut Admin, memory: &mut Memory) {
    let began = Instant::now();
    // Two orders a device and minute, spread over the time.
    let pause = Duration::from_secs(30) / u32::try_from(asked.devices).unwrap();
    let mut answered = fleet.statuses().values().sum();
    let (mut devices, mut seen) = (fleet.snapshot(), Instant::now());
    for minute in 0..=asked.minutes {
        let until = Duration::from_secs(60 * minute);
        while began.elapsed() < until {
            if seen.elapsed() > LOOK_AGAIN {
                (devices, seen) = (fleet.snapshot(), Instant::now());
            }
            admin.order(&devices).await;
            let next = pause * u32::try_from(admin.count()).unwrap();
            tokio::time::sleep(next.saturating_sub(began.elapsed())).await;
        }
        let sample = memory.sample(minute);
        let now: u64 = fleet.statuses().values().sum();
        println!(
            "minute {minute:>2}: anonymous memory {:>6.1} MiB, {:>6} commands ordered, {:>5} answers a second to devices",
            sample,
            admin.ordered(),
            (now - answered) / 60
        );
        answered = now;
    }
}

/// Lets every device do what it still has to do.
async fn settle(fleet: &Fleet, admin: &Admin) {
    let began = Instant::now();
    while began.elapsed() < SETTLE {
        for (place, device) in fleet.snapshot().iter().enumerate() {
            if device.power != Power::On || device.locked || !device.enrolled {
                fleet.tend(place);
            } else {
                fleet.poll(place);
            }
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
        if admin.open().await == 0 {
            return;
        }
    }
}
