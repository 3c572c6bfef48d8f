//! What a plan consists of: license needs, ordered steps for the device, and one verdict per app.

use crate::facts::ProfileKey;
use crate::memory::{Attributes, InstallSpec, Memory};
use crate::reason::{Owner, Reason, Standing};
use crate::support::{Setting, Support};
use russet_protocol::{AdamId, BundleId, CommandUuid, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Everything to do for one device now, and what stands how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What to ask of, or give back to, Apps and Books.
    pub licenses: Vec<LicenseNeed>,
    /// Commands in the order in which they are queued; `after` refers to earlier ones only.
    pub steps: Vec<Step>,
    /// One verdict per app of the facts, in their order.
    pub apps: Vec<AppVerdict>,
    /// When the device has to be planned again at the latest, if nothing else happens.
    pub next_at: Timestamp,
}

impl Plan {
    /// Whether nothing is to be done now.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.licenses.is_empty() && self.steps.is_empty()
    }
}

/// A change of the license record of one app and this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LicenseNeed {
    /// The app.
    pub app: Uuid,
    /// Its number in Apple's store.
    pub adam: AdamId,
    /// Which way.
    pub direction: Direction,
}

/// Which way a license goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The device is to get it.
    Give,
    /// The device is to lose it.
    TakeBack,
}

/// What a step waits for on the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// An earlier step of this plan, by its place in [`Plan::steps`].
    Step(usize),
    /// A command that is queued already.
    Command(CommandUuid),
}

/// One command to queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it does.
    pub action: Action,
    /// What must have succeeded on the device before.
    pub after: Option<After>,
    /// The apps it is for; their story tells of it.
    pub apps: Vec<Uuid>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Installs or replaces a profile with the wanted content.
    InstallProfile {
        /// Which.
        key: ProfileKey,
    },
    /// Removes a profile.
    RemoveProfile {
        /// Which.
        key: ProfileKey,
    },
    /// `InstallApplication`: first install, changed flags, another try. One builder for all of them.
    InstallApplication {
        /// Our id of the app.
        app: Uuid,
        /// `iTunesStoreID`.
        adam: AdamId,
        /// The rest.
        spec: InstallSpec,
        /// How many installs in a row came to nothing before this one.
        tries: u32,
    },
    /// `Settings` with one `ApplicationAttributes` item; an empty set clears.
    SetAttributes {
        /// Our id of the app.
        app: Uuid,
        /// `Identifier`.
        bundle_id: BundleId,
        /// The whole set.
        attributes: Attributes,
        /// How many such changes in a row came to nothing before this one.
        tries: u32,
    },
    /// `RemoveApplication`.
    RemoveApplication {
        /// Our id of the app.
        app: Uuid,
        /// `Identifier`.
        bundle_id: BundleId,
        /// How many removals in a row came to nothing before this one.
        tries: u32,
    },
    /// `ManagedApplicationList` without a filter, so that a missing app is seen as missing.
    ListManagedApps,
}

/// How one app stands on the device. Never without a reason, an owner and a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppVerdict {
    /// Our id of the app.
    pub app: Uuid,
    /// Where it stands.
    pub standing: Standing,
    /// Why.
    pub reason: Reason,
    /// Whose turn it is.
    pub owner: Owner,
    /// When Russet looks again at the latest.
    pub next_at: Timestamp,
    /// Settings that ask for something and cannot reach this device.
    pub missing: Vec<(Setting, Support)>,
    /// The notes to keep for the next plan (without the commands of this plan's steps).
    pub memory: Memory,
    /// Nothing is left to do or to remember: the row may go.
    pub forget: bool,
}
