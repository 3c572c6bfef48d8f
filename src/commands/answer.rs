//! One report of a device: recorded, learned from, and the next command picked, all in the caller's transaction.
//!
//! Nothing that a device says makes this fail: only the store can. An answer to a command that is not known, is another
//! channel's or was answered before is kept and changes nothing.

use super::history::OutcomeState;
use super::learn::{self, Verdict};
use super::queue::{self, hex};
use super::{Priority, Purpose, secrets, store};
use crate::context::Context;
use crate::directory::{devices, dirty};
use crate::ids::{ChannelId, DeviceId, EnrollmentId};
use crate::push;
use russet_protocol::command::wrap;
use russet_protocol::result::{Report, Status};
use russet_protocol::{CommandUuid, Timestamp};
use russet_store::{Row, StoreError, Tx};
use std::time::Duration;

/// A device that said "not now" comes back by itself only if that was its last word; else it is woken after this time.
/// Source: Apple docs, Handling NotNow status responses.
const WAKE_AFTER_NOT_NOW: Duration = Duration::from_secs(600);

/// What goes out to a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// `CommandUUID`.
    pub uuid: CommandUuid,
    /// The property list: the same bytes for the same CommandUUID, however often it is delivered.
    pub bytes: Vec<u8>,
}

/// Who speaks, and when.
#[derive(Clone, Copy)]
pub(super) struct Session {
    pub(super) channel: ChannelId,
    pub(super) device: DeviceId,
    pub(super) now: Timestamp,
}

/// Records a report and picks what the device gets next; `None`: an empty answer, the session is over. `raw` are the bytes as
/// received. The caller has made sure that the report is from this channel of this device.
///
/// # Errors
/// Only where the store fails.
pub async fn record_and_next(
    tx: &mut dyn Tx,
    ctx: &Context,
    channel: ChannelId,
    device: DeviceId,
    report: &Report,
    raw: &[u8],
) -> Result<Option<Delivery>, StoreError> {
    record_and_next_of(tx, ctx, channel, device, report, raw, None).await
}

/// As [`record_and_next`], but the device gets commands of one purpose only, if one is given: the others wait.
///
/// # Errors
/// Only where the store fails.
pub async fn record_and_next_of(
    tx: &mut dyn Tx,
    ctx: &Context,
    channel: ChannelId,
    device: DeviceId,
    report: &Report,
    raw: &[u8],
    only: Option<Purpose>,
) -> Result<Option<Delivery>, StoreError> {
    let session = Session { channel, device, now: ctx.now() };
    devices::seen(tx, device, session.now).await?;
    let look = if report.status == Status::Idle {
        store::offer_again(tx, channel).await?;
        // An Idle that says nothing else is not worth a row at each poll.
        if !report.keys.is_empty() {
            keep(tx, ctx, session, report, None, raw).await?;
        }
        None
    } else {
        let look = record(tx, ctx, session, report, raw).await?;
        // Most answers are followed by another command: said here, it needs no trip of its own. Where none follows,
        // `answered` takes it back.
        push::delivered(tx, ctx, channel).await?;
        look
    };
    let next = next(tx, ctx, session, &report.status, only.as_ref()).await?;
    mark(tx, session, look, &report.status).await?;
    Ok(next)
}

/// Which channel of an enrollment an answer comes from that could not be kept: the one of the named command, else of the one
/// that waits for an answer. `None` where there is no such command.
///
/// # Errors
/// Where the store fails.
pub async fn channel_answered(
    tx: &mut dyn Tx,
    enrollment: EnrollmentId,
    named: Option<&CommandUuid>,
) -> Result<Option<ChannelId>, StoreError> {
    store::channel_answered(tx, enrollment, named.map(CommandUuid::as_str)).await
}

/// The device answered with `size` bytes, too many to be kept: the command ends as failed, so that the same answer does not
/// come for ever. It is the named one; where no name could be seen, the one that waits for an answer. Picks what the device
/// gets next, as [`record_and_next_of`].
///
/// # Errors
/// Only where the store fails.
pub async fn record_too_large(
    tx: &mut dyn Tx,
    ctx: &Context,
    (channel, device): (ChannelId, DeviceId),
    named: Option<&CommandUuid>,
    size: u64,
    only: Option<Purpose>,
) -> Result<Option<Delivery>, StoreError> {
    let session = Session { channel, device, now: ctx.now() };
    devices::seen(tx, device, session.now).await?;
    let named = named.map(CommandUuid::as_str);
    let open = match named {
        Some(named) => store::answered(tx, channel, named).await?.map(|row| row.text("uuid")).transpose()?,
        None => store::delivered(tx, channel).await?,
    };
    let note = format!("the answer was too large: {size} bytes");
    let shown = named.or(open.as_deref());
    store::keep_report(tx, (channel, device), shown, "", Some(&note), (&[], false), session.now).await?;
    let look = open.is_some().then_some(Look { lane: Priority::Interactive, cause: "command ended" });
    if let Some(uuid) = open {
        queue::give_up(tx, vec![uuid], OutcomeState::Failed, &note, session.now).await?;
    }
    push::delivered(tx, ctx, channel).await?;
    let next = next(tx, ctx, session, &Status::Error, only.as_ref()).await?;
    mark(tx, session, look, &Status::Error).await?;
    Ok(next)
}

