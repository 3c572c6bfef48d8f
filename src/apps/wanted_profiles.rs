//! The profiles that a device is meant to have because of its apps: composed from what the planner wants, and compared
//! with what the device confirmed.

use super::facts::Case;
use super::library::Library;
use crate::context::Context;
use crate::ids::ProfileId;
use crate::profiles::compose::{self, ComposeError, Composed, Mapping, Rule};
use crate::profiles::delivery::{Asked, DeviceProfile};
use crate::profiles::{Imported, Kind};
use russet_planner::facts::{ProfileCommand, ProfileFacts, ProfileKey};
use russet_planner::profiles::{self, Content, NetworkRule, VpnMapping};
use russet_protocol::BundleId;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Fills in the profiles of one case, whose conclusions are drawn. `states`: what is known of the device's profiles.
pub(super) fn fill(ctx: &Context, library: &Library, case: &mut Case, states: Vec<DeviceProfile>) {
    let channel = case.live.as_ref().map(|live| live.channel);
    let mut known: BTreeMap<ProfileKey, DeviceProfile> = BTreeMap::new();
    // What another enrollment's channel was told counts no more.
    for state in states.into_iter().filter(|state| Some(state.channel) == channel) {
        if let Some(key) = key_of(library, &state.identifier) {
            known.insert(key, state);
        }
    }
    for (key, content) in profiles::wanted(&case.facts) {
        match compose(ctx, library, &content) {
            Ok(composed) => {
                case.composed.insert(key, composed);
            }
            // Without an entry the planner says of each app that needs it that it could not be composed.
            Err(error) => {
                tracing::warn!(device = %case.device.id, profile = key.words(), %error, "a profile cannot be composed");
            }
        }
    }
    let keys: BTreeSet<ProfileKey> = known.keys().chain(case.composed.keys()).cloned().collect();
    for key in keys {
        let state = known.remove(&key);
        case.facts.profiles.push(ProfileFacts {
            wanted: case.composed.get(&key).map(|composed| composed.hash.clone()),
            installed: state.as_ref().and_then(|state| state.installed_hash.clone()),
            command: state.as_ref().and_then(|state| state.asked.as_ref()).map(as_planned),
            key: key.clone(),
        });
        if let Some(state) = state {
            case.identifiers.insert(key, state.identifier);
        }
    }
}

/// Which profile an identifier stands for; `None` for those that have nothing to do with apps.
fn key_of(library: &Library, identifier: &str) -> Option<ProfileKey> {
    match identifier {
        compose::NETWORK_USAGE_RULES => Some(ProfileKey::NetworkUsage),
        compose::SINGLE_SIGN_ON => Some(ProfileKey::SingleSignOn),
        compose::APP_MAPPING => Some(ProfileKey::AppMapping),
        other => {
            let is_it =
                |profile: &&Imported| profile.identifier == other && matches!(profile.kind, Kind::PerAppVpn { .. });
            library.profiles.values().find(is_it).map(|profile| ProfileKey::Vpn(profile.id.0))
        }
    }
}

fn as_planned(asked: &Asked) -> ProfileCommand {
    match asked.clone() {
        Asked::Open { command, hash, since } => ProfileCommand::Open { command, hash, since },
        Asked::Failed { hash, at, text, tries } => ProfileCommand::Refused { hash, at, text, tries },
    }
}

fn compose(ctx: &Context, library: &Library, content: &Content) -> Result<Composed, ComposeError> {
    match content {
        Content::Vpn(id) => compose::imported(ctx, imported(library, *id)?),
        Content::SingleSignOn { base, apps, urls } => {
            compose::single_sign_on(ctx, imported(library, *base)?, apps, urls)
        }
        Content::NetworkUsage(rules) => compose::network_usage_rules(&rules.iter().map(rule).collect::<Vec<_>>()),
        Content::AppMapping(mappings) => {
            let mappings: Vec<Mapping> = mappings.iter().map(|mapping| signed(library, mapping)).collect();
            compose::app_mapping(&mappings)
        }
    }
}

fn imported(library: &Library, id: Uuid) -> Result<&Imported, ComposeError> {
    library.profiles.get(&ProfileId(id)).ok_or(ComposeError::Nothing)
}

fn rule(rule: &NetworkRule) -> Rule {
    Rule { bundle_id: rule.bundle_id.clone(), roaming: rule.roaming, cellular: rule.cellular }
}

/// A Mac knows an app by its signature: as the app's settings say, else as apps from Apple's store are signed.
fn signed(library: &Library, mapping: &VpnMapping) -> Mapping {
    let bundle_id = &mapping.bundle_id;
    let settings = library.apps.values().find(|app| app.bundle_id.as_ref() == Some(bundle_id)).map(|app| &app.settings);
    let signing = settings.and_then(|settings| settings.signing_identifier.clone());
    let requirement = settings.and_then(|settings| settings.designated_requirement.clone());
    Mapping {
        bundle_id: bundle_id.clone(),
        vpn_uuid: mapping.vpn.vpn_uuid.clone(),
        signing_identifier: signing.unwrap_or_else(|| bundle_id.as_str().to_owned()),
        designated_requirement: requirement.unwrap_or_else(|| store_signature(bundle_id)),
    }
}

/// The designated requirement of apps from the Mac App Store: Apple's chain, with the marker of its store on the leaf, as
/// `codesign -d -r-` shows it.
fn store_signature(bundle_id: &BundleId) -> String {
    format!(
        "anchor apple generic and certificate leaf[field.1.2.840.113635.100.6.1.9] exists and identifier \"{}\"",
        bundle_id.as_str()
    )
}
