//! The SQL of the queue and its history.

use super::history::OutcomeState;
use crate::ids::{ChannelId, DeviceId, EnrollmentId};
use russet_protocol::{CommandUuid, Timestamp};
use russet_store::{Row, StoreError, Tx, Value};

/// How long a body is certainly kept after its last use is written this seldom: once a day.
const DAY: i64 = 86_400_000;

/// Whether a body is stored, and noted as used within the last day. Takes no lock: many devices get the same body at a time,
/// and none of them may wait for the others.
pub(super) async fn has_body(tx: &mut dyn Tx, hash: &[u8], now: Timestamp) -> Result<bool, StoreError> {
    let sql = "SELECT used_at FROM command_body WHERE hash = $1 AND used_at >= $2";
    let fresh = tx.optional(sql, &[hash.into(), now.millis().saturating_sub(DAY).into()]).await?;
    Ok(fresh.is_some())
}

/// Stores a body if it is new, and notes that it is used.
pub(super) async fn put_body(tx: &mut dyn Tx, hash: &[u8], sealed: &[u8], now: Timestamp) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO command_body (hash, sealed, used_at) VALUES ($1, $2, $3)
         ON CONFLICT (hash) DO UPDATE SET used_at = excluded.used_at WHERE command_body.used_at < $4",
        &[hash.into(), sealed.into(), now.millis().into(), now.millis().saturating_sub(DAY).into()],
    )
    .await?;
    Ok(())
}

/// One row of the queue that is to be written.
pub(super) struct NewRow<'a> {
    pub(super) uuid: &'a CommandUuid,
    pub(super) sent_as: Option<&'a CommandUuid>,
    pub(super) channel: ChannelId,
    pub(super) device: DeviceId,
    pub(super) request_type: &'a str,
    pub(super) body_hash: &'a [u8],
    pub(super) purpose: &'a str,
    pub(super) priority: i64,
    pub(super) waits_for: Option<&'a CommandUuid>,
    pub(super) now: Timestamp,
    pub(super) expires_at: Option<Timestamp>,
}

/// Whether the row was written: false where the channel has an open installation for this purpose, or knows the CommandUUID.
pub(super) async fn insert(tx: &mut dyn Tx, new: &NewRow<'_>) -> Result<bool, StoreError> {
    let written = tx
        .run(
            "INSERT INTO command (uuid, channel_id, device_id, request_type, body_hash, purpose, priority, state, waits_for,
                                  created_at, expires_at, sent_as)
             VALUES ($1, $2, $3, $4, $5, $6, $7, 'queued', $8, $9, $10, $11) ON CONFLICT DO NOTHING",
            &[
                new.uuid.as_str().into(),
                (&new.channel.text()).into(),
                (&new.device.text()).into(),
                new.request_type.into(),
                new.body_hash.into(),
                new.purpose.into(),
                new.priority.into(),
                new.waits_for.map(CommandUuid::as_str).into(),
                new.now.millis().into(),
                new.expires_at.map(Timestamp::millis).into(),
                new.sent_as.map(CommandUuid::as_str).into(),
            ],
        )
        .await?;
    Ok(written > 0)
}

/// How commands ended.
#[derive(Default)]
pub(super) struct End<'a> {
    pub(super) state: Option<OutcomeState>,
    pub(super) reason: Option<&'a str>,
    pub(super) error_chain: Option<&'a str>,
    pub(super) rejection: Option<&'a str>,
    pub(super) summary: Option<&'a str>,
}

/// Moves the open command that a device has just answered to the history, with what is asked next.
pub(super) async fn end_answered(tx: &mut dyn Tx, uuid: &str, how: &End<'_>, now: Timestamp) -> Result<(), StoreError> {
    let state = how.state.unwrap_or(OutcomeState::Dropped).as_str();
    tx.later(
        "INSERT INTO command_history (uuid, sent_as, channel_id, device_id, request_type, body_hash, purpose, priority, state,
                                      reason, error_chain, rejection_reason, created_at, delivered_at, ended_at, summary)
         SELECT uuid, sent_as, channel_id, device_id, request_type, body_hash, purpose, priority, $2, $3, $4, $5, created_at,
                delivered_at, $6, $7
         FROM command WHERE uuid = $1",
        &[
            uuid.into(),
            state.into(),
            how.reason.into(),
            how.error_chain.into(),
            how.rejection.into(),
            now.millis().into(),
            how.summary.into(),
        ],
    )
    .await?;
    tx.later("DELETE FROM command WHERE uuid = $1", &[uuid.into()]).await
}

