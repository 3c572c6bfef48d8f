//! What a command is for: platforms and versions, channels, supervision, kinds of enrollment, down to its keys and, for
//! `Settings`, its items. The facts are Apple's schema's, in a table that `scripts/schema-facts` makes.
//!
//! What is not known of a target never refuses anything: the device itself has the last word.

mod table;
#[cfg(test)]
mod tests;

pub use table::OsVersion;

use crate::command::Command;
use crate::ids::Platform;
use plist::{Dictionary, Value};
use std::fmt;
use table::Limits;

/// Whose queue a command is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChannelKind {
    /// The device's own.
    Device,
    /// That of one of its users: of a Mac, or of a Shared iPad.
    User,
}

/// What is known of the device that is to get a command; `None`: not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Target {
    /// Its platform.
    pub platform: Option<Platform>,
    /// The version of its system.
    pub os_version: Option<OsVersion>,
    /// The channel.
    pub channel: Option<ChannelKind>,
    /// Whether it is supervised.
    pub supervised: Option<bool>,
    /// Whether it is in a user enrollment.
    pub user_enrollment: Option<bool>,
    /// Whether it is a Shared iPad.
    pub shared_ipad: Option<bool>,
    /// Whether it came by Automated Device Enrollment.
    pub automated: Option<bool>,
}

/// Why Apple's schema forbids a command for a target, for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {why}")]
pub struct Forbidden {
    what: What,
    why: Why,
}

/// The part of a command that is forbidden.
#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Command(String),
    Key(String, String),
    Setting(String),
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(name) => f.write_str(name),
            Self::Key(command, key) => write!(f, "the key {key} of {command}"),
            Self::Setting(item) => write!(f, "the setting {item}"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Absent(Platform),
    Older(Platform, OsVersion, OsVersion),
    Removed(Platform, OsVersion, OsVersion),
    NotOnDeviceChannel,
    NotOnUserChannel,
    Unsupervised,
    NotAutomated,
    UserEnrollment,
    OnlyUserEnrollment,
    SharedIpad,
    OnlySharedIpad,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(platform) => write!(f, "does not exist on {}", platform.as_str()),
            Self::Older(platform, needed, found) => {
                write!(f, "needs {} {needed}; the device has {found}", platform.as_str())
            }
            Self::Removed(platform, removed, found) => {
                write!(f, "is gone since {} {removed}; the device has {found}", platform.as_str())
            }
            Self::NotOnDeviceChannel => f.write_str("is for the channel of a user, not for that of the device"),
            Self::NotOnUserChannel => f.write_str("is for the channel of the device, not for that of a user"),
            Self::Unsupervised => f.write_str("is for supervised devices only, and this one is not supervised"),
            Self::NotAutomated => f.write_str("is for devices of Automated Device Enrollment only"),
            Self::UserEnrollment => f.write_str("is forbidden in a user enrollment"),
            Self::OnlyUserEnrollment => f.write_str("is for user enrollments only"),
            Self::SharedIpad => f.write_str("is forbidden on a Shared iPad"),
            Self::OnlySharedIpad => f.write_str("is for Shared iPads only"),
        }
    }
}

/// Whether a command may be sent to a target.
///
/// # Errors
/// What Apple's schema forbids, and why. A command that the schema does not know is never forbidden.
pub fn check(command: &Command, target: &Target) -> Result<(), Forbidden> {
    let name = command.request_type();
    let forbid = |what| move |why| Forbidden { what, why };
    let Some(platforms) = table::of(name) else { return Ok(()) };
    if let Some(platform) = target.platform {
        let Some(limits) = platforms.on(platform) else {
            return Err(forbid(What::Command(name.to_owned()))(Why::Absent(platform)));
        };
        limits.allow(platform, target).map_err(forbid(What::Command(name.to_owned())))?;
    }
    let keys = command.to_dictionary();
    for key in keys.keys() {
        let limits = table::of(&format!("{name}.{key}"));
        part(limits, target).map_err(forbid(What::Key(name.to_owned(), key.clone())))?;
    }
    for item in items(name, &keys) {
        let limits = table::of(&format!("Settings/{item}"));
        part(limits, target).map_err(forbid(What::Setting(item.to_owned())))?;
    }
    Ok(())
}

/// A key or setting: where the table is silent, what holds for its command holds for it.
fn part(limits: Option<&table::Platforms>, target: &Target) -> Result<(), Why> {
    let Some(platform) = target.platform else { return Ok(()) };
    limits.and_then(|limits| limits.on(platform)).map_or(Ok(()), |limits| limits.allow(platform, target))
}

fn items<'a>(name: &str, keys: &'a Dictionary) -> Vec<&'a str> {
    let list = if name == "Settings" { keys.get("Settings").and_then(Value::as_array) } else { None };
    let item = |value: &'a Value| value.as_dictionary()?.get("Item")?.as_string();
    list.into_iter().flatten().filter_map(item).collect()
}

impl Limits {
    fn allow(&self, platform: Platform, target: &Target) -> Result<(), Why> {
        if self.absent {
            return Err(Why::Absent(platform));
        }
        if let (Some(needed), Some(found)) = (self.introduced, target.os_version)
            && found < needed
        {
            return Err(Why::Older(platform, needed, found));
        }
        if let (Some(removed), Some(found)) = (self.removed, target.os_version)
            && found >= removed
        {
            return Err(Why::Removed(platform, removed, found));
        }
        // On iPads the channel of a user exists on Shared iPads only, and the schema speaks of those apart.
        let shared = target.shared_ipad == Some(true);
        match target.channel {
            Some(ChannelKind::Device) if self.no_device_channel || (shared && self.no_shared_device_channel) => {
                return Err(Why::NotOnDeviceChannel);
            }
            Some(ChannelKind::User) if self.no_user_channel || self.no_shared_user_channel => {
                return Err(Why::NotOnUserChannel);
            }
            _ => {}
        }
        let rules = [
            (self.supervised, target.supervised, false, Why::Unsupervised),
            (self.automated, target.automated, false, Why::NotAutomated),
            (self.no_user_enrollment, target.user_enrollment, true, Why::UserEnrollment),
            (self.only_user_enrollment, target.user_enrollment, false, Why::OnlyUserEnrollment),
            (self.no_shared_ipad, target.shared_ipad, true, Why::SharedIpad),
            (self.only_shared_ipad, target.shared_ipad, false, Why::OnlySharedIpad),
        ];
        for (rule, known, forbidden, why) in rules {
            if rule && known == Some(forbidden) {
                return Err(why);
            }
        }
        Ok(())
    }
}
