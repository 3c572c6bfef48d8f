//! The PostgreSQL server that tests use: the one that is named, or one of our own.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::OnceLock;

/// The variable that names a server.
const VARIABLE: &str = "RUSSET_TEST_POSTGRES_URL";

/// Starts a cluster, prints its URL, and takes it away once standard input ends: also when the test process is killed.
const KEEPER: &str = r#"
folder=$(mktemp -d) || exit 1
trap 'bash "$1" stop "$folder"; rm -rf "$folder"' EXIT
bash "$1" start "$folder" || exit 1
read -r _ || true
"#;

/// Our own cluster; it lives as long as the pipe to its keeper.
struct Cluster {
    url: String,
    _keeper: ChildStdin,
}

/// The URL of the server; `None` where there is none and none can be started.
pub(crate) fn server_url() -> Option<String> {
    match std::env::var(VARIABLE) {
        Ok(url) if url == "none" => {
            eprintln!("SKIPPED on PostgreSQL: {VARIABLE} is set to none");
            None
        }
        Ok(url) if !url.is_empty() => Some(url),
        _ => {
            static OWN: OnceLock<Option<Cluster>> = OnceLock::new();
            OWN.get_or_init(start).as_ref().map(|cluster| cluster.url.clone())
        }
    }
}

fn start() -> Option<Cluster> {
    let cluster = try_start();
    if cluster.is_none() {
        eprintln!(
            "SKIPPED on PostgreSQL: no server could be started; run `scripts/setup test`, or set {VARIABLE} to one where \
             databases may be created"
        );
    }
    cluster
}

fn try_start() -> Option<Cluster> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/postgres");
    let mut keeper = Command::new("bash")
        .args(["-c", KEEPER, "keeper"])
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // Not ours: a test runner would wait for its end.
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let stdin = keeper.stdin.take()?;
    let mut line = String::new();
    BufReader::new(keeper.stdout.take()?).read_line(&mut line).ok()?;
    let url = line.trim();
    url.starts_with("postgres://").then(|| Cluster { url: url.to_owned(), _keeper: stdin })
}
