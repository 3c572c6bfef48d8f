//! Orders over the API, and the secrets they leave.

use super::*;
use crate::enrollment::testing::enroll;
use serde_json::json;

#[tokio::test]
async fn a_mac_is_locked_and_its_pin_is_shown_to_admins_only_and_written_down() {
    let desk = Desk::open().await;
    enroll(&desk.ctx, "C02MAC", "Mac15,3").await;
    let commands = "/api/v1/devices/C02MAC/commands";
    let locked = desk.post(commands, json!({ "type": "lock", "message": "Call us" })).await;
    assert_eq!(locked.status, StatusCode::ACCEPTED, "{}", locked.body);
    let item = &locked.body["items"][0];
    assert_eq!((&item["request_type"], &item["keeps_secret"]), (&json!("DeviceLock"), &json!(true)));
    let secret = format!("{commands}/{}/secret", item["command_uuid"].as_str().unwrap());
    let hidden = desk.ask_as(&desk.viewer, Method::GET, &secret, None).await;
    assert_eq!(hidden.status, StatusCode::FORBIDDEN);
    let shown = desk.get(&secret).await;
    assert_eq!((shown.status, &shown.body["name"]), (StatusCode::OK, &json!("pin")));
    let pin = shown.body["secret"].as_str().unwrap();
    assert_eq!(pin.len(), 6);
    let audit = desk.get("/api/v1/audit").await.body;
    let written = audit["items"].as_array().unwrap();
    let read = written.iter().find(|entry| entry["action"].as_str().unwrap().ends_with("/secret")).unwrap();
    assert_eq!((&read["subject"], &read["outcome"]), (&json!(secret), &json!("done")));
    for answer in [audit.to_string(), desk.get(commands).await.body.to_string(), locked.body.to_string()] {
        assert!(!answer.contains(pin), "{answer}");
    }
    let other = desk.get(&format!("{commands}/019acb8e-0000-7000-8000-000000000000/secret")).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_order_that_is_not_for_this_device_is_refused_with_the_reason() {
    let desk = Desk::open().await;
    enroll(&desk.ctx, "C02MAC", "Mac15,3").await;
    let commands = "/api/v1/devices/C02MAC/commands";
    let lost = desk.post(commands, json!({ "type": "enable_lost_mode", "message": "Lost" })).await;
    assert_eq!((lost.status, &lost.body["type"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("urn:russet:refused")));
    assert_eq!(lost.body["detail"], "EnableLostMode does not exist on macOS");
    for wrong in [json!({ "type": "explode" }), json!({ "type": "shut_down", "now": true }), json!({})] {
        let answer = desk.post(commands, wrong.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    assert_eq!(desk.get(commands).await.body, json!({ "items": [] }), "nothing was queued");
    super::resources::known_device(&desk).await;
    let gone = desk.post("/api/v1/devices/C02EXAMPLE01/commands", json!({ "type": "shut_down" })).await;
    assert_eq!(gone.status, StatusCode::CONFLICT, "it is not enrolled");
}

#[tokio::test]
async fn open_commands_are_canceled_one_by_one_or_all() {
    let desk = Desk::open().await;
    enroll(&desk.ctx, "C02MAC", "Mac15,3").await;
    let commands = "/api/v1/devices/C02MAC/commands";
    let restart = desk.post(commands, json!({ "type": "restart", "notify_user": true })).await;
    let asked = desk.post(commands, json!({ "type": "refresh" })).await;
    assert_eq!(asked.body["items"].as_array().unwrap().len(), 4);
    let one = format!("{commands}/{}", restart.body["items"][0]["command_uuid"].as_str().unwrap());
    let delete = async |path: &str| desk.ask_as(&desk.admin, Method::DELETE, path, None).await;
    assert_eq!(delete(&one).await.status, StatusCode::NO_CONTENT);
    assert_eq!(delete(&one).await.status, StatusCode::NOT_FOUND);
    assert_eq!(delete(commands).await.body, json!({ "canceled": 4 }));
    let shown = desk.get(commands).await.body;
    assert!(shown["items"].as_array().unwrap().iter().all(|command| command["state"] == "dropped"));
}
