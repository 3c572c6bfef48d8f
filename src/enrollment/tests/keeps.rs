//! What a device keeps: all of it where only its identity is renewed or it was restored; what belongs to the hardware where it
//! enrolls anew.

use super::super::checkin::Reply;
use super::super::rows::{self, Sealed};
use super::super::{channels, renewal};
use super::device::{Phone, opened};
use super::{DAY, enrolled, invite, ready};
use crate::commands::{self, NewCommand, OutcomeState, Priority, Purpose};
use crate::directory::managed_apps;
use crate::directory::{devices, lists};
use crate::ids::{DeviceId, EnrollmentId};
use crate::testing::{self, World};
use russet_protocol::checkin::{CheckIn, GetBootstrapToken, SetBootstrapToken};
use russet_protocol::command::{Command, Delivered};
use russet_protocol::guard::Limits;
use russet_protocol::profile::Profile;
use russet_protocol::result::{AppState, Status};
use russet_protocol::{BundleId, CommandUuid};

/// What is known of the device beside its enrollment.
#[derive(Debug, PartialEq)]
struct Kept {
    enrollment: EnrollmentId,
    unlock_token: Option<Vec<u8>>,
    bootstrap_token: Option<Vec<u8>>,
    apps: usize,
    profiles: bool,
    pushed: bool,
    owner_and_name: Option<String>,
}

async fn kept(world: &World) -> Kept {
    let mut view = world.ctx.store.read().await.unwrap();
    let device = devices::find(&mut *view, "C01").await.unwrap().unwrap();
    let live = channels::live_of_device(&mut *view, device.id).await.unwrap().unwrap();
    let secret = |sealed: Option<zeroize::Zeroizing<Vec<u8>>>| sealed.map(|secret| secret.to_vec());
    let sql = "SELECT token FROM push_channel WHERE channel_id = $1";
    let pushed = view.optional(sql, &[(&live.channel.text()).into()]).await.unwrap();
    Kept {
        enrollment: live.enrollment,
        unlock_token: secret(rows::sealed(&mut *view, &world.ctx, live.enrollment, Sealed::UnlockToken).await.unwrap()),
        bootstrap_token: secret(
            rows::sealed(&mut *view, &world.ctx, live.enrollment, Sealed::BootstrapToken).await.unwrap(),
        ),
        apps: managed_apps::of_device(&mut *view, device.id).await.unwrap().len(),
        profiles: lists::last_listed::<crate::directory::installed_profiles::InstalledProfile>(&mut *view, device.id)
            .await
            .unwrap()
            .is_some(),
        pushed: pushed.is_some_and(|row| row.opt_bytes("token").unwrap().is_some()),
        owner_and_name: device.name,
    }
}

/// An enrolled phone with all that it may lose, and an open command.
async fn furnished(world: &World) -> (Phone, DeviceId, CommandUuid) {
    let authority = ready(world).await;
    let phone = enrolled(world, &authority, "C01").await;
    phone.drain(world).await;
    let sender = phone.sender();
    let token = SetBootstrapToken { sender, bootstrap_token: Some(vec![5; 30]), ..SetBootstrapToken::default() };
    assert_eq!(phone.says(world, &CheckIn::SetBootstrapToken(token)).await.unwrap(), Reply::Done);
    let mut tx = world.ctx.store.begin("test: furnish").await.unwrap();
    let device = devices::find(&mut *tx, "C01").await.unwrap().unwrap().id;
    tx.run("UPDATE device SET name = 'Mia''s phone'", &[]).await.unwrap();
    let (app, now) = (BundleId::new("com.example.a").unwrap(), world.ctx.now());
    managed_apps::record_state(&mut *tx, device, &app, &AppState::Managed, now).await.unwrap();
    crate::directory::installed_profiles::record(&mut *tx, device, &[], now).await.unwrap();
    let channel = channels::live_of_device(&mut *tx, device).await.unwrap().unwrap().channel;
    let command = Command::SecurityInfo;
    let (purpose, priority) = (Purpose::Admin, Priority::Bulk);
    let new = NewCommand { channel, device, command: &command, after: None, purpose, priority, expires_at: None };
    let uuid = commands::enqueue(&mut *tx, &world.ctx, new).await.unwrap();
    tx.commit().await.unwrap();
    (phone, device, uuid)
}

