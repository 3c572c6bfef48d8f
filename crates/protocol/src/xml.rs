//! Writing property lists: XML, the same bytes for the same values on every machine.
//!
//! Keys keep the order in which they were set. Nothing is ever put together as text.

use plist::{Dictionary, Value, XmlWriteOptions};

/// Writes a list as XML, indented by tabs as Apple writes it.
///
/// Control characters that XML has no form for are left out, a keyed archiver's UID becomes an integer: both can only
/// stem from configuration that an admin pasted, and a device would refuse the whole list for them.
#[must_use]
pub fn encode(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    let clean = cleaned(value);
    // Writing to memory fails only for values that `cleaned` has just replaced.
    let written = clean.to_writer_xml_with_options(&mut bytes, &XmlWriteOptions::default());
    debug_assert!(written.is_ok(), "a cleaned value is always writable");
    bytes
}

/// As [`encode`], for a dictionary.
#[must_use]
pub fn encode_dictionary(dictionary: Dictionary) -> Vec<u8> {
    encode(&Value::Dictionary(dictionary))
}

fn cleaned(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(clean_text(text)),
        Value::Array(items) => Value::Array(items.iter().map(cleaned).collect()),
        Value::Dictionary(entries) => {
            Value::Dictionary(entries.iter().map(|(key, value)| (clean_text(key), cleaned(value))).collect())
        }
        Value::Uid(uid) => Value::Integer(uid.get().into()),
        other => other.clone(),
    }
}

fn clean_text(text: &str) -> String {
    text.chars().filter(|c| writable(*c)).collect()
}

/// XML 1.0 has no form for most control characters, nor for the two non-characters of the basic plane.
fn writable(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r') || !(c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}'))
}
