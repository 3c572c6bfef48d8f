//! A device's side of declarative management (Apple docs: Integrating declarative management; Apple schema:
//! declarativemanagement.yaml and `declarative/protocol`): tokens, what there is, each declaration, and a report of what became
//! of them. Simulated devices obey declarations of accounts and settings by remembering them: what is theirs to show is that
//! they hold exactly what the server says.

use super::channel::Channel;
use super::device::Device;
use super::fault::Fault;
use super::http::Answer;
use super::state::Enrollment;
use plist::Value as Plist;
use russet_protocol::Platform;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The lists of `declaration-items`, with the kind in `declaration/<kind>/<Identifier>`.
const KINDS: [(&str, &str); 4] = [
    ("Activations", "activation"),
    ("Assets", "asset"),
    ("Configurations", "configuration"),
    ("Management", "management"),
];

/// What one channel holds.
#[derive(Debug, Clone, Default)]
pub(super) struct Declarations {
    /// `DeclarationsToken` of what is held.
    pub(super) token: Option<String>,
    /// By kind and `Identifier`.
    pub(super) items: BTreeMap<(String, String), Held>,
    /// How often something was fetched.
    pub(super) synchronized: u32,
}

/// One declaration.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) server_token: String,
    pub(super) declaration: Value,
}

impl Device {
    /// Looks whether something changed, fetches it, and reports. `data`: the tokens, where the command brought them.
    pub(super) async fn synchronize(&self, channel: Channel, data: Option<Vec<u8>>) {
        let Some(enrollment) = self.state().enrollment.clone() else { return };
        if let Err(fault) = self.fetch_declarations(&enrollment, channel, data).await {
            self.change(|state| {
                state.last_error = Some(fault.to_string());
                state.problem("declarations", fault.to_string(), None);
            });
        }
    }

    async fn fetch_declarations(
        &self,
        enrollment: &Enrollment,
        channel: Channel,
        data: Option<Vec<u8>>,
    ) -> Result<(), Fault> {
        let tokens = match data {
            Some(data) => read(&data, "the tokens in the command")?,
            None => self.endpoint(enrollment, channel, "tokens").await?,
        };
        let token = tokens["SyncTokens"]["DeclarationsToken"].as_str();
        let token = token.ok_or_else(|| Fault::Refused("the answer to tokens names no DeclarationsToken".into()))?;
        let held = self.state().declarations.get(&channel).cloned();
        if held.as_ref().is_some_and(|held| held.token.as_deref() == Some(token)) {
            return Ok(());
        }
        let mut held = held.unwrap_or_default();
        let listed = self.endpoint(enrollment, channel, "declaration-items").await?;
        let mut wanted = BTreeMap::new();
        for (list, kind) in KINDS {
            let items = listed["Declarations"][list].as_array();
            let items = items.ok_or_else(|| Fault::Refused(format!("declaration-items has no list {list}")))?;
            for item in items {
                let (Some(id), Some(server_token)) = (item["Identifier"].as_str(), item["ServerToken"].as_str()) else {
                    return Err(Fault::Refused(format!("an item of {list} lacks Identifier or ServerToken")));
                };
                wanted.insert((kind.to_owned(), id.to_owned()), server_token.to_owned());
            }
        }
        held.items.retain(|key, _| wanted.contains_key(key));
        for (key, server_token) in wanted {
            if held.items.get(&key).is_some_and(|held| held.server_token == server_token) {
                continue;
            }
            let path = format!("declaration/{}/{}", key.0, key.1);
            let answer = self.declarations_of(enrollment, channel, &path, None).await?;
            if answer.status == http::StatusCode::NOT_FOUND {
                held.items.remove(&key);
                continue;
            }
            let declaration = read(&answer.ok()?.body, &path)?;
            if declaration["Identifier"] != json!(key.1) || declaration["ServerToken"] != json!(server_token) {
                return Err(Fault::Refused(format!("{path} is another declaration than was listed")));
            }
            held.items.insert(key, Held { server_token, declaration });
        }
        held.token = listed["DeclarationsToken"].as_str().map(str::to_owned);
        held.synchronized += 1;
        let report = self.status_report(&held);
        self.change(|state| state.declarations.insert(channel, held));
        let answer = self.declarations_of(enrollment, channel, "status", Some(report.to_string().into_bytes())).await?;
        answer.ok().map(|_| ())
    }