/// Moves open commands to the history.
pub(super) async fn end(tx: &mut dyn Tx, uuids: &[String], how: &End<'_>, now: Timestamp) -> Result<(), StoreError> {
    let list: Vec<Value<'_>> = uuids.iter().map(Into::into).collect();
    let state = how.state.unwrap_or(OutcomeState::Dropped).as_str();
    tx.run_in(
        "INSERT INTO command_history (uuid, sent_as, channel_id, device_id, request_type, body_hash, purpose, priority, state,
                                      reason, error_chain, rejection_reason, created_at, delivered_at, ended_at)
         SELECT uuid, sent_as, channel_id, device_id, request_type, body_hash, purpose, priority, $1, $2, $3, $4, created_at,
                delivered_at, $5
         FROM command WHERE uuid IN ({list})",
        &[state.into(), how.reason.into(), how.error_chain.into(), how.rejection.into(), now.millis().into()],
        &list,
    )
    .await?;
    tx.run_in("DELETE FROM command WHERE uuid IN ({list})", &[], &list).await?;
    Ok(())
}

/// All open commands that wait for these, directly or through others; not these themselves.
pub(super) async fn dependants(tx: &mut dyn Tx, uuids: &[String]) -> Result<Vec<String>, StoreError> {
    let list: Vec<Value<'_>> = uuids.iter().map(Into::into).collect();
    let rows = tx
        .rows_in(
            "WITH RECURSIVE waiting (uuid) AS (
                 SELECT uuid FROM command WHERE waits_for IN ({list})
                 UNION
                 SELECT c.uuid FROM command c JOIN waiting w ON c.waits_for = w.uuid
             )
             SELECT uuid FROM waiting",
            &[],
            &list,
        )
        .await?;
    rows.iter().map(|row| row.text("uuid")).collect()
}

/// Lets go of the commands that waited for this one, which succeeded. How many there were.
pub(super) async fn release(tx: &mut dyn Tx, uuid: &str) -> Result<u64, StoreError> {
    tx.run("UPDATE command SET waits_for = NULL WHERE waits_for = $1", &[uuid.into()]).await
}

/// Keeps a report word for word.
pub(super) async fn keep_report(
    tx: &mut dyn Tx,
    (channel, device): (ChannelId, DeviceId),
    uuid: Option<&str>,
    status: &str,
    note: Option<&str>,
    (raw, is_sealed): (&[u8], bool),
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.later(
        "INSERT INTO command_report (channel_id, device_id, command_uuid, status, note, raw, received_at, is_sealed)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            (&channel.text()).into(),
            (&device.text()).into(),
            uuid.into(),
            status.into(),
            note.into(),
            raw.into(),
            now.millis().into(),
            is_sealed.into(),
        ],
    )
    .await
}

/// Takes the next command of a channel that may be delivered, and notes that it is: first what passes everything, then the one
/// whose answer was lost, then by priority and age. Passes over those that wait for another, said "not now" in this session,
/// or are expired; and over those of another purpose, where `only` names one.
pub(super) async fn take_next(
    tx: &mut dyn Tx,
    channel: ChannelId,
    only: Option<&str>,
    now: Timestamp,
) -> Result<Option<Row>, StoreError> {
    tx.optional(
        "UPDATE command SET state = 'delivered', delivered_at = $2
         WHERE position = (
             SELECT position FROM command
             WHERE channel_id = $1 AND state <> 'not_now' AND waits_for IS NULL AND (expires_at IS NULL OR expires_at > $2)
             AND purpose = coalesce($3, purpose)
             ORDER BY CASE WHEN priority < 0 THEN 0 WHEN state = 'delivered' THEN 1 ELSE 2 END, priority, position
             LIMIT 1 {lock}
         )
         RETURNING uuid, sent_as, body_hash, (SELECT sealed FROM command_body WHERE hash = command.body_hash) AS sealed",
        &[(&channel.text()).into(), now.millis().into(), only.into()],
    )
    .await
}

