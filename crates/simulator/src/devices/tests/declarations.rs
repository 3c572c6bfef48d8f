//! Declarative management: what is fetched, what is held, what is reported.

use super::house::House;
use super::*;
use plist::Value as Plist;
use serde_json::{Value, json};

fn configuration(identifier: &str, token: &str) -> Value {
    json!({ "Type": "com.apple.configuration.management.test", "Identifier": identifier, "ServerToken": token,
        "Payload": { "Echo": "hello" } })
}

async fn synchronized(fleet: &Fleet, times: u32) -> DeviceView {
    let look = |devices: &[DeviceView]| (devices[0].synchronized == times).then(|| devices[0].clone());
    fleet.wait_for(SOON, look).await.unwrap_or_else(|| panic!("{:#?}", only(fleet)))
}

fn endpoints(house: &House) -> Vec<String> {
    house.said("DeclarativeManagement").iter().map(|keys| super::house::text(keys, "Endpoint").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_holds_exactly_what_the_server_declares() {
    let house = House::open(true).await;
    let fleet = enrolled(&house, one(Platform::Ios)).await;
    house.memory().declarations = vec![
        ("Configurations", "test-1", "a", configuration("test-1", "a")),
        ("Configurations", "test-2", "b", configuration("test-2", "b")),
        ("Assets", "gone", "c", Value::Null),
    ];
    house.ask(&fleet, &Command::DeclarativeManagement { data: None }).await;
    let device = synchronized(&fleet, 1).await;
    assert_eq!(device.declarations.keys().collect::<Vec<_>>(), ["test-1", "test-2"], "404 drops a declaration");

    // Nothing changed: the tokens are enough.
    house.until(|| endpoints(&house).last().is_some_and(|last| last == "status")).await;
    let before = endpoints(&house).len();
    house.ask(&fleet, &Command::DeclarativeManagement { data: None }).await;
    fleet.ask(0, Question::Declarations);
    house.until(|| endpoints(&house).len() >= before + 2).await;
    assert!(endpoints(&house)[before..].iter().all(|endpoint| endpoint == "tokens"));

    // One new, one changed, one gone: only what differs is fetched.
    let before = endpoints(&house).len();
    house.memory().declarations = vec![
        ("Configurations", "test-2", "b2", configuration("test-2", "b2")),
        (
            "Activations",
            "test-3",
            "d",
            json!({ "Type": "org.example.unknown", "Identifier": "test-3",
            "ServerToken": "d", "Payload": {} }),
        ),
    ];
    house.ask(&fleet, &Command::DeclarativeManagement { data: None }).await;
    let device = synchronized(&fleet, 2).await;
    assert_eq!(device.declarations["test-2"], "b2");
    assert!(!device.declarations.contains_key("test-1"));
    house.until(|| endpoints(&house).last().is_some_and(|last| last == "status")).await;
    assert_eq!(
        endpoints(&house)[before..],
        ["tokens", "declaration-items", "declaration/activation/test-3", "declaration/configuration/test-2", "status"]
    );
    let report = house.said("DeclarativeManagement").pop().unwrap();
    let report: Value = serde_json::from_slice(report.get("Data").and_then(Plist::as_data).unwrap()).unwrap();
    let declarations = &report["StatusItems"]["management"]["declarations"];
    assert_eq!(declarations["configurations"][0]["server-token"], "b2");
    assert_eq!(declarations["activations"][0]["reasons"][0]["code"], "Error.UnknownDeclarationType");
    assert_eq!(report["FullReport"], true);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_come_with_the_command_save_a_question() {
    let house = House::open(true).await;
    let fleet = enrolled(&house, one(Platform::MacOs)).await;
    house.memory().declarations = vec![("Configurations", "test-1", "a", configuration("test-1", "a"))];
    let data = json!({ "SyncTokens": { "DeclarationsToken": "new", "Timestamp": "2026-11-21T10:00:00Z" } });
    house.ask(&fleet, &Command::DeclarativeManagement { data: Some(data.to_string().into_bytes()) }).await;
    synchronized(&fleet, 1).await;
    assert_eq!(endpoints(&house)[0], "declaration-items");
    assert!(only(&fleet).problems.is_empty(), "{:?}", only(&fleet).problems);
    fleet.stop().await;
}
