//! Tools made for NanoMDM at the raw door: over real HTTP, on both databases, down to the wire of simulated devices.

use crate::databases::{Kind, fresh};
use crate::story::{LIMIT, Story};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use plist::{Dictionary, Value as Plist};
use serde_json::{Value, json};

/// A program that speaks to the door.
pub(crate) struct Tool {
    server: String,
    credentials: Option<String>,
    http: Client<HttpConnector, Full<Bytes>>,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    pub(crate) body: Value,
}

impl Tool {
    pub(crate) fn new(story: &Story, user: &str, password: &str) -> Self {
        let credentials = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        Self { credentials: Some(credentials), ..Self::stranger(story) }
    }

    fn stranger(story: &Story) -> Self {
        let http = Client::builder(TokioExecutor::new()).build_http();
        Self { server: story.place.admin_url(), credentials: None, http }
    }

    async fn ask(&self, method: Method, path: &str, body: impl Into<Bytes>) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.server));
        if let Some(credentials) = &self.credentials {
            request = request.header(header::AUTHORIZATION, credentials);
        }
        let answer = self.http.request(request.body(Full::new(body.into())).unwrap()).await.unwrap();
        let (parts, body) = answer.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn enqueue(&self, ids: &str, body: Vec<u8>) -> Answer {
        self.ask(Method::PUT, &format!("/v1/enqueue/{ids}"), body).await
    }
}

