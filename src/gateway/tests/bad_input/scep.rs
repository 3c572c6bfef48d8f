//! SCEP from strangers: what is no message is 400, what is one gets a CertRep that refuses; and every form in which devices
//! ask, for the contrast.

use super::requests::{Answer, Request};
use super::{Expect, House, Row, houses, noise};
use crate::enrollment::testing::leave;
use crate::enrollment::tests::device::{challenge, download};
use crate::enrollment::tests::scep_client::{Client, Shape};
use crate::enrollment::tests::{DAY, invite, ready};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkcs7::Pkcs7;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::symm::Cipher;
use openssl::x509::{X509, X509Builder, X509ReqBuilder};
use russet_pki::ca::Authority;
use std::sync::Arc;

const POST: &str = "POST /scep?operation=PKIOperation";

/// Sends a message; the certificate it was answered with, none where it was refused as SCEP refuses.
async fn ask(house: &House, client: &Client, message: &[u8]) -> Option<Vec<u8>> {
    granted(house, client, &Request::new(POST, message).send(house).await).await
}

async fn granted(house: &House, client: &Client, answer: &Answer) -> Option<Vec<u8>> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    house.healthy("a SCEP message").await;
    client.open(&answer.body)
}

/// What a stranger needs for a request that would be granted.
struct Desk {
    authority: Arc<Authority>,
    code: String,
}

impl Desk {
    async fn of(house: &House) -> Self {
        let authority = ready(&house.world).await;
        Self { authority, code: invite(&house.world, None, 99).await.code }
    }

    fn ours(&self) -> &[u8] {
        self.authority.certificate_der()
    }

    /// A challenge that nobody has used.
    async fn fresh(&self, house: &House) -> String {
        challenge(&download(&house.world, &self.authority, &self.code).await)
    }
}

/// A certificate request without a challenge, made by OpenSSL: other libraries make no weak keys.
fn request_of(key: &PKey<Private>) -> Vec<u8> {
    let mut builder = X509ReqBuilder::new().unwrap();
    builder.set_pubkey(key).unwrap();
    builder.sign(key, MessageDigest::sha256()).unwrap();
    builder.build().to_der().unwrap()
}

fn self_signed(key: &PKey<Private>) -> X509 {
    let mut builder = X509Builder::new().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&BigNum::from_u32(77).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.sign(key, MessageDigest::sha256()).unwrap();
    builder.build()
}

#[tokio::test]
async fn no_certificate_without_a_right_to_it() {
    for house in houses().await {
        let desk = Desk::of(&house).await;
        let foreign = Authority::generate("Foreign", [9; 20], house.world.ctx.now()).unwrap();
        let client = Client::new();
        let row =
            |name: &'static str, message: &[u8], why| Row::new(name, Request::new(POST, message), Expect::Failure(why));
        let of = |challenge: Option<&str>, ca: &[u8]| client.message(challenge, ca, "T", None);

        let once = desk.fresh(&house).await;
        house
            .run(vec![
                row("no challenge", &of(None, desk.ours()), "it brings no challenge"),
                row("an empty one", &of(Some(""), desk.ours()), "it brings no challenge"),
                row("a wrong one", &of(Some("guess"), desk.ours()), "its challenge is not known"),
                row("half of one", &of(Some(&once[..once.len() / 2]), desk.ours()), "its challenge is not known"),
                row("a long one", &of(Some(&"x".repeat(250)), desk.ours()), "its challenge is not known"),
                row("an endless one", &of(Some(&"x".repeat(4000)), desk.ours()), "it brings no challenge"),
                row(
                    "one of markup",
                    &of(Some("'; DROP TABLE device; --"), desk.ours()),
                    "holds no certificate request",
                ),
                row(
                    "for another authority",
                    &of(Some(&once), foreign.certificate_der()),
                    "its envelope cannot be opened",
                ),
            ])
            .await;
        let message = client.message(Some(&once), desk.ours(), "T4", None);
        let issued = ask(&house, &client, &message).await.expect("the challenge is still good");
        assert_eq!(ask(&house, &client, &message).await, Some(issued), "the same request again");
        let thief = Client::new();
        let used = "its challenge was used by another request";
        let late = desk.fresh(&house).await;
        house
            .run(vec![
                row("a used one, of another key", &thief.message(Some(&once), desk.ours(), "T4", None), used),
                row("a used one, in another transaction", &client.message(Some(&once), desk.ours(), "T5", None), used),
            ])
            .await;
        house.world.clock.advance(2 * DAY);
        let late = client.message(Some(&late), desk.ours(), "T6", None);
        house.run(vec![row("an expired one", &late, "its challenge has expired")]).await;
    }
}

