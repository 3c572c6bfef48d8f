//! Marks the devices of an account after a change that concerns all of them: a part at a time, from where the last part ended,
//! so that neither a large fleet nor a crash leaves anyone out.

use crate::context::Context;
use crate::directory::dirty::{self, Lane};
use crate::ids::AccountId;
use crate::licenses::store;
use russet_protocol::SerialNumber;
use russet_store::StoreError;

/// How many devices are marked in one transaction.
const PART: u32 = 250;

pub(super) async fn catch_up(ctx: &Context, id: AccountId) -> Result<(), StoreError> {
    loop {
        let Some(work) = store::work(&mut *ctx.store.read().await?, id).await? else { return Ok(()) };
        let Some(cursor) = work.unmarked else { return Ok(()) };
        let mut tx = ctx.store.begin("mark the devices of an account").await?;
        let serials = store::serials_after(&mut *tx, id, &cursor, PART).await?;
        let readable: Vec<SerialNumber> =
            serials.iter().filter_map(|serial| SerialNumber::new(serial.as_str()).ok()).collect();
        dirty::mark_serials(&mut *tx, &readable, Lane::Bulk, "the account changed", ctx.now()).await?;
        store::marked(&mut *tx, id, &cursor, serials.last().map(String::as_str)).await?;
        tx.commit().await?;
    }
}
