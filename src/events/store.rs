//! The SQL of the audit log.

use super::Entry;
use russet_protocol::Timestamp;
use russet_store::{Row, StoreError, Tx};
use uuid::Uuid;

pub(super) async fn insert(
    tx: &mut dyn Tx,
    id: Uuid,
    now: Timestamp,
    actor: &str,
    action: &str,
    subject: &str,
) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO audit (id, at, actor, action, subject) VALUES ($1, $2, $3, $4, $5)",
        &[(&id.to_string()).into(), now.millis().into(), actor.into(), action.into(), subject.into()],
    )
    .await
    .map(|_| ())
}

pub(super) async fn end(tx: &mut dyn Tx, id: Uuid, now: Timestamp, outcome: &str) -> Result<(), StoreError> {
    tx.run(
        "UPDATE audit SET outcome = $2, ended_at = $3 WHERE id = $1",
        &[(&id.to_string()).into(), outcome.into(), now.millis().into()],
    )
    .await
    .map(|_| ())
}

pub(super) async fn list(tx: &mut dyn Tx, before: Option<Uuid>, limit: u32) -> Result<Vec<Entry>, StoreError> {
    // The highest UUID stands for "from the newest on".
    let before = before.unwrap_or(Uuid::max()).to_string();
    let rows = tx
        .rows(
            "SELECT id, at, actor, action, subject, outcome, ended_at FROM audit WHERE id < $1 ORDER BY id DESC LIMIT $2",
            &[(&before).into(), limit.into()],
        )
        .await?;
    rows.iter().map(entry).collect()
}

fn entry(row: &Row) -> Result<Entry, StoreError> {
    let id = row.text("id")?;
    Ok(Entry {
        id: id.parse().map_err(|_| StoreError::corrupt("audit", "id", &id))?,
        at: Timestamp(row.int("at")?),
        actor: row.text("actor")?,
        action: row.text("action")?,
        subject: row.text("subject")?,
        outcome: row.opt_text("outcome")?,
        ended_at: row.opt_int("ended_at")?.map(Timestamp),
    })
}
