//! Which commands hold secrets, and which of those somebody will need again.

use super::Command;
use crate::fields::text;
use crate::secret::{Secret, SecretText};
use plist::{Dictionary, Value};

/// Keys of commands, with a type of their own or without one such as `SetFirmwarePassword`, that are secrets.
const SECRET_KEYS: [&str; 8] = [
    "PIN",
    "Password",
    "CurrentPassword",
    "NewPassword",
    "passwordHash",
    "UnlockToken",
    "RedemptionCode",
    "FileVaultUnlock",
];

impl Command {
    /// What an admin will need after the device has carried the command out: its name, and the secret. A Mac that was
    /// locked or erased asks for the PIN; recoveryOS and firmware ask for their password. An empty one takes a password away.
    #[must_use]
    pub fn secret_to_keep(&self) -> Option<(&'static str, SecretText)> {
        let (name, key) = match self.request_type() {
            "DeviceLock" | "EraseDevice" => ("pin", "PIN"),
            "SetRecoveryLock" => ("recovery_lock_password", "NewPassword"),
            "SetFirmwarePassword" => ("firmware_password", "NewPassword"),
            _ => return None,
        };
        text(&self.to_dictionary(), key).map(|secret| (name, Secret::new(secret)))
    }

    /// Whether the command holds a secret short enough to be guessed from a hash of the command.
    #[must_use]
    pub fn holds_short_secret(&self) -> bool {
        let keys = self.to_dictionary();
        keys.iter().any(|(key, value)| SECRET_KEYS.contains(&key.as_str()) && !is_empty(value))
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_string().is_some_and(str::is_empty) || value.as_dictionary().is_some_and(Dictionary::is_empty)
}
