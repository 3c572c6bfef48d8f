//! Why an app stands where it stands, whose turn it is, and the words for it. Texts are plain English and say what
//! happens next; what devices or Apple said is quoted as data and is not trusted.

use crate::facts::ProfileKey;
use russet_protocol::Timestamp;
use serde::{Deserialize, Serialize};

/// Where an app stands on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Verified: on the device, managed, with the wanted settings.
    Installed,
    /// On the device, with a change of settings under way.
    Changing,
    /// The device accepted the install; its result is not seen yet.
    Installing,
    /// A command waits for the device.
    WaitingForDevice,
    /// A profile has to be there first.
    WaitingForProfile,
    /// The license is not confirmed.
    WaitingForLicense,
    /// Apple's metadata of the app is not known yet.
    WaitingForMetadata,
    /// It failed, and is tried again by itself soon.
    Retrying,
    /// Only the person at the device can go on.
    NeedsPerson,
    /// It failed, and only an admin can help; tried again daily.
    Failed,
    /// Meant for the device, not mandatory, and not rolled out.
    NotRolledOut,
    /// Cannot work on this device.
    NotPossible,
    /// The device is not enrolled.
    NotEnrolled,
    /// No longer wanted, on its way out.
    Removing,
    /// No longer wanted, and gone.
    Removed,
}

impl Standing {
    /// The stored and shown name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::Changing => "changing",
            Self::Installing => "installing",
            Self::WaitingForDevice => "waiting_for_device",
            Self::WaitingForProfile => "waiting_for_profile",
            Self::WaitingForLicense => "waiting_for_license",
            Self::WaitingForMetadata => "waiting_for_metadata",
            Self::Retrying => "retrying",
            Self::NeedsPerson => "needs_person",
            Self::Failed => "failed",
            Self::NotRolledOut => "not_rolled_out",
            Self::NotPossible => "not_possible",
            Self::NotEnrolled => "not_enrolled",
            Self::Removing => "removing",
            Self::Removed => "removed",
        }
    }

    /// Whether nothing more is to come unless something changes.
    #[must_use]
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Installed | Self::NotRolledOut | Self::NotPossible | Self::NotEnrolled | Self::Removed)
    }
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// This server.
    Server,
    /// The device.
    Device,
    /// Apple's services.
    Apple,
    /// An admin.
    Admin,
    /// The person at the device.
    Person,
}

impl Owner {
    /// The stored and shown name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Device => "device",
            Self::Apple => "Apple",
            Self::Admin => "admin",
            Self::Person => "person",
        }
    }
}

/// Why. Stored as JSON with a `code`; [`Reason::text`] gives the words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words of each reason stand in `text`, right below")]
pub enum Reason {
    Installed,
    NotEnrolled { license_held: bool },
    EnrollmentBeginning,
    PlatformUnknown,
    NotForThisPlatform,
    NoSerialNumber,
    UserLicense,
    NotRolledOut,
    NoMetadata,
    LicenseRequested,
    LicensePending { since: Timestamp },
    LicenseReturning,
    LicenseFailed { number: i64, words: String },
    NoLicenseLeft { since: Timestamp },
    ProfileQueued { profile: ProfileKey },
    ProfileOpen { profile: ProfileKey, since: Timestamp },
    ProfileRefused { profile: ProfileKey, words: String },
    SignOnConflict,
    Turn { open: usize },
    InstallQueued { again: bool },
    InstallOpen { since: Timestamp },
    Verifying { said: Option<String> },
    AsksPerson { said: String },
    LicenseNotVisible { words: String, tries: u32 },
    InstallRefused { words: String, help: String, tries: u32 },
    InstallFailed { tries: u32 },
    NotConfirmed { tries: u32 },
    PersonRefused { said: String },
    PersonRemoved { comes_back: bool },
    PersonInstalled,
    FlagsQueued { flags: u8 },
    FlagsNotTaken { wanted: u8, reported: Option<u8> },
    AttributesQueued,
    AttributesOpen { since: Timestamp },
    AttributesRefused { words: String },
    ListRefused { words: String },
    RemovalAwaitsLicense,
    RemovalAwaitsInstall,
    RemovalQueued,
    RemovalOpen { since: Timestamp },
    RemovalVerifying,
    RemovalRefused { words: String },
    RemovalNotConfirmed,
    Removed,
}

