//! What admins tell a device to do: one command or a few, at the head of its queue.
//!
//! The words of an order are the admin's; which command it becomes on this device is decided here, and whether the device may
//! get it in `commands`. Must never put a secret into an error or a log.

mod filled;

use super::{EnrollmentError, channels, return_to_service, visits};
use crate::commands::{self, ChannelKind, NewCommand, Priority, Purpose};
use crate::context::Context;
use crate::directory::devices::Device;
use crate::ids::{ChannelId, DeviceId};
use russet_protocol::command::{
    Command, DeviceLock, EnableLostMode, EraseDevice, GivenCommand, ObliterationBehavior, RestartDevice,
    ReturnToService,
};
use russet_protocol::plist::Dictionary;
use russet_protocol::{CommandUuid, SecretText, Timestamp};
use russet_store::{StoreError, Tx};

/// Longest text for a Lock Screen, in characters; Apple names no limit, screens do.
const LONGEST: usize = 500;

/// What a device is told to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Order {
    /// Tell anew what it is and what is on it.
    Refresh,
    /// Restart.
    Restart {
        /// Macs only: the person restarts when it suits.
        notify_user: Option<bool>,
    },
    /// Shut down.
    ShutDown,
    /// Lock.
    Lock {
        /// A text on the Lock Screen.
        message: Option<String>,
        /// A phone number on the Lock Screen.
        phone_number: Option<String>,
        /// Macs only: six digits. Where none is given, a Mac gets random ones.
        pin: Option<SecretText>,
    },
    /// Forget its passcode.
    ClearPasscode,
    /// Erase itself.
    Erase(Erase),
    /// Lost Mode on; a message or a phone number is needed.
    EnableLostMode {
        /// A text on the Lock Screen.
        message: Option<String>,
        /// A phone number on the Lock Screen.
        phone_number: Option<String>,
        /// A line at the foot of the Lock Screen.
        footnote: Option<String>,
    },
    /// Lost Mode off.
    DisableLostMode,
    /// Play a sound, in Lost Mode.
    PlaySound,
    /// Say where it is, in Lost Mode.
    Locate,
    /// Any command, by Apple's keys. What the server knows and the keys leave out is filled in: the PIN of a Mac, the
    /// UnlockToken, the password of recoveryOS.
    Command {
        /// `RequestType`.
        request_type: String,
        /// The other keys.
        keys: Dictionary,
    },
    /// Any command, as a property list that is sent as it is.
    Given(GivenCommand),
}

/// How an order goes into the queue.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct How {
    /// To this user's channel: its `UserID` or short name. `None`: to the device's own.
    pub user: Option<String>,
    /// Not before this command has succeeded.
    pub after: Option<CommandUuid>,
    /// Not delivered from then on.
    pub expires_at: Option<Timestamp>,
    /// Behind what the server does for single devices.
    pub bulk: bool,
}

/// How a device is to erase itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Erase {
    /// Macs only: six digits. Where none is given, a Mac gets random ones.
    pub pin: Option<SecretText>,
    /// Keep the eSIM.
    pub preserve_data_plan: Option<bool>,
    /// Not to be set up by a device nearby.
    pub disallow_proximity_setup: Option<bool>,
    /// What a Mac does that cannot erase itself quickly.
    pub obliteration: Option<ObliterationBehavior>,
    /// Set itself up again without hands, with this.
    pub return_to_service: Option<ReturnToService>,
}

/// A command that came of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ordered {
    /// `CommandUUID`.
    pub uuid: CommandUuid,
    /// `RequestType`.
    pub request_type: String,
    /// Whether it set a PIN or password that somebody will need.
    pub keeps_secret: bool,
}

