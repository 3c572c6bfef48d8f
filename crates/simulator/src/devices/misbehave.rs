//! Devices that are not as they should be: locked, waiting, badly connected, restored, confused. Each way is something that
//! devices in the field do; a server has to live with all of them.
//!
//! Must never make a device do what no device does: whatever it sends is what it would send, only at a bad moment, twice,
//! in part, or too late.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A way in which a device misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// People lock their devices: commands are answered `NotNow` until they unlock them.
    Locked,
    /// A device waits in Setup Assistant after it has enrolled, until it gets `DeviceConfigured`.
    SetupAssistant,
    /// The connection is cut after a message was sent and before its answer was read: the message comes again.
    LostAnswers,
    /// The connection is cut in the middle of a message: it comes again.
    BrokenMessages,
    /// A message is sent twice.
    RepeatedAnswers,
    /// A message dribbles in.
    SlowLinks,
    /// The clock is years off: at first the server's certificate seems not yet valid; `Date` headers, signing times and the
    /// certificates of SCEP messages are odd for good.
    WrongClocks,
    /// A device is restored from a backup: `TokenUpdate` without `Authenticate`, with the identity, the profiles and the
    /// apps it had then.
    RestoredBackups,
    /// A message is signed with the identity that a renewal has replaced.
    OldIdentities,
    /// An answer has a `Status` nobody documents. The command was carried out; asked again, the device says so.
    UnknownStatus,
    /// An answer to a command that the server never sent.
    UnknownCommands,
    /// An answer of 33 MiB.
    OversizedAnswers,
}

/// Every way.
pub const WAYS: [Way; 12] = [
    Way::Locked,
    Way::SetupAssistant,
    Way::LostAnswers,
    Way::BrokenMessages,
    Way::RepeatedAnswers,
    Way::SlowLinks,
    Way::WrongClocks,
    Way::RestoredBackups,
    Way::OldIdentities,
    Way::UnknownStatus,
    Way::UnknownCommands,
    Way::OversizedAnswers,
];

impl Way {
    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::SetupAssistant => "setup-assistant",
            Self::LostAnswers => "lost-answers",
            Self::BrokenMessages => "broken-messages",
            Self::RepeatedAnswers => "repeated-answers",
            Self::SlowLinks => "slow-links",
            Self::WrongClocks => "wrong-clocks",
            Self::RestoredBackups => "restored-backups",
            Self::OldIdentities => "old-identities",
            Self::UnknownStatus => "unknown-status",
            Self::UnknownCommands => "unknown-commands",
            Self::OversizedAnswers => "oversized-answers",
        }
    }

    /// How often it happens when nothing else is said: of a thousand occasions (devices, sessions, messages or answers).
    #[must_use]
    pub fn usual_share(self) -> u16 {
        match self {
            Self::SetupAssistant => 200,
            Self::WrongClocks => 150,
            Self::OldIdentities => 100,
            Self::Locked | Self::LostAnswers | Self::RepeatedAnswers => 50,
            Self::BrokenMessages | Self::SlowLinks | Self::UnknownStatus | Self::UnknownCommands => 20,
            Self::RestoredBackups => 5,
            Self::OversizedAnswers => 1,
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that names no way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is no misbehavior; give all, or some of: {}", WAYS.map(Way::name).join(", "))]
pub struct UnknownWay {
    word: String,
}

impl FromStr for Way {
    type Err = UnknownWay;
    fn from_str(word: &str) -> Result<Self, UnknownWay> {
        WAYS.into_iter().find(|way| way.name() == word).ok_or_else(|| UnknownWay { word: word.to_owned() })
    }
}

/// How devices misbehave: of each way, its share of a thousand occasions. None by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Misbehavior {
    shares: BTreeMap<Way, u16>,
}

impl Misbehavior {
    /// Every way, as often as usual.
    #[must_use]
    pub fn all() -> Self {
        Self::of(WAYS)
    }

    /// Some ways, as often as usual.
    #[must_use]
    pub fn of(ways: impl IntoIterator<Item = Way>) -> Self {
        Self { shares: ways.into_iter().map(|way| (way, way.usual_share())).collect() }
    }

    /// One way more (or again), so many times of a thousand.
    #[must_use]
    pub fn with(mut self, way: Way, share: u16) -> Self {
        self.shares.insert(way, share.min(1000));
        self
    }

    /// So many times of a thousand.
    #[must_use]
    pub fn share(&self, way: Way) -> u16 {
        self.shares.get(&way).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_has_a_name_that_names_it() {
        for way in WAYS {
            assert_eq!(way.name().parse(), Ok(way));
            assert!(Misbehavior::all().share(way) > 0);
        }
        assert!("rudeness".parse::<Way>().unwrap_err().to_string().contains("slow-links"));
    }

    #[test]
    fn shares_are_of_a_thousand() {
        let some = Misbehavior::of([Way::Locked]).with(Way::SlowLinks, 5000);
        assert_eq!((some.share(Way::SlowLinks), some.share(Way::LostAnswers)), (1000, 0));
    }
}
