//! The SQL of the outbox.

use super::Lane;
use crate::ids::ChannelId;
use russet_protocol::Timestamp;
use russet_store::{Row, StoreError, Tx, Value};
use std::time::Duration;

/// A push that was accepted this long ago may still be waking the device; another one is not sent before.
const QUIET: Duration = Duration::from_secs(30);

/// Where a push goes, taken by a worker.
#[derive(Clone)]
pub(super) struct Claim {
    pub(super) channel: String,
    pub(super) token: Vec<u8>,
    pub(super) magic: String,
    pub(super) target_at: i64,
    pub(super) generation: i64,
    pub(super) attempts: i64,
}

/// What is known of a channel's pushes.
pub(super) struct Known {
    pub(super) topic: Option<String>,
    pub(super) requested_at: Option<Timestamp>,
    pub(super) due_at: Option<Timestamp>,
    pub(super) tried_at: Option<Timestamp>,
    pub(super) pushed_at: Option<Timestamp>,
    pub(super) trouble: Option<String>,
    pub(super) stopped: Option<String>,
}

fn number(lane: Lane) -> i64 {
    match lane {
        Lane::Interactive => 0,
        Lane::Bulk => 1,
    }
}

pub(super) async fn set_target(
    tx: &mut dyn Tx,
    channel: ChannelId,
    token: &[u8],
    magic: &str,
    topic: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO push_channel (channel_id, topic, token, magic, target_at, lane, generation, attempts)
         VALUES ($1, $2, $3, $4, $5, 0, 1, 0)
         ON CONFLICT (channel_id) DO UPDATE SET
            topic = excluded.topic, token = excluded.token, magic = excluded.magic, target_at = excluded.target_at,
            generation = push_channel.generation + 1, attempts = 0, trouble = NULL, stopped = NULL,
            due_at = CASE WHEN push_channel.requested_at IS NULL THEN NULL ELSE excluded.target_at END",
        &[(&channel.text()).into(), topic.into(), token.into(), magic.into(), now.millis().into()],
    )
    .await
    .map(|_| ())
}

/// Whether a channel is pushed with this token and PushMagic.
pub(super) async fn is_target(
    tx: &mut dyn Tx,
    channel: ChannelId,
    token: &[u8],
    magic: &str,
) -> Result<bool, StoreError> {
    let sql = "SELECT lane FROM push_channel WHERE channel_id = $1 AND token = $2 AND magic = $3";
    Ok(tx.optional(sql, &[(&channel.text()).into(), token.into(), magic.into()]).await?.is_some())
}

pub(super) async fn delete(tx: &mut dyn Tx, channel: ChannelId) -> Result<(), StoreError> {
    tx.run("DELETE FROM push_channel WHERE channel_id = $1", &[(&channel.text()).into()]).await.map(|_| ())
}

/// Due at once where nobody waited before. Else not before the push under way had its time, and never before a back-off ends.
pub(super) async fn request(tx: &mut dyn Tx, channel: ChannelId, lane: Lane, now: Timestamp) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO push_channel (channel_id, lane, generation, requested_at, attempts) VALUES ($1, $2, 1, $3, 0)
         ON CONFLICT (channel_id) DO UPDATE SET
            generation = push_channel.generation + 1,
            lane = CASE WHEN push_channel.requested_at IS NULL OR excluded.lane < push_channel.lane
                        THEN excluded.lane ELSE push_channel.lane END,
            requested_at = CASE WHEN push_channel.requested_at IS NULL
                                THEN excluded.requested_at ELSE push_channel.requested_at END,
            due_at = CASE
                WHEN push_channel.token IS NULL OR push_channel.stopped IS NOT NULL THEN NULL
                WHEN push_channel.attempts > 0 AND push_channel.due_at IS NOT NULL THEN push_channel.due_at
                WHEN push_channel.requested_at IS NULL OR push_channel.tried_at IS NULL THEN excluded.requested_at
                WHEN push_channel.due_at <= push_channel.tried_at + $4 THEN push_channel.due_at
                WHEN push_channel.tried_at + $4 > excluded.requested_at THEN push_channel.tried_at + $4
                ELSE excluded.requested_at END",
        &[(&channel.text()).into(), number(lane).into(), now.millis().into(), Timestamp(0).plus(QUIET).millis().into()],
    )
    .await
    .map(|_| ())
}

pub(super) async fn answered(tx: &mut dyn Tx, channel: ChannelId) -> Result<(), StoreError> {
    tx.later(
        "UPDATE push_channel SET requested_at = NULL, due_at = NULL, attempts = 0, trouble = NULL
         WHERE channel_id = $1 AND requested_at IS NOT NULL",
        &[(&channel.text()).into()],
    )
    .await
}

pub(super) async fn delivered(
    tx: &mut dyn Tx,
    channel: ChannelId,
    now: Timestamp,
    again: Duration,
) -> Result<(), StoreError> {
    tx.later(
        "UPDATE push_channel SET due_at = $2, attempts = 0, trouble = NULL, tried_at = $4,
            requested_at = CASE WHEN requested_at IS NULL THEN $4 ELSE requested_at END
         WHERE channel_id = $1 AND token IS NOT NULL AND stopped IS NULL
           AND (requested_at IS NULL OR due_at IS NULL OR due_at < $3)",
        &[
            (&channel.text()).into(),
            now.plus(again).millis().into(),
            now.plus(again / 2).millis().into(),
            now.millis().into(),
        ],
    )
    .await
}

