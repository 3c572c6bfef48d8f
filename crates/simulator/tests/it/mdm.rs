//! An MDM server's side of the App and Book Management API, for scenarios: hyper and rustls, nothing of ours.

use crate::client::{self, Answer};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use russet_protocol::Timestamp;
use russet_simulator::apps_and_books::{Options, Settings, Simulator, What};
use russet_simulator::clock::Clock;
use serde_json::{Value, json};
use std::time::Duration;

/// Longer than anything here takes.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// An MDM server's side of the API.
pub(crate) struct Mdm {
    pub(crate) client:
        Client<hyper_rustls::HttpsConnector<hyper_util::client::legacy::connect::HttpConnector>, Full<Bytes>>,
    pub(crate) base: String,
    pub(crate) token: String,
}

impl Mdm {
    pub(crate) fn of(simulator: &Simulator) -> Self {
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(client::tls(&simulator.roots_pem(), None))
            .https_only()
            .enable_all_versions()
            .build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self { client, base: simulator.base_url(), token: simulator.vpptoken(None).unwrap() }
    }

    pub(crate) async fn ask(&self, method: &str, call: &str, body: Option<Value>) -> Result<Answer, String> {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}/{call}", self.base))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .body(Full::new(body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()))))
            .unwrap();
        let answer = self.client.request(request).await.map_err(|problem| problem.to_string())?;
        Ok(Answer::of(answer).await)
    }

    pub(crate) async fn get(&self, call: &str) -> Value {
        self.ask("GET", call, None).await.unwrap().json()
    }

    pub(crate) async fn post(&self, call: &str, body: Value) -> Value {
        self.ask("POST", call, Some(body)).await.unwrap().json()
    }

    pub(crate) async fn associate(&self, adam_id: u64, serials: &[&str]) -> Value {
        self.post("assets/associate", job(adam_id, serials)).await
    }

    pub(crate) async fn error(&self, method: &str, call: &str, body: Option<Value>) -> (u16, u64) {
        let answer = self.ask(method, call, body).await.unwrap();
        (answer.status, answer.json()["errorNumber"].as_u64().unwrap_or(0))
    }
}

pub(crate) fn job(adam_id: u64, serials: &[&str]) -> Value {
    json!({ "assets": [{ "adamId": adam_id.to_string(), "pricingParam": "STDQ" }], "serialNumbers": serials })
}

/// A service whose clock stands still: every delay is a step of the test.
pub(crate) async fn stopped_service() -> (Simulator, Mdm) {
    let clock = Clock::stopped_at(Timestamp(1_900_000_000_000));
    let settings = Settings { throttle: false, ..Settings::default() };
    let simulator = Simulator::start(Options { clock, settings, ..Options::default() }).await.unwrap();
    let mdm = Mdm::of(&simulator);
    (simulator, mdm)
}

pub(crate) async fn ended(simulator: &Simulator, event_id: &str) {
    let look = |what: &What| matches!(what, What::EventEnded { event_id: id, .. } if id == event_id);
    let journal = simulator.journal();
    let found = journal.wait_for(SOON, |entries| entries.iter().any(|e| look(&e.what.what)).then_some(()));
    found.await.unwrap();
}
