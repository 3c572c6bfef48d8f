//! The plan of one device, put together: conclusions, one decision per app, profiles, commands in order, verdicts.

use crate::app::{self, Decision, Scene, Want};
use crate::facts::{AppFacts, DeviceFacts, Enrolled, ProfileKey};
use crate::ladder;
use crate::memory::Outcome;
use crate::profile_steps::{self, Profiles, Stand};
use crate::profiles;
use crate::reason::{Owner, Reason, Standing};
use crate::steps::{Action, After, AppVerdict, LicenseNeed, Plan, Step};
use crate::support;
use russet_protocol::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// How many commands about apps a device may have open; the rest follow as those are answered.
pub const OPEN_APP_COMMANDS: usize = 10;

impl DeviceFacts {
    /// Draws the conclusions from outcomes and lists. To be called once after loading, before [`profiles::wanted`]
    /// and [`plan`]; calling it again changes nothing.
    pub fn conclude(&mut self) {
        self.memory.conclude();
        let listed_at = self.listed_at();
        for app in &mut self.apps {
            app.memory = app.memory.concluded(app.listed.as_ref(), listed_at);
        }
    }
}

/// Plans one device, whose conclusions are drawn ([`DeviceFacts::conclude`]).
#[must_use]
pub fn plan(device: &DeviceFacts, now: Timestamp) -> Plan {
    let scene = Scene { device, platform: device.platform, now };
    let mut decisions: Vec<Decision> = device.apps.iter().map(|app| app::decide(scene, app)).collect();
    let needs: Vec<Vec<ProfileKey>> = device.apps.iter().map(|app| profiles::needs(device, app)).collect();
    let mut profiles = if device.enrolled == Enrolled::Live {
        let needed = needed(device, &decisions, &needs);
        profile_steps::plan(&device.profiles, &needed, now, |since| scene.daily(since))
    } else {
        Profiles::default()
    };
    let mut steps = std::mem::take(&mut profiles.steps);
    let mut open = device.apps.iter().filter(|app| app.memory.is_open()).count();
    for ((app, decision), needs) in device.apps.iter().zip(&mut decisions).zip(&needs) {
        command(scene, app, decision, needs, &profiles, &mut steps, &mut open);
    }
    list(scene, &mut decisions, &device.apps, &mut steps);
    finish(scene, decisions, steps, &profiles.next_at)
}

/// The profiles that may go to the device now: those of apps whose license is confirmed or which are there.
fn needed(
    device: &DeviceFacts,
    decisions: &[Decision],
    needs: &[Vec<ProfileKey>],
) -> BTreeMap<ProfileKey, BTreeSet<Uuid>> {
    let mut needed: BTreeMap<ProfileKey, BTreeSet<Uuid>> = BTreeMap::new();
    for ((app, decision), needs) in device.apps.iter().zip(decisions).zip(needs) {
        if decision.ready || (profiles::is_there(app) && profiles::is_due(app)) {
            for key in needs {
                needed.entry(key.clone()).or_default().insert(app.app);
            }
        }
    }
    needed
}

/// Queues what one app wants, after its profiles; or says what holds it up.
fn command(
    scene: Scene<'_>,
    app: &AppFacts,
    decision: &mut Decision,
    needs: &[ProfileKey],
    profiles: &Profiles,
    steps: &mut Vec<Step>,
    open: &mut usize,
) {
    if decision.want == Want::Nothing {
        explain_profiles(decision, needs, profiles);
        return;
    }
    let (after, blocked) = match &decision.want {
        Want::Remove { .. } => (None, None),
        _ => follow(scene, app, needs, profiles),
    };
    if let Some(Stand::Blocked { standing, reason, owner, next_at }) = blocked {
        (decision.standing, decision.reason, decision.owner) = (standing, reason, owner);
        decision.next_at = next_at;
        decision.want = Want::Nothing;
        return;
    }
    if *open >= OPEN_APP_COMMANDS {
        decision.standing = Standing::WaitingForDevice;
        decision.reason = Reason::Turn { open: *open };
        decision.owner = Owner::Server;
        decision.next_at = scene.daily(scene.now);
        decision.want = Want::Nothing;
        return;
    }
    let id = app.app;
    let action = match (std::mem::replace(&mut decision.want, Want::Nothing), &app.bundle_id) {
        (Want::Install { spec, tries }, _) => Action::InstallApplication { app: id, adam: app.adam, spec, tries },
        (Want::Attributes { attributes, tries }, Some(bundle_id)) => {
            Action::SetAttributes { app: id, bundle_id: bundle_id.clone(), attributes, tries }
        }
        (Want::Remove { tries }, Some(bundle_id)) => {
            Action::RemoveApplication { app: id, bundle_id: bundle_id.clone(), tries }
        }
        // Neither is decided while the bundle identifier is unknown.
        (Want::Attributes { .. } | Want::Remove { .. } | Want::Nothing, _) => return,
    };
    steps.push(Step { action, after, apps: vec![id] });
    *open += 1;
}

