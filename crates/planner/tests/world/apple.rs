//! Apple's license records, and the checks that hold at every step and at the end.

use super::{Fault, World};
use proptest::prop_assert;
use proptest::test_runner::TestCaseError;
use russet_planner::facts::{DeviceFacts, License, Presence, ProfileKey};
use russet_planner::profiles;
use russet_planner::reason::Standing;
use russet_planner::steps::{Action, After, Direction, LicenseNeed, Plan};
use russet_planner::support::{Setting, Support, support};
use std::time::Duration;

impl World {
    pub(super) fn ask_apple(&mut self, need: LicenseNeed) {
        let since = self.now;
        let app = self.apps.iter_mut().find(|app| app.app == need.app).unwrap();
        app.license = match need.direction {
            Direction::Give => License::Associating { since },
            Direction::TakeBack => License::Releasing { since },
        };
    }

    /// Apple works on what is pending. Returns whether anything changed.
    pub(super) fn apple(&mut self) -> bool {
        let mut changed = false;
        for index in 0..self.apps.len() {
            let now = self.now;
            let next = match &self.apps[index].license {
                License::Associating { .. } => match self.fault(&[Fault::LicenseService, Fault::NoneLeft]) {
                    Some(Fault::LicenseService) => {
                        let retry_at = now.plus(Duration::from_secs(60));
                        License::Failed { number: 9603, text: "internal error".into(), retry_at }
                    }
                    Some(_) => License::NoneLeft { since: now },
                    None => License::Assigned,
                },
                License::Releasing { .. } => License::Nothing,
                // The license room tries again by itself.
                License::Failed { .. } | License::NoneLeft { .. } => License::Associating { since: now },
                License::Assigned | License::Nothing => continue,
            };
            self.apps[index].license = next;
            changed = true;
        }
        changed
    }

    /// What must hold for every plan.
    pub(super) fn check(&self, facts: &DeviceFacts, plan: &Plan) -> Result<(), TestCaseError> {
        prop_assert!(plan.apps.len() == facts.apps.len());
        prop_assert!(plan.next_at > self.now);
        for verdict in &plan.apps {
            prop_assert!(!verdict.reason.text().is_empty(), "no words for {:?}", verdict.reason);
            prop_assert!(verdict.next_at > self.now, "no next moment: {verdict:?}");
        }
        for (place, step) in plan.steps.iter().enumerate() {
            if let Some(After::Step(before)) = step.after {
                prop_assert!(before < place);
            }
            if let Action::InstallApplication { app, .. } = &step.action {
                let app = facts.apps.iter().find(|it| it.app == *app).unwrap();
                prop_assert!(app.license == License::Assigned, "install without a confirmed license");
                prop_assert!(
                    !app.memory.install.as_ref().is_some_and(russet_planner::memory::Sent::is_open),
                    "second open install"
                );
                for key in profiles::wanted(facts).keys() {
                    let needs = matches!(key, ProfileKey::Vpn(profile)
                        if app.settings.vpn.value.as_ref().is_some_and(|vpn| vpn.profile == *profile));
                    let profile = facts.profiles.iter().find(|profile| profile.key == *key).unwrap();
                    let current = profile.wanted == profile.installed;
                    prop_assert!(!needs || current || step.after.is_some(), "app before its VPN profile");
                }
            }
            if let Action::RemoveApplication { app, .. } = &step.action {
                let app = facts.apps.iter().find(|it| it.app == *app).unwrap();
                prop_assert!(app.license == License::Nothing, "removal before the license is back");
            }
        }
        Ok(())
    }

    /// What must hold in the end.
    pub(crate) fn check_wanted_is_true(&self) -> Result<(), TestCaseError> {
        let facts = self.facts();
        let plan = self.plan_now();
        let reaches = |setting| support(setting, self.platform, facts.kind);
        for (app, verdict) in facts.apps.iter().zip(&plan.apps) {
            let real = self.real.get(&app.app).filter(|real| real.presence == Presence::Managed);
            if verdict.standing == Standing::Installed {
                let Some(real) = real else { return Err(TestCaseError::fail("said to be installed, and is not")) };
                prop_assert!(real.flags == app.settings.management_flags());
                let vpn = if reaches(Setting::Vpn) == Support::Exists { app.settings.vpn.value.clone() } else { None };
                prop_assert!(real.attributes.vpn == vpn);
                prop_assert!(app.license == License::Assigned);
            } else if app.wanted && app.settings.mandatory.value {
                return Err(TestCaseError::fail(format!("mandatory and not installed: {verdict:?}")));
            } else if !app.wanted {
                prop_assert!(
                    real.is_none() || app.memory.confirmed.is_none() && app.listed.is_none(),
                    "unwanted and still there"
                );
                prop_assert!(app.license == License::Nothing);
            }
        }
        for profile in &facts.profiles {
            prop_assert!(profile.wanted == profile.installed, "{profile:?}");
        }
        Ok(())
    }
}
