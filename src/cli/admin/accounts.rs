//! `russet admin accounts …`: App Store accounts, each one location at Apple with its server token.

use super::connection::{Desk, read_text};
use super::defaults;
use super::resolve;
use super::switch::{Flags, Level};
use super::table::{NOTHING, Table, facts, items, plain, text};
use super::words::{day, when};
use anyhow::bail;
use clap::Subcommand;
use http::Method;
use indicatif::ProgressBar;
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long `--wait` waits for Apple's records.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// `russet admin accounts …`.
#[derive(Debug, Subcommand)]
pub(super) enum Args {
    /// List the accounts
    List,
    /// Add an account by its server token
    #[command(after_help = "Examples:
  russet admin accounts add --name Berlin --token-file berlin.vpptoken
  russet admin accounts add --name Berlin --token-file berlin.vpptoken --mandatory on --prevent-backup on --wait

The .vpptoken file comes from Apple Business Manager: Preferences, Payments and Billing, Apps and Books.")]
    Add {
        /// What it is called here
        #[arg(long)]
        name: String,
        /// The .vpptoken file
        #[arg(long, value_name = "FILE")]
        token_file: PathBuf,
        #[command(flatten)]
        defaults: Flags,
        /// Wait until Apple's records are here
        #[arg(long)]
        wait: bool,
    },
    /// Give an account the next server token of its location; Apple's tokens last a year
    RenewToken {
        /// Id or name of the account
        account: String,
        /// The .vpptoken file
        #[arg(long, value_name = "FILE")]
        token_file: PathBuf,
        /// Wait until Apple's records were read with it
        #[arg(long)]
        wait: bool,
    },
    /// Forget an account that manages no app any more; what Apple has stays as it is
    Remove {
        /// Id or name of the account
        account: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Show an account
    Show {
        /// Id or name of the account
        account: String,
    },
    /// How the account's apps are managed where an app says nothing else
    #[command(subcommand)]
    Defaults(defaults::Args),
    /// Licenses of an account, as Apple counts them
    Assets {
        /// Id or name of the account
        account: String,
    },
    /// Read Apple's records again
    Sync {
        /// Id or name of the account
        account: String,
        /// Wait until they are here
        #[arg(long)]
        wait: bool,
        /// Take the location over from another MDM server that has claimed it
        #[arg(long)]
        take_over: bool,
        /// Do not ask before taking it over
        #[arg(long)]
        yes: bool,
    },
}

pub(super) async fn run(desk: &Desk, args: Args) -> anyhow::Result<()> {
    match args {
        Args::List => {
            let list = desk.client.get("/api/v1/accounts").await?;
            desk.show(&list, || list_shown(&list, desk.now));
        }
        Args::Add { name, token_file, defaults, wait } => {
            let mut body = json!({ "name": name, "server_token": read_text(&token_file)?.trim() });
            if !defaults.is_empty() {
                let mut settings = Map::new();
                defaults.apply(desk, Level::Account, &mut settings).await?;
                body["defaults"] = Value::Object(settings);
            }
            let mut account = desk.client.post("/api/v1/accounts", &body).await?;
            if wait {
                account = wait_for_records(desk, &text(&account, "id"), &Value::Null).await?;
            }
            desk.show(&account, || format!("Added.\n{}", one_shown(&account, desk.now)));
        }
        Args::RenewToken { account, token_file, wait } => {
            let id = resolve::account(desk, &account).await?;
            let before = desk.client.get(&format!("/api/v1/accounts/{id}")).await?["last_sync_at"].clone();
            let body = json!({ "server_token": read_text(&token_file)?.trim() });
            let path = format!("/api/v1/accounts/{id}/server-token");
            let mut renewed = desk.client.ask(Method::PUT, &path, Some(&body), None).await?.body;
            if wait {
                renewed = wait_for_records(desk, &id, &before).await?;
            }
            desk.show(&renewed, || format!("Renewed.\n{}", one_shown(&renewed, desk.now)));
        }
        Args::Remove { account, yes } => {
            let id = resolve::account(desk, &account).await?;
            desk.confirm(&format!("Forget the account {account}?"), yes)?;
            let answer = desk.client.delete(&format!("/api/v1/accounts/{id}")).await?;
            desk.show(&answer, || plain(&format!("The account {account} is forgotten.")));
        }
        Args::Show { account } => {
            let id = resolve::account(desk, &account).await?;
            let account = desk.client.get(&format!("/api/v1/accounts/{id}")).await?;
            desk.show(&account, || one_shown(&account, desk.now));
        }
        Args::Defaults(args) => return defaults::run(desk, args).await,
        Args::Assets { account } => {
            let id = resolve::account(desk, &account).await?;
            let list = desk.client.get(&format!("/api/v1/accounts/{id}/assets")).await?;
            desk.show(&list, || assets_shown(&list));
        }
        Args::Sync { account, wait, take_over, yes } => {
            let id = resolve::account(desk, &account).await?;
            let mut body = json!({});
            if take_over {
                desk.confirm("Take the location over? The other MDM server must no longer use it.", yes)?;
                body["take_over"] = json!(true);
            }
            let before = desk.client.get(&format!("/api/v1/accounts/{id}")).await?["last_sync_at"].clone();
            let mut answer = desk.client.post(&format!("/api/v1/accounts/{id}/sync"), &body).await?;
            if wait {
                answer = wait_for_records(desk, &id, &before).await?;
            }
            desk.show(&answer, || if wait { "Apple's records are here." } else { "Asked for." }.to_owned());
        }
    }
    Ok(())
}

/// Waits until the account's records were read later than `before`, and returns the account.
async fn wait_for_records(desk: &Desk, id: &str, before: &Value) -> anyhow::Result<Value> {
    let progress = ProgressBar::new_spinner();
    progress.enable_steady_tick(Duration::from_millis(120));
    progress.set_message("Reading Apple's records");
    let began = Instant::now();
    loop {
        let account = desk.client.get(&format!("/api/v1/accounts/{id}")).await?;
        let said = plain(&text(&account, "state_text"));
        let read_anew = !account["last_sync_at"].is_null() && account["last_sync_at"] != *before;
        if read_anew && account["state"] != "connecting" {
            progress.finish_and_clear();
            return Ok(account);
        }
        if account["state"] == "stopped" {
            progress.finish_and_clear();
            bail!("the account is stopped: {said}");
        }
        if began.elapsed() > PATIENCE {
            progress.finish_and_clear();
            bail!(
                "Apple's records are not here yet: {said}\nThe server goes on by itself; look again with `russet admin accounts list`"
            );
        }
        if said != NOTHING {
            progress.set_message(said);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn list_shown(list: &Value, now: jiff::Timestamp) -> String {
    let mut table = Table::new(
        &["NAME", "LOCATION", "ORGANIZATION", "STATE", "TOKEN ENDS", "LAST READ", "ID"],
        "There are no accounts yet. russet admin accounts add --name NAME --token-file FILE.vpptoken",
    );
    for account in items(list) {
        table.line([
            text(account, "name"),
            text(account, "location_name"),
            text(account, "organization_name"),
            text(account, "state"),
            day(account, "token_expires_at", now),
            when(account, "last_sync_at", now),
            text(account, "id"),
        ]);
    }
    table.text()
}

fn one_shown(account: &Value, now: jiff::Timestamp) -> String {
    facts(&[
        ("name", text(account, "name")),
        ("id", text(account, "id")),
        ("location", format!("{} ({})", text(account, "location_name"), text(account, "country_code"))),
        ("organization", text(account, "organization_name")),
        ("state", format!("{}: {}", text(account, "state"), text(account, "state_text"))),
        ("token ends", day(account, "token_expires_at", now)),
        ("last read", when(account, "last_sync_at", now)),
        ("Apple's notifications", text(account, "webhook")),
        ("defaults", text(account, "defaults")),
    ])
}

fn assets_shown(list: &Value) -> String {
    let mut table = Table::new(
        &["STORE NUMBER", "NAME", "BUNDLE ID", "PLATFORMS", "TOTAL", "ASSIGNED", "FREE", "LICENSE"],
        "No licenses are known yet. russet admin accounts sync ACCOUNT --wait",
    );
    for asset in items(list) {
        // Apple counts a free product without limit as all that 31 bits hold.
        let number = |key: &str| match asset[key].as_i64() {
            Some(2_147_483_647..) => "unlimited".to_owned(),
            Some(number) => number.to_string(),
            None if key == "assigned" => NOTHING.to_owned(),
            None => "unlimited".to_owned(),
        };
        table.line([
            text(asset, "adam_id"),
            text(asset, "name"),
            text(asset, "bundle_id"),
            text(asset, "platforms"),
            number("total"),
            number("assigned"),
            number("available"),
            text(asset, "pricing_param"),
        ]);
    }
    table.text()
}
