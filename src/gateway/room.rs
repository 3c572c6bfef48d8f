//! Memory for bodies that are longer than most, shared by all connections.
//!
//! Only who claims an identity of ours may send more than [`SMALL`](super::body::SMALL) bytes. Such a body takes room for its
//! size before it is received; where there is none it waits, and at the end of its wait it is refused with 429, after which a
//! device comes again. Must never grow with the number of connections.

use super::answer::plain;
use super::body::LARGEST;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use russet_pki::certificate::Fingerprint;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// What room is counted in.
const UNIT: usize = 1 << 20;

/// How much room there is, in units of 1 MiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// For bodies that are on their way or wait to be read.
    pub(crate) bodies: usize,
    /// How many long ones are decoded and stored at once; each takes some times its size.
    pub(crate) reading: usize,
    /// How many long ones of one identity there may be at once: one device must not take the room of all.
    pub(crate) each: usize,
    /// How long one may wait for room.
    pub(crate) wait: Duration,
}

impl Default for Size {
    fn default() -> Self {
        Self { bodies: 256, reading: 2, each: 4, wait: Duration::from_secs(30) }
    }
}

/// The room.
pub(crate) struct Room {
    bodies: Semaphore,
    reading: Semaphore,
    each: usize,
    wait: Duration,
    shares: Mutex<HashMap<Fingerprint, usize>>,
}

/// There was no room within the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

/// Room that is given back when the value goes.
pub(crate) struct Taken<'a> {
    _permit: SemaphorePermit<'a>,
    _share: Option<Share<'a>>,
}

/// One of the long messages that an identity may have under way.
struct Share<'a> {
    room: &'a Room,
    of: Fingerprint,
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut shares = self.room.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = shares.entry(self.of) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

impl Room {
    pub(crate) fn new(size: Size) -> Self {
        let Size { bodies, reading, each, wait } = size;
        let [bodies, reading] = [bodies, reading].map(Semaphore::new);
        Self { bodies, reading, each, wait, shares: Mutex::default() }
    }

    /// For a body of so many bytes, as its head says; of at most [`LARGEST`] bytes where it does not say. `of` claims to send it.
    pub(crate) async fn for_body(&self, of: Fingerprint, declared: Option<u64>) -> Result<Taken<'_>, Full> {
        let share = self.share(of)?;
        let bytes = declared.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(LARGEST).min(LARGEST);
        Ok(Taken { _permit: self.take(&self.bodies, bytes).await?, _share: Some(share) })
    }

    /// To decode and store a long body.
    pub(crate) async fn to_read(&self) -> Result<Taken<'_>, Full> {
        Ok(Taken { _permit: self.take(&self.reading, UNIT).await?, _share: None })
    }

    fn share(&self, of: Fingerprint) -> Result<Share<'_>, Full> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        let count = shares.entry(of).or_default();
        if *count >= self.each {
            return Err(Full);
        }
        *count += 1;
        Ok(Share { room: self, of })
    }

    async fn take<'a>(&self, from: &'a Semaphore, bytes: usize) -> Result<SemaphorePermit<'a>, Full> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        match timeout(self.wait, from.acquire_many(units)).await {
            Ok(Ok(permit)) => Ok(permit),
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
