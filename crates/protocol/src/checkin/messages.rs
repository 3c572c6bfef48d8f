//! The bodies of the check-in messages, key by key. Source: Apple schema, `mdm/checkin/*.yaml`.

use super::sender::{SENDER_KEYS, Sender};
use crate::fields::{Put, WireError, data, dictionary, flag, rest, text};
use crate::ids::{PushMagic, PushToken, SerialNumber, Topic};
use crate::xml;
use plist::Dictionary;

fn others(keys: &Dictionary, known: &[&str]) -> Dictionary {
    let mut all = vec!["MessageType"];
    all.extend(SENDER_KEYS);
    all.extend(known);
    rest(keys, &all)
}

/// The device is about to enroll: at first, again, or after its enrollment profile was replaced.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Authenticate {
    /// Who speaks.
    pub sender: Sender,
    /// `Topic`, the push topic of the enrollment profile.
    pub topic: Option<Topic>,
    /// `DeviceName` (Macs).
    pub device_name: Option<String>,
    /// `Model`, a part number (Macs).
    pub model: Option<String>,
    /// `ModelName`, in words (Macs).
    pub model_name: Option<String>,
    /// `OSVersion`.
    pub os_version: Option<String>,
    /// `BuildVersion`.
    pub build_version: Option<String>,
    /// `ProductName`, such as `iPhone17,2`.
    pub product_name: Option<String>,
    /// `SerialNumber`; never in a user enrollment.
    pub serial_number: Option<SerialNumber>,
    /// `IMEI`; never in a user enrollment.
    pub imei: Option<String>,
    /// `MEID`; never in a user enrollment.
    pub meid: Option<String>,
    /// Keys that this type does not know.
    pub other: Dictionary,
}

const AUTHENTICATE: [&str; 10] = [
    "Topic",
    "DeviceName",
    "Model",
    "ModelName",
    "OSVersion",
    "BuildVersion",
    "ProductName",
    "SerialNumber",
    "IMEI",
    "MEID",
];

impl Authenticate {
    pub(super) fn read(keys: &Dictionary) -> Self {
        Self {
            sender: Sender::read(keys),
            topic: text(keys, "Topic").and_then(|topic| Topic::new(topic).ok()),
            device_name: text(keys, "DeviceName"),
            model: text(keys, "Model"),
            model_name: text(keys, "ModelName"),
            os_version: text(keys, "OSVersion"),
            build_version: text(keys, "BuildVersion"),
            product_name: text(keys, "ProductName"),
            serial_number: text(keys, "SerialNumber").and_then(|serial| SerialNumber::normalized(&serial).ok()),
            imei: text(keys, "IMEI"),
            meid: text(keys, "MEID"),
            other: others(keys, &AUTHENTICATE),
        }
    }

    pub(super) fn write(&self, keys: &mut Dictionary) {
        keys.put_some("Topic", self.topic.as_ref().map(Topic::as_str));
        keys.put_some("DeviceName", self.device_name.as_deref());
        keys.put_some("Model", self.model.as_deref());
        keys.put_some("ModelName", self.model_name.as_deref());
        keys.put_some("OSVersion", self.os_version.as_deref());
        keys.put_some("BuildVersion", self.build_version.as_deref());
        keys.put_some("ProductName", self.product_name.as_deref());
        keys.put_some("SerialNumber", self.serial_number.as_ref().map(SerialNumber::as_str));
        keys.put_some("IMEI", self.imei.as_deref());
        keys.put_some("MEID", self.meid.as_deref());
        keys.put_rest(&self.other);
    }
}

/// How a channel can be woken. The first one completes the enrollment; a later one without `UnlockToken` leaves the
/// stored one valid.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenUpdate {
    /// Who speaks.
    pub sender: Sender,
    /// `Topic`.
    pub topic: Topic,
    /// `Token`.
    pub token: PushToken,
    /// `PushMagic`. A secret.
    pub push_magic: PushMagic,
    /// `UnlockToken`. A secret.
    pub unlock_token: Option<Vec<u8>>,
    /// `AwaitingConfiguration`: the device waits in Setup Assistant for `DeviceConfigured`.
    pub awaiting_configuration: Option<bool>,
    /// `NotOnConsole` (a Mac's user).
    pub not_on_console: Option<bool>,
    /// Keys that this type does not know.
    pub other: Dictionary,
}

const TOKEN_UPDATE: [&str; 6] = ["Topic", "Token", "PushMagic", "UnlockToken", "AwaitingConfiguration", "NotOnConsole"];

impl TokenUpdate {
    pub(super) fn read(keys: &Dictionary) -> Result<Self, WireError> {
        let missing = |key| WireError::Missing { message: "TokenUpdate", key };
        Ok(Self {
            sender: Sender::read(keys),
            topic: Topic::new(text(keys, "Topic").ok_or_else(|| missing("Topic"))?)?,
            token: PushToken::new(data(keys, "Token").ok_or_else(|| missing("Token"))?)?,
            push_magic: PushMagic::new(text(keys, "PushMagic").ok_or_else(|| missing("PushMagic"))?)?,
            unlock_token: data(keys, "UnlockToken"),
            awaiting_configuration: flag(keys, "AwaitingConfiguration"),
            not_on_console: flag(keys, "NotOnConsole"),
            other: others(keys, &TOKEN_UPDATE),
        })
    }

