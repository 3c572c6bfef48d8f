//! A device arrives: its Authenticate, its TokenUpdate, and the guard before the place of another enrollment.
//!
//! A new enrollment takes the place of an older one of the same device with its first TokenUpdate, not before: a device
//! whose new enrollment fails half-way goes back to the old profile, and must find its server as it left it.

use super::identity::{Refused, Speaker, State};
use super::invitations::{self, Admission};
use super::records::{self, Record};
use super::{EnrollmentError, SILENT_AFTER, channels, ending, messages, questions, rows, visits};
use crate::commands::{self, ChannelKind, NewCommand, Priority, Purpose};
use crate::context::Context;
use crate::directory::devices::{self, NewFacts};
use crate::directory::{dirty, inventory, standing};
use crate::ids::{ChannelId, DeviceId};
use crate::push;
use russet_protocol::checkin::{Authenticate, TokenUpdate};
use russet_protocol::command::Command;
use russet_protocol::plist::Dictionary;
use russet_protocol::{SerialNumber, Timestamp, Udid, UserEnrollmentId};
use russet_store::{StoreError, Tx};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
/// Why a second enrollment of a device waits.
const HELD: &str = "the device is enrolled already, by another identity that was in use within the last 7 days";

/// The device says who it is. The first time this binds the enrollment to it; from then on it only brings facts.
pub(super) async fn authenticate(
    tx: &mut dyn Tx,
    ctx: &Context,
    speaker: &Speaker,
    message: &Authenticate,
) -> Result<Result<(), Refused>, EnrollmentError> {
    if message.sender.user_key().is_some() {
        // Only devices enroll; users come later, with a TokenUpdate.
        return Ok(Ok(()));
    }
    if speaker.state == State::Offered {
        return first_authenticate(tx, ctx, speaker, message).await;
    }
    if let Some(device) = speaker.device {
        // Its answer was lost, or its identity was renewed: nothing is reset.
        devices::upsert_from_authenticate(tx, &facts(message), device, ctx.now()).await?;
    }
    Ok(Ok(()))
}

async fn first_authenticate(
    tx: &mut dyn Tx,
    ctx: &Context,
    speaker: &Speaker,
    message: &Authenticate,
) -> Result<Result<(), Refused>, EnrollmentError> {
    let sender = &message.sender;
    if sender.udid.is_none() && sender.user_enrollment_id.is_none() {
        return Err(EnrollmentError::Unreadable("Authenticate names neither UDID nor EnrollmentID".to_owned()));
    }
    let now = ctx.now();
    let enrollment = records::locked(tx, speaker.enrollment).await?;
    tx.run(
        "UPDATE enrollment SET udid = $2, user_enrollment_id = $3, serial = $4, authenticated_at = $5 WHERE id = $1",
        &[
            (&enrollment.id.text()).into(),
            sender.udid.as_ref().map(Udid::as_str).into(),
            sender.user_enrollment_id.as_ref().map(UserEnrollmentId::as_str).into(),
            message.serial_number.as_ref().map(SerialNumber::as_str).into(),
            now.millis().into(),
        ],
    )
    .await?;
    if let Admission::Refused(reason) =
        invitations::admit(tx, enrollment.invitation, message.serial_number.as_ref()).await?
    {
        tracing::warn!(enrollment = %enrollment.id, reason, "an enrollment was rejected");
        records::set_state(tx, enrollment.id, State::Rejected, Some(reason)).await?;
        return Ok(Err(Refused::Over));
    }
    let enrollment = records::locked(tx, enrollment.id).await?;
    if may_replace(tx, &enrollment, now).await?.is_none() {
        tracing::warn!(enrollment = %enrollment.id, "a second enrollment of an enrolled device is held");
        records::set_state(tx, enrollment.id, State::Held, Some(HELD)).await?;
        return Ok(Ok(()));
    }
    bind(tx, ctx, &enrollment, message).await?;
    Ok(Ok(()))
}

/// Binds an admitted enrollment to its device; its first TokenUpdate is awaited.
pub(super) async fn bind(
    tx: &mut dyn Tx,
    ctx: &Context,
    enrollment: &Record,
    message: &Authenticate,
) -> Result<DeviceId, StoreError> {
    let device = devices::upsert_from_authenticate(tx, &facts(message), DeviceId(ctx.uuid()), ctx.now()).await?;
    tx.run(
        "UPDATE enrollment SET device = $2 WHERE id = $1",
        &[(&enrollment.id.text()).into(), (&device.text()).into()],
    )
    .await?;
    if let Some(user) = invitations::made_for(tx, enrollment.invitation).await?.user {
        devices::set_owner(tx, device, user, ctx.now()).await?;
    }
    records::set_state(tx, enrollment.id, State::Enrolling, None).await?;
    Ok(device)
}

