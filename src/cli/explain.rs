//! `russet explain DEVICE APP`: why a device has an app, or not yet; with the story of how it came to that.

use crate::cli::admin::connection::{Connection, Desk};
use crate::cli::admin::table::{NOTHING, facts, plain, text};
use crate::cli::admin::words::{exactly, when};
use crate::cli::admin::{app_id, segment};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// `russet explain …`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  russet explain C02XK1AAAA Fieldbook
  russet explain \"Mia's iPad\" com.example.fieldbook --json")]
pub(super) struct Args {
    #[command(flatten)]
    connection: Connection,
    /// File with the API token; RUSSET_TOKEN holds the token itself
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Id, serial number, UDID or name of the device
    device: String,
    /// Id, name, bundle id or store number of the app
    app: String,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let desk = Desk::open(&args.connection, args.token_file.as_deref())?;
    let app = app_id(&desk, &args.app).await?;
    let path = format!("/api/v1/devices/{}/apps/{app}/explanation", segment(&args.device));
    let explanation = desk.client.get(&path).await?;
    desk.show(&explanation, || told(&explanation, desk.now));
    Ok(ExitCode::SUCCESS)
}

fn told(row: &Value, now: jiff::Timestamp) -> String {
    let mut out = plain(&format!("{} on {}", text(row, "app.name"), text(row, "device.name")));
    // Writing to a string cannot fail.
    let _ = write!(out, "\n\n{}\n", plain(&text(row, "reason")));
    let settled = row["settled"] == Value::Bool(true);
    let next = if settled { "nothing more is to come".to_owned() } else { when(row, "next_at", now) };
    let license = match (text(row, "license.state"), text(row, "license.text")) {
        (state, words) if words == NOTHING => state,
        (state, words) => format!("{state}: {words}"),
    };
    let _ = write!(
        out,
        "\n{}",
        facts(&[
            ("state", text(row, "state").replace('_', " ")),
            ("since", when(row, "since", now)),
            ("whose turn", text(row, "owner")),
            ("next look", next),
            ("license", license),
            ("device", format!("{}, {}", text(row, "device.platform"), text(row, "device.serial_number"))),
        ])
    );
    let settings = row["settings"].as_array().map_or(&[][..], Vec::as_slice);
    if !settings.is_empty() {
        out.push_str("\nSettings\n");
    }
    for setting in settings {
        let sign = if setting["satisfied"] == Value::Bool(false) { "✗" } else { "✓" };
        let name = text(setting, "name").replace('_', " ");
        let _ = writeln!(out, "  {sign} {}", plain(&format!("{name}: {}", text(setting, "text"))));
    }
    let story = row["story"].as_array().map_or(&[][..], Vec::as_slice);
    if !story.is_empty() {
        out.push_str("\nThe story (UTC)\n");
    }
    for entry in story {
        let _ = writeln!(out, "  {}  {}", exactly(entry, "at"), plain(&text(entry, "text")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_story_is_told_in_order_with_its_settings() {
        let row = json!({
            "device": { "name": "Mia's iPad", "platform": "iPadOS", "serial_number": "C02XK1AAAA" },
            "app": { "name": "Fieldbook" },
            "license": { "state": "assigned", "text": "given to this device" },
            "settings": [
                { "name": "prevent_backup", "text": "kept out of backups", "satisfied": true },
                { "name": "vpn", "text": "the VPN profile is not there yet", "satisfied": false },
            ],
            "state": "waiting_for_device", "reason": "The device has the command and has not answered.",
            "owner": "device", "since": "2026-11-21T07:58:00Z", "next_at": "2026-11-21T08:10:00Z",
            "settled": false, "satisfied": false,
            "story": [{ "at": "2026-11-21T07:57:00Z", "step": "license", "text": "License asked for." }],
        });
        let told = told(&row, "2026-11-21T08:00:00Z".parse().unwrap());
        for expected in [
            "Fieldbook on Mia's iPad\n\nThe device has the command and has not answered.\n",
            "state       waiting for device\n",
            "since       2 minutes ago\n",
            "next look   in 10 minutes\n",
            "license     assigned: given to this device\n",
            "✓ prevent backup: kept out of backups\n",
            "✗ vpn: the VPN profile is not there yet\n",
            "2026-11-21 07:57:00  License asked for.\n",
        ] {
            assert!(told.contains(expected), "{expected:?} is not in\n{told}");
        }
    }
}
