//! The small pure world: one device, Apple's license records, a queue, faults for as long as they last.

mod apple;
mod device;

use proptest::test_runner::TestCaseError;
use russet_planner::facts::ProfileKey;
use russet_planner::facts::{AppFacts, DeviceFacts, Enrolled, License, Listed, Presence, ProfileCommand, ProfileFacts};
use russet_planner::memory::{Attributes, Confirmed, DeviceMemory, InstallSpec, Memory, Outcome, Sent};
use russet_planner::settings::{Choice, Overrides, SignOnProfile, Tri, VpnProfile, resolve};
use russet_planner::steps::{Action, After, Plan};
use russet_planner::support::EnrollmentKind;
use russet_planner::{plan, profiles, reason::Standing};
use russet_protocol::{AdamId, BundleId, CommandUuid, Platform, SerialNumber, Timestamp};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What can go wrong, once each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    LicenseNotVisible,
    AlreadyRunning,
    UnknownError,
    /// The device does not answer this time.
    Silent,
    /// Acknowledged, and the app never comes.
    NeverArrives,
    PersonRefuses,
    PersonRemoves,
    LicenseService,
    NoneLeft,
    /// The same moment is planned twice (a crash between planning and remembering is one transaction, so nothing was done).
    Replan,
}

#[derive(Debug, Clone)]
pub(crate) struct StartApp {
    pub(crate) wanted: bool,
    pub(crate) mandatory: bool,
    pub(crate) prevent_backup: bool,
    pub(crate) roaming: bool,
    pub(crate) cellular: bool,
    pub(crate) vpn: Option<u8>,
    pub(crate) sign_on: Option<u8>,
    pub(crate) license: u8,
    /// On the device already: which flags (index), which VPN.
    pub(crate) there: Option<(usize, Option<u8>)>,
    pub(crate) remembered: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Start {
    pub(crate) platform: Platform,
    pub(crate) apps: Vec<StartApp>,
    pub(crate) stale_profiles: Vec<u8>,
}

/// An app that is really on the device.
#[derive(Debug, Clone)]
pub(crate) struct RealApp {
    pub(crate) flags: u8,
    pub(crate) attributes: Attributes,
    pub(crate) presence: Presence,
}

#[derive(Debug, Clone)]
pub(crate) struct Queued {
    pub(crate) uuid: CommandUuid,
    pub(crate) action: Action,
    pub(crate) hash: Option<String>,
    pub(crate) after: Option<CommandUuid>,
}

pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) apps: Vec<AppFacts>,
    pub(crate) device_memory: DeviceMemory,
    pub(crate) platform: Platform,
    pub(crate) enrolled: Enrolled,
    pub(crate) real: BTreeMap<Uuid, RealApp>,
    pub(crate) listed: BTreeMap<Uuid, Listed>,
    pub(crate) real_profiles: BTreeMap<ProfileKey, String>,
    pub(crate) profile_commands: BTreeMap<ProfileKey, ProfileCommand>,
    pub(crate) queue: Vec<Queued>,
    pub(crate) done: BTreeMap<CommandUuid, bool>,
    pub(crate) answers: BTreeMap<CommandUuid, Outcome>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) counter: u128,
}

fn vpn(number: u8) -> VpnProfile {
    VpnProfile { profile: Uuid::from_u128(1000 + u128::from(number)), vpn_uuid: format!("VPN-{number}") }
}

fn overrides(app: &StartApp) -> Overrides {
    Overrides {
        mandatory: app.mandatory.into(),
        prevent_backup: app.prevent_backup.into(),
        data_roaming: app.roaming.into(),
        cellular_data: app.cellular.into(),
        remove_with_management: Tri::On,
        vpn: app.vpn.map_or(Choice::Nothing, |number| Choice::Chosen(vpn(number))),
        // One profile for all: conflicts are tested on their own.
        single_sign_on: app.sign_on.map_or(Choice::Nothing, |_| {
            Choice::Chosen(SignOnProfile {
                profile: Uuid::from_u128(2000),
                urls: vec!["https://intranet.example/".into()],
            })
        }),
        assignment_type: None,
    }
}

impl World {
    pub(crate) fn new(start: &Start, faults: Vec<Fault>) -> Self {
        let now = Timestamp(1_000_000_000);
        let mut world = Self {
            now,
            apps: Vec::new(),
            device_memory: DeviceMemory::default(),
            platform: start.platform,
            enrolled: Enrolled::Live,
            real: BTreeMap::new(),
            listed: BTreeMap::new(),
            real_profiles: BTreeMap::new(),
            profile_commands: BTreeMap::new(),
            queue: Vec::new(),
            done: BTreeMap::new(),
            answers: BTreeMap::new(),
            faults,
            counter: 1,
        };
        for (index, app) in start.apps.iter().enumerate() {
            world.add(index, app);
        }
        for number in &start.stale_profiles {
            let key = match number {
                0 => ProfileKey::NetworkUsage,
                1 => ProfileKey::SingleSignOn,
                _ if start.platform == Platform::MacOs => ProfileKey::AppMapping,
                _ => ProfileKey::Vpn(vpn(2).profile),
            };
            world.real_profiles.insert(key, "stale".into());
        }
        world
    }

