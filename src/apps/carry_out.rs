//! Carries a plan out: license wishes, profiles, commands, verdicts and story, all in one transaction a device. A server
//! that is killed anywhere has done all of it or nothing.

use super::error::AppsError;
use super::facts::Case;
use super::library::Library;
use super::rows::{self, Verdict};
use super::{commands_of, store, story, views};
use crate::commands::{self, CommandError, NewCommand, Purpose};
use crate::context::Context;
use crate::directory::dirty::{self, Mark};
use crate::enrollment::channels;
use crate::ids::{AppId, ChannelId};
use crate::licenses;
use crate::profiles::delivery;
use russet_planner::steps::{Direction, LicenseNeed};
use russet_planner::{Action, After, Memory, Plan, Step};
use russet_protocol::command::Command;
use russet_protocol::{CommandUuid, Timestamp};
use russet_store::Tx;
use std::collections::BTreeMap;
use uuid::Uuid;

/// What became of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carried {
    /// It was carried out.
    Out,
    /// Something changed since its facts were read; the device is looked at again.
    Overtaken,
}

/// What is noted while the steps are queued.
struct Notes {
    apps: BTreeMap<Uuid, Memory>,
    device: russet_planner::DeviceMemory,
}

/// Carries out the plan that was made of `case` at `now`.
pub(super) async fn carry_out(
    ctx: &Context,
    library: &Library,
    mark: &Mark,
    case: &Case,
    plan: &Plan,
    now: Timestamp,
) -> Result<Carried, AppsError> {
    let device = case.device.id;
    let mut tx = ctx.store.begin("carry out the plan of a device").await?;
    if !rows::claim_plan(&mut *tx, device, &case.notes).await? {
        return Ok(Carried::Overtaken);
    }
    if case.unsettled {
        delivery::settle(&mut *tx, device).await?;
    }
    let mut notes = Notes::before(case, plan);
    if !plan.steps.is_empty() {
        // The enrollment may have ended since the facts were read; what is queued now would wait for ever.
        let live = channels::hold_live_of_device(&mut *tx, device).await?.map(|live| live.channel);
        let Some(channel) = live.filter(|live| case.live.as_ref().is_some_and(|case| case.channel == *live)) else {
            return Ok(Carried::Overtaken);
        };
        queue(&mut *tx, ctx, mark, case, plan, channel, &mut notes, now).await?;
    }
    // In the order in which the license worker writes the wishes of a device.
    let mut needs: Vec<&LicenseNeed> = plan.licenses.iter().collect();
    needs.sort_by_key(|need| need.adam);
    for need in needs {
        wish(&mut *tx, case, need, now).await?;
    }
    let verdicts = verdicts(library, case, plan, &notes, now);
    let before = before(case);
    let new: Vec<&Verdict> = verdicts.iter().filter(|verdict| !is_same(case, &before, verdict)).collect();
    rows::write_verdicts(&mut *tx, &new).await?;
    let lines = story::lines(case, plan, &verdicts, now);
    rows::tell(&mut *tx, device, case.notes.revision + 1, &lines, now).await?;
    for gone in plan.apps.iter().filter(|verdict| verdict.forget) {
        rows::forget(&mut *tx, device, AppId(gone.app)).await?;
        store::forget_if_gone(&mut *tx, AppId(gone.app)).await?;
    }
    // The claim wrote the notes as they were.
    if notes.device != case.notes.memory {
        rows::write_memory(&mut *tx, device, &notes.device).await?;
    }
    dirty::done(&mut *tx, mark, Some((plan.next_at, "a look that was planned"))).await?;
    tx.commit().await?;
    Ok(Carried::Out)
}

/// Whether the plan leaves everything as it is stored: then nothing is to be done but to look again in time.
pub(super) fn changes_nothing(library: &Library, case: &Case, plan: &Plan, now: Timestamp) -> bool {
    let is_new = case.notes.revision == 0 || case.renewed || case.unsettled || case.facts.memory != case.notes.memory;
    if is_new || !plan.steps.is_empty() || !plan.licenses.is_empty() || plan.apps.iter().any(|verdict| verdict.forget) {
        return false;
    }
    let verdicts = verdicts(library, case, plan, &Notes::before(case, plan), now);
    let before = before(case);
    verdicts.iter().all(|verdict| is_same(case, &before, verdict))
        && story::lines(case, plan, &verdicts, now).is_empty()
}

/// The verdicts that are stored.
fn before(case: &Case) -> BTreeMap<AppId, &Verdict> {
    case.apps.iter().filter_map(|beside| Some((beside.app.id, beside.before.as_ref()?))).collect()
}

/// Whether this very verdict is stored. Under a new enrollment nothing counts as stored: the notes were emptied.
fn is_same(case: &Case, before: &BTreeMap<AppId, &Verdict>, verdict: &Verdict) -> bool {
    !case.renewed && before.get(&verdict.app).is_some_and(|before| *before == verdict)
}

#[expect(
    clippy::too_many_arguments,
    reason = "one call, which hands over the transaction and what the plan was made of"
)]
async fn queue(
    tx: &mut dyn Tx,
    ctx: &Context,
    mark: &Mark,
    case: &Case,
    plan: &Plan,
    channel: ChannelId,
    notes: &mut Notes,
    now: Timestamp,
) -> Result<(), AppsError> {
    let mut queued: Vec<CommandUuid> = Vec::with_capacity(plan.steps.len());
    for step in &plan.steps {
        let after = match &step.after {
            None => None,
            Some(After::Command(command)) => Some(command.clone()),
            Some(After::Step(place)) => {
                let before = queued.get(*place).cloned();
                Some(before.ok_or_else(|| AppsError::Plan("a step follows a later one".to_owned()))?)
            }
        };
        let target = Target { case, channel, mark, after: after.as_ref() };
        let command = queue_one(tx, ctx, &target, step, notes, now).await?;
        queued.push(command);
    }
    Ok(())
}