/// The open installation of an app on a channel.
pub(super) struct OpenInstall {
    pub(super) uuid: CommandUuid,
    pub(super) body_hash: Vec<u8>,
    pub(super) expires_at: Option<Timestamp>,
}

pub(super) async fn open_install(
    tx: &mut dyn Tx,
    channel: ChannelId,
    purpose: &str,
) -> Result<OpenInstall, StoreError> {
    let row = tx
        .one(
            "SELECT uuid, body_hash, expires_at FROM command
             WHERE channel_id = $1 AND purpose = $2 AND request_type = 'InstallApplication' {lock}",
            &[(&channel.text()).into(), purpose.into()],
        )
        .await?;
    Ok(OpenInstall {
        uuid: uuid(&row, "command")?,
        body_hash: row.bytes("body_hash")?,
        expires_at: row.opt_int("expires_at")?.map(Timestamp),
    })
}

pub(super) async fn is_open(tx: &mut dyn Tx, uuid: &CommandUuid) -> Result<bool, StoreError> {
    // Locked, so that its end does not slip in between this look and the row that will wait for it.
    let sql = "SELECT position FROM command WHERE uuid = $1 {lock}";
    Ok(tx.optional(sql, &[uuid.as_str().into()]).await?.is_some())
}

pub(super) async fn is_undelivered(tx: &mut dyn Tx, uuid: &CommandUuid) -> Result<bool, StoreError> {
    let sql = "SELECT position FROM command WHERE uuid = $1 AND delivered_at IS NULL {lock}";
    Ok(tx.optional(sql, &[uuid.as_str().into()]).await?.is_some())
}

pub(super) async fn open_of_channel(tx: &mut dyn Tx, channel: ChannelId) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT uuid FROM command WHERE channel_id = $1 ORDER BY position {lock}";
    tx.rows(sql, &[(&channel.text()).into()]).await?.iter().map(|row| row.text("uuid")).collect()
}

/// The open commands of a channel that an admin may clear away.
pub(super) async fn clearable(tx: &mut dyn Tx, channel: ChannelId) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT uuid FROM command WHERE channel_id = $1 AND purpose NOT IN ('unenroll', 'renewal')
               ORDER BY position {lock}";
    tx.rows(sql, &[(&channel.text()).into()]).await?.iter().map(|row| row.text("uuid")).collect()
}

/// As [`clearable`], of all channels of a device.
pub(super) async fn clearable_of_device(tx: &mut dyn Tx, device: DeviceId) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT uuid FROM command WHERE device_id = $1 AND purpose NOT IN ('unenroll', 'renewal')
               ORDER BY position {lock}";
    tx.rows(sql, &[(&device.text()).into()]).await?.iter().map(|row| row.text("uuid")).collect()
}

/// Whether the channel knows this CommandUUID, open or ended.
pub(super) async fn is_known(tx: &mut dyn Tx, channel: ChannelId, uuid: &CommandUuid) -> Result<bool, StoreError> {
    // One statement: a command that ends meanwhile is in the one table or in the other.
    let sql = "SELECT uuid FROM command WHERE channel_id = $1 AND (uuid = $2 OR sent_as = $2)
               UNION ALL
               SELECT uuid FROM command_history WHERE channel_id = $1 AND (uuid = $2 OR sent_as = $2)";
    Ok(!tx.rows(sql, &[(&channel.text()).into(), uuid.as_str().into()]).await?.is_empty())
}

/// The open commands of a device that have this CommandUUID: one, or one a channel where a program chose it.
pub(super) async fn open_on_device(
    tx: &mut dyn Tx,
    device: DeviceId,
    uuid: &CommandUuid,
) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT uuid FROM command WHERE device_id = $1 AND (uuid = $2 OR sent_as = $2) ORDER BY position {lock}";
    let device = device.text();
    tx.rows(sql, &[(&device).into(), uuid.as_str().into()]).await?.iter().map(|row| row.text("uuid")).collect()
}

