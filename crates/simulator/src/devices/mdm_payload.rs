//! The enrollment profile: the MDM payload and the identity it points to, held against Apple's rules (Apple schema:
//! com.apple.mdm.yaml, com.apple.security.scep.yaml).

use super::csr::Subject;
use super::profile::{AppleError, Payload, Profile};
use plist::{Dictionary, Value};

pub(super) const MDM: &str = "com.apple.mdm";

/// What the MDM payload says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MdmPayload {
    pub(super) topic: String,
    pub(super) server_url: String,
    pub(super) check_in_url: String,
    pub(super) sign_message: bool,
    pub(super) access_rights: i64,
    pub(super) check_out: bool,
    pub(super) per_user: bool,
    /// The server keeps bootstrap tokens.
    pub(super) bootstrap: bool,
    /// The server gives tokens of services.
    pub(super) tokens: bool,
}

/// Where the identity comes from.
#[derive(Debug, Clone)]
pub(super) enum IdentitySource {
    Scep(Box<ScepPayload>),
    Pkcs12 { data: Vec<u8>, password: String },
}

/// What the SCEP payload says.
#[derive(Debug, Clone)]
pub(super) struct ScepPayload {
    pub(super) url: String,
    pub(super) name: Option<String>,
    pub(super) subject: Subject,
    pub(super) challenge: Option<String>,
    pub(super) bits: u32,
    pub(super) usage: u8,
    pub(super) fingerprint: Option<Vec<u8>>,
}

/// Reads the MDM payload and its identity. The third part are remarks: allowed, but unwise.
pub(super) fn read(profile: &Profile) -> Result<(MdmPayload, IdentitySource, Vec<String>), AppleError> {
    let mut remarks = Vec::new();
    let mut all = profile.of_kind(MDM);
    let payload = all.next().ok_or_else(|| AppleError::install(4015, "The profile has no MDM payload"))?;
    if all.next().is_some() {
        return Err(AppleError::mdm(12001, "The profile has two MDM payloads"));
    }
    let keys = &payload.keys;
    let topic = text(keys, "Topic")?.to_owned();
    if !topic.starts_with("com.apple.mgmt.") {
        return Err(AppleError::mdm(12022, format!("The topic {topic} does not start with com.apple.mgmt.")));
    }
    let server_url = https(keys, "ServerURL")?.ok_or_else(|| missing("ServerURL"))?;
    let check_in_url = https(keys, "CheckInURL")?.unwrap_or_else(|| server_url.clone());
    let access_rights = match keys.get("AccessRights") {
        None if keys.contains_key("EnrollmentMode") => 0,
        None => return Err(missing("AccessRights")),
        Some(value) => value.as_signed_integer().unwrap_or(-1),
    };
    let wrong = !(0..=8191).contains(&access_rights)
        || (access_rights == 0 && !keys.contains_key("EnrollmentMode"))
        || (access_rights & 2 != 0 && access_rights & 1 == 0)
        || (access_rights & 128 != 0 && access_rights & 64 == 0);
    if wrong {
        return Err(AppleError::mdm(12000, format!("AccessRights {access_rights} is no valid set")));
    }
    if profile.top.contains_key("RemovalDate") || profile.top.contains_key("DurationUntilRemoval") {
        remarks.push("the enrollment profile removes itself some day, and un-enrolls the device with it".into());
    }
    if keys.get("UseDevelopmentAPNS").and_then(Value::as_boolean) == Some(true) {
        remarks.push("UseDevelopmentAPNS is true, but Apple issues production push certificates only".into());
    }
    let capabilities = keys.get("ServerCapabilities").and_then(Value::as_array);
    let capable = |name: &str| capabilities.is_some_and(|all| all.iter().any(|value| value.as_string() == Some(name)));
    let wanted = text(keys, "IdentityCertificateUUID")?;
    let identity = profile.payloads.iter().find(|payload| payload.uuid == wanted).ok_or_else(|| {
        AppleError::mdm(12005, format!("IdentityCertificateUUID {wanted} is no payload of this profile"))
    })?;
    let identity = identity_source(identity, &mut remarks)?;
    let flag = |key| keys.get(key).and_then(Value::as_boolean).unwrap_or(false);
    let mdm = MdmPayload {
        topic,
        server_url,
        check_in_url,
        sign_message: flag("SignMessage"),
        access_rights,
        check_out: flag("CheckOutWhenRemoved"),
        per_user: capable("com.apple.mdm.per-user-connections"),
        bootstrap: capable("com.apple.mdm.bootstraptoken"),
        tokens: capable("com.apple.mdm.token"),
    };
    Ok((mdm, identity, remarks))
}

