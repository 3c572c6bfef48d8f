//! Who asks, and whether they may. Deny by default: what is not listed here is for the role admin.

use super::Api;
use super::problem::Problem;
use crate::access::{self, Role, Token};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{Method, header};
use russet_store::StoreError;

/// The token of the request, an extension of every request under `/api/v1`.
#[derive(Debug, Clone)]
pub(super) struct Caller(pub(super) Token);

impl Caller {
    /// As the audit log names who asked.
    pub(super) fn actor(&self) -> String {
        format!("token {} ({})", self.0.name, self.0.id)
    }
}

/// What a viewer may not even read.
const ADMINS_ONLY: &[&str] = &["/tokens", "/audit"];

/// Lets requests with a token through whose role allows them.
pub(super) async fn check(State(api): State<Api>, mut request: Request, next: Next) -> Result<Response, Problem> {
    let text = bearer(&request).ok_or_else(Problem::no_token)?;
    let token = known(&api, text).await?.ok_or_else(Problem::no_token)?;
    if !allows(token.role, request.method(), request.uri().path()) {
        return Err(Problem::not_allowed());
    }
    admit(&api, token, &mut request);
    Ok(next.run(request).await)
}

/// The token of this text, where it counts.
pub(super) async fn known(api: &Api, text: &str) -> Result<Option<Token>, StoreError> {
    access::find(&mut *api.ctx.store.read().await?, text, api.ctx.now()).await
}

/// Lets a request in under this token.
pub(super) fn admit(api: &Api, token: Token, request: &mut Request) {
    api.uses.note(token.id, api.ctx.now());
    request.extensions_mut().insert(Caller(token));
}

fn bearer(request: &Request) -> Option<&str> {
    let mut values = request.headers().get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn allows(role: Role, method: &Method, path: &str) -> bool {
    // The path is seen here with its prefix or without, as axum nests.
    let path = path.strip_prefix("/api/v1").unwrap_or(path);
    let closed = ADMINS_ONLY
        .iter()
        .any(|prefix| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    let secret = matches!(path.split('/').collect::<Vec<_>>()[..], ["", "devices", _, "commands", _, "secret"]);
    match role {
        Role::Admin => true,
        Role::Viewer => matches!(*method, Method::GET | Method::HEAD) && !closed && !secret,
    }
}
