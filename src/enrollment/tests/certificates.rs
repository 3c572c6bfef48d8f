//! What opens the door of SCEP, and what does not.

use super::super::issuance;
use super::device::{Phone, challenge, download};
use super::scep_client::Client;
use super::{DAY, enrolled, invite, ready};
use crate::testing::{self, World};
use openssl::nid::Nid;
use openssl::x509::X509;
use std::time::Duration;

async fn ask(
    world: &World,
    phone: &Client,
    authority: &std::sync::Arc<russet_pki::ca::Authority>,
    challenge: &str,
    transaction: &str,
) -> Option<Vec<u8>> {
    let message = phone.message(Some(challenge), authority.certificate_der(), transaction, None);
    phone.open(&issuance::answer(&world.ctx, authority, message).await.unwrap())
}

#[tokio::test]
async fn a_challenge_opens_once_for_one_key() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let code = invite(&world, None, 1).await.code;
        let secret = challenge(&download(&world, &authority, &code).await);
        let (client, thief) = (Client::new(), Client::new());
        assert!(ask(&world, &client, &authority, "a guess", "T1").await.is_none());
        let issued = ask(&world, &client, &authority, &secret, "T1").await.unwrap();
        let certificate = X509::from_der(&issued).unwrap();
        let name = certificate.subject_name().entries_by_nid(Nid::COMMONNAME).next().unwrap();
        let name = name.data().as_slice();
        assert!(uuid::Uuid::try_parse_ascii(name).is_ok(), "the server decides the subject");
        assert_eq!(ask(&world, &client, &authority, &secret, "T1").await, Some(issued), "its answer was lost");
        assert!(ask(&world, &thief, &authority, &secret, "T1").await.is_none(), "another key");
        assert!(ask(&world, &client, &authority, &secret, "T2").await.is_none(), "another transaction");

        let late = challenge(&download(&world, &authority, &code).await);
        world.clock.advance(DAY + Duration::from_secs(1));
        assert!(ask(&world, &thief, &authority, &late, "T1").await.is_none());
    }
}

#[tokio::test]
async fn an_identity_renews_itself_for_the_same_enrollment_only_while_it_is_live() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let phone = enrolled(&world, &authority, "C01").await;
        let old = X509::from_der(&phone.certificate).unwrap();
        let renew = async |transaction: &str| {
            let client = Client::new();
            let signer = Some((&old, &phone.client.key));
            let message = client.message(None, authority.certificate_der(), transaction, signer);
            let answer = issuance::answer(&world.ctx, &authority, message).await.unwrap();
            let issued = client.open_as(&answer, &old, &phone.client.key)?;
            Some(Phone { serial: "C01".to_owned(), client, certificate: issued, authority: authority.clone() })
        };
        world.clock.advance(DAY);
        let renewed = renew("R1").await.unwrap();
        assert!(renewed.idle(&world).await.unwrap().is_some(), "it speaks for the same enrollment");
        assert!(phone.idle(&world).await.is_ok(), "the older one is good for a day more");
        assert!(renew("R2").await.is_none(), "but renews nothing");
        world.clock.advance(DAY + Duration::from_secs(1));
        assert!(phone.idle(&world).await.is_err());
        renewed.check_out(&world).await.unwrap();
        let over = Some((&old, &phone.client.key));
        let message = Client::new().message(None, authority.certificate_der(), "R3", over);
        let answer = issuance::answer(&world.ctx, &authority, message).await.unwrap();
        assert!(phone.client.open_as(&answer, &old, &phone.client.key).is_none());
    }
}

#[tokio::test]
async fn what_is_no_scep_message_is_an_error_for_http() {
    let world = testing::sqlite().await;
    let authority = ready(&world).await;
    assert!(issuance::answer(&world.ctx, &authority, b"hello".to_vec()).await.is_err());
}
