//! `russet simulate apps-and-books`: Apple's license service and its store on this machine, with a server token to go with
//! each location.

use super::simulate::{self, Common};
use anyhow::Context;
use russet_simulator::apps_and_books::{
    Happening, LocationSetup, Options, Product, Settings, Simulator, WebhookTrust, What, demo_location, demo_products,
};
use russet_simulator::journal::Journal;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// `russet simulate apps-and-books …`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  russet simulate apps-and-books                            on 127.0.0.1, files in ./simulator
  russet simulate apps-and-books --page-size 3              so that every list has several pages
  russet simulate apps-and-books --print-setup > lab.json   products and locations, to be changed
  russet simulate apps-and-books --setup lab.json

How a server uses it: use the URL that is printed instead of https://vpp.itunes.apple.com/mdm/v2, trust roots.pem, and
import the .vpptoken file. With Russet:
  russet serve --set apple.apps_and_books_url=https://localhost:7543/mdm/v2 \\
               --set apple.apps_and_books_roots=simulator/roots.pem --set apple.metadata_roots=simulator/roots.pem \\
               --set apple.metadata_url=https://localhost:7543/WebObjects/MZStorePlatform.woa/wa/lookup
  russet admin accounts add --name Berlin --token-file simulator/Example-GmbH-Berlin.vpptoken

The control door buys licenses, moves the clock, orders faults and shows what Apple would know, for example
  curl http://127.0.0.1:7545/_sim/assignments
  curl -X POST http://127.0.0.1:7545/_sim/faults -H 'content-type: application/json' \\
       -d '{\"kind\":\"error\",\"errorNumber\":9646,\"times\":3}'")]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
    /// Where the service and the metadata lookup are (TLS)
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7543")]
    listen: SocketAddr,
    /// Where the control API and the store door for simulated devices are (plain HTTP; keep it on loopback)
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7545")]
    control_listen: SocketAddr,
    /// Products, locations and settings as JSON, instead of the demo's
    #[arg(long, value_name = "FILE")]
    setup: Option<PathBuf>,
    /// Print the setup that would be used, as JSON, and end
    #[arg(long)]
    print_setup: bool,
    /// Records on a page
    #[arg(long, value_name = "N")]
    page_size: Option<usize>,
    /// Milliseconds until an association is complete
    #[arg(long, value_name = "MS")]
    event_delay: Option<u64>,
    /// Milliseconds from then until the store sees the license
    #[arg(long, value_name = "MS")]
    visibility_delay: Option<u64>,
    /// Certificates (PEM) that the MDM server's webhook must chain to; any certificate is accepted without it
    #[arg(long, value_name = "FILE")]
    webhook_roots: Option<PathBuf>,
}

/// What the file of `--setup` holds; what is left out is the demo's.
#[derive(Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Setup {
    settings: Settings,
    products: Vec<Product>,
    locations: Vec<LocationSetup>,
}

impl Default for Setup {
    fn default() -> Self {
        Self { settings: Settings::default(), products: demo_products(), locations: vec![demo_location()] }
    }
}

