//! What the server says of every device and app (`GET /api/v1/report`), as far as the demo reads it.

use serde::{Deserialize, Serialize};

/// The whole report.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ServerReport {
    /// One entry per device and app.
    pub items: Vec<Row>,
    /// Nothing is under way.
    pub settled: bool,
    /// Everything wanted is true.
    pub satisfied: bool,
}

/// One device and one app.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    /// The device.
    pub device: DeviceName,
    /// The app.
    pub app: AppName,
    /// Its license.
    pub license: StateText,
    /// Each setting: what is wanted and what the device has.
    pub settings: Vec<Setting>,
    /// The app's state.
    pub state: String,
    /// Why, in words.
    pub reason: String,
    /// Who has to act next.
    pub owner: Option<String>,
    /// Since when.
    pub since: Option<String>,
    /// When it is looked at again.
    pub next_at: Option<String>,
    /// Nothing is under way.
    pub settled: bool,
    /// What is wanted is true.
    pub satisfied: bool,
}

/// Names of a device.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeviceName {
    /// The server's id.
    pub id: String,
    /// The name its owner gave it.
    pub name: Option<String>,
    /// Serial number.
    pub serial_number: Option<String>,
    /// Platform.
    pub platform: Option<String>,
}

/// Names of an app.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AppName {
    /// The server's id.
    pub id: String,
    /// Name in the store.
    pub name: Option<String>,
    /// Bundle id.
    pub bundle_id: Option<String>,
    /// Number in the store.
    pub adam_id: u64,
}

/// A state with its words.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StateText {
    /// For programs.
    pub state: String,
    /// For people.
    pub text: String,
}

/// One setting.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// What is wanted.
    #[serde(default)]
    pub wanted: serde_json::Value,
    /// What the device has.
    #[serde(default)]
    pub on_device: serde_json::Value,
    /// In words.
    #[serde(default)]
    pub text: String,
}
