//! What a device remembers: profiles, apps, settings, the journal of commands, and what it found wrong. Changed under one
//! short lock; never held across an await.

use super::channel::{Channel, User};
use super::cms::Identity;
use super::declarations::Declarations;
use super::device::EnrollBy;
use super::http::Http;
use super::mdm_payload::MdmPayload;
use super::profile::Profile;
use super::roster::Chance;
use super::rules;
use super::view::{HeardView, JournalEntry, Phase, Power, Problem};
use plist::Dictionary;
use russet_protocol::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

/// The live enrollment of a device.
#[derive(Clone)]
pub(super) struct Enrollment {
    pub(super) mdm: MdmPayload,
    pub(super) profile_identifier: String,
    pub(super) identity: Identity,
    pub(super) http: Http,
    pub(super) token: Vec<u8>,
    pub(super) magic: String,
    pub(super) unlock_token: Option<Vec<u8>>,
    /// The identity that this one has replaced, which a confused device may still use.
    pub(super) previous: Option<(Identity, Http)>,
}

/// What a backup holds of a device.
#[derive(Clone)]
pub(super) struct Backup {
    pub(super) enrollment: Enrollment,
    pub(super) profiles: Vec<Installed>,
    pub(super) apps: BTreeMap<String, App>,
}

/// An installed profile.
#[derive(Debug, Clone)]
pub(super) struct Installed {
    pub(super) profile: Profile,
    /// The server installed it.
    pub(super) managed: bool,
    /// For whom.
    pub(super) channel: Channel,
    pub(super) install_count: u32,
}

/// An app that is, was or becomes managed, or that its owner installed.
#[derive(Debug, Clone)]
pub(super) struct App {
    pub(super) bundle_id: String,
    pub(super) adam_id: Option<u64>,
    pub(super) name: String,
    /// Apple's word for its state.
    pub(super) state: &'static str,
    pub(super) managed: bool,
    pub(super) present: bool,
    pub(super) flags: i64,
    pub(super) attributes: Dictionary,
    pub(super) configuration: Option<Dictionary>,
    /// What is installed.
    pub(super) external_version: Option<u64>,
    pub(super) version: Option<String>,
    /// What is being downloaded.
    pub(super) coming: Option<(u64, String)>,
    pub(super) started: Instant,
    pub(super) install_count: u32,
    pub(super) by_device_license: bool,
}

impl App {
    /// An app of which nothing is known yet.
    pub(super) fn new(bundle_id: &str) -> Self {
        Self {
            bundle_id: bundle_id.to_owned(),
            adam_id: None,
            name: String::new(),
            state: "Queued",
            managed: false,
            present: false,
            flags: 0,
            attributes: Dictionary::new(),
            configuration: None,
            external_version: None,
            version: None,
            coming: None,
            started: Instant::now(),
            install_count: 0,
            by_device_license: false,
        }
    }

    /// Whether a download or a question to the person is under way.
    pub(super) fn is_busy(&self) -> bool {
        matches!(
            self.state,
            "Queued"
                | "Prompting"
                | "Installing"
                | "Updating"
                | "PromptingForUpdate"
                | "PromptingForManagement"
                | "ValidatingPurchase"
        )
    }
}

/// An answer that was given.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) channel: Channel,
    pub(super) uuid: String,
    pub(super) body: Vec<u8>,
    pub(super) status: String,
}

/// How many answers are kept for commands that come again.
const KEPT_ANSWERS: usize = 512;

/// Everything a device remembers.
pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) enrollment: Option<Enrollment>,
    pub(super) enrollments: u32,
    pub(super) name: String,
    pub(super) locked: bool,
    pub(super) data_roaming: bool,
    pub(super) voice_roaming: bool,
    pub(super) organization: Option<Dictionary>,
    pub(super) profiles: Vec<Installed>,
    /// How often each profile identifier was ever installed.
    pub(super) installs: BTreeMap<String, u32>,
    /// How many `InstallApplication` commands were accepted for each bundle identifier, also of apps that are gone.
    pub(super) app_installs: BTreeMap<String, u32>,
    /// The PushMagic of an enrollment that is about to stand: a push can be faster than the answer to `TokenUpdate`.
    pub(super) arriving: Option<String>,
    pub(super) apps: BTreeMap<String, App>,
    pub(super) problems: Vec<Problem>,
    pub(super) journal: Vec<JournalEntry>,
    /// Place in the journal of each CommandUUID.
    pub(super) known: BTreeMap<(Channel, String), usize>,
    /// Answers of the last commands, repeated when the same CommandUUID comes again.
    pub(super) answers: VecDeque<Kept>,
    pub(super) users: Vec<User>,
    /// Waits in Setup Assistant.
    pub(super) awaiting: bool,
    pub(super) power: Power,
    pub(super) passcode: bool,
    /// What `DeviceLock` left on the Lock Screen.
    pub(super) lock_message: Option<String>,
    /// What Lost Mode shows, while it is on.
    pub(super) lost: Option<String>,
    pub(super) sounds: u32,
    pub(super) restarts: u32,
    pub(super) erasures: u32,
    pub(super) restores: u32,
    pub(super) recovery_lock: Option<String>,
    pub(super) file_vault_key: String,
    pub(super) bootstrap_token: Option<Vec<u8>>,
    pub(super) declarations: BTreeMap<Channel, Declarations>,
    /// Channels whose declarations are to be looked at once the session is over, with the tokens that came along.
    pub(super) due: BTreeMap<Channel, Option<Vec<u8>>>,
    /// The last accepted keys of settings that have no place of their own.
    pub(super) settings: BTreeMap<String, Dictionary>,
    /// What managed apps left for the server.
    pub(super) feedback: BTreeMap<String, Dictionary>,
    pub(super) heard: Vec<HeardView>,
    pub(super) backup: Option<Backup>,
    /// How it enrolled last.
    pub(super) enrolled_by: Option<EnrollBy>,
    pub(super) pushes: u64,
    pub(super) last_error: Option<String>,
    pub(super) chance: Chance,
    /// The person says no to the next question about this app.
    pub(super) refusals: std::collections::BTreeSet<String>,
}

