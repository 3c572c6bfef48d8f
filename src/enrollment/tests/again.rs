//! A device that is known comes again: what another identity gets, and what it does not.

use super::super::identity::{Refused, State};
use super::super::{EnrollmentError, channels, held};
use super::device::Phone;
use super::{DAY, enrolled, invite, ready};
use crate::commands;
use crate::directory::devices;
use crate::testing::{self, World};

async fn live_state(world: &World) -> (u64, Vec<State>) {
    let mut view = world.ctx.store.read().await.unwrap();
    let device = devices::find(&mut *view, "C01").await.unwrap().unwrap().id;
    let shown = channels::enrollments_of_device(&mut *view, device).await.unwrap();
    (channels::live_count(&mut *view).await.unwrap(), shown.iter().map(|one| one.state).collect())
}

async fn again(world: &World, old: &Phone, serial: Option<&str>) -> Phone {
    let invitation = invite(world, serial, 1).await;
    let phone = Phone::accept(world, &old.authority, &invitation.code, "C01").await;
    phone.arrive(world).await;
    phone
}

#[tokio::test]
async fn a_udid_alone_does_not_take_the_place_of_a_device() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let real = enrolled(&world, &authority, "C01").await;
        world.clock.advance(DAY);
        real.idle(&world).await.unwrap();
        let other = again(&world, &real, None).await;
        assert!(other.idle(&world).await.unwrap().is_none(), "nothing that was queued for the device");
        assert!(!real.drain(&world).await.is_empty(), "which goes on undisturbed");
        assert_eq!(live_state(&world).await, (1, vec![State::Live]));
        let waiting = held::list(&mut *world.ctx.store.read().await.unwrap()).await.unwrap();
        assert_eq!(waiting[0].serial.as_deref(), Some("C01"));

        // The device says goodbye, after all it was the same: the other comes in without a further message.
        real.check_out(&world).await.unwrap();
        assert_eq!(live_state(&world).await, (1, vec![State::Live, State::Ended]));
        assert_eq!(other.drain(&world).await.len(), 2);
    }
}

#[tokio::test]
async fn silence_and_admins_release_what_is_held() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let real = enrolled(&world, &authority, "C01").await;
        let other = again(&world, &real, None).await;
        world.clock.advance(DAY * 6);
        assert!(other.idle(&world).await.unwrap().is_none());
        assert_eq!(live_state(&world).await.1, [State::Live]);
        world.clock.advance(DAY);
        assert!(other.idle(&world).await.unwrap().is_none(), "seven days of silence: let in, and pushed from now on");
        assert_eq!(other.drain(&world).await.len(), 2);
        assert!(matches!(real.idle(&world).await, Err(EnrollmentError::Refused(Refused::Over))));

        let (third, fourth) = (again(&world, &other, None).await, again(&world, &other, None).await);
        let waiting = held::list(&mut *world.ctx.store.read().await.unwrap()).await.unwrap();
        assert_eq!(waiting.len(), 2);
        held::release(&world.ctx, waiting[0].id).await.unwrap();
        held::reject(&world.ctx, waiting[1].id).await.unwrap();
        assert!(held::release(&world.ctx, waiting[1].id).await.is_err());
        assert_eq!(third.drain(&world).await.len(), 2);
        assert!(matches!(fourth.idle(&world).await, Err(EnrollmentError::Refused(Refused::Over))));
        assert!(matches!(other.idle(&world).await, Err(EnrollmentError::Refused(Refused::Over))));
        assert_eq!(live_state(&world).await.0, 1);
    }
}

#[tokio::test]
async fn an_invitation_for_its_serial_number_replaces_the_enrollment_at_its_token_update() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let old = enrolled(&world, &authority, "C01").await;
        let mut view = world.ctx.store.read().await.unwrap();
        let device = devices::find(&mut *view, "C01").await.unwrap().unwrap().id;
        let before = channels::live_of_device(&mut *view, device).await.unwrap().unwrap();
        drop(view);
        let invitation = invite(&world, Some("C01"), 1).await;
        let new = Phone::accept(&world, &authority, &invitation.code, "C01").await;
        new.says(&world, &new.authenticate()).await.unwrap();
        assert!(old.idle(&world).await.unwrap().is_some(), "a half-way enrollment may still be rolled back");
        new.says(&world, &new.authenticate()).await.unwrap();
        new.says(&world, &new.token_update()).await.unwrap();

        let mut view = world.ctx.store.read().await.unwrap();
        let after = channels::live_of_device(&mut *view, device).await.unwrap().unwrap();
        assert_eq!(after.device, before.device, "the hardware stays the same row");
        assert_ne!((after.channel, after.enrollment), (before.channel, before.enrollment));
        let open = commands::open_of_device(&mut *view, device).await.unwrap();
        assert_eq!(open.len(), 2);
        assert!(open.iter().all(|command| command.channel == after.channel), "old commands are dropped");
        drop(view);
        assert!(old.idle(&world).await.is_err());
    }
}

#[tokio::test]
async fn the_same_identity_again_resets_nothing() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let phone = enrolled(&world, &authority, "C01").await;
        let first = phone.idle(&world).await.unwrap().unwrap();
        phone.arrive(&world).await;
        assert_eq!(phone.idle(&world).await.unwrap(), Some(first), "the same command, byte for byte");
        assert_eq!(live_state(&world).await, (1, vec![State::Live]));
    }
}
