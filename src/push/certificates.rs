//! The push certificate: import and use. Its key is sealed at rest, and must never leave this room but into a TLS handshake.
//!
//! A certificate for another topic silently ends the pushes to every device enrolled under the old one: it is refused unless
//! that is confirmed, naming how many devices would be lost.

use super::rows;
use crate::context::Context;
use crate::events;
use russet_pki::push_certificate::{self, PushCertificateFault};
use russet_protocol::{Timestamp, Topic};
use russet_store::{Row, StoreError, Tx, Wake};
use zeroize::Zeroizing;

/// The push certificate in use, without its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The topic that devices enroll under.
    pub topic: Topic,
    /// First moment of validity.
    pub not_before: Timestamp,
    /// Last moment of validity.
    pub not_after: Timestamp,
    /// SHA-256 of the certificate, lower-case hexadecimal.
    pub fingerprint: String,
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// When it was imported.
    pub imported_at: Timestamp,
    /// Why nothing was pushed with it lately, and until when: refused, or APNs unreachable.
    pub pause: Option<Unusable>,
}

impl Certificate {
    /// Why nothing was pushed with it lately, in words, and when it is tried again.
    #[must_use]
    pub fn refused(&self) -> Option<(String, Timestamp)> {
        self.pause.as_ref().and_then(|pause| Some((pause.to_string(), pause.retry_at()?)))
    }
}

/// Why a certificate is not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file is not what it should be.
    #[error(transparent)]
    Fault(#[from] PushCertificateFault),
    /// The certificate is for another topic.
    #[error(
        "the certificate is for the push topic {new}, the one in use for {old}: {devices} enrolled devices and users could not \
         be reached any more and would have to enroll again; renew the old certificate with the Apple Account it was made \
         with, or confirm the new topic"
    )]
    OtherTopic {
        /// The topic in use.
        old: String,
        /// The topic of the new certificate.
        new: String,
        /// How many channels would be lost.
        devices: i64,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why nothing can be pushed now. The text is for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// None was imported.
    #[error(
        "there is no push certificate: import one from Apple's Push Certificates Portal (identity.apple.com/pushcert)"
    )]
    Missing,
    /// It has expired.
    #[error(
        "the push certificate has expired: renew it at Apple's Push Certificates Portal with the Renew button, and import it"
    )]
    Expired {
        /// Its last moment.
        since: Timestamp,
    },
    /// It is not valid yet.
    #[error("the push certificate is not valid yet: check the clock of this server")]
    NotYetValid {
        /// Its first moment.
        from: Timestamp,
    },
    /// APNs refuses it.
    #[error(
        "Apple refuses the push certificate ({reason}): renew it at Apple's Push Certificates Portal, and import it"
    )]
    Refused {
        /// What APNs said.
        reason: String,
        /// When it is tried again.
        retry_at: Timestamp,
    },
    /// APNs does not answer, whatever the certificate.
    #[error("pushes wait because {reason}")]
    Unreachable {
        /// What happened, and what to do.
        reason: String,
        /// When it is tried again.
        retry_at: Timestamp,
    },
}

impl Unusable {
    /// When there is hope without anybody doing something.
    #[must_use]
    pub fn retry_at(&self) -> Option<Timestamp> {
        match self {
            Self::Missing | Self::Expired { .. } => None,
            Self::NotYetValid { from: at }
            | Self::Refused { retry_at: at, .. }
            | Self::Unreachable { retry_at: at, .. } => Some(*at),
        }
    }
}

/// Imports a push certificate with its key: PEM or PKCS#12, with its password where it has one. It is used from the next push
/// on. Leaves a line in the audit log.
///
/// # Errors
/// Names the fault of the file; refuses a certificate for another topic unless `confirm_new_topic`.
pub async fn import(
    ctx: &Context,
    actor: &str,
    file: &[u8],
    password: Option<&str>,
    confirm_new_topic: bool,
) -> Result<Certificate, ImportError> {
    let audit = events::begin(ctx, actor, "import push certificate", "push certificate").await?;
    let result = replace(ctx, file, password, confirm_new_topic).await;
    let outcome = match &result {
        Ok(certificate) => format!("done: topic {}", certificate.topic),
        Err(error) => format!("refused: {error}"),
    };
    events::end(ctx, audit, &outcome).await?;
    result
}

