//! API tokens: who may use the API. Must never store or show a token's secret after it was made.
//!
//! A token is `rst_` and 48 bytes as base64url: the id of its row (16 bytes) and its secret (32 random bytes). The row is
//! found by the id, which is no secret; the SHA-256 of the secret is compared in constant time. A slow hash would add
//! nothing: nobody guesses 256 random bits.

mod last_used;
mod store;
#[cfg(test)]
mod tests;

pub use last_used::LastUsed;

use crate::context::Context;
use crate::ids::TokenId;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use russet_protocol::Timestamp;
use russet_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zeroize::Zeroizing;

/// What a token looks like at its beginning, so that people and scanners of leaked secrets recognize one.
pub const PREFIX: &str = "rst_";
/// Longest name of a token, in characters.
pub const LONGEST_NAME: usize = 100;

/// What a token's holder may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    #[default]
    Admin,
    /// Reads, but neither tokens nor the audit log.
    Viewer,
}

impl Role {
    fn text(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Viewer => "viewer",
        }
    }

    /// None for a text that is no role: such a token opens nothing.
    fn read(text: &str) -> Option<Self> {
        [Self::Admin, Self::Viewer].into_iter().find(|role| role.text() == text)
    }
}

/// A token as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// What it is for, in its owner's words.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// When it was made, or its secret was last replaced.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was used last; written in batches, up to half a minute late.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// A token whose text is shown this once.
#[derive(Debug)]
pub struct Made {
    /// The token as it is listed.
    pub token: Token,
    /// Its text, for its owner's eyes.
    pub text: Zeroizing<String>,
}

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// No such token, or it is revoked already.
    #[error("there is no such API token; `russet admin token list` shows those that exist")]
    NotFound,
    /// The name does not fit.
    #[error("give the token a name of 1 to 100 characters on one line")]
    BadName,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes a token.
///
/// # Errors
/// Where the name does not fit or the store fails.
pub async fn create(ctx: &Context, name: &str, role: Role, expires_in: Option<Duration>) -> Result<Made, AccessError> {
    let mut tx = ctx.store.begin("create an API token").await?;
    let made = insert(ctx, &mut *tx, name, role, expires_in).await?;
    tx.commit().await?;
    Ok(made)
}

/// Makes the first token of a new installation; none where there has ever been one. `keep` is given the token before it
/// counts: where keeping fails, or the machine stops there, the next start makes another one, and none is lost.
///
/// # Errors
/// What `keep` says, or where the store fails.
pub async fn create_first<E: From<AccessError>>(
    ctx: &Context,
    keep: impl FnOnce(&Made) -> Result<(), E>,
) -> Result<Option<Made>, E> {
    let store_failed = |error: StoreError| E::from(error.into());
    let mut tx = ctx.store.begin("create the first API token").await.map_err(store_failed)?;
    if store::any(&mut *tx).await.map_err(store_failed)? {
        return Ok(None);
    }
    let made = insert(ctx, &mut *tx, "first", Role::Admin, None).await?;
    keep(&made)?;
    tx.commit().await.map_err(store_failed)?;
    Ok(Some(made))
}

async fn insert(
    ctx: &Context,
    tx: &mut dyn Tx,
    name: &str,
    role: Role,
    expires_in: Option<Duration>,
) -> Result<Made, AccessError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(AccessError::BadName);
    }
    let now = ctx.now();
    let id = TokenId(ctx.uuid());
    let (text, hash) = new_secret(ctx, id);
    let token = Token {
        id,
        name: name.to_owned(),
        role,
        created_at: now,
        expires_at: expires_in.map(|pause| now.plus(pause)),
        last_used_at: None,
        revoked_at: None,
    };
    store::insert(tx, &token, &hash).await?;
    Ok(Made { token, text })
}

/// Replaces a token's secret: the old text ends at once, name and end stay.
///
/// # Errors
/// Where there is no such token, or the store fails.
pub async fn rotate(ctx: &Context, id: TokenId) -> Result<Made, AccessError> {
    let (text, hash) = new_secret(ctx, id);
    let mut tx = ctx.store.begin("rotate an API token").await?;
    if !store::replace(&mut *tx, id, &hash, ctx.now()).await? {
        return Err(AccessError::NotFound);
    }
    let token = store::get(&mut *tx, id).await?.ok_or(AccessError::NotFound)?.0;
    tx.commit().await?;
    Ok(Made { token, text })
}

/// Revokes a token, at once and for good.
///
/// # Errors
/// Where there is no such token, or the store fails.
pub async fn revoke(ctx: &Context, id: TokenId) -> Result<(), AccessError> {
    let mut tx = ctx.store.begin("revoke an API token").await?;
    if !store::revoke(&mut *tx, id, ctx.now()).await? {
        return Err(AccessError::NotFound);
    }
    Ok(tx.commit().await?)
}

/// All tokens, newest first, revoked ones too.
///
/// # Errors
/// Where the store fails.
pub async fn list(tx: &mut dyn Tx) -> Result<Vec<Token>, StoreError> {
    store::list(tx).await
}

/// The token of this text; none where it is malformed, unknown, wrong, ended or revoked, which look alike from outside.
///
/// # Errors
/// Where the store fails.
pub async fn find(tx: &mut dyn Tx, text: &str, now: Timestamp) -> Result<Option<Token>, StoreError> {
    let Some((id, secret)) = parse(text) else { return Ok(None) };
    let Some((token, stored)) = store::get(tx, id).await? else { return Ok(None) };
    let same = bool::from(hash_of(secret.as_slice()).ct_eq(&stored));
    let ended = token.revoked_at.is_some() || token.expires_at.is_some_and(|end| end <= now);
    Ok((same && !ended).then_some(token))
}

fn new_secret(ctx: &Context, id: TokenId) -> (Zeroizing<String>, Vec<u8>) {
    let secret = Zeroizing::new(ctx.random_bytes::<32>());
    let mut bytes = Zeroizing::new(Vec::with_capacity(48));
    bytes.extend_from_slice(id.0.as_bytes());
    bytes.extend_from_slice(secret.as_slice());
    let text = Zeroizing::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes.as_slice())));
    (text, hash_of(secret.as_slice()))
}

fn parse(text: &str) -> Option<(TokenId, Zeroizing<Vec<u8>>)> {
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?);
    let (id, secret) = bytes.split_at_checked(16)?;
    if secret.len() != 32 {
        return None;
    }
    Some((TokenId(Uuid::from_slice(id).ok()?), Zeroizing::new(secret.to_vec())))
}

fn hash_of(secret: &[u8]) -> Vec<u8> {
    digest(&SHA256, secret).as_ref().to_vec()
}
