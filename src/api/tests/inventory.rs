//! What devices say of themselves, who owns them, and who is silent, as the API shows it.

use super::*;
use crate::directory::{certificates, devices, installed_apps};
use crate::enrollment::testing::enroll;
use russet_protocol::plist::Value as Plist;
use russet_protocol::result::{DeviceInformation, InstalledApp, InstalledCertificate, SecurityInfo};
use russet_protocol::{BundleId, Timestamp};
use serde_json::json;

#[tokio::test]
async fn a_device_is_shown_with_what_it_said_page_by_page() {
    let desk = Desk::open().await;
    let (device, _) = enroll(&desk.ctx, "C02PHONE", "iPhone17,2").await;
    let now = desk.ctx.now();
    let app = |id: &str| InstalledApp { identifier: BundleId::new(id).ok(), ..InstalledApp::default() };
    let certificate =
        InstalledCertificate { common_name: Some("<b>Root</b>".into()), is_identity: Some(true), certificate: vec![1] };
    let mut information = DeviceInformation::default();
    information.set("BatteryLevel", 0.5);
    let sim = [("PhoneNumber".to_owned(), Plist::from("4930123456"))].into_iter().collect();
    information.set("ServiceSubscriptions", vec![Plist::Dictionary(sim)]);
    let mut security = SecurityInfo::default();
    security.info.insert("PasscodePresent".into(), false.into());
    let mut tx = desk.ctx.store.begin("test: inventory").await.unwrap();
    let apps = ["com.example.a", "com.example.b", "com.example.c"].map(app);
    installed_apps::record(&mut *tx, device, &apps, now).await.unwrap();
    certificates::record(&mut *tx, device, &[certificate], now).await.unwrap();
    devices::record_information(&mut *tx, device, &information, now).await.unwrap();
    devices::record_security(&mut *tx, device, &security, now).await.unwrap();
    tx.commit().await.unwrap();

    let shown = desk.get("/api/v1/devices/C02PHONE").await.body;
    assert_eq!(shown["facts"]["battery_level"], 0.5);
    assert_eq!(shown["security"]["text"], json!(["No passcode is set."]));
    assert_eq!(shown["service_subscriptions"][0]["phone_number"], "4930123456");
    let first = desk.get("/api/v1/devices/C02PHONE/installed-apps?limit=2").await.body;
    assert_eq!((&first["items"][1]["bundle_id"], &first["next"]), (&json!("com.example.b"), &json!("com.example.b")));
    let rest = desk.get("/api/v1/devices/C02PHONE/installed-apps?limit=2&after=com.example.b").await.body;
    assert_eq!((&rest["items"][0]["bundle_id"], &rest["next"]), (&json!("com.example.c"), &Value::Null));
    assert_eq!(rest["left_out"], 0);
    let certificates = desk.get("/api/v1/devices/C02PHONE/certificates").await.body;
    assert_eq!(certificates["items"][0]["common_name"], "<b>Root</b>", "as it came: who shows it makes it inert");
    assert!(certificates["listed_at"].is_string());
    let never = desk.get("/api/v1/devices/C02PHONE/users").await.body;
    assert_eq!(never, json!({ "items": [], "next": null, "listed_at": null, "left_out": 0 }));
}

#[tokio::test]
async fn users_are_added_invited_and_removed() {
    let desk = Desk::open().await;
    let new = json!({ "name": "mia", "full_name": "Mia Muster", "email": "mia@example.com" });
    let made = desk.post("/api/v1/users", new.clone()).await;
    assert_eq!((made.status, &made.body["devices"]), (StatusCode::CREATED, &json!(0)), "{}", made.body);
    assert_eq!(desk.post("/api/v1/users", new).await.status, StatusCode::CONFLICT);
    let wrong = json!({ "name": "leo", "email": "nowhere" });
    assert_eq!(desk.post("/api/v1/users", wrong).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(desk.get("/api/v1/users/MIA").await.body["id"], made.body["id"]);
    let invited = desk.post("/api/v1/invitations", json!({ "user": "mia" })).await;
    assert_eq!(invited.status, StatusCode::CREATED, "{}", invited.body);
    let nobody = desk.post("/api/v1/invitations", json!({ "user": "nobody" })).await;
    assert_eq!(nobody.status, StatusCode::UNPROCESSABLE_ENTITY);
    let listed = desk.get("/api/v1/invitations").await.body;
    assert_eq!(listed["items"][0]["user"]["full_name"], "Mia Muster");
    let removed = desk.ask_as(&desk.admin, Method::DELETE, "/api/v1/users/mia", None).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    assert_eq!(desk.get("/api/v1/users").await.body, json!({ "items": [] }));
    assert!(desk.get("/api/v1/invitations").await.body["items"][0]["revoked_at"].is_string());
}

#[tokio::test]
async fn silent_devices_are_told_apart_and_listed() {
    let desk = Desk::open().await;
    let (quiet, _) = enroll(&desk.ctx, "C02QUIET", "iPhone17,2").await;
    enroll(&desk.ctx, "C02LOUD", "iPhone17,2").await;
    let long_ago = Timestamp(desk.ctx.now().millis() - 9 * 86_400_000);
    let mut tx = desk.ctx.store.begin("test: silence").await.unwrap();
    devices::seen(&mut *tx, quiet, long_ago).await.unwrap();
    let sql = "UPDATE enrollment SET live_at = $1 WHERE device = $2";
    tx.run(sql, &[long_ago.millis().into(), (&quiet.text()).into()]).await.unwrap();
    tx.commit().await.unwrap();
    let silent = desk.get("/api/v1/devices?silent=true").await.body;
    assert_eq!(silent["items"].as_array().unwrap().len(), 1, "{silent}");
    let enrollment = &silent["items"][0]["enrollment"];
    assert_eq!(enrollment["silence"], "silent for 9 days; it is woken once a day");
    assert!(enrollment["silent_since"].is_string());
    let all = desk.get("/api/v1/devices").await.body;
    assert_eq!(all["items"].as_array().unwrap().len(), 2);
    assert_eq!(desk.get("/api/v1/devices/C02LOUD").await.body["enrollment"]["silence"], Value::Null);
}
