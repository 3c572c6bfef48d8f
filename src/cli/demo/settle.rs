//! Waits until the server says that all is settled, and tells how far it is.

use super::rows::ServerReport;
use crate::cli::client::{Client, ClientError};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The state of an app on a device whose platform it does not exist for: nothing is wanted there.
const NOT_POSSIBLE: &str = "not_possible";

/// How far it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Devices that are enrolled.
    pub enrolled: usize,
    /// Apps that are wanted on devices, as far as the server knows.
    pub wanted: usize,
    /// Of these, how many are as wanted.
    pub satisfied: usize,
    /// How many stand in which state, by its name.
    pub states: BTreeMap<String, usize>,
}

impl Progress {
    fn of(report: &ServerReport, enrolled: usize) -> Self {
        let wanted = || report.items.iter().filter(|row| row.state != NOT_POSSIBLE);
        let mut states = BTreeMap::new();
        for row in wanted() {
            *states.entry(row.state.replace('_', " ")).or_default() += 1;
        }
        Self { enrolled, wanted: wanted().count(), satisfied: wanted().filter(|row| row.satisfied).count(), states }
    }
}

/// Asks until all is settled or the time is over; `enrolled` tells how many devices are enrolled by their own account.
/// A server that does not answer is asked again: it may just be starting.
///
/// # Errors
/// When the server refuses the question.
pub async fn wait(
    client: &Client,
    devices: usize,
    limit: Duration,
    enrolled: &(dyn Fn() -> usize + Sync),
    tell: &(dyn Fn(&Progress) + Sync),
) -> anyhow::Result<ServerReport> {
    let began = Instant::now();
    let mut last = ServerReport::default();
    loop {
        match client.get("/api/v1/report").await {
            Ok(answer) => last = serde_json::from_value(answer)?,
            Err(ClientError::NoAnswer { .. }) => {}
            Err(refused) => return Err(refused.into()),
        }
        let here = enrolled();
        tell(&Progress::of(&last, here));
        // The report must have heard of every device that enrolled; before that, "settled" is said too early.
        let mut serials: Vec<_> = last.items.iter().map(|row| &row.device.id).collect();
        serials.sort();
        serials.dedup();
        if here == devices && serials.len() == devices && last.settled {
            return Ok(last);
        }
        if began.elapsed() > limit {
            return Ok(last);
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}
