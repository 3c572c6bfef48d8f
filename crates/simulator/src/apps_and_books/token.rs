//! The server token (`.vpptoken`): one line of Base64 text whose JSON has exactly `token`, `expDate`, `orgName`. The whole
//! Base64 text is the bearer value, not the inner `token` field.

use super::wire;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use russet_protocol::Timestamp;
use serde::{Deserialize, Serialize};

/// A token of a location.
#[derive(Debug, Clone)]
pub(super) struct Token {
    /// The whole Base64 text: what comes as the bearer value.
    pub(super) text: String,
    pub(super) expires_at: Timestamp,
    pub(super) revoked: bool,
    /// Downloaded by a manager who may only look.
    pub(super) read_only: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inside {
    token: String,
    exp_date: String,
    org_name: String,
}

impl Token {
    /// Makes a token.
    pub(super) fn make(organization: &str, expires_at: Timestamp, read_only: bool) -> Self {
        let secret = STANDARD.encode([*uuid::Uuid::new_v4().as_bytes(), *uuid::Uuid::new_v4().as_bytes()].concat());
        let inside = Inside { token: secret, exp_date: wire::date(expires_at), org_name: organization.to_owned() };
        // Three texts always make JSON.
        let text = STANDARD.encode(serde_json::to_vec(&inside).unwrap_or_default());
        Self { text, expires_at, revoked: false, read_only }
    }

    /// Reads the text of a token that was handed out earlier.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let bytes = STANDARD.decode(text).map_err(|_| "the token kept is not Base64 text; delete it".to_owned())?;
        let inside: Inside = serde_json::from_slice(&bytes)
            .map_err(|problem| format!("the token kept is none ({problem}); delete it"))?;
        let expires = jiff::fmt::strtime::parse("%Y-%m-%dT%H:%M:%S%z", &inside.exp_date)
            .and_then(|parsed| parsed.to_timestamp())
            .map_err(|problem| format!("the token kept has no readable date ({problem}); delete it"))?;
        let expires_at = Timestamp(expires.as_millisecond());
        Ok(Self { text: text.to_owned(), expires_at, revoked: false, read_only: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_again_as_it_was_made() {
        let made = Token::make("Example GmbH", Timestamp(1_920_407_602_000), false);
        let read = Token::read(&format!("{}\r\n", made.text)).unwrap();
        assert_eq!((read.text, read.expires_at), (made.text, made.expires_at));
        assert!(Token::read("bm90IGEgdG9rZW4=").is_err());
    }
}
