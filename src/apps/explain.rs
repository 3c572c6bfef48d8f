//! The story of one app on one device: how it stands, and what happened so far, with times.

use super::error::AppsError;
use super::library::Library;
use super::report::{self, ReportRow};
use super::{rows, time};
use crate::commands::{self, OpenCommand, OpenState, Purpose};
use crate::directory::devices::{self, Device};
use crate::directory::dirty;
use crate::ids::{AppId, DeviceId};
use russet_protocol::Timestamp;
use russet_store::{StoreError, Tx};
use serde::Serialize;

/// How an app stands on a device, and how it came to that.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// The row of the report.
    #[serde(flatten)]
    pub row: ReportRow,
    /// What the device still has to answer for this app, first things first; empty where nothing is queued.
    pub waiting: Vec<String>,
    /// What happened, oldest first.
    pub story: Vec<StoryEntry>,
}

/// One line of the story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoryEntry {
    /// When.
    #[serde(serialize_with = "time::serialize")]
    pub at: Timestamp,
    /// What it is about: `license`, `profile`, `install`, `settings`, `removal`, `check`, or the state that was reached.
    pub step: String,
    /// In plain English.
    pub text: String,
}

/// Explains one app on one device.
///
/// # Errors
/// [`AppsError::NoSuchDevice`], [`AppsError::NoSuchApp`]; the latter also where the app was never meant for the device.
pub async fn explain(tx: &mut dyn Tx, device: DeviceId, app: AppId, now: Timestamp) -> Result<Explanation, AppsError> {
    let device = devices::get(tx, device).await.map_err(|error| match error {
        StoreError::NotFound => AppsError::NoSuchDevice,
        other => AppsError::Store(other),
    })?;
    let library = Library::load(tx).await?;
    let app = library.apps.get(&app).ok_or(AppsError::NoSuchApp)?;
    let verdict = rows::verdict(tx, device.id, app.id).await?.ok_or(AppsError::NotPlanned)?;
    let due = dirty::of_device(tx, device.id).await?.is_some_and(|(due, _)| due <= now);
    let stale = verdict.basis != library.basis(app);
    let open = commands::open_of_device(tx, device.id).await?;
    let busy = due || open.iter().any(report::changes_apps);
    let waiting = open.iter().filter(|open| concerns(open, app.id)).map(|open| still_open(open, &device)).collect();
    let story = rows::story(tx, device.id, app.id).await?;
    Ok(Explanation { row: report::row(&device, app, verdict, stale, busy), waiting, story })
}

/// Whether an open command has to do with the app: its own, the device's profiles, which it may follow, and looks.
fn concerns(open: &OpenCommand, app: AppId) -> bool {
    match &open.purpose {
        Purpose::App(other) => *other == app,
        Purpose::Profile(_) => true,
        Purpose::Inventory => open.request_type == "ManagedApplicationList",
        _ => false,
    }
}

fn still_open(open: &OpenCommand, device: &Device) -> String {
    let OpenCommand { request_type, created_at, .. } = open;
    let queued = time::text(*created_at);
    let seen = device.seen_at.map_or_else(|| "never".to_owned(), time::text);
    match (open.state, open.not_now_at, open.delivered_at) {
        (OpenState::NotNow, Some(at), _) => format!(
            "{request_type}: the device said \"not now\" at {} and is asked again in its next session",
            time::text(at)
        ),
        (_, _, Some(at)) => format!("{request_type}: delivered at {}, not answered yet", time::text(at)),
        _ if open.waits_for.is_some() => {
            format!("{request_type}: queued at {queued}, waits for an earlier command to succeed")
        }
        _ => format!("{request_type}: queued at {queued}; the device last spoke at {seen}"),
    }
}