impl State {
    pub(super) fn new(name: &str, chance: Chance) -> Self {
        Self {
            phase: Phase::Waiting,
            enrollment: None,
            enrollments: 0,
            name: name.to_owned(),
            locked: false,
            data_roaming: false,
            voice_roaming: false,
            organization: None,
            profiles: Vec::new(),
            installs: BTreeMap::new(),
            app_installs: BTreeMap::new(),
            arriving: None,
            apps: BTreeMap::new(),
            problems: Vec::new(),
            journal: Vec::new(),
            known: BTreeMap::new(),
            answers: VecDeque::new(),
            pushes: 0,
            last_error: None,
            chance,
            refusals: std::collections::BTreeSet::new(),
            users: Vec::new(),
            awaiting: false,
            power: Power::On,
            passcode: true,
            lock_message: None,
            lost: None,
            sounds: 0,
            restarts: 0,
            erasures: 0,
            restores: 0,
            recovery_lock: None,
            file_vault_key: "ABCD-EFGH-IJKL-MNOP-QRST-UVWX".to_owned(),
            bootstrap_token: None,
            declarations: BTreeMap::new(),
            due: BTreeMap::new(),
            settings: BTreeMap::new(),
            feedback: BTreeMap::new(),
            heard: Vec::new(),
            backup: None,
            enrolled_by: None,
        }
    }

    /// The user of a channel; `None` on the device's own.
    pub(super) fn user(&self, channel: Channel) -> Option<&User> {
        match channel {
            Channel::Device => None,
            Channel::User(place) => self.users.get(place),
        }
    }

    /// Every channel that the server knows.
    pub(super) fn channels(&self) -> Vec<Channel> {
        let users = self.users.iter().enumerate().filter(|(_, user)| user.live).map(|(place, _)| Channel::User(place));
        std::iter::once(Channel::Device).chain(users).collect()
    }

    /// Writes down something the server did wrong.
    pub(super) fn problem(&mut self, kind: &str, text: impl Into<String>, command: Option<&str>) {
        let text = text.into();
        tracing::debug!(kind, text, "a simulated device objects");
        self.problems.push(Problem { at: now(), kind: kind.to_owned(), text, command: command.map(str::to_owned) });
    }

    /// Writes down that a command came; true if it came before.
    pub(super) fn received(
        &mut self,
        channel: Channel,
        uuid: &str,
        request_type: &str,
        subject: Option<String>,
        content_sha256: String,
    ) -> bool {
        if let Some(entry) = self.entry(channel, uuid) {
            entry.deliveries += 1;
            return true;
        }
        self.known.insert((channel, uuid.to_owned()), self.journal.len());
        let user = self.user(channel).map(|user| user.short_name.clone());
        self.journal.push(JournalEntry {
            uuid: uuid.to_owned(),
            user,
            request_type: request_type.to_owned(),
            subject,
            content_sha256,
            first_at: now(),
            deliveries: 1,
            statuses: Vec::new(),
            errors: Vec::new(),
            delivered_answer: false,
            odd: Vec::new(),
        });
        false
    }

    /// The journal's entry of a command.
    pub(super) fn entry(&mut self, channel: Channel, uuid: &str) -> Option<&mut JournalEntry> {
        let place = *self.known.get(&(channel, uuid.to_owned()))?;
        self.journal.get_mut(place)
    }

    /// Puts a profile in the place of the one with its identifier, or beside the others, and counts the installation.
    pub(super) fn put_profile(&mut self, channel: Channel, profile: Profile) {
        let count = self.installs.entry(profile.identifier.clone()).or_insert(0);
        *count += 1;
        let installed = Installed { install_count: *count, managed: true, channel, profile };
        let same = |other: &&mut Installed| {
            other.channel == channel && other.profile.identifier == installed.profile.identifier
        };
        match self.profiles.iter_mut().find(same) {
            Some(place) => *place = installed,
            None => self.profiles.push(installed),
        }
    }

    /// Keeps an answer for the case that the command comes again.
    pub(super) fn keep_answer(&mut self, channel: Channel, uuid: &str, body: Vec<u8>, status: &str) {
        self.answers.push_back(Kept { channel, uuid: uuid.to_owned(), body, status: status.to_owned() });
        if self.answers.len() > KEPT_ANSWERS {
            self.answers.pop_front();
        }
    }

    /// The VPNUUIDs an app may refer to, upper case.
    pub(super) fn vpn_uuids(&self) -> std::collections::BTreeSet<String> {
        rules::vpn_uuids(self.profiles.iter().map(|installed| &installed.profile)).collect()
    }
}

/// The time of the machine the simulation runs on.
pub(super) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
