//! Waking background work when a transaction has left something to do: in this process at once, in other nodes by
//! PostgreSQL's NOTIFY. A wake may be lost (a broken connection), so every worker also looks by itself now and then.

use std::sync::Arc;
use tokio::sync::Notify;

/// Whom to wake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wake {
    /// The senders of pushes.
    Push,
    /// The workers that talk to Apps and Books.
    Licenses,
    /// The reconciler.
    Reconciler,
    /// The senders of webhooks.
    Notifications,
}

impl Wake {
    pub(crate) const ALL: [Self; 4] = [Self::Push, Self::Licenses, Self::Reconciler, Self::Notifications];

    /// The payload of the notification.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Licenses => "licenses",
            Self::Reconciler => "reconciler",
            Self::Notifications => "notifications",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lane| lane.name() == name)
    }
}

/// A set of lanes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wakes(u8);

impl Wakes {
    pub(crate) fn add(&mut self, lane: Wake) {
        self.0 |= 1 << lane as u8;
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Wake> {
        Wake::ALL.into_iter().filter(move |lane| self.0 & (1 << *lane as u8) != 0)
    }
}

/// One bell a lane.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bells([Arc<Notify>; 4]);

impl Bells {
    pub(crate) fn of(&self, lane: Wake) -> Arc<Notify> {
        Arc::clone(&self.0[lane as usize])
    }

    /// Rings. A worker that is busy finds the permit when it next waits.
    pub(crate) fn ring(&self, lanes: Wakes) {
        for lane in lanes.iter() {
            self.0[lane as usize].notify_one();
        }
    }
}
