//! Users of Macs and Shared iPads, and personal devices: conversations of their own.

use super::super::channels;
use super::super::checkin::Reply;
use super::device::Phone;
use super::{TOPIC, enrolled, invite, ready};
use crate::directory::devices;
use crate::testing;
use russet_protocol::checkin::{Authenticate, CheckIn, CheckOut, SHARED_IPAD_USER_ID, Sender, TokenUpdate};
use russet_protocol::command::{Command, Delivered};
use russet_protocol::guard::Limits;
use russet_protocol::result::Report;
use russet_protocol::{PushMagic, PushToken, Topic, UserEnrollmentId};

fn update(phone: &Phone, sender: Sender, awaiting_configuration: Option<bool>) -> CheckIn {
    let CheckIn::TokenUpdate(update) = phone.token_update() else { panic!("no TokenUpdate") };
    let (token, push_magic) = (PushToken::new([4; 32]).unwrap(), PushMagic::new("user magic").unwrap());
    CheckIn::TokenUpdate(TokenUpdate {
        sender,
        token,
        push_magic,
        unlock_token: None,
        awaiting_configuration,
        ..update
    })
}

#[tokio::test]
async fn a_user_of_a_mac_has_a_queue_of_its_own_and_leaves_without_the_mac() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let mac = enrolled(&world, &authority, "C01").await;
        assert_eq!(mac.says(&world, &update(&mac, mac.user(), None)).await.unwrap(), Reply::Done);
        let idle = Report::idle(mac.user());
        assert!(mac.reports(&world, &idle).await.unwrap().is_none(), "what was queued for the Mac is not for its user");
        assert_eq!(mac.drain(&world).await.len(), 2);

        let goodbye = CheckOut { sender: mac.user(), ..CheckOut::default() };
        assert_eq!(mac.says(&world, &CheckIn::CheckOut(goodbye)).await.unwrap(), Reply::Done);
        assert!(mac.idle(&world).await.is_ok(), "the Mac stays");
        let live = channels::live_count(&mut *world.ctx.store.read().await.unwrap()).await.unwrap();
        assert_eq!(live, 1);
    }
}

#[tokio::test]
async fn a_user_of_a_shared_ipad_is_let_go_on() {
    let world = testing::sqlite().await;
    let authority = ready(&world).await;
    let ipad = enrolled(&world, &authority, "C01").await;
    let user = |name: &str| Sender {
        user_id: Some(SHARED_IPAD_USER_ID.to_owned()),
        user_short_name: Some(name.to_owned()),
        ..ipad.sender()
    };
    for name in ["one@example.com", "two@example.com"] {
        ipad.says(&world, &update(&ipad, user(name), Some(true))).await.unwrap();
    }
    let delivery = ipad.reports(&world, &Report::idle(user("two@example.com"))).await.unwrap().unwrap();
    let delivered = Delivered::decode(&delivery.bytes, Limits::default()).unwrap().unwrap();
    assert_eq!(delivered.command.request_type(), "UserConfigured");
    assert!(matches!(delivered.command, Command::Raw { .. }));
}

#[tokio::test]
async fn a_user_who_comes_while_the_device_is_held_is_not_forgotten() {
    let world = testing::sqlite().await;
    let authority = ready(&world).await;
    let first = enrolled(&world, &authority, "C01").await;
    let second = Phone::accept(&world, &authority, &invite(&world, None, 1).await.code, "C01").await;
    second.arrive(&world).await;
    second.says(&world, &update(&second, second.user(), Some(true))).await.unwrap();
    let idle = Report::idle(second.user());
    assert!(second.reports(&world, &idle).await.unwrap().is_none(), "held");
    first.check_out(&world).await.unwrap();
    assert!(second.reports(&world, &idle).await.unwrap().is_some());
}

#[tokio::test]
async fn a_personal_device_has_neither_udid_nor_serial_number() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let phone = Phone::accept(&world, &authority, &invite(&world, None, 1).await.code, "C01").await;
        let sender = || Sender { user_enrollment_id: UserEnrollmentId::new("E-1").ok(), ..Sender::default() };
        let hello = Authenticate {
            sender: sender(),
            topic: Topic::new(TOPIC).ok(),
            product_name: Some("iPhone17,2".to_owned()),
            ..Authenticate::default()
        };
        assert_eq!(phone.says(&world, &CheckIn::Authenticate(hello)).await.unwrap(), Reply::Done);
        assert_eq!(phone.says(&world, &update(&phone, sender(), None)).await.unwrap(), Reply::Done);
        assert!(phone.reports(&world, &Report::idle(sender())).await.unwrap().is_some());
        // A user of a personal Mac.
        let user = Sender { enrollment_user_id: Some("EU-1".to_owned()), ..sender() };
        assert_eq!(phone.says(&world, &update(&phone, user.clone(), None)).await.unwrap(), Reply::Done);
        assert!(phone.reports(&world, &Report::idle(user)).await.unwrap().is_none(), "a queue of its own");
        let other = Sender { user_enrollment_id: UserEnrollmentId::new("E-2").ok(), ..Sender::default() };
        assert!(phone.reports(&world, &Report::idle(other)).await.is_err(), "it speaks for itself only");

        let mut view = world.ctx.store.read().await.unwrap();
        let all = devices::list(&mut *view, None, 10).await.unwrap();
        assert_eq!(all.len(), 1);
        assert!(all[0].udid.is_none() && all[0].serial.is_none());
        assert!(channels::live_of_device(&mut *view, all[0].id).await.unwrap().unwrap().user_enrollment);
    }
}
