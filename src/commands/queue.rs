//! Into the queue, and out of it without an answer.

use super::history::{self, OutcomeState};
use super::store::{self, End, NewRow};
use super::{ChannelKind, CommandError, Priority, Purpose, admission, secrets};
use crate::context::Context;
use crate::directory::dirty;
use crate::ids::{ChannelId, DeviceId};
use crate::push;
use ring::digest::{SHA256, digest};
use russet_protocol::command::Command;
use russet_protocol::{CommandUuid, Timestamp};
use russet_store::{StoreError, Tx};
use std::time::Duration;

/// What passes everything else in the queue, even what was delivered and not answered: somebody has lost the device.
const AT_ONCE: [&str; 3] = ["DeviceLock", "EraseDevice", "EnableLostMode"];
/// When the device is looked at again after the server asked it for what it must not be asked: it must not go in circles.
const AFTER_FORBIDDEN: Duration = Duration::from_secs(900);

/// What becomes of a command whose predecessor did not succeed.
pub(super) const DEPENDENCY_FAILED: &str = "what it depends on failed";

/// Why a command ended that an admin canceled.
pub(super) const CANCELED: &str = "canceled by an admin";

/// A command to be queued.
#[derive(Debug)]
pub struct NewCommand<'a> {
    /// Who is to get it.
    pub channel: ChannelId,
    /// The device of this channel.
    pub device: DeviceId,
    /// What it is to do.
    pub command: &'a Command,
    /// Not before this command has succeeded. If that fails, this one is dropped.
    pub after: Option<&'a CommandUuid>,
    /// What it is for.
    pub purpose: Purpose,
    /// Interactive commands pass bulk ones; lock and wipe pass everything.
    pub priority: Priority,
    /// Not delivered from then on; it then ends as expired.
    pub expires_at: Option<Timestamp>,
}

/// [`enqueue_on`] the device's own channel.
///
/// # Errors
/// As there.
pub async fn enqueue(tx: &mut dyn Tx, ctx: &Context, new: NewCommand<'_>) -> Result<CommandUuid, CommandError> {
    enqueue_on(tx, ctx, new, ChannelKind::Device).await
}

/// Queues a command and asks for the push that makes the device come: the one path into the queue.
///
/// What Apple's schema forbids for the device is refused where an admin asked for it. Where the server did, the command is in
/// the history at once as failed, with the reason: whoever sent it finds it there like any other that the device refused.
///
/// The answer is our own name of the command, which is its CommandUUID as well unless the command brings one along. Asking for
/// the very installation that is already open on this channel gives the open command's. Where `after` has already failed, the
/// new command is in the history at once, as dropped.
///
/// # Errors
/// [`CommandError::AlreadyOpen`] where another installation of the same app is open, [`CommandError::UuidTaken`] where the
/// CommandUUID that the command brings along is not new to this channel, [`CommandError::Forbidden`] as said above; or the
/// store fails.
pub async fn enqueue_on(
    tx: &mut dyn Tx,
    ctx: &Context,
    new: NewCommand<'_>,
    kind: ChannelKind,
) -> Result<CommandUuid, CommandError> {
    let (uuid, waits) = put(tx, ctx, &new, kind).await?;
    if !waits {
        push::request(tx, new.channel, new.priority, ctx.now()).await?;
    }
    Ok(uuid)
}

/// As [`enqueue_on`], without the push: the device gets the command when it comes for another reason.
///
/// # Errors
/// As there.
pub async fn enqueue_quietly(
    tx: &mut dyn Tx,
    ctx: &Context,
    new: NewCommand<'_>,
    kind: ChannelKind,
) -> Result<CommandUuid, CommandError> {
    Ok(put(tx, ctx, &new, kind).await?.0)
}

