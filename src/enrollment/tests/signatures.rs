//! `Mdm-Signature` in the shapes of real devices, made by OpenSSL's command line; and what proves nothing.

use super::super::conversation;
use super::super::identity::{Presented, Refused};
use super::super::{EnrollmentError, checkin::Reply};
use super::device::Phone;
use super::{enrolled, invite, ready};
use crate::testing::{self, World};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::x509::X509;
use russet_pki::ca::Authority;
use russet_protocol::checkin::CheckIn;
use std::process::Command;

fn sign(world: &World, phone: &Phone, body: &[u8], options: &str) -> String {
    let folder = world.folder();
    std::fs::write(folder.join("body"), body).unwrap();
    let pem = X509::from_der(&phone.certificate).unwrap().to_pem().unwrap();
    std::fs::write(folder.join("certificate.pem"), pem).unwrap();
    std::fs::write(folder.join("key.pem"), phone.client.key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    let arguments = format!("cms -sign -binary -in body -signer certificate.pem -inkey key.pem -outform DER {options}");
    let run = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    STANDARD.encode(run.stdout)
}

async fn said(world: &World, authority: &Authority, signature: &str, body: &[u8]) -> Result<Reply, EnrollmentError> {
    let presented = Presented { peer: None, signature: Some(signature) };
    conversation::check_in(&world.ctx, authority, presented, body).await
}

#[tokio::test]
async fn both_forms_of_signature_speak_and_forgeries_do_not() {
    let world = testing::sqlite().await;
    let authority = ready(&world).await;
    let code = invite(&world, None, 1).await.code;
    let phone = Phone::accept(&world, &authority, &code, "C01").await;
    let (hello, update) = (phone.authenticate().encode(), phone.token_update().encode());
    let old_form = sign(&world, &phone, &hello, "-noattr -md sha1 -stream");
    assert_eq!(said(&world, &authority, &old_form, &hello).await.unwrap(), Reply::Done);
    let new_form = sign(&world, &phone, &update, "-md sha256");
    assert_eq!(said(&world, &authority, &new_form, &update).await.unwrap(), Reply::Done);

    let refused = |result: Result<Reply, EnrollmentError>| match result {
        Err(EnrollmentError::Refused(why)) => why,
        other => panic!("{other:?}"),
    };
    for signature in [&old_form, &new_form] {
        let mut changed = if signature == &old_form { hello.clone() } else { update.clone() };
        changed.push(b'\n');
        assert!(matches!(refused(said(&world, &authority, signature, &changed).await), Refused::Signature(_)));
    }
    assert_eq!(refused(said(&world, &authority, "***", &hello).await), Refused::NotBase64);
    let nothing = conversation::check_in(&world.ctx, &authority, Presented::default(), &hello).await;
    assert_eq!(refused(nothing), Refused::Nothing);
}

#[tokio::test]
async fn a_certificate_speaks_for_its_own_enrollment_only() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let (one, two) = (enrolled(&world, &authority, "C01").await, enrolled(&world, &authority, "C02").await);
        // One device names another: its commands, its goodbye, its token are out of reach.
        for message in [two.authenticate(), two.token_update()] {
            let refused = one.says(&world, &message).await;
            assert!(matches!(refused, Err(EnrollmentError::Refused(Refused::OtherDevice))));
        }
        assert!(!two.drain(&world).await.is_empty());

        let public = one.client.key.public_key_to_der().unwrap();
        let issued = |authority: &Authority| {
            authority.issue_identity(&public, "C01", world.ctx.random_bytes(), world.ctx.now()).unwrap()
        };
        let foreign = Authority::generate("Other", world.ctx.random_bytes(), world.ctx.now()).unwrap();
        let with = |certificate: Vec<u8>| {
            let body = CheckIn::encode(&one.authenticate());
            let (ctx, authority) = (world.ctx.clone(), authority.clone());
            async move {
                let presented = Presented { peer: Some(&certificate), signature: None };
                conversation::check_in(&ctx, &authority, presented, &body).await
            }
        };
        let result = with(issued(&foreign)).await;
        assert!(matches!(result, Err(EnrollmentError::Refused(Refused::Certificate(_)))));
        let result = with(issued(&authority)).await;
        assert!(matches!(result, Err(EnrollmentError::Refused(Refused::Unknown))), "issued, but not by this database");
    }
}
