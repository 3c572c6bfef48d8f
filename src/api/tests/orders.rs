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
    assert_eq!(desk.get(commands).await.body, json!({ "items": [], "next_cursor": null }), "nothing was queued");
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
    let questions = asked.body["items"].as_array().unwrap().len();
    assert!(questions >= 4, "{}", asked.body);
    let one = format!("{commands}/{}", restart.body["items"][0]["command_uuid"].as_str().unwrap());
    let delete = async |path: &str| desk.ask_as(&desk.admin, Method::DELETE, path, None).await;
    assert_eq!(delete(&one).await.status, StatusCode::NO_CONTENT);
    assert_eq!(delete(&one).await.status, StatusCode::NOT_FOUND);
    assert_eq!(delete(commands).await.body, json!({ "canceled": questions }));
    let shown = desk.get(commands).await.body;
    assert!(shown["items"].as_array().unwrap().iter().all(|command| command["state"] == "dropped"));
}

#[tokio::test]
async fn any_command_is_ordered_by_its_keys_or_as_a_property_list_and_the_audit_log_names_it_without_its_secrets() {
    use base64::Engine;
    let desk = Desk::open().await;
    enroll(&desk.ctx, "C02MAC", "Mac15,3").await;
    let commands = "/api/v1/devices/C02MAC/commands";
    let keys =
        json!({ "ManifestURLPinningCerts": [{ "$data": "AAEC" }], "ManifestURL": "https://example.com/m.plist" });
    let body = json!({ "type": "command", "request_type": "InstallEnterpriseApplication", "keys": keys,
                       "expires_in_seconds": 60, "bulk": true });
    assert_eq!(desk.post(commands, body).await.status, StatusCode::ACCEPTED);
    let set =
        json!({ "type": "command", "request_type": "SetRecoveryLock", "keys": { "NewPassword": "correct-horse" } });
    let set = desk.post(commands, set).await;
    assert_eq!((set.status, &set.body["items"][0]["keeps_secret"]), (StatusCode::ACCEPTED, &json!(true)));
    let list = br#"<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict><key>Command</key><dict>
        <key>RequestType</key><string>ShutDownDevice</string></dict></dict></plist>"#;
    let content = base64::engine::general_purpose::STANDARD.encode(list);
    let sent = desk.post(commands, json!({ "type": "property_list", "content": content })).await;
    assert_eq!(sent.body["items"][0]["request_type"], "ShutDownDevice", "{}", sent.body);
    let audit = desk.get("/api/v1/audit").await.body.to_string();
    for told in ["done: InstallEnterpriseApplication (CommandUUID", "done: SetRecoveryLock (CommandUUID"] {
        assert!(audit.contains(told), "{audit}");
    }
    assert!(!audit.contains("correct-horse"));
    for (body, status, expected) in [
        (
            json!({ "type": "command", "request_type": "EnableLostMode", "keys": { "Message": "x" } }),
            422,
            "does not exist on macOS",
        ),
        (
            json!({ "type": "command", "request_type": "RestartDevice", "keys": { "Now": true } }),
            422,
            "RestartDevice has no key Now",
        ),
        (
            json!({ "type": "command", "request_type": "RestartDevice", "keys": { "NotifyUser": null } }),
            400,
            "`NotifyUser` is null",
        ),
        (json!({ "type": "command", "request_type": "RestartDevice", "user": "anna" }), 404, "no channel of this user"),
        (
            json!({ "type": "command", "request_type": "RestartDevice", "expires_in_seconds": 0 }),
            400,
            "expires_in_seconds",
        ),
        (json!({ "type": "property_list", "content": "AAAA" }), 400, "`content` is no command"),
    ] {
        let refused = desk.post(commands, body.clone()).await;
        assert_eq!(refused.status.as_u16(), status, "{body}: {}", refused.body);
        assert!(refused.body["detail"].as_str().unwrap().contains(expected), "{}", refused.body);
    }
    let secret =
        desk.get(&format!("{commands}/{}/secret", set.body["items"][0]["command_uuid"].as_str().unwrap())).await;
    assert_eq!(secret.body["secret"], "correct-horse");
}

