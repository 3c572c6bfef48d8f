//! Requests that prove nothing, or prove somebody else.

use super::requests::{Identity, Request};
use super::{Device, Expect, House, Patience, Row, Size, delivered, houses, houses_of};
use crate::config::{AddressRange, Config};
use crate::directory::devices;
use crate::enrollment::testing::leave;
use crate::enrollment::tests::device::Phone;
use crate::enrollment::tests::{enrolled, invite, ready};
use crate::enrollment::{channels, renewal};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::pkcs7::Pkcs7Flags;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::x509::X509;
use russet_protocol::command::{Command, Delivered};
use russet_protocol::guard::Limits;
use russet_protocol::result::{Answer as ResultAnswer, Report};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

fn proxied(config: &mut Config) {
    config.device.trusted_proxies = vec![AddressRange::parse("127.0.0.0/8").unwrap()];
}

#[tokio::test]
async fn who_proves_nothing_is_refused_with_the_reason() {
    for house in houses().await {
        let (ctx, bad, good) = (&house.world.ctx, &house.bad, &house.good);
        let authority = crate::enrollment::authority::open(ctx).await.unwrap();
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let public = key.public_key_to_der().unwrap();
        let of_key = |certificate: Vec<u8>| Identity::new(certificate, key.private_key_to_pkcs8().unwrap());
        let issued = |now| of_key(authority.issue_identity(&public, "test", ctx.random_bytes(), now).unwrap());
        let names = [russet_pki::ca::ServerName::Dns("localhost".into())];
        let server = authority.issue_server(&names, ctx.random_bytes(), ctx.now()).unwrap();
        let server_key = PKey::private_key_from_pem(server.key_pem.as_bytes()).unwrap();
        let server = Identity::new(server.certificate, server_key.private_key_to_pkcs8().unwrap());
        let stranger = rcgen::generate_simple_self_signed(vec!["UDID-BAD".to_owned()]).unwrap();
        let stranger = Identity::new(stranger.cert.der().to_vec(), stranger.signing_key.serialize_der());
        let foreign = russet_pki::ca::Authority::generate("Foreign", ctx.random_bytes(), ctx.now()).unwrap();
        let foreign = foreign.issue_identity(&public, "test", ctx.random_bytes(), ctx.now()).unwrap();

        let report = || Request::report(&bad.idle());
        let none = Pkcs7Flags::empty();
        let signed = |over: &[u8], flags| report().signed(&bad.certificate, &bad.key, over, flags);
        let header = |der: &[u8]| report().with("Client-Cert", format!(":{}:", STANDARD.encode(der)));
        let two_of =
            |first: &Device, second: &Device| Identity { also: vec![second.certificate.clone()], ..first.identity() };
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
            ("a certificate in a header, from a stranger", header(&bad.certificate), "neither a client certificate"),
            ("another device's", report().of(good), "names another device"),
            ("another device's, with the own one behind it", report().shown(two_of(good, bad)), "names another device"),
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
            ("the own certificate, with another device's behind it", report().shown(two_of(bad, good))),
        ];
        house.run(taken.map(|(name, request)| Row::new(name, request, Expect::Taken)).into()).await;
    }
}

#[tokio::test]
async fn a_signature_has_one_signer_and_any_form_that_devices_have() {
    for house in houses().await {
        let (bad, folder) = (&house.bad, house.world.folder());
        let pem = |der: &[u8]| X509::from_der(der).unwrap().to_pem().unwrap();
        for (name, device) in [("", bad), ("other-", &house.good)] {
            std::fs::write(folder.join(format!("{name}certificate.pem")), pem(&device.certificate)).unwrap();
            let key = device.key.private_key_to_pem_pkcs8().unwrap();
            std::fs::write(folder.join(format!("{name}key.pem")), key).unwrap();
        }
        let report = |options: &str| Request::report(&bad.idle()).signed_by_openssl(folder, options);
        let two = "-md sha256 -signer other-certificate.pem -inkey other-key.pem";
        let mut attached = report("-md sha256 -nodetach");
        attached.body.push(b'\n');
        let refused = [
            ("two signers", report(two), "exactly one signer"),
            ("a signer without a name", report("-md sha256 -keyid"), "not a CMS SignedData"),
            ("a digest that no device has", report("-md sha3-256"), "unsupported algorithm"),
            ("other content attached", attached, "does not belong to this message"),
        ];
        house.run(refused.map(|(name, request, why)| Row::new(name, request, Expect::Refused(400, why))).into()).await;
        let taken = [
            "-noattr -md sha1 -stream",
            "-noattr -md sha1 -stream -nodetach",
            "-noattr -md sha256",
            "-md sha1 -nosmimecap",
            "-md sha256",
            "-md sha256 -stream -nodetach",
            "-md sha512",
            "-md sha256 -certfile other-certificate.pem",
        ];
        house.run(taken.map(|options| Row::new(options, report(options), Expect::Taken)).into()).await;
    }
}

