//! A clock that can be moved: by default it runs with the machine's, it can be set forward (to see a token expire within
//! a test) and stopped (so that a test states exact times).

use russet_protocol::Timestamp;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// A simulator's clock. Clones share one time.
#[derive(Clone)]
pub struct Clock {
    shared: Arc<Shared>,
}

struct Shared {
    hand: Mutex<Hand>,
    moved: watch::Sender<()>,
}

#[derive(Clone, Copy)]
enum Hand {
    /// Runs with the machine's clock, this far ahead.
    Running { ahead: Duration },
    /// Stands still.
    Stopped { at: Timestamp },
}

impl Default for Clock {
    fn default() -> Self {
        Self::new(Hand::Running { ahead: Duration::ZERO })
    }
}

impl Clock {
    fn new(hand: Hand) -> Self {
        Self { shared: Arc::new(Shared { hand: Mutex::new(hand), moved: watch::Sender::new(()) }) }
    }

    /// A clock that stands at this moment until it is moved.
    #[must_use]
    pub fn stopped_at(at: Timestamp) -> Self {
        Self::new(Hand::Stopped { at })
    }

    /// The present moment of the simulation.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match *self.hand() {
            Hand::Running { ahead } => machine_time().plus(ahead),
            Hand::Stopped { at } => at,
        }
    }

    /// Moves the clock forward and wakes everyone who waits for a moment that has now come.
    pub fn advance(&self, by: Duration) {
        {
            let mut hand = self.hand();
            *hand = match *hand {
                Hand::Running { ahead } => Hand::Running { ahead: ahead.saturating_add(by) },
                Hand::Stopped { at } => Hand::Stopped { at: at.plus(by) },
            };
        }
        self.shared.moved.send_replace(());
    }

    /// Waits until the clock shows this moment or a later one.
    pub async fn sleep_until(&self, moment: Timestamp) {
        let mut moved = self.shared.moved.subscribe();
        loop {
            moved.mark_unchanged();
            let hand = *self.hand();
            let now = self.now();
            if now >= moment {
                return;
            }
            // The sender lives as long as this clock: an error cannot come.
            match hand {
                Hand::Stopped { .. } => drop(moved.changed().await),
                Hand::Running { .. } => tokio::select! {
                    () = tokio::time::sleep(moment.since(now)) => {}
                    _ = moved.changed() => {}
                },
            }
        }
    }

    fn hand(&self) -> std::sync::MutexGuard<'_, Hand> {
        self.shared.hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn machine_time() -> Timestamp {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stopped_clock_moves_only_when_it_is_moved() {
        let clock = Clock::stopped_at(Timestamp(1_000));
        let waiter = tokio::spawn({
            let clock = clock.clone();
            async move {
                clock.sleep_until(Timestamp(61_000)).await;
                clock.now()
            }
        });
        clock.advance(Duration::from_secs(59));
        assert_eq!(clock.now(), Timestamp(60_000));
        clock.advance(Duration::from_secs(1));
        assert_eq!(waiter.await.unwrap(), Timestamp(61_000));
    }
}
