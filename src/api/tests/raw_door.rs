//! The raw door, address by address: what programs made for NanoMDM send, and what they get. `tests/it/raw_door.rs` follows
//! their commands down to devices.

use super::resources::push_certificate;
use super::*;
use crate::enrollment::testing::enroll;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use russet_protocol::plist::{Dictionary, Value as Plist};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A program's request; a form where it is none of the others.
async fn ask(desk: &Desk, method: Method, path: &str, body: impl Into<Body>) -> Answer {
    let credentials = format!("Basic {}", STANDARD.encode(format!("nanomdm:{}", desk.admin)));
    let request = Request::builder().method(method).uri(path).header(header::AUTHORIZATION, credentials);
    let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    desk.send(request.body(body.into()).unwrap()).await
}

fn command(request_type: &str, keys: &[(&str, Plist)]) -> Vec<u8> {
    let mut command: Dictionary = keys.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    command.insert("RequestType".to_owned(), request_type.into());
    let mut whole = Dictionary::new();
    whole.insert("Command".to_owned(), Plist::Dictionary(command));
    russet_protocol::xml::encode_dictionary(whole)
}

/// Apple's service, for one request: what it was asked, and its answer.
async fn unlocker(status: &'static str) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/unlock", listener.local_addr().unwrap());
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut heard, mut buffer) = (String::new(), [0; 4096]);
        while !heard.contains("escrowKey=") {
            let read = stream.read(&mut buffer).await.unwrap();
            assert!(read > 0, "{heard}");
            heard.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        }
        let answer = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}");
        stream.write_all(answer.as_bytes()).await.unwrap();
        heard
    });
    (address, heard)
}

#[tokio::test]
async fn the_push_certificate_is_given_as_pem_and_named_by_its_topic() {
    let desk = Desk::open().await;
    let none = ask(&desk, Method::GET, "/v1/pushcert?topic=com.apple.mgmt.one", "").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    let put = ask(&desk, Method::PUT, "/v1/pushcert", push_certificate("com.apple.mgmt.one")).await;
    assert_eq!((put.status, &put.body["topic"]), (StatusCode::OK, &json!("com.apple.mgmt.one")), "{}", put.body);
    let shown = ask(&desk, Method::GET, "/v1/pushcert?topic=com.apple.mgmt.one", "").await;
    assert_eq!((shown.status, &shown.body), (StatusCode::OK, &put.body));
    assert!(
        shown.body["not_after"].is_string() && shown.body.as_object().unwrap().len() == 2,
        "no key, no certificate"
    );
    assert_eq!(ask(&desk, Method::GET, "/v1/pushcert", "").await.status, StatusCode::BAD_REQUEST);
    let other = push_certificate("com.apple.mgmt.two");
    let refused = ask(&desk, Method::PUT, "/v1/pushcert", other.clone()).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "every device of the old topic would be lost");
    let confirmed = ask(&desk, Method::PUT, "/v1/pushcert?confirm_new_topic=1", other).await;
    assert_eq!((confirmed.status, &confirmed.body["topic"]), (StatusCode::OK, &json!("com.apple.mgmt.two")));
}

#[tokio::test]
async fn the_activation_lock_is_taken_off_by_apples_service_and_its_answer_comes_back() {
    for (line, status) in [("200 OK", StatusCode::OK), ("404 Not Found", StatusCode::NOT_FOUND)] {
        let (address, heard) = unlocker(line).await;
        let desk = Desk::open_with(|config| config.apple.escrow_unlock_url = address).await;
        let form = "topic=com.apple.mgmt.one&serial=C02X&productType=iPhone17%2C2&imei=35&orgName=Smith+%26+Sons&guid=g-1\
                    &escrowKey=AAAA-BBBB";
        let early = ask(&desk, Method::POST, "/v1/escrowkeyunlock", form).await;
        assert_eq!(early.status, StatusCode::NOT_FOUND, "there is no certificate of this topic yet");
        ask(&desk, Method::PUT, "/v1/pushcert", push_certificate("com.apple.mgmt.one")).await;
        let incomplete = ask(&desk, Method::POST, "/v1/escrowkeyunlock", form.replace("C02X", "")).await;
        assert_eq!(incomplete.status, StatusCode::BAD_REQUEST);
        assert!(incomplete.body["error"].as_str().unwrap().contains("`serial`"), "{}", incomplete.body);
        let answer = ask(&desk, Method::POST, "/v1/escrowkeyunlock", form).await;
        assert_eq!((answer.status, &answer.body), (status, &json!({})));
        let heard = heard.await.unwrap();
        assert!(heard.starts_with("POST /unlock?serial=C02X&productType=iPhone17%2C2&imei=35 HTTP/1.1"), "{heard}");
        assert!(heard.ends_with("orgName=Smith+%26+Sons&guid=g-1&escrowKey=AAAA-BBBB"), "{heard}");
        let audit = desk.get("/api/v1/audit").await.body.to_string();
        assert!(audit.contains("serial number C02X, Apple answered") && !audit.contains("AAAA-BBBB"), "{audit}");
    }
}

