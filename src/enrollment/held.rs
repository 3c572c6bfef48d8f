//! Enrollments that wait beside a live one of the same device: they get nothing until they are released, by the end or the
//! silence of the other, or by an admin.

use super::identity::State;
use super::records::{self, Record};
use super::{EnrollmentError, arrival, messages, rows};
use crate::context::Context;
use crate::ids::EnrollmentId;
use russet_protocol::Timestamp;
use russet_protocol::checkin::CheckIn;
use russet_store::{StoreError, Tx};

/// A held enrollment, as it is listed. Its identifiers were named by whoever enrolled: they prove nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its id.
    pub id: EnrollmentId,
    /// The UDID it names.
    pub udid: Option<String>,
    /// The serial number it names.
    pub serial: Option<String>,
    /// Why it waits.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

/// The held enrollments, oldest first, at most a thousand.
///
/// # Errors
/// Where the store fails.
pub async fn list(tx: &mut dyn Tx) -> Result<Vec<Held>, StoreError> {
    let sql = "SELECT id, udid, serial, reason, authenticated_at FROM enrollment WHERE state = 'held'
               ORDER BY created_at LIMIT 1000";
    let rows = tx.rows(sql, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(Held {
                id: rows::id(row, "enrollment", "id")?,
                udid: row.opt_text("udid")?,
                serial: row.opt_text("serial")?,
                reason: row.opt_text("reason")?.unwrap_or_default(),
                since: Timestamp(row.int("authenticated_at")?),
            })
        })
        .collect()
}

/// An admin vouches for a held enrollment: it takes the place of the other one.
///
/// # Errors
/// Where it is not held (any more), or the store fails.
pub async fn release(ctx: &Context, id: EnrollmentId) -> Result<(), EnrollmentError> {
    let mut tx = ctx.store.begin("release a held enrollment").await?;
    let enrollment = held(&mut *tx, id).await?;
    let replaced = records::live_beside(&mut *tx, &enrollment).await?;
    let_in(&mut *tx, ctx, &enrollment, &replaced).await?;
    Ok(tx.commit().await?)
}

/// An admin turns a held enrollment away: its device removes the profile at its next contact.
///
/// # Errors
/// Where it is not held (any more), or the store fails.
pub async fn reject(ctx: &Context, id: EnrollmentId) -> Result<(), EnrollmentError> {
    let mut tx = ctx.store.begin("reject a held enrollment").await?;
    let enrollment = held(&mut *tx, id).await?;
    records::set_state(&mut *tx, enrollment.id, State::Rejected, Some("rejected by an admin")).await?;
    Ok(tx.commit().await?)
}

async fn held(tx: &mut dyn Tx, id: EnrollmentId) -> Result<Record, EnrollmentError> {
    let enrollment = records::locked(tx, id).await?;
    if enrollment.state != State::Held {
        return Err(EnrollmentError::Invalid("this enrollment is not held (any more)"));
    }
    Ok(enrollment)
}

/// Looks whether a held enrollment still has to wait.
pub(super) async fn reconsider(tx: &mut dyn Tx, ctx: &Context, id: EnrollmentId) -> Result<(), EnrollmentError> {
    let enrollment = records::locked(tx, id).await?;
    if enrollment.state == State::Held
        && let Some(replaced) = arrival::may_replace(tx, &enrollment, ctx.now()).await?
    {
        let_in(tx, ctx, &enrollment, &replaced).await?;
    }
    Ok(())
}

/// The oldest enrollment that waited for the end of this one comes in.
pub(super) async fn follow(tx: &mut dyn Tx, ctx: &Context, ended: &Record) -> Result<(), EnrollmentError> {
    match records::held_beside(tx, ended).await?.first() {
        Some(next) => reconsider(tx, ctx, next.id).await,
        None => Ok(()),
    }
}

/// Does what its messages would have done had it not been held.
async fn let_in(
    tx: &mut dyn Tx,
    ctx: &Context,
    enrollment: &Record,
    replaced: &[Record],
) -> Result<(), EnrollmentError> {
    let Some(CheckIn::Authenticate(hello)) = messages::last(tx, ctx, enrollment.id, "Authenticate").await? else {
        return Err(StoreError::corrupt("checkin_message", "body", enrollment.id).into());
    };
    let device = arrival::bind(tx, ctx, enrollment, &hello).await?;
    if let Some(CheckIn::TokenUpdate(update)) = messages::last(tx, ctx, enrollment.id, "TokenUpdate").await? {
        let enrollment = Record { device: Some(device), ..enrollment.clone() };
        arrival::complete(tx, ctx, &enrollment, &update, replaced).await?;
    }
    Ok(())
}
