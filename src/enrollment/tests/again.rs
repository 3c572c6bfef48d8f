//! A device that is known comes again: what another identity gets, and what it does not.

use super::super::identity::{Refused, State};
use super::super::{EnrollmentError, channels, held};
use super::device::Phone;
use super::{DAY, enrolled, invite, ready};
use crate::commands;
use crate::directory::{devices, standing};
use crate::enrollment::orders;
use crate::testing::{self, World};
use russet_protocol::checkin::CheckIn;
use russet_protocol::command::Command;
use russet_protocol::plist::Dictionary;
use russet_protocol::result::{DeviceInformation, Status};
use russet_protocol::{PushToken, SerialNumber};

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
async fn a_device_that_was_erased_comes_in_again_at_once() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let real = enrolled(&world, &authority, "C01").await;
        real.drain(&world).await;
        let mut tx = world.ctx.store.begin("test: erase").await.unwrap();
        let device = devices::find(&mut *tx, "C01").await.unwrap().unwrap();
        let order = orders::Order::Command { request_type: "EraseDevice".into(), keys: Dictionary::new() };
        orders::give(&mut *tx, &world.ctx, &device, order, orders::How::default()).await.unwrap();
        tx.commit().await.unwrap();
        world.clock.advance(DAY);
        let delivery = real.idle(&world).await.unwrap().unwrap();
        let early = again(&world, &real, None).await;
        assert_eq!(early.drain(&world).await.len(), 0, "held: asked for is not erased");
        real.answers(&world, &delivery.uuid, Status::Acknowledged).await.unwrap();
        let standing = async || {
            let mut view = world.ctx.store.read().await.unwrap();
            standing::of_device(&mut *view, device.id).await.unwrap()
        };
        assert_eq!(standing().await.wiped_at, Some(world.ctx.now()));
        let other = again(&world, &real, None).await;
        assert_eq!(other.drain(&world).await.len(), 2, "it is let in, and asked what it is");
        assert_eq!(standing().await, standing::Standing::default(), "and is no longer an erased one");
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

        let third = again(&world, &other, None).await;
        world.clock.advance(std::time::Duration::from_secs(1));
        let fourth = again(&world, &other, None).await;
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

#[tokio::test]
async fn a_restored_device_keeps_all_and_is_asked_what_it_has() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let phone = enrolled(&world, &authority, "C01").await;
        assert_eq!(phone.drain(&world).await.len(), 2);
        phone.says(&world, &phone.token_update()).await.unwrap();
        assert!(phone.drain(&world).await.is_empty(), "our answer was lost: there is no news");

        let CheckIn::TokenUpdate(mut restored) = phone.token_update() else { unreachable!() };
        restored.token = PushToken::new([7; 32]).unwrap();
        phone.says(&world, &CheckIn::TokenUpdate(restored)).await.unwrap();
        let asked = phone.drain(&world).await;
        let asked: Vec<_> = asked.iter().map(Command::request_type).collect();
        assert_eq!(asked, ["ManagedApplicationList", "ProfileList"]);
        assert_eq!(live_state(&world).await, (1, vec![State::Live]));
    }
}

#[tokio::test]
async fn a_device_does_not_take_another_ones_serial_number() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let phone = enrolled(&world, &authority, "C01").await;
        let CheckIn::Authenticate(mut lie) = phone.authenticate() else { unreachable!() };
        lie.serial_number = Some(SerialNumber::new("C99").unwrap());
        phone.says(&world, &CheckIn::Authenticate(lie)).await.unwrap();
        let find = async |serial: &str| {
            let mut view = world.ctx.store.read().await.unwrap();
            devices::find(&mut *view, serial).await.unwrap().map(|device| device.id)
        };
        let device = find("C01").await.unwrap();
        let mut information = DeviceInformation::default();
        information.responses.insert("SerialNumber".to_owned(), "C99".into());
        let mut tx = world.ctx.store.begin("test").await.unwrap();
        devices::record_information(&mut *tx, device, &information, world.ctx.now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!((find("C01").await, find("C99").await), (Some(device), None));
    }
}

#[tokio::test]
async fn a_device_that_was_seen_in_the_future_is_seen_again() {
    for world in testing::contexts().await {
        let device = world.device("C01").await;
        let now = world.ctx.now();
        let mut tx = world.ctx.store.begin("test").await.unwrap();
        for at in [now.plus(DAY * 365), now, now.minus(DAY / 86_400)] {
            devices::seen(&mut *tx, device, at).await.unwrap();
        }
        assert_eq!(devices::get(&mut *tx, device).await.unwrap().seen_at, Some(now), "its clock was put right");
    }
}

#[tokio::test]
async fn a_device_that_speaks_after_its_erasure_was_not_erased() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let phone = enrolled(&world, &authority, "C01").await;
        phone.drain(&world).await;
        world.clock.advance(DAY);
        let mut tx = world.ctx.store.begin("test: erase").await.unwrap();
        let device = devices::find(&mut *tx, "C01").await.unwrap().unwrap();
        let erase = orders::Order::Erase(orders::Erase::default());
        orders::give(&mut *tx, &world.ctx, &device, erase, orders::How::default()).await.unwrap();
        tx.commit().await.unwrap();
        let delivery = phone.idle(&world).await.unwrap().unwrap();
        phone.answers(&world, &delivery.uuid, Status::Acknowledged).await.unwrap();
        world.clock.advance(DAY / 24);
        let new = again(&world, &phone, None).await;
        assert!(new.idle(&world).await.unwrap().is_some(), "live");

        world.clock.advance(DAY);
        let mut tx = world.ctx.store.begin("test: a second erasure").await.unwrap();
        standing::wiped(&mut *tx, device.id, world.ctx.now()).await.unwrap();
        tx.commit().await.unwrap();
        world.clock.advance(DAY / 24);
        new.idle(&world).await.unwrap();
        let other = again(&world, &new, None).await;
        assert!(other.idle(&world).await.unwrap().is_none(), "held: it speaks after its erasure");
    }
}