/// The device says how it can be woken. The first time this completes the enrollment.
pub(super) async fn token_update(
    tx: &mut dyn Tx,
    ctx: &Context,
    speaker: &Speaker,
    message: &TokenUpdate,
) -> Result<(), EnrollmentError> {
    match (speaker.state, speaker.device) {
        (State::Live, Some(device)) => {
            let (channel, is_new) = take_token(tx, ctx, speaker.enrollment, message).await?;
            configure(tx, ctx, device, channel, message).await?;
            if message.sender.user_key().is_none() {
                if is_new {
                    // It may have been restored from a backup, and have other apps and profiles than we know.
                    let apps = Command::ManagedApplicationList { identifiers: Vec::new() };
                    for command in [apps, Command::ProfileList { managed_only: false }] {
                        ask(tx, ctx, device, channel, &command, Purpose::Inventory).await?;
                    }
                }
                dirty::mark(tx, device, dirty::Lane::Interactive, "token update", ctx.now()).await?;
            }
            Ok(())
        }
        (State::Enrolling, Some(_)) if message.sender.user_key().is_none() => {
            let enrollment = records::locked(tx, speaker.enrollment).await?;
            let Some(replaced) = may_replace(tx, &enrollment, ctx.now()).await? else {
                // Another one was faster since our Authenticate.
                return Ok(records::set_state(tx, enrollment.id, State::Held, Some(HELD)).await?);
            };
            complete(tx, ctx, &enrollment, message, &replaced).await?;
            match enrollment.device {
                Some(device) => Ok(devices::seen(tx, device, ctx.now()).await?),
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// The enrollment is in use from now on, in the place of those it replaces.
pub(super) async fn complete(
    tx: &mut dyn Tx,
    ctx: &Context,
    enrollment: &Record,
    message: &TokenUpdate,
    replaced: &[Record],
) -> Result<(), EnrollmentError> {
    let now = ctx.now();
    let device = enrollment.device.ok_or_else(|| StoreError::corrupt("enrollment", "device", enrollment.id))?;
    for old in replaced {
        ending::end(tx, old, "the device enrolled again", now).await?;
    }
    // What an earlier enrollment brought is gone from the device, or has to be looked at anew.
    inventory::forget_lists(tx, device).await?;
    standing::enrolled(tx, device).await?;
    tx.run(
        "UPDATE enrollment SET state = $2, reason = NULL, live_at = $3 WHERE id = $1",
        &[(&enrollment.id.text()).into(), State::Live.text().into(), now.millis().into()],
    )
    .await?;
    let (channel, _) = take_token(tx, ctx, enrollment.id, message).await?;
    configure(tx, ctx, device, channel, message).await?;
    for user in messages::of_users(tx, ctx, enrollment.id).await? {
        // Users who said so while the device itself had to wait.
        let (channel, _) = take_token(tx, ctx, enrollment.id, &user).await?;
        configure(tx, ctx, device, channel, &user).await?;
    }
    let known = devices::get(tx, device).await?;
    for command in [questions::information(&known), Command::SecurityInfo] {
        ask(tx, ctx, device, channel, &command, Purpose::Inventory).await?;
    }
    visits::begin(tx, enrollment.id, device, now).await?;
    dirty::mark(tx, device, dirty::Lane::Interactive, "enrolled", now).await?;
    tracing::info!(enrollment = %enrollment.id, device = %device, "a device has enrolled");
    Ok(())
}

/// Stores where pushes go, and the device's UnlockToken where there is one: a TokenUpdate without it leaves the stored one.
/// Gives the channel, and whether it was pushed elsewhere before.
async fn take_token(
    tx: &mut dyn Tx,
    ctx: &Context,
    enrollment: crate::ids::EnrollmentId,
    message: &TokenUpdate,
) -> Result<(ChannelId, bool), StoreError> {
    let now = ctx.now();
    let channel = channels::ensure(tx, enrollment, &message.sender, ChannelId(ctx.uuid()), now).await?;
    let is_new = !push::is_target(tx, channel, &message.token, &message.push_magic).await?;
    push::set_target(tx, channel, &message.token, &message.push_magic, &message.topic, now).await?;
    if let Some(token) = message.unlock_token.as_ref().filter(|_| message.sender.user_key().is_none()) {
        rows::put_sealed(tx, ctx, enrollment, rows::Sealed::UnlockToken, Some(token)).await?;
    }
    Ok((channel, is_new))
}

/// A device that waits in Setup Assistant is let go on; so is a user of a Shared iPad. Source: Apple schema, `userconfigured.yaml`,
/// `device.configured.yaml`.
async fn configure(
    tx: &mut dyn Tx,
    ctx: &Context,
    device: DeviceId,
    channel: ChannelId,
    message: &TokenUpdate,
) -> Result<(), EnrollmentError> {
    if message.awaiting_configuration == Some(true) {
        let (command, kind) = match message.sender.user_key() {
            None => (Command::DeviceConfigured, ChannelKind::Device),
            Some(_) => {
                let command = Command::Raw { request_type: "UserConfigured".to_owned(), keys: Dictionary::new() };
                (command, ChannelKind::User)
            }
        };
        let (purpose, priority) = (Purpose::Setup, Priority::Interactive);
        let new = NewCommand { channel, device, command: &command, after: None, purpose, priority, expires_at: None };
        commands::enqueue_on(tx, ctx, new, kind).await?;
    }
    Ok(())
}

async fn ask(
    tx: &mut dyn Tx,
    ctx: &Context,
    device: DeviceId,
    channel: ChannelId,
    command: &Command,
    purpose: Purpose,
) -> Result<(), EnrollmentError> {
    let priority = Priority::Interactive;
    let new = NewCommand { channel, device, command, after: None, purpose, priority, expires_at: None };
    commands::enqueue(tx, ctx, new).await?;
    Ok(())
}

/// The live enrollments of the same hardware that this one may replace, none if there are none; `None` where it has to wait:
/// another one is in use, and no invitation named this serial number or the device's owner. A UDID or a serial number is no
/// secret, so that naming it gives nobody the place of its device.
pub(super) async fn may_replace(
    tx: &mut dyn Tx,
    enrollment: &Record,
    now: Timestamp,
) -> Result<Option<Vec<Record>>, StoreError> {
    let live = records::live_beside(tx, enrollment).await?;
    if live.is_empty() {
        return Ok(Some(live));
    }
    let made_for = invitations::made_for(tx, enrollment.invitation).await?;
    if made_for.serial.is_some() && made_for.serial == enrollment.serial {
        return Ok(Some(live));
    }
    let ids: Vec<DeviceId> = live.iter().filter_map(|one| one.device).collect();
    let seen = devices::of_ids(tx, &ids).await?;
    let owned = |one: &Record| {
        let device = seen.iter().find(|device| Some(device.id) == one.device);
        made_for.user.is_some()
            && device.and_then(|device| device.owner.as_ref()).map(|owner| owner.id) == made_for.user
    };
    if live.iter().all(owned) {
        return Ok(Some(live));
    }
    let wiped = standing::wiped_among(tx, &ids).await?;
    let gone = |one: &Record| {
        let device = seen.iter().find(|device| Some(device.id) == one.device);
        let last = device.and_then(|device| device.seen_at).max(one.live_at);
        let wiped_at = wiped.iter().find(|(device, at)| Some(*device) == one.device && Some(*at) > one.live_at);
        // Who acknowledged its erasure has nothing left that another identity could take, unless it speaks afterwards: then it
        // was not erased. Its last word is known to the minute.
        let erased = wiped_at.is_some_and(|(_, at)| last.is_none_or(|last| last.since(*at) <= MINUTE));
        erased || last.is_none_or(|last| now.since(last) >= SILENT_AFTER)
    };
    Ok(live.iter().all(gone).then_some(live))
}

fn facts(message: &Authenticate) -> NewFacts<'_> {
    NewFacts {
        udid: message.sender.udid.as_ref(),
        user_enrollment_id: message.sender.user_enrollment_id.as_ref(),
        serial: message.serial_number.as_ref(),
        name: message.device_name.as_deref(),
        product_name: message.product_name.as_deref(),
        model: message.model.as_deref(),
        model_name: message.model_name.as_deref(),
        os_version: message.os_version.as_deref(),
        build: message.build_version.as_deref(),
    }
}
