//! What devices reach of the test server: the enrollment page and profile, SCEP, check-in, commands. Checks by OpenSSL who
//! speaks.

use super::super::device::hex;
use super::house::{Proof, Shared, text};
use crate::serve::Connection;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Extension, Router};
use base64::Engine;
use openssl::cms::{CMSOptions, CmsContentInfo};
use openssl::x509::X509;
use plist::{Dictionary, Value};
use std::collections::HashMap;
use std::sync::Arc;

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/enroll/code", get(page))
        .route("/enroll/code/profile", get(enrollment_profile))
        .route("/scep", get(scep).post(scep))
        .route("/checkin", put(check_in))
        .route("/mdm", put(mdm))
        .with_state(shared)
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
) -> StatusCode {
    let proof = shared.proof(&headers, &connection, &body);
    let keys: Dictionary = plist::from_bytes(&body).unwrap();
    let mut memory = shared.memory.lock().unwrap();
    if memory.unavailable > 0 {
        memory.unavailable -= 1;
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    memory.proofs.insert(proof);
    if text(&keys, "MessageType") == "TokenUpdate" {
        let token = hex(keys.get("Token").and_then(Value::as_data).unwrap());
        let target = (token, text(&keys, "PushMagic").to_owned());
        memory.targets.insert(text(&keys, "UDID").to_owned(), target);
    }
    memory.check_ins.push(body.to_vec());
    shared.heard.send_replace(());
    StatusCode::OK
}

async fn mdm(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let proof = shared.proof(&headers, &connection, &body);
    let keys: Dictionary = plist::from_bytes(&body).unwrap();
    let (udid, status) = (text(&keys, "UDID").to_owned(), text(&keys, "Status").to_owned());
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
        if status == "NotNow" {
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
