//! What admins tell a device to do: one command or a few, at the head of its queue.
//!
//! The words of an order are the admin's; which command it becomes on this device is decided here, and whether the device may
//! get it in `commands`. Must never put a secret into an error or a log.

use super::rows::{self, Sealed};
use super::{EnrollmentError, arrival, channels};
use crate::commands::{self, NewCommand, Priority, Purpose};
use crate::context::Context;
use crate::directory::devices::Device;
use crate::ids::DeviceId;
use russet_protocol::command::{
    Command, DeviceLock, EnableLostMode, EraseDevice, ObliterationBehavior, RestartDevice, ReturnToService,
};
use russet_protocol::{CommandUuid, Platform, Secret, SecretText};
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
    /// Set itself up again without hands.
    pub return_to_service: bool,
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
/// [`EnrollmentError::NotEnrolled`]; [`EnrollmentError::Invalid`] where the order itself cannot be;
/// [`EnrollmentError::Command`] with the reason where Apple's schema forbids it for this device; or the store fails.
pub async fn give(
    tx: &mut dyn Tx,
    ctx: &Context,
    device: &Device,
    order: Order,
) -> Result<Vec<Ordered>, EnrollmentError> {
    let live = channels::live_of_device(tx, device.id).await?.ok_or(EnrollmentError::NotEnrolled)?;
    let purpose = if order == Order::Refresh { Purpose::Inventory } else { Purpose::Admin };
    let all = match order {
        Order::Refresh => unasked(tx, device.id).await?,
        Order::ClearPasscode => {
            let token = rows::sealed(tx, ctx, live.enrollment, Sealed::UnlockToken).await?;
            let missing = "the device has given no UnlockToken, without which its passcode cannot be cleared";
            let token = token.ok_or(EnrollmentError::Invalid(missing))?;
            vec![Command::ClearPasscode { unlock_token: Secret::new(token.to_vec()) }]
        }
        other => vec![command(ctx, device, other)?],
    };
    let mut ordered = Vec::with_capacity(all.len());
    for command in &all {
        let new = NewCommand {
            channel: live.channel,
            device: device.id,
            command,
            after: None,
            purpose: purpose.clone(),
            priority: Priority::Interactive,
            expires_at: None,
        };
        let uuid = commands::enqueue(tx, ctx, new).await?;
        let keeps_secret = command.secret_to_keep().is_some();
        ordered.push(Ordered { uuid, request_type: command.request_type().to_owned(), keeps_secret });
    }
    Ok(ordered)
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

/// The questions of an inventory that are not on their way already.
async fn unasked(tx: &mut dyn Tx, device: DeviceId) -> Result<Vec<Command>, StoreError> {
    let queries = arrival::QUERIES.map(str::to_owned).to_vec();
    let mut all = vec![
        Command::DeviceInformation { queries },
        Command::SecurityInfo,
        Command::ProfileList { managed_only: false },
        Command::ManagedApplicationList { identifiers: Vec::new() },
    ];
    let open = commands::open_of_device(tx, device).await?;
    let asked = |kind: &str| open.iter().any(|open| open.request_type == kind && open.purpose == Purpose::Inventory);
    all.retain(|command| !asked(command.request_type()));
    Ok(all)
}

fn command(ctx: &Context, device: &Device, order: Order) -> Result<Command, EnrollmentError> {
    Ok(match order {
        Order::Restart { notify_user } => {
            Command::RestartDevice(RestartDevice { notify_user, ..RestartDevice::default() })
        }
        Order::ShutDown => Command::ShutDownDevice,
        Order::Lock { message, phone_number, pin } => {
            let (message, phone_number) = (on_screen(message)?, on_screen(phone_number)?);
            Command::DeviceLock(DeviceLock { message, phone_number, pin: pin_for(ctx, device, pin)? })
        }
        Order::Erase(erase) => Command::EraseDevice(EraseDevice {
            preserve_data_plan: erase.preserve_data_plan,
            disallow_proximity_setup: erase.disallow_proximity_setup,
            pin: pin_for(ctx, device, erase.pin)?,
            obliteration: erase.obliteration,
            return_to_service: erase.return_to_service.then_some(ReturnToService {
                enabled: true,
                wifi_profile: None,
                mdm_profile: None,
                bootstrap_token: None,
                retry_enrollment: None,
            }),
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
        Order::Refresh | Order::ClearPasscode => return Err(EnrollmentError::Invalid("this order is no one command")),
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

/// The PIN that was given, or for a Mac a random one: without one a Mac cannot be locked, and nobody could open it again.
fn pin_for(ctx: &Context, device: &Device, given: Option<SecretText>) -> Result<Option<SecretText>, EnrollmentError> {
    match given {
        Some(pin) if pin.reveal().len() == 6 && pin.reveal().bytes().all(|digit| digit.is_ascii_digit()) => {
            Ok(Some(pin))
        }
        Some(_) => Err(EnrollmentError::Invalid("a PIN has six digits")),
        None if device.platform() == Some(Platform::MacOs) => {
            // 64 random bits: what the remainder prefers is beyond measure.
            let number = u64::from_be_bytes(ctx.random_bytes()) % 1_000_000;
            Ok(Some(Secret::new(format!("{number:06}"))))
        }
        None => Ok(None),
    }
}
