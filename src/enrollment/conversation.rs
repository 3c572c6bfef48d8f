//! A device speaks: the proof of who it is, then all that its message changes, in one transaction.
//!
//! These functions are all that the device endpoints call. They never answer for another enrollment than the one whose
//! identity was proved, and leave every decision about HTTP to their caller.

use super::checkin::{self, Reply};
use super::identity::{self, Presented, Proven, Refused, Speaker, State};
use super::{EnrollmentError, busy, ending, held, outside, records, renewal, return_to_service};
use crate::commands::{self, Delivery, Purpose};
use crate::context::Context;
use russet_pki::ca::Authority;
use russet_protocol::checkin::{CheckIn, Sender};
use russet_protocol::guard::Limits;
use russet_protocol::result::{Report, Status};
use russet_protocol::{CommandUuid, WireError};
use russet_store::Tx;

/// A check-in message (`CheckInURL`). `body` are the bytes as received: the signature is over them.
///
/// # Errors
/// [`EnrollmentError::Refused`] where the identity does not hold, [`EnrollmentError::Unreadable`] where the body is no
/// check-in message; or the store fails.
pub async fn check_in(
    ctx: &Context,
    authority: &Authority,
    presented: Presented<'_>,
    body: &[u8],
) -> Result<Reply, EnrollmentError> {
    let proven = identity::prove(presented, body, authority, outsiders(ctx), ctx.now())?;
    let message = decoded(body, CheckIn::decode).await?;
    let offer = match message {
        CheckIn::ReturnToService(_) if ctx.config.check_in.returns_to_service => {
            return_to_service::offer(ctx).await.ok()
        }
        _ => None,
    };
    let mut tx = ctx.store.begin("check-in").await?;
    outside::bind(&mut *tx, ctx, &proven, &message).await?;
    let speaker = identity::speaker(&mut *tx, &proven, message.sender(), ctx.now()).await??;
    let reply = checkin::handle(&mut *tx, ctx, &speaker, &message, body, offer).await?;
    tx.commit().await?;
    Ok(reply?)
}

/// A report about a command, or Idle (`ServerURL`). Gives what the device gets next; `None`: an empty answer.
///
/// # Errors
/// As [`check_in`].
pub async fn report(
    ctx: &Context,
    authority: &Authority,
    presented: Presented<'_>,
    body: &[u8],
) -> Result<Option<Delivery>, EnrollmentError> {
    let proven = identity::prove(presented, body, authority, outsiders(ctx), ctx.now())?;
    let report = decoded(body, Report::decode).await?;
    let mut tx = ctx.store.begin("command report").await?;
    let speaker = identity::speaker(&mut *tx, &proven, &report.sender, ctx.now()).await??;
    let next = match listen(&mut *tx, ctx, &speaker).await? {
        Ear::Over if report.status == Status::Idle => Err(Refused::Over),
        // An answer that was on its way when the enrollment ended.
        Ear::Over | Ear::Deaf => Ok(None),
        Ear::Open(channel, device) => {
            if answers_our_request(&speaker, &report) {
                // Before the queue and the outbox, in the order of everybody else who ends an enrollment or queues for it.
                records::locked(&mut *tx, speaker.enrollment).await?;
            }
            renewal::hear(&mut *tx, ctx, &speaker, &report).await?;
            let only = speaker.expired.then_some(Purpose::Renewal);
            let next = commands::record_and_next_of(&mut *tx, ctx, channel, device, &report, body, only).await?;
            if leaves(&mut *tx, ctx, &speaker, &report).await? { Ok(None) } else { Ok(next) }
        }
    };
    tx.commit().await?;
    Ok(next?)
}

