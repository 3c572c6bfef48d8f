//! The SQL of accounts.

use super::{ACCOUNT, account_id};
use crate::ids::AccountId;
use crate::licenses::Defaults;
use crate::licenses::accounts::{Account, AccountState};
use russet_protocol::Timestamp;
use russet_store::{Row, StoreError, Tx};

/// A new account; the secrets are sealed.
pub(in crate::licenses) struct NewAccount<'a> {
    pub(in crate::licenses) id: AccountId,
    pub(in crate::licenses) name: &'a str,
    pub(in crate::licenses) token: &'a [u8],
    pub(in crate::licenses) token_hash: &'a [u8],
    pub(in crate::licenses) token_expires_at: Timestamp,
    pub(in crate::licenses) organization_name: &'a str,
    pub(in crate::licenses) webhook_path: &'a str,
    pub(in crate::licenses) webhook_secret: &'a [u8],
    pub(in crate::licenses) defaults: &'a Defaults,
    pub(in crate::licenses) now: Timestamp,
}

pub(in crate::licenses) async fn insert_account(tx: &mut dyn Tx, new: &NewAccount<'_>) -> Result<(), StoreError> {
    let defaults = encoded(new.defaults)?;
    tx.run(
        "INSERT INTO license_account (id, name, token, token_hash, token_expires_at, organization_name, state, state_text,
             state_at, take_over, webhook_path, webhook_secret, webhook_state, troubles, sync_due_at, assets_due_at,
             defaults,
             defaults_version, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'unknown', 0, $9, $9, $13, 1, $9)",
        &[
            (&new.id.text()).into(),
            new.name.into(),
            new.token.into(),
            new.token_hash.into(),
            new.token_expires_at.millis().into(),
            new.organization_name.into(),
            AccountState::Connecting.word().into(),
            "The location is being claimed and its records are being read.".into(),
            new.now.millis().into(),
            false.into(),
            new.webhook_path.into(),
            new.webhook_secret.into(),
            (&defaults).into(),
        ],
    )
    .await
    .map(|_| ())
}

/// The next token of an account, sealed.
pub(in crate::licenses) struct NewToken<'a> {
    pub(in crate::licenses) id: AccountId,
    pub(in crate::licenses) token: &'a [u8],
    pub(in crate::licenses) hash: &'a [u8],
    pub(in crate::licenses) expires_at: Timestamp,
    pub(in crate::licenses) organization_name: &'a str,
    pub(in crate::licenses) now: Timestamp,
}

/// Replaces the token; the account begins again with the claim.
pub(in crate::licenses) async fn set_token(tx: &mut dyn Tx, new: &NewToken<'_>) -> Result<(), StoreError> {
    tx.run(
        "UPDATE license_account SET token = $2, token_hash = $3, token_expires_at = $4, organization_name = $5,
             claimed_at = NULL, sync_due_at = $6, troubles = 0, blocked_until = NULL, state = $7, state_text = $8,
             state_at = $6
         WHERE id = $1",
        &[
            (&new.id.text()).into(),
            new.token.into(),
            new.hash.into(),
            new.expires_at.millis().into(),
            new.organization_name.into(),
            new.now.millis().into(),
            AccountState::Connecting.word().into(),
            "The location is being claimed with its new server token.".into(),
        ],
    )
    .await
    .map(|_| ())
}

/// Deletes an account and all that hangs on it; false where there is none.
pub(in crate::licenses) async fn delete_account(tx: &mut dyn Tx, id: AccountId) -> Result<bool, StoreError> {
    Ok(tx.run("DELETE FROM license_account WHERE id = $1", &[(&id.text()).into()]).await? == 1)
}

/// The name of the account that has this token.
pub(in crate::licenses) async fn name_of_token(tx: &mut dyn Tx, hash: &[u8]) -> Result<Option<String>, StoreError> {
    let row = tx.optional("SELECT name FROM license_account WHERE token_hash = $1", &[hash.into()]).await?;
    row.map(|row| row.text("name")).transpose()
}

pub(in crate::licenses) async fn name_is_taken(tx: &mut dyn Tx, name: &str) -> Result<bool, StoreError> {
    Ok(tx.optional("SELECT id FROM license_account WHERE name = $1", &[name.into()]).await?.is_some())
}