    fn add(&mut self, index: usize, app: &StartApp) {
        let id = Uuid::from_u128(index as u128 + 1);
        let since = self.now;
        let license = match app.license {
            0 | 1 => License::Nothing,
            2 => License::Associating { since },
            3 => License::Assigned,
            4 => License::Releasing { since },
            _ => License::Failed { number: 9603, text: "internal".into(), retry_at: since },
        };
        let mut memory = Memory::default();
        if let Some((flags, number)) = app.there {
            let flags = [0, 1, 4, 5][flags];
            let unknowable = !app.remembered; // what nobody noted cannot be seen from outside
            let attributes = if unknowable || matches!(self.platform, Platform::MacOs | Platform::TvOs) {
                Attributes::default()
            } else {
                Attributes { vpn: number.map(vpn) }
            };
            if let Some(vpn) = &attributes.vpn {
                self.real_profiles.insert(ProfileKey::Vpn(vpn.profile), "stale".into());
            }
            if app.remembered {
                memory.confirmed = Some(Confirmed { flags, attributes: attributes.clone() });
                let spec = InstallSpec {
                    flags,
                    attributes: attributes.clone(),
                    install_as_managed: self.platform == Platform::MacOs,
                };
                let outcome = Outcome::Accepted { at: self.now.minus(std::time::Duration::from_secs(60)) };
                let command = CommandUuid::new(format!("early-{index}")).unwrap();
                memory.install = Some(Sent { command, what: spec, at: self.now, outcome, counted: true });
            }
            self.real.insert(id, RealApp { flags, attributes, presence: Presence::Managed });
        }
        let settings = resolve(&Overrides::default(), &overrides(app));
        self.apps.push(AppFacts {
            app: id,
            name: format!("App {index}"),
            adam: AdamId(index as u64 + 1),
            bundle_id: Some(BundleId::new(format!("com.example.app{index}")).unwrap()),
            wanted: app.wanted,
            rolled_out: false,
            fits: true,
            settings,
            license,
            listed: None,
            memory,
        });
    }

    /// Changes what is wanted and how.
    pub(crate) fn change(&mut self, changed: &[StartApp], faults: Vec<Fault>) {
        for (app, to) in self.apps.iter_mut().zip(changed) {
            app.wanted = to.wanted;
            app.settings = resolve(&Overrides::default(), &overrides(to));
        }
        self.faults = faults;
    }

    pub(crate) fn leave(&mut self) {
        self.enrolled = Enrolled::Gone;
        self.queue.clear();
        self.real.clear();
        self.real_profiles.clear();
        self.profile_commands.clear();
        self.listed.clear();
        self.device_memory = DeviceMemory::default();
    }

    pub(crate) fn enroll_again(&mut self) {
        self.enrolled = Enrolled::Live;
    }

    pub(crate) fn licenses_held(&self) -> usize {
        self.apps.iter().filter(|app| app.license != License::Nothing).count()
    }

    fn fault(&mut self, of: &[Fault]) -> Option<Fault> {
        match self.faults.last() {
            Some(fault) if of.contains(fault) => self.faults.pop(),
            Some(Fault::None) => {
                self.faults.pop();
                None
            }
            _ => None,
        }
    }

    pub(crate) fn facts(&self) -> DeviceFacts {
        let mut device = DeviceFacts {
            platform: Some(self.platform),
            os_version: Some("18.1".into()),
            supervised: true,
            kind: EnrollmentKind::Device,
            enrolled: self.enrolled,
            serial: Some(SerialNumber::new("C02SERIAL").unwrap()),
            memory: self.device_memory.clone(),
            apps: self.apps.clone(),
            profiles: Vec::new(),
        };
        for app in &mut device.apps {
            app.listed = self.listed.get(&app.app).cloned();
            for (uuid, outcome) in app.memory.open_mut() {
                if let Some(answer) = self.answers.get(uuid) {
                    *outcome = answer.clone();
                }
            }
        }
        if let Some(listing) = &mut device.memory.listing
            && let Some(answer) = self.answers.get(&listing.command)
        {
            listing.outcome = answer.clone();
        }
        device.conclude();
        let wanted = profiles::wanted(&device);
        let mut keys: Vec<ProfileKey> =
            wanted.keys().chain(self.real_profiles.keys()).chain(self.profile_commands.keys()).cloned().collect();
        keys.sort();
        keys.dedup();
        device.profiles = keys
            .into_iter()
            .map(|key| ProfileFacts {
                wanted: wanted.get(&key).map(|content| format!("{content:?}")),
                installed: self.real_profiles.get(&key).cloned(),
                command: self.profile_commands.get(&key).cloned(),
                key,
            })
            .collect();
        device
    }

