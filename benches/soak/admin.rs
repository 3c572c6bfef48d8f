//! The admin who orders things all the time: orders of the API, commands as property lists through the raw door, renewals of
//! identities. Remembers every command that the server accepted.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use plist::{Dictionary, Value as Plist};
use russet::cli::client::{Client, ClientError};
use russet_protocol::Platform;
use russet_protocol::profile::{Payload, PayloadBody, Profile};
use russet_simulator::devices::DeviceView;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The commands that the server took for one device.
#[derive(Default)]
pub(crate) struct Taken {
    /// `CommandUUID` → `RequestType`.
    pub(crate) commands: BTreeMap<String, String>,
}

pub(crate) struct Admin {
    client: Client,
    server: String,
    credentials: String,
    http: Http<HttpConnector, Full<Bytes>>,
    chance: u64,
    asked: usize,
    /// By serial number.
    pub(crate) taken: BTreeMap<String, Taken>,
    /// Orders that Apple's schema forbids for the device, by the status of the refusal.
    pub(crate) refused: BTreeMap<u16, usize>,
    /// What no admin should ever see.
    pub(crate) faults: Vec<String>,
}

impl Admin {
    pub(crate) fn new(client: Client, server: &str, token: &str) -> Self {
        Self {
            client,
            server: server.to_owned(),
            credentials: format!("Basic {}", STANDARD.encode(format!("nanomdm:{token}"))),
            http: Http::builder(TokioExecutor::new()).build_http(),
            chance: 7,
            asked: 0,
            taken: BTreeMap::new(),
            refused: BTreeMap::new(),
            faults: Vec::new(),
        }
    }

    /// How many orders were given, taken or not.
    pub(crate) fn count(&self) -> usize {
        self.asked
    }

    /// How many commands the server took.
    pub(crate) fn ordered(&self) -> usize {
        self.taken.values().map(|taken| taken.commands.len()).sum()
    }

    fn below(&mut self, limit: usize) -> usize {
        // SplitMix64: small, and good enough to spread orders.
        self.chance = self.chance.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.chance;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(limit).unwrap()).unwrap()
    }

    /// One order for one device that is enrolled.
    pub(crate) async fn order(&mut self, devices: &[DeviceView]) {
        let place = self.below(devices.len());
        let device = &devices[place];
        self.asked += 1;
        if !device.enrolled {
            return;
        }
        let draw = self.below(1000);
        match draw {
            0..=1 => self.api(device, json!({ "type": "erase" })).await,
            2..=3 => self.api(device, json!({ "type": "shut_down" })).await,
            4..=10 => self.renew(device).await,
            11..=200 => self.act(device, draw).await,
            _ => self.raw(device, draw).await,
        }
    }

    async fn act(&mut self, device: &DeviceView, draw: usize) {
        let mac = device.platform == Platform::MacOs;
        let order = match draw % 8 {
            0 => json!({ "type": "refresh" }),
            1 => json!({ "type": "restart" }),
            2 if mac => json!({ "type": "lock", "pin": "246810" }),
            2 => json!({ "type": "lock", "message": "Bring me back" }),
            3 => json!({ "type": "enable_lost_mode", "message": "Lost" }),
            4 => json!({ "type": "locate" }),
            5 => json!({ "type": "play_lost_mode_sound" }),
            6 => json!({ "type": "disable_lost_mode" }),
            _ => json!({ "type": "clear_passcode" }),
        };
        self.api(device, order).await;
    }

    async fn api(&mut self, device: &DeviceView, order: Value) {
        match self.client.post(&format!("/api/v1/devices/{}/commands", device.serial), &order).await {
            Ok(said) => {
                for item in said["items"].as_array().unwrap() {
                    let text = |key: &str| item[key].as_str().unwrap().to_owned();
                    self.take(&device.serial, text("command_uuid"), text("request_type"));
                }
            }
            Err(error) => self.refusal(&order, error),
        }
    }

    async fn renew(&mut self, device: &DeviceView) {
        let path = format!("/api/v1/devices/{}/renew-identity", device.serial);
        if let Err(error) = self.client.post(&path, &json!({})).await {
            self.refusal(&json!("renew-identity"), error);
        }
    }

    fn refusal(&mut self, order: &Value, error: ClientError) {
        match error {
            ClientError::Refused { status, .. } if status.is_client_error() => {
                *self.refused.entry(status.as_u16()).or_insert(0) += 1;
            }
            error => self.faults.push(format!("{order}: {error}")),
        }
    }

    fn take(&mut self, serial: &str, uuid: String, request_type: String) {
        self.taken.entry(serial.to_owned()).or_default().commands.insert(uuid, request_type);
    }

    /// A command as a property list, for the device's own channel or that of its user.
    async fn raw(&mut self, device: &DeviceView, draw: usize) {
        let user = device.users.iter().find(|user| user.enrolled).filter(|_| draw.is_multiple_of(5));
        let id = match user {
            Some(user) if device.platform == Platform::MacOs => format!("{}:{}", device.udid, user.id),
            Some(user) => format!("{}:{}", device.udid, user.short_name),
            None => device.udid.clone(),
        };
        let command = command(draw, self.asked % 4);
        let kind = command.get("RequestType").and_then(Plist::as_string).unwrap().to_owned();
        let mut keys = Dictionary::new();
        keys.insert("Command".to_owned(), Plist::Dictionary(command));
        let mut body = Vec::new();
        Plist::Dictionary(keys).to_writer_xml(&mut body).unwrap();
        let request = Request::builder()
            .method(Method::PUT)
            .uri(format!("{}/v1/enqueue/{}", self.server, id.replace('@', "%40")))
            .header(header::AUTHORIZATION, &self.credentials)
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        let answer = match self.http.request(request).await {
            Ok(answer) => answer,
            Err(error) => return self.faults.push(format!("{kind} through the raw door: {error}")),
        };
        let status = answer.status();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        let said: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if status == StatusCode::OK {
            let uuid = said["command_uuid"].as_str().unwrap().to_owned();
            self.take(&device.serial, uuid, kind);
        } else {
            // NanoMDM's tools know 500 only where nothing could be done; the reason stands beside the id.
            *self.refused.entry(status.as_u16()).or_insert(0) += 1;
        }
    }

    /// The server's record of the commands of a device, by `CommandUUID`.
    pub(crate) async fn record(&self, serial: &str) -> Vec<Value> {
        let said = self.client.get(&format!("/api/v1/devices/{serial}/commands")).await.unwrap();
        said["items"].as_array().unwrap().clone()
    }

    /// How many of the commands that were ordered are open.
    pub(crate) async fn open(&self) -> usize {
        let mut open = 0;
        for (serial, taken) in &self.taken {
            let ours =
                |item: &&Value| item["command_uuid"].as_str().is_some_and(|uuid| taken.commands.contains_key(uuid));
            open += self.record(serial).await.iter().filter(|item| item["open"] == true).filter(ours).count();
        }
        open
    }
}

