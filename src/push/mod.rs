//! The push outbox, its worker and the push certificate.
//!
//! A push says nothing but "connect": APNs keeps one per device, so one row a channel is the whole outbox. Rooms write rows in
//! their own transactions ([`request`], [`answered`]), and [`worker`] alone speaks to APNs. A device's or an admin's request
//! must never wait for a push.
//!
//! The life of a row: [`set_target`] (TokenUpdate) says where pushes go; [`request`] says that something waits for the device;
//! the worker pushes, and pushes again after `pace.push_again` until the device speaks; [`answered`] (nothing left in its
//! queue) ends that. Where APNs says that the token is dead, pushes stop until the next TokenUpdate. Where there is no usable
//! push certificate the rows stay as they are, and [`standing`] says why.

pub mod certificates;
pub mod escrow;
mod outcome;
mod rows;
#[cfg(test)]
mod tests;
pub mod worker;

pub use crate::directory::dirty::Lane;

use crate::context::Context;
use crate::ids::ChannelId;
use russet_protocol::{PushMagic, PushToken, Timestamp, Topic};
use russet_store::{StoreError, Tx, Wake};

/// How the pushes to one channel stand, for explanations. Times of `None`: never, or not now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Since when somebody waits for the device to connect.
    pub requested_at: Option<Timestamp>,
    /// When a push was last tried.
    pub tried_at: Option<Timestamp>,
    /// When APNs last accepted one. That it was delivered only the device can say.
    pub pushed_at: Option<Timestamp>,
    /// When the next one is tried.
    pub next_at: Option<Timestamp>,
    /// Why there is none now, or why the last one failed; a sentence for people.
    pub trouble: Option<String>,
}

/// Says where pushes of a channel go: what its TokenUpdate said. A channel whose pushes had stopped takes part again, and what
/// was asked for meanwhile is pushed at once.
///
/// # Errors
/// Where the store fails.
pub async fn set_target(
    tx: &mut dyn Tx,
    channel: ChannelId,
    token: &PushToken,
    magic: &PushMagic,
    topic: &Topic,
    now: Timestamp,
) -> Result<(), StoreError> {
    rows::set_target(tx, channel, token.as_bytes(), magic.as_str(), topic.as_str(), now).await?;
    tx.wake(Wake::Push);
    Ok(())
}

/// Whether a TokenUpdate says what the last one of this channel said.
///
/// # Errors
/// Where the store fails.
pub async fn is_target(
    tx: &mut dyn Tx,
    channel: ChannelId,
    token: &PushToken,
    magic: &PushMagic,
) -> Result<bool, StoreError> {
    rows::is_target(tx, channel, token.as_bytes(), magic.as_str()).await
}

/// The channel is no more: no further pushes.
///
/// # Errors
/// Where the store fails.
pub async fn forget(tx: &mut dyn Tx, channel: ChannelId) -> Result<(), StoreError> {
    rows::delete(tx, channel).await
}

/// Something waits for this device: push it. Call it in the transaction that leaves the work. Requests that come while a push
/// is on its way are answered by that push, or by a further one half a minute later. A channel without a token is pushed once
/// its TokenUpdate brings one.
///
/// # Errors
/// Where the store fails.
pub async fn request(tx: &mut dyn Tx, channel: ChannelId, lane: Lane, now: Timestamp) -> Result<(), StoreError> {
    rows::request(tx, channel, lane, now).await?;
    tx.wake(Wake::Push);
    Ok(())
}

/// The device spoke and nothing waits for it any more: its queue is empty. Nothing is pushed until the next [`request`].
///
/// On PostgreSQL two transactions run at a time: call this when the queue was found empty, then look into the queue once more
/// in the same transaction. A command that came in between is seen by that second look, or its request comes after this one.
///
/// # Errors
/// Where the store fails.
pub async fn answered(tx: &mut dyn Tx, channel: ChannelId, _now: Timestamp) -> Result<(), StoreError> {
    rows::answered(tx, channel).await
}

/// The device spoke and was handed a command: it is awake, so it is pushed again only where it does not come back within
/// `pace.push_again`. Writes only where that moves the time by much: call it with every command delivered.
///
/// # Errors
/// Where the store fails.
pub async fn delivered(tx: &mut dyn Tx, ctx: &Context, channel: ChannelId) -> Result<(), StoreError> {
    rows::delivered(tx, channel, ctx.now(), ctx.config.pace.push_again).await
}

/// How the pushes to a channel stand. `None` where nothing was ever asked for and no token is known.
///
/// # Errors
/// Where the store fails.
pub async fn standing(tx: &mut dyn Tx, channel: ChannelId, now: Timestamp) -> Result<Option<Standing>, StoreError> {
    let Some(row) = rows::standing(tx, channel).await? else { return Ok(None) };
    let certificate = certificates::usable(tx, now).await?;
    let parked = match (&certificate, &row.topic) {
        (Err(unusable), _) => Some(unusable.to_string()),
        (Ok(current), Some(topic)) if current.topic != *topic => Some(format!(
            "this enrollment listens to the push topic {topic}, the push certificate is for {}: import a certificate for \
             {topic}, or enroll the device again",
            current.topic
        )),
        (Ok(_), None) => {
            Some("the device has not sent a push token yet: it does so at the end of its enrollment".to_owned())
        }
        (Ok(_), Some(_)) => None,
    };
    let next_at = if parked.is_some() { certificate.err().and_then(|e| e.retry_at()) } else { row.due_at };
    Ok(Some(Standing {
        requested_at: row.requested_at,
        tried_at: row.tried_at,
        pushed_at: row.pushed_at,
        next_at,
        trouble: parked.or(row.stopped).or(row.trouble),
    }))
}
