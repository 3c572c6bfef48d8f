//! `russet config`: the example file, and the check of what a server would start with.

use super::serve::Settings;
use crate::config::{check, example, reference, without_password};
use clap::Subcommand;
use std::process::ExitCode;

/// `russet config …`.
#[derive(Debug, Subcommand)]
pub(super) enum Args {
    /// Print every setting with its meaning and default, as a file to begin with
    Example,
    /// Print the reference of all settings, in Markdown
    Reference,
    /// Name every fault, or say what the server would start with and where each setting comes from
    #[command(after_help = "Examples:
  russet config check --config russet.toml
  RUSSET_LOG_FORMAT=json russet config check --set pace.poll=2s")]
    Check(Settings),
}

#[expect(clippy::unused_async, reason = "every subcommand is run alike")]
pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args {
        Args::Example => print!("{}", example::text()),
        Args::Reference => print!("{}", reference::text()),
        Args::Check(settings) => {
            let loaded = settings.load()?;
            println!("The configuration has no faults.");
            for (key, origin) in &loaded.written {
                println!("  {key}: from {origin}");
            }
            let config = &loaded.config;
            println!("Devices reach it at {}, listening on {}.", config.device.public_url, config.device.address);
            println!("Admins reach it on {}.", config.admin.address);
            println!("The database is {}.", without_password(&config.database_url));
            if config.device.is_self_made() {
                println!("The TLS certificate will be self-made, for a private network.");
            }
            let host = config.device.public_url.parse::<http::Uri>().ok();
            if host.as_ref().and_then(http::Uri::host).is_some_and(check::is_loopback) {
                println!("Only devices simulated on this machine can reach that address.");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
