//! The SQL of an account as the worker sees it: with its sealed secrets, its waits and its chores.

use super::{ACCOUNT, account_id};
use crate::ids::AccountId;
use crate::licenses::accounts::AccountState;
use russet_protocol::Timestamp;
use russet_store::{StoreError, Tx};

/// An account as the worker sees it. No `Debug`: it holds (sealed) secrets.
pub(in crate::licenses) struct Work {
    pub(in crate::licenses) id: AccountId,
    pub(in crate::licenses) name: String,
    pub(in crate::licenses) state: AccountState,
    pub(in crate::licenses) claimed: bool,
    pub(in crate::licenses) u_id: Option<String>,
    pub(in crate::licenses) country: Option<String>,
    pub(in crate::licenses) platform: Option<String>,
    pub(in crate::licenses) take_over: bool,
    pub(in crate::licenses) token: Vec<u8>,
    pub(in crate::licenses) webhook_path: String,
    pub(in crate::licenses) webhook_secret: Vec<u8>,
    pub(in crate::licenses) webhook_state: String,
    pub(in crate::licenses) blocked_until: Option<Timestamp>,
    pub(in crate::licenses) troubles: i64,
    pub(in crate::licenses) sync_due_at: Timestamp,
    pub(in crate::licenses) assets_due_at: Timestamp,
    pub(in crate::licenses) unmarked: Option<String>,
}

/// What Apple said about a location when it was claimed.
pub(in crate::licenses) struct Claimed<'a> {
    pub(in crate::licenses) u_id: Option<&'a str>,
    pub(in crate::licenses) location_name: Option<&'a str>,
    pub(in crate::licenses) country: Option<&'a str>,
    pub(in crate::licenses) platform: Option<&'a str>,
    pub(in crate::licenses) token_expires_at: Option<Timestamp>,
    pub(in crate::licenses) webhook_state: &'a str,
    pub(in crate::licenses) at: Timestamp,
}

pub(in crate::licenses) async fn ids(tx: &mut dyn Tx) -> Result<Vec<AccountId>, StoreError> {
    tx.rows("SELECT id FROM license_account ORDER BY id", &[]).await?.iter().map(|row| account_id(row, "id")).collect()
}

pub(in crate::licenses) async fn work(tx: &mut dyn Tx, id: AccountId) -> Result<Option<Work>, StoreError> {
    let sql = "SELECT name, state, claimed_at, u_id, country_code, platform, take_over, token, webhook_path,
             webhook_secret, webhook_state, blocked_until, troubles, sync_due_at, assets_due_at, unmarked
         FROM license_account WHERE id = $1";
    let Some(row) = tx.optional(sql, &[(&id.text()).into()]).await? else { return Ok(None) };
    let state = row.text("state")?;
    Ok(Some(Work {
        id,
        name: row.text("name")?,
        state: AccountState::parse(&state).ok_or_else(|| StoreError::corrupt(ACCOUNT, "state", id))?,
        claimed: row.opt_int("claimed_at")?.is_some(),
        u_id: row.opt_text("u_id")?,
        country: row.opt_text("country_code")?,
        platform: row.opt_text("platform")?,
        take_over: row.flag("take_over")?,
        token: row.bytes("token")?,
        webhook_path: row.text("webhook_path")?,
        webhook_secret: row.bytes("webhook_secret")?,
        webhook_state: row.text("webhook_state")?,
        blocked_until: row.opt_int("blocked_until")?.map(Timestamp),
        troubles: row.int("troubles")?,
        sync_due_at: Timestamp(row.int("sync_due_at")?),
        assets_due_at: Timestamp(row.int("assets_due_at")?),
        unmarked: row.opt_text("unmarked")?,
    }))
}

/// When the next of the account's smaller chores is due: a call to follow, a wish to send, a notification to read, a name
/// to look up. `collect` is how long wishes are collected, `stale` before when a name is old.
pub(in crate::licenses) async fn next_chore(
    tx: &mut dyn Tx,
    id: AccountId,
    collect: i64,
    stale: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let account = id.text();
    let row = tx
        .one(
            "SELECT
                 (SELECT min(look_at) FROM license_batch WHERE account_id = $1) AS batch,
                 (SELECT min(due_at) FROM license_intent WHERE account_id = $1 AND state = 'open') AS wish,
                 (SELECT min(due_at) FROM license_intent WHERE account_id = $1 AND state = 'waiting') AS waiting,
                 (SELECT min(due_at) FROM license_intent WHERE account_id = $1 AND state = 'failed') AS failed,
                 (SELECT min(received_at) FROM license_notification WHERE account_id = $1 AND processed_at IS NULL) AS hint",
            &[(&account).into()],
        )
        .await?;
    let mut next = [
        row.opt_int("batch")?,
        row.opt_int("wish")?.map(|due| due.saturating_add(collect)),
        row.opt_int("waiting")?,
        row.opt_int("failed")?,
        row.opt_int("hint")?,
    ]
    .into_iter()
    .flatten()
    .min();
    if !super::nameless(tx, id, stale, 1).await?.is_empty() {
        next = Some(0);
    }
    Ok(next.map(Timestamp))
}

