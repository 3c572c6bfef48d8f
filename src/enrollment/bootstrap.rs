//! The bootstrap token of a Mac: given to us for safekeeping, given back to the same enrollment only.

use super::identity::Speaker;
use super::rows::{self, Sealed};
use crate::context::Context;
use russet_protocol::checkin::{SetBootstrapToken, bootstrap_token_answer};
use russet_store::{StoreError, Tx};

/// Stores the token; one that is absent or empty deletes the stored one. Source: Apple schema, `setbootstraptoken.yaml`.
pub(super) async fn set(
    tx: &mut dyn Tx,
    ctx: &Context,
    speaker: &Speaker,
    message: &SetBootstrapToken,
) -> Result<(), StoreError> {
    let token = message.bootstrap_token.as_deref().filter(|token| !token.is_empty());
    rows::put_sealed(tx, ctx, speaker.enrollment, Sealed::BootstrapToken, token).await
}

/// The answer to GetBootstrapToken.
pub(super) async fn get(tx: &mut dyn Tx, ctx: &Context, speaker: &Speaker) -> Result<Vec<u8>, StoreError> {
    let token = rows::sealed(tx, ctx, speaker.enrollment, Sealed::BootstrapToken).await?;
    Ok(bootstrap_token_answer(token.as_ref().map(|token| token.as_slice())))
}
