//! Certificates and messages that travel as text: in the header of a proxy, in the `Mdm-Signature` header, in the query of a
//! SCEP request by GET.
//!
//! Anybody can write these texts. Must never give bytes for a text that is not wholly of one of the known forms, and never
//! read more than [`LONGEST`] letters.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Longest text that is read, in bytes. Signatures and requests have about 4 kB, certificates 2 kB.
pub const LONGEST: usize = 96 * 1024;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Standard base64, with padding or without it. Source: RFC 8941, section 4.2.7, asks for that of the header's readers, and
/// SCEP clients leave it out.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The text is of no form that is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither base64 nor an escaped certificate")]
pub struct Unreadable;

/// The certificate (DER, not looked into) in the header of a proxy: RFC 9440's `:base64:`, or nginx's
/// `$ssl_client_escaped_cert`, PEM with percent escapes. `None` where the client showed no certificate: nginx then sends an
/// empty header.
///
/// # Errors
/// Where the value has neither form.
pub fn passed_on_certificate(value: &[u8]) -> Result<Option<Vec<u8>>, Unreadable> {
    if value.len() > LONGEST {
        return Err(Unreadable);
    }
    let text = std::str::from_utf8(value).map_err(|_| Unreadable)?.trim_ascii();
    if text.is_empty() {
        return Ok(None);
    }
    let der = match text.strip_prefix(':').and_then(|rest| rest.strip_suffix(':')) {
        Some(bytes) => LENIENT.decode(bytes).map_err(|_| Unreadable)?,
        None => pem(text)?,
    };
    if der.is_empty() { Err(Unreadable) } else { Ok(Some(der)) }
}

fn pem(escaped: &str) -> Result<Vec<u8>, Unreadable> {
    let pem = String::from_utf8(unescaped(escaped.as_bytes()).ok_or(Unreadable)?).map_err(|_| Unreadable)?;
    let body = pem.trim_ascii().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END)).ok_or(Unreadable)?;
    let letters: Vec<u8> = body.bytes().filter(|letter| !letter.is_ascii_whitespace()).collect();
    LENIENT.decode(letters).map_err(|_| Unreadable)
}

/// The CMS message of an `Mdm-Signature` header.
///
/// # Errors
/// Where it is not base64.
pub fn signature(header: &str) -> Result<Vec<u8>, Unreadable> {
    if header.len() > LONGEST {
        return Err(Unreadable);
    }
    LENIENT.decode(header.trim_ascii()).map_err(|_| Unreadable)
}

/// The message of a SCEP request by GET: base64 of either alphabet, with line ends or without. A '+' that was not escaped
/// arrives as a space [scep#178, scep#232].
///
/// # Errors
/// Where there is no `message` in the query, or it is not base64.
pub fn query_message(query: &str) -> Result<Vec<u8>, Unreadable> {
    let mut text = query_value(query, "message").ok_or(Unreadable)?;
    text.retain(|byte| !matches!(byte, b'\r' | b'\n'));
    for byte in &mut text {
        *byte = match *byte {
            b' ' | b'-' => b'+',
            b'_' => b'/',
            other => other,
        };
    }
    LENIENT.decode(text).map_err(|_| Unreadable)
}

/// The first value of a key in a query, without its percent escapes; '+' stays. `None` where the key is not there, its value
/// is longer than [`LONGEST`] or holds something that is no escape.
#[must_use]
pub fn query_value(query: &str, key: &str) -> Option<Vec<u8>> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))?;
    if value.len() > LONGEST { None } else { unescaped(value.as_bytes()) }
}

fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        if first == b'%' {
            let (digits, after) = after.split_first_chunk::<2>()?;
            bytes.push((digit(digits[0])? << 4) | digit(digits[1])?);
            rest = after;
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    Some(bytes)
}

fn digit(letter: u8) -> Option<u8> {
    char::from(letter).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_read_in_either_form_and_no_other() {
        let nginx = "-----BEGIN%20CERTIFICATE-----%0AMPvv%0A/w==%0A-----END%20CERTIFICATE-----%0A";
        for value in [
            ":MPvv/w==:",
            " :MPvv/w: ",
            nginx,
            "-----BEGIN%20CERTIFICATE-----%0AMPvv%2Fw%3D%3D%0A-----END%20CERTIFICATE-----",
        ] {
            assert_eq!(passed_on_certificate(value.as_bytes()), Ok(Some(vec![0x30, 0xfb, 0xef, 0xff])), "{value}");
        }
        assert_eq!(passed_on_certificate(b" "), Ok(None), "a client without a certificate");
        let long = format!(":{}:", "A".repeat(LONGEST));
        let twice = format!("{nginx}{nginx}");
        for value in [
            "MPvv/w==",
            ":MPvv/w==",
            ":MPvv/w==:;a=1",
            ":MP_v-w==:",
            "::",
            ":***:",
            "-----BEGIN%2",
            "-----BEGIN%+0CERTIFICATE-----",
            "-----BEGIN%20CERTIFICATE-----",
            "-----BEGIN%20CERTIFICATE----------END%20CERTIFICATE-----",
            "(null)",
            &twice,
            &long,
        ] {
            assert_eq!(passed_on_certificate(value.as_bytes()), Err(Unreadable), "{value}");
        }
        assert_eq!(passed_on_certificate(b"\xff\xfe"), Err(Unreadable));
    }

    #[test]
    fn a_signature_has_padding_or_none() {
        for header in ["MPvv/w==", "MPvv/w", " MPvv/w==\t"] {
            assert_eq!(signature(header), Ok(vec![0x30, 0xfb, 0xef, 0xff]), "{header}");
        }
        for header in ["?", "MPvv_w==", "MPvv\n/w==", &"A".repeat(LONGEST + 1)] {
            assert_eq!(signature(header), Err(Unreadable), "{header}");
        }
    }

    #[test]
    fn a_message_in_a_query_comes_in_many_spellings() {
        for spelling in ["%2B%2B%2F%2FAQ%3D%3D", "++//AQ==", "  //AQ", "--__AQ", "++//%0AAQ%3d%3d", "++//AQ==&x=y"] {
            let query = format!("operation=PKIOperation&message={spelling}");
            assert_eq!(query_message(&query), Ok(vec![0xfb, 0xef, 0xff, 0x01]), "{spelling}");
        }
        for query in ["operation=PKIOperation&message=%%%", "operation=PKIOperation", "message=%+1AA", "message=%1"] {
            assert_eq!(query_message(query), Err(Unreadable), "{query}");
        }
        assert_eq!(query_value("operation=GetCA%43aps", "operation").as_deref(), Some(&b"GetCACaps"[..]));
    }
}
