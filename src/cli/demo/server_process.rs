//! `russet serve` as a process of its own, as an admin would run it; it can be killed at any moment and started again.
//!
//! Must never leave the process behind: dropping it kills it.

use super::world::Place;
use crate::cli::client::Client;
use anyhow::Context as _;
use std::fs::OpenOptions;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// The server is ready within this time, or does not start.
const START_LIMIT: Duration = Duration::from_secs(60);
/// An orderly end takes no longer.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// The running server.
pub struct ServerProcess {
    child: Child,
    admin_url: String,
}

impl ServerProcess {
    /// Starts the program `russet` at this path with the demo's configuration. Its output is added to the log.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn spawn(program: &Path, place: &Place) -> anyhow::Result<Self> {
        let log = OpenOptions::new().create(true).append(true).open(place.log_file())?;
        let mut command = Command::new(program);
        // Settings in the environment win over the file: those of a real server must not reach the demo's.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("RUSSET_")) {
            command.env_remove(name);
        }
        let child = command
            .arg("serve")
            .arg("--config")
            .arg(place.config_file())
            .arg("--token-file")
            .arg(place.token_file())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Ctrl-C in a terminal goes to the whole group; the demo ends its server itself, after the devices.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        Ok(Self { child, admin_url: place.admin_url() })
    }

    /// The process; `None` once it has ended.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits until the server answers.
    ///
    /// # Errors
    /// When it ends by itself, or is not ready within a minute.
    pub async fn ready(&mut self, place: &Place) -> anyhow::Result<()> {
        let client = Client::new(&self.admin_url, None, None)?;
        let began = Instant::now();
        loop {
            if client.get("/ready").await.is_ok() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                anyhow::bail!("the server ended with {status}. Its last words:\n{}", last_words(place));
            }
            anyhow::ensure!(
                began.elapsed() < START_LIMIT,
                "the server is not ready after {} seconds. Its last words:\n{}",
                START_LIMIT.as_secs(),
                last_words(place)
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ends it in the middle of whatever it does, as a power cut would (SIGKILL).
    ///
    /// # Errors
    /// When the operating system refuses.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("cannot kill the server")
    }

    /// Asks it to end in order (SIGTERM) and waits.
    ///
    /// # Errors
    /// When it does not end in time.
    pub async fn stop(mut self) -> anyhow::Result<ExitStatus> {
        if let Some(pid) =
            self.child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(rustix::process::Pid::from_raw)
        {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).context("cannot stop the server")?;
        }
        let ended = tokio::time::timeout(STOP_LIMIT, self.child.wait()).await;
        Ok(ended.context("the server did not end within 20 seconds of being asked to")??)
    }

    /// When the process ends by itself, its exit status.
    ///
    /// # Errors
    /// When the operating system does not tell.
    pub async fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        Ok(self.child.wait().await?)
    }
}

/// The end of the log.
fn last_words(place: &Place) -> String {
    let text =
        std::fs::read(place.log_file()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}
