//! Writing commands, as the server stores and sends them.

use super::{Command, SettingsItem};
use crate::fields::Put;
use crate::ids::BundleId;
use crate::wire::{Field, put_list};
use plist::{Dictionary, Value};

impl Command {
    /// The `Command` dictionary.
    #[must_use]
    pub fn to_dictionary(&self) -> Dictionary {
        let mut keys = Dictionary::new();
        keys.put("RequestType", self.request_type());
        match self {
            Self::InstallProfile { payload } => keys.put("Payload", Value::Data(payload.clone())),
            Self::RemoveProfile { identifier } => keys.put("Identifier", identifier.as_str()),
            Self::ProfileList { managed_only }
            | Self::CertificateList { managed_only }
            | Self::ProvisioningProfileList { managed_only } => {
                keys.put_some("ManagedOnly", managed_only.then_some(true));
            }
            Self::InstallApplication(install) => install.write(&mut keys),
            Self::RemoveApplication { identifier } => keys.put("Identifier", identifier.as_str()),
            Self::ManagedApplicationList { identifiers } => put_ids(&mut keys, identifiers),
            Self::InstalledApplicationList { identifiers, managed_only, items } => {
                put_ids(&mut keys, identifiers);
                keys.put_some("ManagedAppsOnly", managed_only.then_some(true));
                if !items.is_empty() {
                    keys.put_texts("Items", items);
                }
            }
            Self::DeviceInformation { queries } => keys.put_texts("Queries", queries),
            Self::SecurityInfo
            | Self::UserList
            | Self::AvailableOsUpdates
            | Self::OsUpdateStatus
            | Self::ShutDownDevice
            | Self::DisableLostMode
            | Self::PlayLostModeSound
            | Self::DeviceLocation
            | Self::DeviceConfigured => {}
            Self::InstallEnterpriseApplication(install) => install.write(&mut keys),
            // Apple: required, even if it is empty.
            Self::ManagedApplicationConfiguration { identifiers }
            | Self::ManagedApplicationAttributes { identifiers } => put_list(&mut keys, "Identifiers", identifiers),
            Self::ManagedApplicationFeedback { identifiers, delete } => {
                put_list(&mut keys, "Identifiers", identifiers);
                keys.put_some("DeleteFeedback", delete.then_some(true));
            }
            Self::ApplyRedemptionCode(apply) => apply.write(&mut keys),
            Self::InviteToProgram(invite) => invite.write(&mut keys),
            Self::DeviceLock(lock) => lock.write(&mut keys),
            Self::ClearPasscode { unlock_token } => unlock_token.store(&mut keys, "UnlockToken"),
            Self::EraseDevice(erase) => erase.write(&mut keys),
            Self::RestartDevice(restart) => restart.write(&mut keys),
            Self::EnableLostMode(lost) => lost.write(&mut keys),
            Self::RequestMirroring(mirroring) => mirroring.write(&mut keys),
            Self::SetRecoveryLock(lock) => lock.write(&mut keys),
            Self::VerifyRecoveryLock { password } => password.store(&mut keys, "Password"),
            Self::RotateFileVaultKey(rotate) => rotate.write(&mut keys),
            Self::DeclarativeManagement { data } => data.store(&mut keys, "Data"),
            Self::Settings { items } => {
                keys.put("Settings", items.iter().map(SettingsItem::to_value).collect::<Vec<_>>());
            }
            Self::Raw { keys: rest, .. } => keys.put_rest(rest),
            // For questions about it only: what is sent are its own bytes.
            Self::Given(given) => keys.put_rest(given.keys()),
        }
        keys
    }
}

fn put_ids(keys: &mut Dictionary, identifiers: &[BundleId]) {
    if !identifiers.is_empty() {
        let texts: Vec<&str> = identifiers.iter().map(BundleId::as_str).collect();
        keys.put_texts("Identifiers", &texts);
    }
}
