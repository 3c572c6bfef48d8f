//! How a license and the settings of an app stand on a device, in the form of the report. What a device has follows from
//! what it confirmed, never from what was sent.

use super::facts::{Case, CaseApp};
use super::library::Library;
use super::report::{LicenseView, SettingView};
use super::time;
use crate::licenses::State;
use russet_planner::facts::{Enrolled, Presence, ProfileKey};
use russet_planner::settings::{Origin, Settings};
use russet_planner::steps::{Direction, LicenseNeed};
use russet_planner::support::{Setting, Support, support};
use russet_planner::{AppFacts, Standing};
use russet_protocol::Platform;
use serde_json::Value;

/// How the license stands once the plan with `need` is carried out.
pub(super) fn license(beside: &CaseApp, need: Option<&LicenseNeed>) -> LicenseView {
    let view = |state: &str, text: String| LicenseView { state: state.to_owned(), text };
    match (need.map(|need| need.direction), &beside.license) {
        (Some(Direction::Give), _) => view("associating", "A license is asked for at Apple.".to_owned()),
        (Some(Direction::TakeBack), _) => view("releasing", "The license goes back to Apple.".to_owned()),
        (None, None) => view("nothing", "The device holds no license.".to_owned()),
        (None, Some(State::Assigned)) => view("assigned", "Apple confirmed the license for this device.".to_owned()),
        (None, Some(State::Associating { since })) => {
            view("associating", format!("A license is asked for at Apple since {}.", time::text(*since)))
        }
        (None, Some(State::Releasing { since })) => {
            view("releasing", format!("The license goes back to Apple since {}.", time::text(*since)))
        }
        (None, Some(State::WaitingForLicense { since })) => {
            view("none_left", format!("No license is left; this device waits since {}.", time::text(*since)))
        }
        (None, Some(State::Failed { releasing, number, text, retry_at })) => {
            let what = if *releasing { "take the license back" } else { "give a license" };
            let again = time::text(*retry_at);
            view("failed", format!("Apple did not {what}: {text} (error {number}). It is tried again at {again}."))
        }
    }
}

/// Each setting of an app on a device: wanted, confirmed, in words. Empty where nothing is wanted there.
pub(super) fn settings(
    library: &Library,
    case: &Case,
    facts: &AppFacts,
    beside: &CaseApp,
    standing: Standing,
) -> Vec<SettingView> {
    let (Some(platform), true) = (case.facts.platform, facts.wanted && facts.fits) else { return Vec::new() };
    if case.facts.enrolled == Enrolled::Gone || standing == Standing::NotPossible {
        return Vec::new();
    }
    let look = Look { library, case, facts, beside, platform };
    Setting::ALL.into_iter().map(|setting| look.at(setting)).collect()
}

struct Look<'a> {
    library: &'a Library,
    case: &'a Case,
    facts: &'a AppFacts,
    beside: &'a CaseApp,
    platform: Platform,
}