/// Somebody has to look at the device.
struct Look {
    lane: Priority,
    cause: &'static str,
}

/// The last thing that a transaction does. The reconciler writes in the order of queue, outbox, mark; where an answer held the
/// mark while it waits for the outbox, PostgreSQL would have to end one of the two.
async fn mark(tx: &mut dyn Tx, session: Session, look: Option<Look>, said: &Status) -> Result<(), StoreError> {
    match look {
        // The write to the outbox may still be put off. PostgreSQL runs writes that were put off together in no order.
        Some(Look { lane, cause }) if *said == Status::NotNow => {
            dirty::mark_many(tx, &[session.device], lane, cause, session.now).await
        }
        Some(Look { lane, cause }) => dirty::mark(tx, session.device, lane, cause, session.now).await,
        None => Ok(()),
    }
}

async fn record(
    tx: &mut dyn Tx,
    ctx: &Context,
    session: Session,
    report: &Report,
    raw: &[u8],
) -> Result<Option<Look>, StoreError> {
    let Some(uuid) = report.command_uuid.as_ref().map(CommandUuid::as_str) else {
        return record_unnamed(tx, ctx, session, report, raw).await;
    };
    let Some(row) = store::answered(tx, session.channel, uuid).await? else {
        return record_late(tx, ctx, session, report, raw).await;
    };
    let (own, lane) = (row.text("uuid")?, Priority::from_number(row.int("priority")?));
    let uuid = own.as_str();
    match report.status {
        Status::Acknowledged | Status::Error | Status::CommandFormatError => {
            let verdict = judge(tx, ctx, session, &row, report).await?;
            keep(tx, ctx, session, report, verdict.reason, raw).await?;
            let awaited = row.flag("awaited")?;
            if verdict.state == OutcomeState::Done {
                store::end_answered(tx, uuid, &verdict.end(), session.now).await?;
                // What waits on the device alone needs no new plan: the next command of the chain is on its way.
                if awaited && store::release(tx, uuid).await? > 0 {
                    return Ok(None);
                }
                if !awaited {
                    store::release_late(tx, uuid).await?;
                }
            } else {
                store::end(tx, &[uuid.to_owned()], &verdict.end(), session.now).await?;
                let waiting = store::dependants(tx, &[uuid.to_owned()]).await?;
                queue::drop_dependants(tx, &waiting, session.now).await?;
            }
            Ok(Some(Look { lane, cause: "command ended" }))
        }
        Status::NotNow => {
            keep(tx, ctx, session, report, None, raw).await?;
            store::not_now(tx, uuid, session.now).await?;
            Ok(Some(Look { lane, cause: "device said not now" }))
        }
        Status::Idle | Status::Unknown(_) => {
            tracing::warn!(device = %session.device, command = uuid, "a report with an unknown status was kept and ignored");
            keep(tx, ctx, session, report, Some("unknown status"), raw).await?;
            // Put off until the next session, or the two of us would go round in circles.
            store::not_now(tx, uuid, session.now).await?;
            Ok(None)
        }
    }
}

/// An answer that names no command. Which one it means nobody can say: what was delivered is put off until the next session,
/// and given up where that has been before, so that the two of us never turn in circles.
async fn record_unnamed(
    tx: &mut dyn Tx,
    ctx: &Context,
    session: Session,
    report: &Report,
    raw: &[u8],
) -> Result<Option<Look>, StoreError> {
    tracing::warn!(device = %session.device, status = report.status.as_str(), "an answer that names no command was kept");
    keep(tx, ctx, session, report, Some("names no command"), raw).await?;
    let Some((uuid, put_off)) = store::delivered_once(tx, session.channel).await? else { return Ok(None) };
    if !put_off {
        store::not_now(tx, &uuid, session.now).await?;
        return Ok(None);
    }
    let reason = "the device answered without naming the command, more than once";
    queue::give_up(tx, vec![uuid], OutcomeState::Failed, reason, session.now).await?;
    Ok(Some(Look { lane: Priority::Interactive, cause: "command ended" }))
}

/// A report about a command that is not open. The device's word on one that we had given up after it was delivered still
/// counts.
async fn record_late(
    tx: &mut dyn Tx,
    ctx: &Context,
    session: Session,
    report: &Report,
    raw: &[u8],
) -> Result<Option<Look>, StoreError> {
    let uuid = report.command_uuid.as_ref().map(CommandUuid::as_str).unwrap_or_default();
    let mut look = None;
    let ended = matches!(report.status, Status::Acknowledged | Status::Error | Status::CommandFormatError);
    let note = match store::ended(tx, session.channel, uuid).await? {
        Some(row) if ended && given_up(&row)? => {
            let verdict = judge(tx, ctx, session, &row, report).await?;
            store::revise(tx, &row.text("uuid")?, &verdict.end(), session.now).await?;
            let lane = Priority::from_number(row.int("priority")?);
            look = Some(Look { lane, cause: "command answered late" });
            "answered late"
        }
        Some(_) => "answered again",
        None => "not a command of this channel",
    };
    tracing::info!(device = %session.device, command = uuid, note, "a report about no open command was kept");
    keep(tx, ctx, session, report, Some(note), raw).await?;
    Ok(look)
}

