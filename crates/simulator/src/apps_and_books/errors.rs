//! Error numbers of the App and Book Management API, with their HTTP status and our own words for them. Source: the
//! error table of Apple's documentation, and `errorCodes` of `service/config`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

/// Number, HTTP status, words.
const TABLE: &[(u16, u16, &str)] = &[
    (9601, 401, "Login required."),
    (9602, 400, "Invalid argument."),
    (9603, 500, "Internal error."),
    (9609, 400, "Registered user not found."),
    (9616, 400, "License already assigned."),
    (9619, 400, "License not associated."),
    (9621, 401, "The content token has expired."),
    (9622, 401, "Invalid authentication token."),
    (9625, 401, "The content token has been revoked."),
    (9634, 410, "The service is no longer available."),
    (9635, 400, "The Managed Apple Account cannot be used for this organization."),
    (9637, 403, "The content token does not permit this request."),
    (9641, 400, "The Apple Account is already bound to a user."),
    (9644, 503, "Under maintenance."),
    (9646, 429, "Too many requests for this organization."),
    (9650, 400, "The page index is out of range."),
    (9700, 400, "Too many assets."),
    (9701, 400, "Too many client user IDs."),
    (9702, 400, "Too many serial numbers."),
    (9703, 400, "Duplicate assets."),
    (9704, 400, "Duplicate client user IDs."),
    (9705, 400, "Duplicate serial numbers."),
    (9706, 400, "The asset is not revocable."),
    (9707, 400, "The asset cannot be assigned to devices."),
    (9708, 400, "The event ID is unknown."),
    (9709, 400, "Not enough licenses."),
    (9710, 400, "The notification URL and the notification token are required together."),
    (9711, 400, "The notification URL or token is too long."),
    (9712, 400, "The notification URL is not valid."),
    (9713, 400, "The MDM metadata is too long."),
    (9714, 400, "Too many users."),
    (9715, 400, "Duplicate users."),
    (9716, 400, "The user exists already."),
    (9717, 400, "The e-mail address is not valid."),
    (9718, 400, "At least one asset is required."),
    (9719, 400, "At least one client user ID or serial number is required."),
    (9720, 400, "At least one user is required."),
    (9721, 400, "The version ID is not valid."),
    (9722, 401, "The authorization header is missing or not valid."),
    (9723, 400, "The MDM ID, name and metadata are required together."),
    (9724, 400, "The MDM ID is too long."),
    (9725, 400, "The MDM name is too long."),
    (9726, 405, "The method is not allowed."),
    (9727, 415, "The content type is not supported."),
    (9728, 400, "The notification URL is not reachable."),
    (9729, 503, "The service is temporarily unavailable."),
];

/// An error object of the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiError {
    /// Apple's number.
    pub error_number: u16,
    /// Words for it.
    pub error_message: String,
    /// What is concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_info: Option<ErrorInfo>,
}

/// What an error concerns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorInfo {
    /// Assets concerned.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assets: Vec<super::wire::AssetRef>,
    /// Users concerned.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub client_user_ids: Vec<String>,
    /// Devices concerned.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub serial_numbers: Vec<String>,
}

impl ApiError {
    /// The error of this number.
    #[must_use]
    pub fn new(number: u16) -> Self {
        let words = TABLE.iter().find(|row| row.0 == number).map_or("Unknown error.", |row| row.2);
        Self { error_number: number, error_message: words.to_owned(), error_info: None }
    }

    /// The same error, saying what it concerns.
    #[must_use]
    pub fn about(mut self, info: ErrorInfo) -> Self {
        self.error_info = Some(info);
        self
    }

    /// The HTTP status that goes with the number.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        let status = TABLE.iter().find(|row| row.0 == self.error_number).map_or(400, |row| row.1);
        StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST)
    }

    /// The answer; with `as_200` the error comes with HTTP status 200, as it has been seen in the field.
    pub(super) fn answer(&self, as_200: bool, retry_after: Option<&str>) -> Response {
        let status = if as_200 { StatusCode::OK } else { self.status() };
        let mut response = (status, Json(self)).into_response();
        if let Some(value) = retry_after.and_then(|text| HeaderValue::from_str(text).ok()) {
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        response
    }
}

/// `errorCodes` of `service/config`.
pub(super) fn codes() -> Vec<ApiError> {
    TABLE.iter().map(|row| ApiError::new(row.0)).collect()
}
