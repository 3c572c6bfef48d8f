//! Notifications of the simulated Apps and Books service, as an MDM server's webhook hears them over real TLS.

use crate::mdm::{Mdm, SOON, ended, job, stopped_service};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use russet_protocol::{AdamId, PricingParam};
use russet_simulator::apps_and_books::{AssetRef, Fault, FaultKind, Simulator, What};
use russet_simulator::ca::Authority;
use russet_simulator::journal::Journal;
use russet_simulator::serve::{self, Listener, Speaks};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

const FIELDBOOK: u64 = 1_500_000_101;

/// A webhook that writes down what it hears and accepts what carries its token.
struct Webhook {
    heard: Journal<Value>,
    listener: Listener,
}

impl Webhook {
    async fn open() -> Self {
        async fn hear(State(heard): State<Journal<Value>>, headers: HeaderMap, body: axum::body::Bytes) -> StatusCode {
            heard.write(serde_json::from_slice(&body).unwrap());
            let known = headers.get("authorization").is_some_and(|value| value == "Bearer the-webhooks-secret");
            if known { StatusCode::NO_CONTENT } else { StatusCode::FORBIDDEN }
        }
        let heard = Journal::default();
        let router = Router::new().route("/apple/notifications/1", post(hear)).with_state(heard.clone());
        let identity = Authority::create("Webhook CA").unwrap().issue_server(&["localhost".to_owned()]).unwrap();
        let speaks = Speaks::Tls(serve::tls(&identity, None, &[b"h2", b"http/1.1"]).unwrap());
        let listener = Listener::open(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), speaks, router).await.unwrap();
        Self { heard, listener }
    }

    fn url(&self) -> String {
        format!("https://localhost:{}/apple/notifications/1", self.listener.address().port())
    }

    fn config(&self, secret: &str) -> Value {
        json!({
            "notificationUrl": self.url(),
            "notificationAuthToken": secret,
            "notificationTypes": ["ASSET_COUNT", "ASSET_MANAGEMENT"],
        })
    }

    /// Waits until this many notifications of this type were heard, and returns them.
    async fn hears(&self, notification_type: &str, count: usize) -> Vec<Value> {
        let heard = self.heard.wait_for(SOON, |entries| {
            let all = entries.iter().map(|entry| &entry.what);
            let fitting: Vec<Value> =
                all.filter(|told| told["notificationType"] == notification_type).cloned().collect();
            (fitting.len() >= count).then_some(fitting)
        });
        heard.await.unwrap()
    }
}

async fn claimed(simulator: &Simulator, mdm: &Mdm, webhook: &Webhook) {
    let config = mdm.post("client/config", webhook.config("the-webhooks-secret")).await;
    assert_eq!(config["notificationUrl"], webhook.url());
    assert!(simulator.locations()[0].notification_url.is_some());
}

#[tokio::test]
async fn a_webhook_is_tested_before_it_is_accepted() {
    let (simulator, mdm) = stopped_service().await;
    let webhook = Webhook::open().await;
    assert_eq!(mdm.error("POST", "client/config", Some(webhook.config("a-wrong-secret"))).await, (400, 9728));
    assert_eq!(simulator.locations()[0].notification_url, None, "nothing is changed by a refused configuration");
    assert_eq!(
        mdm.error("POST", "client/config", Some(json!({ "notificationUrl": webhook.url() }))).await,
        (400, 9710)
    );
    let plain = json!({ "notificationUrl": "http://localhost/x", "notificationAuthToken": "s" });
    assert_eq!(mdm.error("POST", "client/config", Some(plain)).await, (400, 9712));

    claimed(&simulator, &mdm, &webhook).await;
    let tests = webhook.hears("TEST_NOTIFICATION", 2).await;
    assert_eq!((&tests[1]["notification"], &tests[1]["uId"]), (&json!({}), &json!("2049025000431439")));
    let written = serde_json::to_string(&simulator.journal().since(0)).unwrap();
    assert!(!written.contains("secret"), "the journal holds no bearer value");
}

#[tokio::test]
async fn who_manages_a_location_is_echoed_everywhere_and_the_last_writer_wins() {
    let (_simulator, mdm) = stopped_service().await;
    assert_eq!(mdm.error("POST", "client/config", Some(json!({ "mdmInfo": { "id": "a" } }))).await, (400, 9723));
    let first = json!({ "id": "first", "name": "First MDM", "metadata": "host one" });
    let config = mdm.post("client/config", json!({ "mdmInfo": first })).await;
    assert_eq!(config["locationName"], "Example GmbH – Berlin");
    assert_eq!((&config["mdmInfo"], &config["defaultPlatform"]), (&first, &json!("enterprisestore")));
    assert!(config["tokenExpirationDate"].as_str().unwrap().ends_with("+0000"));
    let second = json!({ "id": "second", "name": "Second MDM", "metadata": "host two" });
    mdm.post("client/config", json!({ "mdmInfo": second })).await;
    assert_eq!(mdm.get("assets").await["mdmInfo"], second);
}

#[tokio::test]
async fn the_webhook_hears_the_end_of_an_event_in_parts_and_of_purchases() {
    let (simulator, mdm) = stopped_service().await;
    let webhook = Webhook::open().await;
    claimed(&simulator, &mdm, &webhook).await;
    let fieldbook = AssetRef { adam_id: AdamId(FIELDBOOK), pricing_param: PricingParam::Standard };
    assert!(simulator.purchase("2049025000431439", &fieldbook, 90));
    let bought = webhook.hears("ASSET_COUNT", 1).await;
    assert_eq!(bought[0]["notification"]["countDelta"], 90);

    let serials: Vec<String> = (0..150).map(|number| format!("PHONE{number:05}")).collect();
    let serials: Vec<&str> = serials.iter().map(String::as_str).collect();
    simulator.order(Fault { kind: FaultKind::NotificationDoubled, times: 1, path: None, location: None });
    let begun = mdm.post("assets/associate", job(FIELDBOOK, &serials)).await;
    simulator.clock().advance(Duration::from_secs(1));
    ended(&simulator, begun["eventId"].as_str().unwrap()).await;
    let told = webhook.hears("ASSET_MANAGEMENT", 4).await;
    let sizes: Vec<usize> =
        told.iter().map(|each| each["notification"]["assignments"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [100, 100, 50, 50], "each part of at most 100 came twice, as ordered");
    assert_eq!(told[0]["notificationId"], told[1]["notificationId"]);
    assert_eq!(told[0]["notification"]["eventId"], begun["eventId"]);
    assert_eq!(told[0]["notification"]["result"], "SUCCESS");
}

#[tokio::test]
async fn a_notification_that_fails_is_tried_three_times() {
    let (simulator, mdm) = stopped_service().await;
    let webhook = Webhook::open().await;
    claimed(&simulator, &mdm, &webhook).await;
    webhook.listener.stop().await;
    mdm.post("assets/associate", job(FIELDBOOK, &["PHONE00001"])).await;
    simulator.clock().advance(Duration::from_secs(1));
    for attempts in 1..=3 {
        let journal = simulator.journal();
        let tried = journal.wait_for(SOON, |entries| {
            let told = |what: &What| {
                matches!(what, What::Notification { notification_type, status: None, .. } if notification_type == "ASSET_MANAGEMENT")
            };
            (entries.iter().filter(|entry| told(&entry.what.what)).count() == attempts).then_some(())
        });
        assert!(tried.await.is_some(), "try {attempts} did not come");
        simulator.clock().advance(Duration::from_secs(60));
    }
}
