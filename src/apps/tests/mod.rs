//! Scenarios of the reconciler over the real store: facts are written through the rooms' own functions, a small device
//! fetches and answers what is queued, Apple confirms what is wished.

mod defaults;
mod meanwhile;
mod path;
mod phone;
mod plans;
mod removal;

use super::{NewApp, Report, ReportRow, Scope, add, reconciler, report};
use crate::context::Context;
use crate::enrollment;
use crate::ids::{AccountId, AppId, ProfileId};
use crate::licenses::{self, Defaults};
use crate::profiles;
use crate::testing::World;
use phone::Phone;
use russet_protocol::{AdamId, PricingParam};
use std::time::Duration;

/// What the location owns: two apps for everything, one for iPhones only.
const APPS: &[(u32, &str, &str, &str)] = &[
    (1001, "Notes", "com.example.notes", "iOS,macOS"),
    (1002, "Maps", "com.example.maps", "iOS,macOS"),
    (1003, "Pocket", "com.example.pocket", "iOS"),
];
const STORE: &[(u64, &str)] = &[(1001, "com.example.notes"), (1002, "com.example.maps"), (1003, "com.example.pocket")];

/// An account with the defaults of issue's example: no backups, no roaming, a VPN, single sign-on.
struct Place<'a> {
    world: &'a World,
    account: AccountId,
    defaults: Defaults,
}

impl<'a> Place<'a> {
    async fn new(world: &'a World) -> Self {
        let vpn = import(&world.ctx, "VPN", &crate::cli::demo::profiles::per_app_vpn().unwrap()).await;
        let sso = import(&world.ctx, "Sign-on", &crate::cli::demo::profiles::kerberos_single_sign_on().unwrap()).await;
        let defaults = Defaults {
            mandatory: Some(true),
            prevent_backup: Some(true),
            data_roaming: Some(false),
            cellular_data: Some(true),
            vpn_profile: Some(vpn),
            sso_profile: Some(sso),
            sso_urls: vec!["https://intranet.example.com/".to_owned()],
            ..Defaults::default()
        };
        Self::with(world, defaults).await
    }

    async fn with(world: &'a World, defaults: Defaults) -> Self {
        let account = licenses::testing::account(&world.ctx, defaults.clone(), APPS).await;
        Self { world, account, defaults }
    }

    fn ctx(&self) -> &Context {
        &self.world.ctx
    }

    async fn add(&self, adam: u64) -> AppId {
        let new = NewApp {
            account: self.account,
            adam: AdamId(adam),
            pricing: PricingParam::Standard,
            scope: Scope::Everyone,
        };
        add(self.ctx(), new).await.unwrap().id
    }

    /// A device that has just enrolled.
    async fn enroll(&self, serial: &str, product: &str) -> Phone {
        let (device, channel) = enrollment::testing::enroll(self.ctx(), serial, product).await;
        Phone::new(device, channel, &format!("UDID-{serial}"), STORE)
    }

    /// Plans everything that is due.
    async fn plan(&self) {
        while reconciler::step(self.ctx()).await.unwrap() > 0 {}
    }

    /// Plans, lets Apple confirm and the devices answer, and lets time pass, until nothing is due any more.
    async fn settle(&self, phones: &mut [&mut Phone]) -> Report {
        for _ in 0..40 {
            self.plan().await;
            licenses::testing::confirm(self.ctx()).await;
            self.plan().await;
            for phone in &mut *phones {
                phone.session(self.ctx()).await;
            }
            self.plan().await;
            let report = self.report().await;
            if report.settled && report.satisfied {
                return report;
            }
            self.world.clock.advance(Duration::from_secs(10));
        }
        panic!("it does not settle: {:#?}", self.report().await);
    }

    async fn report(&self) -> Report {
        report(&mut *self.ctx().store.read().await.unwrap(), self.ctx().now()).await.unwrap()
    }

    async fn set_defaults(&self, defaults: &Defaults) {
        licenses::accounts::set_defaults(self.ctx(), self.account, defaults.clone(), None).await.unwrap();
        // What the license worker does next.
        let mut tx = self.ctx().store.begin("test: mark").await.unwrap();
        let (lane, now) = (crate::directory::dirty::Lane::Bulk, self.ctx().now());
        crate::directory::dirty::mark_all(&mut *tx, lane, "defaults changed", now).await.unwrap();
        tx.commit().await.unwrap();
    }
}

async fn import(ctx: &Context, name: &str, bytes: &[u8]) -> ProfileId {
    profiles::import(ctx, name, bytes).await.unwrap()
}

/// The row of one app.
fn row<'a>(report: &'a Report, phone: &Phone, app: AppId) -> &'a ReportRow {
    report.items.iter().find(|row| row.device.id == phone.device && row.app.id == app).unwrap()
}

fn setting<'a>(row: &'a ReportRow, name: &str) -> &'a super::SettingView {
    row.settings.iter().find(|setting| setting.name == name).unwrap()
}
