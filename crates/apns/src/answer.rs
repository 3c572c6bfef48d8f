//! What APNs answered, and what follows from it.

use a2::ErrorReason;
use serde::Deserialize;
use std::time::Duration;

/// An answer of APNs.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Apple's reason, word for word; empty for 200.
    pub reason: String,
    /// The reason as `a2` knows it; newer ones (`ExpiredToken`) are known as text only.
    pub known: Option<ErrorReason>,
    /// For 410: when APNs last confirmed that the token is dead, in milliseconds since the epoch.
    pub timestamp: Option<i64>,
    /// How long APNs asks to wait, where it says so.
    pub retry_after: Option<Duration>,
}

/// What an answer means for the push, its token and its certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Accepted by APNs; that is not yet delivered.
    Accepted,
    /// The token is dead since that moment (milliseconds, where told): no push until the next TokenUpdate after it.
    TokenDead {
        /// When APNs last confirmed it.
        since: Option<i64>,
    },
    /// The token is not one of this certificate or environment: no push until the next TokenUpdate.
    TokenRefused,
    /// The push certificate is expired, revoked or not allowed: nothing can be pushed with it.
    CertificateTrouble,
    /// Too many pushes to this one token: the one APNs holds is enough, wait.
    TooMany {
        /// How long APNs asks to wait.
        after: Option<Duration>,
    },
    /// APNs has trouble of its own: try again later.
    RetryLater {
        /// How long APNs asks to wait.
        after: Option<Duration>,
    },
    /// The request was malformed: a mistake of this program; sending it again changes nothing.
    Bug,
}

#[derive(Deserialize)]
struct Body {
    reason: String,
    timestamp: Option<i64>,
}

impl Answer {
    pub(crate) fn read(status: u16, body: &[u8], retry_after: Option<&str>) -> Self {
        let parsed: Option<Body> = serde_json::from_slice(body).ok();
        let (reason, timestamp) = match parsed {
            Some(body) => (body.reason, body.timestamp),
            // A proxy's page: its beginning is all that helps.
            None => (String::from_utf8_lossy(&body[..body.len().min(200)]).trim().to_owned(), None),
        };
        let known = serde_json::from_value(serde_json::Value::String(reason.clone())).ok();
        let retry_after = retry_after.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
        Self { status, reason, known, timestamp, retry_after }
    }

    /// What follows from the answer.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let after = self.retry_after;
        match (self.status, self.reason.as_str()) {
            (200, _) => Verdict::Accepted,
            (410, _) => Verdict::TokenDead { since: self.timestamp },
            (400, "BadDeviceToken" | "DeviceTokenNotForTopic") => Verdict::TokenRefused,
            (400, "IdleTimeout") => Verdict::RetryLater { after },
            (403, _) => Verdict::CertificateTrouble,
            (429, _) => Verdict::TooMany { after },
            (500.., _) => Verdict::RetryLater { after },
            _ => Verdict::Bug,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_of_apples_table_has_its_meaning() {
        let verdict = |status, body: &str| Answer::read(status, body.as_bytes(), None).verdict();
        assert_eq!(verdict(200, ""), Verdict::Accepted);
        assert_eq!(verdict(410, r#"{"reason":"Unregistered","timestamp":17}"#), Verdict::TokenDead { since: Some(17) });
        assert_eq!(verdict(410, r#"{"reason":"ExpiredToken"}"#), Verdict::TokenDead { since: None });
        assert_eq!(verdict(400, r#"{"reason":"BadDeviceToken"}"#), Verdict::TokenRefused);
        assert_eq!(verdict(400, r#"{"reason":"BadPriority"}"#), Verdict::Bug);
        assert_eq!(verdict(400, r#"{"reason":"IdleTimeout"}"#), Verdict::RetryLater { after: None });
        assert_eq!(verdict(403, r#"{"reason":"BadCertificate"}"#), Verdict::CertificateTrouble);
        assert_eq!(verdict(413, r#"{"reason":"PayloadTooLarge"}"#), Verdict::Bug);
        assert_eq!(verdict(429, r#"{"reason":"TooManyRequests"}"#), Verdict::TooMany { after: None });
        assert_eq!(verdict(503, "<html>"), Verdict::RetryLater { after: None });
    }

    #[test]
    fn an_unknown_reason_stays_text() {
        let answer = Answer::read(410, br#"{"reason":"ExpiredToken","timestamp":5}"#, Some("12"));
        assert_eq!((answer.reason.as_str(), answer.known.is_none()), ("ExpiredToken", true));
        assert_eq!((answer.timestamp, answer.retry_after), (Some(5), Some(Duration::from_secs(12))));
        assert_eq!(Answer::read(410, br#"{"reason":"Unregistered"}"#, None).known, Some(ErrorReason::Unregistered));
    }
}
