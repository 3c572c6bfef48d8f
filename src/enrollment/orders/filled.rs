//! A command by Apple's keys, and what the server knows and the keys leave out: the PIN of a Mac, the UnlockToken, the password
//! of recoveryOS. Must never put a secret into an error or a log.

use super::super::channels::LiveChannel;
use super::super::rows::{self, Sealed};
use super::EnrollmentError;
use crate::commands::{self, KeptSecret};
use crate::context::Context;
use crate::directory::devices::Device;
use russet_protocol::Platform;
use russet_protocol::command::Command;
use russet_protocol::plist::{Dictionary, Value};
use russet_store::Tx;

/// What a password is made of: no letter that looks like another one.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// The command that these keys are on this device.
pub(super) async fn command(
    tx: &mut dyn Tx,
    ctx: &Context,
    device: &Device,
    live: &LiveChannel,
    request_type: &str,
    mut keys: Dictionary,
) -> Result<Command, EnrollmentError> {
    match request_type {
        "DeviceLock" | "EraseDevice" => pin(ctx, device, &mut keys)?,
        "EnableLostMode" if !keys.contains_key("Message") && !keys.contains_key("PhoneNumber") => {
            return Err(EnrollmentError::Invalid("Lost Mode needs a message or a phone number to show"));
        }
        "ClearPasscode" if !keys.contains_key("UnlockToken") => {
            let token = rows::sealed(tx, ctx, live.enrollment, Sealed::UnlockToken).await?;
            let missing = "the device has given no UnlockToken, without which its passcode cannot be cleared";
            let token = token.ok_or(EnrollmentError::Invalid(missing))?;
            keys.insert("UnlockToken".to_owned(), Value::Data(token.to_vec()));
        }
        "SetRecoveryLock" => {
            if let Some(present) =
                recovery_lock(tx, ctx, device).await?.filter(|_| !keys.contains_key("CurrentPassword"))
            {
                keys.insert("CurrentPassword".to_owned(), present.text.as_str().into());
            }
            if !keys.contains_key("NewPassword") {
                keys.insert("NewPassword".to_owned(), password(ctx).into());
            }
        }
        "VerifyRecoveryLock" if !keys.contains_key("Password") => {
            let missing = "no password of recoveryOS was set from here; give the one to be verified";
            let present = recovery_lock(tx, ctx, device).await?.ok_or(EnrollmentError::Invalid(missing))?;
            keys.insert("Password".to_owned(), present.text.as_str().into());
        }
        // Without it the device would be neither in nor out; asked to leave it, it is told apart.
        "RemoveProfile" if is_of_enrollment(tx, live, &keys).await? => {
            return Err(EnrollmentError::Invalid("this profile is the enrollment itself; unenroll the device instead"));
        }
        _ => {}
    }
    Ok(Command::from_written(request_type, &keys)?)
}

/// The password of recoveryOS that was last set and acknowledged; none where it was taken away.
async fn recovery_lock(tx: &mut dyn Tx, ctx: &Context, device: &Device) -> Result<Option<KeptSecret>, EnrollmentError> {
    let kept = commands::secret_in_use(tx, ctx, device.id, "recovery_lock_password").await?;
    Ok(kept.filter(|kept| !kept.text.is_empty()))
}

/// The PIN that was given, or for a Mac a random one: without one a Mac cannot be locked, and nobody could open it again.
fn pin(ctx: &Context, device: &Device, keys: &mut Dictionary) -> Result<(), EnrollmentError> {
    match keys.get("PIN").map(Value::as_string) {
        Some(Some(pin)) if pin.len() == 6 && pin.bytes().all(|digit| digit.is_ascii_digit()) => {}
        Some(_) => return Err(EnrollmentError::Invalid("a PIN has six digits, and is given as a text")),
        None if device.platform() == Some(Platform::MacOs) => {
            // 64 random bits: what the remainder prefers is beyond measure.
            let number = u64::from_be_bytes(ctx.random_bytes()) % 1_000_000;
            keys.insert("PIN".to_owned(), format!("{number:06}").into());
        }
        None => {}
    }
    Ok(())
}

/// 100 random bits, in words that can be typed at a Mac that shows nothing but a field: `abcde-fghij-kmnpq-rstuv`.
fn password(ctx: &Context) -> String {
    let letters: Vec<char> = ctx
        .random_bytes::<20>()
        .iter()
        .filter_map(|byte| LETTERS.get(usize::from(byte & 31)).map(|letter| char::from(*letter)))
        .collect();
    letters.chunks(5).map(|word| word.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

async fn is_of_enrollment(tx: &mut dyn Tx, live: &LiveChannel, keys: &Dictionary) -> Result<bool, EnrollmentError> {
    let sql = "SELECT profile_identifier FROM enrollment WHERE id = $1";
    let own = tx.one(sql, &[(&live.enrollment.text()).into()]).await?.text("profile_identifier")?;
    Ok(keys.get("Identifier").and_then(Value::as_string) == Some(own.as_str()))
}
