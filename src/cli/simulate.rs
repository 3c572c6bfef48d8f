//! `russet simulate …`: Apple's services and devices as they are described, in memory, for trials with any MDM server.
//!
//! Each simulator runs alone until Ctrl-C. What a server has to know of it (trust roots, push certificate, server token)
//! lies as files in one folder, which stays usable over restarts. Must never be used with real tokens or devices.

use crate::cli::{simulate_apns, simulate_apps_and_books, simulate_devices};
use anyhow::Context;
use clap::Subcommand;
use russet_simulator::ca::Authority;
use russet_simulator::clock::Clock;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// `russet simulate …`.
#[derive(Debug, Subcommand)]
pub(super) enum Args {
    /// A simulated Apple Push Notification service
    Apns(simulate_apns::Args),
    /// A simulated Apps and Books service with its store
    AppsAndBooks(simulate_apps_and_books::Args),
    /// Simulated iPhones, iPads, Macs and Apple TVs that enroll in an MDM server
    Devices(simulate_devices::Args),
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args {
        Args::Apns(args) => simulate_apns::run(args).await,
        Args::AppsAndBooks(args) => simulate_apps_and_books::run(args).await,
        Args::Devices(args) => simulate_devices::run(args).await,
    }
}

/// What both services of Apple take.
#[derive(Debug, clap::Args)]
pub(super) struct Common {
    /// Folder for the files that a server needs; kept over restarts, may be shared by both simulators
    #[arg(long, value_name = "FOLDER", default_value = "simulator")]
    pub(super) folder: PathBuf,
    /// The name under which servers reach this machine; stands in the certificate
    #[arg(long, value_name = "NAME", default_value = "localhost")]
    pub(super) host: String,
    /// Do not print what happens, line by line
    #[arg(long, short)]
    pub(super) quiet: bool,
}

impl Common {
    /// The folder's authority: the same `roots.pem` for every simulator with this folder, and after every restart.
    pub(super) fn authority(&self) -> anyhow::Result<Authority> {
        Authority::open_or_create(&self.folder, "Russet simulator CA")
            .context("the simulator's own certificate authority cannot be used; give another --folder")
    }

    /// A file in the folder.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Writes a file of the folder.
pub(super) fn write(path: &Path, text: impl AsRef<[u8]>) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}

/// Waits for Ctrl-C or SIGTERM while `show` prints what happens.
pub(super) async fn until_stopped(show: impl Future<Output = ()>) -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        stopped = tokio::signal::ctrl_c() => stopped.context("Ctrl-C cannot be waited for")?,
        _ = terminate.recv() => {}
        () = show => {}
    }
    println!("Stopping.");
    Ok(())
}

/// The time of day of a line, in UTC, by the simulation's clock.
pub(super) fn time_of_day(at: russet_protocol::Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.millis()).map_or_else(|_| "?".to_owned(), |at| at.strftime("%T").to_string())
}

/// The machine's clock, for a simulator that runs alone.
pub(super) fn clock() -> Clock {
    Clock::default()
}
