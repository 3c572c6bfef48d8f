//! One push: what a device is told is only "connect", so the payload is its PushMagic and nothing else.

use a2::request::payload::PayloadLike;
use a2::{NotificationOptions, Priority, PushType};
use serde::Serialize;
use std::fmt;

/// A push that tells one device, or one of its users, to ask the server for commands.
#[derive(Serialize)]
pub struct MdmPush<'a> {
    #[serde(rename = "mdm")]
    magic: &'a str,
    #[serde(skip)]
    token: &'a str,
    #[serde(skip)]
    options: NotificationOptions<'a>,
}

impl<'a> MdmPush<'a> {
    /// A push to `token` (lower-case hexadecimal) with the magic of the device, kept by APNs until `expiration` (seconds since
    /// the epoch; 0 means one try only, and a sleeping device never hears it).
    #[must_use]
    pub fn new(token: &'a str, magic: &'a str, topic: &'a str, expiration: u64) -> Self {
        let options = NotificationOptions {
            apns_push_type: Some(PushType::Mdm),
            apns_priority: Some(Priority::High),
            apns_expiration: Some(expiration),
            apns_topic: Some(topic),
            ..NotificationOptions::default()
        };
        Self { magic, token, options }
    }
}

/// Token and magic are secrets of the device: neither is printed.
impl fmt::Debug for MdmPush<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MdmPush").field("topic", &self.options.apns_topic).finish_non_exhaustive()
    }
}

impl PayloadLike for MdmPush<'_> {
    fn get_device_token(&self) -> &str {
        self.token
    }

    fn get_options(&self) -> &NotificationOptions<'_> {
        &self.options
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_is_the_magic_and_nothing_else() {
        let push = MdmPush::new("00ff", "a\"b\\", "com.apple.mgmt.x", 7);
        assert_eq!(push.to_json_string().unwrap(), r#"{"mdm":"a\"b\\"}"#);
        assert!(!format!("{push:?}").contains("00ff"));
    }
}
