//! Loads what is known about a batch of devices from the rooms below, in the form the planner needs. A fixed number of
//! queries a batch, not one a device.

use super::app::{App, Scope};
use super::error::AppsError;
use super::library::Library;
use super::rows::{self, Notes, Verdict};
use super::{outcomes, wanted_profiles};
use crate::context::Context;
use crate::directory::devices::{self, Device};
use crate::directory::managed_apps::{self, ManagedApp};
use crate::enrollment::channels::{self, LiveChannel};
use crate::ids::{AppId, DeviceId};
use crate::licenses::{self, LicenseState, State};
use crate::profiles::compose::Composed;
use crate::profiles::delivery;
use russet_planner::facts::{Enrolled, License, Listed, Presence, ProfileKey};
use russet_planner::support::EnrollmentKind;
use russet_planner::{AppFacts, DeviceFacts, Memory};
use russet_protocol::{BundleId, Timestamp};
use russet_store::Tx;
use std::collections::BTreeMap;

/// One device, ready to be planned.
pub(super) struct Case {
    pub(super) device: Device,
    /// Its enrollment, where there is a live one.
    pub(super) live: Option<LiveChannel>,
    /// Notes on the device, with the revision that this plan follows.
    pub(super) notes: Notes,
    /// The notes that are stored speak of another enrollment.
    pub(super) renewed: bool,
    /// What came of a command about a profile is not written down yet.
    pub(super) unsettled: bool,
    /// What the planner sees, with conclusions drawn.
    pub(super) facts: DeviceFacts,
    /// What stands beside the apps of `facts`, in the same order.
    pub(super) apps: Vec<CaseApp>,
    /// The wanted profiles, composed.
    pub(super) composed: BTreeMap<ProfileKey, Composed>,
    /// The identifiers of profiles on the device that nothing wants any more.
    pub(super) identifiers: BTreeMap<ProfileKey, String>,
}

/// What belongs to an app of a case, besides its facts.
pub(super) struct CaseApp {
    pub(super) app: App,
    /// The verdict before this plan.
    pub(super) before: Option<Verdict>,
    /// The license record in full.
    pub(super) license: Option<State>,
    /// What the device last said about it.
    pub(super) managed: Option<ManagedApp>,
    /// What the settings were made of.
    pub(super) basis: String,
}

/// Loads the cases of these devices; those that do not exist any more are left out.
pub(super) async fn load(
    tx: &mut dyn Tx,
    ctx: &Context,
    library: &Library,
    ids: &[DeviceId],
    now: Timestamp,
) -> Result<Vec<Case>, AppsError> {
    let devices = devices::of_ids(tx, ids).await?;
    let live = channels::live_of_devices(tx, ids).await?;
    let mut live: BTreeMap<DeviceId, LiveChannel> = live.into_iter().map(|live| (live.device, live)).collect();
    let mut notes = rows::notes(tx, ids).await?;
    let mut verdicts = rows::verdicts_of(tx, ids).await?;
    let mut managed = grouped(managed_apps::of_devices(tx, ids).await?, |app| app.device);
    let listed_at = managed_apps::listed_at_of(tx, ids).await?;
    let serials: Vec<_> = devices.iter().filter_map(|device| device.serial.clone()).collect();
    let mut licenses = licenses::states_of_serials(tx, &serials).await?;
    let mut states = delivery::states_of(tx, ids).await?;

    let mut cases = Vec::with_capacity(devices.len());
    for device in devices {
        let live = live.remove(&device.id);
        let mut notes = notes.remove(&device.id).unwrap_or_default();
        let enrollment = live.as_ref().map(|live| live.enrollment);
        let mut before = verdicts.remove(&device.id).unwrap_or_default();
        let renewed = notes.enrollment != enrollment;
        if renewed {
            // What was asked and seen under another enrollment counts no more.
            notes.enrollment = enrollment;
            notes.memory = russet_planner::DeviceMemory::default();
            before.values_mut().for_each(|verdict| verdict.memory = Memory::default());
        }
        notes.memory.listed_at = listed_at.get(&device.id).copied();
        let licenses = device.serial.as_ref().and_then(|serial| licenses.remove(serial)).unwrap_or_default();
        let managed = managed.remove(&device.id).unwrap_or_default();
        let case = assemble(library, device, live, notes, before, &licenses, managed, now);
        cases.push(Case { renewed, ..case });
    }
    outcomes::fill(tx, &mut cases).await?;
    for case in &mut cases {
        for (facts, beside) in case.facts.apps.iter_mut().zip(&case.apps) {
            facts.listed = listed(beside.managed.as_ref(), &facts.memory, case.facts.memory.listed_at);
        }
        case.facts.conclude();
        let states = states.remove(&case.device.id).unwrap_or_default();
        case.unsettled = states.unsettled;
        wanted_profiles::fill(ctx, library, case, states.each);
    }
    Ok(cases)
}

