//! What is on a device, for `russet admin devices …`: tables of what it last said of itself.

use super::connection::Desk;
use super::resolve::segment;
use super::table::{Table, clipped, facts, items, text, word};
use super::words::{day, when};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Names longer than this would make a table too wide.
const WIDE: usize = 60;

pub(super) async fn apps(desk: &Desk, device: &str) -> anyhow::Result<()> {
    let list = all(desk, &format!("{device}/installed-apps")).await?;
    desk.show(&list, || {
        let head = ["NAME", "VERSION", "BUNDLE ID", "SIZE", "UPDATE", "FROM"];
        let mut table = Table::new(&head, "The device has not named its apps yet.");
        for app in items(&list) {
            let version =
                if app["short_version"].is_null() { text(app, "version") } else { text(app, "short_version") };
            table.line([
                clipped(&text(app, "name"), WIDE),
                clipped(&version, WIDE),
                clipped(&text(app, "bundle_id"), WIDE),
                size(app),
                text(app, "has_update"),
                from(app).to_owned(),
            ]);
        }
        with_date(&table, &list, desk.now)
    });
    Ok(())
}

pub(super) async fn certificates(desk: &Desk, device: &str) -> anyhow::Result<()> {
    let list = all(desk, &format!("{device}/certificates")).await?;
    desk.show(&list, || {
        let mut table =
            Table::new(&["NAME", "IDENTITY", "ENDS", "SHA-256"], "The device has not named its certificates yet.");
        for certificate in items(&list) {
            table.line([
                clipped(&text(certificate, "common_name"), WIDE),
                text(certificate, "is_identity"),
                day(certificate, "not_after", desk.now),
                text(certificate, "fingerprint"),
            ]);
        }
        with_date(&table, &list, desk.now)
    });
    Ok(())
}

pub(super) async fn profiles(desk: &Desk, device: &str) -> anyhow::Result<()> {
    let list = all(desk, &format!("{device}/profiles")).await?;
    desk.show(&list, || {
        let head = ["NAME", "ORGANIZATION", "MANAGED", "PAYLOADS", "MANAGEMENT", "IDENTIFIER"];
        let mut table = Table::new(&head, "The device has not named its profiles yet.");
        for profile in items(&list) {
            table.line([
                clipped(&text(profile, "display_name"), WIDE),
                clipped(&text(profile, "organization"), WIDE),
                text(profile, "is_managed"),
                text(profile, "payloads"),
                text(profile, "has_mdm"),
                clipped(&text(profile, "identifier"), 100),
            ]);
        }
        with_date(&table, &list, desk.now)
    });
    Ok(())
}

pub(super) async fn users(desk: &Desk, device: &str) -> anyhow::Result<()> {
    let list = all(desk, &format!("{device}/users")).await?;
    desk.show(&list, || {
        let head = ["NAME", "FULL NAME", "LOGGED IN", "SECURE TOKEN", "USED", "QUOTA", "TO SYNC"];
        let mut table = Table::new(&head, "The device has not named any users: only Macs and Shared iPads do.");
        for user in items(&list) {
            table.line([
                clipped(&text(user, "name"), WIDE),
                clipped(&text(user, "full_name"), WIDE),
                text(user, "logged_in"),
                text(user, "has_secure_token"),
                bytes(&user["data_used"]),
                bytes(&user["data_quota"]),
                text(user, "has_data_to_sync"),
            ]);
        }
        with_date(&table, &list, desk.now)
    });
    Ok(())
}

pub(super) async fn updates(desk: &Desk, device: &str) -> anyhow::Result<()> {
    let list = all(desk, &format!("{device}/available-updates")).await?;
    desk.show(&list, || {
        let head = ["NAME", "VERSION", "BUILD", "SIZE", "RESTART", "DEFERRED UNTIL", "PRODUCT KEY"];
        let mut table = Table::new(&head, "The device has not named any updates; from version 27 on none does.");
        for update in items(&list) {
            table.line([
                clipped(&text(update, "name"), WIDE),
                clipped(&text(update, "version"), WIDE),
                clipped(&text(update, "build"), WIDE),
                bytes(&update["download_size"]),
                text(update, "restart_required"),
                when(update, "deferred_until", desk.now),
                clipped(&text(update, "product_key"), WIDE),
            ]);
        }
        with_date(&table, &list, desk.now)
    });
    Ok(())
}

/// All pages of a list, as one.
async fn all(desk: &Desk, path: &str) -> anyhow::Result<Value> {
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page = desk.client.get(&format!("{path}?limit=1000{after}")).await?;
        found.extend_from_slice(items(&page));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={}", segment(next)),
            None => {
                let (at, left_out) = (&page["listed_at"], &page["left_out"]);
                return Ok(json!({ "items": found, "next": null, "listed_at": at, "left_out": left_out }));
            }
        }
    }
}

