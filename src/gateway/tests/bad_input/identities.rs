//! Requests that prove nothing, or prove somebody else.

use super::requests::{Identity, Request};
use super::{Expect, Row, houses};
use crate::enrollment::testing::leave;
use openssl::pkcs7::Pkcs7Flags;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn who_proves_nothing_is_refused_with_the_reason() {
    for house in houses().await {
        let (ctx, bad, good) = (&house.world.ctx, &house.bad, &house.good);
        let authority = crate::enrollment::authority::open(ctx).await.unwrap();
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let public = key.public_key_to_der().unwrap();
        let of_key = |certificate: Vec<u8>| Identity { certificate, key: key.private_key_to_pkcs8().unwrap() };
        let issued = |now| of_key(authority.issue_identity(&public, "test", ctx.random_bytes(), now).unwrap());
        let names = [russet_pki::ca::ServerName::Dns("localhost".into())];
        let server = authority.issue_server(&names, ctx.random_bytes(), ctx.now()).unwrap();
        let server_key = PKey::private_key_from_pem(server.key_pem.as_bytes()).unwrap();
        let server = Identity { certificate: server.certificate, key: server_key.private_key_to_pkcs8().unwrap() };
        let stranger = rcgen::generate_simple_self_signed(vec!["UDID-BAD".to_owned()]).unwrap();
        let stranger =
            Identity { certificate: stranger.cert.der().to_vec(), key: stranger.signing_key.serialize_der() };
        let foreign = russet_pki::ca::Authority::generate("Foreign", ctx.random_bytes(), ctx.now()).unwrap();
        let foreign = foreign.issue_identity(&public, "test", ctx.random_bytes(), ctx.now()).unwrap();

        let report = || Request::report(&bad.idle());
        let none = Pkcs7Flags::empty();
        let signed = |over: &[u8], flags| report().signed(&bad.certificate, &bad.key, over, flags);
        let not_base64 = "header is not base64";
        let mut twice = signed(&bad.idle(), none);
        twice.headers.push(twice.headers.last().unwrap().clone());
        let refused = [
            ("nothing", report(), "neither a client certificate nor an Mdm-Signature"),
            ("a stranger's certificate", report().shown(stranger.clone()), "not issued by this server"),
            ("a foreign authority's", report().shown(of_key(foreign.clone())), "not issued by this server"),
            ("a server's certificate", report().shown(server), "not a device identity"),
            ("an identity nobody knows", report().shown(issued(ctx.now())), "not known to this server"),
            ("one of tomorrow", report().shown(issued(ctx.now().plus(2 * DAY))), "expired or not yet valid"),
            ("one of long ago", report().shown(issued(ctx.now().minus(800 * DAY))), "not known to this server"),
            ("another device's", report().of(good), "names another device"),
            ("another device's, check-in", Request::check_in(&bad.idle()).of(good), "names another device"),
            ("an empty signature", report().with("Mdm-Signature", ""), "not CMS"),
            ("a signature of noise", report().with("Mdm-Signature", "bm90aGluZw=="), "not CMS"),
            ("no base64", report().with("Mdm-Signature", "?!"), not_base64),
            ("bytes in the header", report().with("Mdm-Signature", [0xff, 0xfe]), not_base64),
            ("an endless signature", report().with("Mdm-Signature", "A".repeat(40_000)), not_base64),
            ("two signatures", twice, "more than one Mdm-Signature"),
            ("a signature of other bytes", signed(&good.idle(), none), "does not belong to this message"),
            (
                "the same without attributes",
                signed(&good.idle(), Pkcs7Flags::NOATTR),
                "does not belong to this message",
            ),
            ("a signature without certificate", signed(&bad.idle(), Pkcs7Flags::NOCERTS), "certificate of the signer"),
            (
                "a signature of a foreign authority's",
                report().signed(&foreign, &key, &bad.idle(), none),
                "not issued by this server",
            ),
            (
                "a signature of another device",
                report().signed(&good.certificate, &good.key, &bad.idle(), none),
                "names another device",
            ),
            (
                "a broken signature beside a good certificate",
                report().with("Mdm-Signature", "bm90aGluZw==").of(bad),
                "not CMS",
            ),
        ];
        house.run(refused.map(|(name, request, why)| Row::new(name, request, Expect::Refused(400, why))).into()).await;
        let taken = [
            ("a signature", signed(&bad.idle(), none)),
            ("a signature without attributes", signed(&bad.idle(), Pkcs7Flags::NOATTR)),
            ("a signature beside a stranger's certificate", signed(&bad.idle(), none).shown(stranger)),
        ];
        house.run(taken.map(|(name, request)| Row::new(name, request, Expect::Taken)).into()).await;
    }
}

#[tokio::test]
async fn what_strangers_send_is_not_kept_however_large() {
    for house in houses().await {
        let large = vec![b' '; super::super::super::body::SMALL + 1];
        let request = Request::report(&large);
        let rows = [
            ("of nobody", request.clone(), "neither a client certificate"),
            ("with a signature of noise", request.with("Mdm-Signature", "bm90aGluZw=="), "not CMS"),
        ];
        house.run(rows.map(|(name, request, why)| Row::new(name, request, Expect::Refused(400, why))).into()).await;
    }
}

#[tokio::test]
async fn an_identity_of_an_enrollment_that_is_over_is_told_so() {
    for house in houses().await {
        leave(&house.world.ctx, house.bad.device).await;
        let idle = Request::report(&house.bad.idle()).of(&house.bad);
        let answer = idle.send(&house).await;
        assert_eq!(answer.status, 403);
        assert!(answer.text().contains("com.apple.unrecognized.device"), "{}", answer.text());
        house.world.clock.advance(800 * DAY);
        let expired = idle.send(&house).await;
        assert_eq!(expired.status / 100, 4, "expired, of an enrollment that is over: {}", expired.text());
    }
}
