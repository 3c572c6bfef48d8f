//! A device for tests of this room: it fetches what is queued, does it, and answers through the queue's own functions.

use crate::commands;
use crate::context::Context;
use crate::ids::{ChannelId, DeviceId};
use russet_protocol::checkin::Sender;
use russet_protocol::command::{Command, Delivered, InstallApplication, SettingsItem};
use russet_protocol::guard::Limits;
use russet_protocol::profile::Profile;
use russet_protocol::result::{
    Answer, AppState, ErrorChainItem, InstallApplicationAnswer, ManagedApplication, ManagedApplicationList, Report,
};
use russet_protocol::{BundleId, Udid};
use std::collections::BTreeMap;

/// One device and what is on it.
pub(super) struct Phone {
    pub(super) device: DeviceId,
    pub(super) channel: ChannelId,
    sender: Sender,
    /// Bundle identifiers of store numbers, as the store would tell.
    store: BTreeMap<u64, &'static str>,
    /// Managed apps: management flags and `VPNUUID`.
    pub(super) apps: BTreeMap<String, (i64, Option<String>)>,
    /// Profiles by identifier.
    pub(super) profiles: BTreeMap<String, Vec<u8>>,
    /// Errors for the next installs.
    pub(super) refuse: Vec<ErrorChainItem>,
    /// What was fetched so far, by request type.
    pub(super) journal: Vec<String>,
}

impl Phone {
    pub(super) fn new(device: DeviceId, channel: ChannelId, udid: &str, store: &[(u64, &'static str)]) -> Self {
        Self {
            device,
            channel,
            sender: Sender::device(Udid::new(udid).unwrap()),
            store: store.iter().copied().collect(),
            apps: BTreeMap::new(),
            profiles: BTreeMap::new(),
            refuse: Vec::new(),
            journal: Vec::new(),
        }
    }

    /// One session: everything that can be fetched is done. Returns the request types in order.
    pub(super) async fn session(&mut self, ctx: &Context) -> Vec<String> {
        let mut report = Report::idle(self.sender.clone());
        let before = self.journal.len();
        loop {
            let mut tx = ctx.store.begin("test: a device speaks").await.unwrap();
            let raw = report.encode();
            let next =
                commands::record_and_next(&mut *tx, ctx, self.channel, self.device, &report, &raw).await.unwrap();
            tx.commit().await.unwrap();
            let Some(delivery) = next else { return self.journal[before..].to_vec() };
            let delivered =
                Delivered::decode(&delivery.bytes, Limits::for_body(delivery.bytes.len())).unwrap().unwrap();
            self.journal.push(delivered.command.request_type().to_owned());
            report = self.answer(delivered);
        }
    }

    fn answer(&mut self, delivered: Delivered) -> Report {
        let (sender, uuid) = (self.sender.clone(), delivered.uuid);
        match delivered.command {
            Command::InstallProfile { payload } => {
                let profile = Profile::decode(&payload, Limits::for_body(payload.len())).unwrap();
                self.profiles.insert(profile.identifier.clone(), payload);
                Report::acknowledged(sender, uuid, &Answer::none())
            }
            Command::RemoveProfile { identifier } => {
                self.profiles.remove(&identifier);
                Report::acknowledged(sender, uuid, &Answer::none())
            }
            Command::InstallApplication(install) => {
                if let Some(error) = self.refuse.pop() {
                    return Report::failed(sender, uuid, vec![error], &Answer::none());
                }
                let state = self.install(&install);
                Report::acknowledged(sender, uuid, &Answer::InstallApplication(state))
            }
            Command::RemoveApplication { identifier } => {
                self.apps.remove(identifier.as_str());
                Report::acknowledged(sender, uuid, &Answer::none())
            }
            Command::Settings { items } => {
                for item in items {
                    if let SettingsItem::ApplicationAttributes { identifier, attributes } = item {
                        let app = self.apps.get_mut(identifier.as_str()).unwrap();
                        app.1 = attributes.and_then(|attributes| attributes.vpn_uuid);
                    }
                }
                Report::acknowledged(sender, uuid, &Answer::none())
            }
            Command::ManagedApplicationList { .. } => {
                let apps = self.apps.iter().map(|(id, (flags, _))| managed(id, *flags)).collect();
                let list = Answer::ManagedApplicationList(ManagedApplicationList { apps });
                Report::acknowledged(sender, uuid, &list)
            }
            _ => Report::acknowledged(sender, uuid, &Answer::none()),
        }
    }

    fn install(&mut self, install: &InstallApplication) -> InstallApplicationAnswer {
        let russet_protocol::command::AppSource::Store(adam) = install.source else { panic!("not from the store") };
        let bundle_id = self.store[&adam.0];
        let vpn = install.attributes.as_ref().and_then(|attributes| attributes.vpn_uuid.clone());
        let app = self.apps.entry(bundle_id.to_owned()).or_default();
        app.0 = install.management_flags.bits();
        app.1 = vpn.or(app.1.take());
        InstallApplicationAnswer {
            identifier: Some(BundleId::new(bundle_id).unwrap()),
            state: Some(AppState::Installing),
            rejection_reason: None,
        }
    }
}

fn managed(bundle_id: &str, flags: i64) -> ManagedApplication {
    ManagedApplication {
        identifier: BundleId::new(bundle_id).unwrap(),
        status: AppState::Managed,
        management_flags: Some(flags),
        has_configuration: None,
        has_feedback: None,
        is_validated: None,
        external_version: None,
        other: Default::default(),
    }
}

/// "License not found", as a device says it before the license has reached it.
pub(super) fn license_not_found() -> ErrorChainItem {
    ErrorChainItem {
        code: 9610,
        domain: "ASDServerErrorDomain".to_owned(),
        localized: "License not found".to_owned(),
        english: None,
    }
}
