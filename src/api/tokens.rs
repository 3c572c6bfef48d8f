//! `/tokens`: API tokens.

use super::Api;
use super::body::{Body, Path};
use super::problem::Problem;
use super::show::{Items, Time};
use crate::access::{self, Made, Role, Token};
use crate::ids::TokenId;
use axum::extract::State;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::{Deserialize, Serialize};

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/tokens", get(list).post(create))
        .route("/tokens/{id}", delete(revoke))
        .route("/tokens/{id}/rotate", post(rotate))
}

#[derive(Serialize)]
struct Shown {
    id: TokenId,
    name: String,
    role: Role,
    created_at: Time,
    expires_at: Option<Time>,
    last_used_at: Option<Time>,
    revoked_at: Option<Time>,
    /// The token itself, at the moment it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl From<Token> for Shown {
    fn from(token: Token) -> Self {
        let Token { id, name, role, created_at, expires_at, last_used_at, revoked_at } = token;
        Self {
            id,
            name,
            role,
            created_at: Time(created_at),
            expires_at: expires_at.map(Time),
            last_used_at: last_used_at.map(Time),
            revoked_at: revoked_at.map(Time),
            token: None,
        }
    }
}

impl From<Made> for Shown {
    fn from(made: Made) -> Self {
        Self { token: Some(made.text.as_str().to_owned()), ..made.token.into() }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    name: String,
    #[serde(default)]
    role: Role,
    expires_in_hours: Option<u32>,
}

async fn list(State(api): State<Api>) -> Result<Json<Items<Shown>>, Problem> {
    Ok(Items::of(access::list(&mut *api.ctx.store.read().await?).await?))
}

async fn create(State(api): State<Api>, Body(new): Body<New>) -> Result<(StatusCode, Json<Shown>), Problem> {
    let ends = new.expires_in_hours.map(|hours| std::time::Duration::from_secs(3600 * u64::from(hours)));
    let made = access::create(&api.ctx, &new.name, new.role, ends).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

async fn rotate(State(api): State<Api>, Path(id): Path<TokenId>) -> Result<Json<Shown>, Problem> {
    Ok(Json(access::rotate(&api.ctx, id).await?.into()))
}

async fn revoke(State(api): State<Api>, Path(id): Path<TokenId>) -> Result<StatusCode, Problem> {
    access::revoke(&api.ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
