//! Identities end; devices do not have to.

use super::super::identity::Refused;
use super::super::{EnrollmentError, issuance, renewal};
use super::device::{Phone, challenge, opened};
use super::scep_client::Client;
use super::{DAY, enrolled, invite, ready};
use crate::commands::Delivery;
use crate::testing::{self, World};
use openssl::pkcs12::Pkcs12;
use openssl::x509::X509;
use russet_pki::ca::Authority;
use russet_pki::certificate::IdentityRefused;
use russet_protocol::checkin::{CheckIn, DeclarativeManagement};
use russet_protocol::command::{Command, Delivered};
use russet_protocol::guard::Limits;
use russet_protocol::plist::Dictionary;
use russet_protocol::profile::{PayloadBody, Profile};
use russet_protocol::result::Status;
use std::sync::Arc;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
/// From the start of an identity to the day on which it is to be renewed.
const UNTIL_DUE: Duration = Duration::from_secs((365 - 45) * 24 * 3600);

/// The profile that a delivered InstallProfile brings.
fn profile(delivery: &Delivery) -> Profile {
    let delivered = Delivered::decode(&delivery.bytes, Limits::default()).unwrap().unwrap();
    let Command::InstallProfile { payload } = delivered.command else { panic!("no profile") };
    Profile::decode(&opened(&payload), Limits::default()).unwrap()
}

/// The device asks for a new identity with the challenge of a profile.
async fn ask(world: &World, old: &Phone, profile: &Profile) -> Option<Phone> {
    let client = Client::new();
    let message = client.message(Some(&challenge(profile)), old.authority.certificate_der(), "R1", None);
    let answer = issuance::answer(&world.ctx, &old.authority, message.clone()).await.unwrap();
    let certificate = client.open(&answer)?;
    let again = issuance::answer(&world.ctx, &old.authority, message).await.unwrap();
    assert_eq!(client.open(&again).as_ref(), Some(&certificate), "its answer was lost: the same certificate");
    Some(Phone { serial: old.serial.clone(), client, certificate, authority: old.authority.clone() })
}

async fn round(world: &World, authority: &Arc<Authority>) -> u32 {
    renewal::round(&world.ctx, authority).await.unwrap()
}

fn refused(result: Result<Option<Delivery>, EnrollmentError>) -> Refused {
    match result {
        Err(EnrollmentError::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_identity_is_renewed_before_it_ends_and_nothing_else_changes() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let old = enrolled(&world, &authority, "C01").await;
        old.drain(&world).await;
        world.clock.advance(UNTIL_DUE - HOUR);
        assert_eq!(round(&world, &authority).await, 0, "too early");
        world.clock.advance(2 * HOUR);
        assert_eq!(round(&world, &authority).await, 1);
        assert_eq!(round(&world, &authority).await, 0, "one at a time");
        world.clock.advance(2 * DAY);
        assert_eq!(round(&world, &authority).await, 0, "also where the device is off for days");

        let delivery = old.idle(&world).await.unwrap().unwrap();
        let new = ask(&world, &old, &profile(&delivery)).await.unwrap();
        new.arrive(&world).await;
        // The command is answered by the new identity; nothing was queued anew, nothing dropped.
        assert_eq!(new.answers(&world, &delivery.uuid, Status::Acknowledged).await.unwrap(), None);
        assert!(new.idle(&world).await.unwrap().is_none(), "no question is asked again");
        world.clock.advance(DAY - HOUR);
        assert!(old.idle(&world).await.is_ok(), "a failed replacement may still be rolled back");
        world.clock.advance(2 * HOUR);
        assert_eq!(refused(old.idle(&world).await), Refused::Replaced);
        assert!(new.idle(&world).await.is_ok());
        world.clock.advance(UNTIL_DUE - 3 * DAY);
        assert_eq!(round(&world, &authority).await, 0);
        world.clock.advance(3 * DAY);
        assert_eq!(round(&world, &authority).await, 1, "a year later the next one");
    }
}

#[tokio::test]
async fn who_took_part_in_declarations_is_told_of_them_again_after_a_renewal() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let old = enrolled(&world, &authority, "C01").await;
        old.drain(&world).await;
        let status = DeclarativeManagement {
            sender: old.sender(),
            endpoint: "status".to_owned(),
            data: Some(br#"{"StatusItems": {}}"#.to_vec()),
            other: Dictionary::new(),
        };
        old.says(&world, &CheckIn::DeclarativeManagement(status)).await.unwrap();
        world.clock.advance(UNTIL_DUE + HOUR);
        assert_eq!(round(&world, &authority).await, 1);
        let delivery = old.idle(&world).await.unwrap().unwrap();
        let new = ask(&world, &old, &profile(&delivery)).await.unwrap();
        new.arrive(&world).await;
        let next = new.answers(&world, &delivery.uuid, Status::Acknowledged).await.unwrap().unwrap();
        let next = Delivered::decode(&next.bytes, Limits::default()).unwrap().unwrap();
        assert_eq!(next.command, Command::DeclarativeManagement { data: None });
        assert_eq!(new.answers(&world, &next.uuid, Status::Acknowledged).await.unwrap(), None);
        assert!(new.idle(&world).await.unwrap().is_none(), "once");
    }
}

