//! The simulated APNs as a push client and a device see it.

use crate::client::{self, Answer};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http2::SendRequest;
use russet_protocol::{PushToken, Topic};
use russet_simulator::apns::{EventKind, Fault, FaultKind, Options, Refusal, Simulator};
use russet_simulator::ca::Authority;
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

const SOON: Duration = Duration::from_secs(10);
const TOKEN: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn topic() -> Topic {
    Topic::new("com.apple.mgmt.External.5f1c9e3a").unwrap()
}

async fn connected(simulator: &Simulator) -> SendRequest<Full<Bytes>> {
    let identity = simulator.issue_push_certificate(&topic()).unwrap();
    client::http2(simulator.push_url(), client::tls(&simulator.roots_pem(), Some(&identity))).await.unwrap()
}

async fn push(
    simulator: &Simulator,
    send: &mut SendRequest<Full<Bytes>>,
    token: &str,
    magic: &str,
) -> Result<Answer, hyper::Error> {
    let request = http::Request::post(format!("{}/3/device/{token}", simulator.push_url()))
        .header("apns-topic", topic().as_str())
        .header("apns-push-type", "mdm")
        .header("apns-priority", "10")
        .header("apns-expiration", "9999999999")
        .body(Full::new(Bytes::from(json!({ "mdm": magic }).to_string())))
        .unwrap();
    send.ready().await?;
    Ok(Answer::of(send.send_request(request).await?).await)
}

struct Device {
    lines: tokio::io::Lines<BufReader<tokio::net::tcp::OwnedReadHalf>>,
    _to: tokio::net::tcp::OwnedWriteHalf,
}

impl Device {
    async fn subscribe(simulator: &Simulator, tokens: &[&str]) -> Self {
        let (from, mut to) = TcpStream::connect(simulator.courier_addr()).await.unwrap().into_split();
        to.write_all(format!("{}\n", json!({ "subscribe": tokens })).as_bytes()).await.unwrap();
        Self { lines: BufReader::new(from).lines(), _to: to }
    }

    async fn hears(&mut self) -> serde_json::Value {
        let line = tokio::time::timeout(SOON, self.lines.next_line()).await.unwrap().unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

#[tokio::test]
async fn a_push_wakes_the_device_that_waits_and_only_the_last_is_kept_for_one_that_sleeps() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let mut send = connected(&simulator).await;
    let first = push(&simulator, &mut send, TOKEN, "one").await.unwrap();
    assert_eq!((first.status, first.body.len()), (200, 0));
    assert!(first.headers.contains_key("apns-id"));
    push(&simulator, &mut send, TOKEN, "two").await.unwrap();

    let mut device = Device::subscribe(&simulator, &[TOKEN]).await;
    assert_eq!(device.hears().await, json!({ "token": TOKEN, "mdm": "two" }));
    push(&simulator, &mut send, TOKEN, "three").await.unwrap();
    assert_eq!(device.hears().await, json!({ "token": TOKEN, "mdm": "three" }));

    let counted = simulator
        .journal()
        .wait_for(SOON, |entries| {
            let delivered = entries.iter().filter(|entry| entry.what.kind == EventKind::Delivered).count();
            (delivered == 2).then(|| simulator.stats())
        })
        .await
        .unwrap();
    assert_eq!((counted.accepted, counted.delivered, counted.replaced), (3, 2, 1));
    assert_eq!((counted.connections, counted.waiting, counted.subscribed), (1, 0, 1));
    simulator.stop().await;
}

#[tokio::test]
async fn without_a_push_certificate_of_this_authority_there_is_no_connection() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let stranger = Authority::create("Another CA").unwrap().issue_push_certificate(&topic()).unwrap();
    for identity in [None, Some(&stranger)] {
        // With TLS 1.3 the client learns of the refusal at its first request.
        let mut refused = false;
        match client::http2(simulator.push_url(), client::tls(&simulator.roots_pem(), identity)).await {
            Err(_) => refused = true,
            Ok(mut send) => refused |= push(&simulator, &mut send, TOKEN, "magic").await.is_err(),
        }
        assert!(refused);
    }
    assert_eq!(simulator.stats().accepted, 0);
}

#[tokio::test]
async fn refusals_carry_apples_status_and_reason() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let mut send = connected(&simulator).await;
    simulator.unregister(&PushToken::new([0xaa; 4]).unwrap(), "Unregistered");
    let dead = push(&simulator, &mut send, "aaaaaaaa", "magic").await.unwrap();
    assert_eq!((dead.status, &dead.json()["reason"]), (410, &json!("Unregistered")));
    assert!(dead.json()["timestamp"].as_i64().unwrap() > 1_600_000_000_000);
    let bad = push(&simulator, &mut send, "xyz", "magic").await.unwrap();
    assert_eq!((bad.status, &bad.json()["reason"]), (400, &json!("BadDeviceToken")));

    let control = simulator.control_url().to_owned();
    let fault = json!({ "kind": "refuse", "status": 429, "reason": "TooManyRequests", "times": 2 });
    assert_eq!(client::plain("POST", &format!("{control}/_sim/faults"), Some(fault)).await.status, 204);
    for status in [429, 429, 200] {
        assert_eq!(push(&simulator, &mut send, TOKEN, "magic").await.unwrap().status, status);
    }
    client::plain("POST", &format!("{control}/_sim/tokens/{TOKEN}/unregister?reason=ExpiredToken"), None).await;
    let expired = push(&simulator, &mut send, TOKEN, "magic").await.unwrap();
    assert_eq!(expired.json()["reason"], "ExpiredToken");
    client::plain("POST", &format!("{control}/_sim/tokens/{TOKEN}/register"), None).await;
    assert_eq!(push(&simulator, &mut send, TOKEN, "magic").await.unwrap().status, 200);
    let stats = client::plain("GET", &format!("{control}/_sim/stats"), None).await.json();
    assert_eq!(stats["refused"]["TooManyRequests"], 2);
}

#[tokio::test]
async fn connections_end_as_ordered() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let once = |kind| Fault { kind, times: 1, token: None };

    let mut send = connected(&simulator).await;
    simulator.order(once(FaultKind::GoAway));
    let answer = push(&simulator, &mut send, TOKEN, "magic").await.unwrap();
    assert_eq!((answer.status, &answer.json()["reason"]), (503, &json!("Shutdown")));
    let gone = tokio::time::timeout(SOON, async { while push(&simulator, &mut send, TOKEN, "magic").await.is_ok() {} });
    gone.await.unwrap();

    let mut send = connected(&simulator).await;
    let before = simulator.stats().accepted;
    simulator.order(once(FaultKind::Cut));
    assert!(push(&simulator, &mut send, TOKEN, "magic").await.is_err());
    assert_eq!(simulator.stats().accepted, before);

    let mut send = connected(&simulator).await;
    simulator.order(once(FaultKind::CutAfterAccepting));
    assert!(push(&simulator, &mut send, TOKEN, "magic").await.is_err());
    assert_eq!(simulator.stats().accepted, before + 1);

    let mut send = connected(&simulator).await;
    simulator.order(once(FaultKind::Refuse(Refusal::new(403, "BadCertificate"))));
    let answer = push(&simulator, &mut send, TOKEN, "magic").await.unwrap();
    assert_eq!((answer.status, &answer.json()["reason"]), (403, &json!("BadCertificate")));
    simulator.go_away();
    let gone = tokio::time::timeout(SOON, async { while push(&simulator, &mut send, TOKEN, "magic").await.is_ok() {} });
    gone.await.unwrap();
}
