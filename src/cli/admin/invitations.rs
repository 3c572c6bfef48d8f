//! `russet admin invitations …`.

use super::connection::Desk;
use super::resolve::segment;
use super::table::{Table, items, text};
use super::words::when;
use anyhow::Context as _;
use clap::Subcommand;
use serde_json::{Value, json};
use std::path::PathBuf;

/// `russet admin invitations …`.
#[derive(Debug, Subcommand)]
pub(super) enum Args {
    /// Make a link with which devices enroll
    #[command(after_help = "Examples:
  russet admin invitations create                                   one device, within a week
  russet admin invitations create --uses 25 --note \"school class 4b\"
  russet admin invitations create --user mia                        its device becomes Mia's
  russet admin invitations create --serial-number C02XK1AAAA --expires-in-hours 24
  russet admin invitations create --svg invitation.svg               also a picture of the link, to print")]
    Create {
        /// Only the device with this serial number may use it
        #[arg(long, value_name = "SERIAL")]
        serial_number: Option<String>,
        /// Id or name of the user it is meant for, who becomes the owner of the device
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        /// How many devices may use it
        #[arg(long, value_name = "N", default_value_t = 1)]
        uses: u32,
        /// How long it can be used
        #[arg(long, value_name = "HOURS", default_value_t = 168)]
        expires_in_hours: u32,
        /// What it is for; only admins see it
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        /// How devices come by their identity: they make their key themselves (scep), or the profile brings it (pkcs12)
        #[arg(long, value_name = "HOW", value_parser = ["scep", "pkcs12"], default_value = "scep")]
        identity: String,
        /// Write the QR code of the link to this file, as SVG
        #[arg(long, value_name = "FILE")]
        svg: Option<PathBuf>,
    },
    /// List the invitations
    List,
    /// End an invitation
    Revoke {
        /// Id of the invitation
        id: String,
    },
}

/// What is said to people who invite too early.
const NO_PUSH_CERTIFICATE: &str =
    "\nNo device can enroll before a push certificate is here: russet admin push-certificate import FILE";

pub(super) async fn run(desk: &Desk, args: Args) -> anyhow::Result<()> {
    match args {
        Args::Create { serial_number, user, uses, expires_in_hours, note, identity, svg } => {
            let mut body = json!({ "uses": uses, "expires_in_hours": expires_in_hours, "identity": identity });
            for (key, value) in [("serial_number", serial_number), ("user", user), ("note", note)] {
                if let Some(value) = value {
                    body[key] = json!(value);
                }
            }
            let made = desk.client.post("/api/v1/invitations", &body).await?;
            if let Some(file) = svg {
                std::fs::write(&file, text(&made, "qr_code_svg"))
                    .with_context(|| format!("{} cannot be written", file.display()))?;
            }
            // Only for people, and of no weight: the invitation is made.
            let status =
                if desk.json { json!({}) } else { desk.client.get("/api/v1/status").await.unwrap_or_default() };
            let early = status.get("push_certificate").is_some_and(Value::is_null);
            desk.show(&made, || {
                let (link, ends) = (text(&made, "link"), when(&made, "expires_at", desk.now));
                let (code, note) = (qr_code(&link), if early { NO_PUSH_CERTIFICATE } else { "" });
                format!("{link}\n\n{code}Open this link on the device. It ends {ends}.{note}")
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

/// A link as a picture for a dark or a light terminal, with an empty line after it; nothing where it is too long for one.
fn qr_code(link: &str) -> String {
    let Ok(code) = qrcode::QrCode::with_error_correction_level(link, qrcode::EcLevel::L) else { return String::new() };
    // Light on dark: most terminals are dark, and cameras read both.
    let (dark, light) = (qrcode::render::unicode::Dense1x2::Light, qrcode::render::unicode::Dense1x2::Dark);
    format!("{}\n\n", code.render().dark_color(dark).light_color(light).build())
}

fn shown(list: &Value, now: jiff::Timestamp) -> String {
    let mut table =
        Table::new(&["NOTE", "USES LEFT", "USER", "SERIAL NUMBER", "ENDS", "MADE", "ID"], "There are no invitations.");
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
            text(invitation, "user.name"),
            text(invitation, "serial_number"),
            ends,
            when(invitation, "created_at", now),
            text(invitation, "id"),
        ]);
    }
    table.text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_drawn_for_a_terminal_and_one_that_is_too_long_is_not() {
        let code = qr_code("https://mdm.example.com:8443/enroll/0123456789abcdef0123456789abcdef0123456789abcdef");
        let lines: Vec<&str> = code.trim_end().lines().collect();
        let square = lines.iter().all(|line| line.chars().count() == lines[0].chars().count());
        assert!(lines.len() > 15 && square, "{code}");
        assert_eq!(qr_code(&"x".repeat(4000)), "");
    }
}
