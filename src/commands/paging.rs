//! The commands of one device, page by page, and one of them with the answer that ended it.

use super::history::{OpenCommand, Outcome, Place, ended, open, read_ended, read_open};
use super::secrets;
use crate::context::Context;
use crate::ids::DeviceId;
use russet_protocol::{CommandUuid, Timestamp};
use russet_store::{Row, StoreError, Tx};
use std::fmt;
use std::str::FromStr;

/// Largest answer that is read to be shown, in bytes.
const LARGEST: i64 = 4 << 20;

/// A command, under way or ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    /// Under way.
    Open(OpenCommand),
    /// Ended.
    Ended(Outcome),
}

/// Where a page ended: the next one goes on from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// Among the open ones.
    Open(Place),
    /// Among those that ended: behind this moment and name.
    Ended(Timestamp, String),
}

/// A text that is no mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no place in a list of commands: give the text that the page before ended with")]
pub struct InvalidMark;

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(place) => write!(f, "open.{place}"),
            Self::Ended(at, uuid) => write!(f, "ended.{}.{uuid}", at.millis()),
        }
    }
}

impl FromStr for Mark {
    type Err = InvalidMark;
    fn from_str(text: &str) -> Result<Self, InvalidMark> {
        match text.split_once('.').ok_or(InvalidMark)? {
            ("open", place) => place.parse().map(Self::Open).map_err(|_| InvalidMark),
            ("ended", rest) => {
                let (at, uuid) = rest.split_once('.').ok_or(InvalidMark)?;
                let at = at.parse().map_err(|_| InvalidMark)?;
                let uuid = CommandUuid::new(uuid).map_err(|_| InvalidMark)?;
                Ok(Self::Ended(Timestamp(at), uuid.into()))
            }
            _ => Err(InvalidMark),
        }
    }
}

/// The commands of a device after a mark: the open ones in the order of the queue, then those that ended, newest first; and
/// where the next page begins, if there is one.
///
/// # Errors
/// Where the store fails.
pub async fn page_of_device(
    tx: &mut dyn Tx,
    device: DeviceId,
    after: Option<Mark>,
    limit: u32,
) -> Result<(Vec<Listed>, Option<Mark>), StoreError> {
    let id = device.text();
    let wanted = limit.max(1);
    let most = usize::try_from(wanted).unwrap_or(usize::MAX);
    let mut found: Vec<(Mark, Listed)> = Vec::new();
    let from = match after {
        Some(Mark::Ended(at, uuid)) => (at, uuid),
        open_mark => {
            let place = match open_mark {
                Some(Mark::Open(place)) => place,
                _ => Place::FRONT,
            };
            let sql = open!(
                "WHERE device_id = $1 AND (priority > $2 OR (priority = $2 AND position > $3))
                 ORDER BY priority, position LIMIT $4"
            );
            let (priority, position) = place.numbers();
            let args = [(&id).into(), priority.into(), position.into(), wanted.saturating_add(1).into()];
            for row in tx.rows(sql, &args).await? {
                found.push((Mark::Open(Place::of(&row)?), Listed::Open(read_open(&row)?)));
            }
            (Timestamp(i64::MAX), String::new())
        }
    };
    if found.len() <= most {
        let sql = ended!(
            "WHERE device_id = $1 AND (ended_at < $2 OR (ended_at = $2 AND uuid < $3))
             ORDER BY ended_at DESC, uuid DESC LIMIT $4"
        );
        let args = [(&id).into(), from.0.millis().into(), (&from.1).into(), wanted.saturating_add(1).into()];
        for row in tx.rows(sql, &args).await? {
            let ended = read_ended(&row)?;
            found.push((Mark::Ended(ended.ended_at, ended.uuid.as_str().to_owned()), Listed::Ended(ended)));
        }
    }
    let more = found.len() > most;
    found.truncate(most);
    let next = found.last().filter(|_| more).map(|(mark, _)| mark.clone());
    Ok((found.into_iter().map(|(_, listed)| listed).collect(), next))
}

/// A command of a device by its CommandUUID; where a program chose it for several channels, the newest.
///
/// # Errors
/// Where the store fails.
pub async fn find(tx: &mut dyn Tx, device: DeviceId, uuid: &CommandUuid) -> Result<Option<Listed>, StoreError> {
    let id = device.text();
    let args = [(&id).into(), uuid.as_str().into()];
    let sql = open!("WHERE device_id = $1 AND (uuid = $2 OR sent_as = $2) ORDER BY position DESC LIMIT 1");
    if let Some(row) = tx.optional(sql, &args).await? {
        return read_open(&row).map(Listed::Open).map(Some);
    }
    let sql = ended!("WHERE device_id = $1 AND (uuid = $2 OR sent_as = $2) ORDER BY ended_at DESC LIMIT 1");
    let row = tx.optional(sql, &args).await?;
    row.map(|row| read_ended(&row).map(Listed::Ended)).transpose()
}

/// What a device answered, word for word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// `Status`. Hostile text.
    pub status: String,
    /// What we made of it, where that is worth a word.
    pub note: Option<String>,
    /// The property list; none where it is larger than 4 MiB.
    pub raw: Option<Vec<u8>>,
    /// How large it is.
    pub bytes: u64,
    /// When it came.
    pub received_at: Timestamp,
}

/// The answer that counted for this command; else the last one.
///
/// # Errors
/// Where the store fails, or the master key is not the one that a sealed answer was sealed with.
pub async fn answer_to(tx: &mut dyn Tx, ctx: &Context, command: &Listed) -> Result<Option<Said>, StoreError> {
    let (channel, device, uuid) = match command {
        Listed::Open(open) => (open.channel, open.device, open.sent_as.as_ref().unwrap_or(&open.uuid)),
        Listed::Ended(ended) => (ended.channel, ended.device, ended.sent_as.as_ref().unwrap_or(&ended.uuid)),
    };
    let sql = "SELECT status, note, is_sealed, length(raw) AS bytes, CASE WHEN length(raw) <= $3 THEN raw END AS raw, received_at
               FROM command_report WHERE command_uuid = $1 AND channel_id = $2
               ORDER BY CASE WHEN note = 'answered again' OR status = 'NotNow' THEN 1 ELSE 0 END, position DESC LIMIT 1";
    let row = tx.optional(sql, &[uuid.as_str().into(), (&channel.text()).into(), LARGEST.into()]).await?;
    let read = |row: Row| {
        let mut raw = row.opt_bytes("raw")?;
        if let (true, Some(sealed)) = (row.flag("is_sealed")?, &raw) {
            let place = secrets::place_of_answer(device, Some(uuid.as_str()));
            raw = Some(ctx.store.sealer().open("command_report", "raw", &place, sealed)?.to_vec());
        }
        Ok(Said {
            status: row.text("status")?,
            note: row.opt_text("note")?,
            raw,
            bytes: u64::try_from(row.int("bytes")?).unwrap_or(0),
            received_at: Timestamp(row.int("received_at")?),
        })
    };
    row.map(read).transpose()
}
