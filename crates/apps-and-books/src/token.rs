//! The server token (`.vpptoken`) of a location: one line of Base64 over JSON with `token`, `expDate` and `orgName`.
//!
//! The bearer value of every request is the whole text of the file, not the `token` inside it. It is kept as downloaded.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use russet_protocol::Timestamp;
use serde::Deserialize;
use std::fmt;
use zeroize::Zeroizing;

/// Longest file that is read as a token, in bytes; real ones have a few hundred.
const LONGEST: usize = 16 * 1024;

/// A server token, as downloaded from Apple.
#[derive(Clone)]
pub struct ServerToken {
    text: Zeroizing<String>,
    organization: String,
    expires_at: Timestamp,
}

/// Why a text is no server token; each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Nothing but blanks.
    #[error("the server token is empty; give the content of the .vpptoken file")]
    Empty,
    /// Far longer than any token.
    #[error("this is too long to be a server token; give the content of the .vpptoken file and nothing else")]
    TooLong,
    /// A JSON object instead of Base64.
    #[error("this is the decoded content of a server token; give the .vpptoken file as it was downloaded")]
    Decoded,
    /// Not Base64.
    #[error(
        "the server token is not Base64 text, so it is damaged or another kind of file; download the .vpptoken file again"
    )]
    NotBase64,
    /// The content is no JSON object.
    #[error(
        "the server token holds no JSON object inside; download the .vpptoken file again (a device management token, .p7m, is another thing)"
    )]
    NotJson,
    /// A key is missing or has another type.
    #[error("the server token has no usable `{0}` inside; download the .vpptoken file again")]
    Missing(&'static str),
    /// The end of its life cannot be read.
    #[error("the server token's expDate is not a date that can be read; download the .vpptoken file again")]
    BadDate,
}

#[derive(Deserialize)]
struct Content {
    token: Option<String>,
    #[serde(rename = "expDate")]
    expires: Option<String>,
    #[serde(rename = "orgName")]
    organization: Option<String>,
}

impl ServerToken {
    /// Reads the text of a `.vpptoken` file; blanks and line ends around it are dropped.
    ///
    /// An expired token is read too: whether it still serves is Apple's to say.
    ///
    /// # Errors
    /// Each wrong thing by its name.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        if text.is_empty() {
            return Err(TokenError::Empty);
        }
        if text.len() > LONGEST {
            return Err(TokenError::TooLong);
        }
        if text.starts_with('{') {
            return Err(TokenError::Decoded);
        }
        let bytes = Zeroizing::new(STANDARD.decode(text).map_err(|_| TokenError::NotBase64)?);
        let content: Content = serde_json::from_slice(&bytes).map_err(|error| {
            if error.is_data() { TokenError::Missing("token, expDate and orgName") } else { TokenError::NotJson }
        })?;
        if content.token.map(Zeroizing::new).is_none_or(|token| token.is_empty()) {
            return Err(TokenError::Missing("token"));
        }
        let expires = content.expires.ok_or(TokenError::Missing("expDate"))?;
        let organization = content.organization.ok_or(TokenError::Missing("orgName"))?;
        Ok(Self {
            text: Zeroizing::new(text.to_owned()),
            organization,
            expires_at: parse_date(&expires).ok_or(TokenError::BadDate)?,
        })
    }

    /// The bearer value: the text as downloaded. For requests and for sealing only.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.text
    }

    /// `orgName`.
    #[must_use]
    pub fn organization(&self) -> &str {
        &self.organization
    }

    /// `expDate`; a token may end earlier, when it is revoked.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

impl fmt::Debug for ServerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerToken")
            .field("organization", &self.organization)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// A date of Apple's: the offset comes without a colon (`+0000`), with one, or as `Z`.
pub(crate) fn parse_date(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let zoned = jiff::fmt::strtime::parse("%Y-%m-%dT%H:%M:%S%z", text).and_then(|time| time.to_timestamp());
    let at = zoned.or_else(|_| text.parse::<jiff::Timestamp>()).ok()?;
    Some(Timestamp(at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(json: &str) -> String {
        STANDARD.encode(json)
    }

    #[test]
    fn a_downloaded_file_is_read_and_kept_as_it_is() {
        let text = encoded(r#"{"token":"inner","expDate":"2030-11-08T22:33:22+0000","orgName":"Käse & Söhne"}"#);
        let token = ServerToken::parse(&format!("\u{feff}  {text}\r\n")).unwrap();
        assert_eq!(token.secret(), text);
        assert_eq!(token.organization(), "Käse & Söhne");
        assert_eq!(token.expires_at(), Timestamp(1_920_407_602_000));
        let shown = format!("{token:?}");
        assert!(!shown.contains(&text) && !shown.contains("inner"), "{shown}");
    }

    #[test]
    fn dates_come_with_every_kind_of_offset() {
        for text in ["2030-11-08T15:33:22-0700", "2030-11-08T22:33:22+00:00", "2030-11-08T22:33:22Z"] {
            assert_eq!(parse_date(text), Some(Timestamp(1_920_407_602_000)), "{text}");
        }
        assert_eq!(parse_date("next year"), None);
    }

    #[test]
    fn each_wrong_thing_is_named() {
        let wrong = [
            (String::from(" \n"), TokenError::Empty),
            ("A".repeat(LONGEST + 1), TokenError::TooLong),
            (r#"{"token":"x"}"#.to_owned(), TokenError::Decoded),
            ("-----BEGIN PKCS7-----".to_owned(), TokenError::NotBase64),
            (encoded("hello"), TokenError::NotJson),
            (encoded(r#"{"expDate":"2030-11-08T22:33:22+0000","orgName":"A"}"#), TokenError::Missing("token")),
            (encoded(r#"{"token":"x","orgName":"A"}"#), TokenError::Missing("expDate")),
            (encoded(r#"{"token":"x","expDate":"2030-11-08T22:33:22+0000"}"#), TokenError::Missing("orgName")),
            (encoded(r#"{"token":"x","expDate":"soon","orgName":"A"}"#), TokenError::BadDate),
            (encoded(r#"{"token":7}"#), TokenError::Missing("token, expDate and orgName")),
        ];
        for (text, error) in wrong {
            assert_eq!(ServerToken::parse(&text).unwrap_err(), error);
        }
    }
}
