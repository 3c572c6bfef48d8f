//! What a command is for, so that whoever sent it finds it again.

use crate::ids::AppId;
use std::fmt;
use std::str::FromStr;

/// What a command is for. Stored as text: `app:ID`, `profile:IDENTIFIER`, or one word.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// An app: its installation, its removal, its settings.
    App(AppId),
    /// The profile with this `PayloadIdentifier`.
    Profile(String),
    /// Learning what is on the device.
    Inventory,
    /// An admin asked for it.
    Admin,
    /// Letting Setup Assistant go on.
    Setup,
    /// Telling a device to look at its declarations again.
    Declarations,
    /// Renewing the device's identity.
    Renewal,
    /// Ending the enrollment.
    Unenroll,
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::App(app) => write!(f, "app:{app}"),
            Self::Profile(identifier) => write!(f, "profile:{identifier}"),
            Self::Inventory => f.write_str("inventory"),
            Self::Admin => f.write_str("admin"),
            Self::Setup => f.write_str("setup"),
            Self::Declarations => f.write_str("declarations"),
            Self::Renewal => f.write_str("renewal"),
            Self::Unenroll => f.write_str("unenroll"),
        }
    }
}

/// A text that is no purpose: the stored value is damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no purpose of a command")]
pub struct InvalidPurpose;

impl FromStr for Purpose {
    type Err = InvalidPurpose;
    fn from_str(text: &str) -> Result<Self, InvalidPurpose> {
        if let Some(app) = text.strip_prefix("app:") {
            return app.parse().map(Self::App).map_err(|_| InvalidPurpose);
        }
        if let Some(identifier) = text.strip_prefix("profile:") {
            return Ok(Self::Profile(identifier.to_owned()));
        }
        match text {
            "inventory" => Ok(Self::Inventory),
            "admin" => Ok(Self::Admin),
            "setup" => Ok(Self::Setup),
            "declarations" => Ok(Self::Declarations),
            "renewal" => Ok(Self::Renewal),
            "unenroll" => Ok(Self::Unenroll),
            _ => Err(InvalidPurpose),
        }
    }
}
