//! Steps for profiles: which are missing or stale, in which order they go, what an app has to follow, and what goes
//! away again. All profile commands of a device form one chain, so that whatever follows the last follows them all.

use crate::facts::{ProfileCommand, ProfileFacts, ProfileKey};
use crate::ladder;
use crate::reason::{Owner, Reason, Standing};
use crate::steps::{Action, After, Step};
use russet_protocol::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// How a profile stands for an app that needs it.
#[derive(Debug, Clone)]
pub(crate) enum Stand {
    /// On the device as wanted.
    Current,
    /// On its way: the app can be chained after it. The number orders the chain.
    Ahead { after: After, place: usize },
    /// Not on its way; the app has to wait.
    Blocked { standing: Standing, reason: Reason, owner: Owner, next_at: Timestamp },
}

/// What came of the profiles.
#[derive(Debug, Default)]
pub(crate) struct Profiles {
    pub(crate) steps: Vec<Step>,
    pub(crate) stands: BTreeMap<ProfileKey, Stand>,
    /// Looks that are due because of profiles alone.
    pub(crate) next_at: Vec<Timestamp>,
}

/// Plans the profile steps. `needed` holds each profile that may go to the device now, with the apps that need it.
pub(crate) fn plan(
    facts: &[ProfileFacts],
    needed: &BTreeMap<ProfileKey, BTreeSet<Uuid>>,
    now: Timestamp,
    daily: impl Fn(Timestamp) -> Timestamp,
) -> Profiles {
    let mut profiles = Profiles::default();
    let mut sorted: Vec<&ProfileFacts> = facts.iter().collect();
    sorted.sort_by(|a, b| a.key.cmp(&b.key));
    // Commands that are queued already come first in the chain, by their age.
    let mut open: Vec<_> = sorted.iter().filter_map(|profile| open_command(profile)).collect();
    open.sort_by_key(|(since, _, _)| *since);
    let mut tail = open.last().map(|(_, command, _)| After::Command((*command).clone()));
    let mut place = open.len();

    for profile in &sorted {
        let Some(wanted) = &profile.wanted else { continue };
        if let Some(ProfileCommand::Open { command, hash, since }) = &profile.command {
            let stand = if hash.as_ref() == Some(wanted) {
                let place = open.iter().position(|(_, other, _)| *other == command).unwrap_or(0);
                Stand::Ahead { after: After::Command(command.clone()), place }
            } else {
                // An older version is on its way. The newer one follows its answer, so that a device that is off
                // collects one command a profile, however often settings change.
                let reason = Reason::ProfileOpen { profile: profile.key.clone(), since: *since };
                Stand::Blocked {
                    standing: Standing::WaitingForProfile,
                    reason,
                    owner: Owner::Device,
                    next_at: daily(*since),
                }
            };
            profiles.stands.insert(profile.key.clone(), stand);
            continue;
        }
        if profile.installed.as_ref() == Some(wanted) {
            profiles.stands.insert(profile.key.clone(), Stand::Current);
            continue;
        }
        if let Some(ProfileCommand::Refused { hash: Some(hash), at, text, tries }) = &profile.command
            && hash == wanted
        {
            let due = ladder::retry(*at, *tries);
            if due > now {
                let reason = Reason::ProfileRefused { profile: profile.key.clone(), words: text.clone() };
                let exhausted = ladder::exhausted(*tries);
                let (standing, owner) = if exhausted {
                    (Standing::Failed, Owner::Admin)
                } else {
                    (Standing::WaitingForProfile, Owner::Server)
                };
                profiles.next_at.push(due);
                profiles.stands.insert(profile.key.clone(), Stand::Blocked { standing, reason, owner, next_at: due });
                continue;
            }
        }
        let Some(apps) = needed.get(&profile.key) else { continue };
        let after = tail.replace(After::Step(profiles.steps.len()));
        let action = Action::InstallProfile { key: profile.key.clone() };
        profiles.stands.insert(profile.key.clone(), Stand::Ahead { after: After::Step(profiles.steps.len()), place });
        profiles.steps.push(Step { action, after, apps: apps.iter().copied().collect() });
        place += 1;
    }
    removals(&sorted, &mut profiles, tail, now);
    profiles
}

/// Profiles that nothing wants any more: taken off, never replaced by an empty list. A VPN goes last, after the map
/// that refers to it.
fn removals(sorted: &[&ProfileFacts], profiles: &mut Profiles, mut tail: Option<After>, now: Timestamp) {
    let mapping_open = sorted.iter().any(|profile| {
        profile.key == ProfileKey::AppMapping && matches!(profile.command, Some(ProfileCommand::Open { .. }))
    });
    let mapping_stale = sorted.iter().any(|profile| {
        profile.key == ProfileKey::AppMapping && profile.wanted.is_some() && profile.wanted != profile.installed
    });
    let mapping_planned = |steps: &[Step]| {
        steps.iter().any(|step| {
            matches!(
                &step.action,
                Action::InstallProfile { key: ProfileKey::AppMapping }
                    | Action::RemoveProfile { key: ProfileKey::AppMapping }
            )
        })
    };
    for profile in sorted.iter().rev() {
        if profile.wanted.is_some() || profile.installed.is_none() {
            continue;
        }
        match &profile.command {
            Some(ProfileCommand::Open { .. }) => continue,
            Some(ProfileCommand::Refused { hash: None, at, tries, .. }) => {
                let due = ladder::retry(*at, *tries);
                if due > now {
                    profiles.next_at.push(due);
                    continue;
                }
            }
            _ => {}
        }
        let is_vpn = matches!(profile.key, ProfileKey::Vpn(_));
        if is_vpn && mapping_stale && !mapping_open && !mapping_planned(&profiles.steps) {
            // The map on the Mac still refers to it and cannot be replaced just now.
            continue;
        }
        let action = Action::RemoveProfile { key: profile.key.clone() };
        let after = if is_vpn { tail.clone() } else { None };
        if profile.key == ProfileKey::AppMapping {
            tail = Some(After::Step(profiles.steps.len()));
        }
        profiles.steps.push(Step { action, after, apps: Vec::new() });
    }
}

fn open_command(profile: &ProfileFacts) -> Option<(Timestamp, &russet_protocol::CommandUuid, &ProfileKey)> {
    match &profile.command {
        Some(ProfileCommand::Open { command, since, .. }) => Some((*since, command, &profile.key)),
        _ => None,
    }
}
