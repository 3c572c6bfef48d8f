//! Devices at their worst: restored from backups, badly connected, confused. What was to be done is done, and once.

use crate::databases::{Kind, fresh};
use crate::story::Story;
use russet::cli::demo::truth::Wanted;
use russet_simulator::devices::{Misbehavior, Options, Phase, Way};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_device_is_made_as_wanted_again_on_sqlite() {
    a_restored_device_is_made_as_wanted_again(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_device_is_made_as_wanted_again_on_postgres() {
    a_restored_device_is_made_as_wanted_again(Kind::Postgres).await;
}

async fn a_restored_device_is_made_as_wanted_again(kind: Kind) {
    let Some(database) = fresh(kind).await else { return };
    let story = Story::begin(database.url(), 2).await;
    story.settle(Wanted::AT_FIRST).await;
    let before = story.fleet.snapshot();
    let enrollment = story.knows(&before[0].serial, |_| true).await["enrollments"].clone();
    // Since the backup the defaults were changed: what it had then is wrong now.
    story.fleet.back_up(0);
    story.change(&[("data_roaming", json!(true))]).await;
    let wanted = Wanted { data_roaming: true, ..Wanted::AT_FIRST };
    story.settle(wanted).await;
    story.fleet.restore(0);
    story.until("it is restored", || story.fleet.snapshot()[0].restores == 1).await;
    story.settle(wanted).await;
    let after = story.fleet.snapshot();
    assert_eq!(after[0].apps.len(), before[0].apps.len());
    assert_eq!((after[0].enrollments, after[0].phase), (1, Phase::Enrolled), "it did not enroll again");
    assert_eq!(after[1].app_installs, before[1].app_installs, "the other one is left alone");
    let now = story.knows(&before[0].serial, |_| true).await["enrollments"].clone();
    assert_eq!((&now[0]["id"], &now[0]["state"]), (&enrollment[0]["id"], &enrollment[0]["state"]));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn badly_connected_devices_get_each_app_once_on_sqlite() {
    badly_connected_devices_get_each_app_once(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn badly_connected_devices_get_each_app_once_on_postgres() {
    badly_connected_devices_get_each_app_once(Kind::Postgres).await;
}

async fn badly_connected_devices_get_each_app_once(kind: Kind) {
    let Some(database) = fresh(kind).await else { return };
    let misbehavior = Misbehavior::default()
        .with(Way::LostAnswers, 200)
        .with(Way::BrokenMessages, 100)
        .with(Way::RepeatedAnswers, 200)
        .with(Way::SlowLinks, 50)
        .with(Way::UnknownCommands, 100)
        .with(Way::WrongClocks, 500);
    let change = |options| Options { misbehavior, ..options };
    let story = Story::begin_with(database.url(), 5, change).await;
    story.settle(Wanted::AT_FIRST).await;
    for device in story.fleet.snapshot() {
        for (app, accepted) in &device.app_installs {
            assert_eq!(*accepted, 1, "{}: {app} is installed by one command", device.serial);
        }
        assert!(device.problems.is_empty(), "{}: {:?}", device.serial, device.problems);
    }
    let statuses = story.fleet.statuses();
    let bad = |status: &u16| *status >= 500 || *status == 401;
    assert!(!statuses.keys().any(bad), "{statuses:?}");
    story.end().await;
}
