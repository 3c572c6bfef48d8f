//! Bodies and answers of the App and Book Management API as they cross the wire.

use russet_protocol::{AdamId, PricingParam};
use serde::{Deserialize, Serialize};

/// An asset by its key. `adamId` is text in asset calls.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetRef {
    /// The store number.
    pub adam_id: AdamId,
    /// The quality.
    pub pricing_param: PricingParam,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AssetRefOnWire {
    adam_id: String,
    #[serde(default)]
    pricing_param: PricingParam,
}

impl Serialize for AssetRef {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        AssetRefOnWire { adam_id: self.adam_id.to_string(), pricing_param: self.pricing_param }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for AssetRef {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = AssetRefOnWire::deserialize(deserializer)?;
        let adam_id = read.adam_id.parse().map_err(serde::de::Error::custom)?;
        Ok(Self { adam_id, pricing_param: read.pricing_param })
    }
}

/// Who holds a license.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Target {
    /// A device, by serial number.
    #[serde(rename = "serialNumber")]
    Device(String),
    /// A person, by the MDM's key.
    #[serde(rename = "clientUserId")]
    User(String),
}

/// An assignment, as in `GET /assignments` and in notifications.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Assignment {
    /// The asset.
    #[serde(flatten)]
    pub asset: AssetRef,
    /// Who holds it.
    #[serde(flatten)]
    pub target: Target,
}

/// Body of `assets/associate`, `assets/disassociate` and (without assets) `assets/revoke`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Assign {
    pub(super) assets: Vec<AssetRef>,
    pub(super) client_user_ids: Vec<String>,
    pub(super) serial_numbers: Vec<String>,
}

/// Which MDM manages a location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MdmInfo {
    /// The MDM's own id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whatever it wants to say.
    pub metadata: String,
}

/// Body of `POST /client/config`; every field may be missing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct WriteClientConfig {
    pub(super) mdm_info: Option<WriteMdmInfo>,
    pub(super) notification_url: Option<String>,
    pub(super) notification_auth_token: Option<String>,
    pub(super) notification_types: Option<Vec<String>>,
}

/// `mdmInfo` as written; all three fields or error 9723.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct WriteMdmInfo {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) metadata: Option<String>,
}

/// A moment as the API writes it: UTC, offset without a colon.
pub(super) fn date(at: russet_protocol::Timestamp) -> String {
    let seconds = at.millis().div_euclid(1000);
    jiff::Timestamp::from_second(seconds).map_or_else(
        |_| "1970-01-01T00:00:00+0000".to_owned(),
        |moment| moment.strftime("%Y-%m-%dT%H:%M:%S+0000").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignment_is_flat_and_its_adam_id_is_text() {
        let asset = AssetRef { adam_id: AdamId(361_309_726), pricing_param: PricingParam::Standard };
        let assignment = Assignment { asset, target: Target::Device("C02X".into()) };
        let text = serde_json::to_string(&assignment).unwrap();
        assert_eq!(text, r#"{"adamId":"361309726","pricingParam":"STDQ","serialNumber":"C02X"}"#);
        assert_eq!(serde_json::from_str::<Assignment>(&text).unwrap(), assignment);
    }

    #[test]
    fn dates_have_no_colon_in_their_offset() {
        assert_eq!(date(russet_protocol::Timestamp(1_920_407_602_500)), "2030-11-08T22:33:22+0000");
    }
}
