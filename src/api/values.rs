//! Property lists as JSON, for orders in Apple's keys and for what devices answered. What JSON has no form for is an object with
//! one key: `{"$data": BASE64}` and `{"$date": RFC 3339}`.
//!
//! Must never show a secret of an answer: recovery keys, tokens, bypass codes, passwords. Bounded, since a device may answer with
//! megabytes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use russet_protocol::plist::{Date, Dictionary, Value as Plist};
use serde_json::{Map, Number, Value, json};
use std::time::SystemTime;

/// Most bytes of one data value, and of one text, that are shown.
const LONGEST: usize = 16 * 1024;
/// Most values of one answer that are shown.
const MOST: usize = 20_000;
/// How deep orders may be nested.
const DEEPEST: usize = 32;
/// What stands for what is not shown.
const SECRET: &str = "[secret]";

/// Keys, in lower case, that hold secrets wherever they stand: these, and those that end with one of the words below.
/// Source: Apple schema, response keys of `mdm/commands/*.yaml`.
const SECRETS: [&str; 9] = [
    "unlocktoken",
    "bootstraptoken",
    "activationlockbypasscode",
    "encryptednewrecoverykey",
    "fde_personalrecoverykeycms",
    "pin",
    "challenge",
    "pushmagic",
    "token",
];
const SECRET_ENDINGS: [&str; 4] = ["password", "passcode", "recoverykey", "bypasscode"];

/// The keys of an order.
///
/// # Errors
/// What has no form in a property list, and where it stands.
pub(super) fn keys(object: Map<String, Value>) -> Result<Dictionary, String> {
    object.into_iter().map(|(key, value)| plist(value, &key, 0).map(|value| (key, value))).collect()
}

fn plist(value: Value, place: &str, depth: usize) -> Result<Plist, String> {
    if depth > DEEPEST {
        return Err(format!("`{place}` is nested too deeply."));
    }
    Ok(match value {
        Value::Null => return Err(format!("`{place}` is null: a property list has no such value; leave the key out.")),
        Value::Bool(flag) => Plist::Boolean(flag),
        Value::Number(number) => numeral(&number).ok_or_else(|| format!("`{place}` is a number out of range."))?,
        Value::String(text) => Plist::String(text),
        Value::Array(items) => {
            let item = |(at, item)| plist(item, &format!("{place}[{at}]"), depth + 1);
            Plist::Array(items.into_iter().enumerate().map(item).collect::<Result<_, _>>()?)
        }
        Value::Object(object) => match wrapped(&object) {
            Some(("$data", text)) => {
                let data = STANDARD.decode(text.trim());
                Plist::Data(
                    data.map_err(|_| format!("`{place}` has data that is no base64 (RFC 4648, with padding)."))?,
                )
            }
            Some(("$date", text)) => {
                let moment: Result<jiff::Timestamp, _> = text.parse();
                let moment =
                    moment.map_err(|_| format!("`{place}` has a moment that is not in the form of RFC 3339."))?;
                Plist::Date(Date::from(SystemTime::from(moment)))
            }
            _ => {
                let pair = |(key, value)| {
                    let value = plist(value, &format!("{place}.{key}"), depth + 1)?;
                    Ok::<_, String>((key, value))
                };
                Plist::Dictionary(object.into_iter().map(pair).collect::<Result<_, _>>()?)
            }
        },
    })
}

fn numeral(number: &Number) -> Option<Plist> {
    let whole = number.as_i64().map(Plist::from).or_else(|| number.as_u64().map(Plist::from));
    whole.or_else(|| number.as_f64().map(Plist::Real))
}

/// The key and text of an object that stands for data or a moment.
fn wrapped(object: &Map<String, Value>) -> Option<(&str, &str)> {
    let mut pairs = object.iter();
    let (Some((key, Value::String(text))), None) = (pairs.next(), pairs.next()) else { return None };
    key.starts_with('$').then_some((key.as_str(), text.as_str()))
}

/// An answer as it is shown, and whether something was left out because there was too much of it.
pub(super) fn shown(keys: &Dictionary) -> (Value, bool) {
    let mut room = Room { left: MOST, cut: false };
    let value = room.dictionary(keys);
    (value, room.cut)
}

/// How much may still be shown.
struct Room {
    left: usize,
    cut: bool,
}

impl Room {
    fn dictionary(&mut self, keys: &Dictionary) -> Value {
        let mut object = Map::new();
        for (key, value) in keys {
            if !self.take() {
                break;
            }
            let value =
                if is_secret(key) && !matches!(value, Plist::Boolean(_)) { json!(SECRET) } else { self.value(value) };
            object.insert(key.clone(), value);
        }
        Value::Object(object)
    }

