//! What devices reach of the test server: the enrollment page and profile, SCEP, check-in, commands. Checks by OpenSSL who
//! speaks.

use super::super::cms;
use super::super::device::hex;
use super::house::{Proof, Shared, text};
use crate::serve::Connection;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Extension, Json, Router};
use base64::Engine;
use openssl::cms::{CMSOptions, CmsContentInfo};
use openssl::x509::X509;
use plist::{Dictionary, Value};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/enroll/code", get(page))
        .route("/enroll/code/profile", get(enrollment_profile))
        .route("/scep", get(scep).post(scep))
        .route("/checkin", put(check_in))
        .route("/mdm", put(mdm))
        .layer(DefaultBodyLimit::disable())
        .with_state(shared)
}

/// The channel a message is from: the device, and the user where there is one.
fn address(keys: &Dictionary) -> String {
    let device = keys.get("UDID").or_else(|| keys.get("EnrollmentID")).and_then(Value::as_string).unwrap();
    match keys.get("UserShortName").and_then(Value::as_string) {
        Some(user) => format!("{device}:{user}"),
        None => device.to_owned(),
    }
}

impl Shared {
    /// Finds out how a message proved its sender; panics (500, and the test fails) where it did not.
    fn proof(&self, headers: &HeaderMap, connection: &Connection, body: &[u8]) -> Proof {
        let Some(header) = headers.get("mdm-signature") else {
            assert!(!self.sign_message, "SignMessage was asked for");
            let certificate = X509::from_der(connection.client_certificate.as_deref().unwrap()).unwrap();
            assert!(certificate.verify(&self.authority.root.key).unwrap());
            return Proof::Certificate;
        };
        let signature = base64::engine::general_purpose::STANDARD.decode(header.as_bytes()).unwrap();
        CmsContentInfo::from_der(&signature)
            .unwrap()
            .verify(None, Some(&self.authority.store()), Some(body), None, CMSOptions::BINARY)
            .unwrap();
        for signer in cms::certificates(&signature).unwrap() {
            self.memory.lock().unwrap().signers.insert(signer.to_der().unwrap());
        }
        if signature[1] == 0x80 { Proof::Ber } else { Proof::Der }
    }
}

async fn page() -> Html<&'static str> {
    Html(
        "<!doctype html><title>Enroll</title><a href='/style.css'>.</a><a href=\"code/profile\">Install the profile</a>",
    )
}

async fn enrollment_profile(State(shared): State<Arc<Shared>>) -> Response {
    let signed = shared.authority.signed(&shared.enrollment_profile().encode());
    ([("content-type", "application/x-apple-aspen-config; charset=utf-8")], signed).into_response()
}

async fn scep(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<HashMap<String, String>>,
    body: Bytes,
) -> Response {
    let typed = |kind: &'static str, bytes: Vec<u8>| ([("content-type", kind)], bytes).into_response();
    match query.get("operation").map(String::as_str) {
        Some("GetCACaps") => typed("text/plain", b"AES\nSHA-256\nPOSTPKIOperation\n".to_vec()),
        Some("GetCACert") => {
            assert_eq!(query.get("message").map(String::as_str), Some("Test CA & more"));
            typed("application/x-x509-ca-cert", shared.authority.root.certificate.to_der().unwrap())
        }
        _ => {
            let engine = base64::engine::general_purpose::STANDARD;
            let message = query.get("message").map_or(body.to_vec(), |text| engine.decode(text).unwrap());
            typed("application/x-pki-message", shared.authority.scep(&message))
        }
    }
}

async fn check_in(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let proof = shared.proof(&headers, &connection, &body);
    let keys: Dictionary = plist::from_bytes(&body).unwrap();
    let mut memory = shared.memory.lock().unwrap();
    if memory.unavailable > 0 {
        memory.unavailable -= 1;
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    memory.proofs.insert(proof);
    memory.dates.extend(headers.get("date").map(|date| date.to_str().unwrap().to_owned()));
    if text(&keys, "MessageType") == "TokenUpdate" {
        let token = hex(keys.get("Token").and_then(Value::as_data).unwrap());
        let target = (token, text(&keys, "PushMagic").to_owned());
        memory.targets.insert(address(&keys), target);
    }
    memory.check_ins.push(body.to_vec());
    shared.heard.send_replace(());
    if text(&keys, "MessageType") == "DeclarativeManagement" {
        return declarations(&memory.declarations, text(&keys, "Endpoint"));
    }
    let Some(replies) = memory.replies.get_mut(text(&keys, "MessageType")) else {
        return StatusCode::OK.into_response();
    };
    let (status, answer) = if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() }.unwrap();
    let mut body = Vec::new();
    Value::Dictionary(answer).to_writer_xml(&mut body).unwrap();
    (StatusCode::from_u16(status).unwrap(), body).into_response()
}

/// Declarative management, as Apple's article has it.
fn declarations(all: &[(&str, &str, &str, serde_json::Value)], endpoint: &str) -> Response {
    let token = format!("{:?}", all.iter().map(|(_, _, token, _)| token).collect::<Vec<_>>());
    if endpoint == "tokens" {
        let tokens = json!({ "DeclarationsToken": token, "Timestamp": "2026-11-21T10:00:00Z" });
        return Json(json!({ "SyncTokens": tokens })).into_response();
    }
    if endpoint == "declaration-items" {
        let list = |name: &str| -> Vec<serde_json::Value> {
            let listed = all.iter().filter(|(list, ..)| *list == name);
            listed.map(|(_, id, token, _)| json!({ "Identifier": id, "ServerToken": token })).collect()
        };
        let lists = json!({ "Activations": list("Activations"), "Assets": list("Assets"),
            "Configurations": list("Configurations"), "Management": list("Management") });
        return Json(json!({ "Declarations": lists, "DeclarationsToken": token })).into_response();
    }
    let Some(path) = endpoint.strip_prefix("declaration/") else { return StatusCode::OK.into_response() };
    let found = all.iter().find(|(list, id, ..)| {
        path.split_once('/').is_some_and(|(kind, name)| name == *id && list.to_lowercase().starts_with(kind))
    });
    match found {
        Some((.., declaration)) if !declaration.is_null() => Json(declaration.clone()).into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn mdm(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let proof = shared.proof(&headers, &connection, &body);
    let keys: Dictionary = plist::from_bytes(&body).unwrap();
    let (udid, status) = (address(&keys), text(&keys, "Status").to_owned());
    let mut memory = shared.memory.lock().unwrap();
    if memory.unavailable > 0 {
        memory.unavailable -= 1;
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    memory.proofs.insert(proof);
    let queue = memory.queues.entry(udid.clone()).or_default();
    let uuid = text(&keys, "CommandUUID").to_owned();
    let mut next = queue.front().map(|(_, bytes)| bytes.clone());
    if status != "Idle" {
        memory.reports.push(keys);
        if status == "NotNow" || status == "Perhaps" {
            next = None;
        } else if memory.forgetful > 0 {
            memory.forgetful -= 1;
        } else {
            let queue = memory.queues.entry(udid).or_default();
            queue.retain(|(queued, _)| *queued != uuid);
            next = queue.front().map(|(_, bytes)| bytes.clone());
        }
        shared.heard.send_replace(());
    }
    next.unwrap_or_default().into_response()
}