impl Look<'_> {
    fn at(&self, setting: Setting) -> SettingView {
        let (wanted, origin) = self.wanted(setting);
        let reach = support(setting, self.platform, self.case.facts.kind);
        let on_device = if reach.is_sent() { self.on_device(setting, reach) } else { Value::Null };
        let satisfied = !reach.is_sent() || on_device == wanted || (wanted.is_null() && on_device.is_null());
        let say = |value: &Value| match value {
            Value::Bool(true) => "on".to_owned(),
            Value::Bool(false) => "off".to_owned(),
            Value::String(name) => name.clone(),
            _ => "none".to_owned(),
        };
        let text = match reach {
            Support::NotOnThisPlatform => format!("does not exist on this platform ({})", self.platform.as_str()),
            Support::NotInThisEnrollment => "does not exist in this kind of enrollment".to_owned(),
            Support::Exists | Support::ByAppMapping => {
                let by = if reach == Support::ByAppMapping { " by an app-to-VPN mapping" } else { "" };
                let level = match origin {
                    Origin::Product => "product default".to_owned(),
                    other => format!("set by the {}", other.words()),
                };
                let there = if satisfied { "the device has it so" } else { "not confirmed by the device" };
                format!("{}{by} ({level}); {there}", say(&wanted))
            }
        };
        SettingView { name: name(setting).to_owned(), wanted, on_device, satisfied, text }
    }

    fn wanted(&self, setting: Setting) -> (Value, Origin) {
        let Settings {
            prevent_backup, remove_with_management, data_roaming, cellular_data, vpn, single_sign_on, ..
        } = &self.facts.settings;
        let profile =
            |id: Option<uuid::Uuid>| id.map_or(Value::Null, |id| Value::String(self.library.profile_name(id)));
        match setting {
            Setting::PreventBackup => (prevent_backup.value.into(), prevent_backup.origin),
            Setting::RemoveWithManagement => (remove_with_management.value.into(), remove_with_management.origin),
            // Without cellular data there is no roaming either.
            Setting::DataRoaming => (self.facts.settings.may_roam().into(), data_roaming.origin),
            Setting::CellularData => (cellular_data.value.into(), cellular_data.origin),
            Setting::Vpn => (profile(vpn.value.as_ref().map(|vpn| vpn.profile)), vpn.origin),
            Setting::SingleSignOn => {
                (profile(single_sign_on.value.as_ref().map(|it| it.profile)), single_sign_on.origin)
            }
        }
    }

    fn on_device(&self, setting: Setting, reach: Support) -> Value {
        let settings = &self.facts.settings;
        match setting {
            Setting::PreventBackup => self.flag(4),
            Setting::RemoveWithManagement => self.flag(1),
            Setting::DataRoaming => self.if_profile_is_current(&ProfileKey::NetworkUsage, settings.may_roam().into()),
            Setting::CellularData => {
                self.if_profile_is_current(&ProfileKey::NetworkUsage, settings.cellular_data.value.into())
            }
            Setting::Vpn if reach == Support::ByAppMapping => {
                let Some(vpn) = &settings.vpn.value else {
                    return self.if_profile_is_current(&ProfileKey::AppMapping, Value::Null);
                };
                let name = Value::String(self.library.profile_name(vpn.profile));
                let mapped = self.if_profile_is_current(&ProfileKey::AppMapping, name);
                if self.is_current(&ProfileKey::Vpn(vpn.profile)) { mapped } else { Value::Null }
            }
            Setting::Vpn => {
                let confirmed =
                    self.facts.memory.confirmed.as_ref().and_then(|confirmed| confirmed.attributes.vpn.as_ref());
                let there = confirmed.filter(|vpn| self.is_managed() && self.is_current(&ProfileKey::Vpn(vpn.profile)));
                there.map_or(Value::Null, |vpn| Value::String(self.library.profile_name(vpn.profile)))
            }
            Setting::SingleSignOn => settings.single_sign_on.value.as_ref().map_or(Value::Null, |sign_on| {
                let name = Value::String(self.library.profile_name(sign_on.profile));
                self.if_profile_is_current(&ProfileKey::SingleSignOn, name)
            }),
        }
    }

    fn is_managed(&self) -> bool {
        self.facts.listed.as_ref().is_some_and(|listed| listed.presence == Presence::Managed)
    }

    /// One bit of the management flags: as the device reports them, else as it accepted them.
    fn flag(&self, bit: u8) -> Value {
        if !self.is_managed() {
            return Value::Null;
        }
        let reported = self.beside.managed.as_ref().and_then(|app| app.management_flags);
        let reported = reported.and_then(|flags| u8::try_from(flags).ok());
        let accepted = self.facts.memory.confirmed.as_ref().map(|confirmed| confirmed.flags);
        reported.or(accepted).map_or(Value::Null, |flags| Value::Bool(flags & bit != 0))
    }

    /// Whether the device has the profile as wanted, or not at all where none is wanted.
    fn is_current(&self, key: &ProfileKey) -> bool {
        match self.case.facts.profiles.iter().find(|profile| profile.key == *key) {
            Some(profile) => profile.wanted == profile.installed,
            // Neither wanted nor there; or wanted and impossible to compose, which the verdict tells.
            None => !matches!(key, ProfileKey::Vpn(_)),
        }
    }

    fn if_profile_is_current(&self, key: &ProfileKey, value: Value) -> Value {
        if self.is_current(key) { value } else { Value::Null }
    }
}

/// The setting's name in the API.
fn name(setting: Setting) -> &'static str {
    match setting {
        Setting::PreventBackup => "prevent_backup",
        Setting::RemoveWithManagement => "remove_with_management",
        Setting::DataRoaming => "data_roaming",
        Setting::CellularData => "cellular_data",
        Setting::Vpn => "vpn",
        Setting::SingleSignOn => "single_sign_on",
    }
}
