//! Identities are renewed before they end: the device gets its enrollment profile again, with a new challenge, makes a new key
//! and comes back with a new certificate. That resets nothing. Source: Apple docs, Managing certificates for device management
//! services and devices.
//!
//! One renewal at a time for an enrollment, a few enrollments a minute. It is finished by the first message with the new
//! certificate; the old one is refused a day later, so that a device whose replacement failed is never locked out
//! [micromdm#557]. A device whose identity has already expired is heard all the same, and offered this and nothing else.

use super::composing::{self, Terms};
use super::identity::Speaker;
use super::issuance::Origin;
use super::profile::Grant;
use super::{EnrollmentError, authority, channels, declarations, records, rows};
use crate::commands::{self, NewCommand, Priority, Purpose};
use crate::context::Context;
use crate::ids::{DeviceId, EnrollmentId};
use russet_pki::ca::Authority;
use russet_protocol::command::Command;
use russet_protocol::result::{Report, Status};
use russet_protocol::{CommandUuid, Timestamp};
use russet_store::{Row, StoreError, Tx};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// How long before its end an identity is renewed: devices are off for weeks.
pub const RENEW_BEFORE: Duration = Duration::from_secs(45 * 24 * 3600);
/// How long a renewal waits for its device: the life of its command and of the challenge in it. Then another takes its place.
pub const RENEWAL_VALID: Duration = Duration::from_secs(30 * 24 * 3600);
/// After a renewal that failed on the device.
const AGAIN_AFTER: Duration = DAY;
/// Renewals that one round begins. With [`ROUND`], some 34,000 a day.
const BATCH: u32 = 2;
const ROUND: Duration = Duration::from_secs(5);
/// After a round that failed.
const TROUBLED: Duration = Duration::from_secs(60);

