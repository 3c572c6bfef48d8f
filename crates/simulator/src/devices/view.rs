//! What can be seen of a device from outside: for tests, the demo's table and the control door. Only facts of the
//! device, never what a server believes.

use super::options::IdentityStyle;
use russet_protocol::{Platform, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How far a device is with its enrollment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// It has not begun.
    Waiting,
    /// It opens the link, makes its identity or talks to check-in.
    Enrolling,
    /// Its `TokenUpdate` was answered 200.
    Enrolled,
    /// It gave up; the reason is in `last_error`.
    Failed,
    /// It was enrolled and is not any more.
    Left,
    /// It was erased, and knows nothing any more.
    Erased,
}

/// Whether a device can be talked to at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Power {
    /// It is on.
    On,
    /// It was shut down; somebody has to switch it on.
    Off,
    /// A Mac that asks for the PIN of `DeviceLock` before it starts.
    Pin,
}

/// One device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceView {
    /// Its number in the fleet.
    pub index: usize,
    /// Serial number.
    pub serial: String,
    /// UDID.
    pub udid: String,
    /// The name its owner gave it.
    pub name: String,
    /// Its platform; iPads say iPadOS.
    pub platform: Platform,
    /// Model identifier such as `iPhone17,1`.
    pub product: String,
    /// Version of its system.
    pub os_version: String,
    /// Whether it is supervised.
    pub supervised: bool,
    /// Whether it is a Shared iPad.
    pub shared: bool,
    /// `EnrollmentID` of a device in a user enrollment.
    pub enrollment_id: Option<String>,
    /// How it proves who it is.
    pub identity: IdentityStyle,
    /// How far its enrollment is.
    pub phase: Phase,
    /// Whether it is enrolled now.
    pub enrolled: bool,
    /// How often it has completed an enrollment.
    pub enrollments: u32,
    /// Whether it is locked and therefore answers `NotNow` where Apple's devices do.
    pub locked: bool,
    /// Its users, of Macs and Shared iPads.
    pub users: Vec<UserView>,
    /// Whether it waits in Setup Assistant.
    pub awaiting: bool,
    /// Whether it is on.
    pub power: Power,
    /// Whether it has a passcode.
    pub passcode: bool,
    /// Whether a Mac has a password for its recovery system.
    pub recovery_lock: bool,
    /// What the last `DeviceLock` left on its Lock Screen.
    pub lock_message: Option<String>,
    /// What it shows in Lost Mode; `None` where it is not lost.
    pub lost: Option<String>,
    /// How often it played the sound of Lost Mode.
    pub sounds: u32,
    /// How often it was restarted by the server.
    pub restarts: u32,
    /// How often it was erased by the server.
    pub erasures: u32,
    /// How often it was restored from a backup.
    pub restores: u32,
    /// Whether the server has a bootstrap token of it.
    pub bootstrap_escrowed: bool,
    /// Declarations of the device's own channel: `Identifier` and `ServerToken`.
    pub declarations: BTreeMap<String, String>,
    /// How often declarations were synchronized, on any channel.
    pub synchronized: u32,
    /// Settings in force that have no field of their own here, with their keys as text.
    pub settings: BTreeMap<String, String>,
    /// What it asked the server outside of commands, and what it heard.
    pub heard: Vec<HeardView>,
    /// Whether data roaming is on for the whole device. `None` on Macs.
    pub data_roaming: Option<bool>,
    /// Installed profiles, the enrollment profile included.
    pub profiles: Vec<ProfileView>,
    /// Apps that are managed, or were and are still there.
    pub apps: Vec<AppView>,
    /// Everything the device found wrong with what the server did.
    pub problems: Vec<Problem>,
    /// Every command received, one entry per CommandUUID, in order of first arrival.
    pub journal: Vec<JournalEntry>,
    /// How often each profile identifier was installed or replaced, removed ones included.
    pub profile_installs: BTreeMap<String, u32>,
    /// How many `InstallApplication` commands (distinct CommandUUIDs) were accepted for each bundle identifier, removed
    /// apps included.
    pub app_installs: BTreeMap<String, u32>,
    /// Pushes that reached it with the right magic.
    pub pushes: u64,
    /// What went wrong last on the way to the server; `None` once a request succeeds again.
    pub last_error: Option<String>,
}

/// A user of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserView {
    /// The short name; of Shared iPads the Managed Apple Account.
    pub short_name: String,
    /// What tells the user from others on the wire.
    pub id: String,
    /// Whether the server knows how to reach the user.
    pub enrolled: bool,
    /// Whether the server does not manage the user.
    pub declined: bool,
    /// Whether the user waits for `UserConfigured`.
    pub awaiting: bool,
    /// `PayloadIdentifier`s of the user's profiles.
    pub profiles: Vec<String>,
}

/// What a device asked outside of commands, and what it heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeardView {
    /// `MessageType`.
    pub question: String,
    /// HTTP status of the answer.
    pub status: u16,
    /// The answer's keys with their values as text; of data the number of bytes.
    pub answer: BTreeMap<String, String>,
}

