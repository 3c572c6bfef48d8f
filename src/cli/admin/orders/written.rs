//! `russet admin devices command …`: any command, by Apple's keys or as a property list.

use super::super::connection::{read, read_text};
use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// What the help ends with.
pub(super) const HELP: &str = "\
The names are Apple's, as its documentation of MDM commands has them; dots lead into dictionaries. What the device
cannot do is refused at once, with the reason. What the server knows is filled in: the PIN of a Mac (a random one),
the UnlockToken of ClearPasscode, the passwords of SetRecoveryLock and VerifyRecoveryLock.

Examples:
  russet admin devices command Mia InstallProfile --data Payload=wifi.mobileconfig
  russet admin devices command Mia RemoveProfile --text Identifier=com.example.wifi --yes
  russet admin devices command Mia Settings --value 'Settings=[{\"Item\": \"Bluetooth\", \"Enabled\": false}]'
  russet admin devices command Mia EraseDevice --value ReturnToService.Enabled=true
  russet admin devices command Mia SetRecoveryLock --yes
  russet admin devices command Mia VerifyRecoveryLock
  russet admin devices command Mia RotateFileVaultKey --text KeyType=personal --keys unlock.json
  russet admin devices command Mia RequestMirroring --text DestinationName=Hall --expires-in-hours 1
  russet admin devices command Mia ManagedApplicationFeedback --value 'Identifiers=[\"com.example.app\"]' --user anna
  russet admin devices command Mia --file command.plist";

/// Commands that a person should not send by a slip of the hand.
const GRAVE: [&str; 12] = [
    "EraseDevice",
    "DeviceLock",
    "ClearPasscode",
    "RestartDevice",
    "ShutDownDevice",
    "EnableLostMode",
    "RemoveProfile",
    "RemoveApplication",
    "DeleteUser",
    "SetRecoveryLock",
    "SetFirmwarePassword",
    "RotateFileVaultKey",
];

#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    /// Id, serial number, UDID or name of the device
    pub(super) device: String,
    /// The command's RequestType
    #[arg(required_unless_present = "file")]
    request_type: Option<String>,
    /// A key whose value is a text
    #[arg(long, value_name = "KEY=TEXT")]
    text: Vec<String>,
    /// A key whose value is written as JSON: true, 5, [..], {..}
    #[arg(long, value_name = "KEY=JSON")]
    value: Vec<String>,
    /// A key whose value are the bytes of a file
    #[arg(long, value_name = "KEY=FILE")]
    data: Vec<String>,
    /// A file with keys as one JSON object; data is {"$data": "BASE64"}, a moment {"$date": "RFC 3339"}
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// A whole command as a property list, sent as it is
    #[arg(long, conflicts_with_all = ["request_type", "text", "value", "data", "keys"])]
    file: Option<PathBuf>,
    /// To a user's channel: UserID or short name
    #[arg(long)]
    user: Option<String>,
    /// Only after this command has succeeded
    #[arg(long, value_name = "COMMANDUUID")]
    after: Option<String>,
    /// Not delivered any more after so many hours
    #[arg(long, value_name = "HOURS")]
    expires_in_hours: Option<u64>,
    /// Behind what the server does for single devices
    #[arg(long)]
    bulk: bool,
    /// Do not ask
    #[arg(long)]
    pub(super) yes: bool,
}

impl Args {
    /// What to ask before it is sent, if anything: the question goes on with the device's name.
    pub(super) fn question(&self) -> Option<String> {
        match &self.request_type {
            Some(kind) if GRAVE.contains(&kind.as_str()) => Some(format!("Send {kind} to")),
            Some(_) => None,
            // Nobody has looked into it yet.
            None => Some("Send this property list to".to_owned()),
        }
    }

    /// The body for the API.
    pub(super) fn body(&self) -> anyhow::Result<Value> {
        let mut body = match &self.file {
            Some(file) => json!({ "type": "property_list", "content": STANDARD.encode(read(file)?) }),
            None => json!({ "type": "command", "request_type": self.request_type, "keys": self.apples_keys()? }),
        };
        body["user"] = json!(self.user);
        body["after"] = json!(self.after);
        body["expires_in_seconds"] = json!(self.expires_in_hours.map(|hours| hours.saturating_mul(3600)));
        body["bulk"] = json!(self.bulk);
        Ok(body)
    }

