//! `russet admin` against a small stand-in of the API: what is sent, and what is said when the server refuses.

use super::Args;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use clap::Parser;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

/// One request as it came.
#[derive(Debug, Clone)]
struct Asked {
    what: String,
    body: Value,
    if_match: Option<String>,
    authorization: String,
}

/// A server with one account, one profile and one app.
struct Standin {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    folder: tempfile::TempDir,
}

async fn answer(
    State(asked): State<Arc<Mutex<Vec<Asked>>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let what = format!("{method} {uri}");
    asked.lock().unwrap().push(Asked {
        what: what.clone(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
        if_match: header("if-match"),
        authorization: header("authorization").unwrap_or_default(),
    });
    let list = |entry: Value| axum::Json(json!({ "items": [entry] })).into_response();
    match what.as_str() {
        "GET /api/v1/accounts" => list(json!({ "id": "a1", "name": "Berlin" })),
        "GET /api/v1/profiles" => list(json!({ "id": "p1", "name": "Office VPN" })),
        "GET /api/v1/apps" => list(json!({ "id": "x1", "name": "Fieldbook", "adam_id": 1_500_000_101 })),
        "GET /api/v1/accounts/a1/defaults" => {
            let defaults =
                json!({ "assignment_type": "device", "mandatory": true, "data_roaming": true, "vpn_profile": null });
            ([("etag", "\"7\"")], axum::Json(defaults)).into_response()
        }
        "POST /api/v1/accounts/a1/defaults/preview" => axum::Json(json!({ "devices": [], "text": [] })).into_response(),
        "GET /api/v1/devices/Mia" => {
            axum::Json(json!({ "id": "d1", "name": "Mia", "serial_number": "C02" })).into_response()
        }
        "DELETE /api/v1/apps/x1" => {
            let problem = json!({ "type": "urn:russet:conflict", "title": "It contradicts what is there", "status": 409,
                "detail": "Fieldbook is being removed already.", "next_step": "Wait." });
            (StatusCode::CONFLICT, axum::Json(problem)).into_response()
        }
        _ => axum::Json(json!({})).into_response(),
    }
}

impl Standin {
    async fn open() -> Self {
        let asked = Arc::default();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&asked));
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(socket, router).await });
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "rst_of_a_test\n").unwrap();
        Self { url, asked, folder }
    }

    async fn run(&self, line: &[&str]) -> anyhow::Result<std::process::ExitCode> {
        let token = self.folder.path().join("token");
        let before = ["admin", "--server", &self.url, "--token-file", token.to_str().unwrap(), "--json"];
        super::run(Line::try_parse_from(before.iter().chain(line)).unwrap().args).await
    }

    fn last(&self) -> Asked {
        self.asked.lock().unwrap().last().unwrap().clone()
    }
}

#[tokio::test]
async fn a_change_of_defaults_keeps_what_was_not_named_and_is_based_on_what_was_read() {
    let standin = Standin::open().await;
    let line =
        ["accounts", "defaults", "set", "berlin", "--data-roaming", "off", "--vpn-profile", "office vpn", "--yes"];
    standin.run(&line).await.unwrap();
    let put = standin.last();
    assert_eq!((put.what.as_str(), put.if_match.as_deref()), ("PUT /api/v1/accounts/a1/defaults", Some("\"7\"")));
    assert_eq!(put.authorization, "Bearer rst_of_a_test");
    let expected =
        json!({ "assignment_type": "device", "mandatory": true, "data_roaming": false, "vpn_profile": "p1" });
    assert_eq!(put.body, expected);
}

#[tokio::test]
async fn without_a_person_to_ask_nothing_is_changed() {
    let standin = Standin::open().await;
    let line = ["accounts", "defaults", "set", "Berlin", "--mandatory", "off"];
    let refused = standin.run(&line).await.unwrap_err();
    assert!(refused.to_string().contains("--yes"), "{refused}");
    assert_eq!(standin.last().what, "POST /api/v1/accounts/a1/defaults/preview");
    let refused = standin.run(&["accounts", "defaults", "set", "Berlin"]).await.unwrap_err();
    assert!(refused.to_string().contains("nothing to change"), "{refused}");
}

