//! Secrets that commands set on devices or devices tell, and that somebody will need again: the PIN of a locked Mac, the code
//! that takes the Activation Lock off. Sealed; shown only to who asks for one by name, and that is written into the audit log.

use crate::context::Context;
use crate::ids::DeviceId;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use russet_protocol::command::Command;
use russet_protocol::plist::Value;
use russet_protocol::result::Report;
use russet_protocol::{CommandUuid, Timestamp};
use russet_store::{Row, StoreError, Tx};
use zeroize::Zeroizing;

/// The commands that set one: as `Command::secret_to_keep` knows them.
pub(super) const KEPT: [&str; 4] = ["DeviceLock", "EraseDevice", "SetRecoveryLock", "SetFirmwarePassword"];

/// A secret that a command set, or that its answer told.
pub struct KeptSecret {
    /// `pin`, `recovery_lock_password`, `firmware_password`, `activation_lock_bypass_code`, or
    /// `encrypted_recovery_key` (of FileVault: CMS, in base64).
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

/// The secret that an answer tells: its name, and the text. Source: Apple schema,
/// `mdm/commands/{device.activationlock.bypasscode,rotate.file.vault.key}.yaml`.
pub(super) fn in_answer(report: &Report) -> Option<(&'static str, String)> {
    if let Some(code) = report.keys.get("ActivationLockBypassCode").and_then(Value::as_string) {
        return Some(("activation_lock_bypass_code", code.to_owned()));
    }
    let rotated = report.keys.get("RotateResult").and_then(Value::as_dictionary)?;
    let key = rotated.get("EncryptedNewRecoveryKey").and_then(Value::as_data)?;
    Some(("encrypted_recovery_key", STANDARD.encode(key)))
}

/// Where an answer with a secret is kept, as its seal names it.
pub(super) fn place_of_answer(device: DeviceId, uuid: Option<&str>) -> String {
    format!("{device}/{}", uuid.unwrap_or_default())
}

/// Keeps what the answer to a command tells, as long as the device is known.
pub(super) async fn keep_told(
    tx: &mut dyn Tx,
    ctx: &Context,
    uuid: &str,
    device: DeviceId,
    report: &Report,
) -> Result<(), StoreError> {
    let Some((name, secret)) = in_answer(report) else { return Ok(()) };
    let sealed = ctx.store.sealer().seal("command_secret", "secret", uuid, secret.as_bytes())?;
    let named = report.command_uuid.as_ref().map(CommandUuid::as_str);
    tx.run(
        "INSERT INTO command_secret (uuid, device_id, name, secret, created_at, confirmed_at, sent_as)
         VALUES ($1, $2, $3, $4, $5, $5, $6)
         ON CONFLICT (uuid) DO UPDATE SET name = excluded.name, secret = excluded.secret, confirmed_at = excluded.confirmed_at",
        &[
            uuid.into(),
            (&device.text()).into(),
            name.into(),
            (&sealed).into(),
            ctx.now().millis().into(),
            named.into(),
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

/// Whether this command of this device set or told a secret.
///
/// # Errors
/// Where the store fails.
pub async fn keeps_secret(tx: &mut dyn Tx, device: DeviceId, uuid: &CommandUuid) -> Result<bool, StoreError> {
    let sql = "SELECT uuid FROM command_secret WHERE device_id = $1 AND (uuid = $2 OR sent_as = $2) LIMIT 1";
    Ok(tx.optional(sql, &[(&device.text()).into(), uuid.as_str().into()]).await?.is_some())
}

/// The secret that this command of this device set or told. The caller writes the audit entry first.
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
