//! Structures that are read and written key by key from one description, so that the two directions cannot differ.
//!
//! Reading is as lenient as in `fields`: an optional key of another type than expected counts as absent; what a structure
//! cannot do without makes it unreadable, with the key's name.

use crate::fields::{WireError, text_of};
use crate::ids::BundleId;
use crate::secret::Secret;
use plist::{Date, Dictionary, Value};

/// One value of a property list.
pub(crate) trait Item: Sized {
    fn from_value(value: &Value) -> Option<Self>;
    fn to_value(&self) -> Value;
}

/// One key of a dictionary.
pub(crate) trait Field: Sized {
    /// `None` where the structure cannot be without it.
    fn take(keys: &Dictionary, key: &str) -> Option<Self>;
    fn store(&self, keys: &mut Dictionary, key: &str);
}

impl Item for String {
    fn from_value(value: &Value) -> Option<Self> {
        text_of(value)
    }
    fn to_value(&self) -> Value {
        Value::String(self.clone())
    }
}

impl Item for bool {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Boolean(flag) => Some(*flag),
            Value::Integer(number) => number.as_signed().map(|number| number != 0),
            _ => None,
        }
    }
    fn to_value(&self) -> Value {
        Value::Boolean(*self)
    }
}

impl Item for i64 {
    fn from_value(value: &Value) -> Option<Self> {
        value.as_signed_integer()
    }
    fn to_value(&self) -> Value {
        Value::from(*self)
    }
}

/// A whole number is a real number too.
impl Item for f64 {
    fn from_value(value: &Value) -> Option<Self> {
        let whole = || value.as_signed_integer().and_then(|number| i32::try_from(number).ok()).map(Self::from);
        value.as_real().or_else(whole)
    }
    fn to_value(&self) -> Value {
        Value::Real(*self)
    }
}

impl Item for Vec<u8> {
    fn from_value(value: &Value) -> Option<Self> {
        value.as_data().map(<[u8]>::to_vec)
    }
    fn to_value(&self) -> Value {
        Value::Data(self.clone())
    }
}

impl Item for Date {
    fn from_value(value: &Value) -> Option<Self> {
        value.as_date()
    }
    fn to_value(&self) -> Value {
        Value::Date(*self)
    }
}

impl Item for Dictionary {
    fn from_value(value: &Value) -> Option<Self> {
        value.as_dictionary().cloned()
    }
    fn to_value(&self) -> Value {
        Value::Dictionary(self.clone())
    }
}

impl Item for BundleId {
    fn from_value(value: &Value) -> Option<Self> {
        Self::new(text_of(value)?).ok()
    }
    fn to_value(&self) -> Value {
        Value::String(self.as_str().to_owned())
    }
}

impl<T: Item> Item for Secret<T> {
    fn from_value(value: &Value) -> Option<Self> {
        T::from_value(value).map(Self::new)
    }
    fn to_value(&self) -> Value {
        self.reveal().to_value()
    }
}

/// Keys that must be there.
macro_rules! required {
    ($($type:ty),* $(,)?) => {$(
        impl $crate::wire::Field for $type {
            fn take(keys: &plist::Dictionary, key: &str) -> Option<Self> {
                keys.get(key).and_then(<Self as $crate::wire::Item>::from_value)
            }
            fn store(&self, keys: &mut plist::Dictionary, key: &str) {
                keys.insert(key.to_owned(), $crate::wire::Item::to_value(self));
            }
        }
    )*};
}
pub(crate) use required;

required!(String, bool, i64, f64, Vec<u8>, Dictionary, BundleId, Secret<String>, Secret<Vec<u8>>);

/// Keys that may be there.
impl<T: Item> Field for Option<T> {
    fn take(keys: &Dictionary, key: &str) -> Option<Self> {
        Some(keys.get(key).and_then(T::from_value))
    }
    fn store(&self, keys: &mut Dictionary, key: &str) {
        if let Some(value) = self {
            keys.insert(key.to_owned(), value.to_value());
        }
    }
}

/// Lists; an empty one is left out, and elements that cannot be read are passed over.
impl<T: Item> Field for Vec<T> {
    fn take(keys: &Dictionary, key: &str) -> Option<Self> {
        let items = keys.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Some(items.iter().filter_map(T::from_value).collect())
    }
    fn store(&self, keys: &mut Dictionary, key: &str) {
        if !self.is_empty() {
            keys.insert(key.to_owned(), Value::Array(self.iter().map(T::to_value).collect()));
        }
    }
}

/// A list that must be there, even if it is empty.
pub(crate) fn list<T: Item>(keys: &Dictionary, message: &'static str, key: &'static str) -> Result<Vec<T>, WireError> {
    let items = keys.get(key).and_then(Value::as_array).ok_or(WireError::Missing { message, key })?;
    Ok(items.iter().filter_map(T::from_value).collect())
}

/// Writes such a list.
pub(crate) fn put_list<T: Item>(keys: &mut Dictionary, key: &str, items: &[T]) {
    keys.insert(key.to_owned(), Value::Array(items.iter().map(T::to_value).collect()));
}

/// A structure: its fields, and the key of each.
macro_rules! structure {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty = $key:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name { $($(#[$field_meta])* pub $field: $type),* }

        impl $name {
            /// Adds its keys.
            pub(crate) fn write(&self, keys: &mut plist::Dictionary) {
                $($crate::wire::Field::store(&self.$field, keys, $key);)*
            }

            /// Reads its keys.
            pub(crate) fn read(keys: &plist::Dictionary) -> Result<Self, $crate::fields::WireError> {
                let message = stringify!($name);
                Ok(Self { $($field: $crate::wire::Field::take(keys, $key)
                    .ok_or($crate::fields::WireError::Missing { message, key: $key })?),* })
            }
        }

        impl $crate::wire::Item for $name {
            fn from_value(value: &plist::Value) -> Option<Self> {
                Self::read(value.as_dictionary()?).ok()
            }
            fn to_value(&self) -> plist::Value {
                let mut keys = plist::Dictionary::new();
                self.write(&mut keys);
                plist::Value::Dictionary(keys)
            }
        }

        $crate::wire::required!($name);
    };
}
pub(crate) use structure;

/// A choice among Apple's words (or numbers).
macro_rules! choice {
    ($(#[$meta:meta])* pub enum $name:ident: $wire:ty { $($(#[$variant_meta:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_meta])* $variant),* }

        impl $crate::wire::Item for $name {
            fn from_value(value: &plist::Value) -> Option<Self> {
                let word = <$wire as $crate::wire::Item>::from_value(value)?;
                $(if word == $word { return Some(Self::$variant); })*
                None
            }
            fn to_value(&self) -> plist::Value {
                match self { $(Self::$variant => plist::Value::from($word)),* }
            }
        }

        $crate::wire::required!($name);
    };
}
pub(crate) use choice;
