//! Commands as people write them: Apple's keys, held to the type of the command. Reading from the wire is lenient, since
//! devices decide what they make of a key; what a person wrote and would be lost on the way is refused by name instead.

use super::{Command, SettingsItem};
use crate::fields::{Put, WireError};
use plist::{Dictionary, Value};

/// The optional key that every command has. Source: Apple docs, Commands and Queries.
const TETHER: &str = "RequestRequiresNetworkTether";

/// Why keys make no command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrittenError {
    /// Something is missing or no identifier.
    #[error(transparent)]
    Unreadable(#[from] WireError),
    /// A key that the command does not have, or a value of another kind than the key has.
    #[error("{command} has no key {key}, or the key has another kind of value")]
    Stray {
        /// `RequestType`.
        command: String,
        /// The key, with those around it.
        key: String,
    },
    /// An item of `Settings` that is not known, or lacks what it needs.
    #[error(
        "the setting {0} is not known here, or lacks a key that it needs; as a property list it can be sent as it is"
    )]
    Setting(String),
}

impl Command {
    /// The command of this request type with these keys of Apple's. One that has no type of its own is taken as it is.
    ///
    /// # Errors
    /// What is missing, has another kind of value, or is no key of this command.
    pub fn from_written(request_type: &str, keys: &Dictionary) -> Result<Self, WrittenError> {
        let mut whole = Dictionary::new();
        whole.put("RequestType", request_type);
        whole.put_rest(keys);
        let typed = Self::from_dictionary(&whole)?;
        if let Self::Settings { items } = &typed
            && let Some(SettingsItem::Other { item, .. }) =
                items.iter().find(|item| matches!(item, SettingsItem::Other { .. }))
        {
            return Err(WrittenError::Setting(item.clone()));
        }
        let sent = typed.to_dictionary();
        for (key, value) in keys.iter().filter(|(key, _)| *key != TETHER) {
            if let Some(key) = lost(key, value, sent.get(key)) {
                return Err(WrittenError::Stray { command: request_type.to_owned(), key });
            }
        }
        match keys.get(TETHER) {
            Some(Value::Boolean(_)) => {
                let mut keys = sent;
                keys.remove("RequestType");
                keys.insert(TETHER.to_owned(), whole.get(TETHER).cloned().unwrap_or(Value::Boolean(false)));
                Ok(Self::Raw { request_type: request_type.to_owned(), keys })
            }
            Some(_) => Err(WrittenError::Stray { command: request_type.to_owned(), key: TETHER.to_owned() }),
            None => Ok(typed),
        }
    }
}

/// The first part of what was written that would not be sent: its place. Saying nothing, `false` or an empty list, is the
/// same as leaving the key out.
fn lost(place: &str, written: &Value, sent: Option<&Value>) -> Option<String> {
    match (written, sent) {
        (Value::Boolean(false), None) => None,
        (Value::Array(items), None) if items.is_empty() => None,
        (Value::Dictionary(written), Some(Value::Dictionary(sent))) => {
            written.iter().find_map(|(key, value)| lost(&format!("{place}.{key}"), value, sent.get(key)))
        }
        (Value::Array(written), Some(Value::Array(sent))) if written.len() == sent.len() => written
            .iter()
            .zip(sent)
            .enumerate()
            .find_map(|(at, (written, sent))| lost(&format!("{place}[{at}]"), written, Some(sent))),
        // A whole number is written like an integer.
        (Value::Integer(written), Some(Value::Real(sent))) => {
            let same = written.as_signed().is_some_and(|whole| whole.to_string() == format!("{sent:.0}"));
            (!same).then(|| place.to_owned())
        }
        (written, Some(sent)) if written == sent => None,
        _ => Some(place.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(list: &[(&str, Value)]) -> Dictionary {
        list.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
    }

    fn said(request_type: &str, list: &[(&str, Value)]) -> String {
        match Command::from_written(request_type, &keys(list)) {
            Ok(command) => format!("{command:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_would_be_lost_is_refused_by_name() {
        let wifi = keys(&[("Enabled", true.into()), ("WiFi", "x".into())]);
        let setting = |item: &str, key: &str, value: Value| {
            ("Settings", Value::Array(vec![Value::Dictionary(keys(&[("Item", item.into()), (key, value)]))]))
        };
        for (request_type, list, expected) in [
            ("EraseDevice", vec![("Pin", Value::from("123456"))], "EraseDevice has no key Pin,"),
            ("EraseDevice", vec![("PIN", Value::from(123_456))], "EraseDevice has no key PIN,"),
            ("EraseDevice", vec![("ObliterationBehavior", "Never".into())], "no key ObliterationBehavior,"),
            ("EraseDevice", vec![("ReturnToService", Value::Dictionary(wifi))], "no key ReturnToService.WiFi,"),
            ("ShutDownDevice", vec![("Now", true.into())], "ShutDownDevice has no key Now,"),
            ("DeviceInformation", vec![("Queries", Value::Array(vec!["A".into(), 5.into()]))], "no key Queries"),
            ("RemoveProfile", vec![], "Identifier"),
            ("SetRecoveryLock", vec![], "NewPassword"),
            ("InstallProfile", vec![("Payload", "text".into())], "Payload"),
            ("Settings", vec![setting("Bluetooth", "Enable", true.into())], "the setting Bluetooth"),
            ("Settings", vec![setting("Coffee", "Enabled", true.into())], "the setting Coffee"),
            ("Settings", vec![setting("Bluetooth", "Enabled", true.into())], r#"Settings{"Settings"}"#),
            ("ShutDownDevice", vec![(TETHER, "yes".into())], TETHER),
            ("ShutDownDevice", vec![(TETHER, true.into())], r#"ShutDownDevice{"RequestRequiresNetworkTether"}"#),
            ("ProfileList", vec![("ManagedOnly", false.into())], "ProfileList{}"),
            ("MakeCoffee", vec![("Sugar", 2.into())], r#"MakeCoffee{"Sugar"}"#),
        ] {
            let said = said(request_type, &list);
            assert!(said.contains(expected), "{request_type}: {said}");
        }
    }
}
