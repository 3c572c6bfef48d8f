//! Settings of an app and where each value comes from: product default, then account, then app. The last level that
//! says something wins (rules of the seed guides: assignment > app > account > product default; assignments follow).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One level's word on a switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Tri {
    /// This level says nothing.
    #[default]
    Inherit,
    /// Switched on at this level.
    On,
    /// Switched off at this level.
    Off,
}

impl Tri {
    /// The switch this level sets, if it sets one.
    #[must_use]
    pub fn value(self) -> Option<bool> {
        match self {
            Self::Inherit => None,
            Self::On => Some(true),
            Self::Off => Some(false),
        }
    }
}

impl From<bool> for Tri {
    fn from(on: bool) -> Self {
        if on { Self::On } else { Self::Off }
    }
}

/// One level's word on something that is chosen from a list.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Choice<T> {
    /// This level says nothing.
    #[default]
    Inherit,
    /// This level says: none.
    Nothing,
    /// This level chooses.
    Chosen(T),
}

/// The level that decided a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Nobody said anything: the product's default.
    Product,
    /// The defaults of the App Store account.
    Account,
    /// The app's own setting.
    App,
}

impl Origin {
    /// The level in words, as the end of "set by …".
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Product => "product default",
            Self::Account => "account",
            Self::App => "app",
        }
    }
}

/// A value that counts, and the level it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Effective<T> {
    /// The value.
    pub value: T,
    /// The level that decided it.
    pub origin: Origin,
}

/// Whose license an app runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum AssignmentType {
    /// The device's, by serial number.
    #[default]
    Device,
    /// A person's, by `clientUserId`.
    User,
}

/// A per-app VPN profile: the imported profile and the `VPNUUID` inside it, which apps refer to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct VpnProfile {
    /// The imported profile.
    pub profile: Uuid,
    /// `VPNUUID` of its `com.apple.vpn.managed.applayer` payload.
    pub vpn_uuid: String,
}

/// A Kerberos single sign-on profile and the URL prefixes that go with it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SignOnProfile {
    /// The imported profile that gives name, realm and principal.
    pub profile: Uuid,
    /// `URLPrefixMatches`; empty means that the imported profile's own list stands.
    pub urls: Vec<String>,
}

/// What one level (account or app) says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Overrides {
    /// Whose license.
    pub assignment_type: Option<AssignmentType>,
    /// Installed by itself and brought back when removed.
    pub mandatory: Tri,
    /// App data stays out of backups (`ManagementFlags` bit 4).
    pub prevent_backup: Tri,
    /// The app goes when the management goes (`ManagementFlags` bit 1).
    pub remove_with_management: Tri,
    /// The app may use mobile data abroad.
    pub data_roaming: Tri,
    /// The app may use mobile data.
    pub cellular_data: Tri,
    /// Per-app VPN.
    pub vpn: Choice<VpnProfile>,
    /// Kerberos single sign-on.
    pub single_sign_on: Choice<SignOnProfile>,
}

/// What counts for one app, each value with its origin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Whose license.
    pub assignment_type: Effective<AssignmentType>,
    /// Installed by itself and brought back when removed.
    pub mandatory: Effective<bool>,
    /// App data stays out of backups.
    pub prevent_backup: Effective<bool>,
    /// The app goes when the management goes.
    pub remove_with_management: Effective<bool>,
    /// The app may use mobile data abroad.
    pub data_roaming: Effective<bool>,
    /// The app may use mobile data.
    pub cellular_data: Effective<bool>,
    /// Per-app VPN.
    pub vpn: Effective<Option<VpnProfile>>,
    /// Kerberos single sign-on.
    pub single_sign_on: Effective<Option<SignOnProfile>>,
}

impl Default for Settings {
    fn default() -> Self {
        resolve(&Overrides::default(), &Overrides::default())
    }
}

/// Settles each value: the app's word, else the account's, else the product's default (device license, mandatory,
/// backups allowed, removed with the management, roaming and cellular allowed, no VPN, no single sign-on).
#[must_use]
pub fn resolve(account: &Overrides, app: &Overrides) -> Settings {
    Settings {
        assignment_type: match (app.assignment_type, account.assignment_type) {
            (Some(value), _) => Effective { value, origin: Origin::App },
            (None, Some(value)) => Effective { value, origin: Origin::Account },
            (None, None) => Effective { value: AssignmentType::Device, origin: Origin::Product },
        },
        mandatory: switch(account.mandatory, app.mandatory, true),
        prevent_backup: switch(account.prevent_backup, app.prevent_backup, false),
        remove_with_management: switch(account.remove_with_management, app.remove_with_management, true),
        data_roaming: switch(account.data_roaming, app.data_roaming, true),
        cellular_data: switch(account.cellular_data, app.cellular_data, true),
        vpn: choose(&account.vpn, &app.vpn),
        single_sign_on: choose(&account.single_sign_on, &app.single_sign_on),
    }
}

fn switch(account: Tri, app: Tri, product: bool) -> Effective<bool> {
    match (app.value(), account.value()) {
        (Some(value), _) => Effective { value, origin: Origin::App },
        (None, Some(value)) => Effective { value, origin: Origin::Account },
        (None, None) => Effective { value: product, origin: Origin::Product },
    }
}

fn choose<T: Clone>(account: &Choice<T>, app: &Choice<T>) -> Effective<Option<T>> {
    for (level, origin) in [(app, Origin::App), (account, Origin::Account)] {
        match level {
            Choice::Inherit => {}
            Choice::Nothing => return Effective { value: None, origin },
            Choice::Chosen(value) => return Effective { value: Some(value.clone()), origin },
        }
    }
    Effective { value: None, origin: Origin::Product }
}

impl Settings {
    /// `ManagementFlags` of `InstallApplication`: 1 remove with the management, 4 no backup, 5 both
    /// (mdm/commands/application.install.yaml).
    #[must_use]
    pub fn management_flags(&self) -> u8 {
        u8::from(self.remove_with_management.value) | if self.prevent_backup.value { 4 } else { 0 }
    }

    /// Whether the app may roam in effect: without cellular data there is no roaming either.
    #[must_use]
    pub fn may_roam(&self) -> bool {
        self.cellular_data.value && self.data_roaming.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_level_wins_and_is_named() {
        let account = Overrides { data_roaming: Tri::Off, prevent_backup: Tri::On, ..Overrides::default() };
        let app = Overrides { data_roaming: Tri::On, ..Overrides::default() };
        let settings = resolve(&account, &app);
        assert_eq!(settings.data_roaming, Effective { value: true, origin: Origin::App });
        assert_eq!(settings.prevent_backup, Effective { value: true, origin: Origin::Account });
        assert_eq!(settings.cellular_data, Effective { value: true, origin: Origin::Product });
        assert_eq!(settings.management_flags(), 5);
    }

    #[test]
    fn an_app_can_say_none_where_the_account_chose() {
        let vpn = VpnProfile { profile: Uuid::nil(), vpn_uuid: "A".into() };
        let account = Overrides { vpn: Choice::Chosen(vpn), ..Overrides::default() };
        let app = Overrides { vpn: Choice::Nothing, ..Overrides::default() };
        assert_eq!(resolve(&account, &app).vpn, Effective { value: None, origin: Origin::App });
    }
}
