//! What is open, and what came of what has ended.

use super::{Purpose, store};
use crate::ids::{ChannelId, DeviceId};
use russet_protocol::result::ErrorChainItem;
use russet_protocol::{CommandUuid, Timestamp};
use russet_store::{Row, StoreError, Tx, Value};
use std::fmt;
use std::str::FromStr;

/// Why a command that came to its time ended.
pub(super) const EXPIRED: &str = "the device did not answer in time";

/// Most rows of one list.
const PAGE: u32 = 200;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),* }

        impl $name {
            /// The word that is stored.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            fn read(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

words!(
    /// How a command ended.
    OutcomeState {
        /// The device acknowledged it. For an installation: accepted, not installed.
        Done = "done",
        /// The device refused it or failed, or its answer could not be read.
        Failed = "failed",
        /// We gave it up: another enrollment, a failed predecessor, withdrawn.
        Dropped = "dropped",
        /// It came to its time without an answer.
        Expired = "expired",
    }
);

words!(
    /// Where an open command stands.
    OpenState {
        /// In the queue.
        Queued = "queued",
        /// Delivered, not answered.
        Delivered = "delivered",
        /// The device said "not now"; it is offered again in its next session.
        NotNow = "not_now",
    }
);

/// A command that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Our name of the command; its `CommandUUID` as well, unless a program chose one.
    pub uuid: CommandUuid,
    /// The `CommandUUID` that a program chose.
    pub sent_as: Option<CommandUuid>,
    /// Whose queue it was in.
    pub channel: ChannelId,
    /// The device of this channel.
    pub device: DeviceId,
    /// `RequestType`.
    pub request_type: String,
    /// What it was for.
    pub purpose: Purpose,
    /// How it ended.
    pub state: OutcomeState,
    /// Why, in our words, where the device did not say it.
    pub reason: Option<String>,
    /// What the device said, from the outermost error inwards; of `Settings`, the errors of its items. Hostile text.
    pub error_chain: Vec<ErrorChainItem>,
    /// `RejectionReason` of `InstallApplication`. Hostile text.
    pub rejection: Option<String>,
    /// What the answer says, in a few words. Hostile text in part.
    pub summary: Option<String>,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When it was last delivered.
    pub delivered_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Timestamp,
}

/// A command that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCommand {
    /// Our name of the command; its `CommandUUID` as well, unless a program chose one.
    pub uuid: CommandUuid,
    /// The `CommandUUID` that a program chose.
    pub sent_as: Option<CommandUuid>,
    /// Whose queue it is in.
    pub channel: ChannelId,
    /// The device of this channel.
    pub device: DeviceId,
    /// `RequestType`.
    pub request_type: String,
    /// What it is for.
    pub purpose: Purpose,
    /// Where it stands.
    pub state: OpenState,
    /// The open command that has to succeed first.
    pub waits_for: Option<CommandUuid>,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When it was last delivered.
    pub delivered_at: Option<Timestamp>,
    /// When the device last said "not now" to it.
    pub not_now_at: Option<Timestamp>,
    /// When it ends without an answer.
    pub expires_at: Option<Timestamp>,
}

macro_rules! ended {
    ($rest:literal) => {
        concat!(
            "SELECT uuid, sent_as, channel_id, device_id, request_type, purpose, state, reason, error_chain,
                    rejection_reason, summary, created_at, delivered_at, ended_at FROM command_history ",
            $rest
        )
    };
}
pub(super) use ended;

macro_rules! open {
    ($rest:literal) => {
        concat!(
            "SELECT uuid, sent_as, channel_id, device_id, request_type, purpose, state, waits_for, created_at,
                    delivered_at, not_now_at, expires_at, priority, position FROM command ",
            $rest
        )
    };
}
pub(super) use open;

/// What came of a command; `None` while it is open, and for one that is not known (any more).
pub async fn outcome(tx: &mut dyn Tx, uuid: &CommandUuid) -> Result<Option<Outcome>, StoreError> {
    let row = tx.optional(ended!("WHERE uuid = $1"), &[uuid.as_str().into()]).await?;
    row.map(|row| read_ended(&row)).transpose()
}

/// What came of many commands; those that are open or unknown are left out.
pub async fn outcomes(tx: &mut dyn Tx, uuids: &[CommandUuid]) -> Result<Vec<Outcome>, StoreError> {
    let list: Vec<Value<'_>> = uuids.iter().map(|uuid| uuid.as_str().into()).collect();
    tx.rows_in(ended!("WHERE uuid IN ({list})"), &[], &list).await?.iter().map(read_ended).collect()
}

/// The last 200 ended commands of a device for one purpose, newest first.
pub async fn history_of(tx: &mut dyn Tx, device: DeviceId, purpose: &Purpose) -> Result<Vec<Outcome>, StoreError> {
    let sql = ended!("WHERE device_id = $1 AND purpose = $2 ORDER BY ended_at DESC, uuid DESC LIMIT $3");
    let (device, purpose) = (device.text(), purpose.to_string());
    tx.rows(sql, &[(&device).into(), (&purpose).into(), PAGE.into()]).await?.iter().map(read_ended).collect()
}

/// The last 200 ended commands of a device, newest first.
pub async fn history_of_device(tx: &mut dyn Tx, device: DeviceId) -> Result<Vec<Outcome>, StoreError> {
    let sql = ended!("WHERE device_id = $1 ORDER BY ended_at DESC, uuid DESC LIMIT $2");
    tx.rows(sql, &[(&device.text()).into(), PAGE.into()]).await?.iter().map(read_ended).collect()
}

