//! The one place where errors become HTTP on the device listener. Devices read the status only; the text is for people with
//! `curl` and holds no secret, no SQL and no path of this machine.

use crate::enrollment::EnrollmentError;
use crate::enrollment::identity::Refused;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use russet_protocol::plist::{Dictionary, Value};
use russet_protocol::xml;

/// An error on its way out.
#[derive(Debug)]
pub(crate) struct Failure(EnrollmentError);

impl From<EnrollmentError> for Failure {
    fn from(error: EnrollmentError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        if matches!(self.0, EnrollmentError::Refused(Refused::Over)) {
            return unrecognized_device();
        }
        let status = status_of(&self.0);
        if status.is_server_error() {
            tracing::error!(error = ?self.0, "a request of a device failed");
            return plain(status, "the server cannot answer now; try again later");
        }
        tracing::info!(error = %self.0, %status, "a request of a device was refused");
        plain(status, &self.0.to_string())
    }
}

/// The status of an error. Never 401. Everything that may pass is 503, which devices try again.
pub(crate) fn status_of(error: &EnrollmentError) -> StatusCode {
    match error {
        EnrollmentError::Refused(_)
        | EnrollmentError::Unreadable(_)
        | EnrollmentError::Invalid(_)
        | EnrollmentError::Written(_) => StatusCode::BAD_REQUEST,
        // The last two are said to admins only.
        EnrollmentError::InvitationNotValid
        | EnrollmentError::NotEnrolled
        | EnrollmentError::NoSuchUser
        | EnrollmentError::Leaving => StatusCode::NOT_FOUND,
        EnrollmentError::NoPushCertificate
        | EnrollmentError::Store(_)
        | EnrollmentError::Command(_)
        | EnrollmentError::Crypto(_)
        | EnrollmentError::Authority(_)
        | EnrollmentError::Interrupted => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// 403 with the code that makes a device drop its enrollment. Source: Apple schema, `unrecognized.device.yaml`.
pub(crate) fn unrecognized_device() -> Response {
    let mut keys = Dictionary::new();
    keys.insert("code".to_owned(), Value::String("com.apple.unrecognized.device".to_owned()));
    keys.insert("description".to_owned(), Value::String("this enrollment is over".to_owned()));
    let message = "This device is no longer managed here. Ask for a new invitation to enroll it again.";
    keys.insert("message".to_owned(), Value::String(message.to_owned()));
    let mut response = property_list(xml::encode_dictionary(keys));
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
}

/// 200 with a property list.
pub(crate) fn property_list(body: Vec<u8>) -> Response {
    with_type(russet_protocol::media::XML, body)
}

/// 200 with a body of this media type.
pub(crate) fn with_type(media_type: &'static str, body: impl Into<axum::body::Body>) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// A line of text.
pub(crate) fn plain(status: StatusCode, text: &str) -> Response {
    (status, format!("{text}\n")).into_response()
}
