//! What a person sees while the demo works: steps with their commands, and live progress on a terminal (plain lines
//! elsewhere).

use super::settle::Progress;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Mutex;

/// The live view.
pub(super) struct View {
    devices: usize,
    bar: Option<ProgressBar>,
    last: Mutex<Option<String>>,
}

impl View {
    /// A view of this many devices.
    #[must_use]
    pub(super) fn new(devices: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            // The template is a constant; a wrong one would only look plain.
            if let Ok(style) = ProgressStyle::with_template("{spinner} [{elapsed}] {wide_bar} {prefix}\n  {msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self { devices, bar, last: Mutex::new(None) }
    }

    /// A step that was done, and the command that does the same by hand.
    pub(super) fn step(words: &str, command: &str) {
        eprintln!("  {words:<55} {command}");
    }

    /// How far it is.
    pub(super) fn tell(&self, progress: &Progress) {
        let words = format!(
            "{} of {} devices enrolled, {} of {} apps as wanted",
            progress.enrolled, self.devices, progress.satisfied, progress.wanted
        );
        if let Some(bar) = &self.bar {
            let states: Vec<String> =
                progress.states.iter().map(|(state, number)| format!("{number} {state}")).collect();
            // At least one app a device is to come; a bar of length 0 would be drawn as full.
            bar.set_length(progress.wanted.max(self.devices).max(1) as u64);
            bar.set_position(progress.satisfied as u64);
            bar.set_prefix(words);
            bar.set_message(states.join(", "));
            return;
        }
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if last.as_deref() != Some(words.as_str()) {
            eprintln!("  {words}");
            *last = Some(words);
        }
    }

    /// The work is over.
    pub(super) fn done(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
