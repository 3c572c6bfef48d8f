//! Bodies of the App and Book Management API as they cross the wire (Apple: "Managing Apps and Books Through Web Services").
//!
//! Reading is lenient: unknown fields are ignored, `null` counts as absent, and a record that cannot be read (an enumeration's
//! new value) is left out instead of spoiling its page.

use crate::error::AppleError;
use crate::token::parse_date;
use russet_protocol::{AdamId, PricingParam, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// `totalCount` of a free app without limit.
const UNLIMITED: i64 = 2_147_483_647;

/// An asset by its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AssetKey {
    /// The store number; text on the wire.
    #[serde(deserialize_with = "adam_id", serialize_with = "as_text")]
    pub adam_id: AdamId,
    /// The quality; standard where it is left out.
    #[serde(default)]
    pub pricing_param: PricingParam,
}

/// One asset of `GET /assets`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AssetRecord {
    /// Its key.
    #[serde(flatten)]
    pub key: AssetKey,
    /// `App` or `Book`.
    #[serde(default)]
    pub product_type: String,
    /// Whether devices can have it.
    #[serde(default)]
    pub device_assignable: bool,
    /// Whether a license can be taken back.
    #[serde(default)]
    pub revocable: bool,
    /// Where it runs, in Apple's words; `iOS` includes iPadOS.
    #[serde(default, deserialize_with = "readable")]
    pub supported_platforms: Vec<String>,
    /// Licenses given.
    #[serde(default)]
    pub assigned_count: i64,
    /// Licenses left.
    #[serde(default)]
    pub available_count: Option<i64>,
    /// Licenses used up for good.
    #[serde(default)]
    pub retired_count: i64,
    /// Licenses owned.
    #[serde(default)]
    pub total_count: Option<i64>,
}

impl AssetRecord {
    /// Whether there is no limit to its licenses: a free product.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        self.total_count.is_none_or(|total| total >= UNLIMITED)
    }
}

/// Who holds a license.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Target {
    /// A device, by its serial number.
    #[serde(rename = "serialNumber")]
    Device(String),
    /// A person, by our key for them.
    #[serde(rename = "clientUserId")]
    User(String),
}

/// One license given to one target. The API has no license ids.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Assignment {
    /// The asset.
    #[serde(flatten)]
    pub asset: AssetKey,
    /// Who holds it.
    #[serde(flatten)]
    pub target: Target,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The records that can be read.
    pub records: Vec<T>,
    /// How many cannot.
    pub unreadable: usize,
    /// The next page; none on the last one.
    pub next: Option<u32>,
    /// How many pages there are now.
    pub total: u32,
    /// Changes with every write at Apple.
    pub version: String,
}

impl<T: DeserializeOwned> Page<T> {
    /// Reads a page whose records stand under `name`.
    pub(crate) fn read(body: &Value, name: &str) -> Option<Self> {
        let items = body.get(name)?.as_array()?;
        let records: Vec<T> = items.iter().filter_map(|item| T::deserialize(item).ok()).collect();
        let number = |key: &str| body.get(key).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
        Some(Self {
            unreadable: items.len() - records.len(),
            records,
            next: number("nextPageIndex"),
            total: number("totalPages").unwrap_or(1),
            version: body
                .get("versionId")
                .map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned))
                .unwrap_or_default(),
        })
    }
}

/// Which MDM manages a location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MdmInfo {
    /// The MDM's id for the location.
    pub id: String,
    /// Its name, for people.
    #[serde(default)]
    pub name: String,
    /// Whatever it wants to say.
    #[serde(default)]
    pub metadata: String,
}

/// What every authenticated answer says at its end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trailer {
    /// The library behind the token: equal for two tokens of one location.
    pub u_id: Option<String>,
    /// When the token ends; said once it is near.
    pub token_expires_at: Option<Timestamp>,
    /// Who manages the location. Another's id on any answer means it was taken over.
    pub mdm_info: Option<MdmInfo>,
}

impl Trailer {
    pub(crate) fn read(body: &Value) -> Self {
        let text = |key: &str| body.get(key).and_then(Value::as_str);
        Self {
            u_id: text("uId").map(str::to_owned),
            token_expires_at: text("tokenExpirationDate").and_then(parse_date),
            mdm_info: body.get("mdmInfo").and_then(|info| MdmInfo::deserialize(info).ok()),
        }
    }
}

