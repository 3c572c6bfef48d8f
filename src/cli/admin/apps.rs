//! `russet admin apps …`: apps under management.

use super::connection::Desk;
use super::resolve;
use super::settings;
use super::table::{Table, items, plain, text};
use super::words::when;
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

/// `russet admin apps …`.
#[derive(Debug, Subcommand)]
pub(super) enum Args {
    /// List the apps under management
    List,
    /// Give an app to every enrolled device it is made for
    #[command(after_help = "Examples:
  russet admin accounts assets Berlin                    which there are
  russet admin apps add 1500000101 --account Berlin
  russet admin apps add Fieldbook --account Berlin")]
    Add {
        /// Store number, name or bundle id of the app
        app: String,
        /// Id or name of the account whose licenses it uses
        #[arg(long)]
        account: String,
        /// Which license, where there are several
        #[arg(long, value_enum, default_value_t = Pricing::Stdq)]
        pricing_param: Pricing,
    },
    /// Take an app off all devices; its licenses go back
    Remove {
        /// Id, name, bundle id or store number of the app
        app: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// What one app says over the defaults of its account
    #[command(subcommand)]
    Settings(settings::Args),
}

/// Apple's qualities of a license.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Pricing {
    /// Standard
    Stdq,
    /// High quality
    Plus,
}

pub(super) async fn run(desk: &Desk, args: Args) -> anyhow::Result<()> {
    match args {
        Args::List => {
            let list = desk.client.get("/api/v1/apps").await?;
            desk.show(&list, || shown(&list, desk.now));
        }
        Args::Add { app, account, pricing_param } => {
            let account = resolve::account(desk, &account).await?;
            let adam_id = match app.parse() {
                Ok(number) => number,
                Err(_) => resolve::asset(desk, &account, &app).await?,
            };
            let pricing = match pricing_param {
                Pricing::Stdq => "STDQ",
                Pricing::Plus => "PLUS",
            };
            let body = json!({ "account": account, "adam_id": adam_id, "pricing_param": pricing, "scope": "everyone" });
            let made = desk.client.post("/api/v1/apps", &body).await?;
            desk.show(&made, || {
                let name = if made["name"].is_string() { text(&made, "name") } else { format!("App {adam_id}") };
                plain(&format!("{name} is given to everyone. `russet admin report` shows how far it is."))
            });
        }
        Args::Remove { app, yes } => {
            let id = resolve::app(desk, &app).await?;
            desk.confirm(&format!("Take {app} off all devices, with its data there?"), yes)?;
            let answer = desk.client.delete(&format!("/api/v1/apps/{id}")).await?;
            desk.show(&answer, || format!("{app} is being removed; `russet admin report` shows how far it is."));
        }
        Args::Settings(args) => return settings::run(desk, args).await,
    }
    Ok(())
}

fn shown(list: &Value, now: jiff::Timestamp) -> String {
    let mut table = Table::new(
        &["NAME", "BUNDLE ID", "STORE NUMBER", "LICENSE", "FOR", "ADDED", "ID"],
        "No app is under management yet. russet admin apps add APP --account ACCOUNT",
    );
    for app in items(list) {
        table.line([
            text(app, "name"),
            text(app, "bundle_id"),
            text(app, "adam_id"),
            text(app, "pricing_param"),
            text(app, "scope"),
            when(app, "created_at", now),
            text(app, "id"),
        ]);
    }
    table.text()
}
