//! The certificates of devices, by SCEP. The one-time challenge of an enrollment profile is all that opens this door; it
//! stands for one enrollment, whose id becomes the subject. Nothing of the request but its key enters the certificate.
//!
//! Must never issue where the challenge is unknown, used or expired [VU#971035].

use super::identity::State;
use super::{EnrollmentError, busy, rows};
use crate::context::Context;
use crate::ids::EnrollmentId;
use russet_pki::ca::Authority;
use russet_pki::certificate::{Facts, hex};
use russet_pki::scep::{self, FailInfo, Proof, Request, ScepError};
use russet_protocol::Timestamp;
use russet_store::{StoreError, Tx};
use std::sync::Arc;

/// Answers a PKIMessage with a CertRep: a certificate, or SCEP's refusal. The same request again gets the same certificate.
///
/// # Errors
/// [`EnrollmentError::Unreadable`] for what is no SCEP message at all; or the store fails.
pub async fn answer(ctx: &Context, authority: &Arc<Authority>, message: Vec<u8>) -> Result<Vec<u8>, EnrollmentError> {
    let (shared, nonce) = (Arc::clone(authority), ctx.random_bytes());
    // Decryption and signing take milliseconds: not on a thread that serves other devices.
    let request = match busy(move || scep::parse_request(&message, &shared)).await? {
        Ok(request) => request,
        Err(ScepError::NotScep(what)) => {
            return Err(EnrollmentError::Unreadable(format!("not a SCEP message: {what}")));
        }
        Err(ScepError::Refused { reply_to, info, why }) => {
            tracing::info!(?info, why, "a SCEP request was refused");
            let shared = Arc::clone(authority);
            return Ok(busy(move || scep::failure(&reply_to, info, &shared, nonce)).await??);
        }
    };
    let issued = grant(ctx, authority, &request).await?;
    let shared = Arc::clone(authority);
    let reply = busy(move || match issued {
        Ok(certificate) => scep::success(&request.reply_to, &certificate, &shared, nonce),
        Err(info) => scep::failure(&request.reply_to, info, &shared, nonce),
    });
    Ok(reply.await??)
}

/// What gives a request its right to a certificate.
struct Right {
    enrollment: EnrollmentId,
    /// The challenge to use up; none for a renewal.
    challenge: Option<[u8; 32]>,
}

async fn grant(
    ctx: &Context,
    authority: &Arc<Authority>,
    request: &Request,
) -> Result<Result<Vec<u8>, FailInfo>, EnrollmentError> {
    let mut snapshot = ctx.store.read().await?;
    let right = match right(&mut *snapshot, ctx, authority, request).await? {
        Ok(Found::Right(right)) => right,
        Ok(Found::Issued(certificate)) => return Ok(Ok(certificate)),
        Err((info, why)) => {
            tracing::warn!(?info, why, "a SCEP request brought no right to a certificate");
            return Ok(Err(info));
        }
    };
    drop(snapshot);
    let (shared, key, serial, now) = (Arc::clone(authority), request.public_key.clone(), ctx.random_bytes(), ctx.now());
    let name = right.enrollment.text();
    let certificate = busy(move || shared.issue_identity(&key, &name, serial, now)).await??;

    let mut tx = ctx.store.begin("issue a device identity").await?;
    if let Some(challenge) = &right.challenge {
        let used = tx
            .run(
                "UPDATE scep_challenge SET used_at = $2 WHERE hash = $1 AND used_at IS NULL",
                &[challenge.as_slice().into(), now.millis().into()],
            )
            .await?;
        if used == 0 {
            // The same request came twice at a time, or another one was faster.
            let same = issued(&mut *tx, right.enrollment, request).await?;
            if same.is_none() {
                tracing::warn!("the challenge of a SCEP request was used meanwhile by another request");
            }
            return Ok(same.ok_or(FailInfo::BadRequest));
        }
    }
    let transaction = &request.reply_to.transaction;
    record(&mut *tx, right.enrollment, Origin::Scep, transaction, &certificate, now).await?;
    tx.commit().await?;
    tracing::info!(enrollment = %right.enrollment, "issued a device identity");
    Ok(Ok(certificate))
}

