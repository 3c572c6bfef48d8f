//! What is known about one device, in the form the planner needs. Facts are what devices and Apple said, never what
//! was meant; the room fills them from rows.

use crate::memory::{DeviceMemory, Memory};
use crate::settings::Settings;
use crate::support::EnrollmentKind;
use russet_protocol::{AdamId, BundleId, CommandUuid, Platform, SerialNumber, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Whether there is an enrollment to work with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Enrolled {
    /// No live enrollment: left, erased, removed, or not yet (again) enrolled.
    #[default]
    Gone,
    /// The device has begun to enroll and cannot be woken yet (no TokenUpdate).
    Beginning,
    /// Live, with a push token.
    Live,
}

/// One device.
#[derive(Debug, Clone, Default)]
pub struct DeviceFacts {
    /// The platform; nothing is planned while it is unknown.
    pub platform: Option<Platform>,
    /// The OS version as the device reports it.
    pub os_version: Option<String>,
    /// Installs are silent on supervised devices.
    pub supervised: bool,
    /// The kind of enrollment.
    pub kind: EnrollmentKind,
    /// The state of the enrollment.
    pub enrolled: Enrolled,
    /// The serial number, upper case. Missing on user enrollments.
    pub serial: Option<SerialNumber>,
    /// What was asked of the device as a whole.
    pub memory: DeviceMemory,
    /// Every app that is wanted on the device or was ever handled there, in a stable order.
    pub apps: Vec<AppFacts>,
    /// Every profile that [`crate::profiles::wanted`] names, and every one of ours that is or may be on the device.
    pub profiles: Vec<ProfileFacts>,
}

impl DeviceFacts {
    /// When the device last answered a complete `ManagedApplicationList` under this enrollment.
    #[must_use]
    pub fn listed_at(&self) -> Option<Timestamp> {
        self.memory.listed_at
    }
}

/// The license record for one app and this device, as Apple last told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum License {
    /// None, and none asked for.
    #[default]
    Nothing,
    /// Asked for; Apple has not confirmed yet.
    Associating {
        /// Since when.
        since: Timestamp,
    },
    /// Confirmed by Apple: the event is complete, or the assignment was read.
    Assigned,
    /// Being given back; Apple has not confirmed yet.
    Releasing {
        /// Since when.
        since: Timestamp,
    },
    /// Apple's service refused.
    Failed {
        /// Apple's error number.
        number: i64,
        /// Apple's words.
        text: String,
        /// When it is tried again.
        retry_at: Timestamp,
    },
    /// All licenses of the asset are in use.
    NoneLeft {
        /// Since when this device waits.
        since: Timestamp,
    },
}

/// What the device says about an app (`Status` of `ManagedApplicationList`, mdm/commands/managed.application.list.yaml).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Installed and managed.
    Managed,
    /// On its way: queued, redeeming, validating, installing, updating. The text is Apple's.
    Underway(String),
    /// The device asks the person. The text is Apple's.
    AsksPerson(String),
    /// Managed, and removed by the person.
    RemovedByPerson,
    /// The person had installed it himself; it is not managed. Reported once.
    InstalledByPerson,
    /// The person refused. Reported once. The text is Apple's.
    Refused(String),
    /// The installation failed. Reported once.
    Failed,
    /// A value we do not know.
    Unknown(String),
}

impl Presence {
    /// Reads Apple's value.
    #[must_use]
    pub fn of_status(status: &str) -> Self {
        match status {
            "Managed" => Self::Managed,
            "Queued" | "Redeeming" | "ValidatingPurchase" | "Installing" | "ValidatingUpdate" | "Updating" => {
                Self::Underway(status.to_owned())
            }
            "Prompting"
            | "PromptingForLogin"
            | "PromptingForUpdate"
            | "PromptingForUpdateLogin"
            | "PromptingForManagement"
            | "NeedsRedemption" => Self::AsksPerson(status.to_owned()),
            "ManagedButUninstalled" => Self::RemovedByPerson,
            "UserInstalledApp" => Self::InstalledByPerson,
            "UserRejected" | "UpdateRejected" | "ManagementRejected" => Self::Refused(status.to_owned()),
            "Failed" => Self::Failed,
            other => Self::Unknown(other.to_owned()),
        }
    }

    /// Whether the device tells this once and then forgets it, so that it must be kept.
    #[must_use]
    pub fn is_told_once(&self) -> bool {
        matches!(self, Self::InstalledByPerson | Self::Refused(_) | Self::Failed)
    }

    /// Whether a managed copy of the app is or is about to be on the device.
    #[must_use]
    pub fn is_there(&self) -> bool {
        !matches!(self, Self::InstalledByPerson | Self::Refused(_) | Self::Failed | Self::RemovedByPerson)
    }
}

/// An app's entry in the last complete `ManagedApplicationList`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// What the device says.
    pub presence: Presence,
    /// `ManagementFlags`, if the device reported them.
    pub flags: Option<u8>,
}

/// One app on one device.
#[derive(Debug, Clone)]
pub struct AppFacts {
    /// Our id of the app.
    pub app: Uuid,
    /// Its name, for texts.
    pub name: String,
    /// Its number in Apple's store.
    pub adam: AdamId,
    /// Its bundle identifier, once metadata is known.
    pub bundle_id: Option<BundleId>,
    /// Whether the app is meant for this device.
    pub wanted: bool,
    /// For an app that is not mandatory: whether its rollout reached this device.
    pub rolled_out: bool,
    /// Whether the app is made for this device's platform.
    pub fits: bool,
    /// The settings that count.
    pub settings: Settings,
    /// The license record.
    pub license: License,
    /// The entry in the last complete list; `None` where the list lacks the app or there is no list yet.
    pub listed: Option<Listed>,
    /// What was asked and what came of it.
    pub memory: Memory,
}

/// Which profile. There is at most one of each per device, but for VPN profiles.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProfileKey {
    /// An imported per-app VPN profile. First, for others refer to it.
    Vpn(Uuid),
    /// The device's Kerberos single sign-on profile (one payload a device).
    SingleSignOn,
    /// The device's network usage rules (one payload a device).
    NetworkUsage,
    /// The Mac's map from apps to VPNs (one payload a device).
    AppMapping,
}

impl ProfileKey {
    /// What the profile is, in words.
    #[must_use]
    pub fn words(&self) -> &'static str {
        match self {
            Self::Vpn(_) => "per-app VPN profile",
            Self::SingleSignOn => "single sign-on profile",
            Self::NetworkUsage => "network usage rules profile",
            Self::AppMapping => "app-to-VPN mapping",
        }
    }
}

/// The newest thing asked of the device about a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileCommand {
    /// Queued or delivered, not answered.
    Open {
        /// The command.
        command: CommandUuid,
        /// What it installs; `None` for a removal.
        hash: Option<String>,
        /// Since when.
        since: Timestamp,
    },
    /// The device refused.
    Refused {
        /// What it was to install; `None` for a removal.
        hash: Option<String>,
        /// When.
        at: Timestamp,
        /// What the device said.
        text: String,
        /// How often this same content was refused before.
        tries: u32,
    },
}

/// One profile of ours on one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileFacts {
    /// Which.
    pub key: ProfileKey,
    /// The hash of the wanted content as composed; `None` when nothing of the kind is wanted.
    pub wanted: Option<String>,
    /// The hash of what the device confirmed to have; `None` when it has none.
    pub installed: Option<String>,
    /// The newest command about it, unless it was answered well.
    pub command: Option<ProfileCommand>,
}
