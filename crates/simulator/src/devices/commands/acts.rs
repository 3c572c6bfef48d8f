//! Commands that act on the whole device: lock, passcode, erase, restart, shut down, mirroring, the end of Setup Assistant
//! (Apple schema: device.lock.yaml, passcode.clear.yaml, device.erase.yaml, device.restart.yaml, device.shutdown.yaml,
//! mirroring.request.yaml, device.configured.yaml, user.configured.yaml). What ends the session happens after the answer.

use super::super::channel::Channel;
use super::super::device::Device;
use super::super::power::After;
use super::super::profile::AppleError;
use super::super::state::Enrollment;
use super::Reply;
use russet_protocol::Platform;
use russet_protocol::command::{DeviceLock, EraseDevice, RequestMirroring};
use russet_protocol::result::{Answer, DeviceLockAnswer, MirroringAnswer};
use russet_protocol::{SecretBytes, SecretText};

/// `DeviceLock`. A Mac with a PIN restarts and asks for it; the others lock their screen.
pub(super) fn lock(device: &Device, lock: &DeviceLock) -> Result<Reply, AppleError> {
    let mac = device.hardware.platform == Platform::MacOs;
    pin(lock.pin.as_ref())?;
    let shows = lock.message.is_some() || lock.phone_number.is_some();
    let result = device.change(|state| {
        let result = match () {
            () if state.lost.is_some() => "DeviceInLostMode",
            () if !state.passcode => "NoPasscodeSet",
            () => "Success",
        };
        state.locked = state.passcode || mac;
        if result == "Success" {
            state.lock_message = lock.message.clone();
        }
        result
    });
    let answer = DeviceLockAnswer { message_result: shows.then(|| result.to_owned()) };
    let after = if mac && lock.pin.is_some() { After::Pin } else { After::Nothing };
    Ok(Reply { after, ..Reply::done(Answer::DeviceLock(answer)) })
}

/// `ClearPasscode`: with the device's own UnlockToken only.
pub(super) fn clear_passcode(
    device: &Device,
    enrollment: &Enrollment,
    token: &SecretBytes,
) -> Result<Reply, AppleError> {
    if enrollment.unlock_token.as_ref() != Some(token.reveal()) {
        return Err(AppleError::mdm(12019, "The UnlockToken is not this device's"));
    }
    device.change(|state| {
        state.passcode = false;
        state.locked = false;
    });
    Ok(Reply::done(Answer::none()))
}

/// `EraseDevice`: acknowledged first, then everything is gone.
pub(super) fn erase(erase: EraseDevice) -> Result<Reply, AppleError> {
    pin(erase.pin.as_ref())?;
    Ok(Reply { after: After::Erase(erase.return_to_service), ..Reply::done(Answer::none()) })
}

/// A PIN has six characters.
fn pin(pin: Option<&SecretText>) -> Result<(), AppleError> {
    match pin {
        Some(pin) if pin.reveal().chars().count() != 6 => Err(AppleError::mdm(12008, "A PIN has six characters")),
        _ => Ok(()),
    }
}

/// `RestartDevice` and `ShutDownDevice`.
pub(super) fn and_then(after: After) -> Reply {
    Reply { after, ..Reply::done(Answer::none()) }
}

/// `RequestMirroring`: the person is asked.
pub(super) fn mirror(request: &RequestMirroring) -> Result<Reply, AppleError> {
    let result = match (&request.destination_name, &request.destination_id) {
        (None, None) => return Err(AppleError::mdm(12008, "DestinationName or DestinationDeviceID is needed")),
        // What these devices have around them: any receiver that is not called so.
        (Some(name), _) if name == "Nowhere" => "DestinationNotFound",
        _ => "Prompting",
    };
    Ok(Reply::done(Answer::RequestMirroring(MirroringAnswer { result: Some(result.to_owned()) })))
}

/// `DeviceConfigured` and `UserConfigured`: Setup Assistant goes on.
pub(super) fn configured(device: &Device, channel: Channel) -> Reply {
    device.change(|state| match channel {
        Channel::Device => state.awaiting = false,
        Channel::User(place) => {
            if let Some(user) = state.users.get_mut(place) {
                user.awaiting = false;
            }
        }
    });
    Reply::done(Answer::none())
}
