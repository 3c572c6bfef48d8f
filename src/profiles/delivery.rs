//! Which profiles a device has, as far as it confirmed them, and the commands that change it.
//!
//! What a command did is read from its outcome, so an answer needs no second place to be written down; [`settle`] writes it
//! into the rows of this room before the history of commands is pruned. Nothing counts as installed before the device has
//! acknowledged it.

use super::compose::Composed;
use crate::commands::{self, CommandError, NewCommand, OutcomeState, Priority, Purpose};
use crate::context::Context;
use crate::directory::installed_profiles;
use crate::ids::{ChannelId, DeviceId};
use russet_protocol::command::Command;
use russet_protocol::{CommandUuid, Timestamp};
use russet_store::{Row, StoreError, Tx, Value};
use std::collections::{BTreeMap, BTreeSet};

/// In the place of a hash: the device lists the profile, though it had said that it removed it. What is in it is not known. A device
/// that was restored from a backup has what it had then.
pub const LISTED: &str = "listed";

/// What was last asked of a device about a profile, unless it was answered well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Queued or delivered, not answered.
    Open {
        /// The command.
        command: CommandUuid,
        /// The hash of what it installs; `None`: it removes.
        hash: Option<String>,
        /// Since when.
        since: Timestamp,
    },
    /// The device refused.
    Failed {
        /// The hash of what it should have installed; `None`: it should have removed.
        hash: Option<String>,
        /// When.
        at: Timestamp,
        /// What the device said. Hostile text.
        text: String,
        /// How often the same was refused before.
        tries: u32,
    },
}

/// One profile on one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceProfile {
    /// The device.
    pub device: DeviceId,
    /// The channel that was asked: what another enrollment's channel was told counts no more.
    pub channel: ChannelId,
    /// `PayloadIdentifier`.
    pub identifier: String,
    /// The hash of what the device confirmed to have, or [`LISTED`]; `None` when it has none of it.
    pub installed_hash: Option<String>,
    /// When it confirmed that, or that it removed it.
    pub installed_at: Option<Timestamp>,
    /// What was last asked, unless it was answered well.
    pub asked: Option<Asked>,
}

/// All profiles of one device.
#[derive(Debug, Clone, Default)]
pub struct DeviceProfiles {
    /// Each of them.
    pub each: Vec<DeviceProfile>,
    /// Whether a command has ended that [`settle`] has not written down yet.
    pub unsettled: bool,
}

/// A row, with what its command has come to.
struct Kept {
    known: DeviceProfile,
    command: Option<(CommandUuid, Option<String>, Timestamp)>,
    tries: u32,
    /// The command has ended, which the row does not say yet.
    unsettled: bool,
}

/// The profiles of one device.
///
/// # Errors
/// Where the store fails.
pub async fn states(tx: &mut dyn Tx, device: DeviceId) -> Result<Vec<DeviceProfile>, StoreError> {
    Ok(states_of(tx, &[device]).await?.remove(&device).unwrap_or_default().each)
}

/// The profiles of many devices; devices without any are left out.
///
/// # Errors
/// Where the store fails.
pub async fn states_of(
    tx: &mut dyn Tx,
    devices: &[DeviceId],
) -> Result<BTreeMap<DeviceId, DeviceProfiles>, StoreError> {
    let mut states: BTreeMap<DeviceId, DeviceProfiles> = BTreeMap::new();
    for kept in load(tx, devices).await? {
        let profiles = states.entry(kept.known.device).or_default();
        profiles.unsettled |= kept.unsettled;
        profiles.each.push(kept.known);
    }
    Ok(states)
}

/// Queues the installation of a profile. Nothing is queued where an open command installs this very content already: its
/// CommandUUID is given back.
///
/// # Errors
/// Where the store fails.
pub async fn install(
    tx: &mut dyn Tx,
    ctx: &Context,
    device: DeviceId,
    channel: ChannelId,
    profile: &Composed,
    after: Option<&CommandUuid>,
) -> Result<CommandUuid, CommandError> {
    let command = Command::InstallProfile { payload: profile.bytes.clone() };
    ask(tx, ctx, (device, channel), &profile.identifier, Some(&profile.hash), &command, after).await
}

/// Queues the removal of a profile. Nothing is queued where an open command removes it already.
///
/// # Errors
/// Where the store fails.
pub async fn remove(
    tx: &mut dyn Tx,
    ctx: &Context,
    device: DeviceId,
    channel: ChannelId,
    identifier: &str,
    after: Option<&CommandUuid>,
) -> Result<CommandUuid, CommandError> {
    let command = Command::RemoveProfile { identifier: identifier.to_owned() };
    ask(tx, ctx, (device, channel), identifier, None, &command, after).await
}