    fn value(&mut self, value: &Plist) -> Value {
        match value {
            Plist::Dictionary(keys) => self.dictionary(keys),
            Plist::Array(items) => {
                let mut shown = Vec::new();
                for item in items {
                    if !self.take() {
                        break;
                    }
                    shown.push(self.value(item));
                }
                Value::Array(shown)
            }
            Plist::Boolean(flag) => json!(flag),
            Plist::Integer(number) => {
                let whole = number.as_signed().map(Value::from).or_else(|| number.as_unsigned().map(Value::from));
                whole.unwrap_or(Value::Null)
            }
            Plist::Real(number) => json!(number),
            Plist::String(text) if text.len() > LONGEST => {
                self.cut = true;
                let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
                json!(text.get(..end))
            }
            Plist::String(text) => json!(text),
            Plist::Data(bytes) if bytes.len() > LONGEST => {
                self.cut = true;
                json!({ "$data_bytes": bytes.len() })
            }
            Plist::Data(bytes) => json!({ "$data": STANDARD.encode(bytes) }),
            Plist::Date(date) => json!({ "$date": date.to_xml_format() }),
            Plist::Uid(uid) => json!(uid.get()),
            _ => Value::Null,
        }
    }

    fn take(&mut self) -> bool {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                true
            }
            None => {
                self.cut = true;
                false
            }
        }
    }
}

fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    SECRETS.contains(&key.as_str()) || SECRET_ENDINGS.iter().any(|ending| key.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn an_order_goes_there_and_back() {
        let order = json!({
            "Flag": true, "Number": -5, "Large": u64::MAX, "Share": 0.5, "Text": "a", "List": [1, { "Inner": "x" }],
            "Bytes": { "$data": "AAEC" }, "Moment": { "$date": "2026-11-21T08:00:00Z" }, "Object": { "$other": 1 },
        });
        let keys = keys(object(&order)).unwrap();
        assert_eq!(keys.get("Bytes").and_then(Plist::as_data), Some(&[0, 1, 2][..]));
        assert!(matches!(keys.get("Moment"), Some(Plist::Date(_))));
        assert_eq!(shown(&keys), (order, false));
    }

    #[test]
    fn what_a_property_list_cannot_hold_is_refused_by_its_place() {
        let mut deep = json!("x");
        for _ in 0..40 {
            deep = json!([deep]);
        }
        for (order, expected) in [
            (json!({ "A": { "B": [null] } }), "`A.B[0]` is null"),
            (json!({ "A": { "$data": "???" } }), "`A` has data that is no base64"),
            (json!({ "A": { "$date": "tomorrow" } }), "`A` has a moment"),
            (json!({ "A": deep }), "nested too deeply"),
        ] {
            let refused = keys(object(&order)).unwrap_err();
            assert!(refused.contains(expected), "{refused}");
        }
    }

    #[test]
    fn secrets_are_hidden_and_much_is_cut() {
        let mut inner = Dictionary::new();
        inner.insert("EncryptedNewRecoveryKey".into(), Plist::Data(vec![1]));
        inner.insert("PersonalRecoveryKey".into(), "AAAA".into());
        inner.insert("PasscodePresent".into(), true.into());
        inner.insert("IsPasscode".into(), true.into());
        let mut keys = Dictionary::new();
        keys.insert("RotateResult".into(), Plist::Dictionary(inner));
        keys.insert("UnlockToken".into(), Plist::Data(vec![2]));
        keys.insert("Icon".into(), Plist::Data(vec![0; LONGEST + 1]));
        keys.insert("Name".into(), "é".repeat(LONGEST).into());
        let (told, cut) = shown(&keys);
        assert!(cut);
        assert_eq!(told["RotateResult"]["EncryptedNewRecoveryKey"], SECRET);
        assert_eq!(told["RotateResult"]["PersonalRecoveryKey"], SECRET);
        assert_eq!(
            (&told["RotateResult"]["PasscodePresent"], &told["RotateResult"]["IsPasscode"]),
            (&json!(true), &json!(true))
        );
        assert_eq!((&told["UnlockToken"], &told["Icon"]), (&json!(SECRET), &json!({ "$data_bytes": LONGEST + 1 })));
        assert_eq!(told["Name"].as_str().unwrap().len(), LONGEST);
        let many: Dictionary = (0..MOST + 5).map(|n| (n.to_string(), Plist::from(true))).collect();
        let (told, cut) = shown(&many);
        assert!(cut && told.as_object().unwrap().len() <= MOST);
    }
}
