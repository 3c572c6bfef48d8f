//! Each resource: its happy path, and the refusals that a program must be able to tell apart.

use super::*;
use crate::directory::devices::{self, NewFacts};
use crate::ids::DeviceId;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use russet_protocol::{SerialNumber, Udid};
use serde_json::json;

fn server_token(secret: &str) -> String {
    let content = json!({ "token": secret, "expDate": "2027-06-30T12:00:00+0000", "orgName": "Example GmbH" });
    STANDARD.encode(content.to_string())
}

pub(super) async fn account(desk: &Desk) -> Value {
    let body = json!({ "name": "Berlin", "server_token": server_token("a"), "defaults": { "prevent_backup": true } });
    let made = desk.post("/api/v1/accounts", body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    made.body
}

#[tokio::test]
async fn an_account_is_added_once_and_never_shows_its_token() {
    let desk = Desk::open().await;
    let made = account(&desk).await;
    assert_eq!(made["organization_name"], "Example GmbH");
    assert_eq!(made["token_expires_at"], "2027-06-30T12:00:00Z");
    assert_eq!(made["state"], "connecting");
    assert_eq!(made["defaults"]["assignment_type"], "device");
    let path = format!("/api/v1/accounts/{}", made["id"].as_str().unwrap());
    assert_eq!(desk.get(&path).await.body["name"], "Berlin");
    let listed = desk.get("/api/v1/accounts").await.body;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert!(!listed.to_string().contains(&server_token("a")));

    let again = json!({ "name": "Hamburg", "server_token": server_token("a") });
    let again = desk.post("/api/v1/accounts", again).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.body["detail"].as_str().unwrap().contains("Berlin"), "names the account that has the token");
    let broken = desk.post("/api/v1/accounts", json!({ "name": "Hamburg", "server_token": "x" })).await;
    assert_eq!((broken.status, &broken.body["type"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("urn:russet:refused")));

    assert_eq!(desk.get(&format!("{path}/assets")).await.body, json!({ "items": [] }));
    assert_eq!(
        desk.ask_as(&desk.admin, Method::POST, &format!("{path}/sync"), None).await.status,
        StatusCode::ACCEPTED
    );
    for unknown in ["/api/v1/accounts/019acb8e-0000-7000-8000-000000000000", "/api/v1/accounts/berlin"] {
        assert_eq!(desk.get(unknown).await.status, StatusCode::NOT_FOUND, "{unknown}");
    }

    let next = json!({ "server_token": server_token("b") });
    let renewed = desk.ask_as(&desk.admin, Method::PUT, &format!("{path}/server-token"), Some(next)).await;
    assert_eq!((renewed.status, &renewed.body["name"]), (StatusCode::OK, &json!("Berlin")));
    let free = json!({ "name": "Hamburg", "server_token": server_token("a") });
    assert_eq!(desk.post("/api/v1/accounts", free).await.status, StatusCode::CREATED, "the old token is nobody's");
    let new = json!({ "account": made["id"], "adam_id": 1, "scope": "everyone" });
    let app = desk.post("/api/v1/apps", new).await.body;
    let remove = async |path: &str| desk.ask_as(&desk.admin, Method::DELETE, path, None).await.status;
    assert_eq!(remove(&path).await, StatusCode::CONFLICT, "it manages an app");
    remove(&format!("/api/v1/apps/{}", app["id"].as_str().unwrap())).await;
    assert_eq!(remove(&path).await, StatusCode::NO_CONTENT);
    assert_eq!(remove(&path).await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn two_admins_do_not_overwrite_each_others_defaults() {
    let desk = Desk::open().await;
    let path = format!("/api/v1/accounts/{}/defaults", account(&desk).await["id"].as_str().unwrap());
    let read = desk.get(&path).await;
    assert_eq!(read.body["prevent_backup"], true);
    let etag = read.headers[header::ETAG].to_str().unwrap().to_owned();
    let put = |etag: &str, body: Value| {
        let request = Request::put(&path)
            .header(header::AUTHORIZATION, format!("Bearer {}", desk.admin))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::IF_MATCH, etag);
        desk.send(request.body(Body::from(body.to_string())).unwrap())
    };
    let changed = put(&etag, json!({ "data_roaming": false })).await;
    assert_eq!(changed.status, StatusCode::OK);
    assert_eq!((&changed.body["data_roaming"], &changed.body["prevent_backup"]), (&json!(false), &Value::Null));
    let late = put(&etag, json!({ "data_roaming": true })).await;
    assert_eq!(late.status, StatusCode::PRECONDITION_FAILED);
    assert!(late.body["next_step"].as_str().unwrap().contains("Read it again"));
    assert_eq!(put("*", json!({})).await.status, StatusCode::OK);
    assert_eq!(put("no quotes", json!({})).await.status, StatusCode::BAD_REQUEST);
    let preview = desk.post(&format!("{path}/preview"), json!({ "data_roaming": true })).await;
    assert_eq!(preview.status, StatusCode::OK);
    assert_eq!(preview.body["devices"], json!([]));
    let wrong = desk.post(&format!("{path}/preview"), json!({ "sso_urls": ["https://a"] })).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn an_app_is_given_to_everyone_set_and_taken_off() {
    let desk = Desk::open().await;
    let account = account(&desk).await;
    let new = json!({ "account": account["id"], "adam_id": 1_500_000_101, "scope": "everyone" });
    let made = desk.post("/api/v1/apps", new.clone()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    assert_eq!((&made.body["pricing_param"], &made.body["scope"]), (&json!("STDQ"), &json!("everyone")));
    assert_eq!(desk.post("/api/v1/apps", new).await.status, StatusCode::CONFLICT);
    let path = format!("/api/v1/apps/{}", made.body["id"].as_str().unwrap());

    let settings = format!("{path}/settings");
    let before = desk.get(&settings).await;
    assert_eq!(before.body["prevent_backup"], Value::Null, "nothing said: inherited");
    let put = desk.ask_as(&desk.admin, Method::PUT, &settings, Some(json!({ "prevent_backup": false }))).await;
    assert_eq!((put.status, &put.body["prevent_backup"]), (StatusCode::OK, &json!(false)));
    assert_ne!(put.headers[header::ETAG], before.headers[header::ETAG]);

    let report = desk.get("/api/v1/report").await;
    assert_eq!((&report.body["items"], &report.body["satisfied"]), (&json!([]), &json!(true)));
    assert_eq!(desk.get("/api/v1/status").await.body["counts"]["apps"], 1);
    assert_eq!(desk.ask_as(&desk.admin, Method::DELETE, &path, None).await.status, StatusCode::ACCEPTED);
    let nowhere = json!({ "account": "019acb8e-0000-7000-8000-000000000000", "adam_id": 1, "scope": "everyone" });
    assert_eq!(desk.post("/api/v1/apps", nowhere).await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

/// A device that has been here, and is not enrolled.
pub(super) async fn known_device(desk: &Desk) {
    device(desk, "00008030-000A1B2C3D4E5F60", "C02EXAMPLE01").await;
}

async fn device(desk: &Desk, udid: &str, serial: &str) {
    let (udid, serial) = (Udid::new(udid).unwrap(), SerialNumber::new(serial).unwrap());
    let facts = NewFacts {
        udid: Some(&udid),
        serial: Some(&serial),
        name: Some("Ada's iPhone"),
        product_name: Some("iPhone17,2"),
        ..NewFacts::default()
    };
    let mut tx = desk.ctx.store.begin("test").await.unwrap();
    let now = desk.ctx.now();
    devices::upsert_from_authenticate(&mut *tx, &facts, DeviceId(desk.ctx.uuid()), now).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_device_is_found_by_what_people_call_it() {
    let desk = Desk::open().await;
    known_device(&desk).await;
    for name in ["C02EXAMPLE01", "c02example01", "00008030-000A1B2C3D4E5F60", "Ada's%20iPhone"] {
        let answer = desk.get(&format!("/api/v1/devices/{name}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{name}");
        assert_eq!((&answer.body["platform"], &answer.body["serial_number"]), (&json!("iOS"), &json!("C02EXAMPLE01")));
    }
    assert_eq!(desk.get("/api/v1/devices").await.body["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        desk.get("/api/v1/devices/C02EXAMPLE01/commands").await.body,
        json!({ "items": [], "next_cursor": null })
    );
    assert_eq!(desk.get("/api/v1/devices/nobody").await.status, StatusCode::NOT_FOUND);
    device(&desk, "00008030-000A1B2C3D4E5F61", "C02EXAMPLE02").await;
    let which = desk.get("/api/v1/devices/Ada's%20iPhone").await;
    assert_eq!(which.status, StatusCode::CONFLICT, "two devices have this name: {}", which.body);
    let unplanned = desk.get("/api/v1/devices/C02EXAMPLE01/apps/com.example.none/explanation").await;
    assert_eq!(unplanned.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_push_certificate_is_imported_and_its_key_stays_inside() {
    let desk = Desk::open().await;
    let missing = desk.get("/api/v1/push-certificate").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert!(missing.body["next_step"].as_str().unwrap().contains("import"));
    let put = |body: Value| desk.ask_as(&desk.admin, Method::PUT, "/api/v1/push-certificate", Some(body));
    let imported = put(json!({ "certificate": STANDARD.encode(push_certificate("com.apple.mgmt.one")) })).await;
    assert_eq!((imported.status, &imported.body["topic"]), (StatusCode::OK, &json!("com.apple.mgmt.one")));
    assert!(!imported.body.to_string().contains("PRIVATE"));
    let other = json!({ "certificate": STANDARD.encode(push_certificate("com.apple.mgmt.two")) });
    let refused = put(other.clone()).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.body["next_step"].as_str().unwrap().contains("confirm_new_topic"));
    let mut confirmed = other;
    confirmed["confirm_new_topic"] = json!(true);
    assert_eq!(put(confirmed).await.body["topic"], "com.apple.mgmt.two");
    assert_eq!(put(json!({ "certificate": "***" })).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(put(json!({ "certificate": "eHl6" })).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(desk.get("/api/v1/status").await.body["push_certificate"]["topic"], "com.apple.mgmt.two");
}

/// A push certificate with its key as PEM, made by OpenSSL.
pub(super) fn push_certificate(topic: &str) -> Vec<u8> {
    use openssl::asn1::Asn1Time;
    use openssl::{hash::MessageDigest, nid::Nid, pkey::PKey, rsa::Rsa, x509::X509, x509::X509NameBuilder};
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_nid(Nid::USERID, topic).unwrap();
    name.append_entry_by_nid(Nid::COMMONNAME, "APSP:example").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(365).unwrap()).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    let mut pem = builder.build().to_pem().unwrap();
    pem.extend(key.private_key_to_pem_pkcs8().unwrap());
    pem
}