#[tokio::test]
async fn a_refusal_is_told_in_the_servers_words_with_the_next_step() {
    let standin = Standin::open().await;
    let refused = standin.run(&["apps", "remove", "1500000101", "--yes"]).await.unwrap_err();
    assert_eq!(refused.to_string(), "Fieldbook is being removed already.\nWait.");
    let unknown = standin.run(&["apps", "remove", "Keynest", "--yes"]).await.unwrap_err();
    assert!(unknown.to_string().contains("there is no app \"Keynest\""), "{unknown}");
}

#[tokio::test]
async fn a_server_token_is_sent_as_it_stands_in_its_file_without_the_lines_end() {
    let standin = Standin::open().await;
    let file = standin.folder.path().join("berlin.vpptoken");
    std::fs::write(&file, "eyJ0b2tlbiI6IngifQ==\r\n").unwrap();
    let line =
        ["accounts", "add", "--name", "Berlin", "--token-file", file.to_str().unwrap(), "--prevent-backup", "on"];
    standin.run(&line).await.unwrap();
    let expected =
        json!({ "name": "Berlin", "server_token": "eyJ0b2tlbiI6IngifQ==", "defaults": { "prevent_backup": true } });
    assert_eq!(standin.last().body, expected);
    assert_eq!(standin.last().authorization, "Bearer rst_of_a_test", "the two tokens are not mixed up");
}

#[test]
fn the_command_line_is_in_order() {
    use clap::CommandFactory;
    Line::command().debug_assert();
}

#[tokio::test]
async fn what_hurts_a_device_is_asked_about_and_what_does_not_is_sent() {
    let standin = Standin::open().await;
    let command = "POST /api/v1/devices/d1/commands";
    let grave: [&[&str]; 9] = [
        &["erase", "Mia"],
        &["lock", "Mia"],
        &["clear-passcode", "Mia"],
        &["restart", "Mia"],
        &["shut-down", "Mia"],
        &["lost-mode", "on", "Mia", "--message", "Lost"],
        &["command", "Mia", "EraseDevice"],
        &["command", "Mia", "SetRecoveryLock"],
        &["cancel", "Mia"],
    ];
    for line in grave {
        let refused = standin.run(&[&["devices"], line].concat()).await.unwrap_err();
        assert!(refused.to_string().contains("--yes"), "{line:?}: {refused}");
        assert_eq!(standin.last().what, "GET /api/v1/devices/Mia", "{line:?}: only looked up");
    }
    standin.run(&["devices", "erase", "Mia", "--obliteration", "always", "--yes"]).await.unwrap();
    let sent = standin.last();
    assert_eq!((sent.what.as_str(), &sent.body["obliteration"]), (command, &json!("always")));
    standin.run(&["devices", "command", "Mia", "ProfileList", "--value", "ManagedOnly=true"]).await.unwrap();
    let sent = standin.last();
    assert_eq!(sent.what, command);
    assert_eq!(sent.body["keys"], json!({ "ManagedOnly": true }));
    standin.run(&["devices", "refresh", "Mia"]).await.unwrap();
    assert_eq!(standin.last().body["type"], "refresh");
    standin.run(&["devices", "commands", "Mia", "--limit", "5", "--cursor", "open.0.7"]).await.unwrap();
    assert_eq!(standin.last().what, "GET /api/v1/devices/Mia/commands?limit=5&cursor=open.0.7");
    standin.run(&["devices", "answer", "Mia", "u1"]).await.unwrap();
    assert_eq!(standin.last().what, "GET /api/v1/devices/Mia/commands/u1");
    standin.run(&["devices", "secret", "Mia", "u1"]).await.unwrap();
    assert_eq!(standin.last().what, "GET /api/v1/devices/Mia/commands/u1/secret");
}
