//! Holds the server's record of every command against the device's own, and says what is wrong.

use crate::admin::Admin;
use crate::memory::Memory;
use russet_simulator::devices::{DeviceView, Fleet, JournalEntry, Power};
use serde_json::Value;
use std::collections::BTreeMap;

/// So many faults are told one by one.
const MOST_FAULTS: usize = 20;
/// The server shows so many ended commands of a device: beyond, older ones are not missed.
const SHOWN: usize = 200;

/// What came of the commands, for the report.
#[derive(Default)]
struct Counts {
    by_state: BTreeMap<String, usize>,
    by_type: BTreeMap<String, usize>,
}

/// Says what is true, and whether all of it is as it should be.
pub(crate) async fn reach(fleet: &Fleet, admin: &Admin, memory: &Memory, minutes: u64) -> bool {
    let mut faults = admin.faults.clone();
    let mut counts = Counts::default();
    // Work may still go on: what a device had done before the record was read is in the record, and what the record says
    // is done was done by the time it was read.
    let before = fleet.snapshot();
    let mut records = Vec::new();
    for device in &before {
        records.push(admin.record(&device.serial).await);
    }
    let devices = fleet.snapshot();
    for ((before, device), record) in before.iter().zip(&devices).zip(&records) {
        hold((before, device), admin, record, &mut counts, &mut faults);
    }
    let statuses = fleet.statuses();
    for (status, count) in &statuses {
        if *status >= 500 || *status == 401 {
            faults.push(format!("devices saw the status {status} {count} times"));
        }
    }
    let (steady, words) = memory.verdict(minutes);
    if !steady {
        faults.push(format!("the server's memory grows: {words}"));
    }
    tell(&devices, admin, &counts, &statuses, &words);
    for fault in faults.iter().take(MOST_FAULTS) {
        println!("FAULT {fault}");
    }
    match faults.len() {
        0 => println!("as it should be"),
        all => println!("{all} faults"),
    }
    faults.is_empty()
}

/// One device: every command that was ordered is in the record, and the record says what the device did.
fn hold(
    (before, device): (&DeviceView, &DeviceView),
    admin: &Admin,
    record: &[Value],
    counts: &mut Counts,
    faults: &mut Vec<String>,
) {
    let serial = &device.serial;
    let journal: BTreeMap<&str, &JournalEntry> =
        device.journal.iter().map(|entry| (entry.uuid.as_str(), entry)).collect();
    let known: BTreeMap<&str, &Value> =
        record.iter().filter_map(|item| Some((item["command_uuid"].as_str()?, item))).collect();
    let all_shown = record.iter().filter(|item| item["open"] == false).count() < SHOWN;
    if let Some(taken) = admin.taken.get(serial) {
        for (uuid, request_type) in &taken.commands {
            *counts.by_type.entry(request_type.clone()).or_insert(0) += 1;
            if all_shown && !known.contains_key(uuid.as_str()) {
                faults.push(format!("{serial}: the {request_type} {uuid} is lost: the server knows nothing of it"));
            }
        }
    }
    for (uuid, item) in &known {
        let state = item["state"].as_str().unwrap_or_default();
        *counts.by_state.entry(state.to_owned()).or_insert(0) += 1;
        if let Err(why) = fits(device, state, item, journal.get(uuid).copied()) {
            let kind = item["request_type"].as_str().unwrap_or_default();
            let entry = journal.get(uuid).map(|entry| (entry.deliveries, entry.delivered_answer, &entry.odd));
            faults.push(format!(
                "{serial} ({:?}, enrolled {} times, erased {} times, {:?}): {kind} {uuid} is {state} for the server ({}), but {why} {entry:?}",
                device.phase, device.enrollments, device.erasures, device.last_error, item["reason"]
            ));
        }
    }
    for entry in before.journal.iter().filter(|entry| entry.delivered_answer && all_shown) {
        if !known.contains_key(entry.uuid.as_str()) {
            faults.push(format!(
                "{serial}: it did {} {}, of which the server knows nothing",
                entry.request_type, entry.uuid
            ));
        }
    }
}

/// Whether what the server says of a command is what the device did.
fn fits(device: &DeviceView, state: &str, item: &Value, entry: Option<&JournalEntry>) -> Result<(), String> {
    let did = |status: &str| entry.is_some_and(|entry| entry.statuses.iter().any(|said| said == status));
    let odd = |way: &str| entry.is_some_and(|entry| entry.odd.iter().any(|odd| odd == way));
    let statuses = entry.map(|entry| entry.statuses.join(", "));
    match state {
        "done" if did("Acknowledged") => Ok(()),
        "failed" if did("Error") || did("CommandFormatError") || odd("oversized-answers") => Ok(()),
        // Refused item by item: the command itself was acknowledged.
        "failed" if item["request_type"] == "Settings" && did("Acknowledged") => Ok(()),
        "done" | "failed" => Err(format!("the device answered {statuses:?}")),
        "dropped" | "expired" if item["reason"].is_string() => Ok(()),
        "dropped" | "expired" => Err("no reason is given".to_owned()),
        // Open: the device cannot be asked, or has not been able to yet.
        _ if !device.enrolled || device.power != Power::On || device.locked => Ok(()),
        "not_now" if did("NotNow") || odd("unknown-status") => Ok(()),
        _ if !item["waits_for"].is_null() => Ok(()),
        // Work that goes on by itself (apps, inventory) is under way at any moment; what was ordered has had its time.
        _ if item["purpose"] != "admin" => Ok(()),
        _ => Err(format!("the device is there; it answered {statuses:?}")),
    }
}

fn tell(devices: &[DeviceView], admin: &Admin, counts: &Counts, statuses: &BTreeMap<u16, u64>, memory: &str) {
    let sum = |of: fn(&DeviceView) -> u32| devices.iter().map(of).sum::<u32>();
    let mut problems: BTreeMap<&str, usize> = BTreeMap::new();
    let mut odd: BTreeMap<&str, usize> = BTreeMap::new();
    for device in devices {
        device.problems.iter().for_each(|problem| *problems.entry(&problem.kind).or_insert(0) += 1);
        let ways = device.journal.iter().flat_map(|entry| &entry.odd);
        ways.for_each(|way| *odd.entry(way).or_insert(0) += 1);
    }
    println!("\nstatuses that devices saw: {statuses:?}");
    println!("commands ordered, by type: {:?}", counts.by_type);
    println!("orders refused, by status: {:?}", admin.refused);
    println!("what the server says of its commands: {:?}", counts.by_state);
    println!("what devices objected to: {problems:?}; answers distorted: {odd:?}");
    println!(
        "enrollments {}, erasures {}, restarts {}, restores {}, sounds {}, declarations synchronized {}",
        sum(|device| device.enrollments),
        sum(|device| device.erasures),
        sum(|device| device.restarts),
        sum(|device| device.restores),
        sum(|device| device.sounds),
        sum(|device| device.synchronized),
    );
    println!("{memory}");
}
