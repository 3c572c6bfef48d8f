//! A whole command as another program wrote it: `Command` and `CommandUUID`, bounded and checked, its bytes kept.
//! Source: Apple docs, Commands and Queries: a command is a dictionary of these two keys.
//!
//! Must never change what the caller wrote: XML that carries its CommandUUID reaches the device byte for byte.

use super::Command;
use crate::fields::{Put, WireError, dictionary, rest, text};
use crate::guard::{Limits, parse};
use crate::ids::{CommandUuid, InvalidId};
use crate::xml;
use plist::Dictionary;
use std::fmt;

/// Longest `RequestType`, in bytes; Apple's longest has 34.
const LONGEST_REQUEST_TYPE: usize = 128;

/// A command as it was given, checked as far as every command can be: a property list within its limits, with a
/// `RequestType`, and a `CommandUUID` that is one or is missing. What the other keys say is between the caller and the device.
#[derive(Clone, PartialEq)]
pub struct GivenCommand {
    /// XML.
    bytes: Vec<u8>,
    request_type: String,
    /// The keys of `Command` beside `RequestType`, for whoever asks what the command may do and what it holds.
    keys: Dictionary,
    uuid: Option<CommandUuid>,
}

impl GivenCommand {
    /// Reads a property list, XML or binary; a binary one is written anew as XML with the same values.
    ///
    /// # Errors
    /// When the bytes break a limit, are no property list, lack `Command` or its `RequestType`, carry a `CommandUUID` that
    /// cannot be one, or have other keys beside these two.
    pub fn read(bytes: &[u8], limits: Limits) -> Result<Self, WireError> {
        let missing = |key| WireError::Missing { message: "the property list of a command", key };
        let keys = parse(bytes, limits)?.into_dictionary().ok_or(WireError::NotADictionary)?;
        let command = dictionary(&keys, "Command").ok_or_else(|| missing("Command"))?;
        let request_type = text(command, "RequestType").ok_or_else(|| missing("RequestType"))?;
        let fits = !request_type.is_empty()
            && request_type.len() <= LONGEST_REQUEST_TYPE
            && !request_type.chars().any(char::is_control);
        if !fits {
            return Err(InvalidId { what: "RequestType", problem: "is no name of a command" }.into());
        }
        let uuid = match keys.get("CommandUUID") {
            None => None,
            Some(value) => {
                let text = value.as_string().ok_or_else(|| missing("CommandUUID"))?;
                Some(CommandUuid::new(text)?)
            }
        };
        if let Some((key, _)) = rest(&keys, &["Command", "CommandUUID"]).iter().next() {
            let key = key.chars().filter(|c| !c.is_control()).take(64).collect();
            return Err(WireError::Stray(key));
        }
        let inner = rest(command, &["RequestType"]);
        let bytes = if bytes.starts_with(b"bplist") { xml::encode_dictionary(keys) } else { bytes.to_vec() };
        Ok(Self { bytes, request_type, keys: inner, uuid })
    }

    /// `RequestType`.
    #[must_use]
    pub fn request_type(&self) -> &str {
        &self.request_type
    }

    /// `CommandUUID`, where there is one.
    #[must_use]
    pub fn uuid(&self) -> Option<&CommandUuid> {
        self.uuid.as_ref()
    }

    /// The same command, with this `CommandUUID` where it had none.
    #[must_use]
    pub fn or_uuid(mut self, uuid: CommandUuid) -> Self {
        self.uuid.get_or_insert(uuid);
        self
    }

    /// The keys of `Command` beside `RequestType`.
    pub(super) fn keys(&self) -> &Dictionary {
        &self.keys
    }

    /// The bytes that are stored: as given, without a `CommandUUID` where none was given.
    pub(super) fn body(&self) -> &[u8] {
        &self.bytes
    }
}

/// Without the keys, which may hold secrets.
impl fmt::Debug for GivenCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GivenCommand").field("request_type", &self.request_type).finish_non_exhaustive()
    }
}

/// The `Command` dictionary of a stored body that is a given command; `None` where the body is a `Command` dictionary itself.
pub(super) fn inside(body: &Dictionary) -> Option<&Dictionary> {
    if body.contains_key("RequestType") { None } else { dictionary(body, "Command") }
}