/// Where a command goes, and after what.
struct Target<'a> {
    case: &'a Case,
    channel: ChannelId,
    mark: &'a Mark,
    after: Option<&'a CommandUuid>,
}

async fn queue_one(
    tx: &mut dyn Tx,
    ctx: &Context,
    target: &Target<'_>,
    step: &Step,
    notes: &mut Notes,
    now: Timestamp,
) -> Result<CommandUuid, AppsError> {
    let (device, channel, after) = (target.case.device.id, target.channel, target.after);
    match &step.action {
        Action::InstallProfile { key } => {
            let missing = || AppsError::Plan(format!("the {} was not composed", key.words()));
            let composed = target.case.composed.get(key).ok_or_else(missing)?;
            Ok(delivery::install(tx, ctx, device, channel, composed, after).await?)
        }
        Action::RemoveProfile { key } => {
            let missing = || AppsError::Plan(format!("the {} is not known on this device", key.words()));
            let identifier = target.case.identifiers.get(key).ok_or_else(missing)?;
            Ok(delivery::remove(tx, ctx, device, channel, identifier, after).await?)
        }
        Action::InstallApplication { app, adam, spec, tries } => {
            let command = commands_of::install(*adam, spec);
            match enqueue(tx, ctx, target, &command, Purpose::App(AppId(*app))).await {
                Ok(uuid) => {
                    notes.of(*app).install_queued(uuid.clone(), spec.clone(), *tries, now);
                    Ok(uuid)
                }
                // Somebody else's installation of this app is open: its end brings us back.
                Err(CommandError::AlreadyOpen(uuid)) => Ok(uuid),
                Err(error) => Err(error.into()),
            }
        }
        Action::SetAttributes { app, bundle_id, attributes, tries } => {
            let command = commands_of::attributes(bundle_id, attributes);
            let uuid = enqueue(tx, ctx, target, &command, Purpose::App(AppId(*app))).await?;
            notes.of(*app).attributes_queued(uuid.clone(), attributes.clone(), *tries, now);
            Ok(uuid)
        }
        Action::RemoveApplication { app, bundle_id, tries } => {
            let command = Command::RemoveApplication { identifier: bundle_id.clone() };
            let uuid = enqueue(tx, ctx, target, &command, Purpose::App(AppId(*app))).await?;
            notes.of(*app).removal_queued(uuid.clone(), *tries, now);
            Ok(uuid)
        }
        Action::ListManagedApps => {
            let command = Command::ManagedApplicationList { identifiers: Vec::new() };
            let uuid = enqueue(tx, ctx, target, &command, Purpose::Inventory).await?;
            notes.device.listing_queued(uuid.clone(), now);
            Ok(uuid)
        }
    }
}

async fn enqueue(
    tx: &mut dyn Tx,
    ctx: &Context,
    target: &Target<'_>,
    command: &Command,
    purpose: Purpose,
) -> Result<CommandUuid, CommandError> {
    let new = NewCommand {
        channel: target.channel,
        device: target.case.device.id,
        command,
        after: target.after,
        purpose,
        priority: target.mark.lane,
        expires_at: None,
    };
    commands::enqueue(tx, ctx, new).await
}

async fn wish(tx: &mut dyn Tx, case: &Case, need: &LicenseNeed, now: Timestamp) -> Result<(), AppsError> {
    let Some(serial) = &case.device.serial else { return Ok(()) };
    let Some(beside) = case.apps.iter().find(|beside| beside.app.id.0 == need.app) else { return Ok(()) };
    let app = &beside.app;
    match need.direction {
        Direction::Give => licenses::need(tx, app.account, app.adam, app.pricing, serial, now).await?,
        Direction::TakeBack => licenses::release(tx, app.account, app.adam, app.pricing, serial, now).await?,
    }
    Ok(())
}

/// The rows to keep: one per app that is not forgotten.
fn verdicts(library: &Library, case: &Case, plan: &Plan, notes: &Notes, now: Timestamp) -> Vec<Verdict> {
    let mut verdicts = Vec::with_capacity(plan.apps.len());
    for ((verdict, facts), beside) in plan.apps.iter().zip(&case.facts.apps).zip(&case.apps) {
        if verdict.forget {
            continue;
        }
        let same = beside.before.as_ref().filter(|before| {
            before.state == verdict.standing
                && std::mem::discriminant(&before.reason) == std::mem::discriminant(&verdict.reason)
        });
        verdicts.push(Verdict {
            device: case.device.id,
            app: beside.app.id,
            state: verdict.standing,
            reason: verdict.reason.clone(),
            owner: verdict.owner,
            since: same.map_or(now, |before| before.since),
            next_at: verdict.next_at,
            license: views::license(beside, plan.licenses.iter().find(|need| need.app == verdict.app)),
            settings: views::settings(library, case, facts, beside, verdict.standing),
            memory: notes.apps.get(&verdict.app).cloned().unwrap_or_default(),
            basis: beside.basis.clone(),
        });
    }
    verdicts
}

impl Notes {
    /// As the plan begins.
    fn before(case: &Case, plan: &Plan) -> Self {
        Self {
            apps: plan.apps.iter().map(|verdict| (verdict.app, verdict.memory.clone())).collect(),
            device: case.facts.memory.clone(),
        }
    }

    fn of(&mut self, app: Uuid) -> &mut Memory {
        self.apps.entry(app).or_default()
    }
}
