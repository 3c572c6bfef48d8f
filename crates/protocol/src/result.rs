//! What devices answer to commands. Source: Apple schema, `mdm/commands/*.yaml` (response keys); Apple docs, Sending
//! MDM commands to a device.
//!
//! A [`Report`] is the envelope: who, which command, what came of it. The answer inside is read by the request type
//! that the server remembers for the CommandUUID, never guessed. Nothing here is refused for being odd: an unknown
//! `Status` or state is kept as its text.

mod acts;
mod answer;
mod apps;
mod device;
mod glimpse;
mod inventory;
mod state;

pub use acts::{
    AppAttributesEntry, AppConfiguration, AppFeedback, DeviceLockAnswer, InviteToProgramAnswer, Location,
    MirroringAnswer, RecoveryLockAnswer, RotateFileVaultKeyAnswer, RotateResult,
};
pub use answer::Answer;
pub use apps::{
    InstallApplicationAnswer, InstalledApp, InstalledApplicationList, ManagedApplication, ManagedApplicationList,
};
pub use device::{
    DeviceInformation, InstalledPayload, InstalledProfile, ManagementStatus, ProfileList, SecurityInfo, SettingResult,
    SettingsAnswer,
};
pub use glimpse::glimpse;
pub use inventory::{
    DeviceUser, InstalledCertificate, OsUpdate, OsUpdateProgress, ProvisioningProfile, ServiceSubscription,
};
pub use state::AppState;

use crate::checkin::Sender;
use crate::fields::{Put, WireError, dictionaries, int, rest, text, top_level};
use crate::guard::Limits;
use crate::ids::CommandUuid;
use crate::xml;
use plist::{Dictionary, Value};

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Status {
    /// Nothing to report; ready for a command.
    Idle,
    /// Done, or for some commands only accepted.
    Acknowledged,
    /// Failed; see the error chain.
    Error,
    /// Malformed or unknown to the device; never to be sent again unchanged.
    CommandFormatError,
    /// Cannot at the moment; the server has to send it again.
    NotNow,
    /// A status nobody documents.
    Unknown(String),
}

impl Status {
    /// The value on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Idle => "Idle",
            Self::Acknowledged => "Acknowledged",
            Self::Error => "Error",
            Self::CommandFormatError => "CommandFormatError",
            Self::NotNow => "NotNow",
            Self::Unknown(text) => text,
        }
    }

    /// Reads the value on the wire.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "Idle" => Self::Idle,
            "Acknowledged" => Self::Acknowledged,
            "Error" => Self::Error,
            "CommandFormatError" => Self::CommandFormatError,
            "NotNow" => Self::NotNow,
            other => Self::Unknown(other.to_owned()),
        }
    }
}

/// One link of an error chain. Codes and domains change between releases: they choose waits and words, never truth.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ErrorChainItem {
    /// `ErrorCode`.
    pub code: i64,
    /// `ErrorDomain`.
    pub domain: String,
    /// `LocalizedDescription`, in the language of the device.
    pub localized: String,
    /// `USEnglishDescription`.
    pub english: Option<String>,
}

impl ErrorChainItem {
    fn read(keys: &Dictionary) -> Self {
        Self {
            code: int(keys, "ErrorCode").unwrap_or(0),
            domain: text(keys, "ErrorDomain").unwrap_or_default(),
            localized: text(keys, "LocalizedDescription").unwrap_or_default(),
            english: text(keys, "USEnglishDescription"),
        }
    }

    fn to_value(&self) -> Value {
        let mut keys = Dictionary::new();
        keys.put("ErrorCode", self.code);
        keys.put("ErrorDomain", self.domain.as_str());
        keys.put("LocalizedDescription", self.localized.as_str());
        keys.put_some("USEnglishDescription", self.english.as_deref());
        Value::Dictionary(keys)
    }
}

pub(crate) fn read_chain(keys: &Dictionary) -> Vec<ErrorChainItem> {
    dictionaries(keys, "ErrorChain").into_iter().map(ErrorChainItem::read).collect()
}

pub(crate) fn write_chain(keys: &mut Dictionary, chain: &[ErrorChainItem]) {
    if !chain.is_empty() {
        keys.put("ErrorChain", chain.iter().map(ErrorChainItem::to_value).collect::<Vec<_>>());
    }
}

/// One message to the server URL.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Who says so.
    pub sender: Sender,
    /// `Status`.
    pub status: Status,
    /// `CommandUUID`; absent when idle.
    pub command_uuid: Option<CommandUuid>,
    /// `ErrorChain`; empty when there is none.
    pub error_chain: Vec<ErrorChainItem>,
    /// `NotOnConsole` and everything else that stands beside the envelope: the answer's keys, and unknown ones.
    pub keys: Dictionary,
}

const ENVELOPE: [&str; 9] = [
    "Status",
    "CommandUUID",
    "ErrorChain",
    "UDID",
    "EnrollmentID",
    "EnrollmentUserID",
    "UserID",
    "UserShortName",
    "UserLongName",
];

impl Report {
    /// Reads a report.
    ///
    /// # Errors
    /// When the body is no acceptable property list, or has no `Status`.
    pub fn decode(bytes: &[u8], limits: Limits) -> Result<Self, WireError> {
        let keys = top_level(bytes, limits)?;
        Sender::check(&keys)?;
        let missing = WireError::Missing { message: "a command result", key: "Status" };
        Ok(Self {
            sender: Sender::read(&keys),
            status: Status::parse(&text(&keys, "Status").ok_or(missing)?),
            command_uuid: text(&keys, "CommandUUID").and_then(|uuid| CommandUuid::new(uuid).ok()),
            error_chain: read_chain(&keys),
            keys: rest(&keys, &ENVELOPE),
        })
    }

    /// Writes the report as a device sends it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut keys = Dictionary::new();
        self.sender.write(&mut keys);
        keys.put("Status", self.status.as_str());
        keys.put_some("CommandUUID", self.command_uuid.as_ref().map(CommandUuid::as_str));
        write_chain(&mut keys, &self.error_chain);
        keys.put_rest(&self.keys);
        xml::encode_dictionary(keys)
    }

    /// Nothing to report.
    #[must_use]
    pub fn idle(sender: Sender) -> Self {
        Self { sender, status: Status::Idle, command_uuid: None, error_chain: Vec::new(), keys: Dictionary::new() }
    }

    /// A command was done (or accepted), with this answer.
    #[must_use]
    pub fn acknowledged(sender: Sender, uuid: CommandUuid, answer: &Answer) -> Self {
        let keys = answer.to_keys();
        Self { sender, status: Status::Acknowledged, command_uuid: Some(uuid), error_chain: Vec::new(), keys }
    }

    /// A command failed. Some answers stand beside an error too: `RejectionReason` of `InstallApplication`.
    #[must_use]
    pub fn failed(sender: Sender, uuid: CommandUuid, error_chain: Vec<ErrorChainItem>, answer: &Answer) -> Self {
        let keys = answer.to_keys();
        Self { sender, status: Status::Error, command_uuid: Some(uuid), error_chain, keys }
    }

    /// Not now.
    #[must_use]
    pub fn not_now(sender: Sender, uuid: CommandUuid) -> Self {
        let status = Status::NotNow;
        Self { sender, status, command_uuid: Some(uuid), error_chain: Vec::new(), keys: Dictionary::new() }
    }
}

#[cfg(test)]
mod tests;
