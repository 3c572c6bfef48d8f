//! The story of one app on one device: how it stands, and what happened so far, with times.

use super::error::AppsError;
use super::report::{self, ReportRow};
use super::{names, rows, time};
use crate::directory::{devices, dirty};
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
    let app = names::one(tx, app).await?.ok_or(AppsError::NoSuchApp)?;
    let verdict = rows::verdict(tx, device.id, app.id).await?.ok_or(AppsError::NotPlanned)?;
    let busy = dirty::of_device(tx, device.id).await?.is_some_and(|(due, _)| due <= now);
    let story = rows::story(tx, device.id, app.id).await?;
    Ok(Explanation { row: report::row(&device, &app, verdict, busy), story })
}
