//! The heart: what is wanted, the reconciler that makes it true, and the reason for every state.
//!
//! The thinking itself is the crate `russet_planner`; this room loads its facts from the rooms below, carries its plans
//! out in one transaction a device, and keeps its verdicts. It must never ask Apple or a device anything by itself:
//! licenses go through `licenses`, commands through `commands`, profiles through `profiles`. None of those calls back;
//! they mark devices, and the [`reconciler`] comes to look.

mod app;
mod carry_out;
mod catalog;
mod commands_of;
mod error;
mod explain;
mod facts;
mod library;
mod names;
mod outcomes;
mod preview;
pub mod reconciler;
mod report;
mod rows;
mod store;
mod story;
mod time;
mod views;
mod wanted_profiles;

pub use app::{App, AppSettings, NewApp, ProfileChoice, Scope};
pub use catalog::{add, get, list, remove, remove_account, remove_profile, set_settings, settings};
pub use error::AppsError;
pub use explain::{Explanation, StoryEntry, explain};
pub use preview::{Preview, PreviewCounts, PreviewItem, preview};
pub use report::{LicenseView, Report, ReportApp, ReportDevice, ReportRow, SettingView, report};

#[cfg(test)]
mod tests;
