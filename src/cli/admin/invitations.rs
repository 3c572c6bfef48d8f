//! `russet admin invitations …`.

use super::connection::Desk;
use super::resolve::segment;
use super::table::{Table, items, text};
use super::words::when;
use clap::Subcommand;
use serde_json::{Value, json};

/// `russet admin invitations …`.
#[derive(Debug, Subcommand)]
pub(super) enum Args {
    /// Make a link with which devices enroll
    #[command(after_help = "Examples:
  russet admin invitations create                                   one device, within a week
  russet admin invitations create --uses 25 --note \"school class 4b\"
  russet admin invitations create --serial-number C02XK1AAAA --expires-in-hours 24")]
    Create {
        /// Only the device with this serial number may use it
        #[arg(long, value_name = "SERIAL")]
        serial_number: Option<String>,
        /// How many devices may use it
        #[arg(long, value_name = "N", default_value_t = 1)]
        uses: u32,
        /// How long it can be used
        #[arg(long, value_name = "HOURS", default_value_t = 168)]
        expires_in_hours: u32,
        /// What it is for; only admins see it
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// List the invitations
    List,
    /// End an invitation
    Revoke {
        /// Id of the invitation
        id: String,
    },
}

pub(super) async fn run(desk: &Desk, args: Args) -> anyhow::Result<()> {
    match args {
        Args::Create { serial_number, uses, expires_in_hours, note } => {
            let mut body = json!({ "uses": uses, "expires_in_hours": expires_in_hours });
            for (key, value) in [("serial_number", serial_number), ("note", note)] {
                if let Some(value) = value {
                    body[key] = json!(value);
                }
            }
            let made = desk.client.post("/api/v1/invitations", &body).await?;
            desk.show(&made, || {
                format!(
                    "{}\n\nOpen this link on the device. It ends {}.",
                    text(&made, "link"),
                    when(&made, "expires_at", desk.now)
                )
            });
        }
        Args::List => {
            let list = desk.client.get("/api/v1/invitations").await?;
            desk.show(&list, || shown(&list, desk.now));
        }
        Args::Revoke { id } => {
            let answer = desk.client.delete(&format!("/api/v1/invitations/{}", segment(&id))).await?;
            desk.show(&answer, || "The invitation is revoked.".to_owned());
        }
    }
    Ok(())
}

fn shown(list: &Value, now: jiff::Timestamp) -> String {
    let mut table =
        Table::new(&["NOTE", "USES LEFT", "SERIAL NUMBER", "ENDS", "MADE", "ID"], "There are no invitations.");
    for invitation in items(list) {
        let left = match invitation.get("uses_left") {
            Some(left) => left.to_string(),
            None => text(invitation, "uses"),
        };
        let ends = match invitation["revoked_at"].is_string() {
            true => format!("revoked {}", when(invitation, "revoked_at", now)),
            false => when(invitation, "expires_at", now),
        };
        table.line([
            text(invitation, "note"),
            left,
            text(invitation, "serial_number"),
            ends,
            when(invitation, "created_at", now),
            text(invitation, "id"),
        ]);
    }
    table.text()
}
