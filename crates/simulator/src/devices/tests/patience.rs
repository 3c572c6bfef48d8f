//! A server that is away, forgets, or comes at a bad moment.

use super::house::{House, text};
use super::*;
use plist::Dictionary;

#[tokio::test(flavor = "multi_thread")]
async fn a_device_enrolls_and_works_through_outages() {
    let house = House::open(true).await;
    house.memory().unavailable = 3;
    let fleet = enrolled(&house, one(Platform::Ios)).await;
    assert_eq!(house.memory().check_ins.len(), 2, "each message once in the end");

    let udid = only(&fleet).udid;
    let uuid = house.enqueue(&udid, &send(&vpn()));
    house.down().await;
    fleet.poll(0);
    let noticed = |devices: &[DeviceView]| devices[0].last_error.clone();
    let why = fleet.wait_for(SOON, noticed).await.unwrap();
    assert!(why.contains("cannot reach"), "{why}");
    house.up().await;
    assert_eq!(text(&house.answer(&uuid).await, "Status"), "Acknowledged");
    let done = |devices: &[DeviceView]| devices[0].last_error.is_none().then(|| devices[0].clone());
    let device = fleet.wait_for(SOON, done).await.unwrap();
    assert_eq!(device.profile_installs.get("com.example.vpn"), Some(&1));
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_kept_until_the_server_takes_it() {
    let house = House::open(true).await;
    let fleet = enrolled(&house, Options { answer_delay: Duration::from_millis(100), ..one(Platform::Ios) }).await;
    let udid = only(&fleet).udid;
    let uuid = house.enqueue(&udid, &install(|_| ()));
    fleet.poll(0);
    let working = |devices: &[DeviceView]| (!devices[0].journal.is_empty()).then_some(());
    fleet.wait_for(SOON, working).await.unwrap();
    house.memory().unavailable = 4;
    assert_eq!(text(&house.answer(&uuid).await, "Status"), "Acknowledged");
    let device = only(&fleet);
    assert_eq!((device.journal.len(), device.journal[0].deliveries), (1, 1));
    assert_eq!(device.app_installs.get(APP), Some(&1));
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_comes_again_is_answered_again_and_done_once() {
    let house = House::open(true).await;
    let fleet = enrolled(&house, one(Platform::Ios)).await;
    house.memory().forgetful = 2;
    let udid = only(&fleet).udid;
    house.enqueue(&udid, &install(|_| ()));
    let last = house.enqueue(&udid, &Command::SecurityInfo);
    fleet.poll(0);
    house.answer(&last).await;
    let reports = house.memory().reports.clone();
    assert_eq!(reports.len(), 4, "three times the same answer, then the next command's");
    assert!(reports[0] == reports[1] && reports[1] == reports[2]);
    let device = only(&fleet);
    assert_eq!((device.journal[0].deliveries, device.journal[0].statuses.len()), (3, 3));
    assert_eq!(device.commands("InstallApplication", Some("7")), 1);
    assert_eq!(device.app_installs.get(APP), Some(&1));
    assert_eq!(device.app(APP).unwrap().install_count, 1);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_device_says_not_now_and_asks_again_once_it_is_unlocked() {
    let house = House::open(true).await;
    let fleet = enrolled(&house, one(Platform::Ios)).await;
    fleet.lock(0, true);
    let udid = only(&fleet).udid;
    let uuid = house.enqueue(&udid, &send(&vpn()));
    fleet.poll(0);
    let refused = |devices: &[DeviceView]| {
        let entry = devices[0].journal.first()?;
        (entry.statuses == ["NotNow"] && entry.delivered_answer).then_some(())
    };
    fleet.wait_for(SOON, refused).await.unwrap();
    assert!(!only(&fleet).has_payload("com.apple.vpn.managed.applayer"));
    fleet.lock(0, false);
    assert_eq!(text(&house.answer(&uuid).await, "Status"), "Acknowledged");
    assert_eq!(only(&fleet).profile_installs.get("com.example.vpn"), Some(&1));
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_that_defer_by_chance_come_back_by_themselves() {
    let house = House::open(true).await;
    let fleet = enrolled(&house, Options { not_now_percent: 50, ..one(Platform::Ios) }).await;
    let udid = only(&fleet).udid;
    let all: Vec<String> =
        (0..8).map(|n| house.enqueue(&udid, &send(&profile(&format!("p{n}"), vec![other()])))).collect();
    fleet.poll(0);
    for uuid in &all {
        assert_eq!(text(&house.answer(uuid).await, "Status"), "Acknowledged");
    }
    let deferred = only(&fleet).journal.iter().filter(|entry| entry.statuses.len() > 1).count();
    assert!(deferred > 0, "nothing was deferred at all");
    assert!(only(&fleet).profile_installs.values().all(|count| *count == 1));
    fleet.stop().await;
}

fn other() -> PayloadBody {
    PayloadBody::Other { payload_type: "com.apple.webClip.managed".into(), keys: Dictionary::new() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_does_not_know_is_a_format_error() {
    let house = House::open(true).await;
    let fleet = enrolled(&house, one(Platform::Ios)).await;
    let command = Command::Raw { request_type: "MakeCoffee".into(), keys: Dictionary::new() };
    assert_eq!(text(&house.ask(&fleet, &command).await, "Status"), "CommandFormatError");
    let two: Dictionary = [
        ("RequestType".to_owned(), plist::Value::from("InstallApplication")),
        ("iTunesStoreID".to_owned(), 7.into()),
        ("Identifier".to_owned(), "com.example.app7".into()),
    ]
    .into_iter()
    .collect();
    let uuid = house.enqueue_body(&only(&fleet).udid, &russet_protocol::xml::encode_dictionary(two));
    fleet.poll(0);
    assert_eq!(text(&house.answer(&uuid).await, "Status"), "CommandFormatError");
    let kinds: Vec<String> = only(&fleet).problems.into_iter().map(|problem| problem.kind).collect();
    assert_eq!(kinds, ["unknown-command", "malformed-command"]);
    fleet.stop().await;
}
