//! The certificate authority of this installation: made once, at the first start of the first node, and loaded from then
//! on. Its key is sealed in the store.

use super::EnrollmentError;
use crate::context::Context;
use russet_pki::ca::Authority;
use russet_pki::certificate::Facts;
use russet_protocol::Timestamp;
use russet_store::{StoreError, Tx};
use std::sync::Arc;
use tokio::sync::OnceCell;

/// There is one authority; the name leaves room for its successor.
const CURRENT: &str = "1";
const SECRET: &str = "authority.1";

/// Loads the authority, or makes it where there is none.
///
/// # Errors
/// When the store fails or what is stored cannot be used.
pub async fn open(ctx: &Context) -> Result<Arc<Authority>, EnrollmentError> {
    let mut snapshot = ctx.store.read().await?;
    if let Some(authority) = load(ctx, &mut *snapshot).await? {
        return Ok(authority);
    }
    drop(snapshot);
    let name = format!("{} device authority", clipped(&ctx.config.organization));
    let made = Authority::generate(&name, ctx.random_bytes(), ctx.now())?;
    let mut tx = ctx.store.begin("make the certificate authority").await?;
    let now = ctx.now().millis();
    let inserted = tx
        .run(
            "INSERT INTO authority (id, certificate, created_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING",
            &[CURRENT.into(), made.certificate_der().into(), now.into()],
        )
        .await?;
    if inserted == 1 {
        ctx.store.put_secret(&mut *tx, SECRET, &made.key_der()?, now).await?;
        tx.commit().await?;
        return Ok(Arc::new(made));
    }
    // Another node was faster: its authority counts.
    load(ctx, &mut *tx).await?.ok_or(EnrollmentError::Invalid("the certificate authority vanished while starting"))
}

/// When the authority ends; none before the first start.
///
/// # Errors
/// Where the store fails.
pub async fn not_after(tx: &mut dyn Tx) -> Result<Option<Timestamp>, StoreError> {
    let row = tx.optional("SELECT certificate FROM authority WHERE id = $1", &[CURRENT.into()]).await?;
    let Some(row) = row else { return Ok(None) };
    let facts = Facts::of(&row.bytes("certificate")?);
    facts.map(|facts| Some(facts.not_after)).map_err(|_| StoreError::corrupt("authority", "certificate", CURRENT))
}

async fn load(ctx: &Context, tx: &mut dyn Tx) -> Result<Option<Arc<Authority>>, EnrollmentError> {
    let Some(row) = tx.optional("SELECT certificate FROM authority WHERE id = $1", &[CURRENT.into()]).await? else {
        return Ok(None);
    };
    let certificate = row.bytes("certificate")?;
    let key = ctx.store.secret(tx, SECRET).await?;
    let key = key.ok_or(russet_pki::ca::AuthorityError::Unreadable)?;
    Ok(Some(Arc::new(Authority::load(&certificate, &key)?)))
}

/// Holds the authority once it was opened, for request handlers: it never changes while the process runs.
pub struct Keeper {
    ctx: Context,
    cell: OnceCell<Arc<Authority>>,
}

impl Keeper {
    /// Opens nothing yet.
    #[must_use]
    pub fn new(ctx: Context) -> Self {
        Self { ctx, cell: OnceCell::new() }
    }

    /// The authority; opened, or made, at the first call.
    ///
    /// # Errors
    /// As [`open`]. The next call tries again.
    pub async fn get(&self) -> Result<Arc<Authority>, EnrollmentError> {
        self.cell.get_or_try_init(|| open(&self.ctx)).await.cloned()
    }
}

/// A common name holds 64 characters.
fn clipped(organization: &str) -> String {
    let text: String = organization.chars().filter(|letter| !letter.is_control()).take(40).collect();
    if text.trim().is_empty() { "Russet".to_owned() } else { text }
}