/// Writes down what the commands of a device have come to. Call it whenever a device is looked at and
/// [`DeviceProfiles::unsettled`] says that there is something to write.
///
/// # Errors
/// Where the store fails.
pub async fn settle(tx: &mut dyn Tx, device: DeviceId) -> Result<(), StoreError> {
    for kept in load(tx, &[device]).await? {
        if kept.unsettled {
            write(tx, &kept.known, None, kept.tries).await?;
        }
    }
    Ok(())
}

/// Nothing is known any more of the profiles of this device: it was erased, or has left.
///
/// # Errors
/// Where the store fails.
pub async fn forget(tx: &mut dyn Tx, device: DeviceId) -> Result<(), StoreError> {
    tx.run("DELETE FROM device_profile WHERE device_id = $1", &[(&device.text()).into()]).await.map(|_| ())
}

async fn ask(
    tx: &mut dyn Tx,
    ctx: &Context,
    (device, channel): (DeviceId, ChannelId),
    identifier: &str,
    hash: Option<&str>,
    command: &Command,
    after: Option<&CommandUuid>,
) -> Result<CommandUuid, CommandError> {
    let before = load(tx, &[device]).await?.into_iter().find(|kept| kept.known.identifier == identifier);
    // Under another enrollment everything begins anew.
    let before = before.filter(|kept| kept.known.channel == channel);
    if let Some(Kept { known: DeviceProfile { asked: Some(Asked::Open { command, hash: open, .. }), .. }, .. }) =
        &before
        && open.as_deref() == hash
    {
        return Ok(command.clone());
    }
    let (known, tries) = match before {
        Some(kept) => (kept.known, kept.tries),
        None => {
            let identifier = identifier.to_owned();
            (DeviceProfile { device, channel, identifier, installed_hash: None, installed_at: None, asked: None }, 0)
        }
    };
    let purpose = Purpose::Profile(identifier.to_owned());
    let priority = Priority::Interactive;
    let new = NewCommand { channel, device, command, after, purpose, priority, expires_at: None };
    let uuid = commands::enqueue(tx, ctx, new).await?;
    write(tx, &known, Some((&uuid, hash, ctx.now())), tries).await?;
    Ok(uuid)
}

/// The rows, with what their commands have come to, and with what the device has listed since.
async fn load(tx: &mut dyn Tx, devices: &[DeviceId]) -> Result<Vec<Kept>, StoreError> {
    let mut kept = confirmed(tx, devices).await?;
    if kept.is_empty() {
        return Ok(kept);
    }
    let lists = installed_profiles::named_by(tx, devices).await?;
    for Kept { known, .. } in &mut kept {
        let failed_at = match &known.asked {
            Some(Asked::Open { .. }) => continue,
            Some(Asked::Failed { at, .. }) => Some(*at),
            None => None,
        };
        let Some((listed_at, named)) = lists.get(&known.device) else { continue };
        if known.installed_at.max(failed_at).is_none_or(|said| *listed_at <= said) {
            continue;
        }
        match (named.contains(&known.identifier), &known.installed_hash) {
            (false, Some(_)) => known.installed_hash = None,
            (true, None) => known.installed_hash = Some(LISTED.to_owned()),
            _ => {}
        }
    }
    Ok(kept)
}

async fn confirmed(tx: &mut dyn Tx, devices: &[DeviceId]) -> Result<Vec<Kept>, StoreError> {
    let ids: Vec<String> = devices.iter().map(|device| device.text()).collect();
    let list: Vec<Value<'_>> = ids.iter().map(Into::into).collect();
    let rows = tx
        .rows_in(
            "SELECT device_id, identifier, channel_id, installed_hash, installed_at, command, command_hash, command_at,
                    failed_hash, failed_at, failed_text, failed_tries
             FROM device_profile WHERE device_id IN ({list}) ORDER BY device_id, identifier",
            &[],
            &list,
        )
        .await?;
    let mut kept: Vec<Kept> = rows.iter().map(read).collect::<Result<_, _>>()?;
    if kept.iter().all(|one| one.command.is_none()) {
        return Ok(kept);
    }
    let asked: Vec<CommandUuid> = kept.iter().filter_map(|one| Some(one.command.as_ref()?.0.clone())).collect();
    // First what is open, then what has ended: a command that ends in between is in both. The other way round it would be in
    // neither, and what the device has just confirmed would be forgotten.
    let open: BTreeSet<CommandUuid> =
        commands::open_of_devices(tx, devices).await?.into_iter().map(|command| command.uuid).collect();
    let ended = commands::outcomes(tx, &asked).await?;
    let ended: BTreeMap<CommandUuid, commands::Outcome> =
        ended.into_iter().map(|outcome| (outcome.uuid.clone(), outcome)).collect();
    for one in &mut kept {
        let Some((command, hash, since)) = one.command.take() else { continue };
        if open.contains(&command) {
            one.known.asked = Some(Asked::Open { command, hash, since });
            continue;
        }
        one.unsettled = true;
        conclude(one, hash, ended.get(&command));
    }
    Ok(kept)
}