/// The open command that a report is about, with its body where the answer cannot be read without it. `awaited`: whether
/// others were seen to wait for it; on PostgreSQL one may come a moment later.
pub(super) async fn answered(tx: &mut dyn Tx, channel: ChannelId, uuid: &str) -> Result<Option<Row>, StoreError> {
    tx.optional(
        "SELECT uuid, request_type, priority, body_hash,
                CASE WHEN request_type IN ('ManagedApplicationList', 'ProfileList', 'InstalledApplicationList',
                                           'CertificateList', 'ProvisioningProfileList')
                     THEN (SELECT sealed FROM command_body WHERE hash = command.body_hash) END AS sealed,
                EXISTS (SELECT 1 FROM command other WHERE other.waits_for = command.uuid) AS awaited
         FROM command WHERE (uuid = $1 OR sent_as = $1) AND channel_id = $2 {lock}",
        &[uuid.into(), (&channel.text()).into()],
    )
    .await
}

/// The open command that was delivered on this channel and has not been answered.
pub(super) async fn delivered(tx: &mut dyn Tx, channel: ChannelId) -> Result<Option<String>, StoreError> {
    let sql = "SELECT uuid FROM command WHERE channel_id = $1 AND state = 'delivered' ORDER BY position LIMIT 1 {lock}";
    tx.optional(sql, &[(&channel.text()).into()]).await?.map(|row| row.text("uuid")).transpose()
}

/// As [`delivered`], and whether it was put off before.
pub(super) async fn delivered_once(tx: &mut dyn Tx, channel: ChannelId) -> Result<Option<(String, bool)>, StoreError> {
    let sql = "SELECT uuid, not_now_at FROM command WHERE channel_id = $1 AND state = 'delivered'
               ORDER BY position LIMIT 1 {lock}";
    let row = tx.optional(sql, &[(&channel.text()).into()]).await?;
    row.map(|row| Ok((row.text("uuid")?, row.opt_int("not_now_at")?.is_some()))).transpose()
}

/// The channel of an enrollment's open command: of the named one, else of one that was delivered, the device's own first.
pub(super) async fn channel_answered(
    tx: &mut dyn Tx,
    enrollment: EnrollmentId,
    named: Option<&str>,
) -> Result<Option<ChannelId>, StoreError> {
    let enrollment = enrollment.text();
    let row = match named {
        Some(uuid) => {
            let sql = "SELECT command.channel_id FROM command JOIN channel ON channel.id = command.channel_id
                       WHERE channel.enrollment = $1 AND (command.uuid = $2 OR command.sent_as = $2)";
            tx.optional(sql, &[(&enrollment).into(), uuid.into()]).await?
        }
        None => {
            let sql = "SELECT command.channel_id FROM command JOIN channel ON channel.id = command.channel_id
                       WHERE channel.enrollment = $1 AND command.state = 'delivered'
                       ORDER BY channel.user_key, command.position LIMIT 1";
            tx.optional(sql, &[(&enrollment).into()]).await?
        }
    };
    let Some(row) = row else { return Ok(None) };
    let text = row.text("channel_id")?;
    text.parse().map(Some).map_err(|_| StoreError::corrupt("command", "channel_id", text))
}

/// Lets go of commands that nobody was seen to wait with: [`release`] without asking how many there were.
pub(super) async fn release_late(tx: &mut dyn Tx, uuid: &str) -> Result<(), StoreError> {
    tx.later("UPDATE command SET waits_for = NULL WHERE waits_for = $1", &[uuid.into()]).await
}

/// The device cannot do it now: not offered again before the next Idle.
pub(super) async fn not_now(tx: &mut dyn Tx, uuid: &str, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE command SET state = 'not_now', not_now_at = $2 WHERE uuid = $1";
    tx.run(sql, &[uuid.into(), now.millis().into()]).await.map(|_| ())
}

/// A new session: what the device could not do in the last one may be offered again.
pub(super) async fn offer_again(tx: &mut dyn Tx, channel: ChannelId) -> Result<(), StoreError> {
    let sql = "UPDATE command SET state = 'queued' WHERE channel_id = $1 AND state = 'not_now'";
    tx.later(sql, &[(&channel.text()).into()]).await
}

