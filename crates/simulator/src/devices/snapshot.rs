//! Turns what a device remembers into what can be seen from outside: for each app the settings in force, gathered from its
//! attributes and from the payloads that speak about it.

use super::channel::Channel;
use super::device::Device;
use super::questions::tell;
use super::rules::{self, NETWORK_RULES, SSO, VPN_MAPPING};
use super::state::{App, Installed, State};
use super::view::{AppView, DeviceView, NetworkView, ProfileView, SsoView, UserView};
use plist::{Dictionary, Value};
use russet_protocol::Platform;
use std::collections::BTreeMap;

impl Device {
    /// The device as it is now.
    pub(super) fn view(&self) -> DeviceView {
        let hardware = &self.hardware;
        let mac = hardware.platform == Platform::MacOs;
        let mut guard = self.state();
        let state = &mut *guard;
        // What time alone brings about is true whether a list was asked for or not.
        let names: Vec<String> = state.apps.keys().cloned().collect();
        names.iter().for_each(|name| super::commands::advance(state, name, self.shared.options.pace, false));
        DeviceView {
            index: hardware.index,
            serial: hardware.serial.clone(),
            udid: hardware.udid.clone(),
            name: state.name.clone(),
            platform: hardware.platform,
            product: hardware.product.to_owned(),
            os_version: hardware.os_version.to_owned(),
            supervised: hardware.supervised,
            shared: hardware.shared,
            enrollment_id: hardware.enrollment_id.clone(),
            identity: hardware.identity,
            phase: state.phase,
            enrolled: state.enrollment.is_some(),
            enrollments: state.enrollments,
            locked: state.locked,
            users: users(state),
            awaiting: state.awaiting,
            power: state.power,
            passcode: state.passcode,
            recovery_lock: state.recovery_lock.is_some(),
            lock_message: state.lock_message.clone(),
            lost: state.lost.clone(),
            sounds: state.sounds,
            restarts: state.restarts,
            erasures: state.erasures,
            restores: state.restores,
            bootstrap_escrowed: state.bootstrap_token.is_some(),
            declarations: declarations(state),
            synchronized: state.declarations.values().map(|held| held.synchronized).sum(),
            settings: settings(state),
            heard: state.heard.clone(),
            data_roaming: hardware.cellular.then_some(state.data_roaming),
            profiles: state
                .profiles
                .iter()
                .filter(|installed| installed.channel == Channel::Device)
                .map(profile_view)
                .collect(),
            apps: state.apps.values().map(|app| app_view(state, app, mac)).collect(),
            problems: state.problems.clone(),
            journal: state.journal.clone(),
            profile_installs: state.installs.clone(),
            app_installs: state.app_installs.clone(),
            pushes: state.pushes,
            last_error: state.last_error.clone(),
        }
    }
}

fn users(state: &State) -> Vec<UserView> {
    let view = |(place, user): (usize, &super::channel::User)| UserView {
        short_name: user.short_name.clone(),
        id: user.id.clone(),
        enrolled: user.live,
        declined: user.declined,
        awaiting: user.awaiting,
        profiles: state
            .profiles
            .iter()
            .filter(|installed| installed.channel == Channel::User(place))
            .map(|installed| installed.profile.identifier.clone())
            .collect(),
    };
    state.users.iter().enumerate().map(view).collect()
}

fn declarations(state: &State) -> BTreeMap<String, String> {
    let own = state.declarations.get(&Channel::Device);
    let items = own.into_iter().flat_map(|held| &held.items);
    items.map(|((_, id), held)| (id.clone(), held.server_token.clone())).collect()
}

fn settings(state: &State) -> BTreeMap<String, String> {
    let mut told = BTreeMap::new();
    for (item, keys) in &state.settings {
        keys.iter().for_each(|(key, value)| tell(&mut told, &format!("{item}.{key}"), value));
    }
    told
}

