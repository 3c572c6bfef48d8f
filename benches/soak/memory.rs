//! The server's own memory: `RssAnon` of its process, once a minute.

use std::collections::BTreeMap;

/// At the end at most so much of what it was in the third minute (of ten).
const GROWTH: f64 = 1.1;

/// The samples, in MiB, by minute.
pub(crate) struct Memory {
    pid: u32,
    samples: BTreeMap<u64, f64>,
}

impl Memory {
    pub(crate) fn of(pid: u32) -> Self {
        Self { pid, samples: BTreeMap::new() }
    }

    /// Takes a sample.
    pub(crate) fn sample(&mut self, minute: u64) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().unwrap();
        self.samples.insert(minute, kib / 1024.0);
        kib / 1024.0
    }

    /// Whether it has stopped growing, and the sentence that says so.
    pub(crate) fn verdict(&self, minutes: u64) -> (bool, String) {
        let early = (minutes * 3 / 10).max(1);
        let (before, after) = (self.samples[&early], self.samples[&minutes]);
        let ratio = after / before;
        let words = format!(
            "anonymous memory: {after:.1} MiB in minute {minutes}, {before:.1} MiB in minute {early}: {ratio:.2} times (at most {GROWTH})"
        );
        (ratio <= GROWTH, words)
    }
}
