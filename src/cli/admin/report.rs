//! `russet admin report`: each app on each device.

use super::connection::Desk;
use super::table::{NOTHING, Table, items, text};
use super::words::{count, when};
use serde_json::Value;
use std::process::ExitCode;

/// `russet admin report …`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  russet admin report
  russet admin report --open                    only what is not yet as wanted
  russet admin report --check     exit status 1 unless everything wanted is true")]
pub(super) struct Args {
    /// Only what is not yet as wanted
    #[arg(long)]
    open: bool,
    /// End with status 1 unless everything wanted is true on the devices
    #[arg(long)]
    check: bool,
}

pub(super) async fn run(desk: &Desk, args: Args) -> anyhow::Result<ExitCode> {
    let report = desk.client.get("/api/v1/report").await?;
    desk.show(&report, || shown(&report, args.open, desk.now));
    let failed = args.check && report["satisfied"] != Value::Bool(true);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn shown(report: &Value, only_open: bool, now: jiff::Timestamp) -> String {
    let is_open = |row: &&Value| row["satisfied"] != Value::Bool(true);
    let rows = items(report);
    let mut table = Table::new(
        &["DEVICE", "APP", "LICENSE", "SETTINGS", "STATE", "SINCE", "NEXT LOOK", "WHOSE TURN", "REASON"],
        if only_open { "Everything is as wanted." } else { "No app is wanted on any device yet." },
    );
    for row in rows.iter().filter(|row| !only_open || is_open(row)) {
        let next = if row["settled"] == Value::Bool(true) { NOTHING.to_owned() } else { when(row, "next_at", now) };
        table.line([
            text(row, "device.name"),
            text(row, "app.name"),
            text(row, "license.state"),
            settings(row),
            text(row, "state").replace('_', " "),
            when(row, "since", now),
            next,
            text(row, "owner"),
            text(row, "reason"),
        ]);
    }
    let open = rows.iter().filter(is_open).count() as u64;
    let summary = match (open, report["settled"] == Value::Bool(true)) {
        (0, true) => "Everything wanted is true.".to_owned(),
        (0, false) => "Everything wanted is true; something is still under way.".to_owned(),
        (open, true) => format!("{} not as wanted, and nothing is under way: see the reasons.", count(open, "app")),
        (open, false) => format!("{} not as wanted yet; work is under way.", count(open, "app")),
    };
    format!("{}\n{summary}", table.text())
}

/// The settings in few words: how many hold, and the names of those that do not.
fn settings(row: &Value) -> String {
    let all = row["settings"].as_array().map_or(&[][..], Vec::as_slice);
    if all.is_empty() {
        return NOTHING.to_owned();
    }
    let holds = |setting: &&Value| setting["satisfied"] != Value::Bool(false);
    let missing: Vec<String> =
        all.iter().filter(|setting| !holds(setting)).map(|setting| text(setting, "name").replace('_', " ")).collect();
    if missing.is_empty() {
        return format!("{} of {0}", all.len());
    }
    format!("{} of {}; not yet: {}", all.len() - missing.len(), all.len(), missing.join(", "))
}