#[tokio::test]
async fn the_history_comes_in_pages_and_each_command_with_its_answer() {
    use crate::commands::record_and_next;
    use russet_protocol::result::{Answer, ErrorChainItem, Report};
    use russet_protocol::{CommandUuid, Udid, checkin::Sender, plist};
    let desk = Desk::open().await;
    let (device, channel) = enroll(&desk.ctx, "C02MAC", "Mac15,3").await;
    let commands = "/api/v1/devices/C02MAC/commands";
    let mut uuids = Vec::new();
    for kind in ["UserList", "ActivationLockBypassCode", "ProfileList", "CertificateList", "SecurityInfo"] {
        let sent = desk.post(commands, json!({ "type": "command", "request_type": kind })).await;
        uuids.push(sent.body["items"][0]["command_uuid"].as_str().unwrap().to_owned());
    }
    let uuid = |at: usize| CommandUuid::new(&uuids[at]).unwrap();
    let sender = Sender::device(Udid::new("UDID-C02MAC").unwrap());
    let mut code = plist::Dictionary::new();
    code.insert("ActivationLockBypassCode".to_owned(), "TOP-SECRET".into());
    code.insert("Icon".to_owned(), plist::Value::Data(vec![1, 2]));
    let chain =
        vec![ErrorChainItem { code: 5, domain: "MDM".into(), localized: "Nein".into(), english: Some("No".into()) }];
    for report in [
        Report::acknowledged(sender.clone(), uuid(0), &Answer::UserList(vec![])),
        Report::acknowledged(sender.clone(), uuid(1), &Answer::Other(code)),
        Report::failed(sender.clone(), uuid(2), chain, &Answer::none()),
        // Said twice: the first word counts.
        Report::acknowledged(sender.clone(), uuid(0), &Answer::none()),
    ] {
        let mut tx = desk.ctx.store.begin("test: report").await.unwrap();
        record_and_next(&mut *tx, &desk.ctx, channel, device, &report, &report.encode()).await.unwrap();
        tx.commit().await.unwrap();
    }
    let (mut seen, mut next) = (Vec::new(), String::new());
    for _ in 0..5 {
        let page = desk.get(&format!("{commands}?limit=2{next}")).await.body;
        seen.extend(
            page["items"].as_array().unwrap().iter().map(|item| item["command_uuid"].as_str().unwrap().to_owned()),
        );
        match page["next_cursor"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    let (mut all, mut once) = (uuids.clone(), seen.clone());
    all.sort();
    once.sort();
    assert_eq!(once, all, "each once");
    assert_eq!(seen[..2], [uuids[3].clone(), uuids[4].clone()], "the open ones first");
    assert_eq!(desk.get(&format!("{commands}?cursor=nowhere")).await.status, StatusCode::BAD_REQUEST);
    let one = async |at: usize| desk.get(&format!("{commands}/{}", uuids[at])).await.body;
    let users = one(0).await;
    assert_eq!((&users["summary"], &users["answer"]["keys"]), (&json!("0 users"), &json!({ "Users": [] })));
    let hidden = one(1).await;
    assert_eq!(hidden["answer"]["keys"]["ActivationLockBypassCode"], "[secret]");
    assert_eq!(hidden["answer"]["keys"]["Icon"], json!({ "$data": "AQI=" }));
    assert!(!hidden.to_string().contains("TOP-SECRET"));
    assert_eq!((&hidden["keeps_secret"], &users["keeps_secret"]), (&json!(true), &json!(false)));
    let told = desk.get(&format!("{commands}/{}/secret", uuids[1])).await.body;
    assert_eq!((&told["name"], &told["secret"]), (&json!("activation_lock_bypass_code"), &json!("TOP-SECRET")));
    let rows = desk.ctx.store.read().await.unwrap().rows("SELECT raw FROM command_report", &[]).await.unwrap();
    let plain = |row: &russet_store::Row| row.bytes("raw").unwrap().windows(10).any(|part| part == b"TOP-SECRET");
    assert!(rows.len() >= 4 && !rows.iter().any(plain), "at rest it is sealed");
    assert_eq!((&one(2).await["error"], &one(3).await["answer"]), (&json!("No (MDM 5)"), &json!(null)));
    assert_eq!(desk.get(&format!("{commands}/nobodys")).await.status, StatusCode::NOT_FOUND);
}
