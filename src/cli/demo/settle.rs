//! Waits until the server says that all is settled, and tells how far it is.

use super::rows::ServerReport;
use crate::cli::client::{Client, ClientError};
use std::time::{Duration, Instant};

/// How far it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Devices that are enrolled.
    pub enrolled: usize,
    /// Devices and apps the server knows of.
    pub known: usize,
    /// Of these, how many have what is wanted.
    pub satisfied: usize,
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
    tell: &(dyn Fn(Progress) + Sync),
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
        tell(Progress {
            enrolled: here,
            known: last.items.len(),
            satisfied: last.items.iter().filter(|row| row.satisfied).count(),
        });
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
