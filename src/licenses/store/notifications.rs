//! The SQL of Apple's notifications.

use super::account_id;
use crate::ids::AccountId;
use russet_protocol::Timestamp;
use russet_store::{StoreError, Tx};

/// The account of a webhook path, with its sealed secret and its location.
pub(in crate::licenses) async fn of_path(
    tx: &mut dyn Tx,
    path: &str,
) -> Result<Option<(AccountId, Vec<u8>, Option<String>)>, StoreError> {
    let sql = "SELECT id, webhook_secret, u_id FROM license_account WHERE webhook_path = $1";
    let Some(row) = tx.optional(sql, &[path.into()]).await? else { return Ok(None) };
    Ok(Some((account_id(&row, "id")?, row.bytes("webhook_secret")?, row.opt_text("u_id")?)))
}

/// False where it came before.
pub(in crate::licenses) async fn keep(
    tx: &mut dyn Tx,
    account: AccountId,
    id: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<bool, StoreError> {
    let new = tx
        .run(
            "INSERT INTO license_notification (account_id, notification_id, received_at, body)
             VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            &[(&account.text()).into(), id.into(), now.millis().into(), body.into()],
        )
        .await?;
    Ok(new == 1)
}

/// Notifications nobody has looked at, oldest first.
pub(in crate::licenses) async fn waiting(
    tx: &mut dyn Tx,
    account: AccountId,
    limit: u32,
) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let rows = tx
        .rows(
            "SELECT notification_id, body FROM license_notification
             WHERE account_id = $1 AND processed_at IS NULL ORDER BY received_at LIMIT $2",
            &[(&account.text()).into(), limit.into()],
        )
        .await?;
    rows.iter().map(|row| Ok((row.text("notification_id")?, row.bytes("body")?))).collect()
}

pub(in crate::licenses) async fn processed(
    tx: &mut dyn Tx,
    account: AccountId,
    id: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.run(
        "UPDATE license_notification SET processed_at = $3 WHERE account_id = $1 AND notification_id = $2",
        &[(&account.text()).into(), id.into(), now.millis().into()],
    )
    .await
    .map(|_| ())
}

/// Forgets what was processed before then.
pub(in crate::licenses) async fn forget(
    tx: &mut dyn Tx,
    account: AccountId,
    before: Timestamp,
) -> Result<u64, StoreError> {
    tx.run(
        "DELETE FROM license_notification WHERE account_id = $1 AND processed_at < $2",
        &[(&account.text()).into(), before.millis().into()],
    )
    .await
}
