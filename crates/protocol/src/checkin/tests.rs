//! Check-in messages: read as devices send them, unknown keys kept, hostile ones refused.

use super::*;
use crate::ids::{PushMagic, PushToken, Topic, Udid};
use plist::Value;
use proptest::prelude::*;

fn limits() -> Limits {
    Limits::default()
}

fn sender() -> Sender {
    Sender::device(Udid::new("00008110-000A1B2C3D4E001E").unwrap())
}

fn raw(keys: &[(&str, Value)]) -> Vec<u8> {
    xml::encode_dictionary(keys.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
}

#[test]
fn unknown_keys_are_kept() {
    let bytes = raw(&[
        ("MessageType", "TokenUpdate".into()),
        ("UDID", "U".into()),
        ("Topic", "com.apple.mgmt.x".into()),
        ("Token", Value::Data(vec![1, 2])),
        ("PushMagic", "m".into()),
        ("NewInTheNextRelease", Value::Array(vec![true.into()])),
    ]);
    let message = CheckIn::decode(&bytes, limits()).unwrap();
    let CheckIn::TokenUpdate(update) = &message else { panic!("{message:?}") };
    assert_eq!(update.unlock_token, None);
    assert!(update.other.contains_key("NewInTheNextRelease"));
    assert_eq!(CheckIn::decode(&message.encode(), limits()).unwrap(), message);
}

#[test]
fn a_message_without_what_it_is_about_is_refused() {
    let unknown = raw(&[("MessageType", "Hello".into()), ("UDID", "U".into())]);
    assert_eq!(CheckIn::decode(&unknown, limits()), Err(WireError::UnknownMessageType("Hello".to_owned())));
    let silent = raw(&[("UDID", "U".into())]);
    assert!(matches!(CheckIn::decode(&silent, limits()), Err(WireError::Missing { key: "MessageType", .. })));
    let no_token = raw(&[("MessageType", "TokenUpdate".into()), ("Topic", "t".into()), ("PushMagic", "m".into())]);
    assert!(matches!(CheckIn::decode(&no_token, limits()), Err(WireError::Missing { key: "Token", .. })));
    let list = xml::encode(&Value::Array(vec![]));
    assert_eq!(CheckIn::decode(&list, limits()), Err(WireError::NotADictionary));
}

#[test]
fn a_serial_number_is_normalized_and_an_odd_one_ignored() {
    let authenticate = |serial: &str| {
        let bytes = raw(&[
            ("MessageType", "Authenticate".into()),
            ("UDID", "U".into()),
            ("Topic", "t".into()),
            ("SerialNumber", serial.into()),
        ]);
        match CheckIn::decode(&bytes, limits()) {
            Ok(CheckIn::Authenticate(message)) => message.serial_number.map(String::from),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(authenticate(" c02abc ").as_deref(), Some("C02ABC"));
    assert_eq!(authenticate(""), None);
}

#[test]
fn channels_are_told_apart() {
    assert_eq!(sender().channel(), ChannelKind::Device);
    assert_eq!(sender().user_key(), None);
    let user = Sender { user_id: Some("1D4F".to_owned()), ..sender() };
    assert_eq!((user.channel(), user.user_key()), (ChannelKind::User, Some("1D4F")));
    let shared = Sender {
        user_id: Some(SHARED_IPAD_USER_ID.to_owned()),
        user_short_name: Some("a@example.com".to_owned()),
        ..sender()
    };
    assert_eq!(shared.user_key(), Some("a@example.com"));
}

#[test]
fn the_bootstrap_token_answer_may_be_empty() {
    let read = |bytes: &[u8]| crate::guard::parse(bytes, limits()).unwrap().into_dictionary().unwrap();
    assert!(read(&bootstrap_token_answer(None)).is_empty());
    let keys = read(&bootstrap_token_answer(Some(b"secret")));
    assert_eq!(keys.get("BootstrapToken").unwrap().as_data(), Some(&b"secret"[..]));
}

fn word() -> impl Strategy<Value = String> {
    "[A-Za-z0-9&<>'\" é-]{1,20}"
}

fn any_sender() -> impl Strategy<Value = Sender> {
    (word(), proptest::option::of(word()), proptest::option::of(word())).prop_map(|(udid, user_id, short)| Sender {
        udid: Udid::new(udid).ok(),
        user_id,
        user_short_name: short,
        ..Sender::default()
    })
}

fn any_message() -> impl Strategy<Value = CheckIn> {
    let bytes = || proptest::collection::vec(0u8.., 1..200);
    (any_sender(), 0..9, word(), proptest::option::of(word()), bytes(), proptest::option::of(bytes()), any::<bool>())
        .prop_map(|(sender, kind, word, maybe, bytes, maybe_bytes, flag)| {
            let mut other = Dictionary::new();
            other.insert("Unheard Of".to_owned(), Value::from(word.clone()));
            match kind {
                0 => CheckIn::Authenticate(Authenticate {
                    sender,
                    topic: Topic::new(&word).ok(),
                    product_name: maybe.clone(),
                    device_name: Some(word),
                    imei: maybe,
                    other,
                    ..Authenticate::default()
                }),
                1 => CheckIn::TokenUpdate(TokenUpdate {
                    sender,
                    topic: Topic::new(&word).unwrap(),
                    token: PushToken::new(bytes).unwrap(),
                    push_magic: PushMagic::new(word).unwrap(),
                    unlock_token: maybe_bytes,
                    awaiting_configuration: Some(flag),
                    not_on_console: None,
                    other,
                }),
                2 => CheckIn::CheckOut(CheckOut { sender, topic: maybe, other }),
                3 => CheckIn::UserAuthenticate(UserAuthenticate { sender, digest_response: maybe, other }),
                4 => {
                    CheckIn::GetBootstrapToken(GetBootstrapToken { sender, awaiting_configuration: Some(flag), other })
                }
                5 => CheckIn::SetBootstrapToken(SetBootstrapToken {
                    sender,
                    bootstrap_token: maybe_bytes,
                    awaiting_configuration: None,
                    other,
                }),
                6 => CheckIn::GetToken(GetToken {
                    sender,
                    service: word,
                    parameters: Some(other),
                    other: Dictionary::new(),
                }),
                7 => CheckIn::ReturnToService(ReturnToService { sender, other }),
                _ => CheckIn::DeclarativeManagement(DeclarativeManagement {
                    sender,
                    endpoint: word,
                    data: maybe_bytes,
                    other,
                }),
            }
        })
}

proptest! {
    #[test]
    fn every_message_survives_the_wire(message in any_message()) {
        let bytes = message.encode();
        prop_assert_eq!(&CheckIn::decode(&bytes, limits()).unwrap(), &message);
        prop_assert_eq!(message.encode(), bytes);
    }
}

#[test]
fn odd_identifiers_are_refused_rather_than_left_out() {
    for (key, value) in [
        ("UDID", Value::from("a:b")),
        ("UDID", "a/b".into()),
        ("UDID", "a\u{0}b".into()),
        ("UDID", "a\nb".into()),
        ("UDID", "x".repeat(10_000).into()),
        ("UDID", "".into()),
        ("UDID", Value::Data(vec![1])),
        ("EnrollmentID", "../x".into()),
        ("UserID", "".into()),
        ("UserID", "x".repeat(10_000).into()),
        ("EnrollmentUserID", true.into()),
        ("UserShortName", "x\u{1b}[2J".into()),
    ] {
        let keys: Dictionary = [("MessageType", Value::from("CheckOut")), (key, value.clone())]
            .map(|(k, v)| (k.to_owned(), v))
            .into_iter()
            .collect();
        // In binary form, since XML has no way to say NUL.
        let mut bytes = Vec::new();
        Value::Dictionary(keys).to_writer_binary(&mut bytes).unwrap();
        let refused = CheckIn::decode(&bytes, limits());
        assert!(matches!(&refused, Err(WireError::InvalidId(id)) if id.what == key), "{key} {value:?}: {refused:?}");
    }
    let nobody = raw(&[("MessageType", "CheckOut".into()), ("UDID", "U".into()), ("UserShortName", "".into())]);
    assert!(CheckIn::decode(&nobody, limits()).is_ok());
}