/// What a device is sent of a stored given command: its own bytes where it carries this very CommandUUID.
pub(super) fn deliver(uuid: &CommandUuid, mut keys: Dictionary, body: &[u8]) -> Vec<u8> {
    if text(&keys, "CommandUUID").as_deref() == Some(uuid.as_str()) {
        return body.to_vec();
    }
    keys.put("CommandUUID", uuid.as_str());
    xml::encode_dictionary(keys)
}

impl From<GivenCommand> for Command {
    fn from(given: GivenCommand) -> Self {
        Self::Given(given)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Delivered, wrap};
    use super::*;
    use plist::Value;

    fn list(keys: &[(&str, Value)]) -> Vec<u8> {
        let keys: Dictionary = keys.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        xml::encode_dictionary(keys)
    }

    fn restart() -> Value {
        let mut command = Dictionary::new();
        command.put("RequestType", "RestartDevice");
        command.put("NotifyUser", true);
        Value::Dictionary(command)
    }

    fn read(bytes: &[u8]) -> Result<GivenCommand, WireError> {
        GivenCommand::read(bytes, Limits::for_body(bytes.len()))
    }

    #[test]
    fn bytes_with_their_own_uuid_are_delivered_as_they_came() {
        let text = String::from_utf8(list(&[("Command", restart()), ("CommandUUID", "A-1".into())])).unwrap();
        let bytes = text.replace("<dict>", "<!-- mine --><dict>\n\n").into_bytes();
        let given = read(&bytes).unwrap();
        assert_eq!((given.request_type(), given.uuid().unwrap().as_str()), ("RestartDevice", "A-1"));
        let uuid = given.uuid().unwrap().clone();
        let command = Command::from(given);
        assert_eq!(command.request_type(), "RestartDevice");
        assert_eq!(wrap(&uuid, &command.to_body()).unwrap(), bytes);
        assert_eq!(Command::from_body(&bytes).unwrap().request_type(), "RestartDevice");
    }

    #[test]
    fn a_missing_uuid_is_filled_in_and_binary_becomes_xml() {
        let mut binary = Vec::new();
        let mut keys = Dictionary::new();
        keys.put("Command", restart());
        Value::Dictionary(keys).to_writer_binary(&mut binary).unwrap();
        for bytes in [list(&[("Command", restart())]), binary] {
            let given = read(&bytes).unwrap();
            assert_eq!(given.uuid(), None);
            let uuid = CommandUuid::new("B-2").unwrap();
            let given = given.or_uuid(uuid.clone());
            assert_eq!(given.uuid(), Some(&uuid));
            let wire = wrap(&uuid, &Command::from(given).to_body()).unwrap();
            assert!(wire.starts_with(b"<?xml"));
            let delivered = Delivered::decode(&wire, Limits::default()).unwrap().unwrap();
            assert_eq!((delivered.uuid, delivered.command.request_type()), (uuid, "RestartDevice"));
        }
    }

    #[test]
    fn what_is_no_command_is_refused_by_name() {
        let uuid = |value: Value| list(&[("Command", restart()), ("CommandUUID", value)]);
        let mut long = Dictionary::new();
        long.put("RequestType", "x".repeat(129));
        for (bytes, named) in [
            (b"Command".to_vec(), "neither an XML nor a binary"),
            (list(&[]), "Command"),
            (list(&[("Command", "RestartDevice".into())]), "Command"),
            (list(&[("Command", Value::Dictionary(Dictionary::new()))]), "RequestType"),
            (list(&[("Command", Value::Dictionary(long))]), "RequestType"),
            (uuid("".into()), "CommandUUID"),
            (uuid(7.into()), "CommandUUID"),
            (uuid("x".repeat(129).into()), "CommandUUID"),
            (list(&[("Command", restart()), ("RequestType", "EraseDevice".into())]), "RequestType"),
            (xml::encode(&Value::Array(vec![restart()])), "no dictionary"),
        ] {
            let refused = read(&bytes).unwrap_err().to_string();
            assert!(refused.contains(named), "{refused}");
        }
        let large = list(&[("Command", restart())]);
        assert!(GivenCommand::read(&large, Limits::for_body(10)).is_err());
    }
}
