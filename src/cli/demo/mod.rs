//! `russet demo`: the whole story on one machine. The real server as a process of its own, beside simulated Apple services
//! and simulated devices; nothing of the server is simulated.
//!
//! Must never claim success on the server's word: what is shown as true was read from the devices and from Apple's side
//! (see [`truth`]).

pub mod profiles;
pub mod report;
pub mod rows;
pub mod server_process;
pub mod settle;
pub mod setup;
pub mod table;
pub mod truth;
mod view;
pub mod world;

use crate::cli::client::Client;
use anyhow::Context as _;
use russet_simulator::devices::{self, DeviceView, Fleet};
use server_process::ServerProcess;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};
use truth::{Fact, Wanted};
use view::View;
use world::{Apple, Place};

/// So many faults are told one by one.
const MOST_FAULTS: usize = 12;

/// Runs the server beside simulated Apple services and simulated devices, and shows the apps arriving.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  russet demo\n  russet demo --devices 100\n  \
    russet demo --devices 25 --exit --report report.json\n  \
    russet demo --database postgres://russet:secret@localhost/russet_demo --exit\n\n\
    Exit status: 0 when everything wanted is true on the devices, 1 when something is not.")]
pub struct Args {
    /// How many devices: iPhones, iPads and Macs
    #[arg(long, short = 'n', value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    devices: u32,
    /// End by itself when all is settled
    #[arg(long)]
    exit: bool,
    /// Write the facts to this file as JSON, one entry per device and app
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// The database: sqlite:PATH or postgres://… (an empty one); SQLite in the demo's folder where not given
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// An empty folder for configuration, data and log, which stays; a temporary one where not given
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Give up when not all is settled after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    limit: u64,
}

