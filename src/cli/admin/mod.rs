//! `russet admin …`: what an admin does, as a client of the HTTP API. Tables for people, `--json` for programs.
//!
//! One file a resource. Each reads arguments, makes the calls and prints; nothing here knows what the server knows, and
//! nothing here prints a token except at the moment the server made it.

mod accounts;
mod apps;
mod audit;
pub(super) mod connection;
mod defaults;
mod devices;
mod inventory;
mod invitations;
mod orders;
mod profiles;
mod push_certificate;
mod report;
mod resolve;
mod settings;
mod status;
mod switch;
pub(super) mod table;
#[cfg(test)]
mod tests;
mod tokens;
mod users;
pub(super) mod words;

pub(super) use resolve::{app as app_id, segment};

use clap::Subcommand;
use connection::{Connection, Desk};
use std::path::PathBuf;
use std::process::ExitCode;

/// `russet admin …`.
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples, in the order of a first day:
  export RUSSET_TOKEN_FILE=russet.token                    where `russet serve --token-file` wrote the first token
  russet admin status
  russet admin push-certificate import push.pem
  russet admin profiles import vpn.mobileconfig --name \"VPN for managed apps\"
  russet admin accounts add --name Berlin --token-file berlin.vpptoken
  russet admin accounts defaults set Berlin --mandatory on --prevent-backup on --data-roaming off \\
      --vpn-profile \"VPN for managed apps\"
  russet admin accounts assets Berlin
  russet admin apps add 1500000101 --account Berlin
  russet admin invitations create --uses 25
  russet admin report
  russet explain \"Mia's iPad\" Fieldbook

Accounts, apps, profiles and devices may be named by id or by name; apps also by bundle id or store number.
Every subcommand takes --json, and has a --help of its own."
)]
pub(super) struct Args {
    #[command(flatten)]
    connection: Connection,
    /// File with the API token; RUSSET_TOKEN holds the token itself
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// What there is, in numbers
    Status,
    /// API tokens
    #[command(subcommand)]
    Tokens(tokens::Args),
    /// The certificate with which devices are woken
    #[command(subcommand)]
    PushCertificate(push_certificate::Args),
    /// Imported configuration profiles: per-app VPN, Kerberos single sign-on
    #[command(subcommand)]
    Profiles(profiles::Args),
    /// App Store accounts, their licenses and their defaults
    #[command(subcommand)]
    Accounts(accounts::Args),
    /// Apps under management
    #[command(subcommand)]
    Apps(apps::Args),
    /// The people whose devices are managed
    #[command(subcommand)]
    Users(users::Args),
    /// Links with which devices enroll
    #[command(subcommand)]
    Invitations(invitations::Args),
    /// Devices, their commands, orders for them, and unenrolling them
    #[command(subcommand)]
    Devices(devices::Args),
    /// Each app on each device: license, settings, state and reason
    Report(report::Args),
    /// Who changed what, newest first
    Audit(audit::Args),
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let desk = Desk::open(&args.connection, args.token_file.as_deref())?;
    match args.command {
        Command::Status => status::run(&desk).await?,
        Command::Tokens(args) => tokens::run(&desk, args).await?,
        Command::PushCertificate(args) => push_certificate::run(&desk, args).await?,
        Command::Profiles(args) => profiles::run(&desk, args).await?,
        Command::Accounts(args) => accounts::run(&desk, args).await?,
        Command::Apps(args) => apps::run(&desk, args).await?,
        Command::Users(args) => users::run(&desk, args).await?,
        Command::Invitations(args) => invitations::run(&desk, args).await?,
        Command::Devices(args) => devices::run(&desk, args).await?,
        Command::Report(args) => return report::run(&desk, args).await,
        Command::Audit(args) => audit::run(&desk, args).await?,
    }
    Ok(ExitCode::SUCCESS)
}
