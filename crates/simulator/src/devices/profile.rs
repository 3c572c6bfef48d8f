//! Reads a configuration profile as a device does: signature first, then the rules that hold for every profile
//! (Apple schema: TopLevel.yaml, CommonPayloadKeys.yaml). Error numbers are Apple's.

use super::cms;
use super::fault::Fault;
use super::view::{PayloadView, SignatureView};
use openssl::hash::{MessageDigest, hash};
use openssl::x509::X509;
use plist::{Dictionary, Value};
use std::collections::BTreeSet;

/// What Apple's devices answer with: a domain, a number, words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AppleError {
    pub(super) domain: &'static str,
    pub(super) code: i64,
    pub(super) text: String,
}

impl AppleError {
    pub(super) fn new(domain: &'static str, code: i64, text: impl Into<String>) -> Self {
        Self { domain, code, text: text.into() }
    }
    pub(super) fn profile(code: i64, text: impl Into<String>) -> Self {
        Self::new("MCProfileErrorDomain", code, text)
    }
    pub(super) fn payload(code: i64, text: impl Into<String>) -> Self {
        Self::new("MCPayloadErrorDomain", code, text)
    }
    pub(super) fn install(code: i64, text: impl Into<String>) -> Self {
        Self::new("MCInstallationErrorDomain", code, text)
    }
    pub(super) fn mdm(code: i64, text: impl Into<String>) -> Self {
        Self::new("MCMDMErrorDomain", code, text)
    }
}

impl From<AppleError> for Fault {
    fn from(error: AppleError) -> Self {
        Fault::Refused(format!("{} ({} {})", error.text, error.domain, error.code))
    }
}

/// One payload.
#[derive(Debug, Clone)]
pub(super) struct Payload {
    pub(super) kind: String,
    pub(super) identifier: String,
    pub(super) uuid: String,
    pub(super) keys: Dictionary,
}

/// A profile that keeps the common rules.
#[derive(Debug, Clone)]
pub(super) struct Profile {
    pub(super) identifier: String,
    pub(super) uuid: String,
    pub(super) name: Option<String>,
    pub(super) signature: SignatureView,
    pub(super) sha256: String,
    pub(super) top: Dictionary,
    pub(super) payloads: Vec<Payload>,
}

impl Profile {
    /// Opens a profile, signed or not, and holds it against the common rules.
    pub(super) fn open(bytes: &[u8], roots: &[X509]) -> Result<Self, AppleError> {
        let digest = hash(MessageDigest::sha256(), bytes).map_err(|e| AppleError::profile(1000, e.to_string()))?;
        let (content, signature) = if is_property_list(bytes) {
            (bytes.to_vec(), SignatureView::Unsigned)
        } else {
            let opened = cms::open(bytes, roots)
                .map_err(|e| AppleError::profile(1004, format!("The profile's signature is bad: {e}")))?;
            (opened.content, if opened.trusted { SignatureView::Verified } else { SignatureView::Unverified })
        };
        let top: Dictionary = plist::from_bytes(&content)
            .map_err(|e| AppleError::profile(1000, format!("The profile is malformed: {e}")))?;
        let text = |key: &'static str| required(&top, key, "the profile");
        if text("PayloadType")? != "Configuration" {
            return Err(AppleError::profile(1010, "The profile's PayloadType is not Configuration"));
        }
        version(&top, "the profile")?;
        let (identifier, uuid) = (text("PayloadIdentifier")?, text("PayloadUUID")?);
        let content = top
            .get("PayloadContent")
            .and_then(Value::as_array)
            .ok_or_else(|| AppleError::profile(1002, "The profile has no PayloadContent"))?;
        if content.is_empty() {
            return Err(AppleError::profile(1005, "The profile is empty"));
        }
        let (mut uuids, mut identifiers) = (BTreeSet::from([uuid.clone()]), BTreeSet::new());
        let mut payloads = Vec::new();
        for (place, item) in content.iter().enumerate() {
            let payload = payload(item, place)?;
            if !uuids.insert(payload.uuid.clone()) {
                return Err(AppleError::profile(1007, format!("The UUID {} is used twice", payload.uuid)));
            }
            if !identifiers.insert(payload.identifier.clone()) {
                return Err(AppleError::profile(
                    1008,
                    format!("The payload identifier {} is used twice", payload.identifier),
                ));
            }
            payloads.push(payload);
        }
        let name = top.get("PayloadDisplayName").and_then(Value::as_string).map(str::to_owned);
        let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { identifier, uuid, name, signature, sha256, top, payloads })
    }

    pub(super) fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Payload> {
        self.payloads.iter().filter(move |payload| payload.kind == kind)
    }

    /// Root and intermediate certificates the profile brings.
    pub(super) fn certificates(&self) -> Result<Vec<X509>, AppleError> {
        let mut found = Vec::new();
        for payload in &self.payloads {
            if !matches!(
                payload.kind.as_str(),
                "com.apple.security.root" | "com.apple.security.pkcs1" | "com.apple.security.pem"
            ) {
                continue;
            }
            let data =
                payload.keys.get("PayloadContent").and_then(Value::as_data).ok_or_else(|| {
                    AppleError::payload(2002, format!("{} has no PayloadContent", payload.identifier))
                })?;
            let certificate = X509::from_der(data)
                .or_else(|_| X509::from_pem(data))
                .map_err(|_| AppleError::payload(2000, format!("{} holds no certificate", payload.identifier)))?;
            found.push(certificate);
        }
        Ok(found)
    }

    pub(super) fn payload_views(&self) -> Vec<PayloadView> {
        self.payloads
            .iter()
            .map(|payload| PayloadView {
                kind: payload.kind.clone(),
                identifier: payload.identifier.clone(),
                uuid: payload.uuid.clone(),
                vpn_uuid: (payload.kind == super::rules::VPN)
                    .then(|| payload.keys.get("VPNUUID").and_then(Value::as_string).map(str::to_owned))
                    .flatten(),
            })
            .collect()
    }
}

fn payload(item: &Value, place: usize) -> Result<Payload, AppleError> {
    let what = format!("payload {place}");
    let keys = item.as_dictionary().ok_or_else(|| AppleError::payload(2000, format!("{what} is no dictionary")))?;
    let text = |key| required(keys, key, &what);
    let payload = Payload {
        kind: text("PayloadType")?,
        identifier: text("PayloadIdentifier")?,
        uuid: text("PayloadUUID")?,
        keys: keys.clone(),
    };
    version(keys, &what)?;
    Ok(payload)
}

fn version(keys: &Dictionary, what: &str) -> Result<(), AppleError> {
    match keys.get("PayloadVersion").map(Value::as_signed_integer) {
        None => Err(AppleError::profile(1002, format!("{what} has no PayloadVersion"))),
        Some(Some(1)) => Ok(()),
        Some(_) => Err(AppleError::profile(1001, format!("PayloadVersion of {what} is not 1"))),
    }
}

fn required(keys: &Dictionary, key: &'static str, what: &str) -> Result<String, AppleError> {
    match keys.get(key) {
        None => Err(AppleError::profile(1002, format!("{what} has no {key}"))),
        Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
        Some(_) => Err(AppleError::profile(1003, format!("{key} of {what} is not a text"))),
    }
}

/// Whether these bytes begin like a property list, XML or binary.
pub(super) fn is_property_list(bytes: &[u8]) -> bool {
    let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(0);
    let bytes = bytes[start..].strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(&bytes[start..]);
    [&b"<?xml"[..], b"<plist", b"<!DOCTYPE", b"bplist"].iter().any(|begin| bytes.starts_with(begin))
}