/// Tells a device to do something.
///
/// # Errors
/// [`EnrollmentError::NotEnrolled`]; [`EnrollmentError::NoSuchUser`]; [`EnrollmentError::Leaving`];
/// [`EnrollmentError::Invalid`] or [`EnrollmentError::Written`] where the order itself cannot be;
/// [`EnrollmentError::Command`] with the reason where Apple's schema forbids it for this device; or the store fails.
pub async fn give(
    tx: &mut dyn Tx,
    ctx: &Context,
    device: &Device,
    order: Order,
    how: How,
) -> Result<Vec<Ordered>, EnrollmentError> {
    let live = channels::live_of_device(tx, device.id).await?.ok_or(EnrollmentError::NotEnrolled)?;
    if live.leaving {
        return Err(EnrollmentError::Leaving);
    }
    let (channel, kind) = match &how.user {
        None => (live.channel, ChannelKind::Device),
        Some(user) => (user_channel(tx, device.id, user).await?, ChannelKind::User),
    };
    // The profile by which an erased device comes back holds a right that ends.
    let comes_back = matches!(&order, Order::Erase(erase) if erase.return_to_service.is_some());
    let comes_back_until = comes_back.then(|| ctx.now().plus(return_to_service::VALID));
    let purpose = if order == Order::Refresh { Purpose::Inventory } else { Purpose::Admin };
    let all = match order {
        Order::Refresh => visits::unasked(tx, device).await?,
        Order::Given(given) => {
            let uuid = CommandUuid::new(ctx.uuid().to_string());
            vec![given.or_uuid(uuid.map_err(|_| StoreError::NotFound)?).into()]
        }
        Order::Command { request_type, keys } => {
            vec![filled::command(tx, ctx, device, &live, &request_type, keys).await?]
        }
        Order::ClearPasscode => {
            vec![filled::command(tx, ctx, device, &live, "ClearPasscode", Dictionary::new()).await?]
        }
        other => {
            let command = command(other)?;
            let mut keys = command.to_dictionary();
            keys.remove("RequestType");
            vec![filled::command(tx, ctx, device, &live, command.request_type(), keys).await?]
        }
    };
    let mut ordered = Vec::with_capacity(all.len());
    for command in &all {
        let new = NewCommand {
            channel,
            device: device.id,
            command,
            after: how.after.as_ref(),
            purpose: purpose.clone(),
            priority: if how.bulk { Priority::Bulk } else { Priority::Interactive },
            expires_at: how.expires_at.or(comes_back_until),
        };
        let uuid = commands::enqueue_on(tx, ctx, new, kind).await?;
        let keeps_secret = command.secret_to_keep().is_some_and(|(_, secret)| !secret.reveal().is_empty());
        let uuid = command.chosen_uuid().cloned().unwrap_or(uuid);
        ordered.push(Ordered { uuid, request_type: command.request_type().to_owned(), keeps_secret });
    }
    Ok(ordered)
}

async fn user_channel(tx: &mut dyn Tx, device: DeviceId, user: &str) -> Result<ChannelId, EnrollmentError> {
    let mut found = channels::of_user(tx, device, user).await?;
    let only = found.pop().ok_or(EnrollmentError::NoSuchUser)?;
    if found.is_empty() { Ok(only) } else { Err(EnrollmentError::NoSuchUser) }
}

/// Cancels one open command of a device. False where it has no such open command.
///
/// # Errors
/// Where the store fails.
pub async fn cancel(tx: &mut dyn Tx, ctx: &Context, device: DeviceId, uuid: &CommandUuid) -> Result<bool, StoreError> {
    let found = commands::cancel(tx, device, uuid, ctx.now()).await?;
    // A device that is no longer asked to leave stays.
    let sql = "UPDATE enrollment SET unenroll_command = NULL WHERE device = $1 AND unenroll_command = $2";
    tx.run(sql, &[(&device.text()).into(), uuid.as_str().into()]).await?;
    Ok(found)
}

/// Cancels all open commands of a device, but for those that end or renew its enrollment. How many there were.
///
/// # Errors
/// Where the store fails.
pub async fn cancel_all(tx: &mut dyn Tx, ctx: &Context, device: DeviceId) -> Result<u64, StoreError> {
    commands::cancel_all(tx, device, ctx.now()).await
}

fn command(order: Order) -> Result<Command, EnrollmentError> {
    Ok(match order {
        Order::Restart { notify_user } => {
            Command::RestartDevice(RestartDevice { notify_user, ..RestartDevice::default() })
        }
        Order::ShutDown => Command::ShutDownDevice,
        Order::Lock { message, phone_number, pin } => {
            let (message, phone_number) = (on_screen(message)?, on_screen(phone_number)?);
            Command::DeviceLock(DeviceLock { message, phone_number, pin })
        }
        Order::Erase(erase) => Command::EraseDevice(EraseDevice {
            preserve_data_plan: erase.preserve_data_plan,
            disallow_proximity_setup: erase.disallow_proximity_setup,
            pin: erase.pin,
            obliteration: erase.obliteration,
            return_to_service: erase.return_to_service,
        }),
        Order::EnableLostMode { message, phone_number, footnote } => {
            let lost = EnableLostMode {
                message: on_screen(message)?,
                phone_number: on_screen(phone_number)?,
                footnote: on_screen(footnote)?,
            };
            if lost.message.is_none() && lost.phone_number.is_none() {
                return Err(EnrollmentError::Invalid("Lost Mode needs a message or a phone number to show"));
            }
            Command::EnableLostMode(lost)
        }
        Order::DisableLostMode => Command::DisableLostMode,
        Order::PlaySound => Command::PlayLostModeSound,
        Order::Locate => Command::DeviceLocation,
        Order::Refresh | Order::ClearPasscode | Order::Command { .. } | Order::Given(_) => {
            return Err(EnrollmentError::Invalid("this order is no one command"));
        }
    })
}

/// A text for the Lock Screen; an empty one is none.
fn on_screen(text: Option<String>) -> Result<Option<String>, EnrollmentError> {
    let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    if text.as_ref().is_some_and(|text| text.chars().count() > LONGEST) {
        return Err(EnrollmentError::Invalid("a text for the Lock Screen may have 500 characters"));
    }
    Ok(text)
}
