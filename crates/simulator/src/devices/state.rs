//! What a device remembers: profiles, apps, settings, the journal of commands, and what it found wrong. Changed under one
//! short lock; never held across an await.

use super::cms::Identity;
use super::http::Http;
use super::mdm_payload::MdmPayload;
use super::profile::Profile;
use super::roster::Chance;
use super::rules;
use super::view::{JournalEntry, Phase, Problem};
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
}

/// An installed profile.
#[derive(Debug, Clone)]
pub(super) struct Installed {
    pub(super) profile: Profile,
    /// The server installed it.
    pub(super) managed: bool,
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
    pub(super) known: BTreeMap<String, usize>,
    /// Answers of the last commands, repeated when the same CommandUUID comes again.
    pub(super) answers: VecDeque<(String, Vec<u8>, String)>,
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
        }
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
        uuid: &str,
        request_type: &str,
        subject: Option<String>,
        content_sha256: String,
    ) -> bool {
        if let Some(entry) = self.known.get(uuid).and_then(|place| self.journal.get_mut(*place)) {
            entry.deliveries += 1;
            return true;
        }
        self.known.insert(uuid.to_owned(), self.journal.len());
        self.journal.push(JournalEntry {
            uuid: uuid.to_owned(),
            request_type: request_type.to_owned(),
            subject,
            content_sha256,
            first_at: now(),
            deliveries: 1,
            statuses: Vec::new(),
            errors: Vec::new(),
            delivered_answer: false,
        });
        false
    }

    /// The journal's entry of a command.
    pub(super) fn entry(&mut self, uuid: &str) -> Option<&mut JournalEntry> {
        let place = *self.known.get(uuid)?;
        self.journal.get_mut(place)
    }

    /// Puts a profile in the place of the one with its identifier, or beside the others, and counts the installation.
    pub(super) fn put_profile(&mut self, profile: Profile) {
        let count = self.installs.entry(profile.identifier.clone()).or_insert(0);
        *count += 1;
        let installed = Installed { install_count: *count, managed: true, profile };
        match self.profiles.iter_mut().find(|other| other.profile.identifier == installed.profile.identifier) {
            Some(place) => *place = installed,
            None => self.profiles.push(installed),
        }
    }

    /// Keeps an answer for the case that the command comes again.
    pub(super) fn keep_answer(&mut self, uuid: &str, body: Vec<u8>, status: &str) {
        self.answers.push_back((uuid.to_owned(), body, status.to_owned()));
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