/// The open commands of a device, all channels, in the order of the queue.
pub async fn open_of_device(tx: &mut dyn Tx, device: DeviceId) -> Result<Vec<OpenCommand>, StoreError> {
    let sql = open!("WHERE device_id = $1 ORDER BY priority, position");
    tx.rows(sql, &[(&device.text()).into()]).await?.iter().map(read_open).collect()
}

/// The open commands of many devices; the order holds within each device only.
pub async fn open_of_devices(tx: &mut dyn Tx, devices: &[DeviceId]) -> Result<Vec<OpenCommand>, StoreError> {
    let ids: Vec<String> = devices.iter().map(|device| device.text()).collect();
    let list: Vec<Value<'_>> = ids.iter().map(Into::into).collect();
    let sql = open!("WHERE device_id IN ({list}) ORDER BY priority, position");
    tx.rows_in(sql, &[], &list).await?.iter().map(read_open).collect()
}

/// Where a command stands in its queue: lists go on from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    priority: i64,
    position: i64,
}

impl Place {
    /// Before all commands.
    pub const FRONT: Self = Self { priority: -1, position: 0 };

    /// Priority and position.
    pub(super) fn numbers(self) -> (i64, i64) {
        (self.priority, self.position)
    }

    pub(super) fn of(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { priority: row.int("priority")?, position: row.int("position")? })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.priority, self.position)
    }
}

impl FromStr for Place {
    type Err = InvalidPlace;
    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let (priority, position) = text.split_once('.').ok_or(InvalidPlace)?;
        let number = |text: &str| text.parse().map_err(|_| InvalidPlace);
        Ok(Self { priority: number(priority)?, position: number(position)? })
    }
}

/// A text that is no place in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no place in a queue: give the text that an earlier page ended with")]
pub struct InvalidPlace;

/// The open commands of a channel in the order of the queue, after a place; each with its own.
pub async fn open_of_channel(
    tx: &mut dyn Tx,
    channel: ChannelId,
    after: Place,
    offset: u32,
    limit: u32,
) -> Result<Vec<(Place, OpenCommand)>, StoreError> {
    let sql = open!(
        "WHERE channel_id = $1 AND (priority > $2 OR (priority = $2 AND position > $3))
         ORDER BY priority, position LIMIT $4 OFFSET $5"
    );
    let (Place { priority, position }, channel) = (after, channel.text());
    let args = [(&channel).into(), priority.into(), position.into(), limit.into(), offset.into()];
    tx.rows(sql, &args).await?.iter().map(|row| Ok((Place::of(row)?, read_open(row)?))).collect()
}

/// How many commands are open.
pub async fn open_count(tx: &mut dyn Tx) -> Result<i64, StoreError> {
    tx.one("SELECT count(*) AS n FROM command", &[]).await?.int("n")
}

pub(super) fn read_ended(row: &Row) -> Result<Outcome, StoreError> {
    let uuid = store::uuid(row, "command_history")?;
    let damaged = |column| StoreError::corrupt("command_history", column, &uuid);
    let chain = row.opt_text("error_chain")?.map(|json| serde_json::from_str(&json)).transpose();
    Ok(Outcome {
        sent_as: store::sent_as(row, "command_history")?,
        channel: row.text("channel_id")?.parse().map_err(|_| damaged("channel_id"))?,
        device: row.text("device_id")?.parse().map_err(|_| damaged("device_id"))?,
        request_type: row.text("request_type")?,
        purpose: row.text("purpose")?.parse().map_err(|_| damaged("purpose"))?,
        state: OutcomeState::read(&row.text("state")?).ok_or_else(|| damaged("state"))?,
        reason: row.opt_text("reason")?,
        error_chain: chain.map_err(|_| damaged("error_chain"))?.unwrap_or_default(),
        rejection: row.opt_text("rejection_reason")?,
        summary: row.opt_text("summary")?,
        created_at: Timestamp(row.int("created_at")?),
        delivered_at: row.opt_int("delivered_at")?.map(Timestamp),
        ended_at: Timestamp(row.int("ended_at")?),
        uuid,
    })
}

pub(super) fn read_open(row: &Row) -> Result<OpenCommand, StoreError> {
    let uuid = store::uuid(row, "command")?;
    let damaged = |column| StoreError::corrupt("command", column, &uuid);
    Ok(OpenCommand {
        sent_as: store::sent_as(row, "command")?,
        channel: row.text("channel_id")?.parse().map_err(|_| damaged("channel_id"))?,
        device: row.text("device_id")?.parse().map_err(|_| damaged("device_id"))?,
        request_type: row.text("request_type")?,
        purpose: row.text("purpose")?.parse().map_err(|_| damaged("purpose"))?,
        state: OpenState::read(&row.text("state")?).ok_or_else(|| damaged("state"))?,
        waits_for: row.opt_text("waits_for")?.map(CommandUuid::new).transpose().map_err(|_| damaged("waits_for"))?,
        created_at: Timestamp(row.int("created_at")?),
        delivered_at: row.opt_int("delivered_at")?.map(Timestamp),
        not_now_at: row.opt_int("not_now_at")?.map(Timestamp),
        expires_at: row.opt_int("expires_at")?.map(Timestamp),
        uuid,
    })
}
