//! The SQL of imported profiles.

use super::{Imported, Kind};
use crate::ids::{DeviceId, ProfileId};
use russet_protocol::Timestamp;
use russet_store::{Row, StoreError, Tx};

macro_rules! profiles {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, kind, identifier, display_name, vpn_uuid, realm, payload_types, signed, content_sealed, hash,
                    created_at, updated_at FROM profile ",
            $rest
        )
    };
}

pub(super) async fn get(tx: &mut dyn Tx, id: ProfileId) -> Result<Option<Imported>, StoreError> {
    tx.optional(profiles!("WHERE id = $1"), &[(&id.text()).into()]).await?.as_ref().map(read).transpose()
}

pub(super) async fn with_identifier(tx: &mut dyn Tx, identifier: &str) -> Result<Option<Imported>, StoreError> {
    tx.optional(profiles!("WHERE identifier = $1"), &[identifier.into()]).await?.as_ref().map(read).transpose()
}

pub(super) async fn with_vpn_uuid(tx: &mut dyn Tx, vpn_uuid: &str) -> Result<Option<Imported>, StoreError> {
    tx.optional(profiles!("WHERE vpn_uuid = $1"), &[vpn_uuid.into()]).await?.as_ref().map(read).transpose()
}

pub(super) async fn list(tx: &mut dyn Tx) -> Result<Vec<Imported>, StoreError> {
    tx.rows(profiles!("ORDER BY name, id"), &[]).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Imported, StoreError> {
    let id = row.text("id")?;
    let damaged = |column| StoreError::corrupt("profile", column, &id);
    let kind = match row.text("kind")?.as_str() {
        "per-app-vpn" => Kind::PerAppVpn { vpn_uuid: row.text("vpn_uuid")? },
        "kerberos-sso" => Kind::KerberosSso { realm: row.text("realm")? },
        "other" => Kind::Other,
        _ => return Err(damaged("kind")),
    };
    Ok(Imported {
        id: id.parse().map_err(|_| damaged("id"))?,
        name: row.text("name")?,
        kind,
        identifier: row.text("identifier")?,
        display_name: row.opt_text("display_name")?,
        payload_types: row.text("payload_types")?.lines().map(str::to_owned).collect(),
        signed: row.flag("signed")?,
        hash: row.text("hash")?,
        created_at: Timestamp(row.int("created_at")?),
        updated_at: Timestamp(row.int("updated_at")?),
        sealed: row.bytes("content_sealed")?,
    })
}

/// Writes a profile, new or replaced.
pub(super) async fn put(tx: &mut dyn Tx, profile: &Imported) -> Result<(), StoreError> {
    let (vpn_uuid, realm) = match &profile.kind {
        Kind::PerAppVpn { vpn_uuid } => (Some(vpn_uuid.as_str()), None),
        Kind::KerberosSso { realm } => (None, Some(realm.as_str())),
        Kind::Other => (None, None),
    };
    tx.run(
        "INSERT INTO profile (id, name, kind, identifier, display_name, vpn_uuid, realm, payload_types, signed,
            content_sealed, hash, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, display_name = excluded.display_name,
            vpn_uuid = excluded.vpn_uuid, realm = excluded.realm, payload_types = excluded.payload_types,
            signed = excluded.signed, content_sealed = excluded.content_sealed, hash = excluded.hash,
            updated_at = excluded.updated_at",
        &[
            (&profile.id.text()).into(),
            (&profile.name).into(),
            profile.kind.as_str().into(),
            (&profile.identifier).into(),
            profile.display_name.as_deref().into(),
            vpn_uuid.into(),
            realm.into(),
            (&profile.payload_types.join("\n")).into(),
            profile.signed.into(),
            (&profile.sealed).into(),
            (&profile.hash).into(),
            profile.created_at.millis().into(),
            profile.updated_at.millis().into(),
        ],
    )
    .await
    .map(|_| ())
}

/// False where there is none.
pub(super) async fn delete(tx: &mut dyn Tx, id: ProfileId) -> Result<bool, StoreError> {
    Ok(tx.run("DELETE FROM profile WHERE id = $1", &[(&id.text()).into()]).await? == 1)
}

/// The devices that have, or were asked to have, one of these profiles.
pub(super) async fn devices_with(tx: &mut dyn Tx, identifiers: [&str; 2]) -> Result<Vec<DeviceId>, StoreError> {
    let sql = "SELECT DISTINCT device_id FROM device_profile WHERE identifier IN ($1, $2)";
    let rows = tx.rows(sql, &identifiers.map(Into::into)).await?;
    rows.iter()
        .map(|row| {
            let id = row.text("device_id")?;
            id.parse().map_err(|_| StoreError::corrupt("device_profile", "device_id", &id))
        })
        .collect()
}
