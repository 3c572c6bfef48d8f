//! Lost Mode (Apple schema: device.lostmode.*.yaml), on supervised iPhones and iPads. Apple publishes no list of the numbers of
//! its errors; nothing may depend on the one used here.

use super::super::device::Device;
use super::super::profile::AppleError;
use super::Reply;
use russet_protocol::command::EnableLostMode;
use russet_protocol::result::{Answer, Location};

/// `EnableLostMode`: there has to be something to show to who finds it.
pub(super) fn enable(device: &Device, lost: &EnableLostMode) -> Result<Reply, AppleError> {
    let shown = match (&lost.message, &lost.phone_number) {
        (None, None) => return Err(AppleError::mdm(12008, "Lost Mode needs a Message or a PhoneNumber")),
        (message, phone) => {
            [message.as_deref(), phone.as_deref(), lost.footnote.as_deref()].into_iter().flatten().collect::<Vec<_>>()
        }
    };
    let shown = shown.join(" / ");
    device.change(|state| state.lost = Some(shown));
    Ok(Reply::done(Answer::none()))
}

/// `DisableLostMode`.
pub(super) fn disable(device: &Device) -> Result<Reply, AppleError> {
    in_lost_mode(device)?;
    device.change(|state| state.lost = None);
    Ok(Reply::done(Answer::none()))
}

/// `PlayLostModeSound`.
pub(super) fn play_sound(device: &Device) -> Result<Reply, AppleError> {
    in_lost_mode(device)?;
    device.change(|state| state.sounds += 1);
    Ok(Reply::done(Answer::none()))
}

/// `DeviceLocation`: somewhere in the park of an invented town, each device at a place of its own.
pub(super) fn location(device: &Device) -> Result<Reply, AppleError> {
    in_lost_mode(device)?;
    let step = f64::from(u32::try_from(device.hardware.index % 10_000).unwrap_or(0)) / 100_000.0;
    let answer = Location {
        latitude: 52.5 + step,
        longitude: 13.4 - step,
        horizontal_accuracy: Some(65.0),
        vertical_accuracy: Some(10.0),
        altitude: Some(38.5),
        speed: Some(-1.0),
        course: Some(-1.0),
        timestamp: Some(jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
    };
    Ok(Reply::done(Answer::DeviceLocation(answer)))
}

fn in_lost_mode(device: &Device) -> Result<(), AppleError> {
    match device.state().lost {
        Some(_) => Ok(()),
        None => Err(AppleError::mdm(12067, "The device is not in Lost Mode")),
    }
}
