//! What apps, accounts and imported profiles say together: names of apps, and the settings that count for each.

use super::app::{App, AppSettings, ProfileChoice};
use super::error::AppsError;
use super::names;
use crate::ids::{AccountId, AppId, ProfileId};
use crate::licenses::accounts::{self, Account};
use crate::licenses::{self, Defaults};
use crate::profiles::{self, Imported, Kind};
use russet_planner::settings::{self, AssignmentType, Choice, Overrides, Settings, SignOnProfile, Tri, VpnProfile};
use russet_store::Tx;
use std::collections::BTreeMap;

/// Everything that is the same for all devices of a batch.
pub(super) struct Library {
    pub(super) apps: BTreeMap<AppId, App>,
    accounts: BTreeMap<AccountId, Account>,
    pub(super) profiles: BTreeMap<ProfileId, Imported>,
}

impl Library {
    /// Reads it.
    pub(super) async fn load(tx: &mut dyn Tx) -> Result<Self, AppsError> {
        let apps = names::all(tx).await?;
        let accounts = accounts::list(tx).await?.into_iter().map(|account| (account.id, account)).collect();
        let profiles = profiles::list(tx).await?.into_iter().map(|profile| (profile.id, profile)).collect();
        Ok(Self { apps: apps.into_iter().map(|app| (app.id, app)).collect(), accounts, profiles })
    }

    /// Makes believe that an account had other defaults, for a preview.
    pub(super) fn suppose(&mut self, account: AccountId, defaults: Defaults) -> Result<(), AppsError> {
        self.accounts.get_mut(&account).ok_or(AppsError::NoSuchAccount)?.defaults = defaults;
        Ok(())
    }

    /// The settings that count for an app, each with the level that decided it.
    pub(super) fn settings(&self, app: &App) -> Settings {
        let defaults = self.accounts.get(&app.account).map(|account| account.defaults.clone()).unwrap_or_default();
        settings::resolve(&self.of_account(&defaults), &self.of_app(&app.settings))
    }

    /// What the settings were made of: differs from the verdict's where that speaks of older settings.
    pub(super) fn basis(&self, app: &App) -> String {
        let account = self.accounts.get(&app.account).map_or("-", |account| account.etag.as_str());
        format!("{account} {} {}", app.version, app.scope.as_str())
    }

    /// The name of an imported profile.
    pub(super) fn profile_name(&self, id: uuid::Uuid) -> String {
        self.profiles.get(&ProfileId(id)).map_or_else(|| "a profile that was deleted".to_owned(), |it| it.name.clone())
    }

    fn of_account(&self, defaults: &Defaults) -> Overrides {
        let switch = |value: Option<bool>| value.map_or(Tri::Inherit, Tri::from);
        Overrides {
            assignment_type: Some(match defaults.assignment_type {
                licenses::AssignmentType::Device => AssignmentType::Device,
                licenses::AssignmentType::User => AssignmentType::User,
            }),
            mandatory: switch(defaults.mandatory),
            prevent_backup: switch(defaults.prevent_backup),
            remove_with_management: Tri::Inherit,
            data_roaming: switch(defaults.data_roaming),
            cellular_data: switch(defaults.cellular_data),
            vpn: defaults.vpn_profile.map_or(Choice::Inherit, |id| Choice::Chosen(self.vpn(id))),
            single_sign_on: defaults.sso_profile.map_or(Choice::Inherit, |id| {
                Choice::Chosen(SignOnProfile { profile: id.0, urls: defaults.sso_urls.clone() })
            }),
        }
    }

    fn of_app(&self, app: &AppSettings) -> Overrides {
        let switch = |value: Option<bool>| value.map_or(Tri::Inherit, Tri::from);
        Overrides {
            assignment_type: app.assignment_type,
            mandatory: switch(app.mandatory),
            prevent_backup: switch(app.prevent_backup),
            remove_with_management: switch(app.remove_with_management),
            data_roaming: switch(app.data_roaming),
            cellular_data: switch(app.cellular_data),
            vpn: choice(app.vpn_profile, |id| self.vpn(id)),
            single_sign_on: choice(app.sso_profile, |id| SignOnProfile { profile: id.0, urls: app.sso_urls.clone() }),
        }
    }

    /// A profile that is gone or of another kind has no `VPNUUID`; it cannot be composed, and the verdict says so.
    fn vpn(&self, id: ProfileId) -> VpnProfile {
        let vpn_uuid = match self.profiles.get(&id).map(|profile| &profile.kind) {
            Some(Kind::PerAppVpn { vpn_uuid }) => vpn_uuid.clone(),
            _ => String::new(),
        };
        VpnProfile { profile: id.0, vpn_uuid }
    }
}

fn choice<T>(choice: ProfileChoice, of: impl FnOnce(ProfileId) -> T) -> Choice<T> {
    match choice {
        ProfileChoice::Inherit => Choice::Inherit,
        ProfileChoice::Nothing => Choice::Nothing,
        ProfileChoice::Profile(id) => Choice::Chosen(of(id)),
    }
}
