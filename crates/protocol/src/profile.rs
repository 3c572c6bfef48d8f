//! Configuration profiles: typed payloads, built and read. Source: Apple schema, `mdm/profiles/TopLevel.yaml`,
//! `CommonPayloadKeys.yaml` and one file a payload type.
//!
//! Equal profiles give equal bytes. A profile's `PayloadIdentifier` is its identity on the device; a payload is updated
//! in place only where its identifier and its UUID both stay the same.

mod payload;
mod settings;

pub use payload::{
    AppLayerVpn, AppMapping, KerberosSso, Mdm, NetworkRule, Payload, PayloadBody, Pkcs12, RootCertificate, Scep,
};

use crate::fields::{Put, WireError, dictionaries, flag, rest, text, top_level};
use crate::guard::Limits;
use crate::xml;
use plist::{Dictionary, Value};

/// A configuration profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// `PayloadIdentifier`: installing another profile with the same value replaces this one.
    pub identifier: String,
    /// `PayloadUUID`: of this build.
    pub uuid: String,
    /// `PayloadDisplayName`.
    pub display_name: Option<String>,
    /// `PayloadDescription`.
    pub description: Option<String>,
    /// `PayloadOrganization`.
    pub organization: Option<String>,
    /// `PayloadScope`: `System` or `User` (Macs).
    pub scope: Option<String>,
    /// `PayloadRemovalDisallowed` (supervised devices).
    pub removal_disallowed: Option<bool>,
    /// `PayloadContent`.
    pub payloads: Vec<Payload>,
    /// Keys that this type does not know.
    pub other: Dictionary,
}

const TOP: [&str; 10] = [
    "PayloadType",
    "PayloadVersion",
    "PayloadIdentifier",
    "PayloadUUID",
    "PayloadDisplayName",
    "PayloadDescription",
    "PayloadOrganization",
    "PayloadScope",
    "PayloadRemovalDisallowed",
    "PayloadContent",
];

impl Profile {
    /// A profile without payloads.
    #[must_use]
    pub fn new(identifier: impl Into<String>, uuid: impl Into<String>) -> Self {
        Self {
            identifier: identifier.into(),
            uuid: uuid.into(),
            display_name: None,
            description: None,
            organization: None,
            scope: None,
            removal_disallowed: None,
            payloads: Vec::new(),
            other: Dictionary::new(),
        }
    }

    /// Writes the profile, unsigned.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut keys = Dictionary::new();
        keys.put("PayloadType", "Configuration");
        keys.put("PayloadVersion", 1i64);
        keys.put("PayloadIdentifier", self.identifier.as_str());
        keys.put("PayloadUUID", self.uuid.as_str());
        keys.put_some("PayloadDisplayName", self.display_name.as_deref());
        keys.put_some("PayloadDescription", self.description.as_deref());
        keys.put_some("PayloadOrganization", self.organization.as_deref());
        keys.put_some("PayloadScope", self.scope.as_deref());
        keys.put_some("PayloadRemovalDisallowed", self.removal_disallowed);
        let payloads = self.payloads.iter().map(|payload| Value::Dictionary(payload.to_dictionary()));
        keys.put("PayloadContent", payloads.collect::<Vec<_>>());
        keys.put_rest(&self.other);
        xml::encode_dictionary(keys)
    }

    /// Reads an unsigned profile. What a signature holds has to be taken out of it before.
    ///
    /// # Errors
    /// When it is no acceptable property list, no profile (`PayloadType` is not `Configuration`), encrypted, or when
    /// profile or payload lack the keys that every one must have.
    pub fn decode(bytes: &[u8], limits: Limits) -> Result<Self, WireError> {
        let keys = top_level(bytes, limits)?;
        let missing = |key| WireError::Missing { message: "a configuration profile", key };
        if text(&keys, "PayloadType").as_deref() != Some("Configuration") {
            return Err(missing("PayloadType"));
        }
        if keys.get("PayloadContent").and_then(Value::as_array).is_none() {
            return Err(missing("PayloadContent"));
        }
        let payloads = dictionaries(&keys, "PayloadContent").into_iter().map(Payload::read);
        Ok(Self {
            identifier: text(&keys, "PayloadIdentifier").ok_or_else(|| missing("PayloadIdentifier"))?,
            uuid: text(&keys, "PayloadUUID").ok_or_else(|| missing("PayloadUUID"))?,
            display_name: text(&keys, "PayloadDisplayName"),
            description: text(&keys, "PayloadDescription"),
            organization: text(&keys, "PayloadOrganization"),
            scope: text(&keys, "PayloadScope"),
            removal_disallowed: flag(&keys, "PayloadRemovalDisallowed"),
            payloads: payloads.collect::<Result<_, _>>()?,
            other: rest(&keys, &TOP),
        })
    }

    /// The first payload of this type.
    #[must_use]
    pub fn payload(&self, payload_type: &str) -> Option<&Payload> {
        self.payloads.iter().find(|payload| payload.payload_type() == payload_type)
    }
}

#[cfg(test)]
mod tests;
