//! What was asked of a device and what came of it: the planner's notes from one plan to the next. The room stores them
//! as they are, fills in the identifier of each command it queued, and fetches the outcome of those still open.

use crate::errors::{Class, DeviceError};
use crate::facts::{Listed, Presence};
use crate::settings::VpnProfile;
use russet_protocol::{CommandUuid, Timestamp};
use serde::{Deserialize, Serialize};

/// A command and its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent<T> {
    /// The command.
    pub command: CommandUuid,
    /// What it carried.
    pub what: T,
    /// When it was queued.
    pub at: Timestamp,
    /// What came of it.
    pub outcome: Outcome,
    /// Whether [`Memory::confirmed`] counts it already.
    #[serde(default)]
    pub counted: bool,
}

impl<T> Sent<T> {
    /// When the device accepted it, if it did.
    #[must_use]
    pub fn accepted_at(&self) -> Option<Timestamp> {
        match self.outcome {
            Outcome::Accepted { at } => Some(at),
            _ => None,
        }
    }

    fn uncounted(&self) -> Option<Timestamp> {
        if self.counted { None } else { self.accepted_at() }
    }

    /// Whether it waits for the device.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.outcome == Outcome::Open
    }
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Not answered yet.
    Open,
    /// Acknowledged: the device accepted it, which is not yet what it asks for.
    Accepted {
        /// When.
        at: Timestamp,
    },
    /// Refused by the device.
    Refused {
        /// When.
        at: Timestamp,
        /// Why, as far as it said.
        error: DeviceError,
    },
    /// It will never be answered: dropped from the queue, or lost with an enrollment.
    Dropped {
        /// When.
        at: Timestamp,
    },
}

/// The set of attributes of an app; always sent as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Attributes {
    /// `VPNUUID`, with the profile that holds it.
    pub vpn: Option<VpnProfile>,
}

impl Attributes {
    /// Whether nothing is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What an `InstallApplication` carries besides the app's number; `Options.PurchaseMethod` is always 1.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct InstallSpec {
    /// `ManagementFlags`: 0, 1, 4 or 5.
    pub flags: u8,
    /// `Attributes`; never on a Mac.
    pub attributes: Attributes,
    /// `InstallAsManaged`: on Macs, every time; without it the app would become unmanaged.
    pub install_as_managed: bool,
}

/// What the device accepted last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Confirmed {
    /// `ManagementFlags`.
    pub flags: u8,
    /// Attributes.
    pub attributes: Attributes,
}

/// A state that the device told once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldOnce {
    /// What it said.
    pub presence: Presence,
    /// When.
    pub at: Timestamp,
}

/// Notes on one app on one device, under its present enrollment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Memory {
    /// The newest `InstallApplication`.
    pub install: Option<Sent<InstallSpec>>,
    /// The newest `Settings` command with `ApplicationAttributes`.
    pub attributes: Option<Sent<Attributes>>,
    /// The newest `RemoveApplication`.
    pub removal: Option<Sent<()>>,
    /// What the device accepted last; `None` while nothing was ever accepted or the app is gone.
    pub confirmed: Option<Confirmed>,
    /// A state that came after the newest install and will not be reported again.
    pub told: Option<ToldOnce>,
    /// How many installs in a row came to nothing, after the first.
    pub tries: u32,
    /// How many attribute changes in a row came to nothing, after the first.
    pub attribute_tries: u32,
    /// How many removals in a row came to nothing, after the first.
    pub removal_tries: u32,
}

impl Memory {
    /// Notes that an install was queued. `tries` is what the step says.
    pub fn install_queued(&mut self, command: CommandUuid, spec: InstallSpec, tries: u32, now: Timestamp) {
        self.install = Some(Sent { command, what: spec, at: now, outcome: Outcome::Open, counted: false });
        self.tries = tries;
        self.told = None;
        self.removal = None;
        self.removal_tries = 0;
    }

    /// Notes that a change of attributes was queued.
    pub fn attributes_queued(&mut self, command: CommandUuid, attributes: Attributes, tries: u32, now: Timestamp) {
        self.attributes = Some(Sent { command, what: attributes, at: now, outcome: Outcome::Open, counted: false });
        self.attribute_tries = tries;
    }

    /// Notes that a removal was queued.
    pub fn removal_queued(&mut self, command: CommandUuid, tries: u32, now: Timestamp) {
        self.removal = Some(Sent { command, what: (), at: now, outcome: Outcome::Open, counted: false });
        self.removal_tries = tries;
    }

