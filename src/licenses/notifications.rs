//! Taking in Apple's notifications: verified, stored, answered. What they tell is for the worker to look into.

use super::store;
use crate::context::Context;
use russet_apps_and_books::Notification;
use russet_store::{StoreError, Wake};
use subtle::ConstantTimeEq;

/// Largest notification that is taken, in bytes: at most 100 elements, each a few hundred bytes.
pub const LARGEST: usize = 256 * 1024;
/// Longest id of a notification that is kept, in bytes; real ones are UUIDs.
const LONGEST_ID: usize = 200;
/// Apple tries a webhook with this before it accepts it.
const TEST: &str = "TEST_NOTIFICATION";

/// What became of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Stored, known already, or nothing to store: answer 2xx.
    Accepted,
    /// No account has this path: answer 404.
    UnknownPath,
    /// The bearer value is wrong: answer 403.
    WrongSecret,
    /// The body is no notification: answer 400.
    Malformed,
}

/// Takes a notification in. `bearer` is the value of `Authorization` without the word `Bearer`.
///
/// # Errors
/// Where the store fails; then Apple should send it again (answer 503).
pub async fn take(ctx: &Context, path: &str, bearer: Option<&str>, body: &[u8]) -> Result<Taken, StoreError> {
    let Some((account, sealed, u_id)) = store::of_path(&mut *ctx.store.read().await?, path).await? else {
        return Ok(Taken::UnknownPath);
    };
    let secret = ctx.store.sealer().open(store::ACCOUNT, store::WEBHOOK, &account.text(), &sealed)?;
    if !bool::from(bearer.unwrap_or_default().as_bytes().ct_eq(&secret)) {
        return Ok(Taken::WrongSecret);
    }
    let Ok(notification) = Notification::parse(body) else { return Ok(Taken::Malformed) };
    if notification.notification_id.is_empty() || notification.notification_id.len() > LONGEST_ID {
        return Ok(Taken::Malformed);
    }
    let foreign = matches!((&notification.u_id, &u_id), (Some(said), Some(ours)) if said != ours);
    if foreign || notification.kind == TEST {
        return Ok(Taken::Accepted);
    }
    let mut tx = ctx.store.begin("take in a notification of Apple's").await?;
    if store::keep(&mut *tx, account, &notification.notification_id, body, ctx.now()).await? {
        tx.wake(Wake::Licenses);
        tx.commit().await?;
    }
    Ok(Taken::Accepted)
}
