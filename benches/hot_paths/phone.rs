//! A device that does what it is told, without a network: it speaks with the rooms directly.

use crate::world::Enrolled;
use russet::commands;
use russet::context::Context;
use russet_protocol::BundleId;
use russet_protocol::checkin::Sender;
use russet_protocol::command::{AppSource, Command, Delivered};
use russet_protocol::guard::Limits;
use russet_protocol::result::{
    Answer, AppState, InstallApplicationAnswer, ManagedApplication, ManagedApplicationList, Report,
};
use std::collections::BTreeMap;

/// A device and its managed apps, with their management flags.
pub(crate) struct Phone {
    pub(crate) one: Enrolled,
    apps: BTreeMap<String, i64>,
}

pub(crate) fn decode(bytes: &[u8]) -> Delivered {
    Delivered::decode(bytes, Limits::for_body(bytes.len())).unwrap().unwrap()
}

/// The bundle identifier of an app of the benchmark.
pub(crate) fn bundle_id(adam: u64) -> String {
    format!("com.example.app{adam}")
}

impl Phone {
    pub(crate) fn new(one: Enrolled) -> Self {
        Self { one, apps: BTreeMap::new() }
    }

    /// One session: everything that is queued is done.
    pub(crate) async fn session(&mut self, ctx: &Context) {
        let mut report = Report::idle(Sender::device(self.one.udid.clone()));
        loop {
            let mut tx = ctx.store.begin("bench: a device speaks").await.unwrap();
            let (raw, channel, device) = (report.encode(), self.one.channel, self.one.device);
            let next = commands::record_and_next(&mut *tx, ctx, channel, device, &report, &raw).await.unwrap();
            tx.commit().await.unwrap();
            let Some(delivery) = next else { return };
            report = self.answer(decode(&delivery.bytes));
        }
    }

    fn answer(&mut self, delivered: Delivered) -> Report {
        let answer = match delivered.command {
            Command::InstallApplication(install) => {
                let AppSource::Store(adam) = install.source else { panic!("not from the store") };
                let bundle_id = bundle_id(adam.0);
                self.apps.insert(bundle_id.clone(), install.management_flags.bits());
                Answer::InstallApplication(InstallApplicationAnswer {
                    identifier: Some(BundleId::new(bundle_id).unwrap()),
                    state: Some(AppState::Installing),
                    rejection_reason: None,
                })
            }
            Command::ManagedApplicationList { .. } => {
                let apps = self.apps.iter().map(|(id, flags)| managed(id, *flags)).collect();
                Answer::ManagedApplicationList(ManagedApplicationList { apps })
            }
            _ => Answer::none(),
        };
        Report::acknowledged(Sender::device(self.one.udid.clone()), delivered.uuid, &answer)
    }
}

/// An entry of the list of managed apps.
pub(crate) fn managed(bundle_id: &str, flags: i64) -> ManagedApplication {
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
