//! How an enrollment ends: the device said so, it took our command to remove its profile, or it enrolled anew.

use super::identity::State;
use super::records::{self, Record};
use super::{EnrollmentError, channels};
use crate::commands::{self, NewCommand, Priority, Purpose};
use crate::context::Context;
use crate::directory::{dirty, installed_profiles, managed_apps};
use crate::ids::{ChannelId, DeviceId};
use crate::push;
use russet_protocol::command::Command;
use russet_protocol::{CommandUuid, Timestamp};
use russet_store::{StoreError, Tx};

/// Asks the device to leave: queues the removal of its enrollment profile. The enrollment ends once the device has done so.
/// Where it was asked before and has not answered, that command stands.
///
/// # Errors
/// [`EnrollmentError::NotEnrolled`] where the device has no live enrollment; or the store fails.
pub async fn unenroll(tx: &mut dyn Tx, ctx: &Context, device: DeviceId) -> Result<CommandUuid, EnrollmentError> {
    let Some(enrollment) = records::live_of(tx, device).await? else { return Err(EnrollmentError::NotEnrolled) };
    let asked = enrollment.unenroll_command.as_deref().and_then(|uuid| CommandUuid::new(uuid).ok());
    if let Some(uuid) = asked
        && commands::outcome(tx, &uuid).await?.is_none()
    {
        return Ok(uuid);
    }
    let channel = channels::device_channel(tx, enrollment.id).await?.ok_or(EnrollmentError::NotEnrolled)?;
    let identifier = match enrollment.profile_identifier {
        ours if !ours.is_empty() => ours,
        _ => of_another(tx, device).await?,
    };
    let command = Command::RemoveProfile { identifier };
    let new = NewCommand {
        channel,
        device,
        command: &command,
        after: None,
        purpose: Purpose::Unenroll,
        priority: Priority::Interactive,
        expires_at: None,
    };
    let uuid = commands::enqueue(tx, ctx, new).await?;
    tx.run(
        "UPDATE enrollment SET unenroll_command = $2 WHERE id = $1",
        &[(&enrollment.id.text()).into(), uuid.as_str().into()],
    )
    .await?;
    Ok(uuid)
}

/// The profile that holds the management of a device whose profile we did not make: as the device itself says.
async fn of_another(tx: &mut dyn Tx, device: DeviceId) -> Result<String, EnrollmentError> {
    let mut found = installed_profiles::with_mdm(tx, device).await?;
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(_), false) => Err(EnrollmentError::Invalid(
            "the device names several profiles that hold its management: remove the right one on the device",
        )),
        (None, _) => Err(EnrollmentError::Invalid(
            "this server did not make the enrollment profile of this device, and the device has not named it: ask with \
             `russet admin devices refresh`, and try again when it has answered",
        )),
    }
}

/// Ends an enrollment: its queues are emptied, its pushes stop, and somebody looks what is to be taken back. Facts that
/// belong to the device (owner, licenses, escrow) stay.
pub(super) async fn end(tx: &mut dyn Tx, enrollment: &Record, reason: &str, now: Timestamp) -> Result<(), StoreError> {
    tx.run(
        "UPDATE enrollment SET state = $2, reason = $3, ended_at = $4, unlock_token = NULL, unenroll_command = NULL,
                renew_at = NULL, renewal_command = NULL, renewal_asked_at = NULL, visit_at = NULL, inventory_at = NULL
         WHERE id = $1",
        &[(&enrollment.id.text()).into(), State::Ended.text().into(), reason.into(), now.millis().into()],
    )
    .await?;
    for channel in channels::of_enrollment(tx, enrollment.id).await? {
        end_channel(tx, channel, reason, now).await?;
    }
    if let Some(device) = enrollment.device {
        // With the enrollment went what it had brought.
        managed_apps::forget(tx, device).await?;
        installed_profiles::forget(tx, device).await?;
        dirty::mark(tx, device, dirty::Lane::Interactive, "enrollment ended", now).await?;
    }
    Ok(())
}

/// Ends one conversation: its queue is emptied and its pushes stop, until the next TokenUpdate.
pub(super) async fn end_channel(
    tx: &mut dyn Tx,
    channel: ChannelId,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    commands::drop_all(tx, channel, reason, now).await?;
    push::forget(tx, channel).await
}
