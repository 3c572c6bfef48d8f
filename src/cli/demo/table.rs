//! The summary for people: one line per device and app.

use super::truth::Fact;
use std::fmt::Write;

const HEAD: [&str; 6] = ["DEVICE", "APP", "LICENSE", "SETTINGS ON THE DEVICE", "STATE", "REASON"];

/// The table, with its head.
#[must_use]
pub fn text(facts: &[Fact]) -> String {
    let mut lines = vec![HEAD.map(str::to_owned)];
    lines.extend(facts.iter().map(|fact| line(fact, is_shared_name(facts, fact))));
    let mut widths = [0; HEAD.len()];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    for line in &lines {
        let cells: Vec<String> = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{}", cells.join("  ").trim_end());
    }
    out
}

fn name(fact: &Fact) -> Option<&str> {
    fact.server.as_ref().and_then(|row| row.device.name.as_deref())
}

/// Whether another device has the same name: people call their devices what they like.
fn is_shared_name(facts: &[Fact], fact: &Fact) -> bool {
    facts.iter().any(|other| name(other) == name(fact) && other.serial_number != fact.serial_number)
}

fn line(fact: &Fact, shared_name: bool) -> [String; HEAD.len()] {
    let server = fact.server.as_ref();
    let device = match name(fact) {
        Some(name) if shared_name => format!("{name} ({})", fact.serial_number),
        Some(name) => name.to_owned(),
        None => fact.serial_number.clone(),
    };
    let app = server.and_then(|row| row.app.name.clone()).unwrap_or_else(|| fact.adam_id.to_string());
    let reason = match fact.faults.first() {
        Some(fault) => fault.clone(),
        None => server.map(|row| row.reason.clone()).unwrap_or_default(),
    };
    [
        device,
        app,
        server.map(|row| row.license.state.clone()).unwrap_or_default(),
        settings(fact),
        server.map(|row| row.state.clone()).unwrap_or_default(),
        reason,
    ]
}

/// What the device itself has, in few words.
fn settings(fact: &Fact) -> String {
    let Some(app) = &fact.on_device else { return "not installed".to_owned() };
    let mut words = Vec::new();
    words.push(if app.flags & 4 == 0 { "backup on" } else { "no backup" }.to_owned());
    if let Some(network) = &app.network {
        words.push(format!("cellular {}", on(network.cellular)));
        words.push(format!("roaming {}", on(network.roaming)));
    }
    words.push(format!("VPN {}", on(app.vpn_uuid.is_some())));
    if app.sso.is_some() {
        words.push("SSO on".to_owned());
    }
    words.join(", ")
}

fn on(flag: bool) -> &'static str {
    if flag { "on" } else { "off" }
}
