//! What a plan adds to the stories of a device's apps: what came of earlier steps, what was queued now, and where each
//! app stands since. Plain English, for the person who asks "why is it not there yet?".

use super::facts::{Case, CaseApp};
use super::rows::{Line, Verdict};
use crate::ids::AppId;
use crate::licenses::State;
use russet_planner::memory::{InstallSpec, Memory, Outcome, Sent};
use russet_planner::steps::Direction;
use russet_planner::{Action, AppFacts, Plan, Reason};
use russet_protocol::Timestamp;

/// The new lines, in order.
pub(super) fn lines(case: &Case, plan: &Plan, verdicts: &[Verdict], now: Timestamp) -> Vec<Line> {
    let mut lines = Vec::new();
    for (facts, beside) in case.facts.apps.iter().zip(&case.apps) {
        answers(facts, beside, now, &mut lines);
    }
    for need in &plan.licenses {
        let text = match need.direction {
            Direction::Give => "A license for this device is asked for at Apple.",
            Direction::TakeBack => "The license of this device is given back to Apple.",
        };
        lines.push(Line { app: AppId(need.app), at: now, step: "license", text: text.to_owned() });
    }
    for step in &plan.steps {
        let (name, text) = queued(&step.action);
        let after = if step.after.is_some() { " It follows the command before it." } else { "" };
        for (facts, beside) in case.facts.apps.iter().zip(&case.apps) {
            // What belongs to no app, as a profile that nothing needs any more, concerns all that are managed here.
            let concerns =
                if step.apps.is_empty() { facts.wanted && facts.fits } else { step.apps.contains(&facts.app) };
            if concerns {
                lines.push(Line { app: beside.app.id, at: now, step: name, text: format!("{text}{after}") });
            }
        }
    }
    for verdict in verdicts {
        let Some(beside) = case.apps.iter().find(|beside| beside.app.id == verdict.app) else { continue };
        if stands_elsewhere(beside, verdict) && !told_by_steps(&verdict.reason) {
            lines.push(Line { app: verdict.app, at: now, step: verdict.state.as_str(), text: verdict.reason.text() });
        }
    }
    let kept = |app: &AppId| verdicts.iter().any(|verdict| verdict.app == *app);
    lines.retain(|line| kept(&line.app));
    lines
}

/// What was heard since the last plan.
fn answers(facts: &AppFacts, beside: &CaseApp, now: Timestamp, lines: &mut Vec<Line>) {
    let app = beside.app.id;
    let mut tell = |at, step, text: String| lines.push(Line { app, at, step, text });
    let Some(before) = &beside.before else { return };
    let assigned = beside.license == Some(State::Assigned);
    if assigned && before.license.state != "assigned" {
        tell(now, "license", "Apple confirmed the license for this device.".to_owned());
    }
    if beside.license.is_none() && before.license.state == "releasing" {
        tell(now, "license", "Apple confirmed that the license is back.".to_owned());
    }
    let was: &Memory = &before.memory;
    let is = &facts.memory;
    if let Some((at, text)) = news(was.install.as_ref(), is.install.as_ref(), "install") {
        tell(at, "install", text);
    }
    if let Some((at, text)) = news(was.attributes.as_ref(), is.attributes.as_ref(), "change of attributes") {
        tell(at, "settings", text);
    }
    match (was.removal.as_ref(), is.removal.as_ref()) {
        // A removal that was accepted and verified leaves no notes.
        (Some(_), None) => tell(now, "removal", "The device no longer has the app.".to_owned()),
        (was, is) => {
            if let Some((at, text)) = news(was, is, "removal") {
                tell(at, "removal", text);
            }
        }
    }
}

/// The outcome of a command that was open at the last plan.
fn news<T>(was: Option<&Sent<T>>, is: Option<&Sent<T>>, what: &str) -> Option<(Timestamp, String)> {
    let (was, is) = (was?, is?);
    if !was.is_open() || was.command != is.command {
        return None;
    }
    match &is.outcome {
        Outcome::Open => None,
        Outcome::Accepted { at } => Some((*at, format!("The device accepted the {what}."))),
        Outcome::Refused { at, error } => Some((*at, format!("The device refused the {what}: {}.", error.words()))),
        Outcome::Dropped { at } => {
            let text = format!("The {what} was dropped from the queue before the device did it.");
            Some((*at, text))
        }
    }
}

fn queued(action: &Action) -> (&'static str, String) {
    match action {
        Action::InstallProfile { key } => ("profile", format!("The {} is queued for the device.", key.words())),
        Action::RemoveProfile { key } => {
            ("profile", format!("The removal of the {} is queued for the device.", key.words()))
        }
        Action::InstallApplication { spec, tries, .. } => ("install", install(spec, *tries)),
        Action::SetAttributes { attributes, .. } => {
            let text = if attributes.is_empty() {
                "Clearing the app's attributes is queued for the device."
            } else {
                "A change of the app's attributes (per-app VPN) is queued for the device."
            };
            ("settings", text.to_owned())
        }
        Action::RemoveApplication { .. } => ("removal", "The removal of the app is queued for the device.".to_owned()),
        Action::ListManagedApps => ("check", "The device is asked which managed apps it has.".to_owned()),
    }
}

fn install(spec: &InstallSpec, tries: u32) -> String {
    let again = if tries > 0 { " again" } else { "" };
    let flags = match spec.flags {
        0 => "without management flags".to_owned(),
        flags => format!("with management flags {flags}"),
    };
    let vpn = if spec.attributes.vpn.is_some() { " and its per-app VPN" } else { "" };
    let managed = if spec.install_as_managed { ", as a managed app" } else { "" };
    format!("The install is queued for the device{again}, {flags}{vpn}{managed}.")
}

fn stands_elsewhere(beside: &CaseApp, verdict: &Verdict) -> bool {
    beside.before.as_ref().is_none_or(|before| {
        before.state != verdict.state
            || std::mem::discriminant(&before.reason) != std::mem::discriminant(&verdict.reason)
    })
}

/// Reasons that say no more than the step itself, or than its absence of an answer.
fn told_by_steps(reason: &Reason) -> bool {
    matches!(
        reason,
        Reason::LicenseRequested
            | Reason::LicensePending { .. }
            | Reason::InstallQueued { .. }
            | Reason::InstallOpen { .. }
            | Reason::AttributesQueued
            | Reason::AttributesOpen { .. }
            | Reason::ProfileQueued { .. }
            | Reason::ProfileOpen { .. }
            | Reason::RemovalQueued
            | Reason::RemovalOpen { .. }
            | Reason::Verifying { said: None }
    )
}