    pub(super) fn write(&self, keys: &mut Dictionary) {
        keys.put("Topic", self.topic.as_str());
        keys.put("Token", plist::Value::Data(self.token.as_bytes().to_vec()));
        keys.put("PushMagic", self.push_magic.as_str());
        keys.put_some("UnlockToken", self.unlock_token.clone().map(plist::Value::Data));
        keys.put_some("AwaitingConfiguration", self.awaiting_configuration);
        keys.put_some("NotOnConsole", self.not_on_console);
        keys.put_rest(&self.other);
    }
}

macro_rules! message {
    (
        $(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty = $key:literal $how:ident),* $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct $name {
            /// Who speaks.
            pub sender: Sender,
            $($(#[$field_doc])* pub $field: Option<$type>,)*
            /// Keys that this type does not know.
            pub other: Dictionary,
        }

        impl $name {
            pub(super) fn read(keys: &Dictionary) -> Self {
                Self {
                    sender: Sender::read(keys),
                    $($field: $how(keys, $key),)*
                    other: others(keys, &[$($key),*]),
                }
            }

            pub(super) fn write(&self, keys: &mut Dictionary) {
                $(keys.put_some($key, self.$field.clone().map(Wire::into_wire));)*
                keys.put_rest(&self.other);
            }
        }
    };
}

/// The three kinds of values that simple messages carry.
trait Wire {
    fn into_wire(self) -> plist::Value;
}

impl Wire for String {
    fn into_wire(self) -> plist::Value {
        plist::Value::String(self)
    }
}

impl Wire for bool {
    fn into_wire(self) -> plist::Value {
        plist::Value::Boolean(self)
    }
}

impl Wire for Vec<u8> {
    fn into_wire(self) -> plist::Value {
        plist::Value::Data(self)
    }
}

message!(
    /// The enrollment is over.
    CheckOut {
        /// `Topic`.
        topic: String = "Topic" text,
    }
);
message!(
    /// A network or mobile user of a Mac logs in; the second time with the digest of the challenge.
    UserAuthenticate {
        /// `DigestResponse`. A secret.
        digest_response: String = "DigestResponse" text,
    }
);
message!(
    /// Asks for the stored bootstrap token.
    GetBootstrapToken {
        /// `AwaitingConfiguration`.
        awaiting_configuration: bool = "AwaitingConfiguration" flag,
    }
);
message!(
    /// Stores the bootstrap token; absent or empty, the stored one is to be deleted.
    SetBootstrapToken {
        /// `BootstrapToken`. A secret.
        bootstrap_token: Vec<u8> = "BootstrapToken" data,
        /// `AwaitingConfiguration`.
        awaiting_configuration: bool = "AwaitingConfiguration" flag,
    }
);
message!(
    /// Asks what an erased device needs to set itself up again.
    ReturnToService {}
);

/// Asks for the token of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct GetToken {
    /// Who speaks.
    pub sender: Sender,
    /// `TokenServiceType`, such as `com.apple.maid`.
    pub service: String,
    /// `TokenParameters`, by service.
    pub parameters: Option<Dictionary>,
    /// Keys that this type does not know.
    pub other: Dictionary,
}

impl GetToken {
    pub(super) fn read(keys: &Dictionary) -> Result<Self, WireError> {
        let missing = WireError::Missing { message: "GetToken", key: "TokenServiceType" };
        Ok(Self {
            sender: Sender::read(keys),
            service: text(keys, "TokenServiceType").ok_or(missing)?,
            parameters: dictionary(keys, "TokenParameters").cloned(),
            other: others(keys, &["TokenServiceType", "TokenParameters"]),
        })
    }

    pub(super) fn write(&self, keys: &mut Dictionary) {
        keys.put("TokenServiceType", self.service.as_str());
        keys.put_some("TokenParameters", self.parameters.clone());
        keys.put_rest(&self.other);
    }
}

/// Speaks about declarations.
#[derive(Debug, Clone, PartialEq)]
pub struct DeclarativeManagement {
    /// Who speaks.
    pub sender: Sender,
    /// `Endpoint`: `tokens`, `declaration-items`, `status` or `declaration/…`.
    pub endpoint: String,
    /// `Data`: JSON.
    pub data: Option<Vec<u8>>,
    /// Keys that this type does not know.
    pub other: Dictionary,
}

impl DeclarativeManagement {
    pub(super) fn read(keys: &Dictionary) -> Result<Self, WireError> {
        let missing = WireError::Missing { message: "DeclarativeManagement", key: "Endpoint" };
        Ok(Self {
            sender: Sender::read(keys),
            endpoint: text(keys, "Endpoint").ok_or(missing)?,
            data: data(keys, "Data"),
            other: others(keys, &["Endpoint", "Data"]),
        })
    }

    pub(super) fn write(&self, keys: &mut Dictionary) {
        keys.put("Endpoint", self.endpoint.as_str());
        keys.put_some("Data", self.data.clone().map(plist::Value::Data));
        keys.put_rest(&self.other);
    }
}

/// The answer to [`GetBootstrapToken`]: an empty dictionary when nothing is stored.
#[must_use]
pub fn bootstrap_token_answer(token: Option<&[u8]>) -> Vec<u8> {
    let mut keys = Dictionary::new();
    keys.put_some("BootstrapToken", token.map(|token| plist::Value::Data(token.to_vec())));
    xml::encode_dictionary(keys)
}