/// Begins renewals, a few at a time, until told to stop.
pub async fn run(ctx: Context, stop: CancellationToken) {
    let keeper = authority::Keeper::new(ctx.clone());
    loop {
        let done = async { round(&ctx, &keeper.get().await?).await };
        let pause = match done.await {
            Ok(_) => ROUND,
            Err(error) => {
                tracing::warn!(%error, "identities of devices were not renewed; it is tried again in a minute");
                TROUBLED
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Begins the renewals that are due, the most urgent first. How many it began.
///
/// # Errors
/// Where the store fails. What was begun stays.
pub async fn round(ctx: &Context, authority: &Arc<Authority>) -> Result<u32, EnrollmentError> {
    let due = due(&mut *ctx.store.read().await?, ctx.now()).await?;
    let mut begun = 0;
    for one in due {
        if begin(ctx, authority, &one).await? {
            begun += 1;
        }
    }
    Ok(begun)
}

/// An admin wants a device to have a new identity now. Where a renewal is under way, that one stands.
///
/// # Errors
/// [`EnrollmentError::NotEnrolled`] where the device has no live enrollment, [`EnrollmentError::Invalid`] where an outside
/// authority renews its identity; or the store fails.
pub async fn request(ctx: &Context, device: DeviceId) -> Result<(), EnrollmentError> {
    let mut tx = ctx.store.begin("renew an identity on demand").await?;
    let live = records::live_of(&mut *tx, device).await?.ok_or(EnrollmentError::NotEnrolled)?;
    if live.invitation.is_none() {
        return Err(EnrollmentError::Invalid("an outside authority issued the identity of this device, and renews it"));
    }
    look_again(&mut *tx, live.id, ctx.now()).await?;
    Ok(tx.commit().await?)
}

/// An enrollment whose identity is to be renewed, or whose renewal is to be looked at: each day, as its command may end without
/// a word of the device.
struct Due {
    terms: Terms,
    device: DeviceId,
    pkcs12: bool,
}

async fn due(tx: &mut dyn Tx, now: Timestamp) -> Result<Vec<Due>, StoreError> {
    let rows = tx
        .rows(
            "SELECT e.id, e.device, e.profile_identifier, e.topic, e.public_url, v.sign_message, v.pkcs12
             FROM enrollment e JOIN invitation v ON v.id = e.invitation
             WHERE e.renew_at <= $1 AND e.state = 'live' AND e.public_url IS NOT NULL ORDER BY e.renew_at LIMIT $2",
            &[now.millis().into(), BATCH.into()],
        )
        .await?;
    let read = |row: &Row| {
        Ok(Due {
            terms: Terms {
                enrollment: rows::id(row, "enrollment", "id")?,
                identifier: row.text("profile_identifier")?,
                topic: row.text("topic")?,
                public_url: row.text("public_url")?,
                sign_message: row.flag("sign_message")?,
            },
            device: rows::id(row, "enrollment", "device")?,
            pkcs12: row.flag("pkcs12")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Queues the profile that renews an identity, unless that is under way or no longer wanted.
async fn begin(ctx: &Context, authority: &Arc<Authority>, due: &Due) -> Result<bool, EnrollmentError> {
    let enrollment = due.terms.enrollment;
    let mut tx = ctx.store.begin("look at a renewal").await?;
    if still_due(&mut *tx, enrollment, ctx.now()).await?.is_none() {
        tx.commit().await?;
        return Ok(false);
    }
    drop(tx);
    // Keys and signatures take their time: nobody is to wait for them in a transaction.
    let grant = Grant::make(ctx, authority, enrollment, due.pkcs12).await?;
    let payload = composing::signed(ctx, authority, &due.terms, &grant.source).await?;
    let now = ctx.now();
    let mut tx = ctx.store.begin("renew a device identity").await?;
    let Some(channel) = still_due(&mut *tx, enrollment, now).await? else {
        tx.commit().await?;
        return Ok(false);
    };
    let expires_at = now.plus(RENEWAL_VALID);
    close_challenges(&mut *tx, enrollment).await?;
    grant.record(&mut *tx, enrollment, now, expires_at).await?;
    let new = NewCommand {
        channel,
        device: due.device,
        command: &Command::InstallProfile { payload },
        after: None,
        purpose: Purpose::Renewal,
        priority: Priority::Bulk,
        expires_at: Some(expires_at),
    };
    let uuid = commands::enqueue(&mut *tx, ctx, new).await?;
    tx.run(
        "UPDATE enrollment SET renewal_command = $2, renewal_asked_at = $3, renew_at = $4 WHERE id = $1",
        &[(&enrollment.text()).into(), uuid.as_str().into(), now.millis().into(), now.plus(DAY).millis().into()],
    )
    .await?;
    tx.commit().await?;
    tracing::info!(%enrollment, "the identity of a device is being renewed");
    Ok(true)
}

/// The channel to renew by, where nothing has changed since the look; else a later look is noted.
async fn still_due(
    tx: &mut dyn Tx,
    enrollment: EnrollmentId,
    now: Timestamp,
) -> Result<Option<crate::ids::ChannelId>, EnrollmentError> {
    let id = enrollment.text();
    let sql = "SELECT renewal_command, unenroll_command FROM enrollment
               WHERE id = $1 AND state = 'live' AND renew_at <= $2 {lock}";
    let Some(row) = tx.optional(sql, &[(&id).into(), now.millis().into()]).await? else { return Ok(None) };
    let under_way = row.opt_text("renewal_command")?.and_then(|uuid| CommandUuid::new(uuid).ok());
    let under_way = match &under_way {
        Some(uuid) => commands::is_open(tx, uuid).await?,
        None => false,
    };
    // A device that was asked to leave needs no new identity, unless it stays after all.
    if under_way || row.opt_text("unenroll_command")?.is_some() {
        look_again(tx, enrollment, now.plus(DAY)).await?;
        return Ok(None);
    }
    Ok(channels::device_channel(tx, enrollment).await?)
}

async fn look_again(tx: &mut dyn Tx, enrollment: EnrollmentId, at: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE enrollment SET renew_at = $2 WHERE id = $1";
    tx.run(sql, &[(&enrollment.text()).into(), at.millis().into()]).await.map(|_| ())
}

/// A challenge lives no longer than the command that carries it.
async fn close_challenges(tx: &mut dyn Tx, enrollment: EnrollmentId) -> Result<(), StoreError> {
    let sql = "DELETE FROM scep_challenge WHERE enrollment = $1 AND used_at IS NULL";
    tx.run(sql, &[(&enrollment.text()).into()]).await.map(|_| ())
}

/// An identity of ours is in use from now on: notes when it is to be renewed, where no newer one is.
pub(super) async fn schedule(tx: &mut dyn Tx, speaker: &Speaker) -> Result<(), StoreError> {
    let renew_at = (speaker.origin != Origin::Outside.text()).then(|| speaker.not_after.minus(RENEW_BEFORE).millis());
    tx.run(
        "UPDATE enrollment SET renew_at = $2 WHERE id = $1 AND NOT EXISTS (
             SELECT 1 FROM identity i WHERE i.enrollment = $1 AND i.issued_at > $3 AND i.confirmed_at IS NOT NULL)",
        &[(&speaker.enrollment.text()).into(), renew_at.into(), speaker.issued_at.millis().into()],
    )
    .await?;
    Ok(())
}

/// A device speaks that is being renewed, or whose identity has expired. Call it before its report is recorded.
pub(super) async fn hear(
    tx: &mut dyn Tx,
    ctx: &Context,
    speaker: &Speaker,
    report: &Report,
) -> Result<(), EnrollmentError> {
    let now = ctx.now();
    let Some(command) = speaker.renewal_command.as_deref().and_then(|uuid| CommandUuid::new(uuid).ok()) else {
        if speaker.expired {
            // The next round begins with it.
            tx.run(
                "UPDATE enrollment SET renew_at = $2 WHERE id = $1 AND renewal_command IS NULL
                 AND (renew_at IS NULL OR renew_at > $2)",
                &[(&speaker.enrollment.text()).into(), now.millis().into()],
            )
            .await?;
        }
        return Ok(());
    };
    let renewed = speaker.renewal_asked_at.is_some_and(|asked| speaker.issued_at >= asked);
    let answers = report.command_uuid.as_ref() == Some(&command);
    match report.status {
        Status::Idle if renewed => {
            // Its answer was lost, or is late. Asked again, it would fail: the challenge is used up.
            commands::settle(tx, &command, "the device came back with its new identity", now).await?;
            finish(tx, speaker, None).await?;
            declarations::sync_again(tx, ctx, speaker).await
        }
        Status::Acknowledged | Status::Error | Status::CommandFormatError if answers && renewed => {
            finish(tx, speaker, None).await?;
            declarations::sync_again(tx, ctx, speaker).await
        }
        Status::Acknowledged if answers => finish(tx, speaker, Some(now.plus(AGAIN_AFTER))).await,
        Status::Error | Status::CommandFormatError if answers => {
            tracing::warn!(enrollment = %speaker.enrollment, "a device could not renew its identity; again tomorrow");
            // It has gone back to the identity with which it says so, for good.
            tx.run("UPDATE identity SET replaced_at = NULL WHERE fingerprint = $1", &[(&speaker.fingerprint).into()])
                .await?;
            close_challenges(tx, speaker.enrollment).await?;
            finish(tx, speaker, Some(now.plus(AGAIN_AFTER))).await
        }
        _ => Ok(()),
    }
}

/// No renewal is under way any more.
async fn finish(tx: &mut dyn Tx, speaker: &Speaker, again_at: Option<Timestamp>) -> Result<(), EnrollmentError> {
    let sql = "UPDATE enrollment SET renewal_command = NULL, renewal_asked_at = NULL,
                      renew_at = coalesce($2, renew_at) WHERE id = $1";
    let again_at = again_at.map(Timestamp::millis);
    tx.run(sql, &[(&speaker.enrollment.text()).into(), again_at.into()]).await?;
    Ok(())
}