    pub(crate) fn plan_now(&self) -> Plan {
        plan(&self.facts(), self.now)
    }

    /// Plans, checks the plan, carries it out, lets Apple and the device answer, and moves to the next moment.
    pub(crate) fn round(&mut self) -> Result<bool, TestCaseError> {
        let facts = self.facts();
        let plan = plan(&facts, self.now);
        if self.fault(&[Fault::Replan]).is_some() && russet_planner::plan(&facts, self.now) != plan {
            return Err(TestCaseError::fail("the same facts gave another plan"));
        }
        self.check(&facts, &plan)?;
        let empty = plan.is_empty();
        self.device_memory = facts.memory.clone();
        self.carry_out(&plan, &facts);
        let answered = self.apple() | self.answer();
        let settled = plan.apps.iter().all(|app| app.standing.is_settled() || app.standing == Standing::NeedsPerson);
        if empty && !answered && self.queue.is_empty() && self.faults.is_empty() && settled && self.at_rest(&plan) {
            return Ok(true);
        }
        let busy = answered || !empty;
        self.now = if busy { self.now.plus(std::time::Duration::from_secs(1)) } else { plan.next_at };
        Ok(false)
    }

    /// Whether only daily looks are left.
    fn at_rest(&self, plan: &Plan) -> bool {
        plan.apps.iter().all(|app| {
            !matches!(app.standing, Standing::NeedsPerson)
                || app.reason == russet_planner::Reason::PersonRemoved { comes_back: false }
        })
    }

    /// Goes on until everything rests; fails if it never does.
    pub(crate) fn settle(&mut self) -> Result<(), TestCaseError> {
        let mut rests = 0;
        for _ in 0..2000 {
            if self.round()? {
                rests += 1;
                if rests == 2 {
                    return Ok(());
                }
                // The daily look finds what happened behind our back.
                self.now = self.plan_now().next_at;
            }
            // Faults that found no occasion must not keep the world going for ever.
            if self.counter.is_multiple_of(7) {
                self.faults.pop();
            }
            self.counter += 1;
        }
        let plan = self.plan_now();
        Err(TestCaseError::fail(format!("it never rests: {:#?} queue {:?}", plan, self.queue)))
    }

    fn carry_out(&mut self, plan: &Plan, facts: &DeviceFacts) {
        for verdict in &plan.apps {
            let app = self.apps.iter_mut().find(|app| app.app == verdict.app).unwrap();
            app.memory = verdict.memory.clone();
        }
        let mut uuids: Vec<CommandUuid> = Vec::new();
        for step in &plan.steps {
            self.counter += 1;
            let uuid = CommandUuid::new(format!("command-{}", self.counter)).unwrap();
            let after = step.after.clone().map(|after| match after {
                After::Step(index) => uuids[index].clone(),
                After::Command(uuid) => uuid,
            });
            let hash = self.remember(&step.action, &uuid, facts);
            self.queue.push(Queued { uuid: uuid.clone(), action: step.action.clone(), hash, after });
            uuids.push(uuid);
        }
        for need in &plan.licenses {
            self.ask_apple(*need);
        }
    }

    fn remember(&mut self, action: &Action, uuid: &CommandUuid, facts: &DeviceFacts) -> Option<String> {
        let now = self.now;
        let memory = |apps: &mut Vec<AppFacts>, id: &Uuid, change: &dyn Fn(&mut Memory)| {
            change(&mut apps.iter_mut().find(|app| app.app == *id).unwrap().memory);
        };
        match action {
            Action::InstallProfile { key } | Action::RemoveProfile { key } => {
                let wanted = facts
                    .profiles
                    .iter()
                    .find(|profile| profile.key == *key)
                    .and_then(|profile| profile.wanted.clone());
                let hash = if matches!(action, Action::InstallProfile { .. }) { wanted } else { None };
                let open = ProfileCommand::Open { command: uuid.clone(), hash: hash.clone(), since: now };
                self.profile_commands.insert(key.clone(), open);
                return hash;
            }
            Action::InstallApplication { app, spec, tries, .. } => {
                memory(&mut self.apps, app, &|memory| memory.install_queued(uuid.clone(), spec.clone(), *tries, now));
            }
            Action::SetAttributes { app, attributes, tries, .. } => {
                memory(&mut self.apps, app, &|memory| {
                    memory.attributes_queued(uuid.clone(), attributes.clone(), *tries, now);
                });
            }
            Action::RemoveApplication { app, tries, .. } => {
                memory(&mut self.apps, app, &|memory| memory.removal_queued(uuid.clone(), *tries, now));
            }
            Action::ListManagedApps => self.device_memory.listing_queued(uuid.clone(), now),
        }
        None
    }
}
