//! The settings of apps as flags, the same for an account's defaults and for one app: each flag changes one setting and
//! leaves the others as they are.

use super::connection::Desk;
use super::resolve;
use anyhow::bail;
use clap::ValueEnum;
use serde_json::{Map, Value, json};

/// A setting that is on, off, or not said here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Switch {
    /// Yes
    On,
    /// No
    Off,
    /// Not said here: what stands above decides
    Inherit,
}

impl Switch {
    pub(super) fn json(self) -> Value {
        match self {
            Self::On => json!(true),
            Self::Off => json!(false),
            Self::Inherit => Value::Null,
        }
    }
}

/// Whose license an app uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum AssignmentType {
    /// The device's, by serial number: nobody has to sign in
    Device,
    /// A person's
    User,
}

/// Where settings stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// The defaults of an account: a profile is chosen or there is none.
    Account,
    /// One app: a profile is chosen, there is none, or the account decides.
    App,
}

/// The settings as flags.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Flags {
    /// Whose license is used
    #[arg(long, value_enum, value_name = "WHOSE")]
    pub(super) assignment_type: Option<AssignmentType>,
    /// Installed by itself, and brought back when removed
    #[arg(long, value_enum, value_name = "ON|OFF")]
    pub(super) mandatory: Option<Switch>,
    /// App data stays out of backups
    #[arg(long, value_enum, value_name = "ON|OFF")]
    pub(super) prevent_backup: Option<Switch>,
    /// Mobile data abroad
    #[arg(long, value_enum, value_name = "ON|OFF")]
    pub(super) data_roaming: Option<Switch>,
    /// Mobile data
    #[arg(long, value_enum, value_name = "ON|OFF")]
    pub(super) cellular_data: Option<Switch>,
    /// Per-app VPN: a profile by name or id, or `none`
    #[arg(long, value_name = "PROFILE")]
    pub(super) vpn_profile: Option<String>,
    /// Kerberos single sign-on: a profile by name or id, or `none`
    #[arg(long, value_name = "PROFILE")]
    pub(super) sso_profile: Option<String>,
    /// Base URL for single sign-on; repeated for several, `none` for none. Replaces the ones before
    #[arg(long, value_name = "URL")]
    pub(super) sso_url: Vec<String>,
}

impl Flags {
    /// Whether no flag was given.
    pub(super) fn is_empty(&self) -> bool {
        self.assignment_type.is_none()
            && self.vpn_profile.is_none()
            && self.sso_profile.is_none()
            && self.sso_url.is_empty()
            && [self.mandatory, self.prevent_backup, self.data_roaming, self.cellular_data].iter().all(Option::is_none)
    }

    /// Writes what was given over the settings as they are; names of profiles become ids.
    pub(super) async fn apply(
        &self,
        desk: &Desk,
        level: Level,
        settings: &mut Map<String, Value>,
    ) -> anyhow::Result<()> {
        if let Some(whose) = self.assignment_type {
            let word = if whose == AssignmentType::Device { "device" } else { "user" };
            settings.insert("assignment_type".to_owned(), json!(word));
        }
        for (key, switch) in [
            ("mandatory", self.mandatory),
            ("prevent_backup", self.prevent_backup),
            ("data_roaming", self.data_roaming),
            ("cellular_data", self.cellular_data),
        ] {
            if let Some(switch) = switch {
                settings.insert(key.to_owned(), switch.json());
            }
        }
        for (key, called) in [("vpn_profile", &self.vpn_profile), ("sso_profile", &self.sso_profile)] {
            if let Some(called) = called {
                settings.insert(key.to_owned(), profile(desk, level, called).await?);
            }
        }
        let without_single_sign_on = level == Level::Account && settings.get("sso_profile") == Some(&Value::Null);
        if self.sso_url.iter().any(|url| url == "none") {
            settings.insert("sso_urls".to_owned(), json!([]));
        } else if !self.sso_url.is_empty() {
            settings.insert("sso_urls".to_owned(), json!(self.sso_url));
        } else if without_single_sign_on && self.sso_profile.is_some() {
            // URLs without their profile would be refused.
            settings.insert("sso_urls".to_owned(), json!([]));
        }
        Ok(())
    }
}

async fn profile(desk: &Desk, level: Level, called: &str) -> anyhow::Result<Value> {
    Ok(match (called, level) {
        ("none", Level::Account) => Value::Null,
        ("none", Level::App) => json!("none"),
        ("inherit", Level::App) => Value::Null,
        ("inherit", Level::Account) => bail!("there is nothing above an account; say `none` or name a profile"),
        _ => json!(resolve::profile(desk, called).await?),
    })
}
