//! `Settings` (Apple schema: settings.yaml): each item answers for itself, the command as a whole is acknowledged.

use super::super::device::Device;
use super::super::profile::AppleError;
use super::super::state::State;
use super::{Reply, apps};
use russet_protocol::BundleId;
use russet_protocol::Platform;
use russet_protocol::command::{AppAttributes, OrganizationInfo, SettingsItem};
use russet_protocol::result::{Answer, ErrorChainItem, SettingResult, SettingsAnswer, Status};

/// Carries the items out, in order.
pub(super) fn apply(device: &Device, uuid: &str, items: Vec<SettingsItem>) -> Reply {
    let results = device.change(|state| {
        let mut results = Vec::new();
        for item in items {
            let name = item.name().to_owned();
            let identifier = subject(&item).cloned();
            let (status, error_chain) = match one(device, state, item) {
                Ok(()) => (Status::Acknowledged, Vec::new()),
                Err(error) => {
                    state.problem("setting-refused", format!("{name}: {}", error.text), Some(uuid));
                    let (localized, english) = (error.text.clone(), Some(error.text));
                    let domain = error.domain.to_owned();
                    (Status::Error, vec![ErrorChainItem { code: error.code, domain, localized, english }])
                }
            };
            results.push(SettingResult { status, error_chain, identifier });
        }
        results
    });
    Reply::done(Answer::Settings(SettingsAnswer { results }))
}

fn subject(item: &SettingsItem) -> Option<&BundleId> {
    match item {
        SettingsItem::ApplicationAttributes { identifier, .. }
        | SettingsItem::ApplicationConfiguration { identifier, .. } => Some(identifier),
        _ => None,
    }
}

fn one(device: &Device, state: &mut State, item: SettingsItem) -> Result<(), AppleError> {
    let mac = device.hardware.platform == Platform::MacOs;
    let not_here = |name: &str| AppleError::mdm(12021, format!("The setting {name} does not exist on this platform"));
    match item {
        SettingsItem::ApplicationAttributes { .. } if mac => Err(not_here("ApplicationAttributes")),
        SettingsItem::ApplicationAttributes { identifier, attributes } => {
            let attributes = attributes.as_ref().map(AppAttributes::to_dictionary).unwrap_or_default();
            apps::check_attributes(state, &attributes)?;
            state.managed_app(identifier.as_str())?.attributes = attributes;
            Ok(())
        }
        SettingsItem::ApplicationConfiguration { identifier, configuration } => {
            state.managed_app(identifier.as_str())?.configuration = configuration;
            Ok(())
        }
        SettingsItem::DataRoaming { .. } if !device.hardware.cellular => Err(not_here("DataRoaming")),
        SettingsItem::DataRoaming { enabled } => {
            state.data_roaming = enabled;
            // Apple schema: switching data roaming on switches voice roaming on too.
            state.voice_roaming |= enabled;
            Ok(())
        }
        SettingsItem::OrganizationInfo(organization) => {
            let keys = |organization: OrganizationInfo| {
                [("OrganizationName".to_owned(), plist::Value::from(organization.name))].into_iter().collect()
            };
            state.organization = organization.map(keys);
            Ok(())
        }
        SettingsItem::DeviceName { name } if device.hardware.supervised => {
            if name.is_empty() {
                return Err(AppleError::mdm(12008, "DeviceName is empty"));
            }
            state.name = name;
            Ok(())
        }
        other => {
            let item = other.name();
            Err(AppleError::mdm(12021, format!("The setting {item} is none that this device knows")))
        }
    }
}
