//! What lies behind an invitation's link: a signed enrollment profile. Each download is a new offer with a one-time challenge (or
//! an identity) of its own, so that a link can be opened twice; only an Authenticate counts against its invitation.

use super::composing::{self, Source, Terms};
use super::invitations::{self, Invitation};
use super::issuance::{self, Origin};
use super::{CHALLENGE_VALID, EnrollmentError, busy, rows};
use crate::context::Context;
use crate::ids::{EnrollmentId, InvitationId};
use crate::push;
use russet_pki::ca::Authority;
use russet_protocol::Timestamp;
use russet_store::{StoreError, Tx};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Open offers of an invitation beyond the devices it still admits. Further downloads take the place of the oldest.
const SPARE_OFFERS: i64 = 20;

/// The invitation behind a code, for the page that a person sees. Changes nothing: links are opened by previews too.
///
/// # Errors
/// [`EnrollmentError::InvitationNotValid`], [`EnrollmentError::NoPushCertificate`]; or the store fails.
pub async fn invitation(ctx: &Context, code: &str) -> Result<Invitation, EnrollmentError> {
    let mut snapshot = ctx.store.read().await?;
    let invitation = valid(&mut *snapshot, code, ctx.now()).await?;
    topic(&mut *snapshot).await?;
    Ok(invitation)
}

/// The signed enrollment profile (CMS, DER, content attached) for the invitation with this code.
///
/// # Errors
/// [`EnrollmentError::InvitationNotValid`] for a code that is unknown, expired, revoked or used up,
/// [`EnrollmentError::NoPushCertificate`] before one was imported; or the store fails.
pub async fn for_invitation(ctx: &Context, authority: &Arc<Authority>, code: &str) -> Result<Vec<u8>, EnrollmentError> {
    let enrollment = EnrollmentId(ctx.uuid());
    let grant = Grant::make(ctx, authority, enrollment, invitation(ctx, code).await?.pkcs12).await?;
    let now = ctx.now();
    let mut tx = ctx.store.begin("offer an enrollment").await?;
    let invitation = valid(&mut *tx, code, now).await?;
    let terms = Terms {
        enrollment,
        identifier: composing::identifier(&ctx.config.device.public_url),
        topic: topic(&mut *tx).await?,
        public_url: ctx.config.device.public_url.clone(),
        sign_message: invitation.sign_message,
    };
    forget_offers(&mut *tx, &invitation, now).await?;
    record(&mut *tx, invitation.id, &terms, now).await?;
    grant.record(&mut *tx, enrollment, now, now.plus(CHALLENGE_VALID)).await?;
    tx.commit().await?;
    composing::signed(ctx, authority, &terms, &grant.source).await
}

/// A right to an identity, or an identity, for one enrollment. It counts once it is recorded.
pub(super) struct Grant {
    pub(super) source: Source,
    /// The certificate of an identity that is brought with its key.
    certificate: Option<Vec<u8>>,
}

impl Grant {
    /// Makes a challenge, or an identity with its key.
    pub(super) async fn make(
        ctx: &Context,
        authority: &Arc<Authority>,
        enrollment: EnrollmentId,
        pkcs12: bool,
    ) -> Result<Self, EnrollmentError> {
        let secret = Zeroizing::new(rows::bearer(ctx.random_bytes()));
        if !pkcs12 {
            return Ok(Self { source: Source::Scep(secret), certificate: None });
        }
        let (shared, serial, now) = (Arc::clone(authority), ctx.random_bytes(), ctx.now());
        let (name, password) = (enrollment.text(), secret.clone());
        let made = busy(move || shared.issue_portable(&name, &password, serial, now)).await??;
        let source = Source::Pkcs12 { pkcs12: made.pkcs12, password: secret };
        Ok(Self { source, certificate: Some(made.certificate) })
    }

