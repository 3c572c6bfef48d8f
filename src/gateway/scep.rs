//! SCEP as Apple devices use it: `GetCACaps`, `GetCACert`, `PKIOperation` by POST and by GET. Source: RFC 8894;
//! `apple/protocol.md`, section 6.1.

use super::Gate;
use super::answer::{Failure, plain, with_type};
use crate::enrollment::issuance;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, RawQuery, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::get;
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use russet_pki::scep::{CAPABILITIES, MAX_MESSAGE};

/// Standard base64, with padding or without it.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The routes.
pub(super) fn routes() -> Router<Gate> {
    Router::new().route("/scep", get(operation).post(operation)).layer(DefaultBodyLimit::max(MAX_MESSAGE))
}

async fn operation(
    State(gate): State<Gate>,
    method: Method,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Result<Response, Failure> {
    let query = query.unwrap_or_default();
    match value(&query, "operation").as_deref() {
        Some(b"GetCACaps") => Ok(with_type("text/plain", CAPABILITIES)),
        Some(b"GetCACert") => {
            let authority = gate.authority.get().await?;
            // One certificate, and that type: there is no separate registration authority.
            Ok(with_type("application/x-x509-ca-cert", authority.certificate_der().to_vec()))
        }
        Some(b"PKIOperation") => {
            let message = if method == Method::POST { Some(body.to_vec()) } else { message(&query) };
            let Some(message) = message else {
                return Ok(plain(StatusCode::BAD_REQUEST, "the message of this PKIOperation is not base64"));
            };
            let authority = gate.authority.get().await?;
            let answer = issuance::answer(&gate.ctx, &authority, message).await?;
            Ok(with_type("application/x-pki-message", answer))
        }
        _ => Ok(plain(StatusCode::BAD_REQUEST, "the operation is one of GetCACaps, GetCACert, PKIOperation")),
    }
}

/// The message of a GET: base64 of either alphabet. A '+' that was not escaped arrives as a space [scep#178, scep#232].
fn message(query: &str) -> Option<Vec<u8>> {
    let mut text = value(query, "message")?;
    text.retain(|byte| !matches!(byte, b'\r' | b'\n'));
    for byte in &mut text {
        *byte = match *byte {
            b' ' | b'-' => b'+',
            b'_' => b'/',
            other => other,
        };
    }
    LENIENT.decode(text).ok()
}

/// The first value of a key in a query, without its percent escapes; '+' stays.
fn value(query: &str, key: &str) -> Option<Vec<u8>> {
    let pair = query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))?;
    let mut bytes = Vec::with_capacity(pair.len());
    let mut rest = pair.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = if first == b'%' { after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok()) } else { None };
        if let Some(byte) = escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_in_many_spellings() {
        let expected = Some(vec![0xfb, 0xef, 0xff, 0x01]);
        for spelling in ["%2B%2B%2F%2FAQ%3D%3D", "++//AQ==", "  //AQ", "--__AQ", "++//%0AAQ%3d%3d"] {
            assert_eq!(message(&format!("operation=PKIOperation&message={spelling}")), expected, "{spelling}");
        }
        assert_eq!(message("operation=PKIOperation&message=%%%"), None);
        assert_eq!(message("operation=PKIOperation"), None);
    }
}