/// Runs the demo; success when everything wanted is true on the devices.
///
/// # Errors
/// When something does not start, or the server refuses what it should do.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (folder, temporary) = match &args.folder {
        Some(folder) => (folder.clone(), false),
        None => (std::env::temp_dir().join(format!("russet-demo-{}", std::process::id())), true),
    };
    let mut end = End::listen()?;
    let place = Place::prepare(std::path::absolute(folder)?, args.database.clone())?;
    let outcome = tokio::select! {
        outcome = play(&args, &place) => outcome.map(Some),
        () = end.asked() => Ok(None),
    };
    let success = match outcome {
        Ok(Some(house)) => {
            let as_wanted = house.as_wanted;
            stay_and_leave(&args, &place, house, &mut end).await.map(|()| as_wanted)
        }
        Ok(None) => {
            eprintln!("\nStopped before all was settled.");
            if temporary {
                remove(&place);
            }
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => Err(error),
    };
    match &success {
        Ok(true) if temporary => remove(&place),
        Ok(true) => {}
        Ok(false) | Err(_) => eprintln!("The server's log stays at {}.", place.log_file().display()),
    }
    Ok(if success? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is left in a temporary folder is the operating system's to clean.
fn remove(place: &Place) {
    let _ = std::fs::remove_dir_all(&place.folder);
}

/// Ctrl-C or SIGTERM; heard from the beginning, so that none is lost between two waits.
struct End {
    interrupt: Signal,
    terminate: Signal,
}

impl End {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// What runs once everything is settled.
struct House {
    fleet: Fleet,
    server: ServerProcess,
    apple: Apple,
    as_wanted: bool,
    /// A serial number and a store number to ask about.
    example: (String, u64),
}

/// Waits for the end, unless the demo ends by itself, and stops everything in order. A second Ctrl-C stops at once.
async fn stay_and_leave(args: &Args, place: &Place, house: House, end: &mut End) -> anyhow::Result<()> {
    let House { fleet, mut server, apple, example, .. } = house;
    if !args.exit {
        hints(place, &example)?;
        tokio::select! {
            status = server.ended() => anyhow::bail!("the server ended by itself with {}", status?),
            () = end.asked() => eprintln!("\nStopping."),
        }
    }
    let stop = async {
        fleet.stop().await;
        server.stop().await?;
        apple.stop().await;
        anyhow::Ok(())
    };
    tokio::select! {
        stopped = stop => stopped,
        () = end.asked() => Ok(()),
    }
}

async fn play(args: &Args, place: &Place) -> anyhow::Result<House> {
    let devices = usize::try_from(args.devices)?;
    eprintln!("Starting Russet, a simulated APNs, a simulated Apps and Books and {devices} simulated devices.");
    let apple = Apple::start(args.devices).await?;
    apple.configure(place)?;
    let program = std::env::current_exe().context("cannot tell where the program russet is")?;
    let mut server = ServerProcess::spawn(&program, place)?;
    server.ready(place).await?;
    let client = admin(place)?;
    let ready = setup::run(&client, &apple, devices, &View::step).await?;
    eprintln!("  Devices open {}\n", ready.link);

    let began = Instant::now();
    let fleet = Fleet::start(fleet_options(place, &apple, &ready.link, devices)?).await?;
    let view = View::new(devices);
    let enrolled = || fleet.snapshot().iter().filter(|device| device.enrolled).count();
    let said =
        settle::wait(&client, devices, Duration::from_secs(args.limit), &enrolled, &|progress| view.tell(progress))
            .await?;
    view.done();
    let seconds = began.elapsed().as_secs_f64();

    let seen = fleet.snapshot();
    let facts = truth::facts(&seen, &said.items, &apple.licenses(), Wanted::AT_FIRST);
    let as_wanted = show(&seen, &facts, devices, seconds);
    if let Some(file) = &args.report {
        let postgres = args.database.as_deref().is_some_and(|url| url.starts_with("postgres"));
        let database = if postgres { "postgres" } else { "sqlite" };
        report::Report { as_wanted, devices, seconds, database, pushes: apple.push.stats().accepted, facts: &facts }
            .write(file)
            .with_context(|| format!("writing {}", file.display()))?;
        eprintln!("The facts are in {}.", file.display());
    }
    let example = facts.first().map(|fact| (fact.serial_number.clone(), fact.adam_id)).unwrap_or_default();
    Ok(House { fleet, server, apple, as_wanted, example })
}

/// A client with the first admin's token.
///
/// # Errors
/// When the server wrote no token.
pub fn admin(place: &Place) -> anyhow::Result<Client> {
    let token = std::fs::read_to_string(place.token_file()).context("reading the first admin token")?;
    Ok(Client::new(&place.admin_url(), Some(&token), None)?)
}

/// Devices that open this link at once, and reach the simulated Apple.
///
/// # Errors
/// When the server's root certificate cannot be read.
pub fn fleet_options(place: &Place, apple: &Apple, link: &str, count: usize) -> anyhow::Result<devices::Options> {
    Ok(devices::Options {
        enroll_urls: vec![link.to_owned()],
        count,
        courier: Some(apple.push.courier_addr().to_string()),
        store_url: Some(apple.books.control_url().to_owned()),
        // The root that the server made for a private network, as an admin would hand it out beforehand.
        trust_pem: std::fs::read(place.root_file()).context("reading the server's root certificate")?,
        ..devices::Options::default()
    })
}

/// Prints the table and the verdict.
fn show(seen: &[DeviceView], facts: &[Fact], devices: usize, seconds: f64) -> bool {
    println!("\n{}", table::text(facts));
    let wrong: Vec<&Fact> = facts.iter().filter(|fact| !fact.as_wanted).collect();
    let enrolled = seen.iter().filter(|device| device.enrolled).count();
    for device in seen.iter().filter(|device| !device.enrolled) {
        eprintln!("{} is not enrolled: {}", device.serial, device.last_error.as_deref().unwrap_or("it has not begun"));
    }
    for fact in wrong.iter().take(MOST_FAULTS) {
        eprintln!("{} on {}: {}", fact.adam_id, fact.serial_number, fact.faults.join("; "));
    }
    if wrong.len() > MOST_FAULTS {
        eprintln!("… and {} more; --report FILE has all of them.", wrong.len() - MOST_FAULTS);
    }
    println!(
        "{enrolled} of {devices} devices enrolled, {} of {} apps as wanted, after {seconds:.1} seconds.",
        facts.len() - wrong.len(),
        facts.len()
    );
    wrong.is_empty() && enrolled == devices && !facts.is_empty()
}

/// Where the server is and what to try.
fn hints(place: &Place, (device_asked, app_asked): &(String, u64)) -> anyhow::Result<()> {
    let exe = std::env::current_exe()?;
    let russet = exe.display();
    println!(
        "\nThe server listens for devices at {device} and for admins at {admin}; its folder is {folder}.\n\
         It runs until Ctrl-C. Copy these lines into another terminal and ask it anything:\n\n  \
         export RUSSET_SERVER={admin} RUSSET_TOKEN=$(cat {token})\n  \
         {russet} admin devices list\n  \
         {russet} admin report\n  \
         {russet} explain {device_asked} {app_asked}\n  \
         {russet} admin accounts defaults set Berlin --data-roaming on\n  \
         {russet} --help\n  \
         curl -H \"Authorization: Bearer $RUSSET_TOKEN\" {admin}/api/v1/report\n",
        device = place.device_url(),
        admin = place.admin_url(),
        folder = place.folder.display(),
        token = place.token_file().display(),
    );
    Ok(())
}