/// A report of `size` bytes, which was thrown away as it came: the command it answers ends as failed. `named` is what could be
/// seen of it; without that it is the one command that waits for an answer.
///
/// # Errors
/// As [`check_in`].
pub async fn report_too_large(
    ctx: &Context,
    proven: &Proven,
    named: Option<&CommandUuid>,
    size: u64,
) -> Result<Option<Delivery>, EnrollmentError> {
    let mut tx = ctx.store.begin("command report: too large").await?;
    // Who of the device's users spoke is not known either: its command says so.
    let speaker = identity::speaker(&mut *tx, proven, &Sender::default(), ctx.now()).await??;
    let next = match listen(&mut *tx, ctx, &speaker).await? {
        Ear::Open(channel, device) => {
            let channel = commands::channel_answered(&mut *tx, speaker.enrollment, named).await?.unwrap_or(channel);
            let only = speaker.expired.then_some(Purpose::Renewal);
            commands::record_too_large(&mut *tx, ctx, (channel, device), named, size, only).await?
        }
        Ear::Over | Ear::Deaf => None,
    };
    tx.commit().await?;
    Ok(next)
}

/// Whether somebody listens to a speaker.
enum Ear {
    /// The channel of a live enrollment.
    Open(crate::ids::ChannelId, crate::ids::DeviceId),
    /// Not yet, or not while it is held: an empty answer.
    Deaf,
    /// No more.
    Over,
}

async fn listen(tx: &mut dyn Tx, ctx: &Context, speaker: &Speaker) -> Result<Ear, EnrollmentError> {
    match (speaker.state, speaker.channel, speaker.device) {
        (State::Live, Some(channel), Some(device)) => {
            identity::confirm(tx, speaker, ctx.now()).await?;
            Ok(Ear::Open(channel, device))
        }
        (State::Ended | State::Rejected, ..) => Ok(Ear::Over),
        (State::Held, ..) => {
            held::reconsider(tx, ctx, speaker.enrollment).await?;
            Ok(Ear::Deaf)
        }
        (State::Offered | State::Enrolling | State::Live, ..) => Ok(Ear::Deaf),
    }
}

/// Whether this is about the command that asks the device to leave.
fn answers_our_request(speaker: &Speaker, report: &Report) -> bool {
    let answered = report.command_uuid.as_ref().map(CommandUuid::as_str);
    answered.is_some() && answered == speaker.unenroll_command.as_deref()
}

/// Whether this answers our request to leave. Only the device's acknowledgment ends the enrollment; where it failed, the
/// next request is a new one.
async fn leaves(tx: &mut dyn Tx, ctx: &Context, speaker: &Speaker, report: &Report) -> Result<bool, EnrollmentError> {
    if !answers_our_request(speaker, report) {
        return Ok(false);
    }
    let enrollment = records::locked(tx, speaker.enrollment).await?;
    match report.status {
        Status::Acknowledged => {
            ending::end(tx, &enrollment, "an admin ended the enrollment", ctx.now()).await?;
            held::follow(tx, ctx, &enrollment).await?;
            Ok(true)
        }
        Status::Error | Status::CommandFormatError => {
            tracing::warn!(enrollment = %enrollment.id, "a device refused to remove its enrollment profile");
            tx.run("UPDATE enrollment SET unenroll_command = NULL WHERE id = $1", &[(&enrollment.id.text()).into()])
                .await?;
            Ok(false)
        }
        Status::NotNow | Status::Idle | Status::Unknown(_) => Ok(false),
    }
}

/// The outside authorities whose identities are accepted.
pub fn outsiders(ctx: &Context) -> &[Vec<u8>] {
    &ctx.config.device.identity_authorities
}

/// Bodies larger than this are decoded where that holds up no other request.
const QUICKLY_DECODED: usize = 256 * 1024;

async fn decoded<T: Send + 'static>(
    body: &[u8],
    decode: fn(&[u8], Limits) -> Result<T, WireError>,
) -> Result<T, EnrollmentError> {
    let limits = Limits::for_body(body.len());
    let read = if body.len() <= QUICKLY_DECODED {
        decode(body, limits)
    } else {
        let body = body.to_vec();
        busy(move || decode(&body, limits)).await?
    };
    read.map_err(|error| EnrollmentError::Unreadable(error.to_string()))
}