#[tokio::test]
async fn messages_that_ask_for_too_much_or_for_nothing_are_refused() {
    for house in houses().await {
        let desk = Desk::of(&house).await;
        let good = desk.fresh(&house).await;
        let client = Client::new();
        let shaped = |shape: Shape| client.shaped(&shape, Some(&good), desk.ours(), "T", None);
        let kind = |kind| shaped(Shape { kind, ..Shape::default() });
        let envelope = |envelope: &[u8]| shaped(Shape { envelope: Some(envelope.to_vec()), ..Shape::default() });
        let request = |request: Vec<u8>| shaped(Shape { request: Some(request), ..Shape::default() });
        let extension = |oid: &[u64], value: &[u8]| {
            let extension = rcgen::CustomExtension::from_oid_content(oid, value.to_vec());
            request(client.request(Some(&good), vec![extension]))
        };
        let weak = PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap();
        let curve = EcKey::generate(&EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap()).unwrap();
        let curve = PKey::from_ec_key(curve).unwrap();
        let mut broken = client.request(Some(&good), vec![]);
        let end = broken.len() - 9;
        broken[end] ^= 1;
        let (unsupported, strong) =
            ("its message type is neither PKCSReq nor RenewalReq", "its key is no RSA key of 2048 bits or more");
        let camellia = shaped(Shape { cipher: Cipher::camellia_128_cbc(), ..Shape::default() });
        let other = Client::new();
        let rows = [
            ("a CertRep", kind("3"), unsupported),
            ("an UpdateReq", kind("18"), unsupported),
            ("a CertPoll", kind("20"), unsupported),
            ("a GetCert", kind("21"), unsupported),
            ("a GetCRL", kind("22"), unsupported),
            ("a type that looks like another", kind("019"), unsupported),
            ("a type that is a line of a log", kind("19 ERROR"), unsupported),
            ("no envelope", envelope(b""), "its envelope cannot be read"),
            ("an envelope of noise", envelope(&noise(600)), "its envelope cannot be read"),
            ("an envelope without end", envelope(&[0x30, 0x80].repeat(900)), "its envelope cannot be read"),
            ("a certificate request for an envelope", envelope(&client.request(Some(&good), vec![])), "envelope"),
            ("a certificate for an envelope", envelope(desk.ours()), "envelope"),
            ("a cipher that no device needs", camellia, "its envelope is neither AES nor 3DES"),
            ("no certificate request", request(b"hello".to_vec()), "holds no certificate request"),
            ("a request of noise", request(noise(900)), "holds no certificate request"),
            ("a broken request", request(broken), "signature of its certificate request does not verify"),
            ("somebody else's request", request(other.request(Some(&good), vec![])), "another key than its signer's"),
            ("a key of 1024 bits", request(request_of(&weak)), strong),
            ("a key on a curve", request(request_of(&curve)), strong),
            ("to be an authority", extension(&[2, 5, 29, 19], &[0x30, 3, 1, 1, 0xff]), "it asks to be an authority"),
            ("to sign certificates", extension(&[2, 5, 29, 15], &[3, 2, 2, 4]), "it asks to be an authority"),
        ];
        let row = |(name, message, why): (&str, Vec<u8>, _)| {
            Row::new(name, Request::new(POST, &message), Expect::Failure(why))
        };
        house.run(rows.into_iter().map(row).collect()).await;
        let weakly =
            client.shaped(&Shape::default(), Some(&good), desk.ours(), "T", Some((&self_signed(&weak), &weak)));
        let weakly = Request::new(POST, &weakly);
        house.run(vec![Row::new("a weak signer", weakly, Expect::Refused(400, "signature does not verify"))]).await;
        let message = client.message(Some(&good), desk.ours(), "T", None);
        assert!(ask(&house, &client, &message).await.is_some(), "none of them used the challenge up");
    }
}

