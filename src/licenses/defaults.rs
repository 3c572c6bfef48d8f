//! The defaults of an account: how its apps are managed where an app says nothing else.

use super::LicenseError;
use crate::ids::ProfileId;
use serde::{Deserialize, Serialize};

/// Most base URLs for single sign-on, and the longest one.
const MOST_URLS: usize = 100;
const LONGEST_URL: usize = 2048;

/// Whom a license is given to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum AssignmentType {
    /// The device, by its serial number: nobody has to sign in.
    #[default]
    Device,
    /// A person.
    User,
}

/// How the apps of an account are managed where an app says nothing else. A switch that is `None` says nothing either:
/// the product's default counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Defaults {
    /// Whom licenses are given to.
    pub assignment_type: AssignmentType,
    /// Whether the app is installed without asking and cannot be removed on the device.
    pub mandatory: Option<bool>,
    /// Whether the app's data stays out of backups.
    pub prevent_backup: Option<bool>,
    /// Whether the app may use cellular data while roaming.
    pub data_roaming: Option<bool>,
    /// Whether the app may use cellular data.
    pub cellular_data: Option<bool>,
    /// The per-app VPN profile.
    pub vpn_profile: Option<ProfileId>,
    /// The Kerberos single sign-on profile.
    pub sso_profile: Option<ProfileId>,
    /// Base URLs that single sign-on is used for (`URLPrefixMatches`).
    pub sso_urls: Vec<String>,
}

impl Defaults {
    /// Whether the values make sense together. Whether the profiles exist is for the caller to say, who can see them.
    ///
    /// # Errors
    /// With a sentence that names the fault and what to do.
    pub fn check(&self) -> Result<(), LicenseError> {
        let bad = |text: String| Err(LicenseError::BadDefaults(text));
        if !self.sso_urls.is_empty() && self.sso_profile.is_none() {
            return bad("sso_urls need sso_profile: choose the single sign-on profile they belong to".to_owned());
        }
        if self.sso_urls.len() > MOST_URLS {
            return bad(format!(
                "sso_urls has more than {MOST_URLS} entries; shorter prefixes cover more addresses each"
            ));
        }
        for url in &self.sso_urls {
            // Apple's schema of com.apple.sso: prefixes begin with one of these two.
            let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
            if host.is_none_or(str::is_empty) || url.chars().any(|c| c.is_whitespace() || c.is_control()) {
                return bad(format!("{url:?} in sso_urls is no base URL; it begins with https:// or http://"));
            }
            if url.len() > LONGEST_URL {
                return bad(format!("a base URL in sso_urls is longer than {LONGEST_URL} characters; shorten it"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn urls_are_checked_and_need_a_profile() {
        let with = |urls: &[&str]| Defaults {
            sso_profile: Some(ProfileId(Uuid::nil())),
            sso_urls: urls.iter().map(|url| (*url).to_owned()).collect(),
            ..Defaults::default()
        };
        assert!(with(&["https://intranet.example.com/", "http://wiki:8080"]).check().is_ok());
        for url in ["intranet.example.com", "https://", "ftp://x", "https://a b"] {
            assert!(with(&[url]).check().is_err(), "{url}");
        }
        let orphan = Defaults { sso_profile: None, ..with(&["https://a"]) };
        assert!(orphan.check().unwrap_err().to_string().contains("sso_profile"));
    }
}
