//! Check-in messages whose answer is a matter of configuration, and declarative management.

use super::super::checkin::Reply;
use super::super::declarations;
use super::{enrolled, ready};
use crate::config::Maid;
use crate::directory::devices;
use crate::testing::{self, World};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::sign::Verifier;
use russet_protocol::checkin::{CheckIn, DeclarativeManagement, GetToken, UserAuthenticate};
use russet_protocol::guard::{Limits, parse};
use russet_protocol::plist::{Dictionary, Value as Plist};
use serde_json::{Value, json};
use zeroize::Zeroizing;

fn keys(reply: Reply) -> Dictionary {
    match reply {
        Reply::PropertyList(bytes) => parse(&bytes, Limits::default()).unwrap().into_dictionary().unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn network_users_are_managed_where_the_configuration_says_so() {
    let world = testing::sqlite().await.configured(|config| config.check_in.manages_network_users = true);
    let authority = ready(&world).await;
    let mac = enrolled(&world, &authority, "C01").await;
    let login = |digest_response: Option<&str>| {
        let digest_response = digest_response.map(str::to_owned);
        CheckIn::UserAuthenticate(UserAuthenticate {
            sender: mac.user(),
            digest_response,
            ..UserAuthenticate::default()
        })
    };
    let answer = keys(mac.says(&world, &login(None)).await.unwrap());
    assert_eq!(answer.get("DigestChallenge").and_then(Plist::as_string), Some(""), "no token is wanted");
    assert_eq!(mac.says(&world, &login(Some("digest"))).await.unwrap(), Reply::UserNotManaged);
}

#[tokio::test]
async fn a_token_for_managed_accounts_is_signed_and_used_once() {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let der = Zeroizing::new(key.private_key_to_pkcs8().unwrap());
    let server_uuid = "5fd63e67-4d6e-4c6a-9d4b-2f8f0e5b1f6a".to_owned();
    let maid = Maid { server_uuid, key: der };
    let world = testing::sqlite().await.configured(|config| config.check_in.maid = Some(maid));
    let authority = ready(&world).await;
    let phone = enrolled(&world, &authority, "C01").await;
    let ask = async |service: &str| {
        let (sender, service) = (phone.sender(), service.to_owned());
        let message = GetToken { sender, service, parameters: None, other: Dictionary::new() };
        phone.says(&world, &CheckIn::GetToken(message)).await.unwrap()
    };
    let mut seen = Vec::new();
    for _ in 0..2 {
        let answer = keys(ask("com.apple.maid").await);
        let token = String::from_utf8(answer.get("TokenData").unwrap().as_data().unwrap().to_vec()).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let mut verifier = Verifier::new(MessageDigest::sha256(), &key).unwrap();
        verifier.update(signed.as_bytes()).unwrap();
        assert!(verifier.verify(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap());
        let parts: Vec<Value> = signed
            .split('.')
            .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
            .collect();
        assert_eq!(parts[0], json!({ "alg": "RS256", "typ": "JWT" }));
        assert_eq!(parts[1]["iss"], "5fd63e67-4d6e-4c6a-9d4b-2f8f0e5b1f6a");
        assert_eq!(parts[1]["service_type"], "com.apple.maid");
        assert_eq!(parts[1]["iat"], world.ctx.now().millis() / 1000);
        seen.push(parts[1]["jti"].as_str().unwrap().to_owned());
    }
    assert_ne!(seen[0], seen[1]);
    assert_eq!(ask("com.apple.watch.pairing").await, Reply::UnknownService);
}

async fn declares(world: &World, phone: &super::device::Phone, endpoint: &str, data: Option<&Value>) -> Reply {
    let message = DeclarativeManagement {
        sender: phone.sender(),
        endpoint: endpoint.to_owned(),
        data: data.map(|data| data.to_string().into_bytes()),
        other: Dictionary::new(),
    };
    phone.says(world, &CheckIn::DeclarativeManagement(message)).await.unwrap()
}

fn read(reply: Reply) -> Value {
    match reply {
        Reply::Json(bytes) => serde_json::from_slice(&bytes).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn nothing_is_declared_and_status_is_kept() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let phone = enrolled(&world, &authority, "C01").await;
        let tokens = read(declares(&world, &phone, "tokens", None).await);
        assert_eq!(tokens["SyncTokens"]["Timestamp"], "2026-11-21T08:00:00Z");
        let items = read(declares(&world, &phone, "declaration-items", None).await);
        assert_eq!(items["DeclarationsToken"], tokens["SyncTokens"]["DeclarationsToken"], "from one snapshot");
        let none = json!({ "Activations": [], "Assets": [], "Configurations": [], "Management": [] });
        assert_eq!(items["Declarations"], none);
        assert_eq!(declares(&world, &phone, "declaration/asset/any", None).await, Reply::NoDeclaration);

        for report in [
            json!({ "StatusItems": { "device": { "identifier": { "udid": "U" } } }, "Errors": [] }),
            json!({ "StatusItems": { "passcode": { "is-compliant": true } }, "Errors": [] }),
            json!("not a report"),
        ] {
            assert_eq!(declares(&world, &phone, "status", Some(&report)).await, Reply::Json(Vec::new()));
        }
        let mut view = world.ctx.store.read().await.unwrap();
        let device = devices::find(&mut *view, "C01").await.unwrap().unwrap().id;
        let reported = declarations::status_of_device(&mut *view, device).await.unwrap();
        assert_eq!((reported.len(), &reported[0].user), (1, &None));
        let whole = json!({ "device": { "identifier": { "udid": "U" } }, "passcode": { "is-compliant": true } });
        assert_eq!(reported[0].report["StatusItems"], whole);
    }
}
