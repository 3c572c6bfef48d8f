//! What a change of an account's defaults would do, before it is made: the same facts and the same planner as afterwards.

use super::error::AppsError;
use super::facts::{self, Case};
use super::library::Library;
use super::rows;
use crate::context::Context;
use crate::ids::{AccountId, AppId, DeviceId};
use crate::licenses::Defaults;
use russet_planner::steps::Direction;
use russet_planner::{Action, Plan, Step};
use serde::Serialize;
use std::collections::BTreeSet;
use uuid::Uuid;

/// What a change would do, as `POST /api/v1/accounts/{id}/defaults/preview` answers it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Preview {
    /// Each app on each device that gets commands, and each device that gets profiles.
    pub devices: Vec<PreviewItem>,
    /// The same in a few sentences.
    pub text: Vec<String>,
    /// How much it is.
    pub counts: PreviewCounts,
}

/// What one app on one device gets, or what all apps of a device share: profiles are the device's, however many apps they
/// serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PreviewItem {
    /// The device's id.
    pub device: DeviceId,
    /// The device's name.
    pub device_name: String,
    /// The app's id; none where it is about profiles.
    pub app: Option<AppId>,
    /// The app's name.
    pub app_name: Option<String>,
    /// The profiles that are installed or removed, in words.
    pub profiles: Vec<String>,
    /// `RequestType` of each command, in order.
    pub commands: Vec<String>,
    /// What the admin should know before.
    pub warning: Option<String>,
}

/// How much a change is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PreviewCounts {
    /// Devices that get commands.
    pub devices: usize,
    /// Commands over all devices.
    pub commands: usize,
    /// `InstallApplication` among them: apps that are sent again and may be updated.
    pub installs: usize,
    /// Profiles that are installed or removed.
    pub profiles: usize,
    /// Licenses that are asked for.
    pub licenses_asked: usize,
    /// Licenses that are given back.
    pub licenses_returned: usize,
}

/// Devices whose facts are read at once.
const BATCH: usize = 100;

/// Tells what a change of an account's defaults would do. Changes nothing.
///
/// # Errors
/// [`AppsError::NoSuchAccount`]; [`AppsError::BadSetting`] where the defaults contradict themselves.
pub async fn preview(ctx: &Context, account: AccountId, defaults: &Defaults) -> Result<Preview, AppsError> {
    defaults.check().map_err(|error| AppsError::BadSetting { setting: "defaults", reason: error.to_string() })?;
    let now = ctx.now();
    let mut view = ctx.store.read().await?;
    let today = Library::load(&mut *view).await?;
    let mut then = Library::load(&mut *view).await?;
    then.suppose(account, defaults.clone())?;
    let apps: BTreeSet<AppId> = today.apps.values().filter(|app| app.account == account).map(|app| app.id).collect();
    let mut preview = Preview::default();
    for devices in rows::devices_of_account(&mut *view, account).await?.chunks(BATCH) {
        let before = facts::load(&mut *view, ctx, &today, devices, now).await?;
        let after = facts::load(&mut *view, ctx, &then, devices, now).await?;
        for (before, after) in before.iter().zip(&after) {
            let known = russet_planner::plan(&before.facts, now);
            let plan = russet_planner::plan(&after.facts, now);
            preview.count(after, &known, &plan, &apps);
        }
    }
    preview.text = preview.sentences();
    Ok(preview)
}

