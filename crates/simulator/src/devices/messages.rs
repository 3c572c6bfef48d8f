//! Check-in messages and the frame of command answers, as property lists (Apple schema: authenticate.yaml,
//! tokenupdate.yaml, checkout.yaml). Typed values only, never text.

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

fn message(kind: &str, hardware: &Hardware, mdm: &MdmPayload) -> Dictionary {
    let mut keys = Dictionary::new();
    put(&mut keys, "MessageType", kind);
    put(&mut keys, "Topic", mdm.topic.as_str());
    put(&mut keys, "UDID", hardware.udid.as_str());
    keys
}

/// "About to enroll."
pub(super) fn authenticate(hardware: &Hardware, name: &str, mdm: &MdmPayload) -> Result<Vec<u8>, Fault> {
    let mut keys = message("Authenticate", hardware, mdm);
    if hardware.platform == Platform::MacOs {
        put(&mut keys, "DeviceName", name);
        put(&mut keys, "Model", hardware.model);
        put(&mut keys, "ModelName", hardware.model_name);
    }
    if mdm.access_rights & QUERY_DEVICE != 0 {
        put(&mut keys, "OSVersion", hardware.os_version);
        put(&mut keys, "BuildVersion", hardware.build);
        put(&mut keys, "ProductName", hardware.product);
        put(&mut keys, "SerialNumber", hardware.serial.as_str());
        if let Some(imei) = &hardware.imei {
            put(&mut keys, "IMEI", imei.as_str());
        }
    }
    xml(keys)
}

/// "Push to me here from now on."
pub(super) fn token_update(
    hardware: &Hardware,
    mdm: &MdmPayload,
    token: &[u8],
    magic: &str,
    unlock_token: Option<&[u8]>,
) -> Result<Vec<u8>, Fault> {
    let mut keys = message("TokenUpdate", hardware, mdm);
    put(&mut keys, "Token", Value::Data(token.to_vec()));
    put(&mut keys, "PushMagic", magic);
    put(&mut keys, "AwaitingConfiguration", false);
    if let Some(unlock) = unlock_token {
        put(&mut keys, "UnlockToken", Value::Data(unlock.to_vec()));
    }
    xml(keys)
}

/// Whether this device hands over an UnlockToken: iPhone and iPad, when the server may remove the passcode.
pub(super) fn has_unlock_token(hardware: &Hardware, mdm: &MdmPayload) -> bool {
    hardware.platform != Platform::MacOs && mdm.access_rights & LOCK != 0
}

/// "I am leaving."
pub(super) fn check_out(hardware: &Hardware, mdm: &MdmPayload) -> Result<Vec<u8>, Fault> {
    xml(message("CheckOut", hardware, mdm))
}

/// "Is there anything to do?"
pub(super) fn idle(hardware: &Hardware) -> Result<Vec<u8>, Fault> {
    let mut keys = Dictionary::new();
    put(&mut keys, "Status", "Idle");
    put(&mut keys, "UDID", hardware.udid.as_str());
    xml(keys)
}
