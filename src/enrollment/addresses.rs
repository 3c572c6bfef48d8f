//! Channels by the names that programs know them by: the UDID or EnrollmentID, for a user with `:` and the user after it.
//!
//! Such a name is compared whole. Must never take one apart: a device may have chosen either part, `:` included.

use super::identity::State;
use super::rows;
use crate::commands::ChannelKind;
use crate::ids::{ChannelId, DeviceId, EnrollmentId};
use russet_protocol::Timestamp;
use russet_store::{Row, StoreError, Tx, Value};
use std::collections::HashMap;

/// Where a program's command goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The channel.
    pub channel: ChannelId,
    /// Whose it is.
    pub kind: ChannelKind,
    /// Its device.
    pub device: DeviceId,
    /// Whether the device was asked to leave: nothing more should be sent to it.
    pub leaving: bool,
}

/// Why a name leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Astray {
    /// Nothing that is enrolled now has this name.
    #[error("no live enrollment has this id")]
    Unknown,
    /// A device chose its name so that it stands for another one too.
    #[error("more than one live enrollment claims this id; use the device's own page or API")]
    Ambiguous,
}

/// The live channels of these names; each name is answered.
///
/// # Errors
/// Where the store fails.
pub async fn find(tx: &mut dyn Tx, names: &[&str]) -> Result<HashMap<String, Result<Target, Astray>>, StoreError> {
    let list: Vec<Value<'_>> = names.iter().map(|name| (*name).into()).collect();
    let sql = "SELECT c.address, c.id AS channel, c.user_key, e.device, e.unenroll_command
               FROM channel c JOIN enrollment e ON e.id = c.enrollment
               WHERE c.address IN ({list}) AND e.state = 'live' AND e.device IS NOT NULL";
    let mut found: HashMap<String, Result<Target, Astray>> = HashMap::new();
    for row in tx.rows_in(sql, &[], &list).await? {
        let target = Target {
            channel: rows::id(&row, "channel", "channel")?,
            kind: if row.text("user_key")?.is_empty() { ChannelKind::Device } else { ChannelKind::User },
            device: rows::id(&row, "enrollment", "device")?,
            leaving: row.opt_text("unenroll_command")?.is_some(),
        };
        found.entry(row.text("address")?).and_modify(|known| *known = Err(Astray::Ambiguous)).or_insert(Ok(target));
    }
    for name in names {
        found.entry((*name).to_owned()).or_insert(Err(Astray::Unknown));
    }
    Ok(found)
}

/// Kinds of channels, as Apple's enrollment types make them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The device, in device enrollment.
    Device,
    /// A user of a Mac.
    User,
    /// The device, in a User Enrollment.
    UserEnrollmentDevice,
    /// The user of a User Enrollment.
    UserEnrollment,
    /// A user of a Shared iPad.
    SharedIpad,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Device, Self::User, Self::UserEnrollmentDevice, Self::UserEnrollment, Self::SharedIpad];

    /// One bit each, as the statement below counts them.
    fn bit(self) -> i64 {
        match self {
            Self::Device => 1,
            Self::User => 2,
            Self::UserEnrollmentDevice => 4,
            Self::UserEnrollment => 8,
            Self::SharedIpad => 16,
        }
    }
}

/// Which channels are asked for. Empty lists ask for all; lists beside each other have all to be met.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Names, whole.
    pub names: Vec<String>,
    /// Serial numbers.
    pub serials: Vec<String>,
    /// Short names of users.
    pub user_short_names: Vec<String>,
    /// Kinds of channels.
    pub kinds: Vec<Kind>,
    /// Enrolled now, or not any more.
    pub live: Option<bool>,
    /// Those after this one.
    pub after: Option<ChannelId>,
    /// How many to pass over.
    pub offset: u32,
    /// How many at most.
    pub limit: u32,
}

/// Most entries of a list: what one statement holds.
pub const LONGEST_LIST: usize = 256;

/// Most channels that are looked at where several lists have to be met.
const MOST_CANDIDATES: u32 = 10_000;

/// One channel that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its id.
    pub channel: ChannelId,
    /// Its name.
    pub name: String,
    /// Its enrollment.
    pub enrollment: EnrollmentId,
    /// Its device.
    pub device: DeviceId,
    /// What kind of channel it is.
    pub kind: Kind,
    /// Whether it is in use.
    pub live: bool,
    /// `UserShortName`. Hostile text.
    pub user_short_name: Option<String>,
    /// `UserLongName`. Hostile text.
    pub user_long_name: Option<String>,
    /// How many TokenUpdates came.
    pub token_updates: i64,
    /// When the first one came.
    pub created_at: Timestamp,
}