#[tokio::test]
async fn only_an_identity_in_use_renews_itself() {
    for house in houses().await {
        let desk = Desk::of(&house).await;
        let ctx = &house.world.ctx;
        let client = Client::new();
        let public = client.key.public_key_to_der().unwrap();
        let foreign = Authority::generate("Foreign", ctx.random_bytes(), ctx.now()).unwrap();
        let issued = |by: &Authority, at| {
            X509::from_der(&by.issue_identity(&public, "x", ctx.random_bytes(), at).unwrap()).unwrap()
        };
        let renewal =
            |certificate: &X509, key: &PKey<Private>| client.message(None, desk.ours(), "R", Some((certificate, key)));
        let valid = "no identity of ours that is valid now";
        let now = ctx.now();
        let row =
            |name: &'static str, message: &[u8], why| Row::new(name, Request::new(POST, message), Expect::Failure(why));
        house
            .run(vec![
                row("of a stranger", &renewal(&self_signed(&client.key), &client.key), valid),
                row("of a foreign authority", &renewal(&issued(&foreign, now), &client.key), valid),
                row("of tomorrow", &renewal(&issued(&desk.authority, now.plus(2 * DAY)), &client.key), valid),
                row("of long ago", &renewal(&issued(&desk.authority, now.minus(800 * DAY)), &client.key), valid),
                row("of nobody", &renewal(&issued(&desk.authority, now), &client.key), "its identity is not known"),
            ])
            .await;
        let gone = X509::from_der(&house.bad.certificate).unwrap();
        leave(ctx, house.bad.device).await;
        let gone = renewal(&gone, &house.bad.key);
        house.run(vec![row("of an enrollment that is over", &gone, "its enrollment is not in use")]).await;
    }
}

#[tokio::test]
async fn what_is_no_scep_message_is_refused() {
    for house in houses().await {
        let desk = Desk::of(&house).await;
        let get = |query: &str| Request::new(&format!("GET /scep?{query}"), b"");
        let whole = Client::new().message(Some("x"), desk.ours(), "T", None);
        let mut changed = whole.clone();
        let end = changed.len() - 5;
        changed[end] ^= 1;
        let nameless = Client::new().message(Some("x"), desk.ours(), "", None);
        let long = Client::new().message(Some("x"), desk.ours(), &"T".repeat(10_000), None);
        let line = Client::new().message(Some("x"), desk.ours(), "T\n2026 ERROR forged", None);
        let one_of = "the operation is one of";
        let rows = [
            ("nothing", Request::new(POST, b""), 400, "not BER"),
            ("a word", Request::new(POST, b"hello"), 400, "not BER"),
            ("noise", Request::new(POST, &noise(3000)), 400, "not a SCEP message"),
            ("cut short", Request::new(POST, &whole[..whole.len() / 2]), 400, "not BER"),
            ("a changed signature", Request::new(POST, &changed), 400, "signature does not verify"),
            ("a certificate", Request::new(POST, house.root.as_ref()), 400, "not a signed message"),
            ("no transaction", Request::new(POST, &nameless), 400, "no transaction id"),
            ("a long transaction", Request::new(POST, &long), 400, "no transaction id"),
            ("a transaction of two lines", Request::new(POST, &line), 400, "no transaction id"),
            ("nested without end", Request::new(POST, &[0x30, 0x80].repeat(20_000)), 400, "not BER"),
            ("too large", Request::new(POST, &vec![0x30; 65 * 1024]), 413, "refused"),
            ("no operation", get(""), 400, one_of),
            ("an unknown operation", get("operation=GetCRL"), 400, one_of),
            ("an operation of markup", get("operation=%3Cscript%3E%0A"), 400, one_of),
            ("no base64", get("operation=PKIOperation&message=%00%ff"), 400, "not base64"),
            ("half an escape", get("operation=PKIOperation&message=AA%2"), 400, "not base64"),
            ("no message", get("operation=PKIOperation"), 400, "not base64"),
            ("base64 of a word", get("operation=PKIOperation&message=aGVsbG8"), 400, "not BER"),
            ("NUL in a link", Request::new("GET /enroll/%00", b""), 404, ""),
            ("no UTF-8 in a link", Request::new("GET /enroll/%ff%fe", b""), 400, ""),
            ("NUL in a notification's path", Request::new("POST /apple/notifications/%00", b"{}"), 404, ""),
            ("a path that climbs", Request::new("GET /enroll/../../etc/passwd", b""), 404, ""),
        ];
        let row = |(name, request, status, why)| Row::new(name, request, Expect::Refused(status, why));
        house.run(rows.into_iter().map(row).collect()).await;
    }
}