/// Whether we gave this command up while the device may have had it, and the enrollment went on: nobody but the device knows
/// what came of it. What another enrollment was asked for stays dropped.
fn given_up(row: &Row) -> Result<bool, StoreError> {
    let state = row.text("state")?;
    let canceled =
        row.opt_text("reason")?.as_deref() == Some(queue::CANCELED) && row.opt_int("delivered_at")?.is_some();
    Ok(canceled || state == OutcomeState::Expired.as_str())
}

async fn judge(
    tx: &mut dyn Tx,
    ctx: &Context,
    session: Session,
    row: &Row,
    report: &Report,
) -> Result<Verdict, StoreError> {
    let sealed = row.opt_bytes("sealed")?;
    let hash = hex(&row.bytes("body_hash")?);
    let body = sealed.map(|sealed| ctx.store.sealer().open("command_body", "sealed", &hash, &sealed)).transpose();
    // A damaged body only costs us what was asked for.
    let body = body.unwrap_or_else(|error| {
        tracing::error!(%error, "a stored command is damaged");
        None
    });
    let body = body.as_ref().map(|body| body.as_slice());
    let uuid = row.text("uuid")?;
    let verdict = learn::learn(tx, session, &row.text("request_type")?, &uuid, body, report).await?;
    if verdict.state == OutcomeState::Done {
        secrets::keep_told(tx, ctx, &uuid, session.device, report).await?;
    }
    Ok(verdict)
}

/// Keeps a report word for word; sealed, where the device tells a secret of its own.
async fn keep(
    tx: &mut dyn Tx,
    ctx: &Context,
    session: Session,
    report: &Report,
    note: Option<&str>,
    raw: &[u8],
) -> Result<(), StoreError> {
    let uuid = report.command_uuid.as_ref().map(CommandUuid::as_str);
    let who = (session.channel, session.device);
    let status = report.status.as_str();
    if secrets::in_answer(report).is_none() {
        return store::keep_report(tx, who, uuid, status, note, (raw, false), session.now).await;
    }
    let place = secrets::place_of_answer(session.device, uuid);
    let sealed = ctx.store.sealer().seal("command_report", "raw", &place, raw)?;
    store::keep_report(tx, who, uuid, status, note, (&sealed, true), session.now).await
}

/// Picks the next command, and says to the pushes what that means for them.
async fn next(
    tx: &mut dyn Tx,
    ctx: &Context,
    session: Session,
    said: &Status,
    only: Option<&Purpose>,
) -> Result<Option<Delivery>, StoreError> {
    let Session { channel, now, .. } = session;
    let only = only.map(ToString::to_string);
    let only = only.as_deref();
    let mut found = store::take_next(tx, channel, only, now).await?;
    if found.is_none() {
        push::answered(tx, channel, now).await?;
        // What another transaction queued meanwhile is seen now, or its request for a push comes after ours.
        found = store::take_next(tx, channel, only, now).await?;
    }
    let Some(row) = found else {
        if store::has_put_off(tx, channel).await? {
            if *said == Status::NotNow {
                // It comes back by itself, but not for ever is that to be relied on.
                push::delivered(tx, ctx, channel).await?;
            } else {
                push::request(tx, channel, Priority::Bulk, now.plus(WAKE_AFTER_NOT_NOW)).await?;
            }
        }
        return Ok(None);
    };
    if *said == Status::Idle {
        push::delivered(tx, ctx, channel).await?;
    }
    let uuid = store::uuid(&row, "command")?;
    let sent_as = store::sent_as(&row, "command")?.unwrap_or_else(|| uuid.clone());
    match delivered_bytes(ctx, &sent_as, &row) {
        Ok(bytes) => Ok(Some(Delivery { uuid: sent_as, bytes })),
        Err(error) => {
            tracing::error!(%error, command = %uuid, "a stored command is damaged and was given up");
            let reason = "the stored command is damaged; restore the database from a backup";
            queue::give_up(tx, vec![uuid.as_str().to_owned()], OutcomeState::Failed, reason, now).await?;
            dirty::mark(tx, session.device, Priority::Interactive, "command ended", now).await?;
            Ok(None)
        }
    }
}

fn delivered_bytes(ctx: &Context, uuid: &CommandUuid, row: &Row) -> Result<Vec<u8>, StoreError> {
    let hash = hex(&row.bytes("body_hash")?);
    let body = ctx.store.sealer().open("command_body", "sealed", &hash, &row.bytes("sealed")?)?;
    wrap(uuid, &body).map_err(|_| StoreError::corrupt("command_body", "sealed", hash))
}