/// A command that every device understands, or refuses in order.
fn command(draw: usize, number: usize) -> Dictionary {
    let mut keys = Dictionary::new();
    let mut put = |key: &str, value: Plist| drop(keys.insert(key.to_owned(), value));
    let texts = |all: &[&str]| Plist::Array(all.iter().map(|text| Plist::from(*text)).collect());
    match draw % 11 {
        0 => {
            put("RequestType", "DeviceInformation".into());
            put("Queries", texts(&["DeviceName", "OSVersion", "SerialNumber", "AvailableDeviceCapacity"]));
        }
        1 => put("RequestType", "SecurityInfo".into()),
        2 => put("RequestType", "ProfileList".into()),
        3 => put("RequestType", "InstalledApplicationList".into()),
        4 => put("RequestType", "CertificateList".into()),
        5 => put("RequestType", "ProvisioningProfileList".into()),
        6 | 7 => {
            put("RequestType", "InstallProfile".into());
            put("Payload", Plist::Data(web_clip(number)));
        }
        8 => {
            put("RequestType", "RemoveProfile".into());
            put("Identifier", format!("com.example.soak.{number}").into());
        }
        9 => put("RequestType", "DeclarativeManagement".into()),
        _ => {
            put("RequestType", "Settings".into());
            let organization = [("OrganizationName".to_owned(), Plist::from("Example"))].into_iter().collect();
            let item = [
                ("Item".to_owned(), Plist::from("OrganizationInfo")),
                ("OrganizationInfo".to_owned(), Plist::Dictionary(organization)),
            ];
            put("Settings", Plist::Array(vec![Plist::Dictionary(item.into_iter().collect())]));
        }
    }
    keys
}

fn web_clip(number: usize) -> Vec<u8> {
    let identifier = format!("com.example.soak.{number}");
    let uuid = |part: u8| format!("50A4{part:04}-0000-4000-8000-{number:012}");
    let mut profile = Profile::new(&identifier, uuid(1));
    let keys =
        [("Label".to_owned(), Plist::from("Intranet")), ("URL".to_owned(), "https://intranet.example.com".into())];
    let body =
        PayloadBody::Other { payload_type: "com.apple.webClip.managed".into(), keys: keys.into_iter().collect() };
    profile.payloads = vec![Payload::new(format!("{identifier}.clip"), uuid(2), body)];
    profile.encode()
}