// The newest channel of a name stands for it; older ones are its past. Bits of kinds are those of `Kind::bit`.
macro_rules! channels {
    ($filter:literal) => {
        concat!(
            "SELECT * FROM (
                 SELECT c.id, c.address, c.enrollment, c.user_short_name, c.user_long_name, c.token_updates, c.created_at,
                        e.device, e.serial, e.state,
                        CASE WHEN c.user_key = '' AND e.udid IS NULL AND e.user_enrollment_id IS NOT NULL THEN 4
                             WHEN c.user_key = '' THEN 1
                             WHEN e.udid IS NULL AND e.user_enrollment_id IS NOT NULL THEN 8
                             WHEN c.user_key = c.user_short_name THEN 16
                             ELSE 2 END AS kind
                 FROM channel c JOIN enrollment e ON e.id = c.enrollment
                 WHERE e.device IS NOT NULL AND c.id > $1 AND ",
            $filter,
            " AND NOT EXISTS (SELECT 1 FROM channel n WHERE n.address = c.address AND n.id > c.id)
             ) AS found
             WHERE (kind & $2) <> 0 AND ($3 = 0 OR ($3 = 1 AND state = 'live') OR ($3 = 2 AND state <> 'live'))
             ORDER BY id LIMIT $4 OFFSET $5"
        )
    };
}

/// The channels that are asked for, oldest first. At most [`LONGEST_LIST`] entries of a list count.
///
/// # Errors
/// Where the store fails.
pub async fn query(tx: &mut dyn Tx, query: &Query) -> Result<Vec<Found>, StoreError> {
    // The list that names channels most exactly goes to the database; the others sort out what it gives.
    let (sql, list) = if !query.names.is_empty() {
        (channels!("c.address IN ({list})"), &query.names)
    } else if !query.serials.is_empty() {
        (channels!("e.serial IN ({list})"), &query.serials)
    } else {
        (channels!("c.user_short_name IN ({list})"), &query.user_short_names)
    };
    let lists = [&query.names, &query.serials, &query.user_short_names];
    let one_list = lists.iter().filter(|list| !list.is_empty()).count() <= 1;
    let (limit, offset) = if one_list { (query.limit, query.offset) } else { (MOST_CANDIDATES, 0) };
    let after = query.after.map(ChannelId::text).unwrap_or_default();
    let kinds = if query.kinds.is_empty() { 31 } else { query.kinds.iter().fold(0, |bits, kind| bits | kind.bit()) };
    let live: i64 = query.live.map_or(0, |live| if live { 1 } else { 2 });
    let args = [(&after).into(), kinds.into(), live.into(), limit.into(), offset.into()];
    let rows = if list.is_empty() {
        tx.rows(channels!("c.id <> ''"), &args).await?
    } else {
        let list: Vec<Value<'_>> = list.iter().take(LONGEST_LIST).map(Into::into).collect();
        tx.rows_in(sql, &args, &list).await?
    };
    if one_list {
        return rows.iter().map(read).collect();
    }
    let mut found = Vec::new();
    for row in &rows {
        let one = read(row)?;
        if meets(query, row, &one)? {
            found.push(one);
        }
    }
    let number = |number| usize::try_from(number).unwrap_or(usize::MAX);
    Ok(found.into_iter().skip(number(query.offset)).take(number(query.limit)).collect())
}

/// Whether a channel meets the lists that the statement did not look at.
fn meets(query: &Query, row: &Row, one: &Found) -> Result<bool, StoreError> {
    let serial = row.opt_text("serial")?;
    let among = |list: &[String], text: Option<&str>| {
        list.is_empty() || text.is_some_and(|text| list.iter().any(|one| one == text))
    };
    Ok(among(&query.names, Some(&one.name))
        && among(&query.serials, serial.as_deref())
        && among(&query.user_short_names, one.user_short_name.as_deref()))
}

fn read(row: &Row) -> Result<Found, StoreError> {
    let bit = row.int("kind")?;
    let name = row.text("address")?;
    let damaged = || StoreError::corrupt("channel", "user_key", &name);
    Ok(Found {
        channel: rows::id(row, "channel", "id")?,
        enrollment: rows::id(row, "channel", "enrollment")?,
        device: rows::id(row, "enrollment", "device")?,
        kind: Kind::ALL.into_iter().find(|kind| kind.bit() == bit).ok_or_else(damaged)?,
        live: State::read(row)? == State::Live,
        user_short_name: row.opt_text("user_short_name")?,
        user_long_name: row.opt_text("user_long_name")?,
        token_updates: row.int("token_updates")?,
        created_at: Timestamp(row.int("created_at")?),
        name,
    })
}

/// The newest certificate (DER) of each of these enrollments that has one.
///
/// # Errors
/// Where the store fails.
pub async fn certificates(
    tx: &mut dyn Tx,
    enrollments: &[EnrollmentId],
) -> Result<HashMap<EnrollmentId, Vec<u8>>, StoreError> {
    let ids: Vec<String> = enrollments.iter().map(|id| id.text()).collect();
    let list: Vec<Value<'_>> = ids.iter().map(Into::into).collect();
    let sql = "SELECT enrollment, certificate FROM identity WHERE enrollment IN ({list}) ORDER BY issued_at";
    let rows = tx.rows_in(sql, &[], &list).await?;
    // A later one takes the place of an earlier one.
    rows.iter().map(|row| Ok((rows::id(row, "identity", "enrollment")?, row.bytes("certificate")?))).collect()
}
