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
use std::time::Duration;
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zeroize::Zeroizing;

/// What a token looks like at its beginning, so that people and scanners of leaked secrets recognize one.
pub const PREFIX: &str = "rst_";
/// Longest name of a token, in characters.
pub const LONGEST_NAME: usize = 100;

/// A token as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// What it is for, in its owner's words.
    pub name: String,
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
pub async fn create(ctx: &Context, name: &str, expires_in: Option<Duration>) -> Result<Made, AccessError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(AccessError::BadName);
    }
    let now = ctx.now();
    let expires_at = expires_in.map(|pause| Timestamp(now.millis().saturating_add(millis(pause))));
    let id = TokenId(ctx.uuid());
    let (text, hash) = new_secret(ctx, id);
    let token = Token { id, name: name.to_owned(), created_at: now, expires_at, last_used_at: None, revoked_at: None };
    let mut tx = ctx.store.begin("create an API token").await?;
    store::insert(&mut *tx, &token, &hash).await?;
    tx.commit().await?;
    Ok(Made { token, text })
}

/// Makes the first token of a new installation; none where there has ever been one.
///
/// # Errors
/// Where the store fails.
pub async fn create_first(ctx: &Context) -> Result<Option<Made>, AccessError> {
    let exists = store::any(&mut *ctx.store.read().await?).await?;
    if exists { Ok(None) } else { create(ctx, "first", None).await.map(Some) }
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

fn millis(pause: Duration) -> i64 {
    i64::try_from(pause.as_millis()).unwrap_or(i64::MAX)
}
