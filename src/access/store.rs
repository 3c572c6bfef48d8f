//! The SQL of API tokens.

use super::{Role, Token};
use crate::ids::TokenId;
use russet_protocol::Timestamp;
use russet_store::{Row, StoreError, Tx};

pub(super) async fn insert(tx: &mut dyn Tx, token: &Token, hash: &[u8]) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO api_token (id, name, role, hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            (&token.id.text()).into(),
            (&token.name).into(),
            token.role.text().into(),
            hash.into(),
            token.created_at.millis().into(),
            token.expires_at.map(Timestamp::millis).into(),
        ],
    )
    .await
    .map(|_| ())
}

pub(super) async fn any(tx: &mut dyn Tx) -> Result<bool, StoreError> {
    Ok(tx.optional("SELECT id FROM api_token LIMIT 1", &[]).await?.is_some())
}

pub(super) async fn get(tx: &mut dyn Tx, id: TokenId) -> Result<Option<(Token, Vec<u8>)>, StoreError> {
    let row = tx
        .optional(
            "SELECT id, name, role, hash, created_at, expires_at, last_used_at, revoked_at FROM api_token WHERE id = $1",
            &[(&id.text()).into()],
        )
        .await?;
    row.map(|row| Ok((token(&row)?, row.bytes("hash")?))).transpose()
}

pub(super) async fn list(tx: &mut dyn Tx) -> Result<Vec<Token>, StoreError> {
    let rows = tx
        .rows(
            "SELECT id, name, role, created_at, expires_at, last_used_at, revoked_at FROM api_token ORDER BY id DESC",
            &[],
        )
        .await?;
    rows.iter().map(token).collect()
}

/// False where there is no such token that is not revoked.
pub(super) async fn replace(tx: &mut dyn Tx, id: TokenId, hash: &[u8], now: Timestamp) -> Result<bool, StoreError> {
    let changed = tx
        .run(
            "UPDATE api_token SET hash = $2, created_at = $3 WHERE id = $1 AND revoked_at IS NULL",
            &[(&id.text()).into(), hash.into(), now.millis().into()],
        )
        .await?;
    Ok(changed == 1)
}

/// False where there is no such token that is not revoked.
pub(super) async fn revoke(tx: &mut dyn Tx, id: TokenId, now: Timestamp) -> Result<bool, StoreError> {
    let changed = tx
        .run(
            "UPDATE api_token SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL",
            &[(&id.text()).into(), now.millis().into()],
        )
        .await?;
    Ok(changed == 1)
}

pub(super) async fn used(tx: &mut dyn Tx, id: TokenId, at: Timestamp) -> Result<(), StoreError> {
    tx.run(
        "UPDATE api_token SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)",
        &[(&id.text()).into(), at.millis().into()],
    )
    .await
    .map(|_| ())
}

fn token(row: &Row) -> Result<Token, StoreError> {
    let id = row.text("id")?;
    Ok(Token {
        id: id.parse().map_err(|_| StoreError::corrupt("api_token", "id", &id))?,
        name: row.text("name")?,
        role: Role::read(&row.text("role")?).ok_or_else(|| StoreError::corrupt("api_token", "role", &id))?,
        created_at: Timestamp(row.int("created_at")?),
        expires_at: row.opt_int("expires_at")?.map(Timestamp),
        last_used_at: row.opt_int("last_used_at")?.map(Timestamp),
        revoked_at: row.opt_int("revoked_at")?.map(Timestamp),
    })
}
