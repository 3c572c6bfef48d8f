//! What an admin orders, down to what the devices do: lock, Lost Mode, erase; and what is refused because Apple's schema says so.

use crate::databases::{Kind, fresh};
use crate::story::{LIMIT, Story};
use russet_protocol::Platform;
use russet_simulator::devices::{DeviceView, Mix, Options, Phase, Power, Question};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_locks_finds_and_erases_devices_on_sqlite() {
    an_admin_locks_finds_and_erases_devices(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_locks_finds_and_erases_devices_on_postgres() {
    an_admin_locks_finds_and_erases_devices(Kind::Postgres).await;
}

async fn an_admin_locks_finds_and_erases_devices(kind: Kind) {
    let Some(database) = fresh(kind).await else { return };
    let mix = Mix { iphones: 1, ipads: 0, macs: 1, apple_tvs: 1, shared_ipads: 0 };
    let change = |options| Options { mix, supervised_percent: 100, ..options };
    let story = Story::begin_with(database.url(), 3, change).await;
    story.enrolled().await;
    for device in story.fleet.snapshot() {
        story.knows(&device.serial, |said| said["supervised"] == true).await;
    }
    lost_mode(&story, story.place_of(Platform::Ios)).await;
    no_watch_is_paired(&story, story.place_of(Platform::Ios)).await;
    the_lock_of_a_phone(&story, story.place_of(Platform::Ios)).await;
    the_lock_of_a_mac(&story, story.place_of(Platform::MacOs)).await;
    an_apple_tv_has_nothing_to_lock(&story, story.place_of(Platform::TvOs)).await;
    a_phone_is_erased_and_comes_back(&story, story.place_of(Platform::Ios)).await;
    story.end().await;
}

impl Story {
    /// The first device of this platform.
    fn place_of(&self, platform: Platform) -> usize {
        self.fleet.snapshot().iter().position(|device| device.platform == platform).unwrap()
    }

    fn device(&self, place: usize) -> DeviceView {
        self.fleet.snapshot().swap_remove(place)
    }

    /// Gives an order, and waits until the server says that each command that came of it was done.
    async fn order(&self, place: usize, order: Value) -> Value {
        let path = format!("/api/v1/devices/{}/commands", self.device(place).serial);
        let said = self.client.post(&path, &order).await.unwrap();
        for item in said["items"].as_array().unwrap() {
            let uuid = item["command_uuid"].as_str().unwrap();
            self.done(&self.device(place).serial, uuid).await;
        }
        said["items"][0].clone()
    }

    async fn until_device(&self, place: usize, what: &str, holds: impl Fn(&DeviceView) -> bool) {
        let look = |devices: &[DeviceView]| holds(&devices[place]).then_some(());
        assert!(self.fleet.wait_for(LIMIT, look).await.is_some(), "in vain: {what}: {:#?}", self.device(place));
    }
}

async fn lost_mode(story: &Story, phone: usize) {
    story.order(phone, json!({ "type": "enable_lost_mode", "message": "Lost", "phone_number": "+49 30 1" })).await;
    assert_eq!(story.device(phone).lost.as_deref(), Some("Lost / +49 30 1"));
    story.order(phone, json!({ "type": "locate" })).await;
    story.order(phone, json!({ "type": "play_lost_mode_sound" })).await;
    story.order(phone, json!({ "type": "disable_lost_mode" })).await;
    let device = story.device(phone);
    assert!(device.lost.is_none() && device.sounds == 1);
}

async fn no_watch_is_paired(story: &Story, phone: usize) {
    story.fleet.ask(phone, Question::GetWatchToken);
    story.until_device(phone, "it hears", |device| device.heard.len() == 1).await;
    assert_eq!(story.device(phone).heard[0].status, 400, "refused, and nothing else");
}

async fn the_lock_of_a_phone(story: &Story, phone: usize) {
    story.order(phone, json!({ "type": "lock", "message": "Bring me back" })).await;
    assert_eq!(story.device(phone).lock_message.as_deref(), Some("Bring me back"));
    assert!(story.device(phone).locked);
    story.order(phone, json!({ "type": "clear_passcode" })).await;
    assert!(!story.device(phone).passcode, "the UnlockToken was kept and was right");
    story.order(phone, json!({ "type": "restart" })).await;
    story.until_device(phone, "it restarts", |device| device.restarts == 1).await;
}

async fn the_lock_of_a_mac(story: &Story, mac: usize) {
    let lock = story.order(mac, json!({ "type": "lock" })).await;
    assert_eq!(lock["keeps_secret"], true, "a Mac gets a PIN");
    story.until_device(mac, "the Mac asks for its PIN", |device| device.power == Power::Pin).await;
    let path = format!("/api/v1/devices/{}/commands", story.device(mac).serial);
    let secret = story.client.get(&format!("{path}/{}/secret", lock["command_uuid"].as_str().unwrap())).await.unwrap();
    assert_eq!(secret["secret"].as_str().unwrap().len(), 6);
    story.fleet.tend(mac);
    story.order(mac, json!({ "type": "refresh" })).await;
}

async fn an_apple_tv_has_nothing_to_lock(story: &Story, tv: usize) {
    let path = format!("/api/v1/devices/{}/commands", story.device(tv).serial);
    let refused = story.client.post(&path, &json!({ "type": "lock" })).await.unwrap_err().to_string();
    assert!(refused.contains("tvOS"), "{refused}");
    story.order(tv, json!({ "type": "restart" })).await;
    story.until_device(tv, "it restarts", |device| device.restarts == 1).await;
    assert!(story.device(tv).journal.iter().all(|entry| entry.request_type != "DeviceLock"));
}

async fn a_phone_is_erased_and_comes_back(story: &Story, phone: usize) {
    story.order(phone, json!({ "type": "erase" })).await;
    story.until_device(phone, "it is erased", |device| device.phase == Phase::Erased).await;
    let serial = story.device(phone).serial;
    story.fleet.enroll(phone, &story.invitation(1).await);
    story.until_device(phone, "it enrolls again", |device| device.enrolled && device.enrollments == 2).await;
    let said = story
        .knows(&serial, |said| {
            said["enrollment"]["state"] == "live" && said["enrollments"].as_array().unwrap().len() == 2
        })
        .await;
    let states: Vec<&str> =
        said["enrollments"].as_array().unwrap().iter().map(|one| one["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["live", "ended"], "{said:#}");
}
