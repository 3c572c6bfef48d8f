//! What a push request must look like, checked in one fixed order. Source: "Sending notification requests to APNs".

use super::answer::Refusal;
use http::{HeaderMap, Method};
use russet_protocol::{PushMagic, Timestamp, Topic};
use std::time::Duration;

/// The largest payload of a push, in bytes.
const PAYLOAD_LIMIT: usize = 4096;
/// APNs keeps a notification for at most this long.
const KEPT_LIMIT: Duration = Duration::from_secs(30 * 24 * 3600);
/// The longest token taken for one, in bytes; Apple promises no length.
const TOKEN_LIMIT: usize = 256;

/// A push that is in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Push {
    /// The token, lower-case hexadecimal.
    pub(super) token: String,
    /// The secret the device expects.
    pub(super) magic: PushMagic,
    /// Until when it is kept; `None`: tried once.
    pub(super) keep_until: Option<Timestamp>,
    /// 10 at once, 5 when convenient.
    pub(super) priority: u8,
}

/// Reads a push request of a client whose certificate is for `topic`.
pub(super) fn read(
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    body: &[u8],
    topic: &Topic,
    now: Timestamp,
) -> Result<Push, Refusal> {
    let token = token(method, path)?;
    check_id(headers)?;
    match header(headers, "apns-topic")? {
        None => {} // A certificate for one topic speaks for it.
        Some(asked) if asked == topic.as_str() => {}
        Some(asked) if Topic::new(asked).is_err() => return Err(Refusal::new(400, "BadTopic")),
        Some(_) => return Err(Refusal::new(400, "TopicDisallowed")),
    }
    match header(headers, "apns-push-type")? {
        None | Some("mdm") => {}
        Some(_) => return Err(Refusal::new(400, "InvalidPushType")),
    }
    let keep_until = expiration(header(headers, "apns-expiration")?, now)?;
    let priority = match header(headers, "apns-priority")? {
        None | Some("10") => 10,
        Some("5") => 5,
        Some("1") => 1,
        Some(_) => return Err(Refusal::new(400, "BadPriority")),
    };
    Ok(Push { token, magic: magic(body)?, keep_until, priority })
}

fn token(method: &Method, path: &str) -> Result<String, Refusal> {
    let Some(token) = path.strip_prefix("/3/device/") else {
        return Err(Refusal::new(404, "BadPath"));
    };
    if method != Method::POST {
        return Err(Refusal::new(405, "MethodNotAllowed"));
    }
    if token.is_empty() {
        return Err(Refusal::new(400, "MissingDeviceToken"));
    }
    let hexadecimal = token.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !hexadecimal || !token.len().is_multiple_of(2) || token.len() > 2 * TOKEN_LIMIT {
        return Err(Refusal::new(400, "BadDeviceToken"));
    }
    Ok(token.to_ascii_lowercase())
}

fn check_id(headers: &HeaderMap) -> Result<(), Refusal> {
    match header(headers, "apns-id")? {
        Some(id) if uuid::Uuid::try_parse(id).is_err() => Err(Refusal::new(400, "BadMessageId")),
        _ => Ok(()),
    }
}

/// The header's value, when it is there once and readable.
fn header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Refusal::new(400, "DuplicateHeaders"));
    }
    // A value that is no text fits none of the values allowed.
    Ok(Some(value.to_str().unwrap_or("\u{0}")))
}

/// Seconds since the epoch; 0, or no header at all, means "try once".
fn expiration(value: Option<&str>, now: Timestamp) -> Result<Option<Timestamp>, Refusal> {
    let Some(value) = value else { return Ok(None) };
    let bad = || Refusal::new(400, "BadExpirationDate");
    let seconds: i64 = value.parse().map_err(|_| bad())?;
    let millis = seconds.checked_mul(1000).filter(|millis| *millis >= 0).ok_or_else(bad)?;
    Ok((millis > 0).then(|| Timestamp(millis).min(now.plus(KEPT_LIMIT))))
}

/// The payload is `{"mdm": "<PushMagic>"}` and nothing else. Apple names no reason for another payload (a device would
/// just ignore it); here it is refused as empty, since it holds nothing for device management.
fn magic(body: &[u8]) -> Result<PushMagic, Refusal> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Payload {
        mdm: String,
    }
    if body.len() > PAYLOAD_LIMIT {
        return Err(Refusal::new(413, "PayloadTooLarge"));
    }
    serde_json::from_slice::<Payload>(body)
        .ok()
        .and_then(|payload| PushMagic::new(payload.mdm).ok())
        .ok_or_else(|| Refusal::new(400, "PayloadEmpty"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    fn ask(path: &str, headers: &[(&'static str, &str)], body: &[u8]) -> Result<Push, String> {
        let topic = Topic::new("com.apple.mgmt.External.test").unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        read(&Method::POST, path, &map, body, &topic, NOW).map_err(|refusal| refusal.reason)
    }

    type Case = (&'static str, &'static [(&'static str, &'static str)], &'static [u8], &'static str);

    #[test]
    fn each_fault_has_apples_reason() {
        let good: &[u8] = br#"{"mdm":"magic"}"#;
        let cases: &[Case] = &[
            ("/4/device/aa", &[], good, "BadPath"),
            ("/3/device/", &[], good, "MissingDeviceToken"),
            ("/3/device/zz", &[], good, "BadDeviceToken"),
            ("/3/device/aab", &[], good, "BadDeviceToken"),
            ("/3/device/aa", &[("apns-topic", "com.apple.mgmt.External.other")], good, "TopicDisallowed"),
            ("/3/device/aa", &[("apns-push-type", "alert")], good, "InvalidPushType"),
            ("/3/device/aa", &[("apns-expiration", "soon")], good, "BadExpirationDate"),
            ("/3/device/aa", &[("apns-expiration", "-1")], good, "BadExpirationDate"),
            ("/3/device/aa", &[("apns-priority", "7")], good, "BadPriority"),
            ("/3/device/aa", &[("apns-id", "not-a-uuid")], good, "BadMessageId"),
            ("/3/device/aa", &[("apns-priority", "5"), ("apns-priority", "10")], good, "DuplicateHeaders"),
            ("/3/device/aa", &[], b"", "PayloadEmpty"),
            ("/3/device/aa", &[], br#"{"mdm":"magic","aps":{}}"#, "PayloadEmpty"),
            ("/3/device/aa", &[], &[b' '; 5000], "PayloadTooLarge"),
        ];
        for (path, headers, body, reason) in cases {
            assert_eq!(ask(path, headers, body).unwrap_err(), *reason, "{path} {headers:?}");
        }
    }

    #[test]
    fn a_push_in_order_is_read() {
        let headers = [
            ("apns-topic", "com.apple.mgmt.External.test"),
            ("apns-push-type", "mdm"),
            ("apns-expiration", "1700000600"),
        ];
        let push = ask("/3/device/AAbb", &headers, br#"{"mdm":"magic"}"#).unwrap();
        assert_eq!((push.token.as_str(), push.priority), ("aabb", 10));
        assert_eq!(push.keep_until, Some(Timestamp(1_700_000_600_000)));
        let once = ask("/3/device/aa", &[("apns-expiration", "0")], br#"{"mdm":"magic"}"#).unwrap();
        assert_eq!(once.keep_until, None);
        let long = ask("/3/device/aa", &[("apns-expiration", "9999999999")], br#"{"mdm":"magic"}"#).unwrap();
        assert_eq!(long.keep_until, Some(NOW.plus(KEPT_LIMIT)));
    }
}