#[tokio::test]
async fn the_header_of_a_listed_proxy_is_one_good_certificate_or_refused() {
    for house in houses_of(Patience::default(), Size::default(), proxied).await {
        let (bad, good) = (&house.bad, &house.good);
        let report = || Request::report(&bad.idle());
        let structured = |der: &[u8]| format!(":{}:", STANDARD.encode(der));
        let escaped = |der: &[u8]| {
            let pem = String::from_utf8(X509::from_der(der).unwrap().to_pem().unwrap()).unwrap();
            pem.replace(' ', "%20").replace('\n', "%0A").replace('+', "%2B").replace('=', "%3D")
        };
        let passed = |value: &str| report().with("Client-Cert", value);
        let own = structured(&bad.certificate);
        let foreign = rcgen::generate_simple_self_signed(vec!["UDID-BAD".to_owned()]).unwrap();
        let mut cut = bad.certificate.clone();
        cut.truncate(300);
        let mut changed = bad.certificate.clone();
        let end = changed.len() - 3;
        changed[end] ^= 1;
        let odd = "the header with the client certificate cannot be read";
        let refused = [
            ("nothing", report(), "neither a client certificate"),
            ("an empty header", passed(""), "neither a client certificate"),
            ("no certificate", passed("(null)"), odd),
            ("base64 of the wrong alphabet", passed(":-_-_:"), odd),
            ("half an escape", passed("-----BEGIN%2"), odd),
            ("a PEM without escapes that is broken", passed("-----BEGIN CERTIFICATE-----"), odd),
            ("two certificates in one header", passed(&escaped(&bad.certificate).repeat(2)), odd),
            ("two headers", passed(&own).with("Client-Cert", own.clone()), odd),
            ("two headers, one of them empty", passed(&own).with("Client-Cert", ""), odd),
            ("bytes", report().with("Client-Cert", [0xff, 0xfe]), odd),
            ("a word in base64", passed(":aGVsbG8=:"), "not a readable certificate"),
            ("a certificate that is cut short", passed(&structured(&cut)), "not a readable certificate"),
            ("a changed certificate", passed(&structured(&changed)), "not issued by this server"),
            ("a foreign certificate", passed(&structured(foreign.cert.der())), "not issued by this server"),
            ("another device's", passed(&escaped(&good.certificate)), "names another device"),
            (
                "another device's, over the own connection",
                passed(&structured(&good.certificate)).of(bad),
                "names another",
            ),
        ];
        house.run(refused.map(|(name, request, why)| Row::new(name, request, Expect::Refused(400, why))).into()).await;
        let taken = [("RFC 9440", own), ("nginx", escaped(&bad.certificate))];
        house.run(taken.map(|(name, value)| Row::new(name, passed(&value), Expect::Taken)).into()).await;
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
        // Of a device, as long as may be; and longer, but broken.
        let noise = vec![b' '; 3 << 20];
        let own = Request::report(&noise).of(&house.bad);
        house.run(vec![Row::new("three MiB of nothing", own, Expect::Refused(400, "cannot be read"))]).await;
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

/// A device that came by an invitation of its own, and is known here by the same name as another one where that is said.
async fn arrived(house: &House, phone: &Phone) -> Device {
    let mut view = house.world.ctx.store.read().await.unwrap();
    let device = devices::find(&mut *view, &phone.serial).await.unwrap().unwrap().id;
    let live = channels::live_of_device(&mut *view, device).await.unwrap().unwrap();
    Device {
        serial: "C77",
        device,
        channel: live.channel,
        certificate: phone.certificate.clone(),
        key: phone.client.key.clone(),
    }
}

#[tokio::test]
async fn an_expired_identity_that_is_in_use_is_offered_its_renewal_and_nothing_else() {
    for house in houses().await {
        let (world, authority) = (&house.world, ready(&house.world).await);
        let phone = enrolled(world, &authority, "C77").await;
        let device = arrived(&house, &phone).await;
        let waiting = house.queue(&device, &Command::DeviceConfigured).await;
        world.clock.advance(366 * DAY);
        let signed = Request::report(&device.idle());
        let signed = signed.signed(&device.certificate, &device.key, &device.idle(), Pkcs7Flags::empty());
        let shown = Request::report(&device.idle()).of(&device);
        assert_eq!(delivered(&shown.send(&house).await), None, "it is heard, and what is queued waits");
        assert_eq!(delivered(&signed.send(&house).await), None);
        assert_eq!(renewal::round(&world.ctx, &authority).await.unwrap(), 1);
        for request in [shown, signed] {
            let answer = request.send(&house).await;
            let offered = Delivered::decode(&answer.body, Limits::for_body(answer.body.len())).unwrap().unwrap();
            assert!(matches!(offered.command, Command::InstallProfile { .. }), "{offered:?}");
        }
        assert_eq!(house.outcome(&waiting).await, None);
    }
}

#[tokio::test]
async fn who_takes_a_devices_name_is_answered_and_gets_nothing() {
    for house in houses().await {
        let (world, authority) = (&house.world, ready(&house.world).await);
        let old = enrolled(world, &authority, "C77").await;
        old.drain(world).await;
        let device = arrived(&house, &old).await;
        let waiting = house.queue(&device, &Command::DeviceConfigured).await;
        let code = invite(world, None, 1).await.code;
        let new = Phone::accept(world, &authority, &code, "C77").await;
        let thief =
            Device { certificate: new.certificate.clone(), key: new.client.key.clone(), ..arrived(&house, &old).await };
        for message in [new.authenticate(), new.token_update()] {
            assert_eq!(Request::check_in(&message.encode()).of(&thief).send(&house).await.status, 200);
        }
        assert_eq!(delivered(&Request::report(&thief.idle()).of(&thief).send(&house).await), None, "held");
        let stolen = Report::acknowledged(thief.sender(), waiting.clone(), &ResultAnswer::none()).encode();
        assert_eq!(delivered(&Request::report(&stolen).of(&thief).send(&house).await), None);
        assert_eq!(house.outcome(&waiting).await, None, "not its command");
        let idle = Request::report(&device.idle()).of(&device);
        assert_eq!(delivered(&idle.send(&house).await), Some(waiting), "the old one goes on");
    }
}
