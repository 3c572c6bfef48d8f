//! From a license to a managed app, and what can come in between.

use super::phone::license_not_found;
use super::{Place, row, setting};
use crate::apps::{explain, reconciler};
use crate::testing;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn license_profiles_install_and_check_come_in_this_order() {
    for world in testing::contexts().await {
        let place = Place::new(&world).await;
        let app = place.add(1001).await;
        let mut phone = place.enroll("PHONE1", "iPhone17,2").await;

        place.plan().await;
        assert_eq!(
            phone.session(place.ctx()).await,
            [""; 0],
            "nothing goes to the device before the license is confirmed"
        );
        let report = place.report().await;
        let waiting = row(&report, &phone, app);
        assert_eq!((waiting.state.as_str(), waiting.owner.as_str()), ("waiting_for_license", "Apple"));
        assert!(!report.settled && waiting.next_at > place.ctx().now());

        crate::licenses::testing::confirm(place.ctx()).await;
        place.plan().await;
        let done = phone.session(place.ctx()).await;
        assert_eq!(done, ["InstallProfile", "InstallProfile", "InstallProfile", "InstallApplication"]);
        let (flags, vpn) = &phone.apps["com.example.notes"];
        assert_eq!((*flags, vpn.as_deref()), (5, Some(crate::cli::demo::profiles::VPN_UUID)));

        let report = place.settle(&mut [&mut phone]).await;
        let row = row(&report, &phone, app);
        assert_eq!(row.state, "installed");
        assert!(phone.journal.ends_with(&["ManagedApplicationList".to_owned()]));
        assert_eq!(setting(row, "prevent_backup").on_device, Value::Bool(true));
        assert_eq!(setting(row, "data_roaming").on_device, Value::Bool(false));
        assert_eq!(setting(row, "vpn").on_device, json!("VPN"));
        assert_eq!(setting(row, "single_sign_on").on_device, json!("Sign-on"));
    }
}

#[tokio::test]
async fn many_apps_share_their_profiles_and_each_is_installed_once() {
    for world in testing::contexts().await {
        let place = Place::new(&world).await;
        for adam in [1001, 1002, 1003] {
            place.add(adam).await;
        }
        let mut phone = place.enroll("PHONE1", "iPad14,3").await;
        place.settle(&mut [&mut phone]).await;
        let count = |what: &str| phone.journal.iter().filter(|it| *it == what).count();
        assert_eq!((count("InstallProfile"), count("InstallApplication")), (3, 3), "{:?}", phone.journal);
        assert_eq!(reconciler::step(place.ctx()).await.unwrap(), 0, "nothing is due");
    }
}

#[tokio::test]
async fn settings_that_a_mac_lacks_are_said_and_not_sent() {
    for world in testing::contexts().await {
        let place = Place::new(&world).await;
        let app = place.add(1001).await;
        let pocket = place.add(1003).await;
        let mut mac = place.enroll("MAC1", "Mac15,3").await;
        let report = place.settle(&mut [&mut mac]).await;
        let there = row(&report, &mac, app);
        assert_eq!((there.state.as_str(), there.satisfied), ("installed", true));
        for name in ["data_roaming", "cellular_data", "single_sign_on"] {
            assert!(setting(there, name).text.contains("does not exist on this platform"), "{name}");
            assert_eq!(setting(there, name).on_device, Value::Null);
        }
        assert_eq!(setting(there, "vpn").on_device, json!("VPN"));
        assert_eq!(mac.apps["com.example.notes"].1, None, "a Mac gets no attributes");
        let elsewhere = row(&report, &mac, pocket);
        assert_eq!((elsewhere.state.as_str(), elsewhere.satisfied), ("not_possible", true));
        assert!(elsewhere.reason.contains("does not exist for this platform"));
    }
}

#[tokio::test]
async fn a_license_that_the_device_does_not_see_yet_is_tried_again_and_told() {
    for world in testing::contexts().await {
        let place = Place::new(&world).await;
        let app = place.add(1001).await;
        let mut phone = place.enroll("PHONE1", "iPhone17,2").await;
        phone.refuse = vec![license_not_found()];
        place.plan().await;
        crate::licenses::testing::confirm(place.ctx()).await;
        place.plan().await;
        phone.session(place.ctx()).await;
        place.plan().await;
        let report = place.report().await;
        let refused = row(&report, &phone, app);
        assert_eq!(refused.state, "retrying");
        assert_eq!(refused.next_at, place.ctx().now().plus(Duration::from_secs(30)));

        place.settle(&mut [&mut phone]).await;
        let mut view = place.ctx().store.read().await.unwrap();
        let told = explain(&mut *view, phone.device, app, place.ctx().now()).await.unwrap();
        let story: Vec<&str> = told.story.iter().map(|line| line.text.as_str()).collect();
        let position = |part: &str| {
            story.iter().position(|line| line.contains(part)).unwrap_or_else(|| panic!("no {part:?} in {story:#?}"))
        };
        let order = [
            position("asked for at Apple"),
            position("Apple confirmed the license"),
            position("network usage rules profile is queued"),
            position("The install is queued"),
            position("refused the install"),
            position("queued for the device again"),
            position("accepted the install"),
            position("confirmed the app as installed"),
        ];
        assert!(order.is_sorted(), "{story:#?}");
        assert!(told.story.windows(2).all(|pair| pair[0].at <= pair[1].at), "{:#?}", told.story);
    }
}

#[tokio::test]
async fn two_nodes_that_plan_the_same_device_queue_each_command_once() {
    for world in testing::contexts().await {
        let place = Place::new(&world).await;
        place.add(1001).await;
        let mut phone = place.enroll("PHONE1", "iPhone17,2").await;
        place.plan().await;
        crate::licenses::testing::confirm(place.ctx()).await;
        let mut other = place.ctx().clone();
        other.node = "other".into();
        let (one, two) = tokio::join!(reconciler::step(place.ctx()), reconciler::step(&other));
        assert_eq!(one.unwrap() + two.unwrap(), 1);
        // A killed node: its marks come back with the lease, and find everything done.
        place.world.clock.advance(Duration::from_secs(60));
        let mut tx = place.ctx().store.begin("test: mark").await.unwrap();
        let now = place.ctx().now();
        crate::directory::dirty::mark(&mut *tx, phone.device, crate::directory::dirty::Lane::Bulk, "again", now)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        place.plan().await;
        let done = phone.session(place.ctx()).await;
        assert_eq!(done.iter().filter(|it| *it == "InstallApplication").count(), 1);
        assert_eq!(done.len(), 4, "{done:?}");
    }
}

#[tokio::test]
async fn a_story_loses_its_old_lines_when_it_goes_on() {
    for world in testing::contexts().await {
        let place = Place::new(&world).await;
        let app = place.add(1001).await;
        let mut phone = place.enroll("PHONE1", "iPhone17,2").await;
        place.settle(&mut [&mut phone]).await;
        let story = async || {
            let mut view = place.ctx().store.read().await.unwrap();
            crate::apps::rows::story(&mut *view, phone.device, app).await.unwrap()
        };
        assert!(story().await.len() > 5);
        world.clock.advance(Duration::from_secs(91 * 86_400));
        assert!(story().await.len() > 5, "the last lines stay until there are new ones");
        let change = crate::licenses::Defaults { prevent_backup: Some(false), ..place.defaults.clone() };
        place.set_defaults(&change).await;
        let then = place.ctx().now();
        place.plan().await;
        let story = story().await;
        assert!(!story.is_empty() && story.iter().all(|line| line.at >= then), "{story:?}");
    }
}