async fn replace(
    ctx: &Context,
    file: &[u8],
    password: Option<&str>,
    confirm_new_topic: bool,
) -> Result<Certificate, ImportError> {
    let now = ctx.now();
    let parsed = push_certificate::parse(file, password, now)?;
    let mut tx = ctx.store.begin("import push certificate").await?;
    if let Some(old) = current(&mut *tx).await?
        && old.topic.as_str() != parsed.topic
        && !confirm_new_topic
    {
        let devices = rows::listening_elsewhere(&mut *tx, &parsed.topic).await?;
        return Err(ImportError::OtherTopic { old: old.topic.into(), new: parsed.topic, devices });
    }
    let key = ctx.store.sealer().seal("push_certificate", "key_sealed", "1", parsed.key_pem.as_bytes())?;
    let fingerprint: String = parsed.fingerprint.iter().map(|byte| format!("{byte:02x}")).collect();
    tx.run(
        "INSERT INTO push_certificate (id, topic, not_before, not_after, fingerprint, serial, certificate_pem, key_sealed,
            imported_at) VALUES (1, $1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (id) DO UPDATE SET topic = excluded.topic, not_before = excluded.not_before,
            not_after = excluded.not_after, fingerprint = excluded.fingerprint, serial = excluded.serial,
            certificate_pem = excluded.certificate_pem, key_sealed = excluded.key_sealed,
            imported_at = excluded.imported_at, pause = NULL, pause_reason = NULL, retry_at = NULL",
        &[
            (&parsed.topic).into(),
            parsed.not_before.millis().into(),
            parsed.not_after.millis().into(),
            (&fingerprint).into(),
            (&parsed.serial).into(),
            (&parsed.certificate_pem).into(),
            (&key).into(),
            now.millis().into(),
        ],
    )
    .await?;
    let imported = current(&mut *tx).await?.ok_or(StoreError::NotFound)?;
    tx.wake(Wake::Push);
    tx.commit().await?;
    Ok(imported)
}

/// The push certificate in use, valid or not; `None` where none was imported.
///
/// # Errors
/// Where the store fails.
pub async fn current(tx: &mut dyn Tx) -> Result<Option<Certificate>, StoreError> {
    let sql = "SELECT topic, not_before, not_after, fingerprint, serial, imported_at, pause, pause_reason, retry_at
               FROM push_certificate WHERE id = 1";
    tx.optional(sql, &[]).await?.as_ref().map(read).transpose()
}

fn read(row: &Row) -> Result<Certificate, StoreError> {
    let retry_at = Timestamp(row.opt_int("retry_at")?.unwrap_or_default());
    let reason = row.opt_text("pause_reason")?.unwrap_or_default();
    let pause = row.opt_text("pause")?.map(|kind| match kind.as_str() {
        "refused" => Unusable::Refused { reason, retry_at },
        _ => Unusable::Unreachable { reason, retry_at },
    });
    Ok(Certificate {
        topic: Topic::new(row.text("topic")?).map_err(|_| StoreError::corrupt("push_certificate", "topic", 1))?,
        not_before: Timestamp(row.int("not_before")?),
        not_after: Timestamp(row.int("not_after")?),
        fingerprint: row.text("fingerprint")?,
        serial: row.text("serial")?,
        imported_at: Timestamp(row.int("imported_at")?),
        pause,
    })
}

/// What a push needs to know of the certificate.
pub(super) struct Usable {
    pub(super) topic: String,
    pub(super) fingerprint: String,
    /// A pause has ended, but is still written down: the next answer clears it.
    pub(super) was_paused: bool,
}

/// The certificate where it can be used now, else why nothing can be pushed.
pub(super) async fn usable(tx: &mut dyn Tx, now: Timestamp) -> Result<Result<Usable, Unusable>, StoreError> {
    let Some(certificate) = current(tx).await? else { return Ok(Err(Unusable::Missing)) };
    if now > certificate.not_after {
        return Ok(Err(Unusable::Expired { since: certificate.not_after }));
    }
    if now < certificate.not_before {
        return Ok(Err(Unusable::NotYetValid { from: certificate.not_before }));
    }
    let was_paused = certificate.pause.is_some();
    Ok(match certificate.pause {
        Some(pause) if pause.retry_at().is_some_and(|at| now < at) => Err(pause),
        _ => Ok(Usable { topic: certificate.topic.into(), fingerprint: certificate.fingerprint, was_paused }),
    })
}

/// Certificate and key for the handshake; `None` where another was imported meanwhile.
pub(super) async fn for_handshake(
    ctx: &Context,
    fingerprint: &str,
) -> Result<Option<(String, Zeroizing<Vec<u8>>)>, StoreError> {
    let mut tx = ctx.store.read().await?;
    let sql = "SELECT certificate_pem, key_sealed FROM push_certificate WHERE id = 1 AND fingerprint = $1";
    let Some(row) = tx.optional(sql, &[fingerprint.into()]).await? else { return Ok(None) };
    let key = ctx.store.sealer().open("push_certificate", "key_sealed", "1", &row.bytes("key_sealed")?)?;
    Ok(Some((row.text("certificate_pem")?, key)))
}

/// Nothing is pushed with this certificate for a while; `None` ends a pause.
pub(super) async fn set_pause(tx: &mut dyn Tx, fingerprint: &str, pause: Option<&Unusable>) -> Result<(), StoreError> {
    let (kind, reason) = match pause {
        Some(Unusable::Refused { reason, .. }) => (Some("refused"), Some(reason.as_str())),
        Some(Unusable::Unreachable { reason, .. }) => (Some("unreachable"), Some(reason.as_str())),
        _ => (None, None),
    };
    let retry_at = pause.and_then(Unusable::retry_at).map(Timestamp::millis);
    tx.run(
        "UPDATE push_certificate SET pause = $2, pause_reason = $3, retry_at = $4 WHERE id = 1 AND fingerprint = $1",
        &[fingerprint.into(), kind.into(), reason.into(), retry_at.into()],
    )
    .await
    .map(|_| ())
}
