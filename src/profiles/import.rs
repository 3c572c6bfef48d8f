//! Taking a `.mobileconfig` file in.

use super::compose::SINGLE_SIGN_ON;
use super::inspect::inspect;
use super::{Imported, Kind, ProfilesError, rows};
use crate::context::Context;
use crate::directory::dirty::{self, Lane};
use crate::ids::ProfileId;
use russet_store::{StoreError, Tx};

/// Why devices are looked at after an imported profile changed.
const CAUSE: &str = "an imported profile changed";

/// Most characters of a name.
const LONGEST_NAME: usize = 100;

/// Imports a `.mobileconfig` file, signed or not. A file with the `PayloadIdentifier` of a profile that is there replaces that
/// one's content and keeps its id; devices that have it get the new content.
///
/// # Errors
/// Says what is wrong with the file; nothing is kept then.
pub async fn import(ctx: &Context, name: &str, file: &[u8]) -> Result<ProfileId, ProfilesError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(ProfilesError::BadName);
    }
    let found = inspect(file)?;
    let now = ctx.now();
    let mut tx = ctx.store.begin("import a profile").await?;
    let before = rows::with_identifier(&mut *tx, &found.profile.identifier).await?;
    if let Some(before) = &before
        && before.kind.as_str() != found.kind.as_str()
    {
        return Err(ProfilesError::OtherKind { name: before.name.clone(), kind: before.kind.as_str() });
    }
    if let Kind::PerAppVpn { vpn_uuid } = &found.kind
        && let Some(other) = rows::with_vpn_uuid(&mut *tx, vpn_uuid).await?
        && before.as_ref().is_none_or(|before| before.id != other.id)
    {
        return Err(ProfilesError::VpnUuidTaken { name: other.name });
    }
    let id = before.as_ref().map_or_else(|| ProfileId(ctx.uuid()), |before| before.id);
    let content = found.profile.encode();
    let imported = Imported {
        id,
        name: name.to_owned(),
        kind: found.kind,
        display_name: found.profile.display_name.clone(),
        payload_types: found.profile.payloads.iter().map(|payload| payload.payload_type().to_owned()).collect(),
        identifier: found.profile.identifier,
        signed: found.signed,
        hash: super::compose::hash(&content),
        created_at: before.as_ref().map_or(now, |before| before.created_at),
        updated_at: now,
        sealed: ctx.store.sealer().seal("profile", "content_sealed", &id.text(), &content)?,
    };
    rows::put(&mut *tx, &imported).await?;
    if before.is_some_and(|before| before.hash != imported.hash) {
        mark(&mut *tx, ctx, &imported).await?;
    }
    tx.commit().await?;
    Ok(id)
}

/// Deletes an imported profile. Devices that have it because of their apps lose it. Who calls makes sure that no
/// settings name it.
///
/// # Errors
/// [`ProfilesError::NotFound`], or the store fails.
pub async fn delete(ctx: &Context, id: ProfileId) -> Result<(), ProfilesError> {
    let mut tx = ctx.store.begin("delete a profile").await?;
    let profile = super::get(&mut *tx, id).await?;
    rows::delete(&mut *tx, id).await?;
    mark(&mut *tx, ctx, &profile).await?;
    tx.commit().await?;
    Ok(())
}

/// Somebody has to look at the devices that have this profile, as it is or inside a composed one.
async fn mark(tx: &mut dyn Tx, ctx: &Context, profile: &Imported) -> Result<(), StoreError> {
    let devices = rows::devices_with(tx, [&profile.identifier, SINGLE_SIGN_ON]).await?;
    dirty::mark_many(tx, &devices, Lane::Bulk, CAUSE, ctx.now()).await
}
