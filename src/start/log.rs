//! Where log lines go: standard error, for people or as one JSON object a line. Standard output is for what a person asked for.

use crate::config::Log;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Starts the log of this process. A second call is refused by `tracing` and reported.
///
/// # Errors
/// When the filter cannot be read or a log is running already.
pub fn init(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&log.filter)?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let started =
        if log.json { lines.json().flatten_event(true).try_init() } else { lines.with_target(false).try_init() };
    started.map_err(|error| anyhow::anyhow!("the log cannot be started: {error}"))
}
