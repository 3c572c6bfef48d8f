//! An app that is no longer wanted: the license goes back first, then the app goes, then its going is verified
//! (Apple's order: removal only after the disassociation succeeded).

use super::{Decision, Scene, Want, give_back, waiting_for_apple};
use crate::facts::{AppFacts, Enrolled, License};
use crate::ladder;
use crate::memory::{Memory, Outcome};
use crate::profiles;
use crate::reason::{Owner, Reason, Standing};

/// Decides what the device is asked next.
pub(super) fn decide(scene: Scene<'_>, app: &AppFacts) -> Decision {
    let memory = app.memory.clone();
    let wait = |standing, reason, owner, next_at| Decision::new(standing, reason, owner, next_at, memory.clone());
    if app.license != License::Nothing {
        let give_back = give_back(&app.license);
        let next_at = waiting_for_apple(scene, &app.license, give_back.is_some());
        return wait(Standing::Removing, Reason::RemovalAwaitsLicense, Owner::Apple, next_at).with_license(give_back);
    }
    if memory.install.as_ref().is_some_and(super::super::memory::Sent::is_open) {
        let since = memory.install.as_ref().map_or(scene.now, |sent| sent.at);
        return wait(Standing::Removing, Reason::RemovalAwaitsInstall, Owner::Device, scene.daily(since));
    }
    let Some(removal) = &memory.removal else {
        if !profiles::is_there(app) || scene.device.enrolled != Enrolled::Live {
            return gone(scene);
        }
        return remove(scene, app, 0);
    };
    let tries = memory.removal_tries;
    match &removal.outcome {
        Outcome::Open => {
            wait(Standing::Removing, Reason::RemovalOpen { since: removal.at }, Owner::Device, scene.daily(removal.at))
        }
        Outcome::Dropped { .. } => remove(scene, app, tries),
        Outcome::Refused { at, error } => {
            let due = ladder::retry(*at, tries);
            if due <= scene.now {
                return remove(scene, app, tries.saturating_add(1));
            }
            let owner = if ladder::exhausted(tries) { Owner::Admin } else { Owner::Server };
            wait(Standing::Removing, Reason::RemovalRefused { words: error.words() }, owner, due)
        }
        Outcome::Accepted { at } => {
            let listed_at = scene.device.listed_at();
            match ladder::next_check(*at, listed_at) {
                Some(due) => {
                    let next_at = scene.daily(*at);
                    wait(Standing::Removing, Reason::RemovalVerifying, Owner::Device, next_at).looking(due)
                }
                None => {
                    let due = ladder::retry(at.plus(ladder::VERIFY_LIMIT), tries);
                    if due <= scene.now {
                        return remove(scene, app, tries.saturating_add(1));
                    }
                    wait(Standing::Removing, Reason::RemovalNotConfirmed, Owner::Server, due)
                }
            }
        }
    }
}

fn remove(scene: Scene<'_>, app: &AppFacts, tries: u32) -> Decision {
    let next_at = scene.daily(scene.now);
    if app.bundle_id.is_none() {
        let next_at = scene.now.plus(ladder::APPLE_EVENT);
        return Decision::new(Standing::Removing, Reason::NoMetadata, Owner::Apple, next_at, app.memory.clone());
    }
    let mut decision =
        Decision::new(Standing::Removing, Reason::RemovalQueued, Owner::Device, next_at, app.memory.clone());
    decision.want = Want::Remove { tries };
    decision
}

fn gone(scene: Scene<'_>) -> Decision {
    let mut decision =
        Decision::new(Standing::Removed, Reason::Removed, Owner::Server, scene.daily(scene.now), Memory::default());
    decision.forget = true;
    decision
}