    /// Makes it count. A challenge can be used until `expires_at`.
    pub(super) async fn record(
        &self,
        tx: &mut dyn Tx,
        enrollment: EnrollmentId,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), EnrollmentError> {
        if let Some(certificate) = &self.certificate {
            return issuance::record(tx, enrollment, Origin::Pkcs12, "", certificate, now).await;
        }
        let Source::Scep(challenge) = &self.source else { return Ok(()) };
        tx.run(
            "INSERT INTO scep_challenge (hash, enrollment, expires_at) VALUES ($1, $2, $3)",
            &[rows::hash(challenge).as_slice().into(), (&enrollment.text()).into(), expires_at.millis().into()],
        )
        .await?;
        Ok(())
    }
}

async fn valid(tx: &mut dyn Tx, code: &str, now: Timestamp) -> Result<Invitation, EnrollmentError> {
    invitations::open_by_code(tx, code, now).await?.ok_or(EnrollmentError::InvitationNotValid)
}

/// The push topic of profiles that are made now.
pub(super) async fn topic(tx: &mut dyn Tx) -> Result<String, EnrollmentError> {
    let certificate = push::certificates::current(tx).await?.ok_or(EnrollmentError::NoPushCertificate)?;
    Ok(certificate.topic.to_string())
}

/// Removes offers that nobody took up: those whose challenge is over, and the oldest beyond what an invitation needs. An
/// identity that was brought with its key counts as taken up only once it has spoken.
async fn forget_offers(tx: &mut dyn Tx, invitation: &Invitation, now: Timestamp) -> Result<(), StoreError> {
    let id = invitation.id.text();
    let before = now.minus(CHALLENGE_VALID).millis();
    let left = i64::from(invitation.uses.saturating_sub(invitation.used));
    let most = left.saturating_mul(2).saturating_add(SPARE_OFFERS);
    if invitation.pkcs12 {
        tx.run(
            "DELETE FROM identity WHERE enrollment IN (
                 SELECT id FROM enrollment WHERE invitation = $1 AND state = 'offered' AND created_at < $2
                 AND NOT EXISTS (SELECT 1 FROM checkin_message m WHERE m.enrollment = enrollment.id))",
            &[(&id).into(), before.into()],
        )
        .await?;
        tx.run(
            "DELETE FROM identity WHERE enrollment IN (
                 SELECT id FROM enrollment WHERE invitation = $1 AND state = 'offered'
                 AND NOT EXISTS (SELECT 1 FROM checkin_message m WHERE m.enrollment = enrollment.id)
                 ORDER BY created_at DESC, id DESC LIMIT 100 OFFSET $2)",
            &[(&id).into(), most.into()],
        )
        .await?;
    }
    tx.run(
        "DELETE FROM enrollment WHERE invitation = $1 AND state = 'offered' AND created_at < $2
         AND NOT EXISTS (SELECT 1 FROM identity i WHERE i.enrollment = enrollment.id)",
        &[(&id).into(), before.into()],
    )
    .await?;
    tx.run(
        "DELETE FROM enrollment WHERE state = 'offered'
         AND NOT EXISTS (SELECT 1 FROM identity i WHERE i.enrollment = enrollment.id) AND id IN (
             SELECT e.id FROM enrollment e WHERE e.invitation = $1 AND e.state = 'offered'
             ORDER BY e.created_at DESC, e.id DESC LIMIT 100 OFFSET $2)",
        &[(&id).into(), most.into()],
    )
    .await?;
    Ok(())
}

/// An offer of an enrollment: what a profile promises is kept from here on.
pub(super) async fn record(
    tx: &mut dyn Tx,
    invitation: InvitationId,
    terms: &Terms,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO enrollment (id, invitation, profile_identifier, topic, public_url, state, awaiting_configuration,
                                 created_at)
         VALUES ($1, $2, $3, $4, $7, 'offered', $5, $6)",
        &[
            (&terms.enrollment.text()).into(),
            (&invitation.text()).into(),
            (&terms.identifier).into(),
            (&terms.topic).into(),
            false.into(),
            now.millis().into(),
            (&terms.public_url).into(),
        ],
    )
    .await?;
    Ok(())
}
