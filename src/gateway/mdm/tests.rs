//! Devices at the door: what they send, and what they get, on each database.

use super::super::router;
use crate::commands::{self, NewCommand, OutcomeState, Priority, Purpose};
use crate::config::AddressRange;
use crate::enrollment::testing::{enroll, identity, leave};
use crate::ids::{ChannelId, DeviceId};
use crate::server::{PeerAddress, PeerCertificate};
use crate::testing::{self, World};
use axum::body::{Body, Bytes};
use axum::http::{Method, Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt as _;
use openssl::pkcs7::{Pkcs7, Pkcs7Flags};
use openssl::pkey::{PKey, Private};
use openssl::stack::Stack;
use openssl::x509::X509;
use russet_protocol::checkin::{CheckIn, CheckOut, GetToken, Sender};
use russet_protocol::command::{Command, Delivered};
use russet_protocol::guard::Limits;
use russet_protocol::plist::Dictionary;
use russet_protocol::result::{Answer, Report};
use russet_protocol::{CommandUuid, Udid, media};
use tower::ServiceExt as _;

/// An enrolled iPhone and its identity.
struct Phone {
    world: World,
    device: DeviceId,
    channel: ChannelId,
    certificate: Vec<u8>,
    key: PKey<Private>,
}

async fn phones() -> Vec<Phone> {
    let mut phones = Vec::new();
    for world in testing::contexts().await {
        let (device, channel) = enroll(&world.ctx, "C02", "iPhone17,2").await;
        let (certificate, key) = identity(&world.ctx, channel).await;
        phones.push(Phone { world, device, channel, certificate, key });
    }
    phones
}

fn sender() -> Sender {
    Sender::device(Udid::new("UDID-C02").unwrap())
}

fn idle() -> Vec<u8> {
    Report::idle(sender()).encode()
}

fn to(path: &str, media_type: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::builder().method(Method::PUT).uri(path).header(header::CONTENT_TYPE, media_type);
    request.body(body.into()).unwrap()
}

impl Phone {
    async fn send(&self, mut request: Request<Body>, certificate: Option<&[u8]>) -> (StatusCode, Bytes) {
        request.extensions_mut().insert(PeerCertificate(certificate.map(Into::into)));
        let response = router(self.world.ctx.clone()).oneshot(request).await.unwrap();
        let status = response.status();
        assert_ne!(status, StatusCode::UNAUTHORIZED, "it would un-enroll the device");
        (status, response.into_body().collect().await.unwrap().to_bytes())
    }

    /// With the client certificate.
    async fn put(&self, path: &str, media_type: &str, body: impl Into<Body>) -> (StatusCode, Bytes) {
        self.send(to(path, media_type, body), Some(&self.certificate)).await
    }

    /// With an `Mdm-Signature` instead.
    async fn put_signed(&self, path: &str, body: &[u8], signed: &[u8]) -> (StatusCode, Bytes) {
        let (signer, none) = (X509::from_der(&self.certificate).unwrap(), Stack::new().unwrap());
        let flags = Pkcs7Flags::DETACHED | Pkcs7Flags::BINARY;
        let signature = Pkcs7::sign(&signer, &self.key, &none, signed, flags).unwrap().to_der().unwrap();
        let mut request = to(path, media::MDM, body.to_vec());
        request.headers_mut().insert("Mdm-Signature", STANDARD.encode(signature).parse().unwrap());
        self.send(request, None).await
    }

    async fn queue(&self, command: &Command) -> CommandUuid {
        let ctx = &self.world.ctx;
        let mut tx = ctx.store.begin("test: enqueue").await.unwrap();
        let new = NewCommand {
            channel: self.channel,
            device: self.device,
            command,
            after: None,
            purpose: Purpose::Inventory,
            priority: Priority::Interactive,
            expires_at: None,
        };
        let uuid = commands::enqueue(&mut *tx, ctx, new).await.unwrap();
        tx.commit().await.unwrap();
        uuid
    }

    async fn state(&self, uuid: &CommandUuid) -> Option<OutcomeState> {
        let mut view = self.world.ctx.store.read().await.unwrap();
        commands::outcome(&mut *view, uuid).await.unwrap().map(|outcome| outcome.state)
    }
}

#[tokio::test]
async fn a_session_is_command_answer_command_answer_and_an_empty_body() {
    for phone in phones().await {
        let first = phone.queue(&Command::DeviceConfigured).await;
        let second = phone.queue(&Command::RemoveProfile { identifier: "com.example".into() }).await;
        let mut said = idle();
        for expected in [&first, &second] {
            let (status, body) = phone.put("/mdm", media::MDM, said).await;
            assert_eq!(status, StatusCode::OK);
            let delivered = Delivered::decode(&body, Limits::default()).unwrap().unwrap();
            assert_eq!(&delivered.uuid, expected);
            said = Report::acknowledged(sender(), delivered.uuid, &Answer::none()).encode();
        }
        assert_eq!(phone.put("/mdm", media::MDM, said).await, (StatusCode::OK, Bytes::new()));
        assert_eq!(phone.state(&first).await, Some(OutcomeState::Done));
        assert_eq!(phone.state(&second).await, Some(OutcomeState::Done));
    }
}

#[tokio::test]
async fn either_url_takes_either_kind_whatever_it_is_called() {
    for phone in phones().await {
        let uuid = phone.queue(&Command::DeviceConfigured).await;
        let token = CheckIn::GetToken(GetToken {
            sender: sender(),
            service: "com.apple.maid".into(),
            parameters: None,
            other: Dictionary::new(),
        });
        for path in ["/mdm", "/checkin"] {
            for media_type in
                [media::CHECK_IN, media::MDM, "application/x-apple-aspen-mdm-checkin; charset=UTF-8", "text/plain"]
            {
                let (status, body) = phone.put(path, media_type, idle()).await;
                assert_eq!(status, StatusCode::OK, "{path} {media_type}");
                assert_eq!(Delivered::decode(&body, Limits::default()).unwrap().unwrap().uuid, uuid);
                let (status, body) = phone.put(path, media_type, token.encode()).await;
                assert_eq!((status, &body[..]), (StatusCode::BAD_REQUEST, &b"there is no token of this service\n"[..]));
            }
        }
    }
}

#[tokio::test]
async fn a_signature_counts_for_exactly_the_bytes_it_covers() {
    for phone in phones().await {
        let uuid = phone.queue(&Command::DeviceConfigured).await;
        let (status, body) = phone.put_signed("/mdm", &idle(), &idle()).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(Delivered::decode(&body, Limits::default()).unwrap().unwrap().uuid, uuid);
        let forged = Report::acknowledged(sender(), uuid.clone(), &Answer::none()).encode();
        let (status, _) = phone.put_signed("/mdm", &forged, &idle()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(phone.state(&uuid).await, None);
    }
}

#[tokio::test]
async fn who_proves_nothing_is_refused_and_learns_nothing() {
    for phone in phones().await {
        phone.queue(&Command::DeviceConfigured).await;
        let other = Report::idle(Sender::device(Udid::new("UDID-OTHER").unwrap())).encode();
        for (what, request, certificate) in [
            ("no identity", to("/mdm", media::MDM, idle()), None),
            ("no certificate", to("/mdm", media::MDM, idle()), Some(&b"no certificate"[..])),
            ("another device's name", to("/mdm", media::MDM, other), Some(&phone.certificate[..])),
            ("no property list", to("/mdm", media::MDM, "Hello"), Some(&phone.certificate[..])),
            ("nothing", to("/checkin", media::CHECK_IN, ""), Some(&phone.certificate[..])),
            ("a list of nothing", to("/mdm", media::MDM, "<plist><dict/></plist>"), Some(&phone.certificate[..])),
        ] {
            let (status, body) = phone.send(request, certificate).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{what}");
            assert!(!body.windows(7).any(|part| part == b"Command"), "{what}");
        }
        let get = Request::builder().uri("/mdm").body(Body::empty()).unwrap();
        assert_eq!(phone.send(get, None).await.0, StatusCode::METHOD_NOT_ALLOWED);
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_ends_its_command_and_the_session_goes_on() {
    for phone in phones().await {
        let uuid = phone.queue(&Command::DeviceConfigured).await;
        phone.put("/mdm", media::MDM, idle()).await;
        let large = vec![b' '; super::body::LARGEST + 1];
        assert_eq!(phone.send(to("/mdm", media::MDM, large.clone()), None).await.0, StatusCode::BAD_REQUEST);
        assert_eq!(phone.state(&uuid).await, None, "nobody knows whose that was");
        assert_eq!(phone.put("/mdm", media::MDM, large).await, (StatusCode::OK, Bytes::new()));
        assert_eq!(phone.state(&uuid).await, Some(OutcomeState::Failed));
    }
}

#[tokio::test]
async fn an_enrollment_that_is_over_is_told_so_and_may_say_goodbye_again() {
    for phone in phones().await {
        leave(&phone.world.ctx, phone.device).await;
        let goodbye = CheckIn::CheckOut(CheckOut { sender: sender(), topic: None, other: Dictionary::new() });
        assert_eq!(phone.put("/checkin", media::CHECK_IN, goodbye.encode()).await.0, StatusCode::OK);
        let (status, body) = phone.put("/mdm", media::MDM, idle()).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(String::from_utf8_lossy(&body).contains("com.apple.unrecognized.device"));
    }
}

#[tokio::test]
async fn a_listed_proxy_passes_the_certificate_on_and_nobody_else_does() {
    for phone in phones().await {
        let Phone { world, device, channel, certificate, key } = phone;
        let world = world.configured(|config| {
            config.device.trusted_proxies = vec![AddressRange::parse("10.0.0.0/8").unwrap()];
            config.device.plain_http = true;
        });
        let phone = Phone { world, device, channel, certificate, key };
        let value = format!(":{}:", STANDARD.encode(&phone.certificate));
        let pem = X509::from_der(&phone.certificate).unwrap().to_pem().unwrap();
        let escaped: String =
            String::from_utf8(pem).unwrap().chars().fold(String::new(), |text, letter| match letter {
                ' ' => text + "%20",
                '\n' => text + "%0A",
                '+' => text + "%2B",
                other => text + &other.to_string(),
            });
        for (from, header, status) in [
            ("10.1.2.3", Some(value.as_str()), StatusCode::OK),
            ("10.1.2.3", Some(escaped.as_str()), StatusCode::OK),
            ("10.1.2.3", None, StatusCode::BAD_REQUEST),
            ("10.1.2.3", Some("no certificate"), StatusCode::BAD_REQUEST),
            ("192.0.2.7", Some(value.as_str()), StatusCode::FORBIDDEN),
        ] {
            let mut request = to("/mdm", media::MDM, idle());
            request.extensions_mut().insert(PeerAddress((from.parse::<std::net::IpAddr>().unwrap(), 4000).into()));
            if let Some(header) = header {
                request.headers_mut().insert("client-cert", header.parse().unwrap());
            }
            assert_eq!(phone.send(request, None).await.0, status, "{from} {header:?}");
        }
    }
}
