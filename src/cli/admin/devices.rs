//! `russet admin devices …`.

use super::connection::Desk;
use super::resolve::segment;
use super::table::{Table, clipped, facts, items, text, word};
use super::words::when;
use clap::Subcommand;
use serde_json::{Value, json};

/// Devices of one page.
const PAGE: usize = 500;

/// `russet admin devices …`.
#[derive(Debug, Subcommand)]
pub(super) enum Args {
    /// List the devices
    List,
    /// Show what is known of a device
    Show {
        /// Id, serial number, UDID or name of the device
        device: String,
    },
    /// Show the commands of a device: those under way, then those that ended
    Commands {
        /// Id, serial number, UDID or name of the device
        device: String,
    },
    /// End the management of a device: its enrollment profile is removed, its licenses go back
    #[command(after_help = "Apps that are set to go with the management are removed by the device itself.")]
    Unenroll {
        /// Id, serial number, UDID or name of the device
        device: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

pub(super) async fn run(desk: &Desk, args: Args) -> anyhow::Result<()> {
    let path = |device: &str| format!("/api/v1/devices/{}", segment(device));
    match args {
        Args::List => {
            let list = all(desk).await?;
            desk.show(&list, || shown(&list, desk.now));
        }
        Args::Show { device } => {
            let device = desk.client.get(&path(&device)).await?;
            desk.show(&device, || one(&device, desk.now));
        }
        Args::Commands { device } => {
            let list = desk.client.get(&format!("{}/commands", path(&device))).await?;
            desk.show(&list, || commands(&list, desk.now));
        }
        Args::Unenroll { device, yes } => {
            let known = desk.client.get(&path(&device)).await?;
            let name = super::table::plain(&format!("{} ({})", text(&known, "name"), text(&known, "serial_number")));
            desk.confirm(&format!("End the management of {name}? Its licenses go back."), yes)?;
            let answer = desk.client.post(&format!("{}/unenroll", path(&text(&known, "id"))), &json!({})).await?;
            desk.show(&answer, || format!("{name} is asked to remove its enrollment profile."));
        }
    }
    Ok(())
}

/// All devices, page by page.
async fn all(desk: &Desk) -> anyhow::Result<Value> {
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page = desk.client.get(&format!("/api/v1/devices?limit={PAGE}{after}")).await?;
        let devices = items(&page);
        found.extend_from_slice(devices);
        match devices.last() {
            Some(last) if devices.len() >= PAGE => after = format!("&after={}", text(last, "id")),
            _ => return Ok(json!({ "items": found })),
        }
    }
}

/// How a device stands: the API tells it as a word, or as an object with a state.
fn enrollment(device: &Value) -> String {
    match device.get("enrollment") {
        Some(Value::Object(enrollment)) => enrollment.get("state").map_or_else(String::new, word),
        Some(other) => word(other),
        None => text(device, "enrollment_state"),
    }
}

fn seen(device: &Value, now: jiff::Timestamp) -> String {
    let key = if device.get("last_seen_at").is_some() { "last_seen_at" } else { "seen_at" };
    when(device, key, now)
}

fn shown(list: &Value, now: jiff::Timestamp) -> String {
    let mut table = Table::new(
        &["NAME", "SERIAL NUMBER", "PLATFORM", "OS", "ENROLLMENT", "LAST SEEN", "ID"],
        "No device has enrolled yet. russet admin invitations create",
    );
    for device in items(list) {
        table.line([
            text(device, "name"),
            text(device, "serial_number"),
            text(device, "platform"),
            text(device, "os_version"),
            enrollment(device),
            seen(device, now),
            text(device, "id"),
        ]);
    }
    table.text()
}

/// Everything the API says of a device, moments in words.
fn one(device: &Value, now: jiff::Timestamp) -> String {
    let of = device.as_object().into_iter().flatten();
    let rows: Vec<(String, String)> = of
        .map(|(key, value)| {
            let told = if key.ends_with("_at") { when(device, key, now) } else { word(value) };
            (key.replace('_', " "), told)
        })
        .collect();
    facts(&rows.iter().map(|(key, value)| (key.as_str(), value.clone())).collect::<Vec<_>>())
}

/// Why a command ended as it did: the server's word, else the device's.
fn reason(command: &Value) -> String {
    let chain = command["error_chain"].as_array().and_then(|chain| chain.first());
    let said = |error: &Value| {
        let words = if error["english"].is_string() { text(error, "english") } else { text(error, "localized") };
        format!("{words} ({} {})", text(error, "domain"), text(error, "code"))
    };
    let of_device = || chain.map_or_else(|| text(command, "rejection_reason"), said);
    if command["reason"].is_null() { of_device() } else { text(command, "reason") }
}

fn commands(list: &Value, now: jiff::Timestamp) -> String {
    let mut table = Table::new(
        &["COMMAND", "FOR", "STATE", "QUEUED", "DELIVERED", "ENDED", "REASON", "COMMANDUUID"],
        "This device was never sent a command.",
    );
    for command in items(list) {
        let uuid = if command.get("command_uuid").is_some() { "command_uuid" } else { "uuid" };
        table.line([
            text(command, "request_type"),
            text(command, "purpose"),
            text(command, "state").replace('_', " "),
            when(command, "created_at", now),
            when(command, "delivered_at", now),
            when(command, "ended_at", now),
            clipped(&reason(command), 100),
            text(command, uuid),
        ]);
    }
    table.text()
}
