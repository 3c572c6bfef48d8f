//! The SQL of calls to Apple and of the wishes they carry.

use super::{Key, Wanted, adam_id, number, pricing};
use crate::ids::AccountId;
use russet_apps_and_books::Action;
use russet_protocol::{AdamId, PricingParam, SerialNumber, Timestamp};
use russet_store::{Row, StoreError, Tx, Value};
use std::collections::HashMap;
use uuid::Uuid;

/// A wish as the worker sees it.
#[derive(Debug, Clone)]
pub(in crate::licenses) struct Wish {
    pub(in crate::licenses) key: Key,
    pub(in crate::licenses) wanted: Wanted,
    pub(in crate::licenses) since: Timestamp,
    pub(in crate::licenses) tries: i64,
}

/// A call that gives or takes licenses, as it is stored.
#[derive(Debug, Clone)]
pub(in crate::licenses) struct Batch {
    pub(in crate::licenses) id: Uuid,
    pub(in crate::licenses) action: Action,
    /// The event to follow; none where Apple's answer is not known.
    pub(in crate::licenses) event: Option<String>,
    pub(in crate::licenses) sent_at: Timestamp,
    pub(in crate::licenses) looks: i64,
}

fn word(action: Action) -> &'static str {
    match action {
        Action::Associate => "associate",
        Action::Disassociate => "disassociate",
    }
}

/// Up to `limit` wishes to look at: open ones (all of them), and those waiting or failed whose time has come; oldest first.
pub(in crate::licenses) async fn due_wishes(
    tx: &mut dyn Tx,
    account: AccountId,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<Wish>, StoreError> {
    let rows = tx
        .rows(
            "SELECT adam_id, pricing, serial, wanted, since, tries FROM license_intent
             WHERE account_id = $1 AND (state = 'open' OR (state IN ('waiting', 'failed') AND due_at <= $2))
             ORDER BY since, serial LIMIT $3 {lock_skip}",
            &[(&account.text()).into(), now.millis().into(), limit.into()],
        )
        .await?;
    rows.iter().map(|row| wish(row, account)).collect()
}

/// The wishes that a call carries.
pub(in crate::licenses) async fn wishes_of(
    tx: &mut dyn Tx,
    account: AccountId,
    batch: Uuid,
) -> Result<Vec<Wish>, StoreError> {
    let sql = "SELECT adam_id, pricing, serial, wanted, since, tries FROM license_intent WHERE batch_id = $1
         ORDER BY serial, adam_id";
    tx.rows(sql, &[(&batch.to_string()).into()]).await?.iter().map(|row| wish(row, account)).collect()
}

fn wish(row: &Row, account: AccountId) -> Result<Wish, StoreError> {
    let (serial, wanted) = (row.text("serial")?, row.text("wanted")?);
    let damaged = |column: &str| StoreError::corrupt("license_intent", column, &serial);
    Ok(Wish {
        key: Key {
            account,
            adam: adam_id(row)?,
            pricing: pricing(row)?,
            serial: SerialNumber::new(serial.as_str()).map_err(|_| damaged("serial"))?,
        },
        wanted: Wanted::parse(&wanted).ok_or_else(|| damaged("wanted"))?,
        since: Timestamp(row.int("since")?),
        tries: row.int("tries")?,
    })
}

/// Licenses left of each asset as Apple last counted, less those asked for in calls that are under way. `None`: without
/// limit. An asset the location does not own is absent.
pub(in crate::licenses) async fn left(
    tx: &mut dyn Tx,
    account: AccountId,
) -> Result<HashMap<(AdamId, PricingParam), Option<u64>>, StoreError> {
    let rows = tx
        .rows(
            "SELECT a.adam_id, a.pricing, a.available,
                 (SELECT count(*) FROM license_intent i JOIN license_batch b ON b.id = i.batch_id
                  WHERE i.account_id = a.account_id AND i.adam_id = a.adam_id AND i.pricing = a.pricing
                      AND i.state = 'sent' AND b.action = 'associate') AS under_way
             FROM license_asset a WHERE a.account_id = $1",
            &[(&account.text()).into()],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let under_way = row.int("under_way")?;
            let left = row.opt_int("available")?.map(|left| u64::try_from(left.saturating_sub(under_way)).unwrap_or(0));
            Ok(((adam_id(row)?, pricing(row)?), left))
        })
        .collect()
}

