//! Reading and writing dictionaries by key. Reading is lenient: a key of another type than expected counts as absent,
//! since an odd message of a device must not block its queue; what a message cannot do without is asked for by name.

use plist::{Dictionary, Value};

/// Why a well-formed property list is not the message it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The bytes are no acceptable property list.
    #[error(transparent)]
    Refused(#[from] crate::guard::PlistRefused),
    /// The top level is no dictionary.
    #[error("the property list's top level is no dictionary")]
    NotADictionary,
    /// A key is missing, or of a type that cannot be read.
    #[error("the key {key} is missing or unreadable in {message}")]
    Missing {
        /// Which message was being read.
        message: &'static str,
        /// Its key.
        key: &'static str,
    },
    /// An identifier that cannot be one.
    #[error(transparent)]
    InvalidId(#[from] crate::ids::InvalidId),
    /// A key that has no place where it stands.
    #[error("the key {0:?} does not belong beside Command and CommandUUID")]
    Stray(String),
    /// A `MessageType` nobody documents.
    #[error("MessageType \"{0}\" is not known")]
    UnknownMessageType(String),
}

/// Without NUL, which no Apple system writes, a hostile binary list can carry, and PostgreSQL has no form for.
pub(crate) fn text(from: &Dictionary, key: &str) -> Option<String> {
    from.get(key).and_then(text_of)
}

/// The same, of a value.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    value.as_string().map(|text| text.replace('\0', ""))
}

pub(crate) fn flag(from: &Dictionary, key: &str) -> Option<bool> {
    match from.get(key)? {
        Value::Boolean(flag) => Some(*flag),
        Value::Integer(number) => number.as_signed().map(|number| number != 0),
        _ => None,
    }
}

pub(crate) fn int(from: &Dictionary, key: &str) -> Option<i64> {
    from.get(key).and_then(Value::as_signed_integer)
}

pub(crate) fn data(from: &Dictionary, key: &str) -> Option<Vec<u8>> {
    from.get(key).and_then(Value::as_data).map(<[u8]>::to_vec)
}

pub(crate) fn dictionary<'a>(from: &'a Dictionary, key: &str) -> Option<&'a Dictionary> {
    from.get(key).and_then(Value::as_dictionary)
}

pub(crate) fn dictionaries<'a>(from: &'a Dictionary, key: &str) -> Vec<&'a Dictionary> {
    let items = from.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_dictionary).collect()
}

/// `None` when the key is absent; otherwise its texts.
pub(crate) fn texts(from: &Dictionary, key: &str) -> Option<Vec<String>> {
    let items = from.get(key).and_then(Value::as_array)?;
    Some(items.iter().filter_map(Value::as_string).map(|text| text.replace('\0', "")).collect())
}

/// Keys that are set only where there is something to say.
pub(crate) trait Put {
    fn put(&mut self, key: &str, value: impl Into<Value>);
    fn put_some<V: Into<Value>>(&mut self, key: &str, value: Option<V>);
    fn put_texts<T: AsRef<str>>(&mut self, key: &str, values: &[T]);
    /// Adds keys that are not there yet.
    fn put_rest(&mut self, rest: &Dictionary);
}

impl Put for Dictionary {
    fn put(&mut self, key: &str, value: impl Into<Value>) {
        self.insert(key.to_owned(), value.into());
    }

    fn put_some<V: Into<Value>>(&mut self, key: &str, value: Option<V>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }

    fn put_texts<T: AsRef<str>>(&mut self, key: &str, values: &[T]) {
        let items = values.iter().map(|text| Value::String(text.as_ref().to_owned())).collect();
        self.put(key, Value::Array(items));
    }

    fn put_rest(&mut self, rest: &Dictionary) {
        for (key, value) in rest {
            if !self.contains_key(key) {
                self.insert(key.clone(), value.clone());
            }
        }
    }
}

/// The entries of `from` whose keys are not in `known`.
pub(crate) fn rest(from: &Dictionary, known: &[&str]) -> Dictionary {
    from.iter().filter(|(key, _)| !known.contains(&key.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect()
}

pub(crate) fn top_level(bytes: &[u8], limits: crate::guard::Limits) -> Result<Dictionary, WireError> {
    crate::guard::parse(bytes, limits)?.into_dictionary().ok_or(WireError::NotADictionary)
}
