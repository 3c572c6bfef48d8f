//! Every way in which devices misbehave, alone: the server hears it, and what was to be done is done once.

use super::house::{House, text};
use super::*;
use plist::Dictionary;

/// A device that always misbehaves in this way, and does what it is told all the same.
async fn at_its_worst(way: Way) -> (House, Fleet, Dictionary) {
    let house = House::open(true).await;
    let misbehavior = Misbehavior::default().with(way, 1000);
    let fleet = enrolled(&house, Options { misbehavior, ..one(Platform::Ios) }).await;
    let answer = house.ask(&fleet, &send(&vpn())).await;
    assert_eq!(text(&answer, "Status"), "Acknowledged", "{way}");
    assert_eq!(only(&fleet).profile_installs.get("com.example.vpn"), Some(&1), "{way}: done once");
    (house, fleet, answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_answer_is_lost_comes_again() {
    let (house, fleet, _) = at_its_worst(Way::LostAnswers).await;
    let hellos = house.said("Authenticate");
    assert!(hellos.len() > 1 && hellos.iter().all(|hello| hello == &hellos[0]), "{}", hellos.len());
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_message_comes_again_whole() {
    let (house, fleet, _) = at_its_worst(Way::BrokenMessages).await;
    assert_eq!(house.said("Authenticate").len(), 1, "half a message is none");
    assert!(fleet.statuses().get(&200).is_some_and(|count| *count > 4));
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_comes_twice() {
    let (house, fleet, answer) = at_its_worst(Way::RepeatedAnswers).await;
    assert_eq!(house.said("TokenUpdate").len(), 2);
    house.until(|| house.memory().reports.iter().filter(|report| **report == answer).count() >= 2).await;
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_message_arrives() {
    at_its_worst(Way::SlowLinks).await.1.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_refuses_the_server_first_and_dates_everything_oddly() {
    let (house, fleet, _) = at_its_worst(Way::WrongClocks).await;
    let dates = house.memory().dates.clone();
    assert!(
        !dates.is_empty() && dates.iter().all(|date| date.contains("GMT") && !date.contains(" 2026 ")),
        "{dates:?}"
    );
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_locked_now_and_then_says_not_now() {
    let house = House::open(true).await;
    let misbehavior = Misbehavior::default().with(Way::Locked, 500);
    let fleet = enrolled(&house, Options { misbehavior, ..one(Platform::Ios) }).await;
    for number in 0..12 {
        let name = format!("p{number}");
        let web_clip = PayloadBody::Other { payload_type: "com.apple.webClip.managed".into(), keys: Dictionary::new() };
        house.ask(&fleet, &send(&profile(&name, vec![web_clip]))).await;
    }
    let device = only(&fleet);
    assert!(device.journal.iter().any(|entry| entry.statuses == ["NotNow", "Acknowledged"]), "{:?}", device.journal);
    assert_eq!(device.profile_installs.len(), 13);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_device_says_token_update_and_no_authenticate() {
    let (house, fleet, _) = at_its_worst(Way::RestoredBackups).await;
    assert!(only(&fleet).restores >= 1);
    assert_eq!(house.said("Authenticate").len(), 1);
    let updates = house.said("TokenUpdate");
    assert_ne!(updates[0].get("Token"), updates[1].get("Token"));
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_device_has_what_it_had_and_the_identity_of_then() {
    let house = House::open(true).await;
    let fleet = enrolled(&house, one(Platform::Ios)).await;
    fleet.back_up(0);
    house.ask(&fleet, &send(&vpn())).await;
    let mut renewed = house.enrollment_profile();
    renewed.uuid = "enrollment-uuid-2".into();
    house.ask(&fleet, &Command::InstallProfile { payload: house.signed(&renewed) }).await;
    let identity =
        |answer: &Dictionary| answer.get("CertificateList").and_then(plist::Value::as_array).unwrap()[1].clone();
    let list = Command::CertificateList { managed_only: false };
    let new = identity(&house.ask(&fleet, &list).await);
    fleet.restore(0);
    let restored = |devices: &[DeviceView]| (devices[0].restores == 1).then_some(());
    fleet.wait_for(SOON, restored).await.unwrap();
    let answer = house.ask(&fleet, &list).await;
    assert_ne!(identity(&answer), new, "it has the identity of then");
    assert!(only(&fleet).profile("com.example.vpn").is_none(), "and nothing that came later");
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_renewal_the_old_identity_may_still_be_heard() {
    let house = House::open(true).await;
    let misbehavior = Misbehavior::default().with(Way::OldIdentities, 1000);
    let fleet = enrolled(&house, Options { misbehavior, ..one(Platform::Ios) }).await;
    let mut renewed = house.enrollment_profile();
    renewed.uuid = "enrollment-uuid-2".into();
    house.ask(&fleet, &Command::InstallProfile { payload: house.signed(&renewed) }).await;
    assert_eq!(text(&house.ask(&fleet, &Command::SecurityInfo).await, "Status"), "Acknowledged");
    assert!(house.memory().signers.len() >= 2, "the old identity was used");
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_status_is_said_first_and_the_truth_when_asked_again() {
    let house = House::open(true).await;
    let misbehavior = Misbehavior::default().with(Way::UnknownStatus, 1000);
    let fleet = enrolled(&house, Options { misbehavior, ..one(Platform::Ios) }).await;
    let uuid = house.enqueue(&only(&fleet).udid, &send(&vpn()));
    fleet.poll(0);
    assert_eq!(text(&house.answer(&uuid).await, "Status"), "Perhaps");
    house.memory().reports.clear();
    fleet.poll(0);
    assert_eq!(text(&house.answer(&uuid).await, "Status"), "Acknowledged");
    let device = only(&fleet);
    assert_eq!(device.journal[0].odd, ["unknown-status"]);
    assert_eq!(device.profile_installs["com.example.vpn"], 1);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_nothing_is_sent_and_work_goes_on() {
    let (house, fleet, _) = at_its_worst(Way::UnknownCommands).await;
    let known = only(&fleet).journal[0].uuid.clone();
    let strangers = house.memory().reports.iter().filter(|report| text(report, "CommandUUID") != known).count();
    assert!(strangers >= 1);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oversized_answer_goes_out_whole() {
    let (_house, fleet, answer) = at_its_worst(Way::OversizedAnswers).await;
    assert_eq!(text(&answer, "Padding").len(), 33 * 1024 * 1024);
    assert_eq!(only(&fleet).journal[0].odd, ["oversized-answers"]);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_with_every_misbehavior_gets_its_work_done() {
    let house = House::open(true).await;
    let misbehavior = Misbehavior::all().with(Way::RestoredBackups, 0).with(Way::SetupAssistant, 0);
    let mix = Mix { iphones: 2, ipads: 1, macs: 1, apple_tvs: 1, shared_ipads: 1 };
    let fleet = enrolled(&house, Options { count: 6, mix, misbehavior, ..quick() }).await;
    let mut wanted = Vec::new();
    for device in fleet.snapshot() {
        for number in 0..5 {
            let web_clip =
                PayloadBody::Other { payload_type: "com.apple.wifi.managed".into(), keys: Dictionary::new() };
            wanted.push(house.enqueue(&device.udid, &send(&profile(&format!("w{number}"), vec![web_clip]))));
        }
    }
    let done = |devices: &[DeviceView]| devices.iter().all(|device| device.profile_installs.len() == 6).then_some(());
    let all = async {
        loop {
            (0..6).for_each(|place| fleet.poll(place));
            if fleet.wait_for(Duration::from_millis(200), done).await.is_some() {
                return;
            }
        }
    };
    tokio::time::timeout(SOON, all).await.unwrap();
    assert!(fleet.snapshot().iter().all(|device| device.profile_installs.values().all(|count| *count == 1)));
    fleet.behave();
    fleet.stop().await;
}
