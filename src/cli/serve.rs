//! `russet serve`: reads the configuration, starts the server, says where it listens, and stops it in order on a signal.

use crate::config::{Loaded, Sources, load};
use crate::start::{self, FirstToken, Options};
use anyhow::Context;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// Where settings come from on the command line.
#[derive(Debug, clap::Args)]
pub(super) struct Settings {
    /// The configuration file; russet.toml in the working folder where it is there
    #[arg(long, short, env = "RUSSET_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of database, master key and self-made certificate (sets data_dir)
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<String>,
    /// How devices reach this server (sets device.public_url)
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Any other setting, by its key; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl Settings {
    /// Reads file, environment and flags into one configuration.
    pub(super) fn load(&self) -> anyhow::Result<Loaded> {
        let folder = std::env::current_dir().context("the working folder cannot be read")?;
        let standard = folder.join("russet.toml");
        let path =
            self.config.as_ref().map(|given| folder.join(given)).or_else(|| standard.exists().then_some(standard));
        let file = match path {
            Some(path) => {
                let text = std::fs::read_to_string(&path)
                    .with_context(|| format!("the configuration file {} cannot be read", path.display()))?;
                Some((path, text))
            }
            None => None,
        };
        // A value that is not Unicode cannot be a setting; it is left to whom it belongs.
        let environment =
            std::env::vars_os().filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)));
        Ok(load(&Sources { file, environment: environment.collect(), flags: self.flags()?, folder })?)
    }

    fn flags(&self) -> anyhow::Result<Vec<(String, String, String)>> {
        let mut flags = Vec::new();
        let named =
            [("data_dir", "--data-dir", &self.data_dir), ("device.public_url", "--public-url", &self.public_url)];
        for (key, flag, text) in named {
            if let Some(text) = text {
                flags.push((key.to_owned(), text.clone(), flag.to_owned()));
            }
        }
        for setting in &self.set {
            let (key, text) = setting
                .split_once('=')
                .with_context(|| format!("--set {setting:?}: write KEY=VALUE, as --set pace.poll=2s"))?;
            flags.push((key.trim().to_owned(), text.to_owned(), "--set".to_owned()));
        }
        Ok(flags)
    }
}

/// `russet serve …`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  russet serve                                      data in ./data, SQLite, self-made TLS certificate
  russet serve --config /etc/russet/russet.toml
  russet serve --token-file /root/russet.token      the first admin API token goes to this file, not to the screen
  russet serve --new-token                          when every token is lost

The first start makes the database, the master key, the certificate authority and one admin API token.")]
pub(super) struct Args {
    #[command(flatten)]
    settings: Settings,
    /// Write the first admin API token to this file (mode 0600) instead of the screen
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Make another admin API token at this start, as after losing the first
    #[arg(long)]
    new_token: bool,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let loaded = args.settings.load()?;
    start::log::init(&loaded.config.log)?;
    let options = Options { token_file: args.token_file, new_token: args.new_token };
    let server = start::start(loaded.config, options).await?;
    // Signals count from here on: before, the process may simply end.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    match &server.first_token {
        Some(FirstToken::Shown(token)) => println!("Admin API token (shown once): {}", token.as_str()),
        Some(FirstToken::Written(path)) => println!("Admin API token written to {}", path.display()),
        None => {}
    }
    println!("Devices reach this server at {} (listening on {})", server.public_url(), server.device_address);
    println!("Admin API at {}", server.admin_url());
    println!("Stop with Ctrl-C.");
    let failed = tokio::select! {
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        fault = server.failed() => Some(fault),
    };
    println!("Stopping: requests under way are finished first. Ctrl-C again stops at once.");
    tokio::select! {
        () = server.stop() => {}
        _ = interrupt.recv() => return Ok(ExitCode::FAILURE),
    }
    match failed {
        Some(fault) => anyhow::bail!(fault),
        None => Ok(ExitCode::SUCCESS),
    }
}
