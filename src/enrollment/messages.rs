//! The newest check-in message of each kind, word for word. They carry tokens, so they are sealed.

use crate::context::Context;
use crate::ids::EnrollmentId;
use russet_protocol::Timestamp;
use russet_protocol::checkin::{CheckIn, TokenUpdate};
use russet_protocol::guard::Limits;
use russet_store::{StoreError, Tx};

/// Keeps a message as it came, in place of the last one of its kind.
pub(super) async fn keep(
    tx: &mut dyn Tx,
    ctx: &Context,
    enrollment: EnrollmentId,
    message: &CheckIn,
    raw: &[u8],
    now: Timestamp,
) -> Result<(), StoreError> {
    let (id, user_key) = (enrollment.text(), message.sender().user_key().unwrap_or_default());
    let kind = message.message_type();
    let sealed = ctx.store.sealer().seal("checkin_message", "body", &place(&id, user_key, kind), raw)?;
    tx.run(
        "INSERT INTO checkin_message (enrollment, user_key, message_type, body, received_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (enrollment, user_key, message_type)
         DO UPDATE SET body = excluded.body, received_at = excluded.received_at",
        &[(&id).into(), user_key.into(), kind.into(), (&sealed).into(), now.millis().into()],
    )
    .await?;
    Ok(())
}

/// What the device itself last said of this kind; nothing where it never did.
pub(super) async fn last(
    tx: &mut dyn Tx,
    ctx: &Context,
    enrollment: EnrollmentId,
    kind: &'static str,
) -> Result<Option<CheckIn>, StoreError> {
    let id = enrollment.text();
    let sql = "SELECT body FROM checkin_message WHERE enrollment = $1 AND user_key = '' AND message_type = $2";
    let Some(row) = tx.optional(sql, &[(&id).into(), kind.into()]).await? else { return Ok(None) };
    let raw = ctx.store.sealer().open("checkin_message", "body", &place(&id, "", kind), &row.bytes("body")?)?;
    let message = CheckIn::decode(&raw, Limits::for_body(raw.len()));
    message.map(Some).map_err(|_| StoreError::corrupt("checkin_message", "body", id))
}

/// The last TokenUpdate of each user of an enrollment. One that cannot be read any more is left out: its user says it again.
pub(super) async fn of_users(
    tx: &mut dyn Tx,
    ctx: &Context,
    enrollment: EnrollmentId,
) -> Result<Vec<TokenUpdate>, StoreError> {
    let id = enrollment.text();
    let sql = "SELECT user_key, body FROM checkin_message
               WHERE enrollment = $1 AND user_key <> '' AND message_type = 'TokenUpdate' ORDER BY user_key";
    let mut updates = Vec::new();
    for row in tx.rows(sql, &[(&id).into()]).await? {
        let place = place(&id, &row.text("user_key")?, "TokenUpdate");
        let raw = ctx.store.sealer().open("checkin_message", "body", &place, &row.bytes("body")?)?;
        if let Ok(CheckIn::TokenUpdate(update)) = CheckIn::decode(&raw, Limits::for_body(raw.len())) {
            updates.push(update);
        }
    }
    Ok(updates)
}

fn place(enrollment: &str, user_key: &str, kind: &str) -> String {
    format!("{enrollment}/{kind}/{user_key}")
}
