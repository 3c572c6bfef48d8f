//! `russet admin users …`.

use super::connection::Desk;
use super::resolve::segment;
use super::table::{Table, clipped, items, text};
use super::words::when;
use clap::Subcommand;
use serde_json::{Value, json};

/// Users of one page.
const PAGE: usize = 1000;

/// `russet admin users …`.
#[derive(Debug, Subcommand)]
pub(super) enum Args {
    /// Add a user
    #[command(after_help = "Examples:
  russet admin users add mia --full-name \"Mia Muster\" --email mia@example.com
  russet admin invitations create --user mia")]
    Add {
        /// How it is named, such as a login; letter case does not matter
        name: String,
        /// What people call it
        #[arg(long, value_name = "NAME")]
        full_name: Option<String>,
        /// Its e-mail address
        #[arg(long, value_name = "ADDRESS")]
        email: Option<String>,
    },
    /// List the users
    List,
    /// Remove a user; its devices stay, with no owner
    Remove {
        /// Id or name of the user
        user: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

pub(super) async fn run(desk: &Desk, args: Args) -> anyhow::Result<()> {
    match args {
        Args::Add { name, full_name, email } => {
            let mut body = json!({ "name": name });
            for (key, value) in [("full_name", full_name), ("email", email)] {
                if let Some(value) = value {
                    body[key] = json!(value);
                }
            }
            let made = desk.client.post("/api/v1/users", &body).await?;
            desk.show(&made, || {
                format!("{} is added: {}", super::table::plain(&text(&made, "name")), text(&made, "id"))
            });
        }
        Args::List => {
            let list = all(desk).await?;
            desk.show(&list, || shown(&list, desk.now));
        }
        Args::Remove { user, yes } => {
            let path = format!("/api/v1/users/{}", segment(&user));
            let known = desk.client.get(&path).await?;
            let name = super::table::plain(&text(&known, "name"));
            let devices = text(&known, "devices");
            desk.confirm(&format!("Remove {name}? {devices} of the devices will have no owner."), yes)?;
            let answer = desk.client.delete(&path).await?;
            desk.show(&answer, || format!("{name} is removed."));
        }
    }
    Ok(())
}

/// All users, page by page.
async fn all(desk: &Desk) -> anyhow::Result<Value> {
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page = desk.client.get(&format!("/api/v1/users?limit={PAGE}{after}")).await?;
        let users = items(&page);
        found.extend_from_slice(users);
        match users.last() {
            Some(last) if users.len() >= PAGE => after = format!("&after={}", text(last, "id")),
            _ => return Ok(json!({ "items": found })),
        }
    }
}

fn shown(list: &Value, now: jiff::Timestamp) -> String {
    let mut table = Table::new(&["NAME", "FULL NAME", "E-MAIL", "DEVICES", "ADDED", "ID"], "There are no users.");
    for user in items(list) {
        table.line([
            clipped(&text(user, "name"), 60),
            clipped(&text(user, "full_name"), 60),
            text(user, "email"),
            text(user, "devices"),
            when(user, "created_at", now),
            text(user, "id"),
        ]);
    }
    table.text()
}
