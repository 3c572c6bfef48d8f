//! When to try again. Pure tables of durations; the moments are counted from what the device or Apple last said, so
//! that planning twice gives the same moment.

use russet_protocol::Timestamp;
use std::time::Duration;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// After "license not found" and other passing failures: 30 s, 2 min, 5 min, 15 min, 1 h.
pub const RETRIES: [Duration; 5] = [seconds(30), seconds(120), seconds(300), seconds(900), seconds(3600)];

/// After the last rung, and wherever only a person or an admin can help: once a day.
pub const DAILY: Duration = seconds(24 * 3600);

/// The first look after the device accepted an install. Each further one waits twice as long.
pub const FIRST_CHECK: Duration = seconds(5);

/// How long verification goes on before the install is sent again: Macs and large apps take their time.
pub const VERIFY_LIMIT: Duration = seconds(6 * 3600);

/// How long Apple has for the event of an association before we look again (Apple asks for 10 minutes).
pub const APPLE_EVENT: Duration = seconds(600);

/// How soon a listing that the device refused is asked for again.
pub const LISTING_RETRY: Duration = seconds(900);

/// The moment of the next try after a failure at `failed`, when `tries` tries were made again already.
#[must_use]
pub fn retry(failed: Timestamp, tries: u32) -> Timestamp {
    let wait = usize::try_from(tries).ok().and_then(|index| RETRIES.get(index)).copied().unwrap_or(DAILY);
    failed.plus(wait)
}

/// Whether the ladder has no rung left.
#[must_use]
pub fn exhausted(tries: u32) -> bool {
    usize::try_from(tries).map_or(true, |tries| tries >= RETRIES.len())
}

/// The next look after an install that was accepted at `accepted`, when the last look was at `looked`: 5 s, 10 s,
/// 20 s … after the acceptance. `None` once the limit has passed without a result.
#[must_use]
pub fn next_check(accepted: Timestamp, looked: Option<Timestamp>) -> Option<Timestamp> {
    let mut wait = FIRST_CHECK;
    loop {
        let due = accepted.plus(wait);
        if looked.is_none_or(|looked| looked < due) {
            return Some(due);
        }
        if wait >= VERIFY_LIMIT {
            return None;
        }
        wait = (wait * 2).min(VERIFY_LIMIT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_double_and_end() {
        let accepted = Timestamp(0);
        let mut looked = None;
        let mut waits = Vec::new();
        while let Some(due) = next_check(accepted, looked) {
            waits.push(due.millis() / 1000);
            looked = Some(due);
        }
        assert_eq!(&waits[..4], &[5, 10, 20, 40]);
        assert_eq!(waits.last(), Some(&(6 * 3600)));
    }

    #[test]
    fn retries_climb_then_stay_daily() {
        let waits: Vec<_> = (0..7).map(|tries| retry(Timestamp(0), tries).millis() / 1000).collect();
        assert_eq!(waits, [30, 120, 300, 900, 3600, 86400, 86400]);
    }
}