/// Whether something of this channel was put off with "not now".
pub(super) async fn has_put_off(tx: &mut dyn Tx, channel: ChannelId) -> Result<bool, StoreError> {
    let sql = "SELECT position FROM command WHERE channel_id = $1 AND state = 'not_now' LIMIT 1";
    Ok(tx.optional(sql, &[(&channel.text()).into()]).await?.is_some())
}

/// An ended command of this channel, with its body as in [`answered`].
pub(super) async fn ended(tx: &mut dyn Tx, channel: ChannelId, uuid: &str) -> Result<Option<Row>, StoreError> {
    tx.optional(
        "SELECT uuid, state, reason, request_type, priority, body_hash, delivered_at,
                CASE WHEN request_type IN ('ManagedApplicationList', 'ProfileList', 'InstalledApplicationList',
                                           'CertificateList', 'ProvisioningProfileList')
                     THEN (SELECT sealed FROM command_body WHERE hash = command_history.body_hash) END AS sealed
         FROM command_history WHERE (uuid = $1 OR sent_as = $1) AND channel_id = $2 {lock}",
        &[uuid.into(), (&channel.text()).into()],
    )
    .await
}

/// Writes anew how an ended command ended.
pub(super) async fn revise(tx: &mut dyn Tx, uuid: &str, how: &End<'_>, now: Timestamp) -> Result<(), StoreError> {
    let state = how.state.unwrap_or(OutcomeState::Dropped).as_str();
    tx.run(
        "UPDATE command_history SET state = $2, reason = $3, error_chain = $4, rejection_reason = $5, ended_at = $6,
                                    summary = $7
         WHERE uuid = $1",
        &[
            uuid.into(),
            state.into(),
            how.reason.into(),
            how.error_chain.into(),
            how.rejection.into(),
            now.millis().into(),
            how.summary.into(),
        ],
    )
    .await?;
    Ok(())
}

/// Open commands that have come to their time, and their devices.
pub(super) async fn expired(
    tx: &mut dyn Tx,
    now: Timestamp,
    limit: u32,
) -> Result<(Vec<String>, Vec<DeviceId>), StoreError> {
    let sql = "SELECT uuid, device_id FROM command WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 {lock_skip}";
    let rows = tx.rows(sql, &[now.millis().into(), limit.into()]).await?;
    let mut found = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
    for row in &rows {
        let uuid = row.text("uuid")?;
        let device = row.text("device_id")?.parse();
        found.1.push(device.map_err(|_| StoreError::corrupt("command", "device_id", &uuid))?);
        found.0.push(uuid);
    }
    Ok(found)
}

/// Deletes history, reports and unused bodies from before a moment, at most `limit` of each. The largest of the counts.
pub(super) async fn prune(tx: &mut dyn Tx, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    let args = [before.millis().into(), limit.into()];
    let mut most = 0;
    for sql in [
        "DELETE FROM command_history WHERE uuid IN (
             SELECT uuid FROM command_history WHERE ended_at < $1 ORDER BY ended_at LIMIT $2)",
        "DELETE FROM command_report WHERE position IN (
             SELECT position FROM command_report WHERE received_at < $1 ORDER BY received_at LIMIT $2)",
        "DELETE FROM command_body WHERE hash IN (
             SELECT hash FROM command_body WHERE used_at < $1
             AND NOT EXISTS (SELECT 1 FROM command WHERE body_hash = command_body.hash) LIMIT $2)",
    ] {
        most = most.max(tx.run(sql, &args).await?);
    }
    Ok(most)
}

pub(super) fn uuid(row: &Row, table: &str) -> Result<CommandUuid, StoreError> {
    let text = row.text("uuid")?;
    CommandUuid::new(&text).map_err(|_| StoreError::corrupt(table, "uuid", text))
}

/// The CommandUUID that a program chose.
pub(super) fn sent_as(row: &Row, table: &str) -> Result<Option<CommandUuid>, StoreError> {
    let text = row.opt_text("sent_as")?;
    text.map(|text| CommandUuid::new(&text).map_err(|_| StoreError::corrupt(table, "sent_as", text))).transpose()
}