/// An installed profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileView {
    /// `PayloadIdentifier`.
    pub identifier: String,
    /// `PayloadUUID`.
    pub uuid: String,
    /// `PayloadDisplayName`, if it has one.
    pub name: Option<String>,
    /// Whether the server installed it (and can remove it).
    pub managed: bool,
    /// What the signature was worth.
    pub signature: SignatureView,
    /// SHA-256 of the bytes it came as, in hexadecimal.
    pub sha256: String,
    /// How often it was installed or replaced.
    pub install_count: u32,
    /// Its payloads: type, identifier, UUID.
    pub payloads: Vec<PayloadView>,
}

/// What a profile's signature was worth to the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignatureView {
    /// Not signed.
    Unsigned,
    /// Signed; the signature fits, the signer leads to no root the device trusts.
    Unverified,
    /// Signed by someone who leads to a root the device trusts.
    Verified,
}

/// One payload of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayloadView {
    /// `PayloadType`.
    pub kind: String,
    /// `PayloadIdentifier`.
    pub identifier: String,
    /// `PayloadUUID`.
    pub uuid: String,
    /// `VPNUUID`, where it is a per-app VPN.
    pub vpn_uuid: Option<String>,
}

/// An app on a device, with what is true for it there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AppView {
    /// Bundle identifier.
    pub bundle_id: String,
    /// Number in the store, where it is known.
    pub adam_id: Option<u64>,
    /// Name in the store.
    pub name: String,
    /// Apple's word for its state (`Managed`, `Installing`, `ManagedButUninstalled`, …).
    pub state: String,
    /// Whether the server manages it.
    pub managed: bool,
    /// Whether it is on the device.
    pub present: bool,
    /// `ManagementFlags`: 1 remove with MDM, 4 no backup.
    pub flags: i64,
    /// Whether the app's data stays out of backups (flag 4 of a managed app).
    pub prevents_backup: bool,
    /// The per-app VPN in force: the attribute on iPhone and iPad, the app mapping on a Mac.
    pub vpn_uuid: Option<String>,
    /// All attributes, keys as on the wire, values as text.
    pub attributes: BTreeMap<String, String>,
    /// Whether it has a managed configuration.
    pub has_configuration: bool,
    /// External version identifier of what is installed.
    pub external_version: Option<u64>,
    /// Version for people.
    pub version: Option<String>,
    /// How many downloads of it the device has begun.
    pub install_count: u32,
    /// Network usage rules in force for it; `None` where none applies or on Macs.
    pub network: Option<NetworkView>,
    /// Kerberos single sign-on in force for it; `None` where none applies.
    pub sso: Option<SsoView>,
}

/// What network usage rules say about an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkView {
    /// Cellular data is allowed.
    pub cellular: bool,
    /// Cellular data while roaming is allowed.
    pub roaming: bool,
}

/// What single sign-on says about an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SsoView {
    /// Kerberos realm.
    pub realm: String,
    /// `URLPrefixMatches`, with the `/` the device adds; empty means every address.
    pub url_prefixes: Vec<String>,
}

/// Something the server did wrong, in the eyes of the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// When.
    pub at: Timestamp,
    /// Short name for programs, such as `duplicate-profile`.
    pub kind: String,
    /// The sentence for people.
    pub text: String,
    /// The command it was in, if any.
    pub command: Option<String>,
}

/// One command as the device knew it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// `CommandUUID`.
    pub uuid: String,
    /// The short name of the user on whose channel it came; `None`: the device's own.
    pub user: Option<String>,
    /// `RequestType`.
    pub request_type: String,
    /// What it was about: a bundle id, a store number, a profile identifier.
    pub subject: Option<String>,
    /// SHA-256 of the command without its CommandUUID, in hexadecimal: two commands that say the same have the same.
    pub content_sha256: String,
    /// When it first came.
    pub first_at: Timestamp,
    /// How often it came. More than once is a redelivery, not a duplicate.
    pub deliveries: u32,
    /// Statuses answered, in order; a redelivered command repeats its answer.
    pub statuses: Vec<String>,
    /// `ErrorCode`s with their domains, where it failed.
    pub errors: Vec<String>,
    /// Whether its last answer has reached the server (2xx).
    pub delivered_answer: bool,
    /// How its answers were odd, by the names of [`Way`](super::Way)s: unknown status, oversized.
    pub odd: Vec<String>,
}

impl DeviceView {
    /// The app with this bundle identifier.
    #[must_use]
    pub fn app(&self, bundle_id: &str) -> Option<&AppView> {
        self.apps.iter().find(|app| app.bundle_id == bundle_id)
    }

    /// The profile with this identifier.
    #[must_use]
    pub fn profile(&self, identifier: &str) -> Option<&ProfileView> {
        self.profiles.iter().find(|profile| profile.identifier == identifier)
    }

    /// Whether a payload of this type is installed.
    #[must_use]
    pub fn has_payload(&self, kind: &str) -> bool {
        self.profiles.iter().any(|profile| profile.payloads.iter().any(|payload| payload.kind == kind))
    }

    /// Commands of this type about this subject, redeliveries counted once.
    #[must_use]
    pub fn commands(&self, request_type: &str, subject: Option<&str>) -> usize {
        self.journal
            .iter()
            .filter(|entry| entry.request_type == request_type)
            .filter(|entry| subject.is_none() || entry.subject.as_deref() == subject)
            .count()
    }
}
