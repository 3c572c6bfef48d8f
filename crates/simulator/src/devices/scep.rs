//! A device's SCEP client (protocol as Apple's devices speak it: RFC 8894, with BER framing): capabilities, the CA's
//! certificate, the request, the answer. Checks the CA as strictly as Apple's client does.

use super::cms::{self, Digest, Identity};
use super::csr;
use super::der::{OCTETS, PRINTABLE, tlv};
use super::fault::{Doing, Fault};
use super::http::{Http, Wire};
use super::mdm_payload::ScepPayload;
use base64::Engine;
use http::Method;
use openssl::hash::{MessageDigest, hash};
use openssl::pkey::{Id, PKey, Private};
use openssl::symm::Cipher;
use openssl::x509::{X509, X509KeyUsage};

const MESSAGE_TYPE: &str = "2.16.840.1.113733.1.9.2";
const PKI_STATUS: &str = "2.16.840.1.113733.1.9.3";
const FAIL_INFO: &str = "2.16.840.1.113733.1.9.4";
const SENDER_NONCE: &str = "2.16.840.1.113733.1.9.5";
const RECIPIENT_NONCE: &str = "2.16.840.1.113733.1.9.6";
const TRANSACTION_ID: &str = "2.16.840.1.113733.1.9.7";

/// How a device frames and sends its SCEP messages; both ways exist in the field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// BER with indefinite lengths.
    pub(super) indefinite: bool,
    /// Send PKIOperation by GET even where POST is offered.
    pub(super) by_get: bool,
    /// So many seconds the device's clock is off.
    pub(super) odd: i64,
}

/// Capabilities and certificates of a CA.
pub(super) struct Authority {
    /// Encrypts to and expects answers from this one.
    pub(super) recipient: X509,
    /// Issues with this one (the same, unless there is an RA).
    pub(super) issuer: X509,
    post: bool,
    digest: Digest,
    aes: bool,
}

/// A prepared request: sent again unchanged as often as needed, so that a lost answer burns no challenge.
pub(super) struct Request {
    wire: Wire,
    temporary: Identity,
    nonce: Vec<u8>,
    transaction: String,
}

/// Asks the CA what it can do and who it is.
pub(super) async fn authority(http: &Http, payload: &ScepPayload) -> Result<Authority, Fault> {
    let message = payload.name.as_deref().map(escape).unwrap_or_default();
    let caps = http.send(&Wire::get(operation(&payload.url, &format!("GetCACaps&message={message}")))).await?.ok()?;
    let caps: Vec<String> = String::from_utf8_lossy(&caps.body).lines().map(|line| line.trim().to_owned()).collect();
    let has = |name: &str| caps.iter().any(|cap| cap.eq_ignore_ascii_case(name));
    let digest = if has("SHA-256") || has("SCEPStandard") {
        Digest::Sha256
    } else if has("SHA-1") {
        Digest::Sha1
    } else {
        return Err(Fault::Refused(
            "the CA lists neither SHA-256 nor SHA-1 in GetCACaps; iOS 10 and later refuse that".into(),
        ));
    };
    let answer = http.send(&Wire::get(operation(&payload.url, &format!("GetCACert&message={message}")))).await?.ok()?;
    let (recipient, issuer) = match answer.media_type().as_str() {
        "application/x-x509-ca-cert" => {
            let ca = X509::from_der(&answer.body).doing("reading the CA certificate")?;
            (ca.clone(), ca)
        }
        "application/x-x509-ca-ra-cert" => registration_authority(cms::certificates(&answer.body)?)?,
        other => return Err(Fault::Refused(format!("GetCACert answered {other:?}, which is no certificate"))),
    };
    check_fingerprint(payload, &issuer)?;
    let key = recipient.public_key().doing("reading the CA's key")?;
    if key.id() != Id::RSA {
        return Err(Fault::Refused("the CA certificate to encrypt to has no RSA key".into()));
    }
    if let Some(usage) = recipient.key_usage()
        && !usage.contains(X509KeyUsage::DIGITAL_SIGNATURE | X509KeyUsage::KEY_ENCIPHERMENT)
    {
        return Err(Fault::Refused(
            "the CA certificate to encrypt to lacks digitalSignature or keyEncipherment".into(),
        ));
    }
    Ok(Authority {
        recipient,
        issuer,
        post: has("POSTPKIOperation") || has("SCEPStandard"),
        digest,
        aes: has("AES") || has("SCEPStandard"),
    })
}

fn registration_authority(all: Vec<X509>) -> Result<(X509, X509), Fault> {
    let (issuers, others): (Vec<X509>, Vec<X509>) = all.into_iter().partition(|certificate| {
        certificate.key_usage().is_some_and(|usage| usage.contains(X509KeyUsage::KEY_CERT_SIGN))
    });
    match (others.into_iter().next(), issuers.into_iter().next()) {
        (Some(recipient), Some(issuer)) => Ok((recipient, issuer)),
        // What Apple's clients do with error -67731.
        _ => Err(Fault::Refused(
            "GetCACert says there is a registration authority, but lists no certificate of its own for it".into(),
        )),
    }
}

