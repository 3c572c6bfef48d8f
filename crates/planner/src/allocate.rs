//! Sharing out what is scarce: first come, first served. Pure, so that a preview and the real thing agree.

use russet_protocol::Timestamp;

/// One wish for a license.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish<K> {
    /// Who wishes (a device, a person).
    pub who: K,
    /// Since when; earlier is served first, ties by `who`.
    pub since: Timestamp,
}

/// The outcome of [`allocate`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shares<K> {
    /// Who may have a license now, in order.
    pub given: Vec<K>,
    /// Who waits, in order.
    pub waiting: Vec<K>,
}

/// Gives `free` licenses, less those `in_flight` (asked for at Apple and not yet counted there), to the oldest wishes.
#[must_use]
pub fn allocate<K: Ord>(mut wishes: Vec<Wish<K>>, free: u64, in_flight: u64) -> Shares<K> {
    wishes.sort_by(|a, b| a.since.cmp(&b.since).then_with(|| a.who.cmp(&b.who)));
    let can_give = usize::try_from(free.saturating_sub(in_flight)).unwrap_or(usize::MAX).min(wishes.len());
    let waiting = wishes.split_off(can_give).into_iter().map(|wish| wish.who).collect();
    Shares { given: wishes.into_iter().map(|wish| wish.who).collect(), waiting }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_wish_is_served_first() {
        let wish = |who, since| Wish { who, since: Timestamp(since) };
        let shares = allocate(vec![wish("c", 3), wish("a", 2), wish("b", 2)], 3, 1);
        assert_eq!(shares.given, ["a", "b"]);
        assert_eq!(shares.waiting, ["c"]);
    }
}
