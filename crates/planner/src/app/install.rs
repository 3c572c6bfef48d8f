//! A wanted app whose license is confirmed: install, look, change, try again.

use super::{Decision, Scene, Want};
use crate::errors::{Class, DeviceError};
use crate::facts::{AppFacts, Presence};
use crate::ladder;
use crate::memory::{Confirmed, InstallSpec, Memory, Outcome, ToldOnce};
use crate::reason::{Owner, Reason, Standing};
use russet_protocol::Timestamp;

/// An app on its way, and what it is to become.
struct Journey<'a> {
    scene: Scene<'a>,
    app: &'a AppFacts,
    memory: Memory,
    spec: InstallSpec,
}

/// Decides what the device is asked next.
pub(super) fn decide(scene: Scene<'_>, app: &AppFacts, spec: InstallSpec) -> Decision {
    let mut memory = app.memory.clone();
    if let Some(removal) = &memory.removal {
        match removal.outcome {
            Outcome::Open => {
                let reason = Reason::RemovalOpen { since: removal.at };
                let next_at = scene.daily(removal.at);
                return Decision::new(Standing::WaitingForDevice, reason, Owner::Device, next_at, memory);
            }
            // It was taken off while unwanted, and is wanted again: from the beginning.
            Outcome::Accepted { .. } => memory = Memory::default(),
            Outcome::Refused { .. } | Outcome::Dropped { .. } => memory.removal = None,
        }
    }
    let journey = Journey { scene, app, memory, spec };
    let Some(install) = journey.memory.install.clone() else { return journey.install(0, false) };
    match &install.outcome {
        Outcome::Open => {
            let standing = if journey.is_managed() { Standing::Changing } else { Standing::WaitingForDevice };
            journey
                .wait(standing, Reason::InstallOpen { since: install.at }, Owner::Device, scene.daily(install.at))
                .ready()
        }
        Outcome::Dropped { .. } => {
            let tries = journey.memory.tries;
            journey.install(tries, true)
        }
        Outcome::Refused { at, error } => journey.refused(*at, error, &install.what),
        Outcome::Accepted { at } => journey.accepted(*at),
    }
}