    fn apples_keys(&self) -> anyhow::Result<Map<String, Value>> {
        let mut keys = match &self.keys {
            None => Map::new(),
            Some(file) => serde_json::from_str(&read_text(file)?)
                .with_context(|| format!("{} holds no JSON object", file.display()))?,
        };
        for pair in &self.text {
            let (key, text) = parted(pair)?;
            put(&mut keys, key, json!(text))?;
        }
        for pair in &self.value {
            let (key, text) = parted(pair)?;
            let value = serde_json::from_str(text)
                .with_context(|| format!("the value of {key} is no JSON; --text {key}=… takes a text as it is"))?;
            put(&mut keys, key, value)?;
        }
        for pair in &self.data {
            let (key, file) = parted(pair)?;
            put(&mut keys, key, json!({ "$data": STANDARD.encode(read(Path::new(file))?) }))?;
        }
        Ok(keys)
    }
}

fn parted(pair: &str) -> anyhow::Result<(&str, &str)> {
    pair.split_once('=').with_context(|| format!("{pair:?} is no KEY=VALUE"))
}

/// Puts a value where a dotted key leads.
fn put(keys: &mut Map<String, Value>, key: &str, value: Value) -> anyhow::Result<()> {
    match key.split_once('.') {
        None => {
            if keys.insert(key.to_owned(), value).is_some() {
                bail!("{key} is given twice");
            }
            Ok(())
        }
        Some((first, rest)) => {
            let inner = keys.entry(first).or_insert_with(|| json!({}));
            let inner =
                inner.as_object_mut().with_context(|| format!("{first} is given twice, as different things"))?;
            put(inner, rest, value)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn line(words: &[&str]) -> anyhow::Result<Value> {
        let words = ["command", "Mia"].iter().chain(words);
        Line::try_parse_from(words)?.args.body()
    }

    #[test]
    fn keys_are_put_together_from_the_command_line() {
        let folder = tempfile::tempdir().unwrap();
        let wifi = folder.path().join("wifi.mobileconfig");
        std::fs::write(&wifi, b"wifi").unwrap();
        let data = format!("ReturnToService.WiFiProfileData={}", wifi.display());
        let words = ["EraseDevice", "--value", "ReturnToService.Enabled=true", "--data", &data, "--text", "PIN=123456"];
        let body = line(&words).unwrap();
        let rts = json!({ "Enabled": true, "WiFiProfileData": { "$data": "d2lmaQ==" } });
        assert_eq!(body["keys"], json!({ "ReturnToService": rts, "PIN": "123456" }));
        assert_eq!((&body["type"], &body["request_type"]), (&json!("command"), &json!("EraseDevice")));
        let list = line(&["--file", wifi.to_str().unwrap(), "--user", "anna", "--expires-in-hours", "2"]).unwrap();
        assert_eq!((&list["type"], &list["content"]), (&json!("property_list"), &json!("d2lmaQ==")));
        assert_eq!((&list["user"], &list["expires_in_seconds"]), (&json!("anna"), &json!(7200)));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (words, expected) in [
            (vec!["X", "--value", "A=tru"], "--text A="),
            (vec!["X", "--text", "A"], "no KEY=VALUE"),
            (vec!["X", "--text", "A=1", "--text", "A=2"], "A is given twice"),
            (vec!["X", "--text", "A=1", "--text", "A.B=2"], "A is given twice, as different things"),
            (vec![], "REQUEST_TYPE"),
            (vec!["X", "--file", "a.plist"], "cannot be used with"),
        ] {
            let error = line(&words).unwrap_err();
            assert!(format!("{error:#}").contains(expected), "{words:?}: {error:#}");
        }
    }

    #[test]
    fn grave_commands_and_unread_lists_are_asked_about() {
        let asked = |words: &[&str]| {
            let words = ["command", "Mia"].iter().chain(words);
            Line::try_parse_from(words).unwrap().args.question()
        };
        assert_eq!(asked(&["EraseDevice"]).as_deref(), Some("Send EraseDevice to"));
        assert_eq!(asked(&["ProfileList"]), None);
        assert!(asked(&["--file", "a.plist"]).is_some());
    }
}
