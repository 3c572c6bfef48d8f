//! `make bench`: what the hot paths cost, beside the machine's own limits measured in the same run.
//!
//! Prints one table at the end and writes the same figures as JSON. Parts can be chosen by name:
//! `make bench ARGS=device`, `make bench ARGS="messages push"`. It measures and judges nothing: what the figures meant on
//! one machine, and how they changed, stands in `docs/performance.md`.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot go on has failed")]

mod device_path;
mod limits;
mod memory;
mod messages;
mod phone;
mod push;
mod reconciler;
mod table;
mod world;

use table::Table;

/// The parts, in the order in which they run.
const PARTS: [&str; 5] = ["device", "messages", "push", "reconciler", "memory"];

fn main() {
    // cargo adds `--bench`.
    let chosen: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    if let Some(unknown) = chosen.iter().find(|word| !PARTS.contains(&word.as_str())) {
        eprintln!("there is no part {unknown:?}; the parts are: {}", PARTS.join(", "));
        std::process::exit(2);
    }
    let wanted = |part: &str| chosen.is_empty() || chosen.iter().any(|word| word == part);
    russet::server::install_crypto();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut table = Table::new();
    runtime.block_on(async {
        if wanted("device") {
            device_path::measure(&mut table).await;
        }
        if wanted("messages") {
            messages::measure(&mut table);
        }
        if wanted("push") {
            push::measure(&mut table).await;
        }
        let mut filled = None;
        if wanted("reconciler") || wanted("memory") {
            filled = Some(reconciler::measure(&mut table).await);
        }
        if wanted("memory") {
            memory::measure(&mut table, filled.expect("the part before it made one")).await;
        }
    });
    table.print();
    table.write_json();
}
