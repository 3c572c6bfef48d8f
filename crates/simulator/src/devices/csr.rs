//! A PKCS#10 request with challengePassword, written by hand because the openssl crate cannot add attributes to one, and
//! the short-lived certificate that signs the SCEP message around it.

use super::cms::{Digest, Identity};
use super::der::{BITS, CONTEXT_0, INTEGER, NULL, OCTETS, SEQUENCE, SET, oid, ordered, text, tlv, wrap};
use super::fault::{Doing, Fault};
use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::sign::Signer;
use openssl::x509::{X509, X509Builder, X509Name};

const CHALLENGE_PASSWORD: &str = "1.2.840.113549.1.9.7";
const EXTENSION_REQUEST: &str = "1.2.840.113549.1.9.14";
const KEY_USAGE: &str = "2.5.29.15";
const SHA256_WITH_RSA: &str = "1.2.840.113549.1.1.11";
const SHA1_WITH_RSA: &str = "1.2.840.113549.1.1.5";

/// Relative distinguished names, each of attribute types with values.
pub(super) type Subject = Vec<Vec<(String, String)>>;

/// Makes an RSA key. Costs tens of milliseconds of processor: call it where blocking is allowed.
pub(super) fn make_key(bits: u32) -> Result<PKey<Private>, Fault> {
    Rsa::generate(bits).and_then(PKey::from_rsa).doing("making the device's key")
}

/// The DER of a subject.
pub(super) fn name(subject: &Subject) -> Vec<u8> {
    let names: Vec<Vec<u8>> = subject
        .iter()
        .map(|pairs| {
            let members = pairs.iter().map(|(kind, value)| {
                let dotted = match kind.as_str() {
                    "C" => "2.5.4.6",
                    "L" => "2.5.4.7",
                    "ST" => "2.5.4.8",
                    "O" => "2.5.4.10",
                    "OU" => "2.5.4.11",
                    "CN" => "2.5.4.3",
                    dotted => dotted,
                };
                wrap(SEQUENCE, &[&oid(dotted), &text(value)])
            });
            tlv(SET, &ordered(members.collect()))
        })
        .collect();
    tlv(SEQUENCE, &names.concat())
}

/// The request: subject, key, challenge, and the wished key usage (`Key Usage` of the SCEP payload: 1, 4 or 5).
pub(super) fn request(
    key: &PKey<Private>,
    subject: &Subject,
    challenge: Option<&str>,
    usage: u8,
    digest: Digest,
) -> Result<Vec<u8>, Fault> {
    let public = key.public_key_to_der().doing("reading the device's key")?;
    let mut attributes = Vec::new();
    if let Some(challenge) = challenge {
        attributes.push(wrap(SEQUENCE, &[&oid(CHALLENGE_PASSWORD), &wrap(SET, &[&text(challenge)])]));
    }
    let (unused, bits) = match usage {
        1 => (7, 0x80),
        4 => (5, 0x20),
        _ => (5, 0xA0),
    };
    let usage = wrap(SEQUENCE, &[&oid(KEY_USAGE), &tlv(0x01, &[0xFF]), &tlv(OCTETS, &tlv(BITS, &[unused, bits]))]);
    let extensions = wrap(SEQUENCE, &[&usage]);
    attributes.push(wrap(SEQUENCE, &[&oid(EXTENSION_REQUEST), &wrap(SET, &[&extensions])]));
    let info = wrap(SEQUENCE, &[&tlv(INTEGER, &[0]), &name(subject), &public, &tlv(CONTEXT_0, &ordered(attributes))]);
    let mut signer = Signer::new(digest.message_digest(), key).doing("signing the request")?;
    signer.update(&info).doing("signing the request")?;
    let signature = signer.sign_to_vec().doing("signing the request")?;
    let algorithm = match digest {
        Digest::Sha1 => SHA1_WITH_RSA,
        Digest::Sha256 => SHA256_WITH_RSA,
    };
    let algorithm = wrap(SEQUENCE, &[&oid(algorithm), &[NULL, 0]]);
    Ok(wrap(SEQUENCE, &[&info, &algorithm, &wrap(BITS, &[&[0], &signature])]))
}

/// The self-signed certificate that signs a PKCSReq; the CA encrypts its answer to it. `odd`: so many seconds the clock that
/// dates it is off.
pub(super) fn temporary(key: &PKey<Private>, subject: &Subject, odd: i64) -> Result<Identity, Fault> {
    let now = jiff::Timestamp::now().as_second().saturating_add(odd);
    let make = || -> Result<X509, ErrorStack> {
        let mut builder = X509Builder::new()?;
        builder.set_version(2)?;
        let mut serial = BigNum::new()?;
        serial.rand(64, MsbOption::MAYBE_ZERO, false)?;
        builder.set_serial_number(&*serial.to_asn1_integer()?)?;
        let name = X509Name::from_der(&name(subject))?;
        builder.set_subject_name(&name)?;
        builder.set_issuer_name(&name)?;
        builder.set_not_before(&*Asn1Time::from_unix(now)?)?;
        builder.set_not_after(&*Asn1Time::from_unix(now.saturating_add(86_400))?)?;
        builder.set_pubkey(key)?;
        builder.sign(key, MessageDigest::sha256())?;
        Ok(builder.build())
    };
    let certificate = make().doing("making the device's temporary certificate")?;
    Ok(Identity { certificate, key: key.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use openssl::x509::X509Req;

    #[test]
    fn openssl_reads_and_verifies_the_request() {
        let key = make_key(2048).unwrap();
        let subject = vec![vec![("O".into(), "Müller & Söhne".into())], vec![("CN".into(), "device".into())]];
        let der = request(&key, &subject, Some("one-time_secret"), 5, Digest::Sha256).unwrap();
        let read = X509Req::from_der(&der).unwrap();
        assert!(read.verify(&key).unwrap());
        assert_eq!(read.to_der().unwrap(), der, "OpenSSL would write it the same");
        assert_eq!(read.extensions().unwrap().len(), 1);
        assert!(temporary(&key, &subject, 0).unwrap().certificate.verify(&key).unwrap());
    }
}
