//! SCEP requests made by OpenSSL are read, and answered so that OpenSSL reads them.

use super::*;
use crate::ca::Authority;
use crate::fuzzing::seeds::{NOW, Requester, envelope, message};

fn requester(challenge: Option<&str>) -> Requester {
    Requester::new(challenge)
}

fn authority() -> Authority {
    Authority::generate("Test authority", [1; 20], NOW).unwrap()
}

#[test]
fn a_request_is_read_and_its_answer_reaches_only_the_requester() {
    let authority = authority();
    for cipher in [Cipher::aes_128_cbc(), Cipher::aes_256_cbc(), Cipher::des_ede3_cbc()] {
        let requester = requester(Some("the challenge"));
        let content = envelope(&requester.request, &authority, cipher);
        let message = message("19", &content, &requester.temporary, &requester.key);
        let request = parse_request(&message, &authority).unwrap();
        assert_eq!(request.reply_to.transaction, "0A1B2C");
        assert!(matches!(&request.proof, Proof::Challenge(challenge) if challenge.as_str() == "the challenge"));
        assert_eq!(request.public_key, requester.key.public_key_to_der().unwrap());

        let issued = authority.issue_identity(&request.public_key, "enrollment-1", [4; 20], NOW).unwrap();
        let answer = success(&request.reply_to, &issued, &authority, [8; 16]).unwrap();
        let answer = crate::ber::to_der(&answer).unwrap();
        let signed = SignedData::parse(&answer).unwrap();
        let envelope = signed.content.unwrap();
        assert_eq!(signed.verify(envelope).unwrap(), authority.certificate_der());
        assert_eq!(printable(signed.attribute(attribute::MESSAGE_TYPE)), Some("3"));
        assert_eq!(printable(signed.attribute(attribute::PKI_STATUS)), Some("0"));
        assert_eq!(signed.attribute(attribute::RECIPIENT_NONCE).unwrap().value, [7; 16]);
        let opened = Pkcs7::from_der(envelope).unwrap();
        let opened = opened.decrypt(&requester.key, &requester.temporary, Pkcs7Flags::BINARY).unwrap();
        let certificates = Pkcs7::from_der(&opened).unwrap();
        let first = certificates.signed().unwrap().certificates().unwrap().get(0).unwrap().to_der().unwrap();
        assert_eq!(first, issued);
        let facts = crate::certificate::Facts::of(&issued).unwrap();
        assert_eq!(facts.common_name.as_deref(), Some("enrollment-1"));
        assert!(facts.client_auth && !facts.is_authority);
    }
}

