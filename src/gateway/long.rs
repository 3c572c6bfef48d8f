//! Messages that are longer than strangers may send, who are not listened to any further. Whoever claims an identity of ours may send up to [`LARGEST`] bytes, for
//! which there is a bounded room; what is longer still is thrown away as it comes. Where the identity then holds, and a
//! signature is over the bytes that were thrown away, its command ends: refused, the same answer would come for ever.

use super::Gate;
use super::answer::{Failure, plain};
use super::body::{self, Incoming, LARGEST, Received};
use super::mdm::{Kind, delivery};
use super::room::{self, Taken};
use crate::enrollment::EnrollmentError;
use crate::enrollment::conversation::{self, outsiders};
use crate::enrollment::identity::{Claim, Presented};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use russet_protocol::result::glimpse;

/// Bytes at the beginning and at the end of a message that is too large in which its CommandUUID is looked for. Devices write
/// their keys in the order of the alphabet.
const LOOKED_AT: usize = 16 * 1024;

/// Shorter messages are decoded and stored without waiting for each other.
const QUICK: usize = 1 << 20;

/// Bytes that are hashed at a time; then others have their turn.
const PART: usize = 256 * 1024;

/// A long body, and the room that it takes.
pub(super) struct Long<'a> {
    pub(super) bytes: Vec<u8>,
    _room: Taken<'a>,
    _reading: Option<Taken<'a>>,
}

/// Receives the rest of a long message; or what it is answered, where it is refused or too large.
pub(super) async fn receive<'a>(
    gate: &'a Gate,
    kind: Kind,
    presented: Presented<'_>,
    mut incoming: Incoming,
) -> Result<Long<'a>, Response> {
    let authority = gate.authority.get().await.map_err(|error| Failure::from(error).into_response())?;
    let claim = match Claim::new(presented, &authority, outsiders(&gate.ctx)) {
        Ok(claim) => claim,
        Err(refused) => {
            let refusal = || Failure::from(EnrollmentError::from(refused)).into_response();
            return Err(drained(incoming, refusal).await);
        }
    };
    if incoming.declared().is_some_and(|bytes| bytes > LARGEST as u64) {
        return Err(too_large(gate, kind, claim, incoming, None).await);
    }
    let Ok(room) = gate.room.for_body(claim.fingerprint(), incoming.declared()).await else {
        return Err(drained(incoming, room::full).await);
    };
    match incoming.read(LARGEST).await {
        Received::Whole(bytes) if bytes.len() <= QUICK => Ok(Long { bytes, _room: room, _reading: None }),
        Received::Whole(bytes) => match gate.room.to_read().await {
            Ok(reading) => Ok(Long { bytes, _room: room, _reading: Some(reading) }),
            Err(room::Full) => Err(room::full()),
        },
        Received::More => Err(too_large(gate, kind, claim, incoming, Some(room)).await),
        other => Err(body::refusal(&other)),
    }
}

/// Read to its end, so that the refusal is heard.
async fn drained(incoming: Incoming, refusal: impl FnOnce() -> Response) -> Response {
    match incoming.drain().await {
        Received::TooLarge(_) => refusal(),
        other => body::refusal(&other),
    }
}

async fn too_large(
    gate: &Gate,
    kind: Kind,
    mut claim: Claim,
    mut incoming: Incoming,
    room: Option<Taken<'_>>,
) -> Response {
    let kept = incoming.let_go();
    let mut named = glimpse(kept.get(..LOOKED_AT).unwrap_or(&kept));
    for part in kept.chunks(PART) {
        claim.update(part);
        tokio::task::yield_now().await;
    }
    drop((kept, room));
    let mut tail: Vec<u8> = Vec::new();
    let received = incoming
        .pour(|part| {
            claim.update(part);
            tail.extend_from_slice(part);
            tail.drain(..tail.len().saturating_sub(LOOKED_AT));
        })
        .await;
    let Received::TooLarge(size) = received else { return body::refusal(&received) };
    named = named.or_else(|| glimpse(&tail));
    tracing::warn!(size, "a message of a device was too large and was thrown away");
    let next = async {
        let authority = gate.authority.get().await?;
        let proven = claim.prove(&authority, outsiders(&gate.ctx), gate.ctx.now())?;
        if kind == Kind::CheckIn {
            return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "the message is too large"));
        }
        conversation::report_too_large(&gate.ctx, &proven, named.as_ref(), size).await.map(delivery)
    };
    next.await.unwrap_or_else(|error: EnrollmentError| Failure::from(error).into_response())
}
