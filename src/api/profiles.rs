//! `/profiles`: imported configuration profiles. Their content holds secrets and is never shown.

use super::Api;
use super::body::{Body, Path, file};
use super::limits::FILE_BODY;
use super::problem::Problem;
use super::show::{Items, Time};
use crate::apps;
use crate::ids::ProfileId;
use crate::profiles::{self, Imported, Kind, ProfilesError};
use axum::extract::{DefaultBodyLimit, State};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use russet_store::Tx;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/profiles", get(list).post(import))
        .route("/profiles/{id}", get(one).delete(remove))
        .layer(DefaultBodyLimit::max(FILE_BODY))
}

#[derive(Serialize)]
struct Shown {
    id: ProfileId,
    name: String,
    kind: &'static str,
    identifier: String,
    display_name: Option<String>,
    payload_types: Vec<String>,
    vpn_uuid: Option<String>,
    realm: Option<String>,
    signed: bool,
    sha256: String,
    created_at: Time,
    updated_at: Time,
}

impl From<Imported> for Shown {
    fn from(profile: Imported) -> Self {
        let kind = profile.kind.as_str();
        let (vpn_uuid, realm) = match profile.kind {
            Kind::PerAppVpn { vpn_uuid } => (Some(vpn_uuid), None),
            Kind::KerberosSso { realm } => (None, Some(realm)),
            Kind::Other => (None, None),
        };
        Self {
            id: profile.id,
            name: profile.name,
            kind,
            identifier: profile.identifier,
            display_name: profile.display_name,
            payload_types: profile.payload_types,
            vpn_uuid,
            realm,
            signed: profile.signed,
            sha256: profile.hash,
            created_at: Time(profile.created_at),
            updated_at: Time(profile.updated_at),
        }
    }
}

/// A file to import. Holds secrets: never printed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    name: String,
    content: Zeroizing<String>,
}

async fn list(State(api): State<Api>) -> Result<Json<Items<Shown>>, Problem> {
    Ok(Items::of(profiles::list(&mut *api.ctx.store.read().await?).await?))
}

/// A file with the `PayloadIdentifier` of an imported profile replaces it and keeps its id.
async fn import(State(api): State<Api>, Body(new): Body<New>) -> Result<(StatusCode, Json<Shown>), Problem> {
    let bytes = file(&new.content, "content")?;
    let id = profiles::import(&api.ctx, &new.name, &bytes).await?;
    let imported = profiles::get(&mut *api.ctx.store.read().await?, id).await?;
    Ok((StatusCode::CREATED, Json(imported.into())))
}

async fn one(State(api): State<Api>, Path(id): Path<ProfileId>) -> Result<Json<Shown>, Problem> {
    Ok(Json(profiles::get(&mut *api.ctx.store.read().await?, id).await?.into()))
}

async fn remove(State(api): State<Api>, Path(id): Path<ProfileId>) -> Result<StatusCode, Problem> {
    apps::remove_profile(&api.ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Refuses settings that name a profile which is not there or is good for something else.
pub(super) async fn fit(
    tx: &mut dyn Tx,
    vpn_profile: Option<ProfileId>,
    sso_profile: Option<ProfileId>,
) -> Result<(), Problem> {
    for (field, id, kind) in [("vpn_profile", vpn_profile, "per-app-vpn"), ("sso_profile", sso_profile, "kerberos-sso")]
    {
        let Some(id) = id else { continue };
        match profiles::get(tx, id).await {
            Ok(profile) if profile.kind.as_str() == kind => {}
            Ok(profile) => {
                let found = profile.kind.as_str();
                return Err(Problem::refused(format!(
                    "{field}: the profile must be of the kind {kind}, this one is {found}."
                )));
            }
            Err(ProfilesError::NotFound) => {
                return Err(Problem::refused(format!("{field}: there is no such profile."))
                    .next("Import it first: `russet admin profiles import FILE`."));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
