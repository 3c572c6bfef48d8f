//! `russet admin audit`.

use super::connection::Desk;
use super::table::{Table, clipped, items, text};
use super::words::exactly;
use serde_json::Value;

/// Letters of what was changed; --json shows all.
const WIDEST: usize = 80;

/// `russet admin audit …`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How many entries
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    /// Only entries older than the one with this id
    #[arg(long, value_name = "ID")]
    before: Option<String>,
}

pub(super) async fn run(desk: &Desk, args: Args) -> anyhow::Result<()> {
    let before = args.before.map(|id| format!("&before={}", super::resolve::segment(&id))).unwrap_or_default();
    let list = desk.client.get(&format!("/api/v1/audit?limit={}{before}", args.limit)).await?;
    desk.show(&list, || shown(&list));
    Ok(())
}

fn shown(list: &Value) -> String {
    let mut table = Table::new(&["TIME (UTC)", "WHO", "WHAT", "ON", "OUTCOME"], "Nothing was changed yet.");
    for entry in items(list) {
        let outcome =
            if entry["outcome"].is_null() { "under way, or cut off".to_owned() } else { text(entry, "outcome") };
        table.line([
            exactly(entry, "at"),
            text(entry, "actor"),
            text(entry, "action"),
            clipped(&text(entry, "subject"), WIDEST),
            outcome,
        ]);
    }
    table.text()
}
