//! `/invitations`: links that let devices enroll.

use super::Api;
use super::body::{Body, Path};
use super::problem::Problem;
use super::show::{Items, Time};
use super::users::ShownOwner;
use crate::directory::users::{self, UserError};
use crate::enrollment::invitations::{self, Created, Invitation, NewInvitation};
use crate::ids::{InvitationId, UserId};
use axum::extract::State;
use axum::routing::{delete, get};
use axum::{Json, Router};
use http::StatusCode;
use russet_protocol::SerialNumber;
use serde::{Deserialize, Serialize};
use std::time::Duration;

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/invitations", get(list).post(create)).route("/invitations/{id}", delete(revoke))
}

/// How devices come by their identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Identity {
    /// They make their key themselves.
    #[default]
    Scep,
    /// The profile brings certificate and key, for clients without SCEP.
    Pkcs12,
}

#[derive(Serialize)]
struct Shown {
    id: InvitationId,
    serial_number: Option<SerialNumber>,
    user: Option<ShownOwner>,
    uses: u32,
    uses_left: u32,
    sign_message: bool,
    identity: Identity,
    note: String,
    created_at: Time,
    expires_at: Time,
    revoked_at: Option<Time>,
}

impl From<Invitation> for Shown {
    fn from(invitation: Invitation) -> Self {
        Self {
            id: invitation.id,
            serial_number: invitation.serial,
            user: invitation.user.map(Into::into),
            uses: invitation.uses,
            uses_left: invitation.uses.saturating_sub(invitation.used),
            sign_message: invitation.sign_message,
            identity: if invitation.pkcs12 { Identity::Pkcs12 } else { Identity::Scep },
            note: invitation.note,
            created_at: Time(invitation.created_at),
            expires_at: Time(invitation.expires_at),
            revoked_at: invitation.revoked_at.map(Time),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    serial_number: Option<String>,
    /// Id or name of the user it is meant for.
    user: Option<String>,
    #[serde(default = "once")]
    uses: u32,
    #[serde(default = "a_week")]
    expires_in_hours: u32,
    #[serde(default)]
    note: Option<String>,
    /// Whether devices sign each message, so that a proxy in front of the server may end their TLS.
    #[serde(default = "yes")]
    sign_message: bool,
    #[serde(default)]
    identity: Identity,
}

fn once() -> u32 {
    1
}

fn a_week() -> u32 {
    168
}

fn yes() -> bool {
    true
}

/// The one answer that holds the link.
#[derive(Serialize)]
struct Made {
    id: InvitationId,
    link: String,
    /// The link as a picture, for a screen or for paper: an SVG document.
    qr_code_svg: Option<String>,
    expires_at: Time,
    uses: u32,
    serial_number: Option<SerialNumber>,
    note: String,
}

async fn list(State(api): State<Api>) -> Result<Json<Items<Shown>>, Problem> {
    Ok(Items::of(invitations::list(&mut *api.ctx.store.read().await?).await?))
}

async fn create(State(api): State<Api>, Body(new): Body<New>) -> Result<(StatusCode, Json<Made>), Problem> {
    let wrong = |error: russet_protocol::ids::InvalidId| Problem::refused(format!("serial_number: {error}"));
    let serial = new.serial_number.as_deref().map(SerialNumber::normalized).transpose().map_err(wrong)?;
    let note = new.note.unwrap_or_default();
    let user = match &new.user {
        Some(user) => Some(meant(&api, user).await?),
        None => None,
    };
    let asked = NewInvitation {
        serial: serial.clone(),
        user,
        uses: new.uses,
        expires_in: Duration::from_secs(3600 * u64::from(new.expires_in_hours)),
        sign_message: new.sign_message,
        pkcs12: new.identity == Identity::Pkcs12,
        note: note.clone(),
    };
    let Created { id, link, expires_at, .. } = invitations::create(&api.ctx, asked).await?;
    let qr_code_svg = invitations::qr_code_svg(&link);
    let made =
        Made { id, link, qr_code_svg, expires_at: Time(expires_at), uses: new.uses, serial_number: serial, note };
    Ok((StatusCode::CREATED, Json(made)))
}

/// The user that an admin means: another one than those there are cannot be invited.
async fn meant(api: &Api, user: &str) -> Result<UserId, Problem> {
    match users::find(&mut *api.ctx.store.read().await?, user).await {
        Err(UserError::NotFound) => Err(Problem::refused(format!("user: {}", UserError::NotFound))),
        found => Ok(found?.id),
    }
}

async fn revoke(State(api): State<Api>, Path(id): Path<InvitationId>) -> Result<StatusCode, Problem> {
    invitations::revoke(&api.ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
