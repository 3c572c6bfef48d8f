//! Whether a command may go to a device at all: what Apple's schema says it is for, against what is known of the device.

use super::{NewCommand, Purpose};
use crate::directory::devices;
use russet_protocol::command::Command;
use russet_protocol::support::{self, ChannelKind, Forbidden, OsVersion, Target};
use russet_store::{StoreError, Tx};

/// Why the device must not get this command, if so. What is not known of a device forbids nothing.
pub(super) async fn forbidden(
    tx: &mut dyn Tx,
    new: &NewCommand<'_>,
    channel: ChannelKind,
) -> Result<Option<Forbidden>, StoreError> {
    let device = devices::get(tx, new.device).await?;
    // A device that waits in Setup Assistant said so itself: that counts more than what it was before.
    let waiting = new.purpose == Purpose::Setup || *new.command == Command::DeviceConfigured;
    let target = Target {
        platform: device.platform(),
        os_version: device.os_version.as_deref().and_then(OsVersion::parse),
        channel: Some(channel),
        supervised: device.supervised.filter(|_| !waiting),
        user_enrollment: Some(device.udid.is_none() && device.user_enrollment_id.is_some()),
        shared_ipad: device.shared_ipad,
        automated: device.automated.filter(|_| !waiting),
    };
    Ok(support::check(new.command, &target).err())
}
