//! `russet admin profiles …`.

use super::connection::{Desk, read};
use super::resolve;
use super::table::{Table, items, text};
use super::words::when;
use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Subcommand;
use serde_json::{Value, json};
use std::path::PathBuf;

/// `russet admin profiles …`.
#[derive(Debug, Subcommand)]
pub(super) enum Args {
    /// List the imported profiles
    List,
    /// Import a .mobileconfig file, signed or not
    #[command(after_help = "Examples:
  russet admin profiles import vpn.mobileconfig --name \"VPN for managed apps\"
  russet admin profiles import sso.mobileconfig

A profile with a per-app VPN payload can be chosen with --vpn-profile, one with a Kerberos single sign-on payload with
--sso-profile, in the defaults of an account or the settings of an app.")]
    Import {
        /// The file
        file: PathBuf,
        /// What it is called here; the file's name without it
        #[arg(long)]
        name: Option<String>,
    },
    /// Remove a profile that nothing uses
    Remove {
        /// Id or name of the profile
        profile: String,
    },
}

pub(super) async fn run(desk: &Desk, args: Args) -> anyhow::Result<()> {
    match args {
        Args::List => {
            let list = desk.client.get("/api/v1/profiles").await?;
            desk.show(&list, || shown(&list, desk.now));
        }
        Args::Import { file, name } => {
            let of_file = || file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
            let name = name.or_else(of_file).context("give the profile a name with --name")?;
            let body = json!({ "name": name, "content": STANDARD.encode(read(&file)?) });
            let made = desk.client.post("/api/v1/profiles", &body).await?;
            desk.show(&made, || {
                format!("Imported {} ({}), id {}.", text(&made, "name"), text(&made, "kind"), text(&made, "id"))
            });
        }
        Args::Remove { profile } => {
            let id = resolve::profile(desk, &profile).await?;
            let answer = desk.client.delete(&format!("/api/v1/profiles/{id}")).await?;
            desk.show(&answer, || format!("The profile {profile} is removed."));
        }
    }
    Ok(())
}

fn shown(list: &Value, now: jiff::Timestamp) -> String {
    let mut table = Table::new(
        &["NAME", "KIND", "IDENTIFIER", "IMPORTED", "ID"],
        "There are no profiles. russet admin profiles import FILE.mobileconfig",
    );
    for profile in items(list) {
        table.line([
            text(profile, "name"),
            text(profile, "kind"),
            text(profile, "identifier"),
            when(profile, "created_at", now),
            text(profile, "id"),
        ]);
    }
    table.text()
}
