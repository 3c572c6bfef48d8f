//! `russet admin accounts defaults …`: the defaults of an account. What a change would do is shown before it is made.

use super::connection::{Desk, say};
use super::resolve;
use super::switch::{Flags, Level};
use super::table::{Table, facts, items, plain, text, word};
use anyhow::{Context, bail};
use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// How many lines of a preview are shown.
const SHOWN: usize = 30;

/// `russet admin accounts defaults …`.
#[derive(Debug, Subcommand)]
pub(super) enum Args {
    /// Show the defaults
    Show {
        /// Id or name of the account
        account: String,
    },
    /// Change defaults; what it would do is shown first
    #[command(after_help = "Examples:
  russet admin accounts defaults set Berlin --data-roaming off --preview      what would happen, and nothing more
  russet admin accounts defaults set Berlin --prevent-backup on
  russet admin accounts defaults set Berlin --vpn-profile \"VPN for managed apps\" --yes
  russet admin accounts defaults set Berlin --sso-profile Kerberos --sso-url https://intranet.example.com/
  russet admin accounts defaults set Berlin --vpn-profile none

Only what is given changes. A changed backup setting needs the app to be sent again, which also updates it.")]
    Set {
        /// Id or name of the account
        account: String,
        #[command(flatten)]
        flags: Flags,
        /// Show what it would do, and change nothing
        #[arg(long)]
        preview: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

pub(super) async fn run(desk: &Desk, args: Args) -> anyhow::Result<()> {
    match args {
        Args::Show { account } => {
            let id = resolve::account(desk, &account).await?;
            let defaults = desk.client.get(&path(&id)).await?;
            let profiles = profile_names(desk).await;
            desk.show(&defaults, || shown(&defaults, &profiles));
        }
        Args::Set { account, flags, preview, yes } => {
            if flags.is_empty() {
                bail!("nothing to change: give at least one setting; --help lists them");
            }
            let id = resolve::account(desk, &account).await?;
            return set(desk, &id, &flags, preview, yes).await;
        }
    }
    Ok(())
}

fn path(account: &str) -> String {
    format!("/api/v1/accounts/{account}/defaults")
}

async fn set(desk: &Desk, account: &str, flags: &Flags, only_preview: bool, yes: bool) -> anyhow::Result<()> {
    let read = desk.client.ask(Method::GET, &path(account), None, None).await?;
    let mut wanted = read.body.as_object().context("the server's answer is no settings")?.clone();
    flags.apply(desk, Level::Account, &mut wanted).await?;
    let wanted = Value::Object(wanted);
    if wanted == read.body && !only_preview {
        desk.show(&read.body, || "The defaults are so already; nothing was changed.".to_owned());
        return Ok(());
    }
    let preview = desk.client.post(&format!("{}/preview", path(account)), &wanted).await?;
    if only_preview {
        desk.show(&preview, || previewed(&preview));
        return Ok(());
    }
    if !desk.json {
        say(previewed(&preview).trim_end());
    }
    desk.confirm("Make this change?", yes)?;
    // With the version that was read: a change that somebody else made meanwhile is not overwritten.
    let answer = desk.client.ask(Method::PUT, &path(account), Some(&wanted), read.etag.as_deref()).await?.body;
    desk.show(&answer, || "Changed.".to_owned());
    Ok(())
}

/// What the server says a change would do.
fn previewed(preview: &Value) -> String {
    let mut out = String::new();
    for sentence in preview["text"].as_array().into_iter().flatten() {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{}", plain(&word(sentence)));
    }
    let devices = preview["devices"].as_array().map_or(&[][..], Vec::as_slice);
    if devices.is_empty() {
        return out;
    }
    let mut table = Table::new(&["DEVICE", "FOR", "COMMANDS"], "");
    for row in devices.iter().take(SHOWN) {
        let about = if row["app_name"].is_null() { "profiles" } else { "app_name" };
        table.line([text(row, "device_name"), text(row, about), text(row, "commands")]);
    }
    let _ = write!(out, "\n{}", table.text());
    if devices.len() > SHOWN {
        let _ = writeln!(out, "… and {} more; --json shows all", devices.len() - SHOWN);
    }
    out
}

/// The imported profiles, to name those that are chosen; without them ids are shown.
pub(super) async fn profile_names(desk: &Desk) -> Value {
    if desk.json {
        return json!({});
    }
    desk.client.get("/api/v1/profiles").await.unwrap_or_else(|_| json!({}))
}

/// Settings in words; `profiles` is the list of the API.
pub(super) fn shown(settings: &Value, profiles: &Value) -> String {
    let named = |value: &Value| {
        let found = items(profiles).iter().find(|profile| profile["id"] == *value);
        found.map_or_else(|| word(value), |profile| text(profile, "name"))
    };
    let rows: Vec<(String, String)> = settings
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| {
            let told = if key.ends_with("_profile") { named(value) } else { word(value) };
            (key.replace('_', " "), told)
        })
        .collect();
    facts(&rows.iter().map(|(key, value)| (key.as_str(), value.clone())).collect::<Vec<_>>())
}
