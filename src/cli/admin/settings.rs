//! `russet admin apps settings …`: what one app says over the defaults of its account.

use super::connection::Desk;
use super::defaults;
use super::resolve;
use super::switch::{Flags, Level, Switch};
use anyhow::{Context, bail};
use clap::Subcommand;
use http::Method;
use serde_json::{Map, Value, json};

/// `russet admin apps settings …`.
#[derive(Debug, Subcommand)]
pub(super) enum Args {
    /// Show what the app says; what it does not say is the account's
    Show {
        /// Id, name, bundle id or store number of the app
        app: String,
    },
    /// Change what the app says
    #[command(after_help = "Examples:
  russet admin apps settings set Fieldbook --cellular-data off
  russet admin apps settings set Fieldbook --cellular-data inherit      the account decides again
  russet admin apps settings set Fieldbook --vpn-profile none           no VPN, whatever the account says
  russet admin apps settings set Keynest --signing-identifier com.example.keynest.helper

Only what is given changes. A changed backup setting needs the app to be sent again, which also updates it.")]
    Set {
        /// Id, name, bundle id or store number of the app
        app: String,
        #[command(flatten)]
        flags: Flags,
        /// The app goes when the management goes
        #[arg(long, value_enum, value_name = "ON|OFF")]
        remove_with_management: Option<Switch>,
        /// On Macs: the signing identifier for the VPN mapping, or `inherit` for the bundle id
        #[arg(long, value_name = "TEXT")]
        signing_identifier: Option<String>,
        /// On Macs: the designated requirement for the VPN mapping, or `inherit` for none
        #[arg(long, value_name = "TEXT")]
        designated_requirement: Option<String>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

pub(super) async fn run(desk: &Desk, args: Args) -> anyhow::Result<()> {
    match args {
        Args::Show { app } => {
            let id = resolve::app(desk, &app).await?;
            let settings = desk.client.get(&path(&id)).await?;
            let profiles = defaults::profile_names(desk).await;
            desk.show(&settings, || format!("{}(– is inherited)", defaults::shown(&settings, &profiles)));
        }
        Args::Set { app, flags, remove_with_management, signing_identifier, designated_requirement, yes } => {
            let id = resolve::app(desk, &app).await?;
            let read = desk.client.ask(Method::GET, &path(&id), None, None).await?;
            let mut wanted = read.body.as_object().context("the server's answer is no settings")?.clone();
            flags.apply(desk, Level::App, &mut wanted).await?;
            if let Some(switch) = remove_with_management {
                wanted.insert("remove_with_management".to_owned(), switch.json());
            }
            put_text(&mut wanted, "signing_identifier", signing_identifier);
            put_text(&mut wanted, "designated_requirement", designated_requirement);
            let wanted = Value::Object(wanted);
            if wanted == read.body {
                bail!("nothing to change: the settings given are so already, or none was given; --help lists them");
            }
            desk.confirm(&format!("Change {app} on every device that has it? It may be sent again."), yes)?;
            let answer = desk.client.ask(Method::PUT, &path(&id), Some(&wanted), read.etag.as_deref()).await?.body;
            desk.show(&answer, || "Changed.".to_owned());
        }
    }
    Ok(())
}

fn path(app: &str) -> String {
    format!("/api/v1/apps/{app}/settings")
}

fn put_text(settings: &mut Map<String, Value>, key: &str, given: Option<String>) {
    if let Some(text) = given {
        let value = if text == "inherit" { Value::Null } else { json!(text) };
        settings.insert(key.to_owned(), value);
    }
}