#[expect(clippy::too_many_arguments, reason = "one call, which hands over what was loaded")]
fn assemble(
    library: &Library,
    device: Device,
    live: Option<LiveChannel>,
    notes: Notes,
    mut before: BTreeMap<AppId, Verdict>,
    licenses: &[LicenseState],
    managed: Vec<ManagedApp>,
    now: Timestamp,
) -> Case {
    let managed: BTreeMap<BundleId, ManagedApp> = managed.into_iter().map(|app| (app.bundle_id.clone(), app)).collect();
    let platform = device.platform();
    let mut apps = Vec::new();
    let mut facts = Vec::new();
    for app in library.apps.values() {
        let key = (app.account, app.adam, app.pricing);
        let license = licenses.iter().find(|it| (it.account, it.adam_id, it.pricing) == key).map(|it| it.state.clone());
        let before = before.remove(&app.id);
        if app.scope == Scope::Nobody && before.is_none() && license.is_none() {
            continue;
        }
        let managed = app.bundle_id.as_ref().and_then(|bundle_id| managed.get(bundle_id)).cloned();
        facts.push(AppFacts {
            app: app.id.0,
            name: app.label(),
            adam: app.adam,
            bundle_id: app.bundle_id.clone(),
            wanted: app.scope == Scope::Everyone,
            rolled_out: false,
            fits: platform.is_none_or(|platform| app.fits(platform)),
            settings: library.settings(app),
            license: as_planned(license.as_ref(), now),
            listed: None,
            memory: before.as_ref().map(|verdict| verdict.memory.clone()).unwrap_or_default(),
        });
        apps.push(CaseApp { app: app.clone(), before, license, managed, basis: library.basis(app) });
    }
    let enrolled = match &live {
        Some(live) if !live.leaving && !live.wiped => Enrolled::Live,
        // A device that was asked to leave gets nothing more; one that erased itself has nothing any more.
        _ => Enrolled::Gone,
    };
    let user = live.as_ref().is_some_and(|live| live.user_enrollment);
    let kind = if user { EnrollmentKind::User } else { EnrollmentKind::Device };
    let facts = DeviceFacts {
        platform,
        os_version: device.os_version.clone(),
        supervised: device.supervised.unwrap_or(false),
        kind,
        enrolled,
        serial: device.serial.clone(),
        memory: notes.memory.clone(),
        apps: facts,
        profiles: Vec::new(),
    };
    Case {
        device,
        live,
        notes,
        renewed: false,
        unsettled: false,
        facts,
        apps,
        composed: BTreeMap::new(),
        identifiers: BTreeMap::new(),
    }
}

/// The license record in the planner's words.
fn as_planned(state: Option<&State>, now: Timestamp) -> License {
    match state {
        None => License::Nothing,
        Some(State::Assigned) => License::Assigned,
        Some(State::Associating { since }) => License::Associating { since: *since },
        Some(State::Releasing { since }) => License::Releasing { since: *since },
        // Still on its way back; the license room tries again.
        Some(State::Failed { releasing: true, .. }) => License::Releasing { since: now },
        Some(State::Failed { number, text, retry_at, .. }) => {
            License::Failed { number: *number, text: text.clone(), retry_at: *retry_at }
        }
        Some(State::WaitingForLicense { since }) => License::NoneLeft { since: *since },
    }
}

/// The app's entry in the last complete list. A state that devices tell once stays stored after later lists lack it; it
/// counts while it is news to the planner.
fn listed(managed: Option<&ManagedApp>, memory: &Memory, listed_at: Option<Timestamp>) -> Option<Listed> {
    let (managed, listed_at) = (managed?, listed_at?);
    let presence = Presence::of_status(managed.status.as_str());
    let in_list = managed.seen_at >= listed_at;
    let asked_at = memory.install.as_ref().map(|sent| sent.at);
    let is_news = presence.is_told_once() && memory.told.is_none() && asked_at.is_none_or(|at| managed.status_at > at);
    let flags = managed.management_flags.and_then(|flags| u8::try_from(flags).ok());
    (in_list || is_news).then_some(Listed { presence, flags })
}

fn grouped<T>(rows: Vec<T>, device: impl Fn(&T) -> DeviceId) -> BTreeMap<DeviceId, Vec<T>> {
    let mut groups: BTreeMap<DeviceId, Vec<T>> = BTreeMap::new();
    for row in rows {
        groups.entry(device(&row)).or_default().push(row);
    }
    groups
}
