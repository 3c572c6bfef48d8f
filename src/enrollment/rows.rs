//! Small helpers around rows of this room.

use crate::context::Context;
use crate::ids::EnrollmentId;
use ring::digest::{SHA256, digest};
use russet_store::{Row, StoreError, Tx};
use std::str::FromStr;
use zeroize::Zeroizing;

/// An identifier of ours, as stored.
pub(super) fn id<T: FromStr>(row: &Row, table: &'static str, column: &'static str) -> Result<T, StoreError> {
    let text = row.text(column)?;
    text.parse().map_err(|_| StoreError::corrupt(table, column, text))
}

/// An identifier of ours that may be absent.
pub(super) fn opt_id<T: FromStr>(
    row: &Row,
    table: &'static str,
    column: &'static str,
) -> Result<Option<T>, StoreError> {
    let Some(text) = row.opt_text(column)? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| StoreError::corrupt(table, column, text))
}

/// A bearer value for links and challenges: 192 random bits in hexadecimal. Letters and digits only: a challenge travels as
/// an ASN.1 PrintableString, which has no `_`.
pub(super) fn bearer(random: [u8; 24]) -> String {
    russet_pki::certificate::hex(&random)
}

/// The form in which bearer values are stored and looked up.
pub(super) fn hash(secret: &str) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
    out
}

/// A secret column of an enrollment.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sealed {
    UnlockToken,
    BootstrapToken,
}

impl Sealed {
    fn column(self) -> &'static str {
        match self {
            Self::UnlockToken => "unlock_token",
            Self::BootstrapToken => "bootstrap_token",
        }
    }
}

/// Stores a secret of an enrollment, or deletes it.
pub(super) async fn put_sealed(
    tx: &mut dyn Tx,
    ctx: &Context,
    enrollment: EnrollmentId,
    which: Sealed,
    secret: Option<&[u8]>,
) -> Result<(), StoreError> {
    let id = enrollment.text();
    let seal = |secret| ctx.store.sealer().seal("enrollment", which.column(), &id, secret);
    let sealed = secret.map(seal).transpose()?;
    let sql = match which {
        Sealed::UnlockToken => "UPDATE enrollment SET unlock_token = $2 WHERE id = $1",
        Sealed::BootstrapToken => "UPDATE enrollment SET bootstrap_token = $2 WHERE id = $1",
    };
    tx.run(sql, &[(&id).into(), sealed.as_deref().into()]).await.map(|_| ())
}

/// A secret of an enrollment.
pub(super) async fn sealed(
    tx: &mut dyn Tx,
    ctx: &Context,
    enrollment: EnrollmentId,
    which: Sealed,
) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
    let id = enrollment.text();
    let row = tx.one("SELECT unlock_token, bootstrap_token FROM enrollment WHERE id = $1", &[(&id).into()]).await?;
    let sealed = row.opt_bytes(which.column())?;
    sealed.map(|sealed| ctx.store.sealer().open("enrollment", which.column(), &id, &sealed)).transpose()
}
