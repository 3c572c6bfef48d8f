//! Check-in messages: what a device says outside of commands. Source: Apple schema, `mdm/checkin/*.yaml`.
//!
//! Every documented message decodes and encodes (simulated devices send them). Keys that nobody documents are kept in
//! `other`. Only a body that is no property list, and an unknown `MessageType`, are refused.

mod messages;
mod sender;

pub use messages::{
    Authenticate, CheckOut, DeclarativeManagement, GetBootstrapToken, GetToken, ReturnToService, SetBootstrapToken,
    TokenUpdate, UserAuthenticate, bootstrap_token_answer,
};
pub use sender::{ChannelKind, SHARED_IPAD_USER_ID, Sender};

use crate::fields::{Put, WireError, text, top_level};
use crate::guard::Limits;
use crate::xml;
use plist::Dictionary;

/// One check-in message.
#[derive(Debug, Clone, PartialEq)]
pub enum CheckIn {
    /// The device is about to enroll.
    Authenticate(Authenticate),
    /// How the device, or one of its users, can be woken.
    TokenUpdate(TokenUpdate),
    /// The enrollment is over. Best effort: it may never come.
    CheckOut(CheckOut),
    /// A network user of a Mac logs in.
    UserAuthenticate(UserAuthenticate),
    /// Asks for the stored bootstrap token.
    GetBootstrapToken(GetBootstrapToken),
    /// Stores, or without a token deletes, the bootstrap token.
    SetBootstrapToken(SetBootstrapToken),
    /// Asks for a service's token.
    GetToken(GetToken),
    /// Asks what an erased device needs to come back by itself.
    ReturnToService(ReturnToService),
    /// Speaks about declarations.
    DeclarativeManagement(DeclarativeManagement),
}

impl CheckIn {
    /// Reads a message.
    ///
    /// # Errors
    /// When the body is no acceptable property list, its `MessageType` is missing or unknown, or a key is missing
    /// without which the message says nothing.
    pub fn decode(bytes: &[u8], limits: Limits) -> Result<Self, WireError> {
        Self::read(&top_level(bytes, limits)?)
    }

    fn read(keys: &Dictionary) -> Result<Self, WireError> {
        Sender::check(keys)?;
        let missing = WireError::Missing { message: "a check-in message", key: "MessageType" };
        let kind = text(keys, "MessageType").ok_or(missing)?;
        Ok(match kind.as_str() {
            "Authenticate" => Self::Authenticate(Authenticate::read(keys)),
            "TokenUpdate" => Self::TokenUpdate(TokenUpdate::read(keys)?),
            "CheckOut" => Self::CheckOut(CheckOut::read(keys)),
            "UserAuthenticate" => Self::UserAuthenticate(UserAuthenticate::read(keys)),
            "GetBootstrapToken" => Self::GetBootstrapToken(GetBootstrapToken::read(keys)),
            "SetBootstrapToken" => Self::SetBootstrapToken(SetBootstrapToken::read(keys)),
            "GetToken" => Self::GetToken(GetToken::read(keys)?),
            "ReturnToService" => Self::ReturnToService(ReturnToService::read(keys)),
            "DeclarativeManagement" => Self::DeclarativeManagement(DeclarativeManagement::read(keys)?),
            _ => return Err(WireError::UnknownMessageType(crate::guard::excerpt(&kind))),
        })
    }

    /// Writes the message as a device sends it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut keys = Dictionary::new();
        keys.put("MessageType", self.message_type());
        self.sender().write(&mut keys);
        match self {
            Self::Authenticate(message) => message.write(&mut keys),
            Self::TokenUpdate(message) => message.write(&mut keys),
            Self::CheckOut(message) => message.write(&mut keys),
            Self::UserAuthenticate(message) => message.write(&mut keys),
            Self::GetBootstrapToken(message) => message.write(&mut keys),
            Self::SetBootstrapToken(message) => message.write(&mut keys),
            Self::GetToken(message) => message.write(&mut keys),
            Self::ReturnToService(message) => message.write(&mut keys),
            Self::DeclarativeManagement(message) => message.write(&mut keys),
        }
        xml::encode_dictionary(keys)
    }

    /// Who speaks.
    #[must_use]
    pub fn sender(&self) -> &Sender {
        match self {
            Self::Authenticate(message) => &message.sender,
            Self::TokenUpdate(message) => &message.sender,
            Self::CheckOut(message) => &message.sender,
            Self::UserAuthenticate(message) => &message.sender,
            Self::GetBootstrapToken(message) => &message.sender,
            Self::SetBootstrapToken(message) => &message.sender,
            Self::GetToken(message) => &message.sender,
            Self::ReturnToService(message) => &message.sender,
            Self::DeclarativeManagement(message) => &message.sender,
        }
    }

    /// The value of `MessageType`.
    #[must_use]
    pub fn message_type(&self) -> &'static str {
        match self {
            Self::Authenticate(_) => "Authenticate",
            Self::TokenUpdate(_) => "TokenUpdate",
            Self::CheckOut(_) => "CheckOut",
            Self::UserAuthenticate(_) => "UserAuthenticate",
            Self::GetBootstrapToken(_) => "GetBootstrapToken",
            Self::SetBootstrapToken(_) => "SetBootstrapToken",
            Self::GetToken(_) => "GetToken",
            Self::ReturnToService(_) => "ReturnToService",
            Self::DeclarativeManagement(_) => "DeclarativeManagement",
        }
    }
}

#[cfg(test)]
mod tests;
