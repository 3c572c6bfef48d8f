//! Check-in messages and the frame of command answers, as property lists (Apple schema, `mdm/checkin/*.yaml`). Typed values
//! only, never text; keys are written by hand here, so that a mistake in the server's own types shows.

use super::channel::{Names, User};
use super::fault::{Doing, Fault};
use super::mdm_payload::MdmPayload;
use super::roster::Hardware;
use plist::{Dictionary, Value};
use russet_protocol::Platform;

pub(super) const CHECK_IN: &str = "application/x-apple-aspen-mdm-checkin; charset=UTF-8";
pub(super) const COMMANDS: &str = "application/x-apple-aspen-mdm; charset=UTF-8";

/// Access rights that decide what a message may carry.
const QUERY_DEVICE: i64 = 16;
const LOCK: i64 = 4;

/// A property list in XML.
pub(super) fn xml(keys: Dictionary) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    Value::Dictionary(keys).to_writer_xml(&mut out).doing("writing a property list")?;
    Ok(out)
}

/// Puts a text under a key.
pub(super) fn put(keys: &mut Dictionary, key: &str, value: impl Into<Value>) {
    keys.insert(key.to_owned(), value.into());
}

fn named(names: &Names) -> Dictionary {
    names.iter().map(|(key, value)| ((*key).to_owned(), Value::from(value.as_str()))).collect()
}

fn message(kind: &str, names: &Names) -> Dictionary {
    let mut keys = named(names);
    put(&mut keys, "MessageType", kind);
    keys
}

/// "About to enroll."
pub(super) fn authenticate(hardware: &Hardware, names: &Names, name: &str, mdm: &MdmPayload) -> Result<Vec<u8>, Fault> {
    let mut keys = message("Authenticate", names);
    put(&mut keys, "Topic", mdm.topic.as_str());
    if hardware.platform == Platform::MacOs {
        put(&mut keys, "DeviceName", name);
        put(&mut keys, "Model", hardware.model);
        put(&mut keys, "ModelName", hardware.model_name);
    }
    if mdm.access_rights & QUERY_DEVICE != 0 {
        put(&mut keys, "OSVersion", hardware.os_version);
        put(&mut keys, "BuildVersion", hardware.build);
        put(&mut keys, "ProductName", hardware.product);
        if hardware.enrollment_id.is_none() {
            put(&mut keys, "SerialNumber", hardware.serial.as_str());
            if let Some(imei) = &hardware.imei {
                put(&mut keys, "IMEI", imei.as_str());
            }
        }
    }
    xml(keys)
}

/// What wakes a channel.
pub(super) struct Wake<'a> {
    pub(super) token: &'a [u8],
    pub(super) magic: &'a str,
    pub(super) unlock_token: Option<&'a [u8]>,
    pub(super) awaiting: bool,
}

/// "Push to me here from now on." `user`: on whose channel.
pub(super) fn token_update(
    hardware: &Hardware,
    names: &Names,
    user: Option<&User>,
    mdm: &MdmPayload,
    wake: &Wake<'_>,
) -> Result<Vec<u8>, Fault> {
    let mac = hardware.platform == Platform::MacOs;
    let mut keys = message("TokenUpdate", names);
    put(&mut keys, "Topic", mdm.topic.as_str());
    put(&mut keys, "Token", Value::Data(wake.token.to_vec()));
    put(&mut keys, "PushMagic", wake.magic);
    if user.is_none() || !mac {
        put(&mut keys, "AwaitingConfiguration", wake.awaiting);
    }
    // tokenupdate.yaml takes the key away from iOS, visionOS and watchOS, and from a Mac's own channel; not from tvOS.
    if (user.is_some() && mac) || hardware.platform == Platform::TvOs {
        put(&mut keys, "NotOnConsole", false);
    }
    if let Some(unlock) = wake.unlock_token {
        put(&mut keys, "UnlockToken", Value::Data(unlock.to_vec()));
    }
    xml(keys)
}

/// Whether this device hands over an UnlockToken: iPhone and iPad of one person, when the server may remove the passcode; never
/// in a user enrollment (Apple schema: tokenupdate.yaml).
pub(super) fn has_unlock_token(hardware: &Hardware, mdm: &MdmPayload) -> bool {
    hardware.platform.is_ios_family()
        && !hardware.shared
        && hardware.enrollment_id.is_none()
        && mdm.access_rights & LOCK != 0
}

/// "I am leaving."
pub(super) fn check_out(names: &Names, mdm: &MdmPayload) -> Result<Vec<u8>, Fault> {
    let mut keys = message("CheckOut", names);
    put(&mut keys, "Topic", mdm.topic.as_str());
    xml(keys)
}

/// A message with these keys beside the names.
pub(super) fn asking(
    kind: &str,
    names: &Names,
    others: impl IntoIterator<Item = (&'static str, Value)>,
) -> Result<Vec<u8>, Fault> {
    let mut keys = message(kind, names);
    others.into_iter().for_each(|(key, value)| put(&mut keys, key, value));
    xml(keys)
}

/// "Is there anything to do?"
pub(super) fn idle(hardware: &Hardware, names: &Names) -> Result<Vec<u8>, Fault> {
    let mut keys = named(names);
    put(&mut keys, "Status", "Idle");
    if hardware.platform == Platform::MacOs && names.len() > 1 {
        put(&mut keys, "NotOnConsole", false);
    }
    xml(keys)
}
