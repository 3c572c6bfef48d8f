//! Users of Macs and Shared iPads, and devices of people: each conversation has its own queue, and the right one hears.

use crate::databases::{Kind, fresh};
use crate::raw_door::Tool;
use crate::story::{LIMIT, Story};
use http::StatusCode;
use plist::{Dictionary, Value as Plist};
use russet::cli::demo::fleet_options;
use russet_protocol::Platform;
use russet_protocol::profile::{Payload, PayloadBody, Profile};
use russet_simulator::devices::{DeviceView, Fleet, Mix, Options, Question};
use serde_json::json;

const NOBODY: Mix = Mix { iphones: 0, ipads: 0, macs: 0, apple_tvs: 0, shared_ipads: 0 };

#[tokio::test(flavor = "multi_thread")]
async fn users_have_conversations_of_their_own_on_sqlite() {
    users_have_conversations_of_their_own(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn users_have_conversations_of_their_own_on_postgres() {
    users_have_conversations_of_their_own(Kind::Postgres).await;
}

async fn users_have_conversations_of_their_own(kind: Kind) {
    let Some(database) = fresh(kind).await else { return };
    let mix = Mix { macs: 1, shared_ipads: 1, ..NOBODY };
    // Both wait in Setup Assistant, the Shared iPad's user too: the server lets them go on by itself.
    let change = |options| Options { mix, users: 1, awaiting_configuration: true, ..options };
    let story = Story::begin_with(database.url(), 2, change).await;
    story.enrolled().await;
    let ready = |devices: &[DeviceView]| {
        let all = devices
            .iter()
            .all(|device| !device.awaiting && device.users.first().is_some_and(|user| user.enrolled && !user.awaiting));
        all.then(|| devices.to_vec())
    };
    let devices = story.fleet.wait_for(LIMIT, ready).await;
    let devices = devices.unwrap_or_else(|| panic!("{:#?}\n{}", story.fleet.snapshot(), story.log()));
    let token = std::fs::read_to_string(story.place.token_file()).unwrap();
    let tool = Tool::new(&story, "nanomdm", token.trim());
    for device in &devices {
        let user = &device.users[0];
        let name = if device.platform == Platform::MacOs { &user.id } else { &user.short_name };
        let answer = tool.enqueue(&format!("{}:{}", device.udid, name.replace('@', "%40")), web_clip()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let place = device.index;
        let there = |devices: &[DeviceView]| {
            devices[place].users[0].profiles.iter().any(|one| one == "com.example.clip").then_some(())
        };
        let found = story.fleet.wait_for(LIMIT, there).await;
        assert!(found.is_some(), "{:#?}\n{}", story.fleet.snapshot()[place], story.log());
        assert!(story.fleet.snapshot()[place].profile("com.example.clip").is_none(), "the user's, not the device's");
    }
    the_mac_leaves_its_bootstrap_token(&story).await;
    nothing_is_prepared_for_an_erased_ipad(&story).await;
    network_users_are_declined(&story).await;
    story.end().await;
}

fn web_clip() -> Vec<u8> {
    let mut profile = Profile::new("com.example.clip", "0B6BC2F6-35C4-4D5C-9D6B-1E5BD6E6A001");
    let keys = [("Label".to_owned(), Plist::from("Intranet")), ("URL".to_owned(), "https://example.com".into())];
    let body =
        PayloadBody::Other { payload_type: "com.apple.webClip.managed".into(), keys: keys.into_iter().collect() };
    let uuid = "0B6BC2F6-35C4-4D5C-9D6B-1E5BD6E6A002";
    profile.payloads = vec![Payload::new("com.example.clip.1", uuid, body)];
    let mut command = Dictionary::new();
    command.insert("RequestType".to_owned(), "InstallProfile".into());
    command.insert("Payload".to_owned(), Plist::Data(profile.encode()));
    let mut bytes = Vec::new();
    let keys: Dictionary = [("Command".to_owned(), Plist::Dictionary(command))].into_iter().collect();
    Plist::Dictionary(keys).to_writer_xml(&mut bytes).unwrap();
    bytes
}

/// Escrowed at its enrollment, given back on demand, deleted on demand.
async fn the_mac_leaves_its_bootstrap_token(story: &Story) {
    let mac = story.fleet.snapshot().iter().position(|device| device.platform == Platform::MacOs).unwrap();
    for (question, told) in [
        (Question::GetBootstrapToken, Some("64 bytes")),
        (Question::DropBootstrapToken, None),
        (Question::GetBootstrapToken, None),
        (Question::GetMaidToken, None),
    ] {
        let before = story.fleet.snapshot()[mac].heard.len();
        story.fleet.ask(mac, question);
        let more = |devices: &[DeviceView]| devices[mac].heard.get(before).cloned();
        let heard = story.fleet.wait_for(LIMIT, more).await.unwrap();
        let token = heard.answer.get("BootstrapToken").map(String::as_str).filter(|text| *text != "0 bytes");
        assert_eq!(token, told, "{heard:?}");
        let expected = if heard.question == "GetToken" { 400 } else { 200 };
        assert_eq!(heard.status, expected, "{heard:?}");
    }
}

async fn nothing_is_prepared_for_an_erased_ipad(story: &Story) {
    let ipad = story.fleet.snapshot().iter().position(|device| device.shared).unwrap();
    story.fleet.ask(ipad, Question::ReturnToService);
    let heard = story.fleet.wait_for(LIMIT, |devices| devices[ipad].heard.first().cloned()).await.unwrap();
    assert_eq!((heard.status, heard.answer["ReturnToService.Enabled"].as_str()), (200, "false"));
}

/// As the configuration has it where it says nothing.
async fn network_users_are_declined(story: &Story) {
    let options = fleet_options(&story.place, &story.apple, &story.invitation(2).await, 1).unwrap();
    let mix = Mix { macs: 1, ..NOBODY };
    let options = Options { first: 100, mix, users: 1, network_users: true, ..options };
    let fleet = Fleet::start(options).await.unwrap();
    let declined = |devices: &[DeviceView]| devices[0].users.first().filter(|user| user.declined).cloned();
    let user = fleet.wait_for(LIMIT, declined).await.unwrap_or_else(|| panic!("{:#?}", fleet.snapshot()));
    assert!(!user.enrolled);
    assert!(fleet.snapshot()[0].enrolled, "the Mac itself is managed");
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn peoples_own_devices_are_managed_without_their_names_on_sqlite() {
    peoples_own_devices_are_managed_without_their_names(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn peoples_own_devices_are_managed_without_their_names_on_postgres() {
    peoples_own_devices_are_managed_without_their_names(Kind::Postgres).await;
}

async fn peoples_own_devices_are_managed_without_their_names(kind: Kind) {
    let Some(database) = fresh(kind).await else { return };
    let mix = Mix { iphones: 1, macs: 1, ..NOBODY };
    let change = |options| Options { mix, user_enrollment: true, users: 1, ..options };
    let story = Story::begin_with(database.url(), 2, change).await;
    story.enrolled().await;
    for device in story.fleet.snapshot() {
        let id = device.enrollment_id.unwrap();
        let devices = story.client.get("/api/v1/devices").await.unwrap();
        let said = devices["items"].as_array().unwrap().iter().find(|item| item["enrollment_id"] == id.as_str());
        let said = said.unwrap_or_else(|| panic!("{devices:#}")).clone();
        assert!(said["serial_number"].is_null() && said["udid"].is_null(), "{said:#}");
        let path = format!("/api/v1/devices/{}/commands", said["id"].as_str().unwrap());
        let refused = story.client.post(&path, &json!({ "type": "erase" })).await.unwrap_err().to_string();
        assert!(refused.contains("user enrollment"), "{refused}");
        let refresh = story.client.post(&path, &json!({ "type": "refresh" })).await.unwrap();
        let uuid = refresh["items"][0]["command_uuid"].as_str().unwrap();
        story.done(said["id"].as_str().unwrap(), uuid).await;
    }
    let mac = story.fleet.snapshot().into_iter().find(|device| device.platform == Platform::MacOs).unwrap();
    let known = |devices: &[DeviceView]| {
        let mac = devices.iter().find(|device| device.index == mac.index)?;
        mac.users.first().filter(|user| user.enrolled).map(|_| ())
    };
    assert!(story.fleet.wait_for(LIMIT, known).await.is_some(), "{:#?}", story.fleet.snapshot());
    story.end().await;
}