/// Writes the row; whether there is nothing to come for yet.
async fn put(
    tx: &mut dyn Tx,
    ctx: &Context,
    new: &NewCommand<'_>,
    kind: ChannelKind,
) -> Result<(CommandUuid, bool), CommandError> {
    let now = ctx.now();
    let forbidden = admission::forbidden(tx, new, kind).await?;
    if let (Some(forbidden), Purpose::Admin) = (&forbidden, &new.purpose) {
        return Err(forbidden.clone().into());
    }
    let chosen = new.command.chosen_uuid();
    if let Some(chosen) = chosen
        && store::is_known(tx, new.channel, chosen).await?
    {
        return Err(CommandError::UuidTaken(chosen.clone()));
    }
    let hash = body(tx, ctx, new.command).await?;
    let uuid = CommandUuid::new(ctx.uuid().to_string()).map_err(|_| StoreError::NotFound)?;
    let (waits_for, hopeless) = predecessor(tx, new.after).await?;
    let purpose = new.purpose.to_string();
    let row = NewRow {
        uuid: &uuid,
        sent_as: chosen,
        channel: new.channel,
        device: new.device,
        request_type: new.command.request_type(),
        body_hash: &hash,
        purpose: &purpose,
        priority: rank(new.command, new.priority),
        waits_for,
        now,
        expires_at: new.expires_at,
    };
    if !store::insert(tx, &row).await? {
        if let Some(chosen) = chosen
            && store::is_known(tx, new.channel, chosen).await?
        {
            return Err(CommandError::UuidTaken(chosen.clone()));
        }
        let open = store::open_install(tx, new.channel, &purpose).await?;
        let live = open.expires_at.is_none_or(|at| at > now);
        if live && open.body_hash == hash {
            return Ok((open.uuid, true));
        }
        if live {
            return Err(CommandError::AlreadyOpen(open.uuid));
        }
        give_up(tx, vec![open.uuid.as_str().to_owned()], OutcomeState::Expired, history::EXPIRED, now).await?;
        store::insert(tx, &row).await?;
    }
    secrets::keep(tx, ctx, &uuid, new.device, new.command).await?;
    let ended = forbidden.is_some() || hopeless;
    if let Some(forbidden) = forbidden {
        let reason = forbidden.to_string();
        tracing::warn!(device = %new.device, %reason, "a command is not for this device and was not sent");
        give_up(tx, vec![uuid.as_str().to_owned()], OutcomeState::Failed, &reason, now).await?;
        dirty::mark(tx, new.device, Priority::Bulk, "command not for this device", now.plus(AFTER_FORBIDDEN)).await?;
    } else if hopeless {
        give_up(tx, vec![uuid.as_str().to_owned()], OutcomeState::Dropped, DEPENDENCY_FAILED, now).await?;
    }
    Ok((uuid, ended || waits_for.is_some()))
}

/// Stores the body where it is not stored yet, and gives its name.
async fn body(tx: &mut dyn Tx, ctx: &Context, command: &Command) -> Result<[u8; 32], StoreError> {
    let (body, now) = (command.to_body(), ctx.now());
    let mut hash = [0; 32];
    if command.holds_short_secret() {
        // From its hash a PIN could be found by trying them all. Nobody else gets the same command anyway.
        hash = ctx.random_bytes();
    } else {
        hash.copy_from_slice(digest(&SHA256, &body).as_ref());
        if store::has_body(tx, &hash, now).await? {
            return Ok(hash);
        }
    }
    let sealed = ctx.store.sealer().seal("command_body", "sealed", &hex(&hash), &body)?;
    store::put_body(tx, &hash, &sealed, now).await?;
    Ok(hash)
}

/// The number by which the queue is ordered: smaller is first, below zero before everything.
fn rank(command: &Command, priority: Priority) -> i64 {
    if AT_ONCE.contains(&command.request_type()) { -1 } else { priority.number() }
}

/// What `after` means today: the open command to wait for, and whether waiting is hopeless.
async fn predecessor<'a>(
    tx: &mut dyn Tx,
    after: Option<&'a CommandUuid>,
) -> Result<(Option<&'a CommandUuid>, bool), StoreError> {
    let Some(after) = after else { return Ok((None, false)) };
    if store::is_open(tx, after).await? {
        return Ok((Some(after), false));
    }
    let ended = history::outcome(tx, after).await?;
    Ok((None, ended.is_none_or(|outcome| outcome.state != OutcomeState::Done)))
}

/// Takes back a command that has not been delivered yet, and those that wait for it. False, and nothing happens, where it has
/// been delivered, has ended, or is not known.
pub async fn withdraw(tx: &mut dyn Tx, uuid: &CommandUuid, reason: &str, now: Timestamp) -> Result<bool, StoreError> {
    if !store::is_undelivered(tx, uuid).await? {
        return Ok(false);
    }
    give_up(tx, vec![uuid.as_str().to_owned()], OutcomeState::Dropped, reason, now).await?;
    Ok(true)
}

