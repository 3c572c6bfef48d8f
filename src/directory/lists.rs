//! Lists that devices give of themselves: apps, certificates, profiles, users. Each is replaced as a set, in the transaction of
//! the answer that brought it; a row that did not change is not written again.
//!
//! Everything in them was chosen by the device or its user: hostile text, bounded here in length and number. What is beyond the
//! bounds is left out, and how much that was is kept beside the list.

use crate::ids::DeviceId;
use russet_protocol::Timestamp;
use russet_protocol::plist;
use russet_store::{Row, StoreError, Tx, Value};
use std::collections::BTreeMap;

/// The longest text that is kept, in characters.
pub const LONGEST_TEXT: usize = 500;

/// One column of an entry.
pub(super) trait Cell: Sized {
    /// Whether it is a moment.
    const IS_MOMENT: bool = false;
    fn value(&self) -> Value<'_>;
    fn read(row: &Row, column: &str) -> Result<Self, StoreError>;
}

macro_rules! cells {
    ($($type:ty: |$self:ident| $value:expr, $reader:ident;)*) => {$(
        impl Cell for $type {
            fn value(&self) -> Value<'_> {
                let $self = self;
                $value
            }
            fn read(row: &Row, column: &str) -> Result<Self, StoreError> {
                row.$reader(column)
            }
        }
    )*};
}

cells! {
    Option<String>: |text| text.as_deref().into(), opt_text;
    Option<i64>: |number| (*number).into(), opt_int;
    Option<bool>: |flag| (*flag).into(), opt_flag;
    String: |text| text.into(), text;
    i64: |number| (*number).into(), int;
    bool: |flag| (*flag).into(), flag;
}

impl Cell for Option<Timestamp> {
    const IS_MOMENT: bool = true;
    fn value(&self) -> Value<'_> {
        self.map(Timestamp::millis).into()
    }
    fn read(row: &Row, column: &str) -> Result<Self, StoreError> {
        Ok(row.opt_int(column)?.map(Timestamp))
    }
}

/// One entry of a list: a row of its table, found by the device and one key.
pub trait Entry: Sized + PartialEq + serde::Serialize {
    /// What the list is called in `device_list`.
    const LIST: &'static str;
    /// The most entries that are kept of one device.
    const MOST: usize;
    /// All of a device.
    const ALL: &'static str;
    /// A page of a device, in the order of the key.
    const PAGE: &'static str;
    /// Writes entries, over those with the same key.
    const PUT: &'static str;
    /// Forgets entries by their keys.
    const DROP: &'static str;
    /// Forgets all of a device.
    const FORGET: &'static str;
    /// Its columns behind the key, and which of them are moments.
    const COLUMNS: &'static [(&'static str, bool)];
    /// What tells it apart on its device.
    fn key(&self) -> &str;
    /// Its columns behind the device, the key first.
    fn values(&self) -> Vec<Value<'_>>;
    /// From a row.
    ///
    /// # Errors
    /// Where a column is not what it was.
    fn read(row: &Row) -> Result<Self, StoreError>;
}

