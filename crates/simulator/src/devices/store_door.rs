//! What a device asks the store: which app is behind a number, which version is current, and whether its own license is
//! visible there yet. With a simulated Apps and Books service the answer is that service's; without, it is invented.

use super::fault::Fault;
use super::http::{Http, Wire};
use super::options::Retry;
use http::StatusCode;
use serde::Deserialize;

/// An app in the store, as one device sees it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoreApp {
    pub(super) bundle_id: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) external_version_id: u64,
    #[serde(default)]
    pub(super) version: String,
    #[serde(default)]
    pub(super) licensed: bool,
}

/// The door.
#[derive(Clone)]
pub(super) struct StoreDoor {
    base: Option<String>,
    http: Http,
    retry: Retry,
}

impl StoreDoor {
    pub(super) fn new(base: Option<String>, http: Http, retry: Retry) -> Self {
        Self { base: base.map(|base| base.trim_end_matches('/').to_owned()), http, retry }
    }

    /// Looks an app up for one device. `None`: the store does not know it. Asks a few times while the store is away.
    pub(super) async fn look_up(&self, adam_id: u64, serial: &str) -> Result<Option<StoreApp>, Fault> {
        let Some(base) = &self.base else {
            return Ok(Some(StoreApp {
                bundle_id: format!("com.example.app{adam_id}"),
                name: format!("App {adam_id}"),
                external_version_id: adam_id % 1_000_000 + 1,
                version: "1.0".into(),
                licensed: true,
            }));
        };
        let wire = Wire::get(format!("{base}/_sim/store/{adam_id}?serialNumber={serial}"));
        let mut wait = self.retry.first;
        for attempt in 0.. {
            match self.http.send(&wire).await {
                Ok(answer) if answer.status == StatusCode::NOT_FOUND => return Ok(None),
                Ok(answer) if answer.status == StatusCode::OK => {
                    return serde_json::from_slice(&answer.body)
                        .map(Some)
                        .map_err(|e| Fault::Refused(format!("the store door's answer cannot be read: {e}")));
                }
                Ok(answer) if attempt == 4 => return Err(answer.fault()),
                Err(fault) if attempt == 4 || !fault.is_passing() => return Err(fault),
                _ => {}
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(self.retry.most);
        }
        Ok(None)
    }
}
