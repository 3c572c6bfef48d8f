//! `russet admin devices …`.

use super::connection::Desk;
use super::inventory;
use super::orders;
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
    List {
        /// Only those that are enrolled and have not been heard for long (fleet.silent_after)
        #[arg(long)]
        silent: bool,
    },
    /// Show what is known of a device
    Show {
        /// Id, serial number, UDID or name of the device
        device: String,
    },
    /// Show the apps on a device, managed or not
    Apps {
        /// Id, serial number, UDID or name of the device
        device: String,
    },
    /// Show the certificates on a device
    Certificates {
        /// Id, serial number, UDID or name of the device
        device: String,
    },
    /// Show the configuration profiles on a device
    Profiles {
        /// Id, serial number, UDID or name of the device
        device: String,
    },
    /// Show who has an account on a device: a Mac, or a Shared iPad
    Users {
        /// Id, serial number, UDID or name of the device
        device: String,
    },
    /// Show the system updates that a device could install
    Updates {
        /// Id, serial number, UDID or name of the device
        device: String,
    },
    /// Show the commands of a device: those under way, then those that ended, newest first
    Commands {
        /// Id, serial number, UDID or name of the device
        device: String,
        /// How many
        #[arg(long, default_value_t = 200)]
        limit: u32,
        /// Go on where an earlier list ended
        #[arg(long)]
        cursor: Option<String>,
    },
    /// List the enrollments that were held back because the device is enrolled already by another identity
    Held,
    /// Vouch for a held enrollment: it takes the place of the other one
    Release {
        /// Id of the held enrollment
        id: String,
    },
    /// Turn a held enrollment away
    Reject {
        /// Id of the held enrollment
        id: String,
    },
    /// Give a device a new identity now, long before its certificate ends
    #[command(
        after_help = "Identities renew themselves; this is for one whose key may be known to others. Nothing else on
the device changes. The old certificate is refused a day after the new one was first used."
    )]
    RenewIdentity {
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
    #[command(flatten)]
    Order(orders::Args),
}