#[tokio::test]
async fn the_renewed_profile_is_the_old_one_with_a_new_challenge() {
    let world = testing::sqlite().await;
    let authority = ready(&world).await;
    let code = invite(&world, None, 1).await.code;
    let first = super::device::download(&world, &authority, &code).await;
    let phone = Phone::from_profile(&world, &authority, &first, "C01").await;
    phone.arrive(&world).await;
    phone.drain(&world).await;
    world.clock.advance(UNTIL_DUE + HOUR);
    assert_eq!(round(&world, &authority).await, 1);
    let second = profile(&phone.idle(&world).await.unwrap().unwrap());
    let uuids = |profile: &Profile| profile.payloads.iter().map(|one| one.uuid.clone()).collect::<Vec<_>>();
    assert_eq!((&first.identifier, uuids(&first)), (&second.identifier, uuids(&second)), "updated in place");
    assert_eq!(first.payload("com.apple.mdm"), second.payload("com.apple.mdm"), "or the device would refuse it");
    assert_ne!(challenge(&first), challenge(&second));
}

#[tokio::test]
async fn a_challenge_lives_as_long_as_its_command() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let phone = enrolled(&world, &authority, "C01").await;
        phone.drain(&world).await;
        world.clock.advance(UNTIL_DUE + HOUR);
        assert_eq!(round(&world, &authority).await, 1);
        let delivery = phone.idle(&world).await.unwrap().unwrap();
        world.clock.advance(DAY * 29);
        assert!(ask(&world, &phone, &profile(&delivery)).await.is_some(), "weeks later");

        // It fails on the device: the next one, with a challenge of its own, comes a day later.
        phone.answers(&world, &delivery.uuid, Status::Error).await.unwrap();
        assert!(ask(&world, &phone, &profile(&delivery)).await.is_none());
        assert_eq!(round(&world, &authority).await, 0);
        world.clock.advance(DAY + HOUR);
        assert_eq!(round(&world, &authority).await, 1);
        let delivery = phone.idle(&world).await.unwrap().unwrap();
        world.clock.advance(DAY * 31);
        assert!(ask(&world, &phone, &profile(&delivery)).await.is_none(), "expired with its command");
        crate::commands::upkeep(&world.ctx).await.unwrap();
        assert_eq!(round(&world, &authority).await, 1, "another one takes its place");
    }
}

#[tokio::test]
async fn an_answer_that_was_lost_does_not_renew_twice() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let old = enrolled(&world, &authority, "C01").await;
        old.drain(&world).await;
        world.clock.advance(UNTIL_DUE + HOUR);
        round(&world, &authority).await;
        let delivery = old.idle(&world).await.unwrap().unwrap();
        let new = ask(&world, &old, &profile(&delivery)).await.unwrap();
        new.arrive(&world).await;
        assert!(new.idle(&world).await.unwrap().is_none(), "the renewal is done, with or without its answer");
        new.answers(&world, &delivery.uuid, Status::Acknowledged).await.unwrap();
    }
}

