//! A license record becomes a managed app on a device: the whole path, on real sockets and both databases, and what
//! follows: changed defaults, a device that leaves.

use crate::databases::{Kind, fresh};
use crate::story::{LIMIT, Story, carried_out};
use russet::cli::demo::truth::Wanted;
use russet_simulator::devices::{DeviceView, Phase};
use serde_json::{Value, json};

const DEVICES: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_license_becomes_a_managed_app_and_comes_back_on_sqlite() {
    from_license_to_app_and_back(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_license_becomes_a_managed_app_and_comes_back_on_postgres() {
    from_license_to_app_and_back(Kind::Postgres).await;
}

async fn from_license_to_app_and_back(kind: Kind) {
    let Some(database) = fresh(kind).await else { return };
    let story = Story::begin(database.url(), DEVICES).await;

    let facts = story.settle(Wanted::AT_FIRST).await;
    let serials: std::collections::BTreeSet<_> = facts.iter().map(|fact| &fact.serial_number).collect();
    assert_eq!(serials.len(), DEVICES, "every device has its apps");
    let first = story.fleet.snapshot();
    for device in &first {
        assert_eq!(carried_out(device, "InstallApplication"), device.apps.len(), "{}: each app once", device.serial);
    }

    roaming_reaches_devices_by_a_profile_alone(&story, &first).await;
    backup_sends_each_app_once_more(&story).await;
    a_device_that_leaves_gives_its_licenses_back(&story).await;
    story.end().await;
}

async fn roaming_reaches_devices_by_a_profile_alone(story: &Story, before: &[DeviceView]) {
    let change = [("data_roaming", json!(true))];
    let preview = story.preview(&change).await;
    assert!(!says_sent_again(&preview), "no app is sent again for roaming: {preview:#}");
    story.change(&change).await;
    story.settle(Wanted { data_roaming: true, ..Wanted::AT_FIRST }).await;
    for (was, is) in before.iter().zip(story.fleet.snapshot()) {
        let more = |kind: &str| carried_out(&is, kind) - carried_out(was, kind);
        assert_eq!(more("InstallApplication"), 0, "{}: no app again", is.serial);
        // Both kinds of data are allowed now, so the rules go; a Mac had none.
        let rules = usize::from(was.has_payload("com.apple.networkusagerules"));
        assert_eq!(more("RemoveProfile"), rules, "{}: the rules go where the platform has them", is.serial);
        assert_eq!(more("InstallProfile"), 0, "{}: no profile again", is.serial);
    }
}

async fn backup_sends_each_app_once_more(story: &Story) {
    let before = story.fleet.snapshot();
    let change = [("data_roaming", json!(true)), ("prevent_backup", json!(false))];
    let preview = story.preview(&change).await;
    assert!(says_sent_again(&preview), "it is said beforehand that apps are sent again and may update: {preview:#}");
    story.change(&change).await;
    story.settle(Wanted { data_roaming: true, prevent_backup: false, ..Wanted::AT_FIRST }).await;
    for (was, is) in before.iter().zip(story.fleet.snapshot()) {
        let more = |kind: &str| carried_out(&is, kind) - carried_out(was, kind);
        assert_eq!(more("InstallApplication"), is.apps.len(), "{}: each app once more", is.serial);
        assert_eq!(more("InstallProfile"), 0, "{}: no profile again", is.serial);
    }
}

async fn a_device_that_leaves_gives_its_licenses_back(story: &Story) {
    let gone = story.fleet.snapshot().into_iter().next().unwrap();
    story.client.post(&format!("/api/v1/devices/{}/unenroll", gone.serial), &Value::Null).await.unwrap();
    let left = story
        .fleet
        .wait_for(LIMIT, |devices| devices.first().filter(|device| device.phase == Phase::Left).cloned())
        .await;
    assert!(left.is_some_and(|device| device.apps.is_empty()), "the apps go with the management");
    story
        .until("Apple has the device's licenses back", || {
            let mut its = story
                .apple
                .licenses()
                .into_iter()
                .filter(|license| license.serial_number.as_ref() == Some(&gone.serial));
            its.all(|license| !license.held && license.times_taken == 1)
        })
        .await;
    let others =
        story.apple.licenses().into_iter().filter(|license| license.serial_number.as_ref() != Some(&gone.serial));
    assert!(others.into_iter().all(|license| license.held), "the other devices keep theirs");
}

fn says_sent_again(preview: &Value) -> bool {
    let text = preview.to_string();
    text.contains("InstallApplication") && text.contains("also updates it")
}
