//! One app: from "is it wanted" to what the device is asked. Everything before the license is confirmed is decided
//! here; what happens on the device in `install` and `removal`.

mod install;
mod removal;

use crate::errors;
use crate::facts::{AppFacts, DeviceFacts, Enrolled, License};
use crate::ladder;
use crate::memory::{Attributes, InstallSpec, Memory};
use crate::profiles;
use crate::reason::{Owner, Reason, Standing};
use crate::settings::AssignmentType;
use crate::steps::Direction;
use crate::support::{EnrollmentKind, Setting, Support, support};
use russet_protocol::{Platform, Timestamp};

/// What the device is to be asked about one app, if the profiles allow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Want {
    Nothing,
    Install { spec: InstallSpec, tries: u32 },
    Attributes { attributes: Attributes, tries: u32 },
    Remove { tries: u32 },
}

/// One app's decision, before profiles and the number of open commands are looked at.
#[derive(Debug, Clone)]
pub(crate) struct Decision {
    pub(crate) standing: Standing,
    pub(crate) reason: Reason,
    pub(crate) owner: Owner,
    pub(crate) next_at: Timestamp,
    pub(crate) want: Want,
    pub(crate) license: Option<Direction>,
    /// When the device's list of managed apps is to be looked at for this app.
    pub(crate) look_at: Option<Timestamp>,
    /// Whether the app's profiles may go to the device: the license is confirmed, or the app is there already.
    pub(crate) ready: bool,
    pub(crate) forget: bool,
    pub(crate) memory: Memory,
}

impl Decision {
    fn new(standing: Standing, reason: Reason, owner: Owner, next_at: Timestamp, memory: Memory) -> Self {
        Self {
            standing,
            reason,
            owner,
            next_at,
            want: Want::Nothing,
            license: None,
            look_at: None,
            ready: false,
            forget: false,
            memory,
        }
    }

    fn with_license(mut self, direction: Option<Direction>) -> Self {
        self.license = direction;
        self
    }

    fn asking(mut self, want: Want) -> Self {
        self.want = want;
        self.ready = true;
        self
    }

    fn looking(mut self, at: Timestamp) -> Self {
        self.look_at = Some(at);
        self.next_at = self.next_at.min(at);
        self
    }

    fn ready(mut self) -> Self {
        self.ready = true;
        self
    }
}

/// A device, its platform, and the moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) device: &'a DeviceFacts,
    pub(crate) platform: Option<Platform>,
    pub(crate) now: Timestamp,
}

impl Scene<'_> {
    /// The daily look: the first whole day after `since` that is still to come.
    pub(crate) fn daily(&self, since: Timestamp) -> Timestamp {
        let day = i64::try_from(ladder::DAILY.as_millis()).unwrap_or(i64::MAX);
        let passed = self.now.millis().saturating_sub(since.millis()).max(0) / day;
        Timestamp(since.millis().saturating_add(day.saturating_mul(passed.saturating_add(1))))
    }

    /// `at`, or the daily look where that has passed.
    fn ahead(&self, at: Timestamp) -> Timestamp {
        if at > self.now { at } else { self.daily(at) }
    }
}

/// Decides one app. `app.memory` has its conclusions drawn.
pub(crate) fn decide(scene: Scene<'_>, app: &AppFacts) -> Decision {
    let memory = app.memory.clone();
    let gone = matches!(scene.device.enrolled, Enrolled::Gone);
    if gone {
        // Nothing that was asked or seen counts under the next enrollment.
        let give_back = give_back(&app.license);
        let reason = Reason::NotEnrolled { license_held: app.license != License::Nothing };
        let next_at = waiting_for_apple(scene, &app.license, give_back.is_some());
        let mut decision = Decision::new(Standing::NotEnrolled, reason, Owner::Person, next_at, Memory::default());
        decision.forget = !app.wanted && app.license == License::Nothing;
        return decision.with_license(give_back);
    }
    if !profiles::is_due(app) {
        return if app.wanted { not_rolled_out(scene, app) } else { removal::decide(scene, app) };
    }
    let Some(platform) = scene.platform else {
        let next_at = scene.daily(scene.now);
        return Decision::new(Standing::WaitingForDevice, Reason::PlatformUnknown, Owner::Device, next_at, memory);
    };
    if !profiles::is_possible(scene.device, app) {
        let reason = match app.settings.assignment_type.value {
            _ if !app.fits => Reason::NotForThisPlatform,
            AssignmentType::User => Reason::UserLicense,
            AssignmentType::Device => Reason::NoSerialNumber,
        };
        let give_back = give_back(&app.license);
        let next_at = scene.daily(scene.now);
        return Decision::new(Standing::NotPossible, reason, Owner::Admin, next_at, memory).with_license(give_back);
    }
    if let Some(waiting) = license(scene, app) {
        return waiting;
    }
    if app.bundle_id.is_none() {
        let next_at = scene.now.plus(ladder::APPLE_EVENT);
        return Decision::new(Standing::WaitingForMetadata, Reason::NoMetadata, Owner::Apple, next_at, memory);
    }
    if scene.device.enrolled == Enrolled::Beginning {
        let next_at = scene.daily(scene.now);
        return Decision::new(Standing::WaitingForDevice, Reason::EnrollmentBeginning, Owner::Device, next_at, memory);
    }
    install::decide(scene, app, wanted_spec(scene.device, platform, app))
}

