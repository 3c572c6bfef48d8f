//! What lies behind an invitation's link. `GET /enroll/{code}` is a page for the person before the device; its button leads to
//! `GET /enroll/{code}/profile`, the signed enrollment profile. Opening the page changes nothing, so previews of the link in
//! messages do no harm; each download of the profile is a new offer, so it may be fetched twice.

use super::Gate;
use super::answer::{Failure, status_of};
use super::enroll_page::{self, Trouble};
use crate::directory::users::Owner;
use crate::enrollment::{EnrollmentError, invitations, profile};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use russet_protocol::{SerialNumber, media};

/// The routes.
pub(super) fn routes() -> Router<Gate> {
    Router::new().route("/enroll/{code}", get(page)).route("/enroll/{code}/profile", get(download))
}

/// Neither page nor profile is to be kept anywhere, nor may the page load or run anything.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
        ),
    ),
];

async fn page(State(gate): State<Gate>, Path(code): Path<String>) -> Response {
    let organization = &gate.ctx.config.organization;
    match profile::invitation(&gate.ctx, &code).await {
        Ok(invitation) => {
            let serial = invitation.serial.as_ref().map(SerialNumber::as_str);
            let picture = invitations::qr_code_svg(&invitations::link(&gate.ctx, &code));
            let user = invitation.user.as_ref().map(Owner::label);
            show(StatusCode::OK, enroll_page::invitation(organization, &code, user, serial, picture.as_deref()))
        }
        Err(error) => trouble(organization, error),
    }
}

async fn download(State(gate): State<Gate>, Path(code): Path<String>) -> Response {
    let organization = &gate.ctx.config.organization;
    match make(&gate, &code).await {
        Ok(profile) => {
            let name = [(header::CONTENT_DISPOSITION, "attachment; filename=\"enrollment.mobileconfig\"")];
            (HEADERS, [(header::CONTENT_TYPE, media::PROFILE)], name, profile).into_response()
        }
        Err(error) => trouble(organization, error),
    }
}

async fn make(gate: &Gate, code: &str) -> Result<Vec<u8>, EnrollmentError> {
    let authority = gate.authority.get().await?;
    profile::for_invitation(&gate.ctx, &authority, code).await
}

fn show(status: StatusCode, html: String) -> Response {
    (status, HEADERS, Html(html)).into_response()
}

/// What went wrong, for people.
fn trouble(organization: &str, error: EnrollmentError) -> Response {
    let what = match error {
        EnrollmentError::InvitationNotValid => Trouble::NotValid,
        EnrollmentError::NoPushCertificate => Trouble::NotReady,
        other => return Failure::from(other).into_response(),
    };
    tracing::info!(%error, "an enrollment link was opened in vain");
    show(status_of(&error), enroll_page::trouble(organization, what))
}