impl Journey<'_> {
    fn wait(&self, standing: Standing, reason: Reason, owner: Owner, next_at: Timestamp) -> Decision {
        Decision::new(standing, reason, owner, next_at, self.memory.clone())
    }

    fn is_managed(&self) -> bool {
        self.app.listed.as_ref().is_some_and(|listed| listed.presence == Presence::Managed)
    }

    /// Whether the device's list is younger than `at`.
    fn listed_after(&self, at: Timestamp) -> bool {
        self.scene.device.listed_at().is_some_and(|listed_at| listed_at > at)
    }

    fn install(&self, tries: u32, again: bool) -> Decision {
        let next_at = self.scene.daily(self.scene.now);
        let reason = Reason::InstallQueued { again };
        self.wait(Standing::WaitingForDevice, reason, Owner::Device, next_at)
            .asking(Want::Install { spec: self.spec.clone(), tries })
    }

    /// Tries again when the ladder says so; until then waits.
    fn retry(&self, failed: Timestamp, reason: Reason, owner: Owner) -> Decision {
        let tries = self.memory.tries;
        let due = ladder::retry(failed, tries);
        if due <= self.scene.now {
            return self.install(tries.saturating_add(1), true);
        }
        let (standing, owner) =
            if ladder::exhausted(tries) { (Standing::Failed, Owner::Admin) } else { (Standing::Retrying, owner) };
        self.wait(standing, reason, owner, due).ready()
    }

    /// Tries again a day after.
    fn tomorrow(&self, since: Timestamp, standing: Standing, reason: Reason, owner: Owner) -> Decision {
        let due = since.plus(ladder::DAILY);
        if due <= self.scene.now {
            return self.install(self.memory.tries.saturating_add(1), true);
        }
        self.wait(standing, reason, owner, due).ready()
    }

    fn refused(&self, at: Timestamp, error: &DeviceError, sent: &InstallSpec) -> Decision {
        if *sent != self.spec {
            // What was refused is no longer what is wanted.
            return self.install(0, true);
        }
        let tries = self.memory.tries;
        let refused = || Reason::InstallRefused { words: error.words(), help: error.help().to_owned(), tries };
        match error.class() {
            Class::LicenseNotVisible => {
                self.retry(at, Reason::LicenseNotVisible { words: error.words(), tries }, Owner::Server)
            }
            Class::LookFirst => self.look_first(at, error),
            Class::Person => self.tomorrow(at, Standing::NeedsPerson, refused(), Owner::Person),
            Class::Admin | Class::Account | Class::Ours => self.tomorrow(at, Standing::Failed, refused(), Owner::Admin),
            Class::Passing | Class::AlreadySo | Class::NoneLeft => self.retry(at, refused(), Owner::Server),
        }
    }

    /// The device says "is installed" or "is being installed": its list tells which.
    fn look_first(&self, at: Timestamp, error: &DeviceError) -> Decision {
        if !self.listed_after(at) {
            return self.verifying(at, None);
        }
        match self.app.listed.as_ref().map(|listed| &listed.presence) {
            Some(Presence::Managed) => {
                // It is there after all, with the flags it reports; what differs is changed in the usual way.
                let flags = self.app.listed.as_ref().and_then(|listed| listed.flags);
                if flags == Some(self.spec.flags) {
                    let mut memory = self.memory.clone();
                    let attributes = memory.confirmed.take().unwrap_or_default().attributes;
                    memory.confirmed = Some(Confirmed { flags: self.spec.flags, attributes });
                    Journey { memory, spec: self.spec.clone(), ..*self }.managed(at)
                } else {
                    let tries = self.memory.tries;
                    let help = error.help().to_owned();
                    self.retry(at, Reason::InstallRefused { words: error.words(), help, tries }, Owner::Server)
                }
            }
            Some(Presence::Underway(said)) => self.verifying(at, Some(said.clone())),
            Some(Presence::AsksPerson(said)) => self.asking_person(at, said),
            _ => self.tomorrow(at, Standing::NeedsPerson, Reason::PersonInstalled, Owner::Person),
        }
    }

    fn accepted(&self, at: Timestamp) -> Decision {
        if let Some(told) = &self.memory.told {
            return self.told(told);
        }
        if !self.listed_after(at) {
            return self.verifying(at, None);
        }
        let Some(listed) = &self.app.listed else { return self.verifying(at, None) };
        match &listed.presence {
            Presence::Managed => self.managed(at),
            Presence::Underway(said) | Presence::Unknown(said) => self.verifying(at, Some(said.clone())),
            Presence::AsksPerson(said) => self.asking_person(at, said),
            Presence::RemovedByPerson => self.removed_by_person(),
            once @ (Presence::InstalledByPerson | Presence::Refused(_) | Presence::Failed) => {
                let at = self.scene.device.listed_at().unwrap_or(at);
                self.told(&ToldOnce { presence: once.clone(), at })
            }
        }
    }

    /// Looks at the device's list, ever more seldom, until the limit; then the install is sent again.
    fn verifying(&self, accepted: Timestamp, said: Option<String>) -> Decision {
        let Some(due) = ladder::next_check(accepted, self.scene.device.listed_at()) else {
            let tries = self.memory.tries;
            return self.retry(accepted.plus(ladder::VERIFY_LIMIT), Reason::NotConfirmed { tries }, Owner::Server);
        };
        let next_at = self.scene.daily(accepted);
        self.wait(Standing::Installing, Reason::Verifying { said }, Owner::Device, next_at).looking(due).ready()
    }

    fn asking_person(&self, accepted: Timestamp, said: &str) -> Decision {
        let mut decision = self.verifying(accepted, Some(said.to_owned()));
        if decision.want == Want::Nothing {
            decision.standing = Standing::NeedsPerson;
            decision.reason = Reason::AsksPerson { said: said.to_owned() };
            decision.owner = Owner::Person;
        }
        decision
    }

    fn removed_by_person(&self) -> Decision {
        let comes_back = self.app.settings.mandatory.value;
        let reason = Reason::PersonRemoved { comes_back };
        let at = self.scene.device.listed_at().unwrap_or(self.scene.now);
        if comes_back {
            return self.retry(at, reason, Owner::Server);
        }
        self.wait(Standing::NeedsPerson, reason, Owner::Person, self.scene.daily(at))
    }

    fn told(&self, told: &ToldOnce) -> Decision {
        match &told.presence {
            Presence::InstalledByPerson => {
                self.tomorrow(told.at, Standing::NeedsPerson, Reason::PersonInstalled, Owner::Person)
            }
            Presence::Refused(said) => {
                let reason = Reason::PersonRefused { said: said.clone() };
                self.tomorrow(told.at, Standing::NeedsPerson, reason, Owner::Person)
            }
            _ => self.retry(told.at, Reason::InstallFailed { tries: self.memory.tries }, Owner::Server),
        }
    }

    /// The device lists the app as managed: what it has is compared with what is wanted.
    fn managed(&self, accepted: Timestamp) -> Decision {
        let confirmed = self.memory.confirmed.clone().unwrap_or_default();
        if let Some(change) = self.attributes_open() {
            return change;
        }
        if confirmed.flags != self.spec.flags {
            let next_at = self.scene.daily(self.scene.now);
            return self
                .wait(Standing::Changing, Reason::FlagsQueued { flags: self.spec.flags }, Owner::Device, next_at)
                .asking(Want::Install { spec: self.spec.clone(), tries: 0 });
        }
        if confirmed.attributes != self.spec.attributes {
            return self.change_attributes();
        }
        let reported = self.app.listed.as_ref().and_then(|listed| listed.flags);
        if reported.is_some_and(|reported| reported != self.spec.flags) && self.listed_after(accepted) {
            return self.retry(accepted, Reason::FlagsNotTaken { wanted: self.spec.flags, reported }, Owner::Server);
        }
        // The daily look finds what a person removed meanwhile.
        let looked = self.scene.device.listed_at().unwrap_or(accepted);
        let due = looked.plus(ladder::DAILY);
        let mut decision = self.wait(Standing::Installed, Reason::Installed, Owner::Server, due).looking(due).ready();
        decision.memory.tries = 0;
        decision.memory.attribute_tries = 0;
        decision
    }

    fn attributes_open(&self) -> Option<Decision> {
        let sent = self.memory.attributes.as_ref().filter(|sent| sent.is_open())?;
        let reason = Reason::AttributesOpen { since: sent.at };
        Some(self.wait(Standing::Changing, reason, Owner::Device, self.scene.daily(sent.at)).ready())
    }

    fn change_attributes(&self) -> Decision {
        let attributes = self.spec.attributes.clone();
        let mut tries = 0;
        if let Some(sent) = &self.memory.attributes
            && let Outcome::Refused { at, error } = &sent.outcome
            && sent.what == attributes
        {
            tries = self.memory.attribute_tries.saturating_add(1);
            let due = ladder::retry(*at, self.memory.attribute_tries);
            if due > self.scene.now {
                let exhausted = ladder::exhausted(self.memory.attribute_tries);
                let (standing, owner) =
                    if exhausted { (Standing::Failed, Owner::Admin) } else { (Standing::Retrying, Owner::Server) };
                return self.wait(standing, Reason::AttributesRefused { words: error.words() }, owner, due).ready();
            }
        }
        let next_at = self.scene.daily(self.scene.now);
        self.wait(Standing::Changing, Reason::AttributesQueued, Owner::Device, next_at)
            .asking(Want::Attributes { attributes, tries })
    }
}
