//! Which configuration profiles a device is meant to have because of its apps. Merged ones are made of every app that
//! is wanted or still there, not of those installed so far: one install, not twenty. Composing bytes is not done here.

use crate::facts::{AppFacts, DeviceFacts, Enrolled, Presence, ProfileKey};
use crate::settings::{AssignmentType, SignOnProfile, VpnProfile};
use crate::support::{EnrollmentKind, Setting, Support, support};
use russet_protocol::{BundleId, Platform};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// One app's network usage rule (`ApplicationRules`, com.apple.networkusagerules).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NetworkRule {
    /// `AppIdentifierMatches`, one a rule.
    pub bundle_id: BundleId,
    /// `AllowRoamingCellularData`.
    pub roaming: bool,
    /// `AllowCellularData`.
    pub cellular: bool,
}

/// One app's VPN on a Mac (`AppLayerVPNMapping`, com.apple.vpn.managed.appmapping).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VpnMapping {
    /// `Identifier`.
    pub bundle_id: BundleId,
    /// The VPN profile it goes to.
    pub vpn: VpnProfile,
}

/// The wanted content of a profile. Lists are sorted and never empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Content {
    /// The imported profile as it is.
    Vpn(Uuid),
    /// The imported single sign-on profile with these apps and URLs.
    SingleSignOn {
        /// The imported profile.
        base: Uuid,
        /// `AppIdentifierMatches`.
        apps: Vec<BundleId>,
        /// `URLPrefixMatches`; empty means that the imported profile's own list stands.
        urls: Vec<String>,
    },
    /// Network usage rules.
    NetworkUsage(Vec<NetworkRule>),
    /// The Mac's app-to-VPN map.
    AppMapping(Vec<VpnMapping>),
}

/// Every profile that is wanted, by key.
pub type Wanted = BTreeMap<ProfileKey, Content>;

/// What [`DeviceFacts`] want. Empty while the device is not enrolled or its platform is unknown.
#[must_use]
pub fn wanted(device: &DeviceFacts) -> Wanted {
    let mut wanted = Wanted::new();
    let Some(platform) = device.platform else { return wanted };
    if device.enrolled != Enrolled::Live {
        return wanted;
    }
    let reaches = |setting| support(setting, platform, device.kind);
    let sign_on = sign_on(device, platform);
    let mut matches = BTreeSet::new();
    let mut rules = BTreeSet::new();
    let mut mappings = BTreeSet::new();
    for app in &device.apps {
        for vpn in vpns_in_use(app) {
            wanted.insert(ProfileKey::Vpn(vpn.profile), Content::Vpn(vpn.profile));
        }
        let (Some(bundle_id), true) = (&app.bundle_id, in_effect(device, app)) else { continue };
        let settings = &app.settings;
        if let Some(vpn) = &settings.vpn.value {
            // An app on its way out keeps what it has, and gets nothing new.
            if reaches(Setting::Vpn).is_sent() && (is_due(app) || reaches(Setting::Vpn) == Support::ByAppMapping) {
                wanted.insert(ProfileKey::Vpn(vpn.profile), Content::Vpn(vpn.profile));
            }
            if reaches(Setting::Vpn) == Support::ByAppMapping {
                mappings.insert(VpnMapping { bundle_id: bundle_id.clone(), vpn: vpn.clone() });
            }
        }
        if settings.single_sign_on.value.is_some() && settings.single_sign_on.value.as_ref() == sign_on {
            matches.insert(bundle_id.clone());
        }
        if reaches(Setting::CellularData).is_sent() && !settings.may_roam() {
            rules.insert(NetworkRule {
                bundle_id: bundle_id.clone(),
                roaming: false,
                cellular: settings.cellular_data.value,
            });
        }
    }
    if let (Some(sign_on), false) = (sign_on, matches.is_empty()) {
        let content = Content::SingleSignOn {
            base: sign_on.profile,
            apps: matches.into_iter().collect(),
            urls: sign_on.urls.clone(),
        };
        wanted.insert(ProfileKey::SingleSignOn, content);
    }
    if !rules.is_empty() {
        wanted.insert(ProfileKey::NetworkUsage, Content::NetworkUsage(rules.into_iter().collect()));
    }
    if !mappings.is_empty() {
        wanted.insert(ProfileKey::AppMapping, Content::AppMapping(mappings.into_iter().collect()));
    }
    wanted
}