/// An entry and its statements, all from one description.
macro_rules! listed {
    (
        $(#[$meta:meta])*
        pub struct $name:ident in $table:literal, list $list:literal, most $most:literal {
            $(#[$key_meta:meta])*
            key $key:ident,
            $($(#[$field_meta:meta])* $field:ident: $type:ty,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
        pub struct $name {
            $(#[$key_meta])*
            pub $key: String,
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl $crate::directory::lists::Entry for $name {
            const LIST: &'static str = $list;
            const MOST: usize = $most;
            const ALL: &'static str = concat!(
                "SELECT ", stringify!($key), $(", ", stringify!($field),)* " FROM ", $table, " WHERE device_id = $1"
            );
            const PAGE: &'static str = concat!(
                "SELECT ", stringify!($key), $(", ", stringify!($field),)* " FROM ", $table,
                " WHERE device_id = $1 AND ", stringify!($key), " > $2 ORDER BY ", stringify!($key), " LIMIT $3"
            );
            const PUT: &'static str = concat!(
                "INSERT INTO ", $table, " (device_id, ", stringify!($key), $(", ", stringify!($field),)* ") VALUES {rows}",
                " ON CONFLICT (device_id, ", stringify!($key), ") DO UPDATE SET ",
                $(stringify!($field), " = excluded.", stringify!($field), ", ",)*
                stringify!($key), " = excluded.", stringify!($key)
            );
            const DROP: &'static str =
                concat!("DELETE FROM ", $table, " WHERE device_id = $1 AND ", stringify!($key), " IN ({list})");
            const FORGET: &'static str = concat!("DELETE FROM ", $table, " WHERE device_id = $1");
            const COLUMNS: &'static [(&'static str, bool)] =
                &[$((stringify!($field), <$type as $crate::directory::lists::Cell>::IS_MOMENT),)*];

            fn key(&self) -> &str {
                &self.$key
            }

            fn values(&self) -> Vec<russet_store::Value<'_>> {
                use $crate::directory::lists::Cell as _;
                vec![self.$key.value(), $(self.$field.value(),)*]
            }

            fn read(row: &russet_store::Row) -> Result<Self, russet_store::StoreError> {
                use $crate::directory::lists::Cell as _;
                Ok(Self {
                    $key: String::read(row, stringify!($key))?,
                    $($field: <$type>::read(row, stringify!($field))?,)*
                })
            }
        }
    };
}
pub(super) use listed;

/// Puts a whole list in the place of the one before. Of two entries with one key the last one counts.
pub(super) async fn replace<E: Entry>(
    tx: &mut dyn Tx,
    device: DeviceId,
    entries: impl IntoIterator<Item = E>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (id, mut left_out) = (device.text(), 0_i64);
    let mut wanted: BTreeMap<String, E> = BTreeMap::new();
    for entry in entries {
        if wanted.len() < E::MOST || wanted.contains_key(entry.key()) {
            wanted.insert(entry.key().to_owned(), entry);
        } else {
            left_out = left_out.saturating_add(1);
        }
    }
    let rows = tx.rows(E::ALL, &[(&id).into()]).await?;
    let known: Vec<E> = rows.iter().map(E::read).collect::<Result<_, _>>()?;
    let known: BTreeMap<&str, &E> = known.iter().map(|entry| (entry.key(), entry)).collect();
    let gone: Vec<Value<'_>> =
        known.keys().filter(|key| !wanted.contains_key(**key)).map(|key| (*key).into()).collect();
    tx.run_in(E::DROP, &[(&id).into()], &gone).await?;
    let changed = wanted.values().filter(|entry| known.get(entry.key()) != Some(entry));
    let changed: Vec<Vec<Value<'_>>> =
        changed.map(|entry| std::iter::once(Value::from(&id)).chain(entry.values()).collect()).collect();
    tx.many(E::PUT, &changed).await?;
    if left_out > 0 {
        tracing::warn!(%device, list = E::LIST, left_out, "a device named more than is kept of one device");
    }
    tx.run(
        "INSERT INTO device_list (device_id, list, seen_at, left_out) VALUES ($1, $2, $3, $4)
         ON CONFLICT (device_id, list) DO UPDATE SET seen_at = excluded.seen_at, left_out = excluded.left_out",
        &[(&id).into(), E::LIST.into(), now.millis().into(), left_out.into()],
    )
    .await?;
    Ok(())
}

/// Nothing is known of this list from now on.
pub(super) async fn forget<E: Entry>(tx: &mut dyn Tx, device: DeviceId) -> Result<(), StoreError> {
    let id = device.text();
    tx.run(E::FORGET, &[(&id).into()]).await?;
    tx.run("DELETE FROM device_list WHERE device_id = $1 AND list = $2", &[(&id).into(), E::LIST.into()]).await?;
    Ok(())
}

/// A page of a device's list, in the order of the entries' keys, after `after`.
///
/// # Errors
/// Where the store fails.
pub async fn page<E: Entry>(tx: &mut dyn Tx, device: DeviceId, after: &str, limit: u32) -> Result<Vec<E>, StoreError> {
    tx.rows(E::PAGE, &[(&device.text()).into(), after.into(), limit.into()]).await?.iter().map(E::read).collect()
}

/// When a device last gave a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// When.
    pub at: Timestamp,
    /// How many entries were left out, as there were more than are kept.
    pub left_out: u64,
}

/// When a device last gave this list; `None`: it never did.
///
/// # Errors
/// Where the store fails.
pub async fn last_listed<E: Entry>(tx: &mut dyn Tx, device: DeviceId) -> Result<Option<Listed>, StoreError> {
    let sql = "SELECT seen_at, left_out FROM device_list WHERE device_id = $1 AND list = $2";
    let Some(row) = tx.optional(sql, &[(&device.text()).into(), E::LIST.into()]).await? else { return Ok(None) };
    let left_out = u64::try_from(row.int("left_out")?).unwrap_or(0);
    Ok(Some(Listed { at: Timestamp(row.int("seen_at")?), left_out }))
}

/// A text of a device, bounded; without NUL, for which PostgreSQL has no form.
pub(super) fn bounded(text: &str) -> String {
    text.chars().filter(|letter| *letter != '\0').take(LONGEST_TEXT).collect()
}

/// The same, of a text that may be missing.
pub(super) fn some_bounded(text: Option<&str>) -> Option<String> {
    text.map(bounded)
}

/// A text among keys that no type knows.
pub(super) fn text_in(keys: &plist::Dictionary, key: &str) -> Option<String> {
    some_bounded(keys.get(key)?.as_string())
}

/// A truth value among keys that no type knows.
pub(super) fn flag_in(keys: &plist::Dictionary, key: &str) -> Option<bool> {
    keys.get(key)?.as_boolean()
}

/// A whole number among keys that no type knows.
pub(super) fn int_in(keys: &plist::Dictionary, key: &str) -> Option<i64> {
    keys.get(key)?.as_signed_integer()
}

/// A date of a property list.
pub(super) fn moment(date: plist::Date) -> Timestamp {
    let time = std::time::SystemTime::from(date);
    let millis = |gap: std::time::Duration| i64::try_from(gap.as_millis()).unwrap_or(i64::MAX);
    Timestamp(match time.duration_since(std::time::UNIX_EPOCH) {
        Ok(after) => millis(after),
        Err(before) => millis(before.duration()).saturating_neg(),
    })
}
