//! The simulation at work: the world under its lock, the clock, the journal, and the loop that ends events and sends
//! notifications when their time has come.

use super::events::Outgoing;
use super::happening::{Happening, What};
use super::webhook::{self, Caller};
use super::world::World;
use crate::clock::Clock;
use crate::journal::Journal;
use russet_protocol::Timestamp;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Shared by every door.
pub(super) struct State {
    world: Mutex<World>,
    pub(super) clock: Clock,
    pub(super) journal: Journal<Happening>,
    pub(super) caller: Caller,
    /// `https://host:port`; known once the listener is open.
    pub(super) origin: OnceLock<String>,
    bell: Notify,
}

impl State {
    pub(super) fn new(world: World, clock: Clock, caller: Caller) -> Self {
        let (origin, bell) = (OnceLock::new(), Notify::new());
        Self { world: Mutex::new(world), clock, journal: Journal::default(), caller, origin, bell }
    }

    /// The world. Never held across a wait.
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes into the journal.
    pub(super) fn note(&self, location: Option<&str>, what: What) {
        let at = self.clock.now();
        self.journal.write(Happening { at, location: location.map(str::to_owned), what });
    }

    /// Says that an event began or a notification waits.
    pub(super) fn ring(&self) {
        self.bell.notify_one();
    }

    /// The service's base URL.
    pub(super) fn base_url(&self) -> String {
        format!("{}/mdm/v2", self.origin.get().map_or("", String::as_str))
    }

    /// The metadata lookup's URL.
    pub(super) fn lookup_url(&self) -> String {
        format!("{}{}", self.origin.get().map_or("", String::as_str), super::metadata::PATH)
    }

    /// Ends the events whose time has come and takes the notifications that are to be sent; says when to look again.
    fn turn(&self) -> (Vec<Outgoing>, Option<Timestamp>) {
        let now = self.clock.now();
        let mut world = self.world();
        while world.due.first().is_some_and(|(at, ..)| *at <= now) {
            let Some((_, at, id)) = world.due.pop_first() else { break };
            if let Some((u_id, what)) = world.end(at, &id, now) {
                self.note(Some(&u_id), what);
            }
        }
        let (ready, waiting) = std::mem::take(&mut world.outbox).into_iter().partition(|told| told.due_at <= now);
        world.outbox = waiting;
        let next_event = world.due.first().map(|(at, ..)| *at);
        let next_told = world.outbox.iter().map(|told| told.due_at).min();
        (ready, [next_event, next_told].into_iter().flatten().min())
    }
}

/// Ends events and sends notifications until it is stopped.
pub(super) async fn run(state: Arc<State>, stop: CancellationToken) {
    loop {
        let (ready, next) = state.turn();
        if !ready.is_empty() {
            // Apart, so that a slow webhook does not hold up the next events.
            tokio::spawn(webhook::send(Arc::clone(&state), ready));
        }
        let pause = async {
            match next {
                Some(moment) => state.clock.sleep_until(moment).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = state.bell.notified() => {}
            () = pause => {}
        }
    }
}