fn profile_view(installed: &Installed) -> ProfileView {
    let profile = &installed.profile;
    ProfileView {
        identifier: profile.identifier.clone(),
        uuid: profile.uuid.clone(),
        name: profile.name.clone(),
        managed: installed.managed,
        signature: profile.signature,
        sha256: profile.sha256.clone(),
        install_count: installed.install_count,
        payloads: profile.payload_views(),
    }
}

fn app_view(state: &State, app: &App, mac: bool) -> AppView {
    let attribute = app.attributes.get("VPNUUID").and_then(Value::as_string).map(str::to_owned);
    AppView {
        bundle_id: app.bundle_id.clone(),
        adam_id: app.adam_id,
        name: app.name.clone(),
        state: app.state.to_owned(),
        managed: app.managed,
        present: app.present,
        flags: app.flags,
        prevents_backup: app.managed && app.flags & 4 != 0,
        vpn_uuid: if mac { mapped_vpn(state, &app.bundle_id) } else { attribute },
        attributes: attributes(&app.attributes),
        has_configuration: app.configuration.is_some(),
        external_version: app.external_version,
        version: app.version.clone(),
        install_count: app.install_count,
        network: network(state, app),
        sso: single_sign_on(state, app),
    }
}

fn attributes(keys: &Dictionary) -> BTreeMap<String, String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Boolean(flag) => flag.to_string(),
        Value::Array(items) => items.iter().filter_map(Value::as_string).collect::<Vec<_>>().join(" "),
        other => format!("{other:?}"),
    };
    keys.iter().map(|(key, value)| (key.clone(), text(value))).collect()
}

fn payloads<'a>(state: &'a State, kind: &'a str) -> impl Iterator<Item = &'a Dictionary> {
    state.profiles.iter().flat_map(move |installed| installed.profile.of_kind(kind)).map(|payload| &payload.keys)
}

fn mapped_vpn(state: &State, bundle_id: &str) -> Option<String> {
    let mappings = payloads(state, VPN_MAPPING).filter_map(|keys| keys.get("AppLayerVPNMapping")?.as_array()).flatten();
    let text = |keys: &Dictionary, key: &str| keys.get(key).and_then(Value::as_string).map(str::to_owned);
    mappings
        .filter_map(Value::as_dictionary)
        .find(|keys| text(keys, "Identifier").as_deref() == Some(bundle_id))
        .and_then(|keys| text(keys, "VPNUUID"))
}

/// Network usage rules touch managed apps only. How overlapping rules combine is not documented: the strictest counts.
fn network(state: &State, app: &App) -> Option<NetworkView> {
    if !app.managed {
        return None;
    }
    let allows = |keys: &Dictionary, key: &str| keys.get(key).and_then(Value::as_boolean).unwrap_or(true);
    payloads(state, NETWORK_RULES)
        .filter_map(|keys| keys.get("ApplicationRules")?.as_array())
        .flatten()
        .filter_map(Value::as_dictionary)
        .filter(|rule| rules::matches(rule, &app.bundle_id))
        .map(|rule| NetworkView {
            cellular: allows(rule, "AllowCellularData"),
            roaming: allows(rule, "AllowRoamingCellularData"),
        })
        .reduce(|left, right| NetworkView {
            cellular: left.cellular && right.cellular,
            roaming: left.roaming && right.roaming,
        })
}

fn single_sign_on(state: &State, app: &App) -> Option<SsoView> {
    let kerberos = payloads(state, SSO)
        .filter_map(|keys| keys.get("Kerberos")?.as_dictionary())
        .find(|keys| rules::matches(keys, &app.bundle_id))?;
    let prefixes = kerberos.get("URLPrefixMatches").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let whole = |prefix: &str| if prefix.ends_with('/') { prefix.to_owned() } else { format!("{prefix}/") };
    Some(SsoView {
        realm: kerberos.get("Realm").and_then(Value::as_string).unwrap_or_default().to_owned(),
        url_prefixes: prefixes.iter().filter_map(Value::as_string).map(whole).collect(),
    })
}
