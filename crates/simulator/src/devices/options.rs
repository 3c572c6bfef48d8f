//! What a fleet is made of and how its devices behave. Only data; nothing here reads a file or the environment.

use super::misbehave::Misbehavior;
use std::time::Duration;

/// How a device proves who it is where the profile has `SignMessage`. Where it has not, every device proves itself with
/// its identity as TLS client certificate and sends no header, whatever its style.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum IdentityStyle {
    /// `Mdm-Signature` as iOS makes it: BER with indefinite lengths, SHA-1, no signed attributes. No TLS client certificate.
    SignatureBer,
    /// `Mdm-Signature` as DER, SHA-256, with signed attributes. No TLS client certificate.
    SignatureDer,
    /// The header as [`Self::SignatureDer`] makes it, and the identity as TLS client certificate beside it.
    ClientCertificate,
}

/// How many of each kind a fleet has, as shares: of `{3, 1, 1, 0, 0}` three of every five devices are iPhones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mix {
    /// Share of iPhones.
    pub iphones: u32,
    /// Share of iPads.
    pub ipads: u32,
    /// Share of Macs.
    pub macs: u32,
    /// Share of Apple TVs.
    pub apple_tvs: u32,
    /// Share of Shared iPads. They are supervised.
    pub shared_ipads: u32,
}

/// What moves an app from accepted to installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Every `ManagedApplicationList` that shows the app moves it one state on (Queued, Installing, Managed).
    Polls,
    /// The download takes this long; lists show what is true at their moment.
    Time(Duration),
}

/// Waits between attempts while the server is away: doubling from `first` to `most`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// The first wait.
    pub first: Duration,
    /// The longest wait.
    pub most: Duration,
}

/// Everything a [`Fleet`](super::Fleet) is started with. `Options::default()` plus `enroll_urls` is a working fleet of 25.
#[derive(Debug, Clone)]
pub struct Options {
    /// Links of invitations or addresses of enrollment profiles. Device number `i` opens link `i` modulo their number.
    pub enroll_urls: Vec<String>,
    /// Number of devices.
    pub count: usize,
    /// Number of the first device; a second fleet with another number has other serial numbers.
    pub first: usize,
    /// Everything invented (serial numbers, UDIDs, names, chances) follows from this, so that a run can be repeated.
    pub seed: u64,
    /// Shares of iPhones, iPads, Macs, Apple TVs and Shared iPads.
    pub mix: Mix,
    /// Of a hundred iPhones and iPads, how many are supervised. Macs always are, once enrolled.
    pub supervised_percent: u8,
    /// How many people use each Mac and each Shared iPad, where the server wants to hear of users.
    pub users: usize,
    /// The people of Macs have network accounts: their Macs ask with `UserAuthenticate` before they speak for them.
    pub network_users: bool,
    /// All devices are people's own, in user enrollments: `EnrollmentID` in place of UDID and serial number.
    pub user_enrollment: bool,
    /// All devices wait in Setup Assistant until they get `DeviceConfigured`.
    pub awaiting_configuration: bool,
    /// After this time a person deals with a device that is shut down, locked by PIN, in Lost Mode, or erased: switches it
    /// on, types the PIN, or enrolls it again. Without it nobody comes, and the program does it: [`Fleet::tend`](super::Fleet::tend).
    pub person_after: Option<Duration>,
    /// How long a restart takes.
    pub restart_time: Duration,
    /// How devices misbehave.
    pub misbehavior: Misbehavior,
    /// Ways of proving identity, dealt out in turn.
    pub identities: Vec<IdentityStyle>,
    /// Where the simulated APNs hands out pushes (its courier door, plain TCP). Without it only `poll_every` wakes a device.
    pub courier: Option<String>,
    /// Store door of the simulated Apps and Books service (`http://127.0.0.1:port`). Without it every license is visible
    /// and bundle identifiers are invented from the store number.
    pub store_url: Option<String>,
    /// Trust roots in PEM beside those of the enrollment profile, for the first contact with a private CA.
    pub trust_pem: Vec<u8>,
    /// Whether the machine's trust roots count, as they do on a real device.
    pub system_roots: bool,
    /// Ask for commands without a push this often. Real devices do not; for servers that cannot reach a simulated APNs.
    pub poll_every: Option<Duration>,
    /// What moves an app from accepted to installed.
    pub pace: Pace,
    /// Of a hundred profile and app commands, how many are answered `NotNow`.
    pub not_now_percent: u8,
    /// How long after a last `NotNow` a device asks again by itself.
    pub not_now_pause: Duration,
    /// How long a device works on a command before it answers.
    pub answer_delay: Duration,
    /// Waits between attempts while the server is away.
    pub retry: Retry,
    /// How many devices enroll at the same time.
    pub parallel_enrollments: usize,
    /// A folder where everything on the wire is kept as files, for a check against Apple's schema: check-in messages sent,
    /// commands and profiles received.
    pub record: Option<std::path::PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            enroll_urls: Vec::new(),
            count: 25,
            first: 0,
            seed: 1,
            mix: Mix { iphones: 3, ipads: 1, macs: 1, apple_tvs: 0, shared_ipads: 0 },
            supervised_percent: 60,
            users: 0,
            network_users: false,
            user_enrollment: false,
            awaiting_configuration: false,
            person_after: None,
            restart_time: Duration::from_millis(100),
            misbehavior: Misbehavior::default(),
            identities: vec![
                IdentityStyle::SignatureBer,
                IdentityStyle::SignatureDer,
                IdentityStyle::SignatureBer,
                IdentityStyle::ClientCertificate,
            ],
            courier: None,
            store_url: None,
            trust_pem: Vec::new(),
            system_roots: true,
            poll_every: None,
            pace: Pace::Polls,
            not_now_percent: 0,
            not_now_pause: Duration::from_secs(1),
            answer_delay: Duration::ZERO,
            retry: Retry { first: Duration::from_millis(100), most: Duration::from_secs(5) },
            parallel_enrollments: 16,
            record: None,
        }
    }
}
