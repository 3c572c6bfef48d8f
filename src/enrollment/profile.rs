//! The enrollment profile: what a device installs to come under management. Each download is a new offer with a one-time
//! challenge of its own, so that a link can be opened twice; only an Authenticate counts against its invitation.
//! Sources: Apple schema, `com.apple.mdm.yaml`, `com.apple.security.scep.yaml`, `com.apple.security.root.yaml`.
//!
//! `Topic`, `ServerURL`, `CheckInURL`, the rights and `per-user-connections` may never change in a device's profile: it would
//! refuse the update.

use super::invitations::{self, Invitation};
use super::{CHALLENGE_VALID, EnrollmentError, busy, rows};
use crate::context::Context;
use crate::ids::EnrollmentId;
use crate::push;
use russet_pki::ca::Authority;
use russet_pki::cms;
use russet_protocol::Timestamp;
use russet_protocol::profile::{Mdm, Payload, PayloadBody, Profile, RootCertificate, Scep};
use russet_store::{StoreError, Tx};
use std::sync::Arc;
use zeroize::Zeroizing;

/// All rights.
const ACCESS_RIGHTS: i64 = 8191;
/// Channels for users of Macs and Shared iPads, and the escrow of bootstrap tokens.
const CAPABILITIES: [&str; 2] = ["com.apple.mdm.per-user-connections", "com.apple.mdm.bootstraptoken"];
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
    let now = ctx.now();
    let mut tx = ctx.store.begin("offer an enrollment").await?;
    let invitation = valid(&mut *tx, code, now).await?;
    let topic = topic(&mut *tx).await?;
    let offer = Offer {
        enrollment: EnrollmentId(ctx.uuid()),
        challenge: Zeroizing::new(rows::bearer(ctx.random_bytes())),
        identifier: identifier(&ctx.config.device.public_url),
        topic,
        sign_message: invitation.sign_message,
    };
    forget_offers(&mut *tx, &invitation, now).await?;
    record(&mut *tx, &invitation, &offer, now).await?;
    tx.commit().await?;
    let content = compose(ctx, authority, &offer).encode();
    let authority = Arc::clone(authority);
    Ok(busy(move || cms::sign_attached(&content, &authority, now)).await??)
}

struct Offer {
    enrollment: EnrollmentId,
    challenge: Zeroizing<String>,
    identifier: String,
    topic: String,
    sign_message: bool,
}

async fn valid(tx: &mut dyn Tx, code: &str, now: Timestamp) -> Result<Invitation, EnrollmentError> {
    invitations::open_by_code(tx, code, now).await?.ok_or(EnrollmentError::InvitationNotValid)
}

async fn topic(tx: &mut dyn Tx) -> Result<String, EnrollmentError> {
    let certificate = push::certificates::current(tx).await?.ok_or(EnrollmentError::NoPushCertificate)?;
    Ok(certificate.topic.to_string())
}

/// Removes offers that nobody took up: those whose challenge is over, and the oldest beyond what an invitation needs.
async fn forget_offers(tx: &mut dyn Tx, invitation: &Invitation, now: Timestamp) -> Result<(), StoreError> {
    let id = invitation.id.text();
    tx.run(
        "DELETE FROM enrollment WHERE invitation = $1 AND state = 'offered' AND created_at < $2
         AND NOT EXISTS (SELECT 1 FROM identity i WHERE i.enrollment = enrollment.id)",
        &[(&id).into(), now.minus(CHALLENGE_VALID).millis().into()],
    )
    .await?;
    let left = i64::from(invitation.uses.saturating_sub(invitation.used));
    tx.run(
        "DELETE FROM enrollment WHERE state = 'offered' AND id IN (
             SELECT e.id FROM enrollment e WHERE e.invitation = $1 AND e.state = 'offered'
             AND NOT EXISTS (SELECT 1 FROM identity i WHERE i.enrollment = e.id)
             ORDER BY e.created_at DESC, e.id DESC LIMIT 100 OFFSET $2)",
        &[(&id).into(), left.saturating_mul(2).saturating_add(SPARE_OFFERS).into()],
    )
    .await?;
    Ok(())
}

