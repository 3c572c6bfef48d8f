//! What is fuzzed here: BER, CMS, SCEP, and certificates and messages as text, which anybody on the network can send. The bodies of the fuzz targets (`fuzz/`
//! at the root) are plain functions, so that an ordinary test runs them too.
//!
//! Compiled for tests and with the feature `fuzzing` only. A finding is a panic: an input that breaks what is asserted.

pub(crate) mod seeds;

pub use seeds::{cms_messages, scep_messages, texts};

use crate::certificate::{Facts, TrustedCa};
use crate::{ber, cms, scep, text};
use scep::{FailInfo, ScepError};
use seeds::{BODY, NOW, house, made, wrapped};

/// BER: what comes out is DER, which comes out unchanged, and is not much more than what went in.
///
/// # Panics
/// On a finding.
pub fn ber(bytes: &[u8]) {
    if let Ok(der) = ber::to_der(bytes) {
        assert!(der.len() <= bytes.len() * 4 + 16, "{} bytes became {}", bytes.len(), der.len());
        assert_eq!(ber::to_der(&der), Ok(der), "DER is changed again");
    }
}

/// CMS and certificates: whoever is accepted holds the one key that signed.
///
/// # Panics
/// On a finding.
pub fn cms(bytes: &[u8]) {
    let house = house();
    let trusted: TrustedCa = house.authority.trusted();
    if let Ok(signer) = cms::verify_detached(bytes, BODY, &trusted, NOW) {
        let known = made(Facts::of(&house.identity));
        assert_eq!(signer.facts.public_key, known.public_key, "somebody else was accepted");
        assert_eq!(signer.facts.common_name, known.common_name, "accepted under another name");
    }
    // A body that is hashed as it comes is judged like one that is kept.
    let streamed = cms::Awaited::new(bytes, trusted.clone()).and_then(|mut awaited| {
        awaited.update(BODY);
        awaited.finish()
    });
    assert_eq!(streamed.ok(), cms::verify_detached_undated(bytes, BODY, &trusted).ok(), "judged in two ways");
    let _ = cms::attached_content(bytes);
    let _ = Facts::of(bytes);
    let _ = trusted.check(bytes, NOW);
}

/// SCEP, from outside and, in its place under a signature that holds, as envelope and as certificate request. Whatever
/// comes is answered: with a certificate, with a refusal, or as no message at all; never with an error of our own.
///
/// # Panics
/// On a finding.
pub fn scep(bytes: &[u8]) {
    answered(bytes);
    if let Ok((public_key, _)) = scep::read_request(bytes) {
        made(house().authority.issue_identity(&public_key, "fuzzing", [4; 20], NOW));
    }
    let _ = scep::cipher_of(bytes);
}

/// As [`scep`], but as the content of a message whose signature holds: slower, and deeper.
///
/// # Panics
/// On a finding.
pub fn scep_inside(bytes: &[u8]) {
    for message in wrapped(bytes) {
        answered(&message);
    }
}

/// A certificate in a proxy's header, a signature in a header, a message in a query. What is read as a certificate is the
/// same in the other form, and speaks for nobody but the one device whose identity it is.
///
/// # Panics
/// On a finding.
pub fn proxy_header(bytes: &[u8]) {
    if let Ok(Some(der)) = text::passed_on_certificate(bytes) {
        assert!(!der.is_empty() && der.len() <= bytes.len(), "more came out than went in");
        for again in [seeds::structured(&der), seeds::escaped(&der)] {
            if again.len() <= text::LONGEST {
                assert_eq!(text::passed_on_certificate(again.as_bytes()), Ok(Some(der.clone())), "{again}");
            }
        }
        let house = house();
        if let Ok(facts) = house.authority.trusted().check_issued(&der) {
            assert_eq!(facts.public_key, made(Facts::of(&house.identity)).public_key, "somebody else was accepted");
        }
    }
    let Ok(words) = std::str::from_utf8(bytes) else { return };
    for read in [text::signature(words), text::query_message(words)].into_iter().flatten() {
        assert!(read.len() <= words.len(), "more came out than went in");
    }
}

fn answered(message: &[u8]) {
    let authority = &house().authority;
    match scep::parse_request(message, authority) {
        Ok(request) => {
            let certificate = made(authority.issue_identity(&request.public_key, "fuzzing", [4; 20], NOW));
            made(scep::success(&request.reply_to, &certificate, authority, [8; 16]));
            made(scep::failure(&request.reply_to, FailInfo::BadRequest, authority, [8; 16]));
        }
        Err(ScepError::Refused { reply_to, info, .. }) => {
            made(scep::failure(&reply_to, info, authority, [8; 16]));
        }
        Err(ScepError::NotScep(_)) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use russet_protocol::fuzzing::mutations;

    #[test]
    fn ber_of_any_kind_is_read_or_refused() {
        mutations(&[cms_messages(), scep_messages()].concat(), 500, ber);
    }

    #[test]
    fn signed_messages_of_any_kind_are_read_or_refused() {
        mutations(&cms_messages(), 300, cms);
    }

    #[test]
    fn headers_and_queries_of_any_kind_are_read_or_refused() {
        mutations(&texts(), 500, proxy_header);
    }

    #[test]
    fn scep_messages_of_any_kind_are_answered_or_refused() {
        mutations(&scep_messages(), 300, scep);
        mutations(&scep_messages(), 10, scep_inside);
    }
}