fn identity_source(payload: &Payload, remarks: &mut Vec<String>) -> Result<IdentitySource, AppleError> {
    match payload.kind.as_str() {
        "com.apple.security.scep" => Ok(IdentitySource::Scep(Box::new(scep(payload, remarks)?))),
        "com.apple.security.pkcs12" => {
            let data =
                payload.keys.get("PayloadContent").and_then(Value::as_data).ok_or_else(|| missing("PayloadContent"))?;
            let password = payload.keys.get("Password").and_then(Value::as_string).unwrap_or("");
            Ok(IdentitySource::Pkcs12 { data: data.to_vec(), password: password.to_owned() })
        }
        "com.apple.security.acme" => {
            Err(AppleError::mdm(12016, "These simulated devices have no ACME client; use a SCEP payload"))
        }
        other => Err(AppleError::mdm(
            12005,
            format!("IdentityCertificateUUID points at a {other} payload, which is no identity"),
        )),
    }
}

fn scep(payload: &Payload, remarks: &mut Vec<String>) -> Result<ScepPayload, AppleError> {
    let inner = payload
        .keys
        .get("PayloadContent")
        .and_then(Value::as_dictionary)
        .ok_or_else(|| AppleError::payload(2002, "The SCEP payload has no nested PayloadContent"))?;
    let url = text(inner, "URL")?.to_owned();
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Err(AppleError::payload(2004, format!("The SCEP URL {url} is no web address")));
    }
    let fingerprint = inner.get("CAFingerprint").and_then(Value::as_data).map(<[u8]>::to_vec);
    if url.starts_with("http://") && fingerprint.is_none() {
        remarks.push("SCEP runs over plain http without CAFingerprint".into());
    }
    let bits = match inner.get("Keysize").map(Value::as_signed_integer) {
        None => {
            remarks.push("the SCEP payload names no Keysize, which means 1024 bits".into());
            1024
        }
        Some(Some(bits @ (1024 | 2048 | 4096))) => u32::try_from(bits).unwrap_or(2048),
        Some(_) => return Err(AppleError::payload(2004, "Keysize is not 1024, 2048 or 4096")),
    };
    if bits == 1024 {
        remarks.push("the identity's key has only 1024 bits".into());
    }
    match inner.get("Key Type").map(Value::as_string) {
        None | Some(Some("RSA")) => {}
        _ => return Err(AppleError::payload(2004, "Key Type is not RSA")),
    }
    let usage = match inner.get("Key Usage").map(Value::as_signed_integer) {
        None => 0,
        Some(Some(usage @ (0 | 1 | 4 | 5))) => u8::try_from(usage).unwrap_or(5),
        Some(_) => return Err(AppleError::payload(2004, "Key Usage is not 1, 4 or 5")),
    };
    let optional = |key| inner.get(key).and_then(Value::as_string).filter(|text| !text.is_empty()).map(str::to_owned);
    Ok(ScepPayload {
        url,
        name: optional("Name"),
        subject: subject(inner)?,
        challenge: optional("Challenge"),
        bits,
        usage,
        fingerprint,
    })
}

/// Three levels: RDNs, pairs, `[type, value]`. iOS is strict about them.
fn subject(inner: &Dictionary) -> Result<Subject, AppleError> {
    let wrong = || AppleError::payload(2003, "Subject is not an array of arrays of [type, value]");
    let Some(value) = inner.get("Subject") else { return Ok(Vec::new()) };
    let mut subject = Vec::new();
    for rdn in value.as_array().ok_or_else(wrong)? {
        let mut pairs = Vec::new();
        for pair in rdn.as_array().ok_or_else(wrong)? {
            match pair.as_array().map(Vec::as_slice) {
                Some([Value::String(kind), Value::String(value)]) => pairs.push((kind.clone(), value.clone())),
                _ => return Err(wrong()),
            }
        }
        subject.push(pairs);
    }
    Ok(subject)
}

fn missing(key: &str) -> AppleError {
    AppleError::payload(2002, format!("The payload has no {key}"))
}

fn text<'a>(keys: &'a Dictionary, key: &str) -> Result<&'a str, AppleError> {
    match keys.get(key) {
        None => Err(missing(key)),
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        Some(_) => Err(AppleError::payload(2003, format!("{key} is not a text"))),
    }
}

fn https(keys: &Dictionary, key: &str) -> Result<Option<String>, AppleError> {
    match keys.get(key) {
        None => Ok(None),
        Some(Value::String(url)) if url.starts_with("https://") => Ok(Some(url.clone())),
        Some(_) => Err(AppleError::mdm(12034, format!("{key} is not an https address"))),
    }
}