async fn record(tx: &mut dyn Tx, invitation: &Invitation, offer: &Offer, now: Timestamp) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO enrollment (id, invitation, profile_identifier, topic, state, awaiting_configuration, created_at)
         VALUES ($1, $2, $3, $4, 'offered', $5, $6)",
        &[
            (&offer.enrollment.text()).into(),
            (&invitation.id.text()).into(),
            (&offer.identifier).into(),
            (&offer.topic).into(),
            false.into(),
            now.millis().into(),
        ],
    )
    .await?;
    tx.run(
        "INSERT INTO scep_challenge (hash, enrollment, expires_at) VALUES ($1, $2, $3)",
        &[
            rows::hash(&offer.challenge).as_slice().into(),
            (&offer.enrollment.text()).into(),
            now.plus(CHALLENGE_VALID).millis().into(),
        ],
    )
    .await?;
    Ok(())
}

fn compose(ctx: &Context, authority: &Authority, offer: &Offer) -> Profile {
    let url = &ctx.config.device.public_url;
    let uuid = || ctx.uuid().hyphenated().to_string().to_ascii_uppercase();
    let named = |part: &str| format!("{}.{part}", offer.identifier);
    let organization = ctx.config.organization.as_str();
    let mut profile = Profile::new(&offer.identifier, uuid());
    profile.display_name = Some(format!("{organization}: device management"));
    profile.description = Some(format!("Lets {organization} manage this device and give it apps."));
    profile.organization = Some(organization.to_owned());
    profile.scope = Some("System".to_owned());
    if ctx.config.device.tls.is_none() {
        // Our own authority issued the TLS certificate: devices must learn to trust it before they can reach us.
        let root = RootCertificate { certificate: authority.certificate_der().to_vec(), file_name: None };
        let body = PayloadBody::RootCertificate(root);
        profile.payloads.push(Payload::new(named("root"), uuid(), body).named(format!("{organization}: root")));
    }
    let identity_uuid = uuid();
    let scep = Scep {
        url: format!("{url}/scep"),
        name: Some(organization.to_owned()),
        subject: vec![vec![("CN".to_owned(), offer.enrollment.text())]],
        challenge: Some(offer.challenge.as_str().to_owned()),
        key_size: 2048,
        key_usage: Some(5),
        ca_fingerprint: None,
        retries: Some(3),
        retry_delay: Some(10),
        key_is_extractable: Some(false),
    };
    let body = PayloadBody::Scep(scep);
    let identity = Payload::new(named("identity"), identity_uuid.clone(), body);
    profile.payloads.push(identity.named(format!("{organization}: device identity")));
    let mdm = Mdm {
        identity_uuid,
        topic: offer.topic.clone(),
        server_url: format!("{url}/mdm"),
        check_in_url: Some(format!("{url}/checkin")),
        sign_message: offer.sign_message,
        access_rights: Some(ACCESS_RIGHTS),
        check_out_when_removed: true,
        server_capabilities: CAPABILITIES.map(str::to_owned).to_vec(),
        enrollment_mode: None,
        assigned_managed_apple_id: None,
    };
    let body = PayloadBody::Mdm(mdm);
    profile.payloads.push(Payload::new(named("mdm"), uuid(), body).named(format!("{organization}: management")));
    profile
}

/// The identity of the profile on devices, the same for all of this installation: a new enrollment replaces the old one.
fn identifier(public_url: &str) -> String {
    let host = public_url.split("://").last().unwrap_or_default();
    let host = host.split(['/', ':']).next().unwrap_or_default();
    let mut labels: Vec<&str> = host.split('.').filter(|label| !label.is_empty()).collect();
    labels.reverse();
    if labels.is_empty() { "russet.enrollment".to_owned() } else { format!("{}.russet.enrollment", labels.join(".")) }
}