pub(super) async fn run(desk: &Desk, args: Args) -> anyhow::Result<()> {
    let path = |device: &str| format!("/api/v1/devices/{}", segment(device));
    match args {
        Args::List { silent } => {
            let list = all(desk, silent).await?;
            desk.show(&list, || shown(&list, desk.now));
        }
        Args::Show { device } => {
            let device = desk.client.get(&path(&device)).await?;
            desk.show(&device, || one(&device, desk.now));
        }
        Args::Apps { device } => inventory::apps(desk, &path(&device)).await?,
        Args::Certificates { device } => inventory::certificates(desk, &path(&device)).await?,
        Args::Profiles { device } => inventory::profiles(desk, &path(&device)).await?,
        Args::Users { device } => inventory::users(desk, &path(&device)).await?,
        Args::Updates { device } => inventory::updates(desk, &path(&device)).await?,
        Args::Commands { device, limit, cursor } => {
            let cursor = cursor.map(|cursor| format!("&cursor={}", segment(&cursor))).unwrap_or_default();
            let list = desk.client.get(&format!("{}/commands?limit={limit}{cursor}", path(&device))).await?;
            desk.show(&list, || commands(&list, desk.now));
        }
        Args::Order(order) => orders::run(desk, order).await?,
        Args::Held => {
            let list = desk.client.get("/api/v1/enrollments/held").await?;
            desk.show(&list, || held(&list, desk.now));
        }
        Args::Release { id } => {
            let path = format!("/api/v1/enrollments/{}/release", segment(&id));
            let answer = desk.client.post(&path, &json!({})).await?;
            desk.show(&answer, || "Released: the device is managed by this enrollment now.".to_owned());
        }
        Args::Reject { id } => {
            let path = format!("/api/v1/enrollments/{}/reject", segment(&id));
            let answer = desk.client.post(&path, &json!({})).await?;
            desk.show(&answer, || "Rejected: the enrollment before goes on.".to_owned());
        }
        Args::RenewIdentity { device } => {
            let answer = desk.client.post(&format!("{}/renew-identity", path(&device)), &json!({})).await?;
            desk.show(&answer, || "The device is asked to renew its identity.".to_owned());
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
async fn all(desk: &Desk, silent: bool) -> anyhow::Result<Value> {
    let (mut found, mut after) = (Vec::new(), String::new());
    let only = if silent { "&silent=true" } else { "" };
    loop {
        let page = desk.client.get(&format!("/api/v1/devices?limit={PAGE}{only}{after}")).await?;
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
        Some(Value::Object(enrollment)) => {
            let state = enrollment.get("state").map_or_else(String::new, word);
            if enrollment.get("silent_since").is_some_and(Value::is_string) {
                format!("{state}, silent")
            } else {
                state
            }
        }
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

fn held(list: &Value, now: jiff::Timestamp) -> String {
    let mut table = Table::new(&["SERIAL NUMBER", "UDID", "SINCE", "REASON", "ID"], "No enrollment is held back.");
    for enrollment in items(list) {
        table.line([
            text(enrollment, "serial_number"),
            text(enrollment, "udid"),
            when(enrollment, "since", now),
            clipped(&text(enrollment, "reason"), 100),
            text(enrollment, "id"),
        ]);
    }
    table.text()
}

/// Everything the API says of a device, moments in words, then its enrollments.
fn one(device: &Value, now: jiff::Timestamp) -> String {
    let apart = ["enrollments", "facts", "security", "service_subscriptions"];
    let known = device.as_object().into_iter().flatten().filter(|(key, _)| !apart.contains(&key.as_str()));
    let rows: Vec<(String, String)> = known
        .map(|(key, value)| {
            let told = match key.as_str() {
                "owner" if value.is_object() => {
                    let key = if value["full_name"].is_string() { "full_name" } else { "name" };
                    text(value, key)
                }
                "enrollment" if value["silence"].is_string() => {
                    format!("{}; {}", text(value, "state"), text(value, "silence"))
                }
                "enrollment" => enrollment(device),
                _ if key.ends_with("_at") => when(device, key, now),
                _ => word(value),
            };
            (key.replace('_', " "), told)
        })
        .collect();
    let known = facts(&rows.iter().map(|(key, value)| (key.as_str(), value.clone())).collect::<Vec<_>>());
    let mut table = Table::new(&["ENROLLMENT", "BEGAN", "ENDED", "IDENTITY ENDS", "REASON", "ID"], "");
    for enrollment in device["enrollments"].as_array().into_iter().flatten() {
        table.line([
            text(enrollment, "state"),
            when(enrollment, "authenticated_at", now),
            when(enrollment, "ended_at", now),
            when(enrollment, "identity_ends_at", now),
            clipped(&text(enrollment, "reason"), 100),
            text(enrollment, "id"),
        ]);
    }
    format!("{known}\n{}{}", inventory::said(device, now), table.text())
}

/// How a command ended: the server's reason, what the device said went wrong, or what its answer says.
fn reason(command: &Value) -> String {
    let told = ["reason", "error", "rejection_reason", "summary"].into_iter().find(|key| command[key].is_string());
    text(command, told.unwrap_or("reason"))
}

fn commands(list: &Value, now: jiff::Timestamp) -> String {
    let mut table = Table::new(
        &["COMMAND", "FOR", "STATE", "QUEUED", "DELIVERED", "ENDED", "RESULT", "COMMANDUUID"],
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
    let more = list["next_cursor"].as_str().map(|cursor| format!("\nMore: --cursor {cursor}\n"));
    format!("{}{}", table.text(), more.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_told_with_its_enrollments() {
        let device = json!({
            "name": "Mia's iPad", "supervised": true, "last_seen_at": "2026-11-21T07:58:00Z",
            "enrollment": { "state": "live" },
            "enrollments": [{ "id": "e1", "state": "live", "authenticated_at": "2026-11-20T08:00:00Z", "ended_at": null,
                              "identity_ends_at": "2027-11-20T08:00:00Z" }],
        });
        let told = one(&device, "2026-11-21T08:00:00Z".parse().unwrap());
        for expected in ["enrollment    live\n", "last seen at  2 minutes ago\n", "supervised    on\n"] {
            assert!(told.contains(expected), "{expected:?} is not in\n{told}");
        }
        assert!(
            told.contains(
                "ENROLLMENT  BEGAN         ENDED  IDENTITY ENDS  REASON  ID\n\
                 live        24 hours ago  –      2027-11-20     –       e1"
            ),
            "{told}"
        );
    }

    #[test]
    fn a_command_says_how_it_ended() {
        let failed = json!({ "reason": null, "error": "License not found (MCMDMErrorDomain 12064)", "summary": null });
        assert_eq!(reason(&failed), "License not found (MCMDMErrorDomain 12064)");
        assert_eq!(reason(&json!({ "reason": null, "error": null, "summary": "3 profiles" })), "3 profiles");
        assert_eq!(reason(&json!({ "reason": null })), "–");
        let list = json!({ "items": [{ "request_type": "ProfileList" }], "next_cursor": "open.0.5" });
        assert!(commands(&list, "2026-11-21T08:00:00Z".parse().unwrap()).ends_with("More: --cursor open.0.5\n"));
    }
}
