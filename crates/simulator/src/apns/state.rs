//! What the simulated APNs knows: notifications that wait for their device, tokens that are dead, faults that were
//! ordered, figures. Everything happens under one lock that is never held across a wait.

use super::answer::Refusal;
use super::request::Push;
use crate::clock::Clock;
use crate::journal::Journal;
use russet_protocol::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// One thing that happened.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// When, by the simulation's clock (milliseconds since the epoch).
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
    /// The token concerned, lower-case hexadecimal; empty where none could be read.
    pub token: String,
    /// The HTTP status answered, for a push.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The reason of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The `apns-id` answered, for a push.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apns_id: Option<String>,
    /// `apns-priority`, for an accepted push.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// Until when an accepted push is kept; absent: tried once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_until: Option<Timestamp>,
}

/// Kinds of [`Event`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// A push was asked for, and answered with a status.
    Push,
    /// A notification reached its device.
    Delivered,
    /// A notification was too old when its device came.
    Expired,
    /// A device waits for its notifications.
    Subscribed,
    /// A connection was ended, or told to end, by a fault.
    Disturbed,
}

/// Figures since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Pushes answered with 200.
    pub accepted: u64,
    /// Notifications that reached a device.
    pub delivered: u64,
    /// Notifications replaced by a newer one before they were delivered.
    pub replaced: u64,
    /// Notifications that became too old.
    pub expired: u64,
    /// Pushes refused, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Connections that got through their TLS handshake.
    pub connections: u64,
    /// Notifications that wait for their device now.
    pub waiting: usize,
    /// Tokens whose device waits for notifications now.
    pub subscribed: usize,
}

/// A fault that was ordered: it strikes the next `times` requests that it concerns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What happens.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// How often it strikes. Default 1.
    #[serde(default = "once")]
    pub times: u32,
    /// Only requests for this token (lower-case hexadecimal); all where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

fn once() -> u32 {
    1
}

/// Kinds of [`Fault`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum FaultKind {
    /// The push is refused.
    Refuse(Refusal),
    /// The push is answered with 503 `Shutdown`, and the connection told to end (GOAWAY).
    GoAway,
    /// The connection ends before the push is taken.
    Cut,
    /// The push is taken, then the connection ends without an answer.
    CutAfterAccepting,
    /// The answer comes late, by this many milliseconds of real time.
    Delay {
        /// How late.
        milliseconds: u64,
    },
}

/// What waits for a device.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) magic: String,
    /// `None`: only as long as the device's present subscription lasts.
    keep_until: Option<Timestamp>,
}

/// A connection of the courier door that waits for notifications of some tokens.
#[derive(Default)]
pub(super) struct Subscriber {
    ready: Mutex<VecDeque<String>>,
    pub(super) wake: Notify,
}

#[derive(Default)]
struct Inner {
    waiting: HashMap<String, Waiting>,
    subscribers: HashMap<String, Arc<Subscriber>>,
    dead: HashMap<String, Refusal>,
    faults: Vec<Fault>,
    stats: Stats,
}

/// The shared state.
pub(super) struct State {
    inner: Mutex<Inner>,
    pub(super) clock: Clock,
    pub(super) journal: Journal<Event>,
}

