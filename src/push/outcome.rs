//! What follows from the outcome of pushes: when a device is pushed again, when no longer, when all have to wait.

use super::certificates::{self, Unusable, Usable};
use super::rows::{self, Claim};
use crate::context::Context;
use russet_apns::{Answer, SendError, Verdict};
use russet_protocol::Timestamp;
use russet_store::{StoreError, Tx};
use std::sync::Arc;
use std::time::Duration;

/// How long nothing is pushed after APNs refused the certificate: an admin has to do something, so there is no hurry.
const REFUSED: Duration = Duration::from_secs(15 * 60);

/// Longest pause where APNs cannot be reached.
pub(super) const UNREACHABLE: Duration = Duration::from_secs(60);

/// Longest wait of a single push that fails again and again.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// A longer wait that APNs asks for is not believed.
const LONGEST_ASKED: Duration = Duration::from_secs(3600);

/// A push that was tried.
pub(super) struct Sent {
    pub(super) claim: Claim,
    pub(super) certificate: Arc<Usable>,
    pub(super) result: Result<Answer, SendError>,
}

/// Writes down what came of these pushes. `outages`: how many times in a row nothing could be reached before; gives the new
/// count.
pub(super) async fn record(ctx: &Context, sent: &[Sent], outages: u32) -> Result<u32, StoreError> {
    let now = ctx.now();
    // Where anything answered, a push that got no answer is alone with its trouble.
    let reached = sent.iter().any(|one| one.result.is_ok());
    let mut tx = ctx.store.begin("record pushes").await?;
    if reached {
        for one in sent.iter().filter(|one| one.certificate.was_paused && one.result.is_ok()) {
            certificates::set_pause(&mut *tx, &one.certificate.fingerprint, None).await?;
        }
    }
    let mut outage = false;
    let mut pause: Option<(&Sent, Unusable)> = None;
    for one in sent {
        let claim = &one.claim;
        match &one.result {
            Ok(answer) if answer.verdict() == Verdict::CertificateTrouble => {
                pause = Some((one, refused(&answer.reason, now)));
                rows::returned(&mut *tx, claim, now).await?;
            }
            Ok(answer) => answered(&mut *tx, ctx, claim, answer, now).await?,
            Err(SendError::CertificateRefused(reason)) => {
                pause = Some((one, refused(reason, now)));
                rows::returned(&mut *tx, claim, now).await?;
            }
            Err(error @ SendError::Unsendable(_)) => rows::stop(&mut *tx, claim, &error.to_string()).await?,
            Err(error @ (SendError::Connect(_) | SendError::Deadline(_))) if !reached => {
                outage = true;
                let wait = Duration::from_secs(1 << outages.min(6)).min(UNREACHABLE);
                let reason = error.to_string();
                pause = Some((one, Unusable::Unreachable { reason, retry_at: now.plus(wait) }));
                rows::returned(&mut *tx, claim, now).await?;
            }
            Err(error) => {
                let retry_at = now.plus(backoff(ctx, claim.attempts));
                rows::failed(&mut *tx, claim, &error.to_string(), retry_at).await?;
            }
        }
    }
    if let Some((one, pause)) = pause {
        tracing::error!(reason = %pause, "nothing is pushed for a while");
        certificates::set_pause(&mut *tx, &one.certificate.fingerprint, Some(&pause)).await?;
    }
    tx.commit().await?;
    Ok(if outage { outages.saturating_add(1) } else { 0 })
}

async fn answered(
    tx: &mut dyn Tx,
    ctx: &Context,
    claim: &Claim,
    answer: &Answer,
    now: Timestamp,
) -> Result<(), StoreError> {
    let reason = &answer.reason;
    match answer.verdict() {
        Verdict::Accepted => {
            let again = ctx.config.pace.push_again;
            rows::accepted(tx, claim, now, now.plus(again + jitter(ctx, again / 8))).await
        }
        // APNs may have confirmed the death of a token that a TokenUpdate has since brought back to life.
        Verdict::TokenDead { since } if since.is_none_or(|at| at >= claim.target_at) => {
            let text = format!(
                "Apple says that the device's push token is dead ({reason}): it was erased, or lost its enrollment. Pushes go on \
                 when the device checks in again; else enroll it again"
            );
            rows::stop(tx, claim, &text).await
        }
        Verdict::TokenRefused => {
            let text = format!(
                "Apple does not know the device's push token under this push certificate ({reason}). Pushes go on when the \
                 device sends a new one; else enroll it again"
            );
            rows::stop(tx, claim, &text).await
        }
        // The caller has dealt with it: it is no matter of this one push.
        Verdict::CertificateTrouble => Ok(()),
        Verdict::Bug => {
            tracing::error!(status = answer.status, reason, "APNs calls a push malformed; please report this");
            let text = format!("Apple calls the push malformed ({reason}): please report this as a mistake of Russet");
            rows::stop(tx, claim, &text).await
        }
        Verdict::TokenDead { .. } => later(tx, ctx, claim, answer, None, now).await,
        Verdict::TooMany { after } | Verdict::RetryLater { after } => later(tx, ctx, claim, answer, after, now).await,
    }
}

async fn later(
    tx: &mut dyn Tx,
    ctx: &Context,
    claim: &Claim,
    answer: &Answer,
    after: Option<Duration>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let wait = backoff(ctx, claim.attempts).max(after.unwrap_or_default().min(LONGEST_ASKED));
    let text = format!("Apple's push service answered {} {}; the push is tried again", answer.status, answer.reason);
    rows::failed(tx, claim, &text, now.plus(wait)).await
}

fn refused(reason: &str, now: Timestamp) -> Unusable {
    Unusable::Refused { reason: reason.to_owned(), retry_at: now.plus(REFUSED) }
}

/// One second, doubled with each failure, and up to a quarter more, so that many do not come back at once.
fn backoff(ctx: &Context, attempts: i64) -> Duration {
    let doublings = u32::try_from(attempts).unwrap_or(0).min(10);
    let wait = Duration::from_secs(1 << doublings).min(LONGEST);
    wait + jitter(ctx, wait / 4)
}

/// A random part of `most`.
fn jitter(ctx: &Context, most: Duration) -> Duration {
    let [share] = ctx.random_bytes::<1>();
    most * u32::from(share) / 256
}
