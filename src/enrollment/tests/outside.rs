//! Identities of outside authorities.

use super::super::identity::{Refused, State};
use super::super::{EnrollmentError, channels, renewal, unenroll};
use super::device::Phone;
use super::scep_client::Client;
use super::{DAY, enrolled, ready};
use crate::directory::{devices, installed_profiles};
use crate::testing::{self, World};
use russet_pki::ca::Authority;
use russet_pki::certificate::IdentityRefused;
use russet_protocol::command::Command;
use russet_protocol::result::{InstalledPayload, InstalledProfile};
use std::sync::Arc;

fn phone(world: &World, own: &Arc<Authority>, issuer: &Authority, serial: &str) -> Phone {
    let client = Client::new();
    let public = client.key.public_key_to_der().unwrap();
    // Their authority gives every device the same name: it decides nothing.
    let certificate = issuer.issue_identity(&public, "device", world.ctx.random_bytes(), world.ctx.now()).unwrap();
    Phone { serial: serial.to_owned(), client, certificate, authority: Arc::clone(own) }
}

fn refused<T: std::fmt::Debug>(result: Result<T, EnrollmentError>) -> Refused {
    match result {
        Err(EnrollmentError::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_outside_identity_is_bound_at_its_first_authenticate() {
    for world in testing::contexts().await {
        let theirs = Authority::generate("Theirs", world.ctx.random_bytes(), world.ctx.now()).unwrap();
        let own = ready(&world).await;
        let early = phone(&world, &own, &theirs, "C01");
        let foreign = Refused::Certificate(IdentityRefused::ForeignIssuer);
        assert_eq!(refused(early.says(&world, &early.authenticate()).await), foreign, "not configured");

        let world =
            world.configured(|config| config.device.identity_authorities = vec![theirs.certificate_der().to_vec()]);
        let first = phone(&world, &own, &theirs, "C01");
        assert_eq!(refused(first.idle(&world).await), Refused::Unknown, "only an Authenticate binds it");
        first.arrive(&world).await;
        assert_eq!(first.drain(&world).await.len(), 2);
        let own_one = enrolled(&world, &own, "C02").await;
        assert!(own_one.idle(&world).await.is_ok(), "our own identities go on");

        // Another one of theirs names the same device: held, as everyone else.
        let second = phone(&world, &own, &theirs, "C01");
        second.arrive(&world).await;
        assert!(second.idle(&world).await.unwrap().is_none());
        let mut tx = world.ctx.store.begin("test").await.unwrap();
        let device = devices::find(&mut *tx, "C01").await.unwrap().unwrap().id;
        let shown = channels::enrollments_of_device(&mut *tx, device).await.unwrap();
        assert_eq!(shown.iter().map(|one| one.state).collect::<Vec<_>>(), [State::Live]);
        let unknown = unenroll(&mut *tx, &world.ctx, device).await.unwrap_err();
        assert!(unknown.to_string().contains("has not named it"), "{unknown}");
        drop(tx);

        world.clock.advance(330 * DAY);
        assert_eq!(renewal::round(&world.ctx, &own).await.unwrap(), 1, "ours is renewed, theirs by them");
        world.clock.advance(40 * DAY);
        let expired = Refused::Certificate(IdentityRefused::Expired);
        assert_eq!(refused(first.idle(&world).await), expired);
    }
}

#[tokio::test]
async fn the_profile_of_another_server_is_removed_as_the_device_itself_names_it() {
    for world in testing::contexts().await {
        let theirs = Authority::generate("Theirs", world.ctx.random_bytes(), world.ctx.now()).unwrap();
        let own = ready(&world).await;
        let world =
            world.configured(|config| config.device.identity_authorities = vec![theirs.certificate_der().to_vec()]);
        let first = phone(&world, &own, &theirs, "C01");
        first.arrive(&world).await;
        first.drain(&world).await;
        let payload = |kind: &str| InstalledPayload { payload_type: kind.to_owned(), ..InstalledPayload::default() };
        let profile = |identifier: &str, kind: &str| InstalledProfile {
            identifier: identifier.to_owned(),
            payloads: vec![payload("com.apple.security.scep"), payload(kind)],
            ..InstalledProfile::default()
        };
        let (vpn, mdm) =
            (profile("com.example.vpn", "com.apple.vpn.managed"), profile("com.theirs.mdm", "com.apple.mdm"));
        let mut tx = world.ctx.store.begin("test: ProfileList").await.unwrap();
        let device = devices::find(&mut *tx, "C01").await.unwrap().unwrap().id;
        installed_profiles::record(&mut *tx, device, &[vpn, mdm.clone()], world.ctx.now()).await.unwrap();
        unenroll(&mut *tx, &world.ctx, device).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(first.drain(&world).await, [Command::RemoveProfile { identifier: "com.theirs.mdm".to_owned() }]);

        let twice = [mdm, profile("com.odd.mdm", "com.apple.mdm")];
        let mut tx = world.ctx.store.begin("test: ProfileList").await.unwrap();
        installed_profiles::record(&mut *tx, device, &twice, world.ctx.now()).await.unwrap();
        let odd = unenroll(&mut *tx, &world.ctx, device).await.unwrap_err();
        assert!(odd.to_string().contains("several profiles"), "{odd}");
    }
}
