//! The audit log: who did what, to what, with which result. Must never hold a secret.
//!
//! An entry is written before the change is tried and ended after it, so that no change can happen without a line here,
//! even where the server is killed in between: such a line stays without an outcome, which says just that.

mod store;

use crate::context::Context;
use russet_protocol::Timestamp;
use russet_store::{StoreError, Tx};
use uuid::Uuid;

/// One line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id, a UUIDv7: the order of the log.
    pub id: Uuid,
    /// When it was asked for.
    pub at: Timestamp,
    /// Who asked: `token NAME (ID)`, or `russet` for the server itself.
    pub actor: String,
    /// What was asked for, `POST /api/v1/accounts`.
    pub action: String,
    /// What it was done to, as the request named it.
    pub subject: String,
    /// How it ended: `done`, `refused: TYPE`; none where the server stopped before the end.
    pub outcome: Option<String>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// Most entries of one page.
pub const PAGE: u32 = 200;

/// Writes that something is about to be done. The id is for [`end`].
///
/// # Errors
/// Where the store fails; then the change must not be tried.
pub async fn begin(ctx: &Context, actor: &str, action: &str, subject: &str) -> Result<Uuid, StoreError> {
    let id = ctx.uuid();
    let mut tx = ctx.store.begin("audit: begin").await?;
    store::insert(&mut *tx, id, ctx.now(), actor, action, subject).await?;
    tx.commit().await?;
    Ok(id)
}

/// Writes how it ended.
///
/// # Errors
/// Where the store fails.
pub async fn end(ctx: &Context, id: Uuid, outcome: &str) -> Result<(), StoreError> {
    let mut tx = ctx.store.begin("audit: end").await?;
    store::end(&mut *tx, id, ctx.now(), outcome).await?;
    tx.commit().await
}

/// Entries, newest first; those older than `before`, where given. At most [`PAGE`].
///
/// # Errors
/// Where the store fails.
pub async fn list(tx: &mut dyn Tx, before: Option<Uuid>, limit: u32) -> Result<Vec<Entry>, StoreError> {
    store::list(tx, before, limit.min(PAGE)).await
}