    async fn endpoint(&self, enrollment: &Enrollment, channel: Channel, endpoint: &str) -> Result<Value, Fault> {
        let answer = self.declarations_of(enrollment, channel, endpoint, None).await?.ok()?;
        if answer.media_type() != "application/json" {
            return Err(Fault::Refused(format!("{endpoint} was answered as {:?}, not as JSON", answer.media_type())));
        }
        read(&answer.body, endpoint)
    }

    async fn declarations_of(
        &self,
        enrollment: &Enrollment,
        channel: Channel,
        endpoint: &str,
        data: Option<Vec<u8>>,
    ) -> Result<Answer, Fault> {
        let mut keys = vec![("Endpoint", Plist::from(endpoint))];
        keys.extend(data.map(|data| ("Data", Plist::Data(data))));
        self.say(enrollment, channel, "DeclarativeManagement", keys).await
    }

    /// All there is to report (Apple schema: statusreport.yaml, status/management.*.yaml, status/device.*.yaml).
    fn status_report(&self, held: &Declarations) -> Value {
        let hardware = &self.hardware;
        let family = match hardware.platform {
            Platform::MacOs => "Mac",
            Platform::IpadOs => "iPad",
            Platform::TvOs => "AppleTV",
            _ => "iPhone",
        };
        let of_kind = |kind: &str| -> Vec<Value> {
            let items = held.items.iter().filter(|((of, _), _)| of == kind);
            items.map(|((_, id), held)| standing(id, held)).collect()
        };
        let mut identifier = serde_json::Map::new();
        if hardware.enrollment_id.is_none() {
            identifier.insert("serial-number".into(), json!(hardware.serial));
            identifier.insert("udid".into(), json!(hardware.udid));
        }
        json!({
            "StatusItems": {
                "management": {
                    "client-capabilities": {
                        "supported-versions": ["1.0.0"],
                        "supported-features": {},
                        "supported-payloads": {
                            "declarations": {
                                "activations": ["com.apple.activation.simple"],
                                "assets": ["com.apple.asset.data", "com.apple.asset.useridentity"],
                                "configurations": [
                                    "com.apple.configuration.legacy",
                                    "com.apple.configuration.management.status-subscriptions",
                                    "com.apple.configuration.management.test",
                                ],
                                "management": ["com.apple.management.organization-info"],
                            },
                            "status-items": ["device.identifier.serial-number", "management.declarations"],
                        },
                    },
                    "declarations": {
                        "activations": of_kind("activation"),
                        "assets": of_kind("asset"),
                        "configurations": of_kind("configuration"),
                        "management": of_kind("management"),
                    },
                },
                "device": {
                    "identifier": identifier,
                    "model": { "family": family, "identifier": hardware.product },
                    "operating-system": { "version": hardware.os_version, "build-version": hardware.build },
                },
            },
            "Errors": [],
            "FullReport": true,
        })
    }
}

/// What became of a declaration: one of a type that the device does not know is reported, and stops no other.
fn standing(identifier: &str, held: &Held) -> Value {
    let kind = held.declaration["Type"].as_str().unwrap_or_default();
    let known = kind.starts_with("com.apple.activation.")
        || kind.starts_with("com.apple.configuration.")
        || kind.starts_with("com.apple.asset.")
        || kind.starts_with("com.apple.management.");
    let mut standing = json!({
        "identifier": identifier,
        "server-token": held.server_token,
        "active": known,
        "valid": if known { "valid" } else { "invalid" },
    });
    if !known {
        let description = format!("{kind} is no type that this device knows");
        standing["reasons"] = json!([{ "code": "Error.UnknownDeclarationType", "description": description }]);
    }
    standing
}

fn read(bytes: &[u8], what: &str) -> Result<Value, Fault> {
    serde_json::from_slice(bytes).map_err(|e| Fault::Refused(format!("{what} cannot be read as JSON: {e}")))
}
