//! Which server, with which token, and how answers are printed. Must never print the token.

use crate::cli::client::Client;
use anyhow::{Context, bail};
use serde_json::Value;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Where the server is and who asks.
#[derive(Debug, clap::Args)]
pub(crate) struct Connection {
    /// Address of the server's admin listener
    #[arg(long, global = true, env = "RUSSET_SERVER", value_name = "URL", default_value = "http://127.0.0.1:8080")]
    server: String,
    /// Certificates (PEM) to trust for an https address, instead of this machine's
    #[arg(long, global = true, env = "RUSSET_SERVER_ROOTS", value_name = "FILE")]
    server_roots: Option<PathBuf>,
    /// File with the API token; RUSSET_TOKEN holds the token itself
    #[arg(long, global = true, env = "RUSSET_TOKEN_FILE", value_name = "FILE")]
    api_token_file: Option<PathBuf>,
    /// Print the API's answer as JSON
    #[arg(long, global = true)]
    json: bool,
}

/// An admin's desk: the client, and how to print.
pub(crate) struct Desk {
    /// The client.
    pub(crate) client: Client,
    /// Whether answers are printed as JSON.
    pub(crate) json: bool,
    /// When this command began; times are told from here.
    pub(crate) now: jiff::Timestamp,
}

impl Desk {
    /// Opens it. `token_file` is the one given right behind `admin`; it counts before the environment.
    pub(crate) fn open(connection: &Connection, token_file: Option<&Path>) -> anyhow::Result<Self> {
        let token = token(token_file.or(connection.api_token_file.as_deref()))?;
        let roots = connection.server_roots.as_deref().map(read).transpose()?;
        let client = Client::new(&connection.server, Some(token.as_str()), roots.as_deref())?;
        Ok(Self { client, json: connection.json, now: jiff::Timestamp::now() })
    }

    /// Prints an answer: as it is for programs, in the given form for people.
    pub(crate) fn show(&self, answer: &Value, for_people: impl FnOnce() -> String) {
        if self.json {
            say(&format!("{answer:#}"));
        } else {
            say(for_people().trim_end());
        }
    }

    /// Asks a yes-or-no question on the terminal, unless it was answered by `--yes`.
    ///
    /// # Errors
    /// When there is nobody to ask, or the answer is no.
    pub(crate) fn confirm(&self, question: &str, yes: bool) -> anyhow::Result<()> {
        if yes {
            return Ok(());
        }
        if self.json || !std::io::stdin().is_terminal() {
            bail!("nothing was changed: nobody can be asked here. Add --yes to make the change without a question");
        }
        eprint!("{question} [y/N] ");
        std::io::stderr().flush()?;
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer)?;
        if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
            return Ok(());
        }
        bail!("nothing was changed");
    }
}

/// Prints a text and a line's end. A reader that has heard enough (`| head`) is no fault.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

fn token(file: Option<&Path>) -> anyhow::Result<Zeroizing<String>> {
    if let Some(path) = file {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("the file with the API token, {}, cannot be read", path.display()))?;
        return Ok(Zeroizing::new(text.trim().to_owned()));
    }
    match std::env::var("RUSSET_TOKEN") {
        Ok(text) if !text.trim().is_empty() => Ok(Zeroizing::new(text.trim().to_owned())),
        _ => bail!(
            "no API token: set RUSSET_TOKEN, or name a file with --token-file right behind `admin`. The first start of \
             `russet serve` printed one; `russet serve --new-token` makes another"
        ),
    }
}

/// Reads a file that was named on the command line.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
}

/// Reads a file of text that was named on the command line.
pub(crate) fn read_text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("{} cannot be read as text", path.display()))
}