macro_rules! select_account {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, organization_name, location_name, country_code, token_expires_at, state, state_text, state_at,
                 webhook_state, last_sync_at, defaults, defaults_version FROM license_account ",
            $rest
        )
    };
}

pub(in crate::licenses) async fn account(tx: &mut dyn Tx, id: AccountId) -> Result<Option<Account>, StoreError> {
    let row = tx.optional(select_account!("WHERE id = $1"), &[(&id.text()).into()]).await?;
    row.as_ref().map(read).transpose()
}

pub(in crate::licenses) async fn accounts(tx: &mut dyn Tx) -> Result<Vec<Account>, StoreError> {
    tx.rows(select_account!("ORDER BY name"), &[]).await?.iter().map(read).collect()
}

/// False where the version is another by now.
pub(in crate::licenses) async fn set_defaults(
    tx: &mut dyn Tx,
    id: AccountId,
    defaults: &Defaults,
    etag: &str,
) -> Result<bool, StoreError> {
    let Ok(version) = etag.trim_matches('"').parse::<i64>() else { return Ok(false) };
    let defaults = encoded(defaults)?;
    let changed = tx
        .run(
            "UPDATE license_account SET defaults = $2, defaults_version = defaults_version + 1
             WHERE id = $1 AND defaults_version = $3",
            &[(&id.text()).into(), (&defaults).into(), version.into()],
        )
        .await?;
    Ok(changed == 1)
}

/// Begins the marking of all devices of an account from the first one.
pub(in crate::licenses) async fn unmark(tx: &mut dyn Tx, id: AccountId) -> Result<(), StoreError> {
    tx.run("UPDATE license_account SET unmarked = '' WHERE id = $1", &[(&id.text()).into()]).await.map(|_| ())
}

/// False where there is no such account.
pub(in crate::licenses) async fn want_sync(
    tx: &mut dyn Tx,
    id: AccountId,
    take_over: bool,
    now: Timestamp,
) -> Result<bool, StoreError> {
    // A stopped account begins again with the claim; Apple's wish to be left alone for a while stays.
    let changed = tx
        .run(
            "UPDATE license_account SET sync_due_at = $2, take_over = (take_over OR $3),
                 claimed_at = CASE WHEN state = 'stopped' THEN NULL ELSE claimed_at END,
                 troubles = CASE WHEN state = 'stopped' THEN 0 ELSE troubles END,
                 blocked_until = CASE WHEN state = 'stopped' THEN NULL ELSE blocked_until END,
                 state_text = CASE WHEN state = 'stopped' THEN $4 ELSE state_text END,
                 state_at = CASE WHEN state = 'stopped' THEN $2 ELSE state_at END,
                 state = CASE WHEN state = 'stopped' THEN 'connecting' ELSE state END
             WHERE id = $1",
            &[
                (&id.text()).into(),
                now.millis().into(),
                take_over.into(),
                "An admin asked to try again; the location is being claimed.".into(),
            ],
        )
        .await?;
    Ok(changed == 1)
}

fn encoded(defaults: &Defaults) -> Result<String, StoreError> {
    serde_json::to_string(defaults).map_err(|error| StoreError::Unavailable(Box::new(error)))
}

fn read(row: &Row) -> Result<Account, StoreError> {
    let id = account_id(row, "id")?;
    let damaged = |column: &str| StoreError::corrupt(ACCOUNT, column, id);
    Ok(Account {
        id,
        name: row.text("name")?,
        organization_name: row.text("organization_name")?,
        location_name: row.opt_text("location_name")?,
        country_code: row.opt_text("country_code")?,
        token_expires_at: Timestamp(row.int("token_expires_at")?),
        state: AccountState::parse(&row.text("state")?).ok_or_else(|| damaged("state"))?,
        state_text: row.text("state_text")?,
        state_at: Timestamp(row.int("state_at")?),
        webhook: row.text("webhook_state")?,
        last_sync_at: row.opt_int("last_sync_at")?.map(Timestamp),
        defaults: serde_json::from_str(&row.text("defaults")?).map_err(|_| damaged("defaults"))?,
        etag: format!("\"{}\"", row.int("defaults_version")?),
    })
}