/// `client/config`, without its secret (`notificationAuthToken` is echoed and dropped here).
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientConfig {
    /// The location's country.
    #[serde(rename = "countryISO2ACode")]
    pub country: Option<String>,
    /// `enterprisestore` for businesses, `volumestore` for schools: the metadata lookup's `platform`.
    pub default_platform: Option<String>,
    /// The location's name.
    pub location_name: Option<String>,
    /// Where notifications go.
    pub notification_url: Option<String>,
    /// Which notifications come.
    #[serde(deserialize_with = "readable")]
    pub subscribed_notification_types: Vec<String>,
}

/// How an event stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum EventState {
    /// Not done yet.
    Pending,
    /// All of it is done.
    Complete,
    /// Some of it, or all, failed; the rest stands.
    Failed,
    /// A word nobody documents.
    #[serde(other)]
    Unknown,
}

/// `GET /status` of an event.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventStatus {
    /// How it stands.
    #[serde(rename = "eventStatus")]
    pub state: EventState,
    /// How many changes were asked for.
    #[serde(default)]
    pub num_requested: Option<u64>,
    /// How many are done.
    #[serde(default)]
    pub num_completed: Option<u64>,
    /// What failed.
    #[serde(default, deserialize_with = "readable")]
    pub failures: Vec<AppleError>,
}

/// The envelope of a notification to our webhook. What it tells is taken as a hint to read, never as the truth.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// Its id; the same one may come several times.
    pub notification_id: String,
    /// Its type: `TEST_NOTIFICATION`, `ASSET_MANAGEMENT`, `ASSET_COUNT`, …
    #[serde(rename = "notificationType")]
    pub kind: String,
    /// The library it concerns.
    #[serde(rename = "uId", default)]
    pub u_id: Option<String>,
    /// What it tells.
    #[serde(default)]
    pub notification: Value,
}

impl Notification {
    /// Reads a notification's body.
    ///
    /// # Errors
    /// Where it is no such JSON object.
    pub fn parse(body: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(body)
    }

    /// The event it is about.
    #[must_use]
    pub fn event_id(&self) -> Option<&str> {
        self.notification.get("eventId").and_then(Value::as_str)
    }
}

fn adam_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AdamId, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.parse().map_err(serde::de::Error::custom)
}

fn as_text<S: Serializer>(id: &AdamId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

/// The readable elements of a list; none where it is null or no list.
pub(crate) fn readable<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(items.iter().filter_map(|item| T::deserialize(item).ok()).collect())
}

pub(crate) fn null_is_default<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_page_keeps_what_it_can_read() {
        let page = json!({
            "assignments": [
                {"adamId": "361309726", "pricingParam": "STDQ", "serialNumber": "C02X"},
                {"adamId": 361309726, "clientUserId": "u-1", "new": {}},
                {"adamId": "361309726", "pricingParam": "GOLD", "serialNumber": "C02Y"},
            ],
            "currentPageIndex": 0, "nextPageIndex": 1, "totalPages": 2, "versionId": "g7", "mdmInfo": null,
        });
        let read = Page::<Assignment>::read(&page, "assignments").unwrap();
        let asset = AssetKey { adam_id: AdamId(361_309_726), pricing_param: PricingParam::Standard };
        assert_eq!(read.records[0], Assignment { asset, target: Target::Device("C02X".into()) });
        assert_eq!(read.records[1], Assignment { asset, target: Target::User("u-1".into()) });
        assert_eq!((read.unreadable, read.next, read.total, read.version.as_str()), (1, Some(1), 2, "g7"));
        assert_eq!(Trailer::read(&page).mdm_info, None);
        assert_eq!(serde_json::to_value(asset).unwrap(), json!({"adamId": "361309726", "pricingParam": "STDQ"}));
    }

    #[test]
    fn an_events_failures_name_what_they_concern() {
        let status: EventStatus = serde_json::from_value(json!({
            "eventStatus": "FAILED", "eventType": "ASSOCIATE", "numRequested": 3, "numCompleted": 2,
            "failures": [{"errorNumber": 9709, "errorMessage": "Not enough licenses.",
                          "errorInfo": {"serialNumbers": ["C02X"], "assets": null}}, {"errorNumber": 9603, "errorInfo": null}],
        }))
        .unwrap();
        assert_eq!(status.state, EventState::Failed);
        assert_eq!(status.failures[0].info.serial_numbers, ["C02X"]);
        assert_eq!(status.failures[1].number, 9603);
        let odd: EventStatus = serde_json::from_value(json!({"eventStatus": "RESTING"})).unwrap();
        assert_eq!(odd.state, EventState::Unknown);
    }
}
