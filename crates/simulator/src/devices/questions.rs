//! What a device asks its server outside of commands: bootstrap tokens, tokens of services, how to come back after it was
//! erased (Apple schema: setbootstraptoken.yaml, getbootstraptoken.yaml, gettoken.yaml, returntoservice.yaml).

use super::channel::Channel;
use super::device::Device;
use super::fault::Doing;
use super::http::Answer;
use super::view::HeardView;
use plist::{Dictionary, Value};
use std::collections::BTreeMap;

/// A question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// A Mac hands over its bootstrap token.
    SetBootstrapToken,
    /// A Mac takes its bootstrap token back: the server is to delete it.
    DropBootstrapToken,
    /// A Mac asks for its bootstrap token.
    GetBootstrapToken,
    /// A token to sign in to a Managed Apple Account.
    GetMaidToken,
    /// A token to pair a watch.
    GetWatchToken,
    /// How to set itself up after it was erased.
    ReturnToService,
    /// Whether declarations changed, without being told to look.
    Declarations,
}

impl Question {
    fn message_type(self) -> &'static str {
        match self {
            Self::SetBootstrapToken | Self::DropBootstrapToken => "SetBootstrapToken",
            Self::GetBootstrapToken => "GetBootstrapToken",
            Self::GetMaidToken | Self::GetWatchToken => "GetToken",
            Self::ReturnToService => "ReturnToService",
            Self::Declarations => "DeclarativeManagement",
        }
    }
}

impl Device {
    /// Asks, and keeps what was heard.
    pub(super) async fn ask(&self, question: Question) {
        let Some(enrollment) = self.state().enrollment.clone() else { return };
        if question == Question::Declarations {
            return self.synchronize(Channel::Device, None).await;
        }
        let keys = match self.keys_of(question) {
            Ok(keys) => keys,
            Err(fault) => return self.change(|state| state.last_error = Some(fault.to_string())),
        };
        match self.say(&enrollment, Channel::Device, question.message_type(), keys).await {
            Ok(answer) => self.change(|state| {
                let refused = !answer.status.is_success();
                match question {
                    // Kept by the server, so not kept here alone.
                    Question::DropBootstrapToken => state.bootstrap_token = None,
                    Question::SetBootstrapToken if refused => state.bootstrap_token = None,
                    _ => {}
                }
                state.heard.push(heard(question, &answer));
            }),
            Err(fault) => self.change(|state| state.last_error = Some(fault.to_string())),
        }
    }

    fn keys_of(&self, question: Question) -> Result<Vec<(&'static str, Value)>, super::fault::Fault> {
        let awaiting = ("AwaitingConfiguration", Value::from(self.state().awaiting));
        Ok(match question {
            Question::SetBootstrapToken => {
                let mut token = vec![0; 64];
                openssl::rand::rand_bytes(&mut token).doing("making a bootstrap token")?;
                self.change(|state| state.bootstrap_token = Some(token.clone()));
                vec![("BootstrapToken", Value::Data(token)), awaiting]
            }
            Question::DropBootstrapToken => vec![("BootstrapToken", Value::Data(Vec::new())), awaiting],
            Question::GetBootstrapToken => vec![awaiting],
            Question::GetMaidToken => vec![("TokenServiceType", "com.apple.maid".into())],
            Question::GetWatchToken => {
                let parameters = [
                    ("SecurityToken".to_owned(), Value::from(super::channel::upper_uuid())),
                    ("PhoneUDID".to_owned(), self.hardware.udid.as_str().into()),
                    ("WatchUDID".to_owned(), super::channel::upper_uuid().into()),
                ];
                let parameters = Value::Dictionary(parameters.into_iter().collect());
                vec![("TokenServiceType", "com.apple.watch.pairing".into()), ("TokenParameters", parameters)]
            }
            Question::ReturnToService | Question::Declarations => vec![],
        })
    }
}

fn heard(question: Question, answer: &Answer) -> HeardView {
    let keys = plist::from_bytes::<Dictionary>(&answer.body).unwrap_or_default();
    let mut told = BTreeMap::new();
    for (key, value) in &keys {
        tell(&mut told, key, value);
    }
    HeardView { question: question.message_type().to_owned(), status: answer.status.as_u16(), answer: told }
}

/// A key as text; the keys of dictionaries joined by dots.
pub(super) fn tell(told: &mut BTreeMap<String, String>, key: &str, value: &Value) {
    match value {
        Value::Dictionary(inner) => {
            inner.iter().for_each(|(name, value)| tell(told, &format!("{key}.{name}"), value));
        }
        Value::Data(bytes) => drop(told.insert(key.to_owned(), format!("{} bytes", bytes.len()))),
        Value::String(text) => drop(told.insert(key.to_owned(), text.clone())),
        Value::Boolean(flag) => drop(told.insert(key.to_owned(), flag.to_string())),
        Value::Integer(number) => drop(told.insert(key.to_owned(), number.to_string())),
        other => drop(told.insert(key.to_owned(), format!("{other:?}"))),
    }
}
