//! The memory of a real `russet serve`: on an empty database, and on one with 1,000 devices after it has looked at each once.

use crate::table::Table;
use crate::world::{World, place};
use russet::cli::client::Client;
use russet::context::{Clock as _, SystemClock};
use russet::directory::dirty::{self, Lane};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PART: &str = "memory";
/// For the start, and for one look at every device.
const SETTLE: Duration = Duration::from_secs(6);
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that ends with the value.
struct Server {
    child: Child,
    ready_after: Duration,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) async fn measure(table: &mut Table, filled: World) {
    let empty = place();
    let server = start(&empty.path().join("data")).await;
    table.add(PART, "empty folder: from start to ready", server.ready_after.as_secs_f64() * 1e3, "ms");
    tokio::time::sleep(SETTLE).await;
    add(table, "an idle server", &server);
    drop(server);

    let mut tx = filled.ctx.store.begin("bench: mark").await.unwrap();
    // By the server's clock, which is not ahead as the world's is.
    dirty::mark_all(&mut *tx, Lane::Bulk, "bench", SystemClock.now()).await.unwrap();
    tx.commit().await.unwrap();
    let World { ctx, folder, .. } = filled;
    ctx.store.close().await;
    // The lock of the file is let go of with the last clone.
    drop(ctx);
    let server = start(&folder.path().join("data")).await;
    tokio::time::sleep(SETTLE).await;
    add(table, "with the rows of 1,000 devices, after a look at each", &server);
}

fn add(table: &mut Table, what: &str, server: &Server) {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let megabytes = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    };
    let note = format!("anonymous {:.1}, peak {:.1}", megabytes("RssAnon:"), megabytes("VmHWM:"));
    table.add(PART, what, megabytes("VmRSS:"), "MiB").note(note);
}

async fn start(data: &Path) -> Server {
    let ports = [TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap()];
    let [device, admin] = ports.map(|port| port.local_addr().unwrap());
    let began = Instant::now();
    let child = Command::new(env!("CARGO_BIN_EXE_russet"))
        .arg("serve")
        .arg("--data-dir")
        .arg(data)
        // Nothing of this leaves the machine: port 9 discards.
        .args(["--set", "apple.push_url=https://127.0.0.1:9", "--set", "apple.apps_and_books_url=http://127.0.0.1:9"])
        .args(["--set", &format!("device.address={device}"), "--set", &format!("admin.address={admin}")])
        .args(["--set", "log.filter=error"])
        .current_dir(data.parent().unwrap())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut server = Server { child, ready_after: Duration::ZERO };
    let client = Client::new(&format!("http://{admin}"), None, None).unwrap();
    while client.get("/ready").await.is_err() {
        assert!(began.elapsed() < PATIENCE, "the server is not ready after a minute");
        assert!(server.child.try_wait().unwrap().is_none(), "the server ended by itself");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    server.ready_after = began.elapsed();
    server
}
