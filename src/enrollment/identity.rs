//! Whom a request speaks for. First the proof: a client certificate of TLS or an `Mdm-Signature` over exactly the bytes
//! received, by a certificate our authority issued. Then the row: that very certificate, as it was issued, stands for one
//! enrollment. What the message says about itself (UDID, EnrollmentID) is compared, never believed.

use super::{OLDER_IDENTITY_VALID, renewal, rows};
use crate::ids::{ChannelId, DeviceId, EnrollmentId};
use russet_pki::ca::Authority;
use russet_pki::certificate::{Facts, Fingerprint, IdentityRefused, TrustedCa, hex};
use russet_pki::cms::{self, Awaited, CmsError};
use russet_pki::text;
use russet_protocol::Timestamp;
use russet_protocol::checkin::Sender;
use russet_store::{Row, StoreError, Tx};

/// Signatures have about 2 kB; this is far more, in bytes of base64.
const MAX_SIGNATURE: usize = 32 * 1024;

/// What a request brings to prove who it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Presented<'a> {
    /// The client certificate of TLS, DER. The handshake proved that the peer has its key.
    pub peer: Option<&'a [u8]>,
    /// The `Mdm-Signature` header.
    pub signature: Option<&'a str>,
}

/// A certificate of an authority we trust, whose holder sent this request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    pub(super) fingerprint: String,
    /// Its last moment has passed. One that an enrollment in use still has is heard all the same.
    pub(super) expired: bool,
    /// The certificate itself (DER), where an outside authority issued it: it may have to be bound first.
    pub(super) outside: Option<Vec<u8>>,
}

impl Proven {
    /// Whether it stands for an enrollment already.
    pub(super) async fn is_known(&self, tx: &mut dyn Tx) -> Result<bool, StoreError> {
        let sql = "SELECT enrollment FROM identity WHERE fingerprint = $1";
        Ok(tx.optional(sql, &[(&self.fingerprint).into()]).await?.is_some())
    }
}

/// Why a request speaks for nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Neither certificate nor signature.
    #[error("the request carries neither a client certificate nor an Mdm-Signature")]
    Nothing,
    /// The header is no base64, or too long.
    #[error("the Mdm-Signature header is not base64")]
    NotBase64,
    /// The signature.
    #[error(transparent)]
    Signature(#[from] CmsError),
    /// The certificate.
    #[error(transparent)]
    Certificate(#[from] IdentityRefused),
    /// Issued by our authority, but not known here: another installation's database, or a changed copy.
    #[error("the identity is not known to this server")]
    Unknown,
    /// A newer identity of the same enrollment has been in use for too long.
    #[error("the identity was replaced by a newer one")]
    Replaced,
    /// It names another device than its enrollment's.
    #[error("the message names another device than its identity was issued for")]
    OtherDevice,
    /// The enrollment is over, or was rejected: the device should drop it.
    #[error("the enrollment of this identity is over")]
    Over,
}

impl Refused {
    /// Whether the device is to remove its enrollment. Only where its identity must never be accepted again.
    #[must_use]
    pub fn is_final(self) -> bool {
        self == Self::Over
    }
}

/// Checks the proof. The signature counts before the certificate of the connection: it covers this very body. `outside` are the
/// authorities (DER) beside our own whose identities the configuration accepts.
///
/// # Errors
/// Says which check failed.
pub fn prove(
    presented: Presented<'_>,
    body: &[u8],
    own: &Authority,
    outside: &[Vec<u8>],
    now: Timestamp,
) -> Result<Proven, Refused> {
    let ca = trusted(own, outside)?;
    let (certificate, facts) = match presented {
        Presented { signature: Some(signature), .. } => {
            let signer = cms::verify_detached_undated(&decoded(signature)?, body, &ca)?;
            (signer.certificate, signer.facts)
        }
        Presented { peer: Some(certificate), .. } => (certificate.to_vec(), ca.check_issued(certificate)?),
        _ => return Err(Refused::Nothing),
    };
    timely(certificate, &facts, own, outside, now)
}

/// The proof of a request whose body is too large to be kept. Until its end a claim: proves nothing of the body, but tells
/// whether it is worth receiving.
#[derive(Debug)]
pub enum Claim {
    /// A signature over the body, which is hashed as it comes.
    Signed(Box<Awaited>),
    /// A client certificate, and what it says.
    Certificate(Vec<u8>, Box<Facts>),
}

impl Claim {
    /// Looks at what a request brings, as [`prove`] does, before its body is there.
    ///
    /// # Errors
    /// Says which check failed.
    pub fn new(presented: Presented<'_>, own: &Authority, outside: &[Vec<u8>]) -> Result<Self, Refused> {
        let ca = trusted(own, outside)?;
        match presented {
            Presented { signature: Some(signature), .. } => {
                Ok(Self::Signed(Box::new(Awaited::new(&decoded(signature)?, ca)?)))
            }
            Presented { peer: Some(certificate), .. } => {
                Ok(Self::Certificate(certificate.to_vec(), Box::new(ca.check_issued(certificate)?)))
            }
            _ => Err(Refused::Nothing),
        }
    }

    /// SHA-256 of the certificate that is claimed. Anybody may claim it with a signature that does not hold.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::Signed(awaited) => awaited.claimed().fingerprint,
            Self::Certificate(_, facts) => facts.fingerprint,
        }
    }

    /// The next part of the body.
    pub fn update(&mut self, part: &[u8]) {
        if let Self::Signed(awaited) = self {
            awaited.update(part);
        }
    }

    /// The body is whole.
    ///
    /// # Errors
    /// Says which check failed.
    pub fn prove(self, own: &Authority, outside: &[Vec<u8>], now: Timestamp) -> Result<Proven, Refused> {
        let (certificate, facts) = match self {
            Self::Signed(awaited) => {
                let signer = awaited.finish()?;
                (signer.certificate, signer.facts)
            }
            Self::Certificate(certificate, facts) => (certificate, *facts),
        };
        timely(certificate, &facts, own, outside, now)
    }
}