fn check_fingerprint(payload: &ScepPayload, ca: &X509) -> Result<(), Fault> {
    let Some(expected) = &payload.fingerprint else { return Ok(()) };
    // Which digest Apple means is not documented: take the one whose length fits.
    let digest = match expected.len() {
        16 => MessageDigest::md5(),
        20 => MessageDigest::sha1(),
        32 => MessageDigest::sha256(),
        64 => MessageDigest::sha512(),
        other => return Err(Fault::Refused(format!("CAFingerprint has {other} bytes, which fits no digest"))),
    };
    let found = ca.digest(digest).doing("hashing the CA certificate")?;
    if *found != **expected {
        return Err(Fault::Refused("the CA certificate does not fit CAFingerprint".into()));
    }
    Ok(())
}

/// Prepares the request for a key.
pub(super) fn request(
    payload: &ScepPayload,
    authority: &Authority,
    key: &PKey<Private>,
    manner: Manner,
) -> Result<Request, Fault> {
    let temporary = csr::temporary(key, &payload.subject, manner.odd)?;
    let csr = csr::request(key, &payload.subject, payload.challenge.as_deref(), payload.usage, authority.digest)?;
    let cipher = if authority.aes { Cipher::aes_128_cbc() } else { Cipher::des_ede3_cbc() };
    let envelope = cms::envelope(&authority.recipient, &csr, cipher, manner.indefinite)?;
    let public = key.public_key_to_der().doing("reading the device's key")?;
    let transaction: String = hash(MessageDigest::sha256(), &public)
        .doing("hashing the device's key")?
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    let mut nonce = vec![0; 16];
    openssl::rand::rand_bytes(&mut nonce).doing("making a nonce")?;
    let attributes = vec![
        (MESSAGE_TYPE, tlv(PRINTABLE, b"19")),
        (TRANSACTION_ID, tlv(PRINTABLE, transaction.as_bytes())),
        (SENDER_NONCE, tlv(OCTETS, &nonce)),
    ];
    let message = cms::attached(&temporary, authority.digest, &envelope, attributes, manner.indefinite)?;
    let wire = if authority.post && !manner.by_get {
        Wire::with_body(Method::POST, operation(&payload.url, "PKIOperation"), "application/x-pki-message", message)
    } else {
        let message = base64::engine::general_purpose::STANDARD.encode(&message);
        Wire::get(operation(&payload.url, &format!("PKIOperation&message={}", escape(&message))))
    };
    Ok(Request { wire, temporary, nonce, transaction })
}

/// Sends the request once and reads the answer down to the issued certificate.
pub(super) async fn submit(http: &Http, authority: &Authority, request: &Request) -> Result<Identity, Fault> {
    let answer = http.send(&request.wire).await?.ok()?;
    if answer.media_type() != "application/x-pki-message" {
        return Err(Fault::Refused(format!(
            "PKIOperation answered {:?} instead of application/x-pki-message",
            answer.media_type()
        )));
    }
    let message = &answer.body;
    let attributes = cms::signed_attributes(message)?;
    let find = |dotted: &str| {
        let name = super::der::oid(dotted);
        attributes
            .iter()
            .find(|(attribute, _)| *attribute == name)
            .map(|(_, value)| value.get(2..).unwrap_or_default().to_vec())
    };
    let expect = |dotted, wanted: &[u8], what: &str| match find(dotted) {
        Some(found) if found == wanted => Ok(()),
        Some(_) => Err(Fault::Refused(format!("the CA's answer has another {what} than was asked for"))),
        None => Err(Fault::Refused(format!("the CA's answer has no {what}"))),
    };
    let status = find(PKI_STATUS).unwrap_or_default();
    // Even a refusal must be signed by the CA; its content is empty.
    let content = cms::open_from(message, &authority.recipient);
    expect(MESSAGE_TYPE, b"3", "messageType")?;
    expect(TRANSACTION_ID, request.transaction.as_bytes(), "transactionID")?;
    expect(RECIPIENT_NONCE, &request.nonce, "recipientNonce")?;
    match status.as_slice() {
        b"0" => {}
        b"2" => {
            let reason = String::from_utf8_lossy(&find(FAIL_INFO).unwrap_or_default()).into_owned();
            return Err(Fault::Refused(format!("the CA refused the request (failInfo {reason})")));
        }
        b"3" => {
            return Err(Fault::Refused(
                "the CA answered PENDING, and these simulated devices do not wait for a person".into(),
            ));
        }
        _ => return Err(Fault::Refused("the CA's answer has no pkiStatus".into())),
    }
    let inner = cms::unseal(&content?, &request.temporary)?;
    let ours = request.temporary.key.public_key_to_der().doing("reading the device's key")?;
    let certificate = cms::certificates(&inner)?
        .into_iter()
        .find(|certificate| {
            certificate.public_key().and_then(|key| key.public_key_to_der()).is_ok_and(|key| key == ours)
        })
        .ok_or_else(|| Fault::Refused("the CA's answer holds no certificate for the device's key".into()))?;
    let issuer = authority.issuer.public_key().doing("reading the CA's key")?;
    if !certificate.verify(&issuer).doing("checking the identity")? {
        return Err(Fault::Refused("the identity was not issued by the CA that GetCACert showed".into()));
    }
    Ok(Identity { certificate, key: request.temporary.key.clone() })
}

fn operation(url: &str, operation: &str) -> String {
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}operation={operation}")
}

/// Percent-encodes everything that is not unreserved.
fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
