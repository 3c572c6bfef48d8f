//! What can go wrong between us and Apple, and what it means for a request that changes something.
//!
//! Apple's numbers are authoritative wherever they come, with status 200 too; bodies without a number (a proxy's page, a cut
//! connection) leave open what happened.

use crate::wire::AssetKey;
use serde::Deserialize;
use std::fmt;
use std::time::Duration;

/// Apple's error object: `errorNumber`, `errorMessage`, `errorInfo`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppleError {
    /// The number. A message maps to one number; a number can have several messages.
    #[serde(rename = "errorNumber")]
    pub number: i64,
    /// Apple's words.
    #[serde(rename = "errorMessage", default)]
    pub message: String,
    /// What it concerns; empty where Apple does not say.
    #[serde(rename = "errorInfo", default, deserialize_with = "crate::wire::null_is_default")]
    pub info: ErrorInfo,
}

impl fmt::Display for AppleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (error {})", self.message.trim_end_matches('.'), self.number)
    }
}

/// What an error concerns.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ErrorInfo {
    /// Assets.
    #[serde(deserialize_with = "crate::wire::readable")]
    pub assets: Vec<AssetKey>,
    /// People.
    #[serde(deserialize_with = "crate::wire::readable")]
    pub client_user_ids: Vec<String>,
    /// Devices.
    #[serde(deserialize_with = "crate::wire::readable")]
    pub serial_numbers: Vec<String>,
}

/// What to do after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// Nothing was done; the same request may be sent again, later.
    Again,
    /// It may or may not have been done: read the state before anything is sent again. A mere reading may be repeated.
    ReadFirst,
    /// Nothing was done, and the same request will not succeed.
    Stop,
}

/// A request that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No connection: nothing was sent.
    #[error("Apple's license service cannot be reached: {0}")]
    Unreachable(String),
    /// The connection ended, or nothing came in time: it may have been carried out.
    #[error("no answer came from Apple's license service: {0}")]
    NoAnswer(String),
    /// Apple's own error.
    #[error("Apple's license service refused: {error}")]
    Apple {
        /// What Apple says.
        error: AppleError,
        /// How long Apple asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// An HTTP status without Apple's error object, from a proxy on the way for example.
    #[error("Apple's license service, or a proxy before it, answered status {status}: {excerpt}")]
    Status {
        /// The HTTP status.
        status: u16,
        /// The beginning of the body.
        excerpt: String,
        /// How long to leave it alone.
        retry_after: Option<Duration>,
    },
    /// A success whose body cannot be read.
    #[error("the answer of Apple's license service cannot be read: {0}")]
    Unreadable(String),
}

impl Failure {
    /// What to do after it.
    #[must_use]
    pub fn advice(&self) -> Advice {
        match self {
            Self::Unreachable(_) => Advice::Again,
            // A synchronous error of Apple's means that nothing was started.
            Self::Apple { error, .. } => match error.number {
                // Internal error, maintenance, too many requests, transfer under way, temporarily unavailable.
                9603 | 9643 | 9644 | 9646 | 9729 => Advice::Again,
                _ => Advice::Stop,
            },
            Self::Status { status: 429, .. } => Advice::Again,
            Self::Status { status: 300..=499, .. } => Advice::Stop,
            Self::NoAnswer(_) | Self::Status { .. } | Self::Unreadable(_) => Advice::ReadFirst,
        }
    }

    /// Apple's error number.
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        match self {
            Self::Apple { error, .. } => Some(error.number),
            _ => None,
        }
    }

    /// How long to leave the whole account alone, where the answer says so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Apple { retry_after, .. } | Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apple(number: i64) -> Failure {
        Failure::Apple {
            error: AppleError { number, message: "x".into(), info: ErrorInfo::default() },
            retry_after: None,
        }
    }

    #[test]
    fn only_what_surely_was_not_done_may_simply_be_repeated() {
        let status = |status| Failure::Status { status, excerpt: String::new(), retry_after: None };
        assert_eq!(Failure::Unreachable(String::new()).advice(), Advice::Again);
        assert_eq!(Failure::NoAnswer(String::new()).advice(), Advice::ReadFirst);
        assert_eq!(Failure::Unreadable(String::new()).advice(), Advice::ReadFirst);
        assert_eq!([502, 503, 504].map(|number| status(number).advice()), [Advice::ReadFirst; 3]);
        assert_eq!([302, 403, 404].map(|number| status(number).advice()), [Advice::Stop; 3]);
        assert_eq!([9603, 9646, 9729].map(|number| apple(number).advice()), [Advice::Again; 3]);
        assert_eq!([9625, 9709, 9999].map(|number| apple(number).advice()), [Advice::Stop; 3]);
    }
}
