//! The device: fetches what is queued in order, obeys `after`, answers, and sometimes does not do what it says.

use super::{Fault, Queued, RealApp, World};
use russet_planner::errors::{DeviceError, ErrorItem};
use russet_planner::facts::{Enrolled, Listed, Presence, ProfileCommand, ProfileKey};
use russet_planner::memory::Outcome;
use russet_planner::steps::Action;
use uuid::Uuid;

fn error(domain: &str, number: i64) -> DeviceError {
    DeviceError { chain: vec![ErrorItem { domain: domain.into(), number, text: "no".into() }], rejection: None }
}

impl World {
    /// Answers everything in the queue, unless a fault keeps the device silent. Returns whether it said anything.
    pub(super) fn answer(&mut self) -> bool {
        if self.enrolled != Enrolled::Live || self.fault(&[Fault::Silent]).is_some() {
            return false;
        }
        if self.fault(&[Fault::PersonRemoves]).is_some()
            && let Some(app) = self.real.values_mut().find(|app| app.presence == Presence::Managed)
        {
            app.presence = Presence::RemovedByPerson;
        }
        let queue = std::mem::take(&mut self.queue);
        let any = !queue.is_empty();
        for command in queue {
            self.now = self.now.plus(std::time::Duration::from_millis(200));
            let outcome = match command.after.as_ref().map(|after| self.done.get(after).copied().unwrap_or(true)) {
                Some(false) => Outcome::Dropped { at: self.now },
                _ => self.obey(&command),
            };
            self.done.insert(command.uuid.clone(), matches!(outcome, Outcome::Accepted { .. }));
            self.conclude_profile(&command, &outcome);
            self.answers.insert(command.uuid, outcome);
        }
        any
    }

    fn conclude_profile(&mut self, command: &Queued, outcome: &Outcome) {
        let (Action::InstallProfile { key } | Action::RemoveProfile { key }) = &command.action else { return };
        match outcome {
            Outcome::Refused { at, .. } => {
                let hash = command.hash.clone();
                let refused = ProfileCommand::Refused { hash, at: *at, text: "no".into(), tries: 0 };
                self.profile_commands.insert(key.clone(), refused);
            }
            _ => {
                self.profile_commands.remove(key);
            }
        }
    }

    fn obey(&mut self, command: &Queued) -> Outcome {
        let at = self.now;
        match &command.action {
            Action::InstallProfile { key } => {
                if self.fault(&[Fault::UnknownError]).is_some() {
                    return Outcome::Refused { at, error: error("MCProfileErrorDomain", 1) };
                }
                self.real_profiles.insert(key.clone(), command.hash.clone().unwrap());
                Outcome::Accepted { at }
            }
            Action::RemoveProfile { key } => {
                let used = self.real.values().any(|app| {
                    app.presence == Presence::Managed
                        && app.attributes.vpn.as_ref().is_some_and(|vpn| ProfileKey::Vpn(vpn.profile) == *key)
                });
                assert!(!used, "a VPN profile goes while an app refers to it");
                self.real_profiles.remove(key);
                Outcome::Accepted { at }
            }
            Action::InstallApplication { app, spec, .. } => {
                if let Some(vpn) = &spec.attributes.vpn {
                    assert!(
                        self.real_profiles.contains_key(&ProfileKey::Vpn(vpn.profile)),
                        "app before its VPN profile"
                    );
                }
                self.install(*app, spec)
            }
            Action::SetAttributes { app, attributes, .. } => {
                if self.fault(&[Fault::UnknownError]).is_some() {
                    return Outcome::Refused { at, error: error("MCMDMErrorDomain", 12008) };
                }
                if let Some(real) = self.real.get_mut(app) {
                    real.attributes = attributes.clone();
                }
                Outcome::Accepted { at }
            }
            Action::RemoveApplication { app, .. } => match self.real.remove(app) {
                Some(_) => Outcome::Accepted { at },
                None => Outcome::Refused { at, error: error("MCMDMErrorDomain", 12029) },
            },
            Action::ListManagedApps => {
                let entry = |(id, real): (&Uuid, &RealApp)| {
                    (*id, Listed { presence: real.presence.clone(), flags: Some(real.flags) })
                };
                self.listed = self.real.iter().map(entry).collect();
                // Some states are told once.
                self.real.retain(|_, real| !real.presence.is_told_once());
                Outcome::Accepted { at }
            }
        }
    }

    fn install(&mut self, app: Uuid, spec: &russet_planner::memory::InstallSpec) -> Outcome {
        let at = self.now;
        let faults = [
            Fault::LicenseNotVisible,
            Fault::AlreadyRunning,
            Fault::UnknownError,
            Fault::NeverArrives,
            Fault::PersonRefuses,
        ];
        let mut presence = Presence::Managed;
        match self.fault(&faults) {
            Some(Fault::LicenseNotVisible) => return Outcome::Refused { at, error: error("MCMDMErrorDomain", 12064) },
            Some(Fault::AlreadyRunning) => return Outcome::Refused { at, error: error("ASDErrorDomain", 506) },
            Some(Fault::UnknownError) => return Outcome::Refused { at, error: error("StrangeDomain", 4711) },
            Some(Fault::NeverArrives) if !self.real.contains_key(&app) => return Outcome::Accepted { at },
            Some(Fault::PersonRefuses) => presence = Presence::Refused("UserRejected".into()),
            _ => {}
        }
        let attributes = match self.real.get(&app) {
            // Nothing says that an install without attributes clears them.
            Some(real) if spec.attributes.is_empty() => real.attributes.clone(),
            _ => spec.attributes.clone(),
        };
        self.real.insert(app, RealApp { flags: spec.flags, attributes, presence });
        Outcome::Accepted { at }
    }
}