enum Found {
    Right(Right),
    Issued(Vec<u8>),
}

async fn right(
    tx: &mut dyn Tx,
    ctx: &Context,
    authority: &Authority,
    request: &Request,
) -> Result<Result<Found, (FailInfo, &'static str)>, EnrollmentError> {
    let refused = |why| Ok(Err((FailInfo::BadRequest, why)));
    let (row, challenge, unknown) = match &request.proof {
        Proof::Challenge(challenge) => {
            let hash = rows::hash(challenge);
            let sql = "SELECT e.id, e.state, c.expires_at, c.used_at FROM scep_challenge c
                       JOIN enrollment e ON e.id = c.enrollment WHERE c.hash = $1";
            (tx.optional(sql, &[hash.as_slice().into()]).await?, Some(hash), "its challenge is not known")
        }
        Proof::Certificate(certificate) => {
            let facts = match scep::check_renewal(certificate, authority, ctx.now()) {
                Ok(facts) => facts,
                Err(info) => return Ok(Err((info, "it is signed by no identity of ours that is valid now"))),
            };
            // An identity that a newer one has replaced renews nothing.
            let sql = "SELECT e.id, e.state FROM identity i JOIN enrollment e ON e.id = i.enrollment
                       WHERE i.fingerprint = $1 AND i.replaced_at IS NULL AND e.state = 'live'";
            let row = tx.optional(sql, &[(&hex(&facts.fingerprint)).into()]).await?;
            (row, None, "its identity is not known, was replaced, or its enrollment is not in use")
        }
    };
    let Some(row) = row else { return refused(unknown) };
    let enrollment = rows::id(&row, "enrollment", "id")?;
    if matches!(State::read(&row)?, State::Ended | State::Rejected) {
        return refused("its enrollment is over");
    }
    if let Some(certificate) = issued(tx, enrollment, request).await? {
        return Ok(Ok(Found::Issued(certificate)));
    }
    if challenge.is_some() && row.opt_int("used_at")?.is_some() {
        return refused("its challenge was used by another request");
    }
    if challenge.is_some() && row.int("expires_at")? < ctx.now().millis() {
        return refused("its challenge has expired");
    }
    Ok(Ok(Found::Right(Right { enrollment, challenge })))
}

/// What this very request was given before.
async fn issued(tx: &mut dyn Tx, enrollment: EnrollmentId, request: &Request) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT certificate FROM identity WHERE enrollment = $1 AND transaction_id = $2 AND public_key = $3";
    let id = enrollment.text();
    let args = [(&id).into(), (&request.reply_to.transaction).into(), request.public_key_hash.as_slice().into()];
    tx.optional(sql, &args).await?.map(|row| row.bytes("certificate")).transpose()
}

/// Where an identity comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Issued here for a key that the device made.
    Scep,
    /// Issued here together with its key.
    Pkcs12,
    /// Issued by an outside authority that the configuration trusts.
    Outside,
}

impl Origin {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Scep => "scep",
            Self::Pkcs12 => "pkcs12",
            Self::Outside => "outside",
        }
    }
}

/// Binds a certificate to an enrollment: from then on its holder speaks for it, and for no other.
pub(super) async fn record(
    tx: &mut dyn Tx,
    enrollment: EnrollmentId,
    origin: Origin,
    transaction: &str,
    certificate: &[u8],
    now: Timestamp,
) -> Result<(), EnrollmentError> {
    let facts = Facts::of(certificate).map_err(|_| EnrollmentError::Invalid("the new certificate cannot be read"))?;
    tx.run(
        "INSERT INTO identity (fingerprint, enrollment, certificate, public_key, origin, transaction_id, issued_at,
                               not_after)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            (&hex(&facts.fingerprint)).into(),
            (&enrollment.text()).into(),
            certificate.into(),
            facts.public_key.as_slice().into(),
            origin.text().into(),
            transaction.into(),
            now.millis().into(),
            facts.not_after.millis().into(),
        ],
    )
    .await?;
    Ok(())
}
