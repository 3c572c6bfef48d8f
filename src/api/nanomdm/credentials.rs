//! Who asks at the raw door, and whether they may: Basic credentials with an API token as the password.

use super::super::problem::Problem;
use super::super::{Api, audit, auth};
use crate::access::Role;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Method, header};
use zeroize::Zeroizing;

/// The only user there is: the token alone says who asks.
const USER: &str = "nanomdm";

/// Lets requests in whose token may ask for them.
pub(super) async fn check(State(api): State<Api>, mut request: Request, next: Next) -> Result<Response, Problem> {
    // A browser sends along the credentials it remembers, whoever wrote the page; programs send none of these headers.
    if request.headers().contains_key(header::ORIGIN) || request.headers().contains_key("sec-fetch-site") {
        return Err(Problem::from_a_page());
    }
    let password = password(request.headers()).ok_or_else(Problem::no_password)?;
    let token = auth::known(&api, &password).await?.ok_or_else(Problem::no_password)?;
    if token.role != Role::Admin && changes(&request) {
        return Err(Problem::not_allowed());
    }
    auth::admit(&api, token, &mut request);
    Ok(next.run(request).await)
}

/// Each change has its entry in the audit log.
pub(super) async fn record(State(api): State<Api>, request: Request, next: Next) -> Result<Response, Problem> {
    if changes(&request) { audit::change(api, request, next).await } else { Ok(next.run(request).await) }
}

/// What is not known to be reading is a change. A push is one whatever its method, and a query is none.
fn changes(request: &Request) -> bool {
    let path = request.uri().path();
    let path = path.strip_prefix("/v1").unwrap_or(path);
    match *request.method() {
        Method::GET | Method::HEAD => path.starts_with("/push/"),
        Method::POST => path != "/enrollments/query",
        _ => true,
    }
}

fn password(headers: &HeaderMap) -> Option<Zeroizing<String>> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, credentials) = value.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = Zeroizing::new(STANDARD.decode(credentials.trim()).ok()?);
    let (user, password) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
    (user == USER).then(|| Zeroizing::new(password.to_owned()))
}
