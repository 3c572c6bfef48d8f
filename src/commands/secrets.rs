//! Secrets that commands set on devices and that somebody will need again: the PIN of a locked Mac. Sealed; shown only to
//! who asks for one by name, and that is written into the audit log.

use crate::context::Context;
use crate::ids::DeviceId;
use russet_protocol::command::Command;
use russet_protocol::{CommandUuid, Timestamp};
use russet_store::{Row, StoreError, Tx};
use zeroize::Zeroizing;

/// The commands that set one: as `Command::secret_to_keep` knows them.
pub(super) const KEPT: [&str; 4] = ["DeviceLock", "EraseDevice", "SetRecoveryLock", "SetFirmwarePassword"];

/// A secret that a command set.
pub struct KeptSecret {
    /// `pin` or `recovery_lock_password`.
    pub name: String,
    /// The secret itself.
    pub text: Zeroizing<String>,
    /// When the command was queued.
    pub created_at: Timestamp,
}

/// Keeps what somebody will need, before the device can have it.
pub(super) async fn keep(
    tx: &mut dyn Tx,
    ctx: &Context,
    uuid: &CommandUuid,
    device: DeviceId,
    command: &Command,
) -> Result<(), StoreError> {
    let Some((name, secret)) = command.secret_to_keep() else { return Ok(()) };
    let sealed = ctx.store.sealer().seal("command_secret", "secret", uuid.as_str(), secret.reveal().as_bytes())?;
    tx.run(
        "INSERT INTO command_secret (uuid, device_id, name, secret, created_at, sent_as) VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            uuid.as_str().into(),
            (&device.text()).into(),
            name.into(),
            (&sealed).into(),
            ctx.now().millis().into(),
            command.chosen_uuid().map(CommandUuid::as_str).into(),
        ],
    )
    .await?;
    Ok(())
}

/// The device acknowledged the command: its secret is the one in use.
pub(super) async fn confirm(tx: &mut dyn Tx, uuid: &str, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE command_secret SET confirmed_at = $2 WHERE uuid = $1";
    tx.run(sql, &[uuid.into(), now.millis().into()]).await.map(|_| ())
}

/// The secret of this name that the device last acknowledged.
///
/// # Errors
/// Where the store fails, or the master key is not the one it was sealed with.
pub async fn secret_in_use(
    tx: &mut dyn Tx,
    ctx: &Context,
    device: DeviceId,
    name: &str,
) -> Result<Option<KeptSecret>, StoreError> {
    let sql = "SELECT uuid, name, secret, created_at FROM command_secret
               WHERE device_id = $1 AND name = $2 AND confirmed_at IS NOT NULL ORDER BY confirmed_at DESC LIMIT 1";
    let row = tx.optional(sql, &[(&device.text()).into(), name.into()]).await?;
    row.map(|row| open(ctx, &row)).transpose()
}

/// The secret that this command of this device set. The caller writes the audit entry first.
///
/// # Errors
/// Where the store fails, or the master key is not the one it was sealed with.
pub async fn reveal(
    tx: &mut dyn Tx,
    ctx: &Context,
    device: DeviceId,
    uuid: &CommandUuid,
) -> Result<Option<KeptSecret>, StoreError> {
    let sql = "SELECT uuid, name, secret, created_at FROM command_secret
               WHERE device_id = $2 AND (uuid = $1 OR sent_as = $1) ORDER BY created_at DESC LIMIT 1";
    let row = tx.optional(sql, &[uuid.as_str().into(), (&device.text()).into()]).await?;
    row.map(|row| open(ctx, &row)).transpose()
}

fn open(ctx: &Context, row: &Row) -> Result<KeptSecret, StoreError> {
    let uuid = row.text("uuid")?;
    let plain = ctx.store.sealer().open("command_secret", "secret", &uuid, &row.bytes("secret")?)?;
    let text = String::from_utf8(plain.to_vec()).map_err(|_| StoreError::corrupt("command_secret", "secret", &uuid))?;
    Ok(KeptSecret {
        name: row.text("name")?,
        text: Zeroizing::new(text),
        created_at: Timestamp(row.int("created_at")?),
    })
}
