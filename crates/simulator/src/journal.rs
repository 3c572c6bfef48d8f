//! What happened in a simulator, in order, so that a test or a curious person can say "exactly one association was asked
//! for". Bounded: the oldest entries give way. Must never hold a bearer value.

use serde::Serialize;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How many entries a journal keeps.
const KEPT: usize = 100_000;

/// A journal of entries of one kind. Clones share the entries.
pub struct Journal<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    kept: Mutex<Kept<T>>,
    written: watch::Sender<u64>,
}

struct Kept<T> {
    next: u64,
    entries: VecDeque<Entry<T>>,
}

/// One entry with its number; numbers count from 1 and never repeat.
#[derive(Debug, Clone, Serialize)]
pub struct Entry<T> {
    /// The entry's number.
    pub number: u64,
    /// What happened.
    #[serde(flatten)]
    pub what: T,
}

impl<T> Clone for Journal<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Default for Journal<T> {
    fn default() -> Self {
        let kept = Mutex::new(Kept { next: 1, entries: VecDeque::new() });
        Self { shared: Arc::new(Shared { kept, written: watch::Sender::new(0) }) }
    }
}

impl<T: Clone> Journal<T> {
    /// Writes an entry and returns its number.
    pub fn write(&self, what: T) -> u64 {
        let number = {
            let mut kept = self.kept();
            let number = kept.next;
            kept.next += 1;
            if kept.entries.len() == KEPT {
                kept.entries.pop_front();
            }
            kept.entries.push_back(Entry { number, what });
            number
        };
        self.shared.written.send_replace(number);
        number
    }

    /// The entries with a number above `since` (0 for all that are kept), oldest first.
    #[must_use]
    pub fn since(&self, since: u64) -> Vec<Entry<T>> {
        let kept = self.kept();
        // Numbers have no gaps: the place of an entry follows from its number.
        let first = kept.entries.front().map_or(kept.next, |entry| entry.number);
        let skipped = usize::try_from((since + 1).saturating_sub(first)).unwrap_or(usize::MAX);
        kept.entries.iter().skip(skipped).cloned().collect()
    }

    /// Waits for entries with a number above `since` and returns them, oldest first.
    pub async fn next(&self, since: u64) -> Vec<Entry<T>> {
        let mut written = self.shared.written.subscribe();
        // The sender lives as long as this journal: an error cannot come.
        let _ = written.wait_for(|number| *number > since).await;
        self.since(since)
    }

    /// Waits until the entries satisfy the condition, looking again at every new entry; `None` when they do not within
    /// the time given.
    pub async fn wait_for<R>(&self, within: Duration, mut look: impl FnMut(&[Entry<T>]) -> Option<R>) -> Option<R> {
        let mut written = self.shared.written.subscribe();
        let found = async {
            loop {
                written.mark_unchanged();
                if let Some(found) = look(&self.since(0)) {
                    return Some(found);
                }
                written.changed().await.ok()?;
            }
        };
        tokio::time::timeout(within, found).await.ok().flatten()
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept<T>> {
        self.shared.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
