//! A device's line to the network, and its clock: where messages are lost, torn, doubled or slow, and where the time is wrong.
//! Every request of a device passes here. Must never change a message: the same bytes go out, however badly.

use super::misbehave::{Misbehavior, Way};
use super::roster::Chance;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// How the clock of a device is off before it is set: years back, so that every certificate seems not yet valid.
const YEARS_BACK: i64 = 20 * 365 * 86_400;
/// So often a message fails over its line before it goes through.
const MOST_LOSSES: u32 = 2;
/// So often a server's certificate seems not yet valid before the device has the right time.
const REFUSALS: u32 = 2;
/// Pieces of a message on a slow link, and the time between them.
const PIECES: usize = 6;
const BETWEEN_PIECES: Duration = Duration::from_millis(40);
/// From a message's last byte until the connection is cut: the server is reading it.
const BEFORE_THE_CUT: Duration = Duration::from_millis(2);

/// What requests are made of.
pub(super) type Sending = UnsyncBoxBody<Bytes, io::Error>;

/// How one request goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// As it should.
    Straight,
    /// Cut once it is sent: its answer is lost.
    Cut,
    /// Cut in its middle.
    Broken,
    /// In pieces, slowly.
    Slow,
    /// Twice; the first answer is lost.
    Twice,
}

/// Statuses that servers answered, with their number.
#[derive(Debug, Default)]
pub(super) struct Statuses(Mutex<BTreeMap<u16, u64>>);

impl Statuses {
    pub(super) fn count(&self, status: u16) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(status).or_insert(0) += 1;
    }

    pub(super) fn all(&self) -> BTreeMap<u16, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The line of one device.
#[derive(Debug)]
pub(super) struct Line {
    misbehavior: Misbehavior,
    /// Shared by the fleet: from then on everybody behaves.
    behave: Arc<AtomicBool>,
    statuses: Arc<Statuses>,
    chance: Mutex<Chance>,
    losses: AtomicU32,
    refusals: AtomicU32,
    clock: Arc<Clock>,
}

/// The clock of a device, in seconds beside the true time.
#[derive(Debug, Default)]
pub(super) struct Clock {
    off: AtomicI64,
    /// For good: in headers, signing times and certificates of its own.
    odd: AtomicI64,
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        let now = UnixTime::now().as_secs();
        let off = self.off.load(Ordering::Relaxed);
        Some(UnixTime::since_unix_epoch(Duration::from_secs(now.saturating_add_signed(off))))
    }
}

impl Line {
    pub(super) fn new(
        misbehavior: Misbehavior,
        behave: Arc<AtomicBool>,
        statuses: Arc<Statuses>,
        mut chance: Chance,
    ) -> Self {
        let clock = Clock::default();
        if chance.happens(misbehavior.share(Way::WrongClocks)) {
            clock.off.store(-YEARS_BACK, Ordering::Relaxed);
            clock.odd.store(if chance.percent(50) { -YEARS_BACK } else { YEARS_BACK }, Ordering::Relaxed);
        }
        let (losses, refusals) = (AtomicU32::new(0), AtomicU32::new(0));
        Self { misbehavior, behave, statuses, chance: Mutex::new(chance), losses, refusals, clock: Arc::new(clock) }
    }

    pub(super) fn clock(&self) -> Arc<Clock> {
        Arc::clone(&self.clock)
    }

    /// How far off the clock is in what the device writes, in seconds.
    pub(super) fn odd(&self) -> i64 {
        self.clock.odd.load(Ordering::Relaxed)
    }

    pub(super) fn count(&self, status: u16) {
        self.statuses.count(status);
    }

    /// Whether it happens now.
    pub(super) fn happens(&self, way: Way) -> bool {
        let share = self.misbehavior.share(way);
        share > 0
            && !self.behave.load(Ordering::Relaxed)
            && self.chance.lock().unwrap_or_else(PoisonError::into_inner).happens(share)
    }

    /// How the next request goes out. A message that was lost twice goes through.
    pub(super) fn manner(&self) -> Manner {
        if self.losses.load(Ordering::Relaxed) < MOST_LOSSES {
            for (way, manner) in [(Way::LostAnswers, Manner::Cut), (Way::BrokenMessages, Manner::Broken)] {
                if self.happens(way) {
                    self.losses.fetch_add(1, Ordering::Relaxed);
                    return manner;
                }
            }
        }
        self.losses.store(0, Ordering::Relaxed);
        for (way, manner) in [(Way::RepeatedAnswers, Manner::Twice), (Way::SlowLinks, Manner::Slow)] {
            if self.happens(way) {
                return manner;
            }
        }
        Manner::Straight
    }

    /// A server's certificate was refused. True where that is the fault of this device's clock; after a few times it is set.
    pub(super) fn refused_by_clock(&self) -> bool {
        if self.clock.off.load(Ordering::Relaxed) == 0 {
            return false;
        }
        if self.refusals.fetch_add(1, Ordering::Relaxed) + 1 >= REFUSALS {
            self.clock.off.store(0, Ordering::Relaxed);
        }
        true
    }
}

/// The body of a request. The other half hears when the last byte was handed over, of [`Manner::Cut`] only.
pub(super) fn body(manner: Manner, bytes: &Bytes) -> (Sending, Option<oneshot::Receiver<()>>) {
    match manner {
        Manner::Straight | Manner::Twice => {
            (Full::new(bytes.clone()).map_err(|never| match never {}).boxed_unsync(), None)
        }
        Manner::Broken => {
            let half = bytes.slice(..bytes.len() / 2);
            let parts = [Ok(Frame::data(half)), Err(io::Error::other("the connection was cut"))];
            (StreamBody::new(stream::iter(parts)).boxed_unsync(), None)
        }
        Manner::Slow => {
            let size = (bytes.len() / PIECES).max(1);
            let pieces = stream::unfold(bytes.clone(), move |mut left| async move {
                if left.is_empty() {
                    return None;
                }
                tokio::time::sleep(BETWEEN_PIECES).await;
                let piece = left.split_to(size.min(left.len()));
                Some((Ok(Frame::data(piece)), left))
            });
            (StreamBody::new(pieces).boxed_unsync(), None)
        }
        Manner::Cut => {
            let (told, heard) = oneshot::channel();
            let parts = stream::unfold((Some(bytes.clone()), Some(told)), |(left, told)| async move {
                match (left, told) {
                    (Some(bytes), told) => Some((Ok(Frame::data(bytes)), (None, told))),
                    (None, told) => {
                        told.map(|told| told.send(()));
                        None
                    }
                }
            });
            (StreamBody::new(parts).boxed_unsync(), Some(heard))
        }
    }
}

/// Waits for the moment at which the connection is cut.
pub(super) async fn the_cut(heard: Option<oneshot::Receiver<()>>) {
    match heard {
        // Where the body was dropped unsent, the connection is gone already.
        Some(heard) => {
            let _sent = heard.await;
            tokio::time::sleep(BEFORE_THE_CUT).await;
        }
        None => std::future::pending().await,
    }
}