    /// The commands whose outcome is still open.
    pub fn open_mut(&mut self) -> impl Iterator<Item = (&CommandUuid, &mut Outcome)> {
        let install = self.install.as_mut().map(|sent| (&sent.command, &mut sent.outcome));
        let attributes = self.attributes.as_mut().map(|sent| (&sent.command, &mut sent.outcome));
        let removal = self.removal.as_mut().map(|sent| (&sent.command, &mut sent.outcome));
        [install, attributes, removal].into_iter().flatten().filter(|(_, outcome)| **outcome == Outcome::Open)
    }

    /// Whether a command about this app waits for the device.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.install.as_ref().is_some_and(Sent::is_open)
            || self.attributes.as_ref().is_some_and(Sent::is_open)
            || self.removal.as_ref().is_some_and(Sent::is_open)
    }

    /// When the device accepted the newest install, if it did.
    #[must_use]
    pub fn accepted_at(&self) -> Option<Timestamp> {
        self.install.as_ref().and_then(Sent::accepted_at)
    }

    /// Draws the conclusions from outcomes and the last list (answered at `listed_at`).
    #[must_use]
    pub(crate) fn concluded(&self, listed: Option<&Listed>, listed_at: Option<Timestamp>) -> Self {
        if let Some(removal) = &self.removal {
            let still_there = listed.is_some_and(|listed| listed.presence.is_there());
            let gone = match &removal.outcome {
                Outcome::Accepted { at } => !still_there && listed_at.is_some_and(|listed_at| listed_at > *at),
                Outcome::Refused { error, .. } => error.class() == Class::AlreadySo,
                Outcome::Open | Outcome::Dropped { .. } => false,
            };
            if gone {
                return Self::default();
            }
        }
        let mut next = self.clone();
        let mut confirmed = next.confirmed.clone();
        // In the order in which the device accepted them: whichever came last speaks for the attributes.
        let install = next.install.as_ref().and_then(|sent| sent.uncounted().map(|at| (at, &sent.what)));
        let change = next.attributes.as_ref().and_then(|sent| sent.uncounted().map(|at| (at, &sent.what)));
        let change_first = matches!((install, change), (Some((install, _)), Some((change, _))) if change < install);
        if change_first && let Some((_, what)) = change {
            confirmed.get_or_insert_default().attributes = what.clone();
        }
        if let Some((_, what)) = install {
            let confirmed = confirmed.get_or_insert_default();
            confirmed.flags = what.flags;
            // An install without attributes is not known to clear those the app has: only a Settings command does.
            if !what.attributes.is_empty() {
                confirmed.attributes = what.attributes.clone();
            }
        }
        if !change_first && let Some((_, what)) = change {
            confirmed.get_or_insert_default().attributes = what.clone();
        }
        next.confirmed = confirmed;
        if let Some(sent) = &mut next.install {
            sent.counted = sent.accepted_at().is_some();
        }
        if let Some(sent) = &mut next.attributes {
            sent.counted = sent.accepted_at().is_some();
        }
        let since = next.install.as_ref().map(|sent| match sent.outcome {
            Outcome::Accepted { at } | Outcome::Refused { at, .. } | Outcome::Dropped { at } => at,
            Outcome::Open => sent.at,
        });
        if let (Some(listed), Some(at)) = (listed, listed_at)
            && listed.presence.is_told_once()
            && since.is_none_or(|since| at > since)
        {
            next.told = Some(ToldOnce { presence: listed.presence.clone(), at });
        }
        if listed.is_some_and(|listed| listed.presence == Presence::Managed)
            && let (Some(told), Some(at)) = (&next.told, listed_at)
            && at > told.at
        {
            next.told = None;
        }
        next
    }
}

/// Notes on one device, under its present enrollment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct DeviceMemory {
    /// The newest `ManagedApplicationList` without a filter.
    pub listing: Option<Sent<()>>,
    /// When the device last answered one.
    pub listed_at: Option<Timestamp>,
}

impl DeviceMemory {
    /// Notes that a list was queued.
    pub fn listing_queued(&mut self, command: CommandUuid, now: Timestamp) {
        self.listing = Some(Sent { command, what: (), at: now, outcome: Outcome::Open, counted: false });
    }

    /// Draws the conclusions from the outcome.
    pub fn conclude(&mut self) {
        if let Some(Sent { outcome: Outcome::Accepted { at }, .. }) = &self.listing {
            self.listed_at = self.listed_at.max(Some(*at));
        }
    }
}