impl Reason {
    /// The reason in plain English, as one or two sentences.
    #[must_use]
    pub fn text(&self) -> String {
        let fixed = match self {
            Self::Installed => "The device confirmed the app as installed and managed, with the wanted settings.",
            Self::NotEnrolled { license_held: false } => {
                "The device is not enrolled. Its license is free; the app comes back when the device enrolls again."
            }
            Self::NotEnrolled { license_held: true } => "The device is not enrolled; its license is given back.",
            Self::EnrollmentBeginning => "The device has begun to enroll and has not yet sent its push token.",
            Self::PlatformUnknown => "The device has not yet said which platform it is.",
            Self::NotForThisPlatform => "The app does not exist for this platform, so nothing is wanted here.",
            Self::NoSerialNumber => {
                "The enrollment has no serial number, so a device license cannot reach it. Set the app to user licenses."
            }
            Self::UserLicense => "The app is set to user licenses, which need a person for this device; none is known.",
            Self::NotRolledOut => "The app is not mandatory and was not rolled out to this device.",
            Self::NoMetadata => "Apple's metadata of the app (its bundle identifier) is not here yet.",
            Self::LicenseRequested => "A license is asked for at Apple.",
            Self::LicensePending { .. } => "Apple has the request for a license and has not confirmed it yet.",
            Self::LicenseReturning => {
                "An earlier license of this device is still being given back; then a new one is asked for."
            }
            Self::NoLicenseLeft { .. } => {
                "No license is left. It goes on by itself when one is bought or given back; first come, first served."
            }
            Self::SignOnConflict => {
                "Another app on this device uses a different single sign-on profile or other URLs; a device can hold one."
            }
            Self::InstallQueued { again: false } => "The license is confirmed; the install is queued for the device.",
            Self::InstallQueued { again: true } => "The install is queued for the device again.",
            Self::InstallOpen { .. } => "The install waits for the device to fetch and answer it.",
            Self::Verifying { said: None } => {
                "The device accepted the install; the app is not yet in its list of managed apps."
            }
            Self::PersonRemoved { comes_back: true } => {
                "The person removed the app. It is mandatory, so it is installed again."
            }
            Self::PersonRemoved { comes_back: false } => {
                "The person removed the app. It is not mandatory, so it stays away."
            }
            Self::PersonInstalled => {
                "The person at the device installed this app, so it is not managed. It is managed once that copy is deleted."
            }
            Self::AttributesQueued => "A change of the app's attributes is queued for the device.",
            Self::AttributesOpen { .. } => "A change of the app's attributes waits for the device to answer.",
            Self::RemovalAwaitsLicense => "The app is no longer wanted; its license is given back first.",
            Self::RemovalAwaitsInstall => {
                "The app is no longer wanted; an install that was queued earlier has to be answered first."
            }
            Self::RemovalQueued => "The license is back; the removal is queued for the device.",
            Self::RemovalOpen { .. } => "The removal waits for the device to answer.",
            Self::RemovalVerifying => "The device accepted the removal; its list of managed apps is looked at.",
            Self::RemovalNotConfirmed => {
                "The device accepted the removal and still lists the app; it is removed again."
            }
            Self::Removed => "The app is no longer wanted, and is off the device.",
            _ => return self.composed(),
        };
        fixed.to_owned()
    }

    fn composed(&self) -> String {
        match self {
            Self::LicenseFailed { number, words } => format!("Apple refused the license: {words} (error {number})."),
            Self::ProfileQueued { profile } => {
                format!("The {} is queued for the device; the app follows it.", profile.words())
            }
            Self::ProfileOpen { profile, .. } => {
                format!("The {} waits for the device to answer; the app follows it.", profile.words())
            }
            Self::ProfileRefused { profile, words } => format!("The device refused the {}: {words}.", profile.words()),
            Self::Turn { open } => format!("{open} app commands wait for this device already; this one follows them."),
            Self::Verifying { said: Some(said) } => format!("The device is at work on the app: it says {said}."),
            Self::AsksPerson { said } => format!("The device asks the person at it: it says {said}."),
            Self::LicenseNotVisible { words, tries } => format!(
                "Apple confirmed the license, and the device does not see it yet: {words}. Tried {} so far.",
                times(*tries)
            ),
            Self::InstallRefused { words, help, tries } => {
                format!("The device refused the install: {words}. Tried {} so far; {help}.", times(*tries))
            }
            Self::InstallFailed { tries } => {
                format!("The device says that the installation failed. Tried {} so far.", times(*tries))
            }
            Self::NotConfirmed { tries } => format!(
                "The device accepted the install and never listed the app as managed. Tried {} so far.",
                times(*tries)
            ),
            Self::PersonRefused { said } => format!("The person refused the app ({said}). It is offered again."),
            Self::FlagsQueued { flags } => {
                format!(
                    "The management flags become {flags}; the install is sent again, which may also update the app."
                )
            }
            Self::FlagsNotTaken { wanted, reported } => match reported {
                Some(reported) => {
                    format!("Management flags {wanted} were accepted, and the device reports {reported}.")
                }
                None => format!("Management flags {wanted} were accepted, and the device reports none."),
            },
            Self::AttributesRefused { words } => format!("The device refused the change of attributes: {words}."),
            Self::ListRefused { words } => format!("The device refused to list its managed apps: {words}."),
            Self::RemovalRefused { words } => format!("The device refused to remove the app: {words}."),
            // Every other reason has fixed words.
            _ => String::new(),
        }
    }
}

fn times(tries: u32) -> String {
    match tries {
        0 => "once".to_owned(),
        1 => "twice".to_owned(),
        more => format!("{} times", more.saturating_add(1)),
    }
}
