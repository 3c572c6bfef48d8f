//! Memory for bodies that are longer than most, shared by all connections.
//!
//! Most messages of devices have less than [`FREE`] bytes and take none of it. Longer ones take their size before they are
//! received; where there is no room they wait, and at the end of their wait they are refused with 429, after which a device
//! comes again. Must never grow with the number of connections.

use super::answer::plain;
use super::body::{LARGEST, SMALL};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// Bytes that every request may send without asking for room.
pub(crate) const FREE: usize = 64 * 1024;

/// What room is counted in.
const UNIT: usize = 1 << 20;

/// How much room there is, in units of 1 MiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// For bodies of at most [`SMALL`] bytes, of anybody.
    pub(crate) strangers: usize,
    /// For longer ones, of whoever claims an identity of ours.
    pub(crate) claimed: usize,
    /// How many of the longer ones are decoded and stored at once; each takes some times its size.
    pub(crate) reading: usize,
    /// How long one may wait for room.
    pub(crate) wait: Duration,
}

impl Default for Size {
    fn default() -> Self {
        Self { strangers: 128, claimed: 256, reading: 2, wait: Duration::from_secs(30) }
    }
}

/// The room.
pub(crate) struct Room {
    strangers: Semaphore,
    claimed: Semaphore,
    reading: Semaphore,
    wait: Duration,
}

/// There was no room within the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

/// Room that is given back when the value goes.
pub(crate) struct Taken<'a>(#[expect(dead_code, reason = "held, never read")] SemaphorePermit<'a>);

impl Room {
    pub(crate) fn new(size: Size) -> Self {
        let semaphore = Semaphore::new;
        let (strangers, claimed) = (semaphore(size.strangers), semaphore(size.claimed));
        Self { strangers, claimed, reading: semaphore(size.reading), wait: size.wait }
    }

    /// For a body of at most [`SMALL`] bytes, of anybody.
    pub(crate) async fn of_stranger(&self) -> Result<Taken<'_>, Full> {
        self.take(&self.strangers, SMALL).await
    }

    /// For a body of so many bytes, as its head says; of at most [`LARGEST`] bytes where it does not say.
    pub(crate) async fn claimed(&self, declared: Option<u64>) -> Result<Taken<'_>, Full> {
        let bytes = declared.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(LARGEST).min(LARGEST);
        self.take(&self.claimed, bytes).await
    }

    /// To decode and store a long body.
    pub(crate) async fn to_read(&self) -> Result<Taken<'_>, Full> {
        self.take(&self.reading, UNIT).await
    }

    async fn take<'a>(&self, from: &'a Semaphore, bytes: usize) -> Result<Taken<'a>, Full> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        match timeout(self.wait, from.acquire_many(units)).await {
            Ok(Ok(permit)) => Ok(Taken(permit)),
            // Only a closed semaphore fails, and these are never closed.
            Ok(Err(_)) | Err(_) => Err(Full),
        }
    }
}

/// What is answered where there is no room.
pub(crate) fn full() -> Response {
    tracing::warn!("a long message of a device was refused: too many are under way");
    let mut response = plain(StatusCode::TOO_MANY_REQUESTS, "too many long messages are under way; try again later");
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("30"));
    response
}
