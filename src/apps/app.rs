//! An app as admins know it: an asset of an account, who it is meant for, and what it says over the account's defaults.

use crate::ids::{AccountId, AppId, ProfileId};
use russet_protocol::{AdamId, BundleId, Platform, PricingParam, Timestamp};
use serde::{Deserialize, Serialize};

/// Who an app is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Every enrolled device whose platform the app is made for.
    Everyone,
    /// Nobody any more: it is being taken off the devices that have it, and then forgotten.
    Nobody,
}

impl Scope {
    /// The stored and shown name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
            Self::Nobody => "nobody",
        }
    }
}

/// An app that is to be managed.
#[derive(Debug, Clone)]
pub struct NewApp {
    /// The account whose licenses it uses.
    pub account: AccountId,
    /// Its number in Apple's store.
    pub adam: AdamId,
    /// Which license of it; `STDQ` unless somebody bought another.
    pub pricing: PricingParam,
    /// Who it is meant for.
    pub scope: Scope,
}

/// An app under management.
#[derive(Debug, Clone)]
pub struct App {
    /// Our identifier.
    pub id: AppId,
    /// The account whose licenses it uses.
    pub account: AccountId,
    /// Its number in Apple's store.
    pub adam: AdamId,
    /// Which license of it.
    pub pricing: PricingParam,
    /// Who it is meant for.
    pub scope: Scope,
    /// Its name, once Apple's metadata is here.
    pub name: Option<String>,
    /// Its bundle identifier, once Apple's metadata is here.
    pub bundle_id: Option<BundleId>,
    /// The platforms it is made for; empty while the asset is not mirrored.
    pub platforms: Vec<Platform>,
    /// What it says over the account's defaults.
    pub settings: AppSettings,
    /// Raised by each change of the settings; the value behind the ETag.
    pub version: i64,
    /// When it was added.
    pub created_at: Timestamp,
}

impl App {
    /// What to call it before people: its name, else its number.
    #[must_use]
    pub fn label(&self) -> String {
        self.name.clone().unwrap_or_else(|| format!("app {}", self.adam.0))
    }

    /// Whether it exists for a platform. Apple's `iOS` covers iPadOS; what is not mirrored yet is taken to fit.
    #[must_use]
    pub fn fits(&self, platform: Platform) -> bool {
        let counts = if platform == Platform::IpadOs { Platform::Ios } else { platform };
        self.platforms.is_empty() || self.platforms.contains(&platform) || self.platforms.contains(&counts)
    }
}

/// One level's word on a profile: in JSON `null` inherits, `"none"` says that there is none, an id chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProfileChoice {
    /// The account decides.
    #[default]
    Inherit,
    /// None, whatever the account says.
    Nothing,
    /// This one.
    Profile(ProfileId),
}

impl ProfileChoice {
    /// The profile that is named, if any.
    #[must_use]
    pub fn profile(self) -> Option<ProfileId> {
        match self {
            Self::Profile(id) => Some(id),
            Self::Inherit | Self::Nothing => None,
        }
    }
}

/// What an app says over the account's defaults; what is not said is inherited. This is also the stored and the shown
/// form (JSON).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub struct AppSettings {
    /// `device` or `user`: whose license.
    pub assignment_type: Option<russet_planner::settings::AssignmentType>,
    /// Installed by itself and brought back when removed.
    pub mandatory: Option<bool>,
    /// App data stays out of backups.
    pub prevent_backup: Option<bool>,
    /// The app goes when the management goes.
    pub remove_with_management: Option<bool>,
    /// The app may use mobile data abroad.
    pub data_roaming: Option<bool>,
    /// The app may use mobile data.
    pub cellular_data: Option<bool>,
    /// Per-app VPN profile.
    pub vpn_profile: ProfileChoice,
    /// Kerberos single sign-on profile.
    pub sso_profile: ProfileChoice,
    /// URL prefixes for single sign-on; counts only together with a profile chosen here.
    pub sso_urls: Vec<String>,
    /// On Macs: the signing identifier for the app-to-VPN mapping; else the bundle identifier.
    pub signing_identifier: Option<String>,
    /// On Macs: the designated requirement for the app-to-VPN mapping.
    pub designated_requirement: Option<String>,
}

impl Serialize for ProfileChoice {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Inherit => serializer.serialize_none(),
            Self::Nothing => serializer.serialize_str("none"),
            Self::Profile(id) => serializer.serialize_str(&id.text()),
        }
    }
}

impl<'de> Deserialize<'de> for ProfileChoice {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Option::<String>::deserialize(deserializer)?.as_deref() {
            None => Ok(Self::Inherit),
            Some("none") => Ok(Self::Nothing),
            Some(id) => id
                .parse()
                .map(Self::Profile)
                .map_err(|_| serde::de::Error::custom("must be null (inherit), \"none\", or the id of a profile")),
        }
    }
}