fn refusal(message: &[u8], authority: &Authority) -> FailInfo {
    match parse_request(message, authority) {
        Err(ScepError::Refused { info, reply_to, .. }) => {
            let answer = failure(&reply_to, info, authority, [8; 16]).unwrap();
            let signed = SignedData::parse(&answer).unwrap();
            assert_eq!(printable(signed.attribute(attribute::PKI_STATUS)), Some("2"));
            assert_eq!(printable(signed.attribute(attribute::FAIL_INFO)), Some(info.code()));
            assert!(signed.content.is_none());
            signed.verify(b"").unwrap();
            info
        }
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn every_other_message_type_is_refused() {
    let authority = authority();
    let requester = requester(Some("c"));
    let content = envelope(&requester.request, &authority, Cipher::aes_128_cbc());
    for kind in ["3", "18", "20", "21", "22", "0", "", "019"] {
        let message = message(kind, &content, &requester.temporary, &requester.key);
        assert_eq!(refusal(&message, &authority), FailInfo::BadRequest, "{kind}");
    }
}

#[test]
fn ciphers_that_no_device_needs_are_refused_and_garbage_tells_nothing() {
    let authority = authority();
    let device = requester(Some("c"));
    let of = |content: &[u8]| refusal(&message("19", content, &device.temporary, &device.key), &authority);
    assert_eq!(of(&envelope(&device.request, &authority, Cipher::camellia_128_cbc())), FailInfo::BadAlgorithm);
    let mut stream = envelope(&device.request, &authority, Cipher::aes_128_cbc());
    let cbc = stream.windows(9).position(|part| part == b"\x60\x86\x48\x01\x65\x03\x04\x01\x02").unwrap();
    stream[cbc + 8] = 1;
    assert_eq!(of(&stream), FailInfo::BadAlgorithm, "ECB");
    for garbage in [&b""[..], b"\x30\x80", &stream[..stream.len() / 2], &device.request] {
        assert_eq!(of(garbage), FailInfo::BadMessageCheck);
    }
}

#[test]
fn the_chain_is_the_authority_alone() {
    let authority = authority();
    let chain = Pkcs7::from_der(&chain(&authority)).unwrap();
    let certificates = chain.signed().unwrap().certificates().unwrap();
    let all: Vec<_> = certificates.iter().map(|one| one.to_der().unwrap()).collect();
    assert_eq!(all, [authority.certificate_der()]);
}

#[test]
fn everything_that_fails_after_decryption_gets_the_same_answer() {
    let (authority, other) = (authority(), authority());
    let device = requester(Some("c"));
    let without = requester(None);
    let aes = Cipher::aes_128_cbc;
    for content in [
        envelope(&device.request, &other, aes()),
        envelope(b"no certificate request", &authority, aes()),
        // Of another key than the signer's: a challenge overheard.
        envelope(&requester(Some("c")).request, &authority, aes()),
        b"no envelope".to_vec(),
    ] {
        let message = message("19", &content, &device.temporary, &device.key);
        assert_eq!(refusal(&message, &authority), FailInfo::BadMessageCheck);
    }
    let content = envelope(&without.request, &authority, aes());
    let message = message("19", &content, &without.temporary, &without.key);
    assert_eq!(refusal(&message, &authority), FailInfo::BadMessageCheck);
}

#[test]
fn a_renewal_shows_the_certificate_it_is_signed_with() {
    let authority = authority();
    let requester = requester(None);
    let public = requester.key.public_key_to_der().unwrap();
    let identity = authority.issue_identity(&public, "enrollment-1", [4; 20], NOW).unwrap();
    let content = envelope(&requester.request, &authority, Cipher::aes_128_cbc());
    let message = message("17", &content, &X509::from_der(&identity).unwrap(), &requester.key);
    let request = parse_request(&message, &authority).unwrap();
    let Proof::Certificate(certificate) = request.proof else { panic!("no certificate") };
    assert_eq!(check_renewal(&certificate, &authority, NOW).unwrap().common_name.as_deref(), Some("enrollment-1"));
    let temporary = requester.temporary.to_der().unwrap();
    assert_eq!(check_renewal(&temporary, &authority, NOW), Err(FailInfo::BadCertificateId));
}

#[test]
fn what_is_no_scep_message_cannot_be_answered() {
    let authority = authority();
    for bytes in [&b""[..], b"hello", &[0x30, 0x80], &vec![0; MAX_MESSAGE + 1]] {
        assert!(matches!(parse_request(bytes, &authority), Err(ScepError::NotScep(_))));
    }
}

#[test]
fn weak_keys_are_refused() {
    // Made by hand: no library makes keys like these.
    let key = |modulus: &[u8], exponent: &[u8]| {
        let integer = |value: &[u8]| element(crate::der::INTEGER, value);
        let numbers = element(SEQUENCE, &[integer(modulus), integer(exponent)].concat());
        let algorithm = crate::der::around(
            SEQUENCE,
            &[&element(OBJECT_IDENTIFIER, oid::RSA_ENCRYPTION), &element(crate::der::NULL, &[])],
        );
        element(SEQUENCE, &[algorithm, element(0x03, &[&[0], &numbers[..]].concat())].concat())
    };
    let odd = [&[0][..], &[0xc1; 256]].concat();
    let even = [&[0][..], &[0xc2; 256]].concat();
    assert!(is_sound(&key(&odd, &[1, 0, 1])));
    assert!(!is_sound(&key(&odd, &[1])), "exponent 1");
    assert!(!is_sound(&key(&odd, &[4])), "an even exponent");
    assert!(!is_sound(&key(&odd, &[0x41; 40])), "an endless exponent");
    assert!(!is_sound(&key(&even, &[1, 0, 1])), "an even modulus");
    assert!(!is_sound(b"no key"));
}

#[test]
fn who_asks_to_be_an_authority_is_refused() {
    let authority = authority();
    let ask = |oid: &[u64], value: &[u8]| {
        let extension = rcgen::CustomExtension::from_oid_content(oid, value.to_vec());
        let requester = Requester::asking_for(Some("c"), vec![extension]);
        let content = envelope(&requester.request, &authority, Cipher::aes_128_cbc());
        message("19", &content, &requester.temporary, &requester.key)
    };
    let constraints = |value: &[u8]| ask(&[2, 5, 29, 19], &element(SEQUENCE, value));
    assert!(parse_request(&constraints(&[]), &authority).is_ok());
    assert_eq!(refusal(&constraints(&[1, 1, 0xff]), &authority), FailInfo::BadMessageCheck);
    assert!(parse_request(&ask(&[2, 5, 29, 15], &[3, 2, 5, 0xa0]), &authority).is_ok(), "what devices ask for");
    assert_eq!(refusal(&ask(&[2, 5, 29, 15], &[3, 2, 1, 6]), &authority), FailInfo::BadMessageCheck);
}