/// Whether a command has not ended yet.
///
/// # Errors
/// Where the store fails.
pub async fn is_open(tx: &mut dyn Tx, uuid: &CommandUuid) -> Result<bool, StoreError> {
    store::is_open(tx, uuid).await
}

/// Ends an open command as done, for this reason: its effect has shown, whatever became of the answer.
///
/// # Errors
/// Where the store fails.
pub async fn settle(tx: &mut dyn Tx, uuid: &CommandUuid, reason: &str, now: Timestamp) -> Result<(), StoreError> {
    let how = End { state: Some(OutcomeState::Done), reason: Some(reason), ..End::default() };
    store::end(tx, &[uuid.as_str().to_owned()], &how, now).await?;
    store::release(tx, uuid.as_str()).await.map(|_| ())
}

/// Ends an open command because an admin says so, delivered or not, and those that wait for it. A device that has it may still
/// carry it out; its answer is then recorded. False where the device has no such open command.
pub async fn cancel(tx: &mut dyn Tx, device: DeviceId, uuid: &CommandUuid, now: Timestamp) -> Result<bool, StoreError> {
    let open = store::open_on_device(tx, device, uuid).await?;
    let found = !open.is_empty();
    cancel_these(tx, device, open, now).await?;
    Ok(found)
}

/// As [`cancel`], all open commands of a device, but for those that end or renew its enrollment: it would be neither in nor
/// out. How many there were.
pub async fn cancel_all(tx: &mut dyn Tx, device: DeviceId, now: Timestamp) -> Result<u64, StoreError> {
    let open = store::clearable_of_device(tx, device).await?;
    let count = u64::try_from(open.len()).unwrap_or(u64::MAX);
    cancel_these(tx, device, open, now).await?;
    Ok(count)
}

async fn cancel_these(tx: &mut dyn Tx, device: DeviceId, open: Vec<String>, now: Timestamp) -> Result<(), StoreError> {
    if open.is_empty() {
        return Ok(());
    }
    give_up(tx, open, OutcomeState::Dropped, CANCELED, now).await?;
    dirty::mark(tx, device, Priority::Interactive, "command canceled", now).await
}

/// Ends all open commands of a channel, delivered or not, for this reason. How many there were.
pub async fn drop_all(tx: &mut dyn Tx, channel: ChannelId, reason: &str, now: Timestamp) -> Result<u64, StoreError> {
    let open = store::open_of_channel(tx, channel).await?;
    let how = End { state: Some(OutcomeState::Dropped), reason: Some(reason), ..End::default() };
    store::end(tx, &open, &how, now).await?;
    Ok(u64::try_from(open.len()).unwrap_or(u64::MAX))
}

/// Ends the open commands of a channel for this reason, but for those that end or renew its enrollment, as [`cancel_all`].
/// How many there were.
pub async fn clear(tx: &mut dyn Tx, channel: ChannelId, reason: &str, now: Timestamp) -> Result<u64, StoreError> {
    let open = store::clearable(tx, channel).await?;
    let count = u64::try_from(open.len()).unwrap_or(u64::MAX);
    give_up(tx, open, OutcomeState::Dropped, reason, now).await?;
    Ok(count)
}

/// Ends commands without an answer, and drops those that wait for them.
pub(super) async fn give_up(
    tx: &mut dyn Tx,
    uuids: Vec<String>,
    state: OutcomeState,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut dependants = store::dependants(tx, &uuids).await?;
    dependants.retain(|one| !uuids.contains(one));
    store::end(tx, &uuids, &End { state: Some(state), reason: Some(reason), ..End::default() }, now).await?;
    drop_dependants(tx, &dependants, now).await
}

/// Drops commands whose predecessor did not succeed.
pub(super) async fn drop_dependants(tx: &mut dyn Tx, uuids: &[String], now: Timestamp) -> Result<(), StoreError> {
    let how = End { state: Some(OutcomeState::Dropped), reason: Some(DEPENDENCY_FAILED), ..End::default() };
    store::end(tx, uuids, &how, now).await
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