/// Judges the dates.
fn timely(
    certificate: Vec<u8>,
    facts: &Facts,
    own: &Authority,
    outside: &[Vec<u8>],
    now: Timestamp,
) -> Result<Proven, Refused> {
    let ours = outside.is_empty() || own.trusted().check_issued(&certificate).is_ok();
    let expired = facts.not_after < now;
    // Only identities of ours are renewed by us, and are worth hearing after their end.
    if now < facts.not_before || (expired && !ours) {
        return Err(IdentityRefused::Expired.into());
    }
    Ok(Proven { fingerprint: hex(&facts.fingerprint), expired, outside: (!ours).then_some(certificate) })
}

/// Our own authority, and those outside that the configuration names.
fn trusted(own: &Authority, outside: &[Vec<u8>]) -> Result<TrustedCa, Refused> {
    if outside.is_empty() {
        return Ok(own.trusted());
    }
    let all = outside.iter().cloned().chain([own.certificate_der().to_vec()]).collect();
    Ok(TrustedCa::new(all).map_err(|_| IdentityRefused::ForeignIssuer)?)
}

fn decoded(signature: &str) -> Result<Vec<u8>, Refused> {
    if signature.len() > MAX_SIGNATURE {
        return Err(Refused::NotBase64);
    }
    text::signature(signature).map_err(|_| Refused::NotBase64)
}

/// Where an enrollment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its profile was downloaded.
    Offered,
    /// Authenticate was accepted; the first TokenUpdate is awaited.
    Enrolling,
    /// In use.
    Live,
    /// Opened beside a live enrollment of the same device, or not admitted by its invitation: gets nothing until released.
    Held,
    /// Refused by an admin.
    Rejected,
    /// Over.
    Ended,
}

impl State {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Enrolling => "enrolling",
            Self::Live => "live",
            Self::Held => "held",
            Self::Rejected => "rejected",
            Self::Ended => "ended",
        }
    }

    pub(super) fn read(row: &Row) -> Result<Self, StoreError> {
        let text = row.text("state")?;
        let all = [Self::Offered, Self::Enrolling, Self::Live, Self::Held, Self::Rejected, Self::Ended];
        all.into_iter()
            .find(|state| state.text() == text)
            .ok_or_else(|| StoreError::corrupt("enrollment", "state", text))
    }
}

