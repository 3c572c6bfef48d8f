//! The one place where what went wrong becomes an HTTP answer: `application/problem+json` (RFC 9457) with a stable type.
//!
//! Must never show SQL, paths of the server, or a secret: the causes inside the server go to its log.

use crate::access::AccessError;
use crate::apps::AppsError;
use crate::commands::CommandError;
use crate::enrollment::EnrollmentError;
use crate::enrollment::addresses::Astray;
use crate::licenses::LicenseError;
use crate::profiles::ProfilesError;
use crate::push::certificates::ImportError;
use crate::push::escrow::EscrowError;
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use russet_store::StoreError;
use serde::Serialize;
use std::borrow::Cow;

/// What went wrong, for the program that asked and the person behind it.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    /// Stable, for programs: `urn:russet:not-found`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The type in words.
    title: &'static str,
    #[serde(serialize_with = "number")]
    status: StatusCode,
    /// What was wrong with this request.
    detail: Cow<'static, str>,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_step: Option<&'static str>,
}

/// The type of the problem that an answer carries, for the audit log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind(pub(super) &'static str);

/// The problem that an answer carries in one text, for doors whose answers have another form.
#[derive(Debug, Clone)]
pub(super) struct Words(pub(super) String);

impl Problem {
    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, title, status, detail: detail.into(), next_step: None }
    }

    /// 400: the request cannot be understood.
    pub(super) fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "urn:russet:malformed", "The request cannot be understood", detail)
    }

    /// 401: no token, or none that counts; which of them is not said.
    pub(super) fn no_token() -> Self {
        let detail = "The request carries no API token that counts.";
        Self::new(StatusCode::UNAUTHORIZED, "urn:russet:no-token", "An API token is needed", detail)
            .next("Send `Authorization: Bearer TOKEN`. `russet serve --new-token` makes a token when all are lost.")
    }

    /// 401: as [`Self::no_token`], where the token travels as a password.
    pub(super) fn no_password() -> Self {
        Self::no_token().next("Send Basic credentials: the user `nanomdm`, and an API token as its password.")
    }

    /// 403: a page in a browser asks, with credentials that the browser remembers.
    pub(super) fn from_a_page() -> Self {
        let detail = "This address is for programs: what a page in a browser asks for is not done.";
        Self::new(StatusCode::FORBIDDEN, "urn:russet:not-allowed", "Not allowed", detail)
    }

    /// 403: the token's role does not allow it.
    pub(super) fn not_allowed() -> Self {
        let detail = "The role of this API token does not allow this request.";
        Self::new(StatusCode::FORBIDDEN, "urn:russet:not-allowed", "Not allowed", detail)
            .next("Use a token of the role admin.")
    }

    /// 404.
    pub(super) fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "urn:russet:not-found", "Not found", detail)
    }

    /// 405.
    pub(super) fn wrong_method() -> Self {
        let detail = "This address does not know that method.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "urn:russet:wrong-method", "Wrong method", detail)
    }

    /// 409: it contradicts what is there.
    pub(super) fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, "urn:russet:conflict", "It contradicts what is there", detail)
    }

    /// 412: it was changed since it was read.
    pub(super) fn changed_meanwhile() -> Self {
        let detail = "It was changed since you read it.";
        Self::new(StatusCode::PRECONDITION_FAILED, "urn:russet:changed-meanwhile", "Changed meanwhile", detail)
            .next("Read it again, apply your change to what you get, and send it with the new ETag.")
    }

    /// 413.
    pub(super) fn too_large(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "urn:russet:too-large", "Too large", detail)
    }

    /// 422: understood, but it cannot be.
    pub(super) fn refused(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "urn:russet:refused", "It cannot be accepted", detail)
    }

    /// 500: a fault of the server. The cause goes to the log.
    pub(super) fn inside(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed inside the server");
        let detail = "The server failed. Its log says why, under this answer's x-request-id.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "urn:russet:inside", "A fault of the server", detail)
    }

    /// 502: Apple does not answer.
    pub(super) fn no_answer(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "urn:russet:no-answer", "Apple did not answer", detail)
    }

    /// 503: the database does not answer.
    pub(super) fn unavailable(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "the database did not carry out a request");
        let detail = "The database did not carry out the work.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "urn:russet:unavailable", "Not at the moment", detail)
            .next("Try again. If it stays, the server's log says why.")
    }

    /// Everything for people in one text.
    pub(super) fn words(&self) -> String {
        match self.next_step {
            Some(step) => format!("{} {step}", self.detail),
            None => self.detail.to_string(),
        }
    }

    /// Whether it contradicts what is there.
    pub(super) fn is_conflict(&self) -> bool {
        self.status == StatusCode::CONFLICT
    }

    /// Adds what to do next.
    pub(super) fn next(mut self, step: &'static str) -> Self {
        self.next_step = Some(step);
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, kind, words) = (self.status, self.kind, Words(self.words()));
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"russet\""));
        }
        response.extensions_mut().insert(Kind(kind));
        response.extensions_mut().insert(words);
        response
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::NotFound => Self::not_found("There is no such thing."),
            StoreError::Conflict { .. } => {
                tracing::info!(%error, "a change was refused by the database");
                Self::conflict("The change contradicts what is stored, perhaps because it exists already.")
            }
            StoreError::Unavailable(cause) => Self::unavailable(cause),
            _ => Self::inside(&error),
        }
    }
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Store(error) => error.into(),
            AccessError::NotFound => Self::not_found(error.to_string()),
            AccessError::BadName => Self::refused(error.to_string()),
        }
    }
}