/// A question for the device's name, as a tool writes it: with a comment of its own, to be delivered byte for byte.
fn question(uuid: Option<&str>) -> Vec<u8> {
    let mut command = Dictionary::new();
    command.insert("RequestType".to_owned(), "DeviceInformation".into());
    command.insert("Queries".to_owned(), Plist::Array(vec!["DeviceName".into()]));
    let mut keys = Dictionary::new();
    keys.insert("Command".to_owned(), Plist::Dictionary(command));
    if let Some(uuid) = uuid {
        keys.insert("CommandUUID".to_owned(), uuid.into());
    }
    let mut bytes = Vec::new();
    Plist::Dictionary(keys).to_writer_xml(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap().replacen("<dict>", "<!-- by a tool -->\n<dict>", 1).into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_for_nanomdm_reach_devices_on_sqlite() {
    tools_reach_devices(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_for_nanomdm_reach_devices_on_postgres() {
    tools_reach_devices(Kind::Postgres).await;
}

async fn tools_reach_devices(kind: Kind) {
    let Some(database) = fresh(kind).await else { return };
    let story = Story::begin(database.url(), 2).await;
    let token = std::fs::read_to_string(story.place.token_file()).unwrap();
    let tool = Tool::new(&story, "nanomdm", token.trim());
    let ids = every_enrollment_is_found(&story, &tool).await;
    strangers_are_turned_away(&story, &tool, &ids[0]).await;
    a_question_is_answered_by_the_devices_that_there_are(&story, &tool, &ids).await;
    a_command_uuid_is_good_once(&tool, &ids).await;
    what_is_no_command_is_refused(&tool, &ids[0]).await;
    what_a_device_cannot_do_is_refused_there(&story, &tool, &ids).await;
    a_quiet_command_waits_and_is_cleared_away(&story, &tool).await;
    pushes_and_their_certificate(&tool, &ids).await;
    the_audit_log_tells_of_it(&story).await;
    let problems: Vec<_> = story.fleet.snapshot().into_iter().flat_map(|device| device.problems).collect();
    assert!(problems.is_empty(), "{problems:?}");
    story.end().await;
}

/// The ids of both devices, once they are enrolled.
async fn every_enrollment_is_found(story: &Story, tool: &Tool) -> [String; 2] {
    let asked = json!({ "filter": { "types": ["Device"], "enabled": true } }).to_string();
    let began = std::time::Instant::now();
    let found = loop {
        let answer = tool.ask(Method::POST, "/v1/enrollments/query", asked.clone()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let found = answer.body["enrollments"].as_array().unwrap().clone();
        if found.len() == 2 {
            break found;
        }
        assert!(began.elapsed() < LIMIT, "in vain: two devices enroll\n{}", story.log());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    for one in &found {
        assert_eq!((&one["type"], &one["enabled"]), (&json!("Device"), &json!(true)));
        assert!(one["token_update_tally"].as_i64().unwrap() >= 1 && one["last_seen"].is_string());
    }
    let page = tool.ask(Method::POST, "/v1/enrollments/query?limit=1", "").await.body;
    assert_eq!(page["enrollments"][0]["id"], found[0]["id"]);
    let next = format!("/v1/enrollments/query?limit=1&cursor={}", page["next_cursor"].as_str().unwrap());
    assert_eq!(tool.ask(Method::POST, &next, "").await.body["enrollments"][0]["id"], found[1]["id"]);
    let both = json!({
        "filter": { "ids": [found[1]["id"]], "serials": [found[1]["device"]["serial_number"]] },
        "options": { "include_device_cert": true },
        "pagination": { "offset": 0, "limit": 5 },
    });
    let one = tool.ask(Method::POST, "/v1/enrollments/query", both.to_string()).await.body;
    assert_eq!(one["enrollments"].as_array().unwrap().len(), 1);
    assert!(one["enrollments"][0]["device"]["device_cert"].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE"));
    let secret = json!({ "options": { "include_unlock_token": true } }).to_string();
    let refused = tool.ask(Method::POST, "/v1/enrollments/query", secret).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let unknown = json!({ "filter": { "types": ["Toaster"] } }).to_string();
    let refused = tool.ask(Method::POST, "/v1/enrollments/query", unknown).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.body["error"].as_str().unwrap().contains("Shared iPad"), "{}", refused.body);
    // In the order of the fleet: which of them enrolled first is chance.
    let devices = story.fleet.snapshot();
    let ids = [0, 1].map(|at| devices[at].udid.clone());
    assert!(ids.iter().all(|id| found.iter().any(|one| one["id"] == id.as_str())), "{ids:?}: {found:?}");
    ids
}

async fn strangers_are_turned_away(story: &Story, tool: &Tool, id: &str) {
    let token = std::fs::read_to_string(story.place.token_file()).unwrap();
    let token = token.trim();
    let bearer = Tool { credentials: Some(format!("Bearer {token}")), ..Tool::stranger(story) };
    let garbage = Tool { credentials: Some("Basic ???".to_owned()), ..Tool::stranger(story) };
    let wrong = [Tool::new(story, "nanomdm", "rst_wrong"), Tool::new(story, "admin", token)];
    for stranger in [Tool::stranger(story), bearer, garbage].into_iter().chain(wrong) {
        for (method, path) in [
            (Method::PUT, format!("/v1/enqueue/{id}")),
            (Method::GET, format!("/v1/push/{id}")),
            (Method::GET, format!("/v1/queue/{id}")),
            (Method::POST, "/v1/enrollments/query".to_owned()),
            (Method::GET, "/v1/nothing".to_owned()),
        ] {
            let answer = stranger.ask(method, &path, question(None)).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
            assert!(answer.headers[header::WWW_AUTHENTICATE].to_str().unwrap().starts_with("Basic realm=\"nanomdm\""));
        }
        let version = stranger.ask(Method::GET, "/version", "").await;
        assert!(version.body["version"].as_str().unwrap().starts_with("russet "));
    }
    let other_door = tool.ask(Method::GET, "/api/v1/status", "").await;
    assert_eq!(other_door.status, StatusCode::UNAUTHORIZED, "these credentials open the raw door only");
}

async fn a_question_is_answered_by_the_devices_that_there_are(story: &Story, tool: &Tool, ids: &[String; 2]) {
    let list = format!("{},NOBODY,{}:{},{}", ids[0], ids[0], ids[1], ids[1]);
    let bytes = question(Some("TOOL-1"));
    let answer = tool.enqueue(&list, bytes.clone()).await;
    assert_eq!(answer.status, StatusCode::MULTI_STATUS, "{}", answer.body);
    assert_eq!(
        (&answer.body["command_uuid"], &answer.body["request_type"]),
        (&json!("TOOL-1"), &json!("DeviceInformation"))
    );
    for id in ids {
        assert!(answer.body["status"][id]["push_result"].is_string(), "{}", answer.body);
    }
    for unknown in ["NOBODY".to_owned(), format!("{}:{}", ids[0], ids[1])] {
        assert!(answer.body["status"][&unknown]["command_error"].is_string(), "{}", answer.body);
    }
    let answered = story
        .fleet
        .wait_for(LIMIT, |devices| {
            let has = |device: &russet_simulator::devices::DeviceView| {
                let of_tool = device.journal.iter().find(|entry| entry.uuid == "TOOL-1");
                of_tool.is_some_and(|entry| entry.delivered_answer && entry.statuses == ["Acknowledged"])
            };
            devices.iter().all(has).then_some(())
        })
        .await;
    assert!(answered.is_some(), "both devices answer\n{}", story.log());
    for id in ids {
        let history = story.client.get(&format!("/api/v1/devices/{id}/commands")).await.unwrap();
        let told = history["items"].as_array().unwrap().iter().find(|one| one["command_uuid"] == "TOOL-1").unwrap();
        assert_eq!((&told["state"], &told["request_type"]), (&json!("done"), &json!("DeviceInformation")));
    }
    let delivered = on_the_wire(&story.record, &bytes);
    assert!(delivered >= 2, "the bytes arrive as they were given, {delivered} times");
}

/// How many recorded messages are exactly these bytes.
fn on_the_wire(folder: &std::path::Path, bytes: &[u8]) -> usize {
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        count +=
            if path.is_dir() { on_the_wire(&path, bytes) } else { usize::from(std::fs::read(&path).unwrap() == bytes) };
    }
    count
}

async fn a_command_uuid_is_good_once(tool: &Tool, ids: &[String; 2]) {
    let again = tool.enqueue(&ids.join(","), question(Some("TOOL-1"))).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.body);
    assert!(again.body["status"][&ids[0]]["command_error"].as_str().unwrap().contains("CommandUUID"));
    let first = tool.enqueue(&ids[0], question(Some("TOOL-2"))).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.body);
    let half = tool.enqueue(&ids.join(","), question(Some("TOOL-2"))).await;
    assert_eq!(half.status, StatusCode::MULTI_STATUS, "{}", half.body);
    assert!(half.body["status"][&ids[1]]["command_error"].is_null());
    let twice_named = tool.enqueue(&format!("{0},{0}", ids[0]), question(None)).await;
    assert_eq!(twice_named.status, StatusCode::OK, "{}", twice_named.body);
    assert!(twice_named.body["command_uuid"].is_string(), "one is made where none is given");
}

async fn what_is_no_command_is_refused(tool: &Tool, id: &str) {
    for (ids, body, expected) in [
        (id, b"Command: EraseDevice".to_vec(), StatusCode::BAD_REQUEST),
        (id, Vec::new(), StatusCode::BAD_REQUEST),
        (id, b"<plist version=\"1.0\"><dict><key>Command</key></dict></plist>".to_vec(), StatusCode::BAD_REQUEST),
        (id, vec![b'x'; 9 * 1024 * 1024], StatusCode::PAYLOAD_TOO_LARGE),
        (",,", question(None), StatusCode::BAD_REQUEST),
        ("NOBODY", question(None), StatusCode::INTERNAL_SERVER_ERROR),
        ("%7Bid%7D%0A", question(None), StatusCode::INTERNAL_SERVER_ERROR),
    ] {
        let refused = tool.enqueue(ids, body).await;
        assert_eq!(refused.status, expected, "{ids}: {}", refused.body);
        let per_id = refused.body["status"].is_object();
        assert!(per_id || refused.body["command_error"].is_string(), "{}", refused.body);
    }
    let wrong_method = tool.ask(Method::DELETE, &format!("/v1/enqueue/{id}"), "").await;
    assert_eq!(wrong_method.status, StatusCode::METHOD_NOT_ALLOWED);
}

/// Property lists of a command without further keys.
fn plain(request_type: &str) -> Vec<u8> {
    let command: Dictionary = [("RequestType".to_owned(), Plist::from(request_type))].into_iter().collect();
    let keys: Dictionary = [("Command".to_owned(), Plist::Dictionary(command))].into_iter().collect();
    let mut bytes = Vec::new();
    Plist::Dictionary(keys).to_writer_xml(&mut bytes).unwrap();
    bytes
}

/// The schema's word counts here too: each id is told for itself.
async fn what_a_device_cannot_do_is_refused_there(story: &Story, tool: &Tool, ids: &[String; 2]) {
    let known = story.client.get(&format!("/api/v1/devices/{}", ids[0])).await.unwrap();
    let kind = if known["platform"] == "macOS" { "EnableLostMode" } else { "SetRecoveryLock" };
    let refused = tool.enqueue(&ids.join(","), plain(kind)).await;
    let expected = [StatusCode::MULTI_STATUS, StatusCode::INTERNAL_SERVER_ERROR];
    assert!(expected.contains(&refused.status), "{}", refused.body);
    let why = refused.body["status"][&ids[0]]["command_error"].as_str().unwrap();
    assert!(why.contains(kind) && why.contains("does not exist on"), "{why}");
    let posted = tool.ask(Method::POST, &format!("/v1/enqueue/{}", ids[0]), question(None)).await;
    assert_eq!(posted.status, StatusCode::OK, "{}", posted.body);
}

async fn a_quiet_command_waits_and_is_cleared_away(story: &Story, tool: &Tool) {
    // A device that is asked to leave gets nothing more, and what ends its enrollment stays in its queue.
    let serial = story.fleet.snapshot()[1].serial.clone();
    let id = story.fleet.snapshot()[1].udid.clone();
    let queue = format!("/v1/queue/{id}");
    let quiet = tool.ask(Method::POST, &format!("/v1/enqueue/{id}?nopush=1"), question(Some("TOOL-3"))).await;
    assert_eq!((quiet.status, &quiet.body["no_push"]), (StatusCode::OK, &json!(true)), "{}", quiet.body);
    assert!(quiet.body["status"].is_null());
    let waiting = tool.ask(Method::GET, &queue, "").await;
    assert_eq!(waiting.status, StatusCode::OK);
    let listed = waiting.body["commands"].as_array().unwrap().iter().any(|one| one["command_uuid"] == "TOOL-3");
    let fetched = story.fleet.snapshot()[1].journal.iter().any(|entry| entry.uuid == "TOOL-3");
    assert!(listed || fetched, "{}", waiting.body);
    let cleared = tool.ask(Method::DELETE, &queue, "").await;
    assert_eq!((cleared.status, &cleared.body), (StatusCode::NO_CONTENT, &Value::Null));
    let some = tool.ask(Method::DELETE, &format!("{queue},NOBODY"), "").await;
    assert_eq!(some.status, StatusCode::MULTI_STATUS);
    assert!(some.body["status"]["NOBODY"].is_string() && some.body["status"][&id].is_null());
    assert_eq!(tool.ask(Method::GET, "/v1/queue/NOBODY", "").await.status, StatusCode::NOT_FOUND);

    story.client.post(&format!("/api/v1/devices/{serial}/unenroll"), &Value::Null).await.unwrap();
    let late = tool.enqueue(&id, question(None)).await;
    assert_eq!(late.status, StatusCode::INTERNAL_SERVER_ERROR, "{}", late.body);
    assert!(late.body["status"][&id]["command_error"].is_string());
}

async fn pushes_and_their_certificate(tool: &Tool, ids: &[String; 2]) {
    for method in [Method::GET, Method::PUT] {
        let pushed = tool.ask(method, &format!("/v1/push/{},NOBODY", ids[0]), "").await;
        assert_eq!(pushed.status, StatusCode::MULTI_STATUS, "{}", pushed.body);
        assert!(pushed.body["status"]["NOBODY"]["push_error"].is_string());
        let request = pushed.headers["x-request-id"].to_str().unwrap();
        assert_eq!(pushed.body["status"][&ids[0]]["push_result"], request);
    }
    assert_eq!(tool.ask(Method::GET, &format!("/v1/push/{}", ids[0]), "").await.status, StatusCode::OK);
    assert_eq!(tool.ask(Method::GET, "/v1/push/NOBODY", "").await.status, StatusCode::INTERNAL_SERVER_ERROR);

    assert_eq!(tool.ask(Method::GET, "/v1/pushcert", "").await.status, StatusCode::BAD_REQUEST);
    let other = tool.ask(Method::GET, "/v1/pushcert?topic=com.apple.mgmt.other", "").await;
    assert_eq!((other.status, other.body["error"].is_string()), (StatusCode::NOT_FOUND, true));
    let no_certificate = tool.ask(Method::PUT, "/v1/pushcert", "-----BEGIN NOTHING-----").await;
    assert_eq!(no_certificate.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", no_certificate.body);
}

async fn the_audit_log_tells_of_it(story: &Story) {
    let log = story.client.get("/api/v1/audit").await.unwrap();
    let told: Vec<_> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|entry| Some((entry["action"].as_str()?, entry["outcome"].as_str()?)))
        .collect();
    for expected in [
        ("PUT /v1/enqueue/{ids}", "done: DeviceInformation (CommandUUID TOOL-1), without fault for 2 of 4"),
        ("PUT /v1/enqueue/{ids}", "refused: DeviceInformation (CommandUUID TOOL-1), without fault for 0 of 2"),
        ("PUT /v1/enqueue/{ids}", "refused: urn:russet:malformed"),
        ("GET /v1/push/{ids}", "done: push, without fault for 1 of 2"),
    ] {
        assert!(told.contains(&expected), "{expected:?} is not in {told:#?}");
    }
    let clears = told.iter().filter(|(action, _)| *action == "DELETE /v1/queue/{ids}").count();
    assert_eq!(clears, 2);
    assert!(!told.iter().any(|(action, _)| action.contains("/v1/enrollments/query")), "reading is no change");
}
