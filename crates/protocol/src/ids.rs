//! Identifiers as the wire carries them. Each is a type of its own, so that a serial number can never stand where a
//! UDID is meant; each refuses what no device or service sends (empty, over-long, control characters).

use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a text is no identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {problem}")]
pub struct InvalidId {
    /// Which identifier was being read.
    pub what: &'static str,
    /// What is wrong with it, as the end of a sentence.
    pub problem: &'static str,
}

pub(crate) fn checked(what: &'static str, text: &str, limit: usize) -> Result<String, InvalidId> {
    if text.is_empty() {
        return Err(InvalidId { what, problem: "is empty" });
    }
    if text.len() > limit {
        return Err(InvalidId { what, problem: "is too long" });
    }
    if text.chars().any(char::is_control) {
        return Err(InvalidId { what, problem: "has control characters" });
    }
    Ok(text.to_owned())
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $limit:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Reads the identifier.
            ///
            /// # Errors
            /// When the text is empty, too long, or holds control characters.
            pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidId> {
                checked($what, text.as_ref(), $limit).map(Self)
            }

            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// A device's unique device identifier (check-in key `UDID`).
    Udid, "UDID", 128
);
text_id!(
    /// Apple's identifier of a user enrollment (check-in key `EnrollmentID`); such devices have no UDID.
    UserEnrollmentId, "EnrollmentID", 128
);
text_id!(
    /// A hardware serial number. Upper-cased by [`SerialNumber::normalized`] before it is compared or sent to Apple.
    SerialNumber, "serial number", 64
);
text_id!(
    /// A push topic: the UID of the push certificate's subject, `com.apple.mgmt.…`.
    Topic, "push topic", 255
);
text_id!(
    /// The secret a push must carry so that the device obeys it (check-in key `PushMagic`).
    PushMagic, "PushMagic", 255
);
text_id!(
    /// An app's bundle identifier.
    BundleId, "bundle identifier", 255
);
text_id!(
    /// The identifier of one command in a queue (`CommandUUID`).
    CommandUuid, "CommandUUID", 128
);
text_id!(
    /// Our permanent, opaque key of a person at Apps and Books.
    ClientUserId, "clientUserId", 64
);

impl SerialNumber {
    /// The form that is stored and sent to Apple: trimmed, upper case.
    ///
    /// # Errors
    /// As [`SerialNumber::new`].
    pub fn normalized(text: &str) -> Result<Self, InvalidId> {
        Self::new(text.trim().to_ascii_uppercase())
    }
}

/// An app's number in Apple's store (`adamId`, `iTunesStoreID`). Text in asset calls, an integer in commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AdamId(pub u64);

impl fmt::Display for AdamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::str::FromStr for AdamId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.parse::<u64>() {
            Ok(number) if i64::try_from(number).is_ok() => Ok(Self(number)),
            _ => Err(InvalidId { what: "adamId", problem: "is not a store number" }),
        }
    }
}

/// The quality of a license (`pricingParam`); with the [`AdamId`] it names an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
pub enum PricingParam {
    /// Standard quality, the default.
    #[default]
    #[serde(rename = "STDQ")]
    Standard,
    /// High quality.
    #[serde(rename = "PLUS")]
    Plus,
}

impl PricingParam {
    /// The value on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "STDQ",
            Self::Plus => "PLUS",
        }
    }

    /// Reads the value on the wire.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "STDQ" => Some(Self::Standard),
            "PLUS" => Some(Self::Plus),
            _ => None,
        }
    }
}

/// A device's push token: raw bytes whose length Apple does not promise. At most 256 bytes are accepted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PushToken(Vec<u8>);

impl PushToken {
    /// Reads a token.
    ///
    /// # Errors
    /// When it is empty or longer than 256 bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, InvalidId> {
        let bytes = bytes.into();
        if bytes.is_empty() {
            return Err(InvalidId { what: "push token", problem: "is empty" });
        }
        if bytes.len() > 256 {
            return Err(InvalidId { what: "push token", problem: "is too long" });
        }
        Ok(Self(bytes))
    }

    /// The raw bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Lower-case hexadecimal, as the push path wants it.
    #[must_use]
    pub fn to_hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Apple's platforms, as far as apps are managed on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Platform {
    /// iPhone and iPod touch.
    #[serde(rename = "iOS")]
    Ios,
    /// iPad. Apple's schema counts it under iOS.
    #[serde(rename = "iPadOS")]
    IpadOs,
    /// Mac.
    #[serde(rename = "macOS")]
    MacOs,
    /// Apple TV.
    #[serde(rename = "tvOS")]
    TvOs,
    /// Apple Vision Pro.
    #[serde(rename = "visionOS")]
    VisionOs,
    /// Apple Watch.
    #[serde(rename = "watchOS")]
    WatchOs,
}

impl Platform {
    /// Apple's name of the platform.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ios => "iOS",
            Self::IpadOs => "iPadOS",
            Self::MacOs => "macOS",
            Self::TvOs => "tvOS",
            Self::VisionOs => "visionOS",
            Self::WatchOs => "watchOS",
        }
    }

    /// Reads Apple's name of the platform.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Ios, Self::IpadOs, Self::MacOs, Self::TvOs, Self::VisionOs, Self::WatchOs]
            .into_iter()
            .find(|platform| platform.as_str() == text)
    }

    /// The platform of a model identifier such as `iPhone17,2` or `Mac15,3` (check-in key `ProductName`).
    #[must_use]
    pub fn of_product(product: &str) -> Option<Self> {
        let family: String = product.chars().take_while(|c| !c.is_ascii_digit()).collect();
        match family.as_str() {
            "iPhone" | "iPod" => Some(Self::Ios),
            "iPad" => Some(Self::IpadOs),
            "AppleTV" => Some(Self::TvOs),
            "RealityDevice" => Some(Self::VisionOs),
            "Watch" => Some(Self::WatchOs),
            other if other.contains("Mac") => Some(Self::MacOs),
            _ => None,
        }
    }

    /// Whether Apple's schema lists this platform under iOS.
    #[must_use]
    pub fn is_ios_family(self) -> bool {
        matches!(self, Self::Ios | Self::IpadOs)
    }
}