/// The last of the profiles that the app has to follow, or the one that holds it up.
fn follow(
    scene: Scene<'_>,
    app: &AppFacts,
    needs: &[ProfileKey],
    profiles: &Profiles,
) -> (Option<After>, Option<Stand>) {
    if let Some(platform) = scene.platform
        && app.settings.single_sign_on.value.is_some()
        && support::support(support::Setting::SingleSignOn, platform, scene.device.kind).is_sent()
        && app.settings.single_sign_on.value.as_ref() != profiles::sign_on(scene.device, platform)
    {
        let blocked = Stand::Blocked {
            standing: Standing::Failed,
            reason: Reason::SignOnConflict,
            owner: Owner::Admin,
            next_at: scene.daily(scene.now),
        };
        return (None, Some(blocked));
    }
    let mut last: Option<(usize, After)> = None;
    for key in needs {
        match profiles.stands.get(key) {
            Some(Stand::Current) => {}
            Some(Stand::Ahead { after, place }) => {
                if last.as_ref().is_none_or(|(before, _)| before < place) {
                    last = Some((*place, after.clone()));
                }
            }
            Some(blocked @ Stand::Blocked { .. }) => return (None, Some(blocked.clone())),
            None => {
                // The room composed nothing for it yet: the next plan has it.
                let blocked = Stand::Blocked {
                    standing: Standing::WaitingForProfile,
                    reason: Reason::ProfileRefused {
                        profile: key.clone(),
                        words: "it could not be composed".to_owned(),
                    },
                    owner: Owner::Admin,
                    next_at: scene.daily(scene.now),
                };
                return (None, Some(blocked));
            }
        }
    }
    (last.map(|(_, after)| after), None)
}

/// An app that is there but whose profiles are not as wanted is not "installed" yet: its settings are changing.
fn explain_profiles(decision: &mut Decision, needs: &[ProfileKey], profiles: &Profiles) {
    if decision.standing != Standing::Installed {
        return;
    }
    for key in needs {
        match profiles.stands.get(key) {
            Some(Stand::Ahead { .. }) => {
                decision.standing = Standing::Changing;
                decision.reason = Reason::ProfileQueued { profile: key.clone() };
                decision.owner = Owner::Device;
                return;
            }
            Some(Stand::Blocked { reason, owner, next_at, .. }) => {
                decision.standing = Standing::Changing;
                decision.reason = reason.clone();
                decision.owner = *owner;
                decision.next_at = decision.next_at.min(*next_at);
                return;
            }
            Some(Stand::Current) | None => {}
        }
    }
}

/// One list for all apps that have to be looked at; never two at once.
fn list(scene: Scene<'_>, decisions: &mut [Decision], apps: &[AppFacts], steps: &mut Vec<Step>) {
    if scene.device.enrolled != Enrolled::Live {
        return;
    }
    let refused_at = match &scene.device.memory.listing {
        Some(listing) => match &listing.outcome {
            Outcome::Open => {
                let next_at = scene.daily(listing.at);
                decisions
                    .iter_mut()
                    .filter(|it| it.look_at.is_some())
                    .for_each(|it| it.next_at = it.next_at.max(next_at));
                return;
            }
            Outcome::Refused { at, error } => Some((*at, error.words())),
            Outcome::Accepted { .. } | Outcome::Dropped { .. } => None,
        },
        None => None,
    };
    let mut due = Vec::new();
    for (decision, app) in decisions.iter_mut().zip(apps) {
        let Some(mut at) = decision.look_at else { continue };
        if let Some((refused_at, words)) = &refused_at {
            let again = refused_at.plus(ladder::LISTING_RETRY);
            if again > at {
                at = again;
                decision.next_at = again;
                if decision.standing != Standing::Installed {
                    decision.reason = Reason::ListRefused { words: words.clone() };
                }
            }
        }
        if at <= scene.now {
            decision.next_at = scene.daily(scene.now);
            due.push(app.app);
        }
    }
    if !due.is_empty() {
        steps.push(Step { action: Action::ListManagedApps, after: None, apps: due });
    }
}

fn finish(scene: Scene<'_>, decisions: Vec<Decision>, steps: Vec<Step>, looks: &[Timestamp]) -> Plan {
    let mut licenses = Vec::new();
    let mut apps = Vec::with_capacity(decisions.len());
    let mut next_at = looks.iter().copied().min().unwrap_or_else(|| scene.now.plus(ladder::DAILY));
    for (app, decision) in scene.device.apps.iter().zip(decisions) {
        if let Some(direction) = decision.license {
            licenses.push(LicenseNeed { app: app.app, adam: app.adam, direction });
        }
        next_at = next_at.min(decision.next_at);
        let missing = scene
            .platform
            .map(|platform| support::missing(&app.settings, platform, scene.device.kind))
            .unwrap_or_default();
        apps.push(AppVerdict {
            app: app.app,
            standing: decision.standing,
            reason: decision.reason,
            owner: decision.owner,
            next_at: decision.next_at,
            missing,
            memory: decision.memory,
            forget: decision.forget,
        });
    }
    Plan { licenses, steps, apps, next_at }
}