/// The single sign-on profile that this device holds: the one of its first app that has any. A device can hold one.
pub(crate) fn sign_on(device: &DeviceFacts, platform: Platform) -> Option<&SignOnProfile> {
    if !support(Setting::SingleSignOn, platform, device.kind).is_sent() {
        return None;
    }
    let with = device.apps.iter().filter(|app| app.bundle_id.is_some() && in_effect(device, app));
    with.filter_map(|app| app.settings.single_sign_on.value.as_ref()).next()
}

/// The profiles that have to be on the device before this app.
pub(crate) fn needs(device: &DeviceFacts, app: &AppFacts) -> Vec<ProfileKey> {
    let Some(platform) = device.platform else { return Vec::new() };
    let reaches = |setting| support(setting, platform, device.kind);
    let mut keys = Vec::new();
    if let Some(vpn) = &app.settings.vpn.value {
        if reaches(Setting::Vpn).is_sent() {
            keys.push(ProfileKey::Vpn(vpn.profile));
        }
        if reaches(Setting::Vpn) == Support::ByAppMapping {
            keys.push(ProfileKey::AppMapping);
        }
    }
    let own = app.settings.single_sign_on.value.as_ref();
    if own.is_some() && own == sign_on(device, platform) {
        keys.push(ProfileKey::SingleSignOn);
    }
    if reaches(Setting::CellularData).is_sent() && !app.settings.may_roam() {
        keys.push(ProfileKey::NetworkUsage);
    }
    keys
}

/// Whether a managed copy of the app is, or may be, on the device.
pub(crate) fn is_there(app: &AppFacts) -> bool {
    // What the person removed keeps its notes: the device may keep its attributes for the next install.
    match app.listed.as_ref().map(|listed| &listed.presence) {
        Some(Presence::RemovedByPerson) => false,
        Some(presence) if presence.is_there() => true,
        _ => app.memory.confirmed.is_some(),
    }
}

/// Whether the app runs on this device and a device license can reach it at all.
pub(crate) fn is_possible(device: &DeviceFacts, app: &AppFacts) -> bool {
    app.fits
        && app.settings.assignment_type.value == AssignmentType::Device
        && device.serial.is_some()
        && device.kind == EnrollmentKind::Device
}

/// Whether the app is to be on the device: meant for it, and mandatory or rolled out.
pub(crate) fn is_due(app: &AppFacts) -> bool {
    app.wanted && (app.settings.mandatory.value || app.rolled_out || is_there(app))
}

/// Whether the app shapes the device's profiles: it is to be there, or still is.
fn in_effect(device: &DeviceFacts, app: &AppFacts) -> bool {
    let stays_away =
        !app.settings.mandatory.value && app.listed.as_ref().is_some_and(|it| it.presence == Presence::RemovedByPerson);
    (is_due(app) && is_possible(device, app) && !stays_away) || is_there(app)
}

/// VPN profiles that the copy on the device refers to or is about to refer to: they stay until it no longer does.
fn vpns_in_use(app: &AppFacts) -> impl Iterator<Item = &VpnProfile> {
    let counts = is_there(app) || (app.wanted && app.settings.mandatory.value);
    let confirmed = app.memory.confirmed.as_ref().filter(|_| counts);
    let confirmed = confirmed.and_then(|confirmed| confirmed.attributes.vpn.as_ref());
    let install = app.memory.install.as_ref().filter(|sent| sent.is_open());
    let install = install.and_then(|sent| sent.what.attributes.vpn.as_ref());
    let change = app.memory.attributes.as_ref().filter(|sent| sent.is_open());
    let change = change.and_then(|sent| sent.what.vpn.as_ref());
    [confirmed, install, change].into_iter().flatten()
}
