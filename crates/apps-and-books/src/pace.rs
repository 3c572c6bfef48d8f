//! Apple's limit on requests a second, kept on our side: all requests with one token share one [`Pace`].

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// A little longer than Apple's second, since requests may catch up with each other on the way.
const WINDOW: Duration = Duration::from_millis(1100);

/// When the last requests were let go.
#[derive(Debug)]
pub(crate) struct Pace {
    most: AtomicUsize,
    last: Mutex<VecDeque<Instant>>,
}

impl Pace {
    pub(crate) fn new(most: usize) -> Self {
        Self { most: AtomicUsize::new(most.max(1)), last: Mutex::default() }
    }

    /// Changes the limit.
    pub(crate) fn set(&self, most: usize) {
        self.most.store(most.max(1), Ordering::Relaxed);
    }

    /// Waits until one more request may go, first come, first served.
    pub(crate) async fn turn(&self) {
        let mut last = self.last.lock().await;
        let most = self.most.load(Ordering::Relaxed);
        while last.len() >= most {
            if let Some(oldest) = last.pop_front() {
                tokio::time::sleep_until(oldest + WINDOW).await;
            }
        }
        last.push_back(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_window_holds_more_than_the_limit() {
        let pace = Pace::new(3);
        let began = Instant::now();
        let mut went = Vec::new();
        for _ in 0..7 {
            pace.turn().await;
            went.push(began.elapsed().as_millis());
        }
        assert_eq!(went[..3], [0, 0, 0]);
        assert!(went[3] >= 1100 && went[5] < 1200 && went[6] >= 2200, "{went:?}");
    }
}