/// What follows for the row from the end of its command. One that was dropped or expired said nothing of the device.
fn conclude(kept: &mut Kept, hash: Option<String>, ended: Option<&commands::Outcome>) {
    let Some(outcome) = ended else { return };
    match outcome.state {
        OutcomeState::Done => {
            kept.known.installed_at = Some(outcome.ended_at);
            kept.known.installed_hash = hash;
            kept.known.asked = None;
            kept.tries = 0;
        }
        OutcomeState::Failed => {
            let again = matches!(&kept.known.asked, Some(Asked::Failed { hash: before, .. }) if *before == hash);
            kept.tries = if again { kept.tries.saturating_add(1) } else { 0 };
            let (at, text, tries) = (outcome.ended_at, words(outcome), kept.tries);
            kept.known.asked = Some(Asked::Failed { hash, at, text, tries });
        }
        OutcomeState::Dropped | OutcomeState::Expired => {}
    }
}

/// What the device said, from the outermost error inwards.
fn words(outcome: &commands::Outcome) -> String {
    let said: Vec<String> = outcome
        .error_chain
        .iter()
        .map(|item| {
            let text = item.english.as_deref().unwrap_or(&item.localized);
            format!("{text} ({} {})", item.domain, item.code)
        })
        .collect();
    if said.is_empty() {
        return outcome.reason.clone().unwrap_or_else(|| "the device gave no reason".to_owned());
    }
    said.join(": ")
}

fn read(row: &Row) -> Result<Kept, StoreError> {
    let id = row.text("device_id")?;
    let damaged = |column| StoreError::corrupt("device_profile", column, &id);
    let command = match row.opt_text("command")? {
        None => None,
        Some(uuid) => {
            let uuid = CommandUuid::new(uuid).map_err(|_| damaged("command"))?;
            Some((uuid, row.opt_text("command_hash")?, Timestamp(row.int("command_at")?)))
        }
    };
    let tries = u32::try_from(row.int("failed_tries")?).unwrap_or(u32::MAX);
    let failed = row.opt_int("failed_at")?.map(Timestamp);
    let asked = match failed {
        None => None,
        Some(at) => {
            let text = row.opt_text("failed_text")?.unwrap_or_default();
            Some(Asked::Failed { hash: row.opt_text("failed_hash")?, at, text, tries })
        }
    };
    let known = DeviceProfile {
        device: id.parse().map_err(|_| damaged("device_id"))?,
        channel: row.text("channel_id")?.parse().map_err(|_| damaged("channel_id"))?,
        identifier: row.text("identifier")?,
        installed_hash: row.opt_text("installed_hash")?,
        installed_at: row.opt_int("installed_at")?.map(Timestamp),
        asked,
    };
    Ok(Kept { known, command, tries, unsettled: false })
}

async fn write(
    tx: &mut dyn Tx,
    known: &DeviceProfile,
    command: Option<(&CommandUuid, Option<&str>, Timestamp)>,
    tries: u32,
) -> Result<(), StoreError> {
    let failed = match &known.asked {
        Some(Asked::Failed { hash, at, text, .. }) => Some((hash.as_deref(), at.millis(), text.as_str())),
        _ => None,
    };
    tx.run(
        "INSERT INTO device_profile (device_id, identifier, channel_id, installed_hash, installed_at, command, command_hash,
            command_at, failed_hash, failed_at, failed_text, failed_tries)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (device_id, identifier) DO UPDATE SET channel_id = excluded.channel_id,
            installed_hash = excluded.installed_hash, installed_at = excluded.installed_at, command = excluded.command,
            command_hash = excluded.command_hash, command_at = excluded.command_at, failed_hash = excluded.failed_hash,
            failed_at = excluded.failed_at, failed_text = excluded.failed_text, failed_tries = excluded.failed_tries",
        &[
            (&known.device.text()).into(),
            (&known.identifier).into(),
            (&known.channel.text()).into(),
            known.installed_hash.as_deref().into(),
            known.installed_at.map(Timestamp::millis).into(),
            command.map(|(uuid, ..)| uuid.as_str()).into(),
            command.and_then(|(_, hash, _)| hash).into(),
            command.map(|(.., at)| at.millis()).into(),
            failed.and_then(|(hash, ..)| hash).into(),
            failed.map(|(_, at, _)| at).into(),
            failed.map(|(.., text)| text).into(),
            tries.into(),
        ],
    )
    .await
    .map(|_| ())
}
