//! What people and their devices touch: profiles, invitations, enrollments.

use super::resources::{account, push_certificate};
use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

/// A profile with one payload, as an admin's tool writes it.
fn mobileconfig(identifier: &str, payload_type: &str, keys: &[(&str, plist::Value)]) -> String {
    let text = |value: &str| plist::Value::String(value.to_owned());
    let mut payload = plist::Dictionary::new();
    payload.insert("PayloadType".to_owned(), text(payload_type));
    payload.insert("PayloadVersion".to_owned(), plist::Value::Integer(1.into()));
    payload.insert("PayloadIdentifier".to_owned(), text(&format!("{identifier}.payload")));
    payload.insert("PayloadUUID".to_owned(), text("2C7B1D55-94E0-4F0B-8C3A-61D2A7B3E411"));
    for (key, value) in keys {
        payload.insert((*key).to_owned(), value.clone());
    }
    let mut profile = plist::Dictionary::new();
    profile.insert("PayloadType".to_owned(), text("Configuration"));
    profile.insert("PayloadVersion".to_owned(), plist::Value::Integer(1.into()));
    profile.insert("PayloadIdentifier".to_owned(), text(identifier));
    profile.insert("PayloadUUID".to_owned(), text("8F6A2C1E-5B0D-4E58-9A57-0D4C6B1E9F10"));
    profile.insert("PayloadContent".to_owned(), plist::Value::Array(vec![plist::Value::Dictionary(payload)]));
    let mut bytes = Vec::new();
    plist::Value::Dictionary(profile).to_writer_xml(&mut bytes).unwrap();
    STANDARD.encode(bytes)
}

fn vpn() -> String {
    let uuid = plist::Value::String("C9E3B7A4-1F26-4D0B-B3E5-7A90D1C2F312".to_owned());
    let secret = plist::Value::String("the shared secret".to_owned());
    mobileconfig("com.example.vpn", "com.apple.vpn.managed.applayer", &[("VPNUUID", uuid), ("SharedSecret", secret)])
}

#[tokio::test]
async fn a_profile_is_imported_named_by_defaults_and_deleted() {
    let desk = Desk::open().await;
    let made = desk.post("/api/v1/profiles", json!({ "name": "Office VPN", "content": vpn() })).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    assert_eq!((&made.body["kind"], &made.body["identifier"]), (&json!("per-app-vpn"), &json!("com.example.vpn")));
    let listed = desk.get("/api/v1/profiles").await.body;
    assert!(!listed.to_string().contains("the shared secret"));
    let path = format!("/api/v1/profiles/{}", made.body["id"].as_str().unwrap());
    assert_eq!(desk.get(&path).await.body, listed["items"][0]);

    let defaults = format!("/api/v1/accounts/{}/defaults", account(&desk).await["id"].as_str().unwrap());
    let set = |body: Value| desk.ask_as(&desk.admin, Method::PUT, &defaults, Some(body));
    assert_eq!(set(json!({ "vpn_profile": made.body["id"] })).await.status, StatusCode::OK);
    let wrong_kind = set(json!({ "sso_profile": made.body["id"] })).await;
    assert_eq!(wrong_kind.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong_kind.body["detail"].as_str().unwrap().contains("kerberos-sso"));
    let unknown = set(json!({ "vpn_profile": "019acb8e-0000-7000-8000-000000000000" })).await;
    assert!(unknown.body["next_step"].as_str().unwrap().contains("import"));

    let used = desk.ask_as(&desk.admin, Method::DELETE, &path, None).await;
    assert_eq!(used.status, StatusCode::CONFLICT);
    assert!(used.body["detail"].as_str().unwrap().contains("the account Berlin"), "{}", used.body);
    set(json!({ "vpn_profile": null })).await;
    assert_eq!(desk.ask_as(&desk.admin, Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(desk.get(&path).await.status, StatusCode::NOT_FOUND);
    let refused = desk.post("/api/v1/profiles", json!({ "name": "x", "content": "eHl6" })).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let mdm = json!({ "name": "x", "content": mobileconfig("com.example.mdm", "com.apple.mdm", &[]) });
    assert_eq!(desk.post("/api/v1/profiles", mdm).await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn an_invitation_shows_its_link_once_and_can_be_revoked() {
    let desk = Desk::open().await;
    desk.ask_as(
        &desk.admin,
        Method::PUT,
        "/api/v1/push-certificate",
        Some(json!({ "certificate": STANDARD.encode(push_certificate("com.apple.mgmt.one")) })),
    )
    .await;
    let made = desk.post("/api/v1/invitations", json!({ "serial_number": "c02example01", "note": "Ada" })).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let link = made.body["link"].as_str().unwrap();
    assert!(link.starts_with(&format!("{}/enroll/", desk.ctx.config.device.public_url)), "{link}");
    assert_eq!((&made.body["uses"], &made.body["serial_number"]), (&json!(1), &json!("C02EXAMPLE01")));
    let listed = desk.get("/api/v1/invitations").await.body;
    assert_eq!((&listed["items"][0]["note"], &listed["items"][0]["uses_left"]), (&json!("Ada"), &json!(1)));
    assert!(!listed.to_string().contains(link.rsplit('/').next().unwrap()));
    let path = format!("/api/v1/invitations/{}", made.body["id"].as_str().unwrap());
    assert_eq!(desk.ask_as(&desk.admin, Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    assert!(desk.get("/api/v1/invitations").await.body["items"][0]["revoked_at"].is_string());
    for wrong in [json!({ "uses": 0 }), json!({ "expires_in_hours": 0 }), json!({ "serial_number": "" })] {
        let answer = desk.post("/api/v1/invitations", wrong.clone()).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
}

#[tokio::test]
async fn only_what_is_enrolled_can_be_ended_or_released() {
    let desk = Desk::open().await;
    assert_eq!(desk.get("/api/v1/enrollments/held").await.body, json!({ "items": [] }));
    let nobody = "/api/v1/enrollments/019acb8e-0000-7000-8000-000000000000/release";
    assert!(desk.post(nobody, json!({})).await.status.is_client_error());
    assert_eq!(desk.post("/api/v1/devices/nobody/unenroll", json!({})).await.status, StatusCode::NOT_FOUND);
    super::resources::known_device(&desk).await;
    let idle = desk.post("/api/v1/devices/C02EXAMPLE01/unenroll", json!({})).await;
    assert_eq!((idle.status, &idle.body["type"]), (StatusCode::CONFLICT, &json!("urn:russet:conflict")));
    let shown = desk.get("/api/v1/devices/C02EXAMPLE01").await.body;
    assert_eq!((&shown["enrollment"]["state"], &shown["enrollments"]), (&json!("none"), &json!([])));
}
