//! What is fuzzed here: every decoder of this crate that meets bytes before anybody has proved who sent them. The bodies
//! of the fuzz targets (`fuzz/` at the root) are plain functions, so that an ordinary test runs them too, over the same
//! seeds and some thousand mutations of them.
//!
//! Compiled for tests and with the feature `fuzzing` only. A finding is a panic: an input that breaks what is asserted.

mod mutate;
mod seeds;

pub use mutate::{Dice, mutations, of_file};
pub use seeds::{check_ins, property_lists, reports};

use crate::checkin::CheckIn;
use crate::guard::{self, Limits};
use crate::result::{Answer, Report, glimpse};
use plist::Value;

/// The answers that have a type of their own, and one that has none.
const REQUEST_TYPES: [&str; 22] = [
    "InstallApplication",
    "ManagedApplicationList",
    "InstalledApplicationList",
    "ProfileList",
    "DeviceInformation",
    "SecurityInfo",
    "Settings",
    "CertificateList",
    "ProvisioningProfileList",
    "UserList",
    "AvailableOSUpdates",
    "OSUpdateStatus",
    "ManagedApplicationConfiguration",
    "ManagedApplicationAttributes",
    "ManagedApplicationFeedback",
    "InviteToProgram",
    "DeviceLock",
    "DeviceLocation",
    "RequestMirroring",
    "VerifyRecoveryLock",
    "RotateFileVaultKey",
    "DeviceConfigured",
];

/// The guard: what it lets through is within its limits, and what it lets through can be built.
///
/// # Panics
/// On a finding.
pub fn property_list(bytes: &[u8]) {
    let limits = Limits::for_body(bytes.len());
    let checked = guard::check(bytes, limits);
    if let Err(refused) = &checked {
        one_line(&refused.to_string());
    }
    match guard::parse(bytes, limits) {
        Ok(tree) => {
            assert_eq!(checked, Ok(()), "built what the guard refused");
            let mut nodes = 0;
            measure(&tree, 1, limits, &mut nodes);
            // The server writes what it has read into answers, files and the wire of others.
            let _ = crate::xml::encode(&tree);
        }
        Err(refused) => one_line(&refused.to_string()),
    }
}

fn measure(value: &Value, depth: usize, limits: Limits, nodes: &mut usize) {
    *nodes += 1;
    assert!(*nodes <= limits.nodes, "more values than the limit");
    let inside = |inner: &mut dyn Iterator<Item = &Value>, nodes: &mut usize| {
        assert!(depth <= limits.depth, "deeper than the limit");
        inner.for_each(|value| measure(value, depth + 1, limits, nodes));
    };
    match value {
        Value::Array(items) => inside(&mut items.iter(), nodes),
        Value::Dictionary(keys) => inside(&mut keys.iter().map(|(_, value)| value), nodes),
        _ => {}
    }
}

/// A refusal stands in one line of a log, and does not fill it.
fn one_line(text: &str) {
    assert!(text.len() < 1500 && !text.chars().any(char::is_control), "no line of a log: {text:?}");
}

/// A check-in message: what is read can be written, names nobody by an odd identifier, and a refusal fits a log.
///
/// # Panics
/// On a finding.
pub fn check_in(bytes: &[u8]) {
    match CheckIn::decode(bytes, Limits::for_body(bytes.len())) {
        Ok(message) => {
            sender(message.sender());
            let _ = message.encode();
        }
        Err(error) => one_line(&error.to_string()),
    }
}

/// A report, and its answer read as each type of answer.
///
/// # Panics
/// On a finding.
pub fn report(bytes: &[u8]) {
    if let Some(uuid) = glimpse(bytes) {
        let uuid = uuid.as_str();
        assert!(!uuid.is_empty() && uuid.len() <= 255 && !uuid.chars().any(char::is_control), "an odd name: {uuid:?}");
    }
    match Report::decode(bytes, Limits::for_body(bytes.len())) {
        Ok(report) => {
            sender(&report.sender);
            for request_type in REQUEST_TYPES {
                match Answer::read(request_type, &report) {
                    Ok(answer) => looked_at(&answer),
                    Err(error) => one_line(&error.to_string()),
                }
            }
            let _ = report.encode();
        }
        Err(error) => one_line(&error.to_string()),
    }
}

/// What is read later than the answer itself.
fn looked_at(answer: &Answer) {
    match answer {
        Answer::DeviceInformation(information) => {
            let _ = (information.subscriptions(), information.text("OSVersion"), information.int("BatteryLevel"));
            let _ = information.flag("IsSupervised");
        }
        Answer::SecurityInfo(security) => drop(security.management_status()),
        _ => {}
    }
}

fn sender(sender: &crate::checkin::Sender) {
    let ids = [sender.udid.as_ref().map(crate::Udid::as_str), sender.user_key()];
    for id in ids.into_iter().flatten() {
        assert!(!id.is_empty() && id.len() <= 255 && !id.chars().any(char::is_control), "an odd identifier: {id:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For each seed. More, for long, with `make fuzz`.
    const ROUNDS: u64 = 400;

    #[test]
    fn property_lists_of_any_kind_are_read_or_refused() {
        mutations(&property_lists(), ROUNDS, property_list);
    }

    #[test]
    fn check_ins_of_any_kind_are_read_or_refused() {
        mutations(&check_ins(), ROUNDS, check_in);
    }

    #[test]
    fn reports_of_any_kind_are_read_or_refused() {
        mutations(&reports(), ROUNDS, report);
    }
}
