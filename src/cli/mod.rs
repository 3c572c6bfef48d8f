//! One file a subcommand. Thin: reads arguments, calls one function, prints for people or as JSON.
//!
//! Each subcommand is a module with `Args` (what clap reads) and `async fn run(args: Args) -> anyhow::Result<ExitCode>`; it is
//! mounted by one line in [`Command`] and one in [`run`].

mod admin;
pub mod client;
mod config;
pub mod demo;
mod explain;
mod serve;
mod simulate;
mod simulate_apns;
mod simulate_apps_and_books;
mod simulate_devices;
#[cfg(test)]
mod tests;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// What `russet --help` teaches after the list of subcommands.
const EXAMPLES: &str = "\
Examples:
  russet config example > russet.toml     every setting with its meaning; all are optional
  russet config check                     names every fault and says where each setting comes from
  russet serve --config russet.toml       starts the server; the first start prints an admin API token, once
  russet serve --data-dir /var/lib/russet --public-url https://mdm.example.com:8443
  russet demo                             the whole story on this machine, nothing needed
  russet admin report                     which device has which app, and why not
  russet explain SERIAL-NUMBER APP        the story of one app on one device

Each subcommand has a --help of its own with examples.";

/// An Apple MDM server that turns app licenses into managed apps.
#[derive(Debug, Parser)]
#[command(name = "russet", version, about, after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Args),
    /// Run the whole story on this machine, with simulated Apple services and devices
    Demo(demo::Args),
    /// What an admin does, as a client of the server's API
    Admin(admin::Args),
    /// Why a device has an app, or not yet
    Explain(explain::Args),
    /// Print an example configuration, or check one
    #[command(subcommand)]
    Config(config::Args),
    /// Run a simulated service of Apple, for trials with any MDM server
    #[command(subcommand)]
    Simulate(simulate::Args),
}

/// Carries out a command line.
///
/// # Errors
/// What went wrong, in words for the person who typed it.
pub async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Serve(args) => serve::run(args).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Admin(args) => admin::run(args).await,
        Command::Explain(args) => explain::run(args).await,
        Command::Config(args) => config::run(args).await,
        Command::Simulate(args) => simulate::run(args).await,
    }
}
