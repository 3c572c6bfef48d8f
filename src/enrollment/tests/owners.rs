//! Invitations for users: whose a device is, and what that opens.

use super::super::identity::State;
use super::super::invitations::{self, Created, NewInvitation};
use super::super::{EnrollmentError, channels, profile};
use super::device::Phone;
use super::{DAY, invite, ready};
use crate::directory::devices;
use crate::directory::users::{self, NewUser, User, UserError};
use crate::ids::UserId;
use crate::testing::{self, World};

async fn user(world: &World, name: &str) -> User {
    let mut tx = world.ctx.store.begin("test").await.unwrap();
    let new = NewUser { name: name.to_owned(), full_name: Some(format!("{name} Muster")), email: None };
    let user = users::add(&mut *tx, new, UserId(world.ctx.uuid()), world.ctx.now()).await.unwrap();
    tx.commit().await.unwrap();
    user
}

async fn invite_user(world: &World, user: &User) -> Created {
    let (note, user) = ("test".to_owned(), Some(user.id));
    let new = NewInvitation { serial: None, user, uses: 1, expires_in: DAY, sign_message: true, pkcs12: false, note };
    invitations::create(&world.ctx, new).await.unwrap()
}

async fn owner(world: &World) -> Option<String> {
    let mut view = world.ctx.store.read().await.unwrap();
    devices::find(&mut *view, "C01").await.unwrap()?.owner.map(|owner| owner.name)
}

/// How the enrollments of the device stand, the newest first.
async fn states(world: &World) -> Vec<State> {
    let mut view = world.ctx.store.read().await.unwrap();
    let device = devices::find(&mut *view, "C01").await.unwrap().unwrap().id;
    let all = channels::enrollments_of_device(&mut *view, device).await.unwrap();
    all.into_iter().map(|one| one.state).collect()
}

#[tokio::test]
async fn a_device_belongs_to_the_user_whose_invitation_it_took() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let (mia, leo) = (user(&world, "mia").await, user(&world, "leo").await);
        let phone = Phone::accept(&world, &authority, &invite_user(&world, &mia).await.code, "C01").await;
        assert_eq!(owner(&world).await, None, "a download gives nothing away");
        phone.says(&world, &phone.authenticate()).await.unwrap();
        assert_eq!(owner(&world).await.as_deref(), Some("mia"));
        phone.says(&world, &phone.token_update()).await.unwrap();
        phone.check_out(&world).await.unwrap();
        let plain = Phone::accept(&world, &authority, &invite(&world, None, 1).await.code, "C01").await;
        plain.arrive(&world).await;
        assert_eq!(owner(&world).await.as_deref(), Some("mia"), "an invitation for nobody leaves it");
        plain.check_out(&world).await.unwrap();
        let third = Phone::accept(&world, &authority, &invite_user(&world, &leo).await.code, "C01").await;
        third.arrive(&world).await;
        assert_eq!(owner(&world).await.as_deref(), Some("leo"), "a device has one owner");
        let listed = users::list(&mut *world.ctx.store.read().await.unwrap(), None, 10).await.unwrap();
        let mut counts: Vec<_> = listed.iter().map(|user| (user.name.as_str(), user.devices)).collect();
        counts.sort_unstable();
        assert_eq!(counts, [("leo", 1), ("mia", 0)]);
    }
}

#[tokio::test]
async fn an_invitation_for_the_owner_lets_the_device_replace_its_enrollment_at_once() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let (mia, leo) = (user(&world, "mia").await, user(&world, "leo").await);
        Phone::accept(&world, &authority, &invite_user(&world, &mia).await.code, "C01").await.arrive(&world).await;
        let stranger = Phone::accept(&world, &authority, &invite_user(&world, &leo).await.code, "C01").await;
        stranger.arrive(&world).await;
        assert!(stranger.idle(&world).await.unwrap().is_none(), "held: another's invitation vouches for nothing");
        assert_eq!((states(&world).await, owner(&world).await.as_deref()), (vec![State::Live], Some("mia")));
        let again = Phone::accept(&world, &authority, &invite_user(&world, &mia).await.code, "C01").await;
        again.arrive(&world).await;
        assert!(again.idle(&world).await.unwrap().is_some(), "live");
        let states = states(&world).await;
        assert_eq!(states.iter().filter(|state| **state == State::Live).count(), 1, "{states:?}");
        assert!(states.contains(&State::Ended), "the one before is over: {states:?}");
        assert_eq!(owner(&world).await.as_deref(), Some("mia"));
    }
}

#[tokio::test]
async fn without_its_user_an_invitation_is_over_and_a_device_has_no_owner() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let mia = user(&world, "Mia").await;
        Phone::accept(&world, &authority, &invite_user(&world, &mia).await.code, "C01").await.arrive(&world).await;
        let open = invite_user(&world, &mia).await;
        assert_eq!(profile::invitation(&world.ctx, &open.code).await.unwrap().user.unwrap().label(), "Mia Muster");
        let mut tx = world.ctx.store.begin("test").await.unwrap();
        invitations::revoke_of(&mut *tx, mia.id, world.ctx.now()).await.unwrap();
        users::delete(&mut *tx, mia.id).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(owner(&world).await, None);
        let gone = profile::invitation(&world.ctx, &open.code).await;
        assert!(matches!(gone, Err(EnrollmentError::InvitationNotValid)));
    }
}

#[tokio::test]
async fn users_have_names_of_their_own() {
    for world in testing::contexts().await {
        user(&world, "mia").await;
        let add = async |name: &str, email: Option<&str>| {
            let mut tx = world.ctx.store.begin("test").await.unwrap();
            let new = NewUser { name: name.to_owned(), full_name: None, email: email.map(str::to_owned) };
            let added = users::add(&mut *tx, new, UserId(world.ctx.uuid()), world.ctx.now()).await;
            tx.commit().await.unwrap();
            added
        };
        assert!(matches!(add("MIA ", None).await, Err(UserError::NameTaken)));
        for wrong in ["", "  ", "a\u{1b}b", &"x".repeat(201)] {
            assert!(matches!(add(wrong, None).await, Err(UserError::BadName)), "{wrong:?}");
        }
        for wrong in ["mia", "@example.com", "mia@", "mia x@example.com", "mia@example.com\n x"] {
            assert!(matches!(add("leo", Some(wrong)).await, Err(UserError::BadEmail)), "{wrong:?}");
        }
        let leo = add("leo", Some("leo@example.com")).await.unwrap();
        let mut view = world.ctx.store.read().await.unwrap();
        assert_eq!(users::find(&mut *view, "LEO").await.unwrap(), leo);
        assert_eq!(users::find(&mut *view, &leo.id.text()).await.unwrap(), leo);
        assert!(matches!(users::find(&mut *view, "nobody").await, Err(UserError::NotFound)));
    }
}