impl State {
    pub(super) fn new(clock: Clock) -> Self {
        Self { inner: Mutex::default(), clock, journal: Journal::default() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes an event that needs no more than a token.
    pub(super) fn note(&self, kind: EventKind, token: &str) {
        self.journal.write(Event {
            at: self.clock.now(),
            kind,
            token: token.to_owned(),
            status: None,
            reason: None,
            apns_id: None,
            priority: None,
            keep_until: None,
        });
    }

    /// Takes a push: the device's waiting notification, if any, is replaced.
    pub(super) fn accept(&self, push: &Push) -> Result<(), Refusal> {
        let mut inner = self.lock();
        if let Some(refusal) = inner.dead.get(&push.token) {
            return Err(refusal.clone());
        }
        let subscriber = inner.subscribers.get(&push.token).cloned();
        inner.stats.accepted += 1;
        if push.keep_until.is_none() && subscriber.is_none() {
            return Ok(()); // Tried once, and nobody was there.
        }
        let waiting = Waiting { magic: push.magic.as_str().to_owned(), keep_until: push.keep_until };
        if inner.waiting.insert(push.token.clone(), waiting).is_some() {
            inner.stats.replaced += 1;
        } else if let Some(subscriber) = subscriber {
            subscriber.offer(&push.token);
        }
        Ok(())
    }

    /// Counts and writes down how a push was answered.
    pub(super) fn record(&self, token: &str, apns_id: &str, outcome: &Result<Push, Refusal>) {
        if let Err(refusal) = outcome {
            *self.lock().stats.refused.entry(refusal.reason.clone()).or_default() += 1;
        }
        let accepted = outcome.as_ref().ok();
        let refused = outcome.as_ref().err();
        self.journal.write(Event {
            at: self.clock.now(),
            kind: EventKind::Push,
            token: token.to_owned(),
            status: Some(refused.map_or(200, |refusal| refusal.status)),
            reason: refused.map(|refusal| refusal.reason.clone()),
            apns_id: Some(apns_id.to_owned()),
            priority: accepted.map(|push| push.priority),
            keep_until: accepted.and_then(|push| push.keep_until),
        });
    }

    /// A device waits for its token's notifications on this connection; an older connection loses the token.
    pub(super) fn subscribe(&self, token: &str, subscriber: &Arc<Subscriber>) {
        {
            let mut inner = self.lock();
            inner.subscribers.insert(token.to_owned(), Arc::clone(subscriber));
            if inner.waiting.contains_key(token) {
                subscriber.offer(token);
            }
        }
        self.note(EventKind::Subscribed, token);
    }

    /// The connection no longer waits for the token.
    pub(super) fn unsubscribe(&self, token: &str, subscriber: &Arc<Subscriber>) {
        let mut inner = self.lock();
        if !inner.subscribers.get(token).is_some_and(|present| Arc::ptr_eq(present, subscriber)) {
            return;
        }
        inner.subscribers.remove(token);
        if inner.waiting.get(token).is_some_and(|waiting| waiting.keep_until.is_none()) {
            inner.waiting.remove(token);
        }
    }

    /// Takes what is ready for a connection, with its tokens.
    pub(super) fn take_ready(&self, subscriber: &Arc<Subscriber>) -> Vec<(String, Waiting)> {
        let tokens = subscriber.take();
        let now = self.clock.now();
        let (mut ready, mut expired) = (Vec::new(), Vec::new());
        {
            let mut inner = self.lock();
            for token in tokens {
                if !inner.subscribers.get(&token).is_some_and(|present| Arc::ptr_eq(present, subscriber)) {
                    continue; // The device waits elsewhere by now, where the notification is offered too.
                }
                let Some(waiting) = inner.waiting.remove(&token) else { continue };
                if waiting.keep_until.is_some_and(|until| until < now) {
                    inner.stats.expired += 1;
                    expired.push(token);
                } else {
                    ready.push((token, waiting));
                }
            }
        }
        expired.iter().for_each(|token| self.note(EventKind::Expired, token));
        ready
    }

    /// Counts and writes down that notifications were handed over.
    pub(super) fn delivered(&self, handed: &[(String, Waiting)]) {
        self.lock().stats.delivered += handed.len() as u64;
        handed.iter().for_each(|(token, _)| self.note(EventKind::Delivered, token));
    }

    /// Takes notifications back that could not be handed over; a newer one of the same token stays.
    pub(super) fn take_back(&self, ready: Vec<(String, Waiting)>) {
        let mut inner = self.lock();
        for (token, waiting) in ready.into_iter().filter(|(_, waiting)| waiting.keep_until.is_some()) {
            if inner.waiting.contains_key(&token) {
                continue;
            }
            if let Some(subscriber) = inner.subscribers.get(&token) {
                subscriber.offer(&token);
            }
            inner.waiting.insert(token, waiting);
        }
    }

    /// The fault that strikes a request for this token, if one was ordered; it is used up by one.
    pub(super) fn fault(&self, token: &str) -> Option<FaultKind> {
        let mut inner = self.lock();
        let at = inner
            .faults
            .iter()
            .position(|fault| fault.times > 0 && fault.token.as_deref().is_none_or(|only| only == token))?;
        let fault = inner.faults.get_mut(at)?;
        fault.times -= 1;
        let kind = fault.kind.clone();
        inner.faults.retain(|fault| fault.times > 0);
        Some(kind)
    }

    /// Orders a fault.
    pub(super) fn order(&self, fault: Fault) {
        self.lock().faults.push(fault);
    }

    /// The faults that are still to strike.
    pub(super) fn faults(&self) -> Vec<Fault> {
        self.lock().faults.clone()
    }

    /// Cancels all faults.
    pub(super) fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// Makes a token dead (410) or alive again.
    pub(super) fn set_dead(&self, token: &str, reason: Option<&str>) {
        let now = self.clock.now();
        let mut inner = self.lock();
        match reason {
            Some(reason) => {
                inner.waiting.remove(token);
                inner.dead.insert(token.to_owned(), Refusal::dead(reason, now));
            }
            None => drop(inner.dead.remove(token)),
        }
    }

    /// Figures; `connections` is the listener's.
    pub(super) fn stats(&self, connections: u64) -> Stats {
        let now = self.clock.now();
        let inner = self.lock();
        let waiting = inner.waiting.values().filter(|waiting| waiting.keep_until.is_none_or(|until| until >= now));
        Stats { connections, waiting: waiting.count(), subscribed: inner.subscribers.len(), ..inner.stats.clone() }
    }
}

impl Subscriber {
    fn offer(&self, token: &str) {
        self.queue().push_back(token.to_owned());
        self.wake.notify_one();
    }

    fn take(&self) -> VecDeque<String> {
        std::mem::take(&mut *self.queue())
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, VecDeque<String>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