/// Stores a call before it is sent, with the wishes it carries. False where one of them is not what it was any more: undone,
/// turned into its opposite, on its way already; then nothing of this transaction may be kept.
pub(in crate::licenses) async fn begin_batch(
    tx: &mut dyn Tx,
    account: AccountId,
    batch: &Batch,
    keys: &[Key],
) -> Result<bool, StoreError> {
    let (id, account) = (batch.id.to_string(), account.text());
    let wanted = match batch.action {
        Action::Associate => Wanted::Assigned,
        Action::Disassociate => Wanted::Released,
    };
    tx.run(
        "INSERT INTO license_batch (id, account_id, action, state, sent_at, look_at, looks)
         VALUES ($1, $2, $3, 'sending', $4, $4, 0)",
        &[(&id).into(), (&account).into(), word(batch.action).into(), batch.sent_at.millis().into()],
    )
    .await?;
    for key in keys {
        let mut args = values(&account, key).to_vec();
        args.push((&id).into());
        args.push(wanted.word().into());
        let taken = tx
            .run(
                "UPDATE license_intent SET state = 'sent', batch_id = $5, error_number = NULL, error_text = NULL
                 WHERE account_id = $1 AND adam_id = $2 AND pricing = $3 AND serial = $4
                     AND wanted = $6 AND state <> 'sent'",
                &args,
            )
            .await?;
        if taken == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether this is what is wished now.
pub(in crate::licenses) async fn is_wanted(tx: &mut dyn Tx, key: &Key, wanted: Wanted) -> Result<bool, StoreError> {
    let account = key.account.text();
    let mut args = values(&account, key).to_vec();
    args.push(wanted.word().into());
    let sql = "SELECT state FROM license_intent
               WHERE account_id = $1 AND adam_id = $2 AND pricing = $3 AND serial = $4 AND wanted = $5 {lock}";
    Ok(tx.optional(sql, &args).await?.is_some())
}

fn values<'a>(account: &'a String, key: &'a Key) -> [Value<'a>; 4] {
    [account.into(), number(key.adam).into(), key.pricing.as_str().into(), key.serial.as_str().into()]
}

/// Apple accepted the call: the event is to be followed.
pub(in crate::licenses) async fn follow(
    tx: &mut dyn Tx,
    batch: Uuid,
    event: &str,
    look_at: Timestamp,
) -> Result<(), StoreError> {
    tx.run(
        "UPDATE license_batch SET state = 'following', event_id = $2, look_at = $3 WHERE id = $1",
        &[(&batch.to_string()).into(), event.into(), look_at.millis().into()],
    )
    .await
    .map(|_| ())
}

/// Looks at the call again then. Without `event` it is unclear from now on, and decided by Apple's records.
pub(in crate::licenses) async fn look_again(
    tx: &mut dyn Tx,
    batch: &Batch,
    event: Option<&str>,
    look_at: Timestamp,
) -> Result<(), StoreError> {
    let state = if event.is_some() { "following" } else { "unclear" };
    tx.run(
        "UPDATE license_batch SET looks = looks + 1, look_at = $2, event_id = $3, state = $4 WHERE id = $1",
        &[(&batch.id.to_string()).into(), look_at.millis().into(), event.into(), state.into()],
    )
    .await
    .map(|_| ())
}

pub(in crate::licenses) async fn due_batches(
    tx: &mut dyn Tx,
    account: AccountId,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<Batch>, StoreError> {
    let rows = tx
        .rows(
            "SELECT id, action, event_id, sent_at, looks FROM license_batch WHERE account_id = $1 AND look_at <= $2
             ORDER BY look_at LIMIT $3",
            &[(&account.text()).into(), now.millis().into(), limit.into()],
        )
        .await?;
    let read = |row: &Row| {
        let (id, action) = (row.text("id")?, row.text("action")?);
        let damaged = |column: &str| StoreError::corrupt("license_batch", column, &id);
        let actions = [Action::Associate, Action::Disassociate];
        Ok(Batch {
            id: id.parse().map_err(|_| damaged("id"))?,
            action: actions.into_iter().find(|one| word(*one) == action).ok_or_else(|| damaged("action"))?,
            event: row.opt_text("event_id")?,
            sent_at: Timestamp(row.int("sent_at")?),
            looks: row.int("looks")?,
        })
    };
    rows.iter().map(read).collect()
}

/// The call is decided. Nothing may refer to it any more.
pub(in crate::licenses) async fn end_batch(tx: &mut dyn Tx, batch: Uuid) -> Result<(), StoreError> {
    tx.run("DELETE FROM license_batch WHERE id = $1", &[(&batch.to_string()).into()]).await.map(|_| ())
}

/// A notification names this event: it is looked at now. Where nobody knows it, calls whose answer is not known are.
pub(in crate::licenses) async fn hint(
    tx: &mut dyn Tx,
    account: AccountId,
    event: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let account = account.text();
    let known = tx
        .run(
            "UPDATE license_batch SET look_at = CASE WHEN look_at < $3 THEN look_at ELSE $3 END
             WHERE account_id = $1 AND event_id = $2",
            &[(&account).into(), event.into(), now.millis().into()],
        )
        .await?;
    if known == 0 {
        tx.run(
            "UPDATE license_batch SET look_at = $2 WHERE account_id = $1 AND event_id IS NULL AND look_at > $2",
            &[(&account).into(), now.millis().into()],
        )
        .await?;
    }
    Ok(())
}

/// A wish came true, or what was under way ended so: it is done where that is what is wanted now, else open again.
pub(in crate::licenses) async fn came_true(
    tx: &mut dyn Tx,
    key: &Key,
    so: Wanted,
    now: Timestamp,
) -> Result<(), StoreError> {
    let account = key.account.text();
    let mut args = values(&account, key).to_vec();
    args.push(so.word().into());
    let done = tx
        .run(
            "DELETE FROM license_intent
             WHERE account_id = $1 AND adam_id = $2 AND pricing = $3 AND serial = $4 AND wanted = $5",
            &args,
        )
        .await?;
    if done == 0 {
        reopen(tx, key, now).await?;
    }
    Ok(())
}

/// The wish is open again.
pub(in crate::licenses) async fn reopen(tx: &mut dyn Tx, key: &Key, now: Timestamp) -> Result<(), StoreError> {
    let account = key.account.text();
    let mut args = values(&account, key).to_vec();
    args.push(now.millis().into());
    tx.run(
        "UPDATE license_intent SET state = 'open', batch_id = NULL, due_at = $5
         WHERE account_id = $1 AND adam_id = $2 AND pricing = $3 AND serial = $4",
        &args,
    )
    .await
    .map(|_| ())
}

/// No license is left; it is looked at again then, or as soon as there are more.
pub(in crate::licenses) async fn wait(tx: &mut dyn Tx, key: &Key, due_at: Timestamp) -> Result<(), StoreError> {
    let account = key.account.text();
    let mut args = values(&account, key).to_vec();
    args.push(due_at.millis().into());
    tx.run(
        "UPDATE license_intent SET state = 'waiting', batch_id = NULL, due_at = $5
         WHERE account_id = $1 AND adam_id = $2 AND pricing = $3 AND serial = $4",
        &args,
    )
    .await
    .map(|_| ())
}

/// Apple refused; it is tried again then.
pub(in crate::licenses) async fn failed(
    tx: &mut dyn Tx,
    key: &Key,
    number: i64,
    text: &str,
    retry_at: Timestamp,
) -> Result<(), StoreError> {
    let account = key.account.text();
    let mut args = values(&account, key).to_vec();
    let more: [Value<'_>; 3] = [number.into(), text.into(), retry_at.millis().into()];
    args.extend(more);
    tx.run(
        "UPDATE license_intent SET state = 'failed', batch_id = NULL, error_number = $5, error_text = $6, due_at = $7,
             tries = tries + 1
         WHERE account_id = $1 AND adam_id = $2 AND pricing = $3 AND serial = $4",
        &args,
    )
    .await
    .map(|_| ())
}