/// Waits for the license where it is not confirmed.
fn license(scene: Scene<'_>, app: &AppFacts) -> Option<Decision> {
    let memory = || app.memory.clone();
    let wait = |reason, owner, next_at| Decision::new(Standing::WaitingForLicense, reason, owner, next_at, memory());
    // Profiles of an app that is there follow its settings, whatever its license does.
    let there = profiles::is_there(app);
    let soon = scene.now.plus(ladder::APPLE_EVENT);
    let mut decision = match &app.license {
        License::Assigned => return None,
        License::Nothing => wait(Reason::LicenseRequested, Owner::Apple, soon).with_license(Some(Direction::Give)),
        License::Associating { since } => {
            let next_at = since.plus(ladder::APPLE_EVENT);
            let next_at = if next_at > scene.now { next_at } else { soon };
            wait(Reason::LicensePending { since: *since }, Owner::Apple, next_at)
        }
        License::Releasing { .. } => {
            wait(Reason::LicenseReturning, Owner::Apple, soon).with_license(Some(Direction::Give))
        }
        License::Failed { number, text, retry_at } => {
            let known = errors::look_up(errors::Domain::AppsAndBooks, *number);
            let words = known.map_or_else(|| text.clone(), |known| format!("{}; {}", known.words, known.help));
            let owner = match known.map(|known| known.class) {
                Some(errors::Class::Admin | errors::Class::Account) => Owner::Admin,
                _ => Owner::Server,
            };
            wait(Reason::LicenseFailed { number: *number, words }, owner, scene.ahead(*retry_at))
        }
        License::NoneLeft { since } => wait(Reason::NoLicenseLeft { since: *since }, Owner::Admin, scene.daily(*since)),
    };
    decision.ready = there;
    Some(decision)
}

fn not_rolled_out(scene: Scene<'_>, app: &AppFacts) -> Decision {
    let next_at = scene.daily(scene.now);
    let give_back = give_back(&app.license);
    Decision::new(Standing::NotRolledOut, Reason::NotRolledOut, Owner::Admin, next_at, app.memory.clone())
        .with_license(give_back)
}

/// Takes back what is held or asked for.
pub(crate) fn give_back(license: &License) -> Option<Direction> {
    match license {
        License::Nothing | License::Releasing { .. } => None,
        License::Associating { .. } | License::Assigned | License::Failed { .. } | License::NoneLeft { .. } => {
            Some(Direction::TakeBack)
        }
    }
}

/// When to look again while a license goes back; the daily look where nothing goes back.
pub(crate) fn waiting_for_apple(scene: Scene<'_>, license: &License, asked_now: bool) -> Timestamp {
    if asked_now || matches!(license, License::Releasing { .. }) {
        scene.now.plus(ladder::APPLE_EVENT)
    } else {
        scene.daily(scene.now)
    }
}

/// What an install of this app on this device carries; nothing that the platform lacks.
fn wanted_spec(device: &DeviceFacts, platform: Platform, app: &AppFacts) -> InstallSpec {
    let reaches = |setting| support(setting, platform, device.kind);
    let vpn = match reaches(Setting::Vpn) {
        Support::Exists => app.settings.vpn.value.clone(),
        _ => None,
    };
    let flags = if reaches(Setting::PreventBackup).is_sent() { app.settings.management_flags() } else { 0 };
    InstallSpec {
        flags,
        attributes: Attributes { vpn },
        install_as_managed: platform == Platform::MacOs && device.kind == EnrollmentKind::Device,
    }
}