async fn outcome(world: &World, uuid: &CommandUuid) -> Option<(OutcomeState, Option<String>)> {
    let outcome = commands::outcome(&mut *world.ctx.store.read().await.unwrap(), uuid).await.unwrap();
    outcome.map(|outcome| (outcome.state, outcome.reason))
}

#[tokio::test]
async fn a_renewed_identity_keeps_everything() {
    for world in testing::contexts().await {
        let (phone, _, open) = furnished(&world).await;
        let before = kept(&world).await;
        assert!(before.unlock_token.is_some() && before.bootstrap_token.is_some() && before.pushed && before.profiles);
        world.clock.advance(330 * DAY);
        assert_eq!(renewal::round(&world.ctx, &phone.authority).await.unwrap(), 1);
        let mut next = phone.idle(&world).await.unwrap();
        let renewed = loop {
            let delivery = next.expect("the renewal comes");
            let delivered = Delivered::decode(&delivery.bytes, Limits::default()).unwrap().unwrap();
            if let Command::InstallProfile { payload } = delivered.command {
                let profile = Profile::decode(&opened(&payload), Limits::default()).unwrap();
                break Phone::from_profile(&world, &phone.authority, &profile, "C01").await;
            }
            next = phone.answers(&world, &delivery.uuid, Status::NotNow).await.unwrap();
        };
        renewed.arrive(&world).await;
        assert_eq!(kept(&world).await, before);
        assert_eq!(outcome(&world, &open).await, None, "its command still waits");
    }
}

#[tokio::test]
async fn a_restored_device_keeps_everything() {
    for world in testing::contexts().await {
        let (phone, _, open) = furnished(&world).await;
        let before = kept(&world).await;
        let CheckIn::TokenUpdate(mut update) = phone.token_update() else { unreachable!() };
        update.token = russet_protocol::PushToken::new([7; 32]).unwrap();
        update.unlock_token = None;
        phone.says(&world, &CheckIn::TokenUpdate(update)).await.unwrap();
        assert_eq!(kept(&world).await, before, "a TokenUpdate without UnlockToken leaves the stored one");
        assert_eq!(outcome(&world, &open).await, None);
        let ask = CheckIn::GetBootstrapToken(GetBootstrapToken { sender: phone.sender(), ..Default::default() });
        let given = russet_protocol::checkin::bootstrap_token_answer(Some(&[5; 30]));
        assert_eq!(phone.says(&world, &ask).await.unwrap(), Reply::PropertyList(given));
    }
}

#[tokio::test]
async fn a_device_that_enrolls_anew_keeps_what_belongs_to_the_hardware_only() {
    for world in testing::contexts().await {
        let (phone, device, open) = furnished(&world).await;
        let before = kept(&world).await;
        let code = invite(&world, Some("C01"), 1).await.code;
        let again = Phone::accept(&world, &phone.authority, &code, "C01").await;
        again.says(&world, &again.authenticate()).await.unwrap();
        assert_eq!(kept(&world).await, before, "nothing happens before its first TokenUpdate");
        let CheckIn::TokenUpdate(mut update) = again.token_update() else { unreachable!() };
        update.unlock_token = None;
        again.says(&world, &CheckIn::TokenUpdate(update)).await.unwrap();
        let after = kept(&world).await;
        assert_ne!(after.enrollment, before.enrollment);
        assert_eq!((after.unlock_token, after.bootstrap_token), (None, None), "secrets of the enrollment before");
        assert_eq!((after.apps, after.profiles), (0, false), "unknown until it says what it has");
        assert_eq!(after.owner_and_name, before.owner_and_name);
        let reason = Some("the device enrolled again".to_owned());
        assert_eq!(outcome(&world, &open).await, Some((OutcomeState::Dropped, reason)));
        let found = devices::find(&mut *world.ctx.store.read().await.unwrap(), "C01").await.unwrap().unwrap();
        assert_eq!(found.id, device, "it is the same hardware");
    }
}
