//! The commands about apps, each built in this one place, so that first install, update, retry and change are the same.

use russet_planner::memory::{Attributes, InstallSpec};
use russet_protocol::command::{AppAttributes, Command, InstallApplication, ManagementFlags, SettingsItem};
use russet_protocol::{AdamId, BundleId};

/// `InstallApplication` with a license (`Options.PurchaseMethod` 1).
pub(super) fn install(adam: AdamId, spec: &InstallSpec) -> Command {
    Command::InstallApplication(InstallApplication {
        management_flags: ManagementFlags::from_bits(i64::from(spec.flags)),
        attributes: on_the_wire(&spec.attributes),
        install_as_managed: spec.install_as_managed.then_some(true),
        ..InstallApplication::licensed(adam)
    })
}

/// `Settings` with one `ApplicationAttributes` item: the whole set; without one it clears.
pub(super) fn attributes(app: &BundleId, attributes: &Attributes) -> Command {
    let item = SettingsItem::ApplicationAttributes { identifier: app.clone(), attributes: on_the_wire(attributes) };
    Command::Settings { items: vec![item] }
}

fn on_the_wire(attributes: &Attributes) -> Option<AppAttributes> {
    let vpn = attributes.vpn.as_ref()?;
    Some(AppAttributes { vpn_uuid: Some(vpn.vpn_uuid.clone()), ..AppAttributes::default() })
}
