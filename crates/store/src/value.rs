//! The four kinds of values that both databases hold alike. NULLs carry their kind: PostgreSQL refuses an untyped one.

/// A value bound to a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// True or false: INTEGER on SQLite, BOOLEAN on PostgreSQL.
    Flag(Option<bool>),
    /// A number: INTEGER on SQLite, BIGINT on PostgreSQL. Times are epoch milliseconds.
    Int(Option<i64>),
    /// UTF-8 text. NUL is left out: hostile messages carry it, and PostgreSQL has no form for it.
    Text(Option<&'a str>),
    /// Bytes: BLOB on SQLite, BYTEA on PostgreSQL.
    Bytes(Option<&'a [u8]>),
}

macro_rules! from {
    ($($kind:ident: $type:ty, |$value:ident| $to:expr;)*) => {$(
        impl<'a> From<$type> for Value<'a> {
            fn from($value: $type) -> Self {
                Self::$kind($to)
            }
        }
        impl<'a> From<Option<$type>> for Value<'a> {
            fn from(value: Option<$type>) -> Self {
                Self::$kind(value.and_then(|$value| $to))
            }
        }
    )*};
}

from! {
    Flag: bool, |value| Some(value);
    Int: i64, |value| Some(value);
    Int: u32, |value| Some(i64::from(value));
    Text: &'a str, |value| Some(value);
    Text: &'a String, |value| Some(value.as_str());
    Bytes: &'a [u8], |value| Some(value);
    Bytes: &'a Vec<u8>, |value| Some(value.as_slice());
}

impl<'a, const N: usize> From<&'a [u8; N]> for Value<'a> {
    fn from(value: &'a [u8; N]) -> Self {
        Self::Bytes(Some(value.as_slice()))
    }
}