/// A table, and below it how old it is.
fn with_date(table: &Table, list: &Value, now: Timestamp) -> String {
    let mut out = table.text();
    if list["listed_at"].is_string() {
        let _ = write!(out, "\nAs the device said {}.", when(list, "listed_at", now));
    }
    if let Some(more @ 1..) = list["left_out"].as_u64() {
        let _ = write!(out, " It named {more} more, which is more than is kept of one device.");
    }
    out
}

/// What a device said of itself beside its lists: facts, security, SIMs; with an empty line after it.
pub(super) fn said(device: &Value, now: Timestamp) -> String {
    let mut out = String::new();
    if let Some(known) = device["facts"].as_object().filter(|known| !known.is_empty()) {
        let rows: Vec<(String, String)> =
            known.iter().map(|(key, value)| (key.replace('_', " "), word(value))).collect();
        let rows: Vec<(&str, String)> = rows.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
        let _ = writeln!(out, "{}", facts(&rows));
    }
    if let Some(sentences) = device["security"]["text"].as_array() {
        let _ = writeln!(out, "Security, as it said {}:", when(&device["security"], "at", now));
        for sentence in sentences {
            let _ = writeln!(out, "  {}", super::table::plain(&word(sentence)));
        }
        out.push('\n');
    }
    let sims = device["service_subscriptions"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !sims.is_empty() {
        let mut table = Table::new(&["SIM", "PHONE NUMBER", "CARRIER", "ROAMING", "ICCID", "IMEI"], "");
        for sim in sims {
            let label = if sim["label"].is_null() { text(sim, "slot") } else { text(sim, "label") };
            let carrier = if sim["current_carrier"].is_null() { "home_carrier" } else { "current_carrier" };
            table.line([
                clipped(&label, WIDE),
                clipped(&text(sim, "phone_number"), WIDE),
                clipped(&text(sim, carrier), WIDE),
                text(sim, "is_roaming"),
                clipped(&text(sim, "iccid"), WIDE),
                clipped(&text(sim, "imei"), WIDE),
            ]);
        }
        let _ = writeln!(out, "{}", table.text());
    }
    out
}

/// What an app takes on the device: itself and its documents.
fn size(app: &Value) -> String {
    let part = |key: &str| app[key].as_u64();
    match (part("bundle_size"), part("dynamic_size")) {
        (None, None) => word(&Value::Null),
        (a, b) => bytes(&json!(a.unwrap_or(0).saturating_add(b.unwrap_or(0)))),
    }
}

/// `128 MB`.
fn bytes(value: &Value) -> String {
    let Some(bytes) = value.as_u64() else { return word(&Value::Null) };
    let (number, unit) = match bytes {
        0..1_000 => return format!("{bytes} B"),
        1_000..1_000_000 => (bytes / 1_000, "kB"),
        1_000_000..1_000_000_000 => (bytes / 1_000_000, "MB"),
        _ => (bytes / 1_000_000_000, "GB"),
    };
    format!("{number} {unit}")
}

/// Where an app came from.
fn from(app: &Value) -> &'static str {
    let is = |key: &str| app[key] == true;
    match app {
        _ if is("beta") => "TestFlight",
        _ if is("device_vpp") => "license of the device",
        _ if is("store_vendable") => "App Store",
        _ if app["source"].is_string() => "declaration",
        _ if app["distributor"].is_string() => "marketplace",
        _ if is("ad_hoc_signed") => "ad hoc",
        _ => "–",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_device_says_is_told_in_words_and_cannot_write_on_the_terminal() {
        let device = json!({
            "facts": { "battery_level": 0.8, "host_name": "evil\u{1b}[2J" },
            "security": { "at": "2026-11-21T07:58:00Z", "text": ["FileVault is on."] },
            "service_subscriptions": [{ "label": "Work", "phone_number": "4930123", "is_roaming": true,
                                        "current_carrier": null, "home_carrier": "Netz" }],
        });
        let told = said(&device, "2026-11-21T08:00:00Z".parse().unwrap());
        for expected in
            ["battery level  0.8\n", "Security, as it said 2 minutes ago:\n  FileVault is on.\n", "Work  4930123"]
        {
            assert!(told.contains(expected), "{expected:?} is not in\n{told}");
        }
        assert!(!told.contains('\u{1b}') && told.contains("Netz     on"), "{told}");
    }

    #[test]
    fn sizes_and_sources_are_told_in_words() {
        assert_eq!(size(&json!({ "bundle_size": 120_000_000, "dynamic_size": 9_000_000 })), "129 MB");
        assert_eq!((bytes(&json!(999)), bytes(&json!(null))), ("999 B".to_owned(), "–".to_owned()));
        assert_eq!((from(&json!({ "device_vpp": true })), from(&json!({}))), ("license of the device", "–"));
    }
}
