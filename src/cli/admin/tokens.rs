//! `russet admin tokens …`.

use super::connection::Desk;
use super::resolve;
use super::table::{Table, items, text};
use super::words::when;
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

/// `russet admin tokens …`.
#[derive(Debug, Subcommand)]
pub(super) enum Args {
    /// List the API tokens; never their text
    List,
    /// Make a token; it is shown once
    #[command(after_help = "Examples:
  russet admin tokens create monitoring --role viewer
  russet admin tokens create \"CI of the app team\" --expires-in-hours 720")]
    Create {
        /// What it is for
        name: String,
        /// What it may do
        #[arg(long, value_enum, default_value_t = Role::Admin)]
        role: Role,
        /// Let it end by itself
        #[arg(long, value_name = "HOURS")]
        expires_in_hours: Option<u32>,
    },
    /// Replace a token by a new one; the old one ends at once
    Rotate {
        /// Id or name of the token
        token: String,
    },
    /// End a token
    Revoke {
        /// Id or name of the token
        token: String,
    },
}

/// What a token may do.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Role {
    /// Everything
    Admin,
    /// Read, but neither tokens nor the audit log
    Viewer,
}

pub(super) async fn run(desk: &Desk, args: Args) -> anyhow::Result<()> {
    match args {
        Args::List => {
            let list = desk.client.get("/api/v1/tokens").await?;
            desk.show(&list, || shown(&list, desk.now));
        }
        Args::Create { name, role, expires_in_hours } => {
            let role = match role {
                Role::Admin => "admin",
                Role::Viewer => "viewer",
            };
            let mut body = json!({ "name": name, "role": role });
            if let (Some(hours), Some(body)) = (expires_in_hours, body.as_object_mut()) {
                body.insert("expires_in_hours".to_owned(), hours.into());
            }
            let made = desk.client.post("/api/v1/tokens", &body).await?;
            desk.show(&made, || once(&made));
        }
        Args::Rotate { token } => {
            let id = id(desk, &token).await?;
            let made = desk.client.post(&format!("/api/v1/tokens/{id}/rotate"), &json!({})).await?;
            desk.show(&made, || once(&made));
        }
        Args::Revoke { token } => {
            let id = id(desk, &token).await?;
            let answer = desk.client.delete(&format!("/api/v1/tokens/{id}")).await?;
            desk.show(&answer, || format!("The token {token} is revoked."));
        }
    }
    Ok(())
}

async fn id(desk: &Desk, called: &str) -> anyhow::Result<String> {
    Ok(text(&resolve::find(desk, "/api/v1/tokens", "token", &["name"], called).await?, "id"))
}

fn once(made: &Value) -> String {
    format!(
        "{}\n\nThis token ({}) is shown once; keep it where secrets are kept.",
        text(made, "token"),
        text(made, "name")
    )
}

fn shown(list: &Value, now: jiff::Timestamp) -> String {
    let mut table = Table::new(&["NAME", "ROLE", "STATE", "LAST USED", "MADE", "ID"], "There are no tokens.");
    for token in items(list) {
        let state = match (token["revoked_at"].is_string(), token["expires_at"].is_string()) {
            (true, _) => format!("revoked {}", when(token, "revoked_at", now)),
            (false, true) => format!("ends {}", when(token, "expires_at", now)),
            (false, false) => "valid".to_owned(),
        };
        table.line([
            text(token, "name"),
            text(token, "role"),
            state,
            when(token, "last_used_at", now),
            when(token, "created_at", now),
            text(token, "id"),
        ]);
    }
    table.text()
}
