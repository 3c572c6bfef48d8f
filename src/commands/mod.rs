//! The queue of commands to devices, and what their answers teach us.
//!
//! [`enqueue`] is the one path into the queue, [`record_and_next`] the one path out of it: in one transaction it records what
//! a device said, learns from it, and picks what the device gets next. A command is *open* until the device has answered it,
//! or it is dropped or expires; what has ended moves to the history. Delivered is not done: a command whose answer was lost
//! is delivered again under the same CommandUUID, byte for byte.
//!
//! Must never plan, nor call the network. Must never let one odd answer block a device's queue: what cannot be understood
//! is kept word for word, and the queue goes on.

mod admission;
mod answer;
mod history;
mod learn;
mod paging;
mod purpose;
mod queue;
mod secrets;
mod store;
mod summary;
mod upkeep;

pub use crate::directory::dirty::Lane as Priority;
pub use answer::{Delivery, channel_answered, record_and_next, record_and_next_of, record_too_large};
pub use history::{
    InvalidPlace, OpenCommand, OpenState, Outcome, OutcomeState, Place, history_of, history_of_device, open_count,
    open_of_channel, open_of_device, open_of_devices, outcome, outcomes,
};
pub use paging::{InvalidMark, Listed, Mark, Said, answer_to, find, page_of_device};
pub use purpose::{InvalidPurpose, Purpose};
pub use queue::{
    NewCommand, cancel, cancel_all, clear, drop_all, enqueue, enqueue_on, enqueue_quietly, is_open, settle, withdraw,
};
pub use russet_protocol::support::{ChannelKind, Forbidden};
pub use secrets::{KeptSecret, keeps_secret, reveal, secret_in_use};
pub use upkeep::{run, upkeep};

use russet_protocol::CommandUuid;
use russet_store::StoreError;

/// Why a command cannot be queued, or an answer not be recorded.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The channel has an open `InstallApplication` for this purpose, and another body than the new one: two at a time would
    /// reserve two licenses. Wait for its end, or [`withdraw`] it. The transaction stays usable.
    #[error("an installation of this app is under way (command {0}); wait for its end")]
    AlreadyOpen(CommandUuid),
    /// The channel had a command of this CommandUUID before. The transaction stays usable.
    #[error("a command with this CommandUUID was queued for this enrollment before; give each command its own")]
    UuidTaken(CommandUuid),
    /// What Apple's schema says the command is for, this device is not; said of commands that an admin asked for.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[cfg(test)]
mod tests;
