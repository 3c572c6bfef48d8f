//! `Settings` (Apple schema: settings.yaml): each item answers for itself, the command as a whole is acknowledged.

use super::super::channel::Channel;
use super::super::device::Device;
use super::super::profile::AppleError;
use super::super::state::State;
use super::{Reply, allowed, apps};
use plist::{Dictionary, Value};
use russet_protocol::BundleId;
use russet_protocol::Platform;
use russet_protocol::command::{AppAttributes, Command, SettingsItem};
use russet_protocol::result::{Answer, ErrorChainItem, SettingResult, SettingsAnswer, Status};

/// An item, and whom it is for on iPhone and iPad, Mac, and Apple TV (as [`allowed`] reads it).
struct Row(&'static str, &'static str, &'static str, &'static str);

const ITEMS: [Row; 20] = [
    Row("AccessibilitySettings", "device user supervised -ue", "", ""),
    Row("AppAnalytics", "device user shared -ue", "", ""),
    Row("ApplicationAttributes", "device user", "", "device"),
    Row("ApplicationConfiguration", "device user", "device", "device"),
    Row("Bluetooth", "device user supervised -ue", "device -ue", ""),
    Row("DataRoaming", "device user -ue", "", ""),
    Row("DefaultApplications", "device user -ue", "", ""),
    Row("DeviceName", "device user supervised -ue", "device -ue", "device"),
    Row("DiagnosticSubmission", "device user shared -ue", "", ""),
    Row("HostName", "", "device -ue", ""),
    Row("MDMOptions", "device user", "device -ue", ""),
    Row("MaximumResidentUsers", "device user shared -ue", "", ""),
    Row("OrganizationInfo", "device user", "device", "device"),
    Row("PasscodeLockGracePeriod", "device user shared -ue", "", ""),
    Row("PersonalHotspot", "device user -ue", "", ""),
    Row("SharedDeviceConfiguration", "device user shared -ue", "", ""),
    Row("SoftwareUpdateSettings", "device user supervised -ue <27", "", ""),
    Row("TimeZone", "device user supervised -ue", "", "device supervised"),
    Row("VoiceRoaming", "device user -ue", "", ""),
    Row("Wallpaper", "device user supervised -ue", "", ""),
];

/// Carries the items out, in order.
pub(super) fn apply(device: &Device, channel: Channel, uuid: &str, command: &Dictionary) -> Reply {
    let items = command.get("Settings").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let results = device.change(|state| {
        let mut results = Vec::new();
        for item in items.iter().filter_map(Value::as_dictionary) {
            let name = item.get("Item").and_then(Value::as_string).unwrap_or_default();
            let (status, error_chain) = match one(device, channel, state, name, item) {
                Ok(()) => (Status::Acknowledged, Vec::new()),
                Err(error) => {
                    state.problem("setting-refused", format!("{name}: {}", error.text), Some(uuid));
                    let (localized, english) = (error.text.clone(), Some(error.text));
                    let domain = error.domain.to_owned();
                    (Status::Error, vec![ErrorChainItem { code: error.code, domain, localized, english }])
                }
            };
            let identifier = item.get("Identifier").and_then(Value::as_string);
            let identifier = identifier.and_then(|id| BundleId::new(id).ok());
            results.push(SettingResult { status, error_chain, identifier });
        }
        results
    });
    Reply::done(Answer::Settings(SettingsAnswer { results }))
}

fn one(device: &Device, channel: Channel, state: &mut State, name: &str, keys: &Dictionary) -> Result<(), AppleError> {
    let row = ITEMS.iter().find(|row| row.0 == name);
    let Row(_, ios, mac, tv) =
        row.ok_or_else(|| AppleError::mdm(12021, format!("The setting {name} is none that this device knows")))?;
    let spec = match device.hardware.platform {
        Platform::MacOs => mac,
        Platform::TvOs => tv,
        _ => ios,
    };
    let not_here = |why: &str| AppleError::mdm(12021, format!("The setting {name} cannot be changed: {why}"));
    if let Some(why) = allowed::unfit(&device.hardware, channel, spec) {
        return Err(not_here(why));
    }
    if matches!(name, "DataRoaming" | "VoiceRoaming" | "PersonalHotspot") && !device.hardware.cellular {
        return Err(not_here("the device has no cellular radio"));
    }
    match typed(keys)? {
        SettingsItem::ApplicationAttributes { identifier, attributes } => {
            let attributes = attributes.as_ref().map(AppAttributes::to_dictionary).unwrap_or_default();
            apps::check_attributes(state, &attributes)?;
            state.managed_app(identifier.as_str())?.attributes = attributes;
        }
        SettingsItem::ApplicationConfiguration { identifier, configuration } => {
            state.managed_app(identifier.as_str())?.configuration = configuration;
        }
        SettingsItem::DataRoaming { enabled } => {
            state.data_roaming = enabled;
            // Apple schema: switching data roaming on switches voice roaming on too.
            state.voice_roaming |= enabled;
        }
        SettingsItem::VoiceRoaming { enabled } => state.voice_roaming = enabled,
        SettingsItem::OrganizationInfo(_) => {
            state.organization = keys.get("OrganizationInfo").and_then(Value::as_dictionary).cloned();
        }
        SettingsItem::DeviceName { name } if name.is_empty() => {
            return Err(AppleError::mdm(12008, "DeviceName is empty"));
        }
        SettingsItem::DeviceName { name } => state.name = name,
        SettingsItem::Other { item, .. } => {
            return Err(AppleError::mdm(12008, format!("The setting {item} is malformed")));
        }
        _ => {
            let mut rest = keys.clone();
            rest.remove("Item");
            state.settings.insert(name.to_owned(), rest);
        }
    }
    Ok(())
}

/// The item, read by the reader of the whole command.
fn typed(keys: &Dictionary) -> Result<SettingsItem, AppleError> {
    let malformed = || AppleError::mdm(12008, "A setting is malformed");
    let mut command = Dictionary::new();
    command.insert("RequestType".to_owned(), "Settings".into());
    command.insert("Settings".to_owned(), vec![Value::Dictionary(keys.clone())].into());
    match Command::from_dictionary(&command) {
        Ok(Command::Settings { items }) => items.into_iter().next().ok_or_else(malformed),
        _ => Err(malformed()),
    }
}