pub(super) async fn standing(tx: &mut dyn Tx, channel: ChannelId) -> Result<Option<Known>, StoreError> {
    let row = tx
        .optional(
            "SELECT topic, requested_at, due_at, tried_at, pushed_at, trouble, stopped FROM push_channel
             WHERE channel_id = $1",
            &[(&channel.text()).into()],
        )
        .await?;
    row.map(|row| {
        let time = |name: &str| Ok::<_, StoreError>(row.opt_int(name)?.map(Timestamp));
        Ok(Known {
            topic: row.opt_text("topic")?,
            requested_at: time("requested_at")?,
            due_at: time("due_at")?,
            tried_at: time("tried_at")?,
            pushed_at: time("pushed_at")?,
            trouble: row.opt_text("trouble")?,
            stopped: row.opt_text("stopped")?,
        })
    })
    .transpose()
}

/// Takes up to `limit` due pushes of this topic, at most half of them of the bulk lane while the interactive one has enough.
/// They come back at `lease_until` where their outcome is never told.
pub(super) async fn claim(
    tx: &mut dyn Tx,
    topic: &str,
    limit: u32,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Vec<Claim>, StoreError> {
    let mut claims = due(tx, topic, Lane::Interactive, limit, now).await?;
    let mut bulk = due(tx, topic, Lane::Bulk, limit, now).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    bulk.truncate((limit / 2).max(limit.saturating_sub(claims.len())));
    claims.truncate(limit - bulk.len());
    claims.append(&mut bulk);
    let ids: Vec<Value<'_>> = claims.iter().map(|claim| (&claim.channel).into()).collect();
    tx.run_in(
        "UPDATE push_channel SET due_at = $1, tried_at = $2 WHERE channel_id IN ({list})",
        &[lease_until.millis().into(), now.millis().into()],
        &ids,
    )
    .await?;
    Ok(claims)
}

async fn due(tx: &mut dyn Tx, topic: &str, lane: Lane, limit: u32, now: Timestamp) -> Result<Vec<Claim>, StoreError> {
    let rows = tx
        .rows(
            "SELECT channel_id, token, magic, target_at, generation, attempts FROM push_channel
             WHERE topic = $1 AND lane = $2 AND due_at <= $3 ORDER BY due_at LIMIT $4 {lock_skip}",
            &[topic.into(), number(lane).into(), now.millis().into(), limit.into()],
        )
        .await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Claim, StoreError> {
    Ok(Claim {
        channel: row.text("channel_id")?,
        token: row.bytes("token")?,
        magic: row.text("magic")?,
        target_at: row.int("target_at")?,
        generation: row.int("generation")?,
        attempts: row.int("attempts")?,
    })
}

/// Whether anything is due, whatever the certificate.
pub(super) async fn any_due(tx: &mut dyn Tx, topic: &str, now: Timestamp) -> Result<bool, StoreError> {
    for lane in [Lane::Interactive, Lane::Bulk] {
        let sql = "SELECT due_at FROM push_channel WHERE topic = $1 AND lane = $2 AND due_at <= $3 LIMIT 1";
        if tx.optional(sql, &[topic.into(), number(lane).into(), now.millis().into()]).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// APNs took the push. Nothing more is due before `again`, unless something was asked for meanwhile.
pub(super) async fn accepted(
    tx: &mut dyn Tx,
    claim: &Claim,
    now: Timestamp,
    again: Timestamp,
) -> Result<(), StoreError> {
    tx.run(
        "UPDATE push_channel SET pushed_at = $2, attempts = 0, trouble = NULL,
            due_at = CASE WHEN generation = $3 AND requested_at IS NOT NULL THEN $4 ELSE due_at END
         WHERE channel_id = $1",
        &[(&claim.channel).into(), now.millis().into(), claim.generation.into(), again.millis().into()],
    )
    .await
    .map(|_| ())
}

/// The push failed; it is tried again then, if it is still wanted.
pub(super) async fn failed(
    tx: &mut dyn Tx,
    claim: &Claim,
    trouble: &str,
    retry_at: Timestamp,
) -> Result<(), StoreError> {
    tx.run(
        "UPDATE push_channel SET attempts = attempts + 1, trouble = $3, due_at = $4
         WHERE channel_id = $1 AND target_at = $2 AND requested_at IS NOT NULL",
        &[(&claim.channel).into(), claim.target_at.into(), trouble.into(), retry_at.millis().into()],
    )
    .await
    .map(|_| ())
}

/// The push could not be tried, through no fault of its own: due again at once, when there is a way.
pub(super) async fn returned(tx: &mut dyn Tx, claim: &Claim, now: Timestamp) -> Result<(), StoreError> {
    tx.run(
        "UPDATE push_channel SET due_at = $3, tried_at = NULL
         WHERE channel_id = $1 AND target_at = $2 AND requested_at IS NOT NULL",
        &[(&claim.channel).into(), claim.target_at.into(), now.millis().into()],
    )
    .await
    .map(|_| ())
}

/// The token is of no use: no push until the next TokenUpdate. Nothing happens where that came meanwhile.
pub(super) async fn stop(tx: &mut dyn Tx, claim: &Claim, reason: &str) -> Result<(), StoreError> {
    tx.run(
        "UPDATE push_channel SET stopped = $3, due_at = NULL WHERE channel_id = $1 AND target_at = $2",
        &[(&claim.channel).into(), claim.target_at.into(), reason.into()],
    )
    .await
    .map(|_| ())
}

/// How many channels listen to another topic.
pub(super) async fn listening_elsewhere(tx: &mut dyn Tx, topic: &str) -> Result<i64, StoreError> {
    tx.one("SELECT count(*) AS n FROM push_channel WHERE topic IS NOT NULL AND topic <> $1", &[topic.into()])
        .await?
        .int("n")
}