impl Args {
    fn setup(&self) -> anyhow::Result<Setup> {
        let mut setup: Setup = match &self.setup {
            Some(path) => serde_json::from_str(&read(path)?)
                .with_context(|| format!("{} is no setup; --print-setup shows one", path.display()))?,
            None => Setup::default(),
        };
        let settings = &mut setup.settings;
        settings.page_size = self.page_size.unwrap_or(settings.page_size);
        settings.event_delay_millis = self.event_delay.unwrap_or(settings.event_delay_millis);
        settings.visibility_delay_millis = self.visibility_delay.unwrap_or(settings.visibility_delay_millis);
        Ok(setup)
    }
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut setup = args.setup()?;
    if args.print_setup {
        println!("{}", serde_json::to_string_pretty(&setup)?);
        return Ok(ExitCode::SUCCESS);
    }
    let authority = args.common.authority()?;
    let webhook_trust = match &args.webhook_roots {
        Some(path) => WebhookTrust::Roots(read(path)?),
        None => WebhookTrust::Anything,
    };
    let token_file = |location: &str| args.common.file(&format!("{}.vpptoken", file_name(location)));
    for location in &mut setup.locations {
        // A token that an earlier run handed out stays valid: a server that imported it goes on with it.
        let kept = token_file(&location.name);
        if location.vpptoken.is_none() && kept.exists() {
            location.vpptoken = Some(read(&kept)?);
        }
    }
    let options = Options {
        listen: args.listen,
        control_listen: args.control_listen,
        host: args.common.host.clone(),
        authority: Some(authority),
        clock: simulate::clock(),
        webhook_trust,
        settings: setup.settings,
        products: setup.products,
        locations: setup.locations,
    };
    let simulator = Simulator::start(options).await?;
    println!("Simulated Apps and Books at {}", simulator.base_url());
    println!("  metadata lookup    {}", simulator.lookup_url());
    println!("  trust roots        {}", args.common.file("roots.pem").display());
    for location in simulator.locations() {
        let path = token_file(&location.name);
        if let Some(token) = simulator.vpptoken(Some(&location.u_id)) {
            simulate::write(&path, token)?;
        }
        println!("  server token       {}   ({}, uId {})", path.display(), location.name, location.u_id);
    }
    println!("  store for devices  {}   (russet simulate devices --store …)", simulator.control_url());
    println!("  control            {}/_sim/locations, /_sim/assignments, /_sim/journal", simulator.control_url());
    println!("Stop with Ctrl-C.");
    let (journal, quiet) = (simulator.journal(), args.common.quiet);
    simulate::until_stopped(show(journal, quiet)).await?;
    simulator.stop().await;
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

/// A location's name as the name of a file: letters and digits, everything between them one hyphen.
fn file_name(location: &str) -> String {
    location.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

/// Prints what happens, one line each.
async fn show(journal: Journal<Happening>, quiet: bool) {
    let mut seen = 0;
    loop {
        for entry in journal.next(seen).await {
            seen = entry.number;
            if !quiet {
                println!("{}  {}", simulate::time_of_day(entry.what.at), line(&entry.what.what));
            }
        }
    }
}

fn line(what: &What) -> String {
    match what {
        What::Request { method, call, query, status, error_number, event_id, .. } => {
            let query = if query.is_empty() { String::new() } else { format!("?{query}") };
            let status = status.map_or_else(|| "connection cut".to_owned(), |status| status.to_string());
            let error = error_number.map(|number| format!(", error {number}")).unwrap_or_default();
            let event = event_id.as_ref().map(|id| format!(", event {id}")).unwrap_or_default();
            format!("{method} {call}{query}: {status}{error}{event}")
        }
        What::EventEnded { event_id, event_status, completed, requested, .. } => {
            format!("event {event_id} ended: {event_status:?}, {completed} of {requested}")
        }
        What::Notification { notification_type, attempt, status, problem, .. } => {
            let outcome = match (status, problem) {
                (Some(status), _) => status.to_string(),
                (None, problem) => problem.clone().unwrap_or_default(),
            };
            format!("notification {notification_type}, try {attempt}: {outcome}")
        }
        What::StoreAsked { adam_id, serial_number, licensed } => {
            let licensed = if *licensed { "has a license" } else { "has no license" };
            format!("{serial_number} asks for {adam_id}: {licensed}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locations_name_becomes_a_file_name() {
        assert_eq!(file_name("Example GmbH – Berlin"), "Example-GmbH-Berlin");
        assert_eq!(file_name("../../etc/passwd"), "etc-passwd");
    }

    #[test]
    fn a_printed_setup_is_read_again() {
        let text = serde_json::to_string(&Setup::default()).unwrap();
        let read: Setup = serde_json::from_str(&text).unwrap();
        assert_eq!(read.products, demo_products());
        assert_eq!(read.locations, vec![demo_location()]);
    }
}