/// The name of another account with the same location.
pub(in crate::licenses) async fn other_with_location(
    tx: &mut dyn Tx,
    id: AccountId,
    u_id: &str,
) -> Result<Option<String>, StoreError> {
    let sql = "SELECT name FROM license_account WHERE u_id = $1 AND id <> $2";
    let row = tx.optional(sql, &[u_id.into(), (&id.text()).into()]).await?;
    row.map(|row| row.text("name")).transpose()
}

pub(in crate::licenses) async fn claimed(tx: &mut dyn Tx, id: AccountId, it: &Claimed<'_>) -> Result<(), StoreError> {
    tx.run(
        "UPDATE license_account SET u_id = COALESCE($2, u_id), location_name = COALESCE($3, location_name),
             country_code = COALESCE($4, country_code), platform = COALESCE($5, platform),
             token_expires_at = COALESCE($6, token_expires_at), webhook_state = $7, webhook_at = $8, claimed_at = $8,
             take_over = $9 WHERE id = $1",
        &[
            (&id.text()).into(),
            it.u_id.into(),
            it.location_name.into(),
            it.country.into(),
            it.platform.into(),
            it.token_expires_at.map(Timestamp::millis).into(),
            it.webhook_state.into(),
            it.at.millis().into(),
            false.into(),
        ],
    )
    .await
    .map(|_| ())
}

/// How the account stands, where that is new.
pub(in crate::licenses) async fn set_state(
    tx: &mut dyn Tx,
    id: AccountId,
    state: AccountState,
    text: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.run(
        "UPDATE license_account SET state = $2, state_text = $3, state_at = CASE WHEN state = $2 THEN state_at ELSE $4 END
         WHERE id = $1 AND (state <> $2 OR state_text <> $3)",
        &[(&id.text()).into(), state.word().into(), text.into(), now.millis().into()],
    )
    .await
    .map(|_| ())
}

/// Leaves Apple alone until then; `None` ends it. `troubles`: how many in a row.
pub(in crate::licenses) async fn block(
    tx: &mut dyn Tx,
    id: AccountId,
    until: Option<Timestamp>,
    troubles: i64,
) -> Result<(), StoreError> {
    tx.run(
        "UPDATE license_account SET blocked_until = $2, troubles = $3 WHERE id = $1",
        &[(&id.text()).into(), until.map(Timestamp::millis).into(), troubles.into()],
    )
    .await
    .map(|_| ())
}

/// The counts are to be read soon.
pub(in crate::licenses) async fn want_counts(tx: &mut dyn Tx, id: AccountId, at: Timestamp) -> Result<(), StoreError> {
    tx.run(
        "UPDATE license_account SET assets_due_at = $2 WHERE id = $1 AND assets_due_at > $2",
        &[(&id.text()).into(), at.millis().into()],
    )
    .await
    .map(|_| ())
}

/// The records were read: all of them where `all_due_at` says when next.
pub(in crate::licenses) async fn synced(
    tx: &mut dyn Tx,
    id: AccountId,
    now: Timestamp,
    assets_due_at: Timestamp,
    all_due_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    tx.run(
        "UPDATE license_account SET assets_due_at = $2, sync_due_at = COALESCE($3, sync_due_at),
             last_sync_at = CASE WHEN $3 IS NULL THEN last_sync_at ELSE $4 END WHERE id = $1",
        &[
            (&id.text()).into(),
            assets_due_at.millis().into(),
            all_due_at.map(Timestamp::millis).into(),
            now.millis().into(),
        ],
    )
    .await
    .map(|_| ())
}

/// Up to `limit` serial numbers of the account after `cursor`: those with a license and those with a wish.
pub(in crate::licenses) async fn serials_after(
    tx: &mut dyn Tx,
    id: AccountId,
    cursor: &str,
    limit: u32,
) -> Result<Vec<String>, StoreError> {
    let rows = tx
        .rows(
            "SELECT target AS serial FROM license_assignment
             WHERE account_id = $1 AND target_kind = 'serial' AND target > $2
             UNION SELECT serial FROM license_intent WHERE account_id = $1 AND serial > $2
             ORDER BY serial LIMIT $3",
            &[(&id.text()).into(), cursor.into(), limit.into()],
        )
        .await?;
    rows.iter().map(|row| row.text("serial")).collect()
}

/// Moves the cursor of marking on, unless it was set back meanwhile.
pub(in crate::licenses) async fn marked(
    tx: &mut dyn Tx,
    id: AccountId,
    before: &str,
    cursor: Option<&str>,
) -> Result<(), StoreError> {
    tx.run(
        "UPDATE license_account SET unmarked = $3 WHERE id = $1 AND unmarked = $2",
        &[(&id.text()).into(), before.into(), cursor.into()],
    )
    .await
    .map(|_| ())
}
