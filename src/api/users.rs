//! `/users`: the people whose devices are managed. A user is named by id or name.

use super::Api;
use super::body::{Body, Path, Query};
use super::problem::Problem;
use super::show::{Items, Time};
use crate::directory::users::{self, NewUser, Owner, User, UserError};
use crate::enrollment::invitations;
use crate::ids::UserId;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use serde::{Deserialize, Serialize};

/// Users of one page, unless less is asked for.
const PAGE: u32 = 1000;

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/users", get(list).post(add)).route("/users/{user}", get(one).delete(remove))
}

#[derive(Serialize)]
struct Shown {
    id: UserId,
    name: String,
    full_name: Option<String>,
    email: Option<String>,
    /// How many devices it owns.
    devices: u32,
    created_at: Time,
}

impl From<User> for Shown {
    fn from(user: User) -> Self {
        let User { id, name, full_name, email, created_at, devices } = user;
        Self { id, name, full_name, email, devices, created_at: Time(created_at) }
    }
}

/// The owner of a device, or whom an invitation is for.
#[derive(Serialize)]
pub(super) struct ShownOwner {
    id: UserId,
    name: String,
    full_name: Option<String>,
}

impl From<Owner> for ShownOwner {
    fn from(owner: Owner) -> Self {
        Self { id: owner.id, name: owner.name, full_name: owner.full_name }
    }
}

impl From<UserError> for Problem {
    fn from(error: UserError) -> Self {
        let text = error.to_string();
        match error {
            UserError::Store(error) => error.into(),
            UserError::NotFound => Self::not_found(text),
            UserError::NameTaken => Self::conflict(text),
            UserError::BadName | UserError::BadEmail => Self::refused(text),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    after: Option<UserId>,
    limit: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    name: String,
    full_name: Option<String>,
    email: Option<String>,
}

async fn list(State(api): State<Api>, Query(page): Query<Page>) -> Result<Json<Items<Shown>>, Problem> {
    let limit = page.limit.unwrap_or(PAGE).clamp(1, PAGE);
    Ok(Items::of(users::list(&mut *api.ctx.store.read().await?, page.after, limit).await?))
}

async fn one(State(api): State<Api>, Path(user): Path<String>) -> Result<Json<Shown>, Problem> {
    Ok(Json(users::find(&mut *api.ctx.store.read().await?, &user).await?.into()))
}

async fn add(State(api): State<Api>, Body(new): Body<New>) -> Result<(StatusCode, Json<Shown>), Problem> {
    let New { name, full_name, email } = new;
    let mut tx = api.ctx.store.begin("add a user").await?;
    let id = UserId(api.ctx.uuid());
    let user = users::add(&mut *tx, NewUser { name, full_name, email }, id, api.ctx.now()).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(user.into())))
}

/// Its devices stay, with no owner; invitations that were made for it are revoked.
async fn remove(State(api): State<Api>, Path(user): Path<String>) -> Result<StatusCode, Problem> {
    let mut tx = api.ctx.store.begin("remove a user").await?;
    let user = users::find(&mut *tx, &user).await?;
    invitations::revoke_of(&mut *tx, user.id, api.ctx.now()).await?;
    users::delete(&mut *tx, user.id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