impl From<LicenseError> for Problem {
    fn from(error: LicenseError) -> Self {
        let text = error.to_string();
        match error {
            LicenseError::Store(error) => error.into(),
            LicenseError::NotFound => Self::not_found(text),
            LicenseError::Changed => Self::changed_meanwhile(),
            LicenseError::NameTaken(_) | LicenseError::TokenTaken(_) => Self::conflict(text),
            LicenseError::Token(_) | LicenseError::BadName | LicenseError::BadDefaults(_) => Self::refused(text),
        }
    }
}

impl From<AppsError> for Problem {
    fn from(error: AppsError) -> Self {
        let text = error.to_string();
        match error {
            AppsError::Store(error) => error.into(),
            AppsError::NoSuchApp | AppsError::NoSuchDevice | AppsError::NoSuchProfile | AppsError::NotPlanned => {
                Self::not_found(text)
            }
            AppsError::Changed => Self::changed_meanwhile(),
            AppsError::AlreadyThere | AppsError::AccountInUse { .. } | AppsError::ProfileInUse { .. } => {
                Self::conflict(text)
            }
            AppsError::NoSuchAccount | AppsError::NotOwned { .. } | AppsError::Book | AppsError::BadSetting { .. } => {
                Self::refused(text)
            }
            AppsError::Plan(_) => Self::inside(&text),
        }
    }
}

impl From<ImportError> for Problem {
    fn from(error: ImportError) -> Self {
        let text = error.to_string();
        match error {
            ImportError::Store(error) => error.into(),
            ImportError::Fault(_) => Self::refused(text),
            ImportError::OtherTopic { .. } => {
                Self::conflict(text).next("To go on all the same, send `confirm_new_topic: true`.")
            }
        }
    }
}

impl From<ProfilesError> for Problem {
    fn from(error: ProfilesError) -> Self {
        let text = error.to_string();
        match error {
            ProfilesError::Store(error) => error.into(),
            ProfilesError::NotFound => Self::not_found(text),
            ProfilesError::OtherKind { .. } | ProfilesError::VpnUuidTaken { .. } => Self::conflict(text),
            ProfilesError::Refused(_) | ProfilesError::BadName => Self::refused(text),
        }
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Store(error) => error.into(),
            CommandError::AlreadyOpen(_) | CommandError::UuidTaken(_) => Self::conflict(error.to_string()),
            CommandError::Forbidden(_) => Self::refused(error.to_string()),
        }
    }
}

impl From<Astray> for Problem {
    fn from(astray: Astray) -> Self {
        match astray {
            Astray::Unknown => Self::not_found(astray.to_string()),
            Astray::Ambiguous => Self::refused(astray.to_string()),
        }
    }
}

impl From<EscrowError> for Problem {
    fn from(error: EscrowError) -> Self {
        let text = error.to_string();
        match error {
            EscrowError::Store(error) => error.into(),
            EscrowError::OtherTopic => Self::not_found(text),
            EscrowError::NoAnswer(_) => Self::no_answer(text),
            EscrowError::Unusable(_) => Self::refused(text),
        }
    }
}

impl From<EnrollmentError> for Problem {
    fn from(error: EnrollmentError) -> Self {
        let text = error.to_string();
        match error {
            EnrollmentError::Store(error) => error.into(),
            EnrollmentError::Command(error) => error.into(),
            EnrollmentError::Invalid(_) | EnrollmentError::Written(_) => Self::refused(text),
            EnrollmentError::NoSuchUser => Self::not_found(text),
            EnrollmentError::NotEnrolled | EnrollmentError::Leaving | EnrollmentError::NoPushCertificate => {
                Self::conflict(text)
            }
            EnrollmentError::InvitationNotValid => Self::not_found(text),
            _ => Self::inside(&text),
        }
    }
}
