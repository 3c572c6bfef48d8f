//! Keeps what went over the wire as files, one folder per kind and target, so that it can be held against Apple's schema:
//! `checkin/iOS_18.1_supervised_device_device/…plist` (system, version, supervision, channel, kind of enrollment). Must never change what a device does: a file that cannot be written is left out,
//! with a warning.

use super::channel::Channel;
use super::roster::Hardware;
use openssl::sha::sha256;
use plist::{Dictionary, Value};
use russet_protocol::Platform;
use std::path::PathBuf;

/// What is kept.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// A check-in message that the device sent.
    CheckIn,
    /// A command that it received.
    Command,
    /// A profile that it received, without its signature.
    Profile,
}

/// Where it is kept; nowhere without a folder.
pub(super) struct Record(pub(super) Option<PathBuf>);

impl Record {
    /// Keeps a document as it was on the wire.
    pub(super) fn bytes(&self, kind: Kind, hardware: &Hardware, channel: Channel, bytes: &[u8]) {
        let Some(folder) = &self.0 else { return };
        let kind = match kind {
            Kind::CheckIn => "checkin",
            Kind::Command => "command",
            Kind::Profile => "profile",
        };
        let system = match hardware.platform {
            Platform::MacOs => "macOS",
            Platform::TvOs => "tvOS",
            _ => "iOS",
        };
        let supervised = if hardware.supervised { "supervised" } else { "unsupervised" };
        let channel = if channel == Channel::Device { "device" } else { "user" };
        let enrollment = if hardware.enrollment_id.is_some() { "user" } else { "device" };
        let target = format!("{system}_{}_{supervised}_{channel}_{enrollment}", hardware.os_version);
        let folder = folder.join(kind).join(target);
        let name = format!("{}-{}.plist", hardware.serial, &super::device::hex(&sha256(bytes))[..16]);
        if let Err(error) = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(folder.join(name), bytes)) {
            tracing::warn!(%error, folder = %folder.display(), "what went over the wire could not be kept");
        }
    }

    /// Keeps the content of a profile.
    pub(super) fn profile(&self, hardware: &Hardware, channel: Channel, top: &Dictionary) {
        if self.0.is_none() {
            return;
        }
        let mut bytes = Vec::new();
        if Value::Dictionary(top.clone()).to_writer_xml(&mut bytes).is_ok() {
            self.bytes(Kind::Profile, hardware, channel, &bytes);
        }
    }
}
