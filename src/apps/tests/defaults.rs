//! A change of an account's defaults: what the preview says is what happens, and no more than is needed is sent.

use super::{Place, row, setting};
use crate::apps::{explain, preview};
use crate::licenses::Defaults;
use crate::testing;
use serde_json::Value;

/// Settles two devices, previews the change, makes it, and compares what they fetch with what was said.
async fn change(alter: impl Fn(&mut Defaults), expected: &[&str]) {
    for world in testing::contexts().await {
        let place = Place::new(&world).await;
        let app = place.add(1001).await;
        let mut phone = place.enroll("PHONE1", "iPhone17,2").await;
        let mut mac = place.enroll("MAC1", "Mac15,3").await;
        place.settle(&mut [&mut phone, &mut mac]).await;

        let mut defaults = place.defaults.clone();
        alter(&mut defaults);
        let said = preview(place.ctx(), place.account, &defaults).await.unwrap();
        place.set_defaults(&defaults).await;
        assert!(!place.report().await.settled, "verdicts on older settings settle nothing");
        place.plan().await;
        for phone in [&mut phone, &mut mac] {
            let sent = phone.session(place.ctx()).await;
            let said = said.devices.iter().find(|item| item.device == phone.device);
            let said = said.map(|item| item.commands.clone()).unwrap_or_default();
            assert_eq!(said, sent, "the preview says what happens");
        }
        let item = said.devices.iter().find(|item| item.device == phone.device).unwrap();
        assert_eq!(item.commands, expected);
        let again = expected.contains(&"InstallApplication");
        assert_eq!(item.warning.as_deref().is_some_and(|text| text.contains("updates")), again);
        let report = place.settle(&mut [&mut phone, &mut mac]).await;
        let there = row(&report, &phone, app);
        let wanted = Value::Bool(defaults.data_roaming.unwrap());
        assert_eq!(setting(there, "data_roaming").on_device, wanted);
        assert_eq!(setting(there, "prevent_backup").on_device, Value::Bool(defaults.prevent_backup.unwrap()));
    }
}

#[tokio::test]
async fn cellular_data_off_is_one_profile() {
    change(|defaults| defaults.cellular_data = Some(false), &["InstallProfile"]).await;
}

#[tokio::test]
async fn roaming_allowed_takes_the_rules_off() {
    change(|defaults| defaults.data_roaming = Some(true), &["RemoveProfile"]).await;
}

#[tokio::test]
async fn backups_allowed_send_the_app_again() {
    change(|defaults| defaults.prevent_backup = Some(false), &["InstallApplication"]).await;
}

#[tokio::test]
async fn a_profile_that_apps_share_is_one_line_a_device_and_stands_in_each_story() {
    for world in testing::contexts().await {
        let place = Place::new(&world).await;
        let (notes, maps) = (place.add(1001).await, place.add(1002).await);
        let mut phone = place.enroll("PHONE1", "iPhone17,2").await;
        place.settle(&mut [&mut phone]).await;
        let defaults = Defaults { data_roaming: Some(true), ..place.defaults.clone() };
        let said = preview(place.ctx(), place.account, &defaults).await.unwrap();
        assert_eq!(said.devices.len(), 1, "{said:#?}");
        let item = &said.devices[0];
        assert_eq!((item.app, item.profiles.as_slice()), (None, ["network usage rules profile".to_owned()].as_slice()));
        assert!(said.text[0].starts_with("1 command for 1 device: 0 app installs, 1 profile."), "{:?}", said.text);

        place.set_defaults(&defaults).await;
        place.settle(&mut [&mut phone]).await;
        for app in [notes, maps] {
            let mut view = place.ctx().store.read().await.unwrap();
            let told = explain(&mut *view, phone.device, app, place.ctx().now()).await.unwrap();
            let removed = "The removal of the network usage rules profile is queued";
            assert!(told.story.iter().any(|line| line.text.starts_with(removed)), "{:#?}", told.story);
        }
    }
}

#[tokio::test]
async fn a_change_that_changes_nothing_sends_nothing() {
    for world in testing::contexts().await {
        let place = Place::new(&world).await;
        place.add(1001).await;
        let mut phone = place.enroll("PHONE1", "iPhone17,2").await;
        place.settle(&mut [&mut phone]).await;
        let said = preview(place.ctx(), place.account, &place.defaults).await.unwrap();
        assert!(said.devices.is_empty());
        assert_eq!(said.text, ["No device needs a command for this."]);
    }
}

#[tokio::test]
async fn without_a_vpn_the_attributes_are_cleared_before_the_profile_goes() {
    for world in testing::contexts().await {
        let place = Place::new(&world).await;
        place.add(1001).await;
        let mut phone = place.enroll("PHONE1", "iPhone17,2").await;
        place.settle(&mut [&mut phone]).await;
        let profiles = phone.profiles.len();
        place.set_defaults(&Defaults { vpn_profile: None, ..place.defaults.clone() }).await;
        let before = phone.journal.len();
        place.settle(&mut [&mut phone]).await;
        let news: Vec<&str> = phone.journal[before..].iter().map(String::as_str).collect();
        assert_eq!(news, ["Settings", "RemoveProfile"]);
        assert_eq!(phone.apps["com.example.notes"], (5, None));
        assert_eq!(phone.profiles.len(), profiles - 1);
    }
}