#[tokio::test]
async fn a_device_that_went_back_to_its_old_identity_keeps_it() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let old = enrolled(&world, &authority, "C01").await;
        old.drain(&world).await;
        world.clock.advance(UNTIL_DUE + HOUR);
        round(&world, &authority).await;
        let delivery = old.idle(&world).await.unwrap().unwrap();
        let new = ask(&world, &old, &profile(&delivery)).await.unwrap();
        new.arrive(&world).await;
        old.answers(&world, &delivery.uuid, Status::Error).await.unwrap();
        world.clock.advance(DAY * 2);
        assert!(old.idle(&world).await.is_ok(), "it said so itself");
        assert_eq!(round(&world, &authority).await, 1, "and tries again");
    }
}

#[tokio::test]
async fn an_expired_identity_is_heard_and_offered_its_renewal_only() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let (phone, gone) = (enrolled(&world, &authority, "C01").await, enrolled(&world, &authority, "C02").await);
        gone.check_out(&world).await.unwrap();
        world.clock.advance(366 * DAY);
        assert!(phone.idle(&world).await.unwrap().is_none(), "the questions of its enrollment wait");
        assert_eq!(round(&world, &authority).await, 1);
        let delivery = phone.idle(&world).await.unwrap().unwrap();
        let new = ask(&world, &phone, &profile(&delivery)).await.unwrap();
        new.arrive(&world).await;
        new.answers(&world, &delivery.uuid, Status::Acknowledged).await.unwrap();
        assert_eq!(new.drain(&world).await.len(), 2, "now they are asked");
        let expired = Refused::Certificate(IdentityRefused::Expired);
        assert_eq!(refused(gone.idle(&world).await), expired, "nobody waits for this one");
    }
}

#[tokio::test]
async fn an_expired_identity_begins_its_renewal_by_speaking() {
    let world = testing::sqlite().await;
    let authority = ready(&world).await;
    let phone = enrolled(&world, &authority, "C01").await;
    phone.drain(&world).await;
    world.clock.advance(UNTIL_DUE + HOUR);
    round(&world, &authority).await;
    let first = phone.idle(&world).await.unwrap().unwrap();
    world.clock.advance(45 * DAY);
    phone.answers(&world, &first.uuid, Status::Error).await.unwrap();
    assert_eq!(round(&world, &authority).await, 0, "it has just failed");
    phone.idle(&world).await.unwrap();
    assert_eq!(round(&world, &authority).await, 1);
    assert!(phone.idle(&world).await.unwrap().is_some());
}

#[tokio::test]
async fn a_device_without_scep_gets_its_identity_with_its_key_each_time() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let code = super::invite_pkcs12(&world).await.code;
        super::device::download(&world, &authority, &code).await;
        let phone = brought(&world, &authority, &super::device::download(&world, &authority, &code).await);
        phone.arrive(&world).await;
        assert_eq!(phone.drain(&world).await.len(), 2);
        world.clock.advance(UNTIL_DUE + HOUR);
        assert_eq!(round(&world, &authority).await, 1);
        let delivery = phone.idle(&world).await.unwrap().unwrap();
        let new = brought(&world, &authority, &profile(&delivery));
        new.arrive(&world).await;
        new.answers(&world, &delivery.uuid, Status::Acknowledged).await.unwrap();
        world.clock.advance(DAY + HOUR);
        assert_eq!(refused(phone.idle(&world).await), Refused::Replaced);
        assert!(new.idle(&world).await.is_ok());
    }
}

/// The device whose identity a profile brings.
fn brought(_world: &World, authority: &Arc<Authority>, profile: &Profile) -> Phone {
    let PayloadBody::Pkcs12(identity) = &profile.payload("com.apple.security.pkcs12").unwrap().body else {
        panic!("no identity in {profile:?}")
    };
    let stored = Pkcs12::from_der(&identity.identity).unwrap();
    let parsed = stored.parse2(identity.password.as_deref().unwrap()).unwrap();
    let certificate: X509 = parsed.cert.unwrap();
    Phone {
        serial: "C12".to_owned(),
        client: Client::with_key(parsed.pkey.unwrap()),
        certificate: certificate.to_der().unwrap(),
        authority: Arc::clone(authority),
    }
}
