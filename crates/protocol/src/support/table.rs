//! The table itself, read once.

use crate::ids::Platform;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

const FACTS: &str = include_str!("facts.txt");

/// A version of an operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OsVersion([u32; 3]);

impl OsVersion {
    /// Reads a version such as `18.1` or `26.0.1`; what follows the numbers does not count.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = [0; 3];
        for (place, piece) in text.trim().split('.').take(3).enumerate() {
            let digits: String = piece.chars().take_while(char::is_ascii_digit).collect();
            match digits.parse() {
                Ok(number) => *parts.get_mut(place)? = number,
                Err(_) if place == 0 => return None,
                Err(_) => break,
            }
        }
        Some(Self(parts))
    }
}

impl fmt::Display for OsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}")?;
        if patch > 0 { write!(f, ".{patch}") } else { Ok(()) }
    }
}

/// What holds on one platform.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are the independent marks of one row of the table")]
pub(super) struct Limits {
    pub(super) absent: bool,
    pub(super) introduced: Option<OsVersion>,
    pub(super) removed: Option<OsVersion>,
    pub(super) no_device_channel: bool,
    pub(super) no_user_channel: bool,
    pub(super) supervised: bool,
    pub(super) automated: bool,
    pub(super) no_user_enrollment: bool,
    pub(super) only_user_enrollment: bool,
    pub(super) no_shared_ipad: bool,
    pub(super) only_shared_ipad: bool,
    pub(super) no_shared_device_channel: bool,
    pub(super) no_shared_user_channel: bool,
}

impl Limits {
    /// Notes one word of the table; whether it was understood.
    pub(super) fn note(&mut self, word: &str) -> bool {
        let mark = match word {
            "absent" => &mut self.absent,
            "-device" => &mut self.no_device_channel,
            "-user" => &mut self.no_user_channel,
            "supervised" => &mut self.supervised,
            "ade" => &mut self.automated,
            "-ue" => &mut self.no_user_enrollment,
            "ue" => &mut self.only_user_enrollment,
            "-shared" => &mut self.no_shared_ipad,
            "shared" => &mut self.only_shared_ipad,
            "-shared-device" => &mut self.no_shared_device_channel,
            "-shared-user" => &mut self.no_shared_user_channel,
            // What is deprecated still works.
            _ if word.starts_with('~') => return OsVersion::parse(&word[1..]).is_some(),
            _ if word.starts_with('<') => {
                self.removed = OsVersion::parse(&word[1..]);
                return self.removed.is_some();
            }
            _ => {
                self.introduced = OsVersion::parse(word);
                return self.introduced.is_some();
            }
        };
        *mark = true;
        true
    }
}

/// The platforms that a row lists.
#[derive(Debug, Default)]
pub(super) struct Platforms(Vec<(&'static str, Limits)>);

impl Platforms {
    pub(super) fn on(&self, platform: Platform) -> Option<&Limits> {
        let name = if platform.is_ios_family() { Platform::Ios.as_str() } else { platform.as_str() };
        self.0.iter().find(|(listed, _)| *listed == name).map(|(_, limits)| limits)
    }
}

/// The row of a command (`DeviceLock`), a key (`DeviceLock.PIN`) or a setting (`Settings/Bluetooth`).
pub(super) fn of(name: &str) -> Option<&'static Platforms> {
    static ROWS: LazyLock<BTreeMap<&'static str, Platforms>> = LazyLock::new(|| read(FACTS, &mut |_| {}));
    ROWS.get(name)
}

/// Reads a table; words that mean nothing are told to `odd`.
pub(super) fn read(table: &'static str, odd: &mut dyn FnMut(&str)) -> BTreeMap<&'static str, Platforms> {
    let mut rows = BTreeMap::new();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let Some(name) = words.next() else { continue };
        let mut platforms = Platforms::default();
        for word in words {
            let (platform, said) = word.split_once(':').unwrap_or((word, ""));
            if Platform::parse(platform).is_none() {
                odd(word);
            }
            let mut limits = Limits::default();
            for word in said.split(',').filter(|word| !word.is_empty()) {
                if !limits.note(word) {
                    odd(word);
                }
            }
            platforms.0.push((platform, limits));
        }
        rows.insert(name, platforms);
    }
    rows
}
