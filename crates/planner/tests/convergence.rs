//! The planner against a small pure world: Apple confirms licenses, the device answers commands, both make mistakes
//! for a while. Whatever the start, the world ends as wanted, the order of things holds at every step, and no app is
//! ever without a reason and a moment.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod world;

use proptest::prelude::*;
use russet_planner::facts::Enrolled;
use russet_planner::reason::Standing;
use russet_protocol::Platform;
use world::{Fault, Start, StartApp, World};

fn start_app() -> impl Strategy<Value = StartApp> {
    (
        prop_oneof![4 => Just(true), 1 => Just(false)],
        any::<[bool; 5]>(),
        proptest::option::of(0..3_u8),
        proptest::option::of(0..2_u8),
        0..6_u8,
        prop_oneof![3 => Just(None), 2 => (0..4_usize, proptest::option::of(0..3_u8)).prop_map(Some)],
        any::<bool>(),
    )
        .prop_map(|(wanted, switches, vpn, sign_on, license, there, remembered)| StartApp {
            wanted,
            mandatory: switches[0] || switches[1],
            prevent_backup: switches[2],
            roaming: switches[3],
            cellular: switches[4],
            vpn,
            sign_on,
            license,
            there,
            remembered,
        })
}

fn start() -> impl Strategy<Value = Start> {
    (
        prop_oneof![Just(Platform::Ios), Just(Platform::IpadOs), Just(Platform::MacOs), Just(Platform::TvOs)],
        proptest::collection::vec(start_app(), 1..14),
        proptest::collection::vec(0..4_u8, 0..6),
    )
        .prop_map(|(platform, apps, stale_profiles)| Start { platform, apps, stale_profiles })
}

fn faults() -> impl Strategy<Value = Vec<Fault>> {
    let fault = prop_oneof![
        3 => Just(Fault::None),
        1 => Just(Fault::LicenseNotVisible),
        1 => Just(Fault::AlreadyRunning),
        1 => Just(Fault::UnknownError),
        1 => Just(Fault::Silent),
        1 => Just(Fault::NeverArrives),
        1 => Just(Fault::PersonRefuses),
        1 => Just(Fault::PersonRemoves),
        1 => Just(Fault::LicenseService),
        1 => Just(Fault::NoneLeft),
        1 => Just(Fault::Replan),
    ];
    proptest::collection::vec(fault, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_start_ends_as_wanted(start in start(), faults in faults()) {
        let mut world = World::new(&start, faults);
        world.settle()?;
        world.check_wanted_is_true()?;
        let again = world.plan_now();
        prop_assert!(again.is_empty(), "a settled device gets nothing: {again:?}");
    }

    #[test]
    fn changed_settings_reach_the_device(start in start(), changed in proptest::collection::vec(start_app(), 14), faults in faults()) {
        let mut world = World::new(&start, Vec::new());
        world.settle()?;
        world.change(&changed, faults);
        world.settle()?;
        world.check_wanted_is_true()?;
        prop_assert!(world.plan_now().is_empty());
    }

    #[test]
    fn a_device_that_leaves_gives_its_licenses_back(start in start(), faults in faults()) {
        let mut world = World::new(&start, faults);
        for _ in 0..5 {
            world.round()?;
        }
        world.leave();
        world.settle()?;
        prop_assert!(world.licenses_held() == 0, "licenses stay behind");
        let plan = world.plan_now();
        prop_assert!(plan.apps.iter().all(|app| app.standing == Standing::NotEnrolled));
        prop_assert!(plan.is_empty());
        world.enroll_again();
        prop_assert_eq!(world.facts().enrolled, Enrolled::Live);
        world.settle()?;
        world.check_wanted_is_true()?;
    }
}