#[tokio::test]
async fn every_form_that_devices_use_gets_its_certificate() {
    for house in houses().await {
        let desk = Desk::of(&house).await;
        let operation = async |operation: &str| {
            Request::new(&format!("GET /scep?operation={operation}&message="), b"").send(&house).await
        };
        let capabilities = operation("GetCACaps").await;
        for capability in ["Renewal", "SHA-1", "SHA-256", "AES", "DES3", "SCEPStandard", "POSTPKIOperation"] {
            assert!(capabilities.text().lines().any(|line| line == capability), "{capability}");
        }
        let certificate = operation("GetCACert").await;
        assert!(certificate.head.contains("application/x-x509-ca-cert"), "{}", certificate.head);
        assert_eq!(certificate.body, desk.ours());
        let chain = operation("GetCACertChain").await;
        assert!(chain.head.contains("application/x-x509-ca-ra-cert-chain"), "{}", chain.head);
        let chain = Pkcs7::from_der(&chain.body).unwrap();
        let all = chain.signed().unwrap().certificates().unwrap();
        assert_eq!((all.len(), all[0].to_der().unwrap()), (1, desk.ours().to_vec()));

        for cipher in [Cipher::aes_128_cbc(), Cipher::aes_192_cbc(), Cipher::aes_256_cbc(), Cipher::des_ede3_cbc()] {
            for sha1 in [false, true] {
                let (client, fresh) = (Client::new(), desk.fresh(&house).await);
                let shape = Shape { cipher, sha1, ..Shape::default() };
                let message = client.shaped(&shape, Some(&fresh), desk.ours(), "T1", None);
                let first = ask(&house, &client, &message).await.expect("by POST");
                let issued = X509::from_der(&first).unwrap();
                let signed_with = issued.signature_algorithm().object().nid();
                assert_eq!(signed_with, Nid::SHA256WITHRSAENCRYPTION, "whatever was asked with");
                // The same transaction and key again, by GET and in every alphabet: the same certificate.
                let (padded, url) = (STANDARD.encode(&message), URL_SAFE.encode(&message));
                let bare = STANDARD_NO_PAD.encode(&message);
                let lines: Vec<&str> =
                    padded.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
                let escaped = |text: &str| text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
                for text in [
                    escaped(&padded),
                    escaped(&bare),
                    padded.clone(),
                    padded.replace('+', "%20"),
                    url.clone(),
                    url.replace('=', ""),
                    escaped(&lines.join("\n")).replace('\n', "%0A"),
                ] {
                    let get = Request::new(&format!("GET /scep?operation=PKIOperation&message={text}"), b"");
                    assert_eq!(
                        granted(&house, &client, &get.send(&house).await).await.as_ref(),
                        Some(&first),
                        "{text}"
                    );
                }
            }
        }
        // A RenewalReq, signed with the identity that is to be renewed; its answer comes to that identity.
        let (bad, client) = (X509::from_der(&house.bad.certificate).unwrap(), Client::new());
        let renewal = client.message(None, desk.ours(), "R1", Some((&bad, &house.bad.key)));
        let answer = Request::new(POST, &renewal).send(&house).await;
        let renewed = client.open_as(&answer.body, &bad, &house.bad.key).expect("a renewal");
        let again = Request::new(POST, &renewal).send(&house).await;
        assert_eq!(client.open_as(&again.body, &bad, &house.bad.key), Some(renewed));
    }
}
