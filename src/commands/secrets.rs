//! Secrets that commands set on devices and that somebody will need again: the PIN of a locked Mac. Sealed; shown only to
//! who asks for one by name, and that is written into the audit log.

use crate::context::Context;
use crate::ids::DeviceId;
use russet_protocol::command::Command;
use russet_protocol::{CommandUuid, Timestamp};
use russet_store::{StoreError, Tx};
use zeroize::Zeroizing;

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
    let Some(row) = tx.optional(sql, &[uuid.as_str().into(), (&device.text()).into()]).await? else { return Ok(None) };
    let own = row.text("uuid")?;
    let plain = ctx.store.sealer().open("command_secret", "secret", &own, &row.bytes("secret")?)?;
    let text = String::from_utf8(plain.to_vec()).map_err(|_| StoreError::corrupt("command_secret", "secret", uuid))?;
    Ok(Some(KeptSecret {
        name: row.text("name")?,
        text: Zeroizing::new(text),
        created_at: Timestamp(row.int("created_at")?),
    }))
}