/// Whom a request speaks for.
#[derive(Debug, Clone)]
pub struct Speaker {
    /// The enrollment.
    pub enrollment: EnrollmentId,
    /// Where it stands.
    pub state: State,
    /// The device, from Authenticate on.
    pub device: Option<DeviceId>,
    /// The channel that speaks, where it is known.
    pub channel: Option<ChannelId>,
    pub(super) fingerprint: String,
    pub(super) issued_at: Timestamp,
    pub(super) confirmed: bool,
    pub(super) unenroll_command: Option<String>,
    /// Its identity's last moment has passed: it is offered the renewal and nothing else.
    pub(super) expired: bool,
    pub(super) not_after: Timestamp,
    pub(super) origin: String,
    pub(super) renewal_command: Option<String>,
    pub(super) renewal_asked_at: Option<Timestamp>,
}

/// Finds the enrollment a proven identity stands for, and the channel that speaks.
///
/// # Errors
/// [`Refused`] where the identity is unknown, replaced, or used for another device than its own. An enrollment that is
/// over is no error here: its last CheckOut may be repeated.
pub async fn speaker(
    tx: &mut dyn Tx,
    proven: &Proven,
    sender: &Sender,
    now: Timestamp,
) -> Result<Result<Speaker, Refused>, StoreError> {
    let user_key = sender.user_key().unwrap_or_default();
    let row = tx
        .optional(
            "SELECT i.issued_at, i.not_after, i.origin, i.confirmed_at, i.replaced_at, e.id, e.state, e.device, e.udid,
                    e.user_enrollment_id, e.unenroll_command, e.renewal_command, e.renewal_asked_at, c.id AS channel
             FROM identity i
             JOIN enrollment e ON e.id = i.enrollment
             LEFT JOIN channel c ON c.enrollment = e.id AND c.user_key = $2
             WHERE i.fingerprint = $1",
            &[(&proven.fingerprint).into(), user_key.into()],
        )
        .await?;
    let Some(row) = row else { return Ok(Err(Refused::Unknown)) };
    if row.opt_int("replaced_at")?.is_some_and(|at| Timestamp(at).plus(OLDER_IDENTITY_VALID) < now) {
        return Ok(Err(Refused::Replaced));
    }
    if proven.expired && State::read(&row)? != State::Live {
        return Ok(Err(IdentityRefused::Expired.into()));
    }
    let names = |column, claimed: Option<&str>| {
        let bound = row.opt_text(column)?;
        // A channel of a user may leave the device's identifier out; no channel may name another device.
        Ok::<_, StoreError>(bound.is_none() || claimed.is_none() || bound.as_deref() == claimed)
    };
    let same_udid = names("udid", sender.udid.as_ref().map(russet_protocol::Udid::as_str))?;
    let user_enrollment_id = sender.user_enrollment_id.as_ref().map(russet_protocol::UserEnrollmentId::as_str);
    if !same_udid || !names("user_enrollment_id", user_enrollment_id)? {
        return Ok(Err(Refused::OtherDevice));
    }
    Ok(Ok(Speaker {
        enrollment: rows::id(&row, "enrollment", "id")?,
        state: State::read(&row)?,
        device: rows::opt_id(&row, "enrollment", "device")?,
        channel: rows::opt_id(&row, "channel", "channel")?,
        fingerprint: proven.fingerprint.clone(),
        issued_at: Timestamp(row.int("issued_at")?),
        confirmed: row.opt_int("confirmed_at")?.is_some(),
        unenroll_command: row.opt_text("unenroll_command")?,
        expired: proven.expired,
        not_after: Timestamp(row.int("not_after")?),
        origin: row.text("origin")?,
        renewal_command: row.opt_text("renewal_command")?,
        renewal_asked_at: row.opt_int("renewal_asked_at")?.map(Timestamp),
    }))
}

/// Notes that a device has come to use this identity: its older ones are accepted for one more day.
pub(super) async fn confirm(tx: &mut dyn Tx, speaker: &Speaker, now: Timestamp) -> Result<(), StoreError> {
    if speaker.confirmed {
        return Ok(());
    }
    tx.run(
        "UPDATE identity SET confirmed_at = COALESCE(confirmed_at, $2) WHERE fingerprint = $1",
        &[(&speaker.fingerprint).into(), now.millis().into()],
    )
    .await?;
    tx.run(
        "UPDATE identity SET replaced_at = $3 WHERE enrollment = $1 AND issued_at < $2 AND replaced_at IS NULL",
        &[(&speaker.enrollment.text()).into(), speaker.issued_at.millis().into(), now.millis().into()],
    )
    .await?;
    renewal::schedule(tx, speaker).await
}