#[tokio::test]
async fn ids_of_users_are_looked_up_whole_and_each_id_is_told_for_itself() {
    let desk = Desk::open().await;
    let (_, on_mac) = enroll(&desk.ctx, "C02MAC", "Mac15,3").await;
    enroll(&desk.ctx, "C02PHONE", "iPhone17,2").await;
    let mut tx = desk.ctx.store.begin("test: a user").await.unwrap();
    tx.run(
        "INSERT INTO channel (id, enrollment, user_key, user_short_name, created_at, address, token_updates)
         SELECT $2, enrollment, 'a:b', 'anna', 0, 'UDID-C02MAC:a:b', 1 FROM channel WHERE id = $1",
        &[(&on_mac.text()).into(), (&crate::ids::ChannelId(desk.ctx.uuid()).text()).into()],
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let quiet = |ids: &str| format!("/v1/enqueue/{ids}?nopush=1");
    let list = command("ProfileList", &[]);
    let sent = ask(&desk, Method::PUT, &quiet("UDID-C02MAC:a:b"), list.clone()).await;
    assert_eq!((sent.status, &sent.body["no_push"]), (StatusCode::OK, &json!(true)), "{}", sent.body);
    let queue = async |id: &str| ask(&desk, Method::GET, &format!("/v1/queue/{id}"), "").await.body["commands"].clone();
    assert_eq!(queue("UDID-C02MAC:a:b").await.as_array().unwrap().len(), 1);
    assert_eq!(queue("UDID-C02MAC").await, json!([]), "not the device's own queue");
    for part in ["UDID-C02MAC:a", "a:b", "UDID-C02MAC:", "udid-c02mac:a:b"] {
        let lost = ask(&desk, Method::PUT, &quiet(part), list.clone()).await;
        assert_eq!(lost.status, StatusCode::INTERNAL_SERVER_ERROR, "{part}: {}", lost.body);
    }

    // What the schema forbids: for a channel, for a platform, for a key; each id by itself.
    let lock = command("DeviceLock", &[("PIN", "246810".into())]);
    let ids = "UDID-C02MAC,UDID-C02MAC:a:b,UDID-C02PHONE,NOBODY";
    let locked = ask(&desk, Method::POST, &quiet(ids), lock).await;
    assert_eq!(locked.status, StatusCode::MULTI_STATUS, "{}", locked.body);
    let why = |id: &str| locked.body["status"][id]["command_error"].as_str().unwrap_or_default().to_owned();
    assert_eq!(why("UDID-C02MAC"), "");
    assert!(why("UDID-C02MAC:a:b").contains("is for the channel of the device, not for that of a user"));
    assert!(why("UDID-C02PHONE").contains("the key PIN of DeviceLock does not exist on iOS"));
    assert!(why("NOBODY").contains("no live enrollment has this id"));
    assert_eq!(queue("UDID-C02PHONE").await, json!([]));
    let uuid = locked.body["command_uuid"].as_str().unwrap();
    assert_eq!(queue("UDID-C02MAC").await, json!([{ "command_uuid": uuid, "request_type": "DeviceLock" }]));
    let secret = desk.get(&format!("/api/v1/devices/C02MAC/commands/{uuid}/secret")).await;
    assert_eq!(secret.body["secret"], "246810", "a PIN is kept whatever door it came by");

    let everywhere = ask(&desk, Method::PUT, &quiet("UDID-C02PHONE"), command("SetRecoveryLock", &[])).await;
    assert_eq!(everywhere.status, StatusCode::INTERNAL_SERVER_ERROR, "{}", everywhere.body);
    // What nobody knows of a device forbids nothing: it may be supervised.
    let restart = ask(&desk, Method::PUT, &quiet("UDID-C02PHONE"), command("RestartDevice", &[])).await;
    assert_eq!(restart.status, StatusCode::OK, "{}", restart.body);
    let cleared = ask(&desk, Method::DELETE, "/v1/queue/UDID-C02MAC:a:b", "").await;
    assert_eq!(cleared.status, StatusCode::NO_CONTENT);
    assert_eq!(queue("UDID-C02MAC:a:b").await, json!([]));
    assert_eq!(queue("UDID-C02MAC").await.as_array().unwrap().len(), 1, "only that channel's");

    let body = json!({ "filter": { "types": ["User"] } }).to_string();
    let users = ask(&desk, Method::POST, "/v1/enrollments/query", body).await;
    let found: Vec<_> = users.body["enrollments"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    assert_eq!(found, ["UDID-C02MAC:a:b"], "{}", users.body);
}