impl Preview {
    /// Counts what one device's plan holds over that of today.
    fn count(&mut self, case: &Case, known: &Plan, plan: &Plan, apps: &BTreeSet<AppId>) {
        let news: Vec<&Step> =
            plan.steps.iter().filter(|step| !known.steps.iter().any(|old| old.action == step.action)).collect();
        for need in plan.licenses.iter().filter(|need| !known.licenses.contains(need)) {
            match need.direction {
                Direction::Give => self.counts.licenses_asked += 1,
                Direction::TakeBack => self.counts.licenses_returned += 1,
            }
        }
        if news.is_empty() {
            return;
        }
        self.counts.devices += 1;
        self.counts.commands += news.len();
        for step in &news {
            match step.action {
                Action::InstallApplication { .. } => self.counts.installs += 1,
                Action::InstallProfile { .. } | Action::RemoveProfile { .. } => self.counts.profiles += 1,
                _ => {}
            }
        }
        let item = |of: &dyn Fn(&Action) -> bool| PreviewItem {
            device: case.device.id,
            device_name: case.device.label(),
            app: None,
            app_name: None,
            profiles: Vec::new(),
            commands: news.iter().filter(|it| of(&it.action)).map(|it| request_type(&it.action).to_owned()).collect(),
            warning: None,
        };
        let of_device = item(&|action| app_of(action).is_none());
        if !of_device.commands.is_empty() {
            let profiles = news.iter().filter_map(|step| profile_of(&step.action)).map(str::to_owned).collect();
            self.devices.push(PreviewItem { profiles, ..of_device });
        }
        for (facts, beside) in case.facts.apps.iter().zip(&case.apps) {
            if !apps.contains(&beside.app.id) || !facts.wanted {
                continue;
            }
            let of_app = item(&|action| app_of(action) == Some(facts.app));
            if of_app.commands.is_empty() {
                continue;
            }
            let again = facts.memory.confirmed.is_some() && of_app.commands.iter().any(|it| it == "InstallApplication");
            self.devices.push(PreviewItem {
                app: Some(beside.app.id),
                app_name: Some(beside.app.label()),
                warning: again.then(|| SENT_AGAIN.to_owned()),
                ..of_app
            });
        }
    }

    fn sentences(&self) -> Vec<String> {
        let PreviewCounts { devices, commands, installs, profiles, licenses_asked, licenses_returned } = self.counts;
        let mut text = Vec::new();
        if devices == 0 {
            text.push("No device needs a command for this.".to_owned());
        } else {
            text.push(format!(
                "{} for {}: {}, {}. Devices that are off get them when they come back.",
                count(commands, "command"),
                count(devices, "device"),
                count(installs, "app install"),
                count(profiles, "profile"),
            ));
        }
        let again = self.devices.iter().filter(|item| item.warning.is_some()).count();
        if again > 0 {
            text.push(format!("{} on devices that have the app already. {SENT_AGAIN}", count(again, "app install")));
        }
        if licenses_asked > 0 {
            text.push(format!("{} asked for at Apple.", count(licenses_asked, "license")));
        }
        if licenses_returned > 0 {
            text.push(format!("{} given back to Apple.", count(licenses_returned, "license")));
        }
        text
    }
}

fn count(number: usize, one: &str) -> String {
    format!("{number} {one}{}", if number == 1 { "" } else { "s" })
}

/// What an admin should know before management flags change.
const SENT_AGAIN: &str = "Management flags change only by sending the app again, which also updates it where a newer version \
                          exists.";

fn request_type(action: &Action) -> &'static str {
    match action {
        Action::InstallProfile { .. } => "InstallProfile",
        Action::RemoveProfile { .. } => "RemoveProfile",
        Action::InstallApplication { .. } => "InstallApplication",
        Action::SetAttributes { .. } => "Settings",
        Action::RemoveApplication { .. } => "RemoveApplication",
        Action::ListManagedApps => "ManagedApplicationList",
    }
}

/// The app that a command is about; none where it is about the device.
fn app_of(action: &Action) -> Option<Uuid> {
    match action {
        Action::InstallApplication { app, .. }
        | Action::SetAttributes { app, .. }
        | Action::RemoveApplication { app, .. } => Some(*app),
        Action::InstallProfile { .. } | Action::RemoveProfile { .. } | Action::ListManagedApps => None,
    }
}

/// The profile that a command is about, in words.
fn profile_of(action: &Action) -> Option<&'static str> {
    match action {
        Action::InstallProfile { key } | Action::RemoveProfile { key } => Some(key.words()),
        _ => None,
    }
}
