//! What admins tell devices to do, on both databases.

use crate::commands;
use crate::directory::devices;
use crate::enrollment::orders::{self, Erase, How, Order};
use crate::enrollment::{EnrollmentError, rows, testing, unenroll};
use crate::ids::{DeviceId, EnrollmentId};
use crate::testing::{World, contexts};
use russet_protocol::Secret;

async fn give(world: &World, device: DeviceId, order: Order) -> Result<Vec<orders::Ordered>, EnrollmentError> {
    let mut tx = world.ctx.store.begin("test: order").await.unwrap();
    let device = devices::get(&mut *tx, device).await.unwrap();
    let ordered = orders::give(&mut *tx, &world.ctx, &device, order, How::default()).await;
    tx.commit().await.unwrap();
    ordered
}

fn lock(pin: Option<&str>) -> Order {
    Order::Lock { message: Some(" Call us ".into()), phone_number: Some(String::new()), pin: pin.map(Secret::new) }
}

#[tokio::test]
async fn a_mac_is_locked_with_a_pin_of_its_own() {
    for world in contexts().await {
        let (mac, _) = testing::enroll(&world.ctx, "C02MAC", "Mac15,3").await;
        let first = give(&world, mac, lock(None)).await.unwrap();
        let second = give(&world, mac, Order::Erase(Erase { pin: Some(Secret::new("135790")), ..Erase::default() }));
        let second = second.await.unwrap();
        let mut view = world.ctx.store.read().await.unwrap();
        let pin = commands::reveal(&mut *view, &world.ctx, mac, &first[0].uuid).await.unwrap().unwrap().text;
        assert!(first[0].keeps_secret && pin.len() == 6 && pin.bytes().all(|digit| digit.is_ascii_digit()));
        let given = commands::reveal(&mut *view, &world.ctx, mac, &second[0].uuid).await.unwrap().unwrap().text;
        assert_eq!(given.as_str(), "135790");
        drop(view);
        let refused = give(&world, mac, lock(Some("12345"))).await.unwrap_err();
        assert_eq!(refused.to_string(), "a PIN has six digits, and is given as a text");
        let (phone, _) = testing::enroll(&world.ctx, "C02PHONE", "iPhone17,2").await;
        assert!(!give(&world, phone, lock(None)).await.unwrap()[0].keeps_secret);
        assert!(give(&world, phone, lock(Some("123456"))).await.is_err(), "a phone has no PIN");
    }
}

#[tokio::test]
async fn an_order_that_cannot_be_says_why() {
    for world in contexts().await {
        let (phone, channel) = testing::enroll(&world.ctx, "C02PHONE", "iPhone17,2").await;
        let lost = |message: Option<&str>| Order::EnableLostMode {
            message: message.map(str::to_owned),
            phone_number: None,
            footnote: None,
        };
        let said = |refused: Result<_, EnrollmentError>| refused.map(|_: Vec<_>| ()).unwrap_err().to_string();
        assert!(said(give(&world, phone, lost(Some("  "))).await).starts_with("Lost Mode needs"));
        assert!(said(give(&world, phone, lost(Some(&"x".repeat(501)))).await).contains("500 characters"));
        assert!(said(give(&world, phone, Order::ClearPasscode).await).contains("no UnlockToken"));
        let mut tx = world.ctx.store.begin("test: token").await.unwrap();
        let sql = "SELECT enrollment FROM channel WHERE id = $1";
        let enrollment = tx.one(sql, &[(&channel.text()).into()]).await.unwrap().text("enrollment").unwrap();
        let enrollment: EnrollmentId = enrollment.parse().unwrap();
        let which = rows::Sealed::UnlockToken;
        rows::put_sealed(&mut *tx, &world.ctx, enrollment, which, Some(b"token")).await.unwrap();
        tx.commit().await.unwrap();
        let cleared = give(&world, phone, Order::ClearPasscode).await.unwrap();
        assert_eq!(cleared[0].request_type, "ClearPasscode");
        let (mac, _) = testing::enroll(&world.ctx, "C02MAC", "Mac15,3").await;
        assert_eq!(said(give(&world, mac, lost(Some("Lost"))).await), "EnableLostMode does not exist on macOS");
        testing::leave(&world.ctx, phone).await;
        assert_eq!(said(give(&world, phone, Order::ShutDown).await), "the device is not enrolled");
    }
}

#[tokio::test]
async fn an_inventory_is_asked_for_once_at_a_time() {
    for world in contexts().await {
        let (phone, _) = testing::enroll(&world.ctx, "C02PHONE", "iPhone17,2").await;
        assert_eq!(give(&world, phone, Order::Refresh).await.unwrap().len(), 7);
        assert_eq!(give(&world, phone, Order::Refresh).await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_device_whose_farewell_is_canceled_stays() {
    for world in contexts().await {
        let (phone, _) = testing::enroll(&world.ctx, "C02PHONE", "iPhone17,2").await;
        let mut tx = world.ctx.store.begin("test: leave and stay").await.unwrap();
        let asked = unenroll(&mut *tx, &world.ctx, phone).await.unwrap();
        assert!(orders::cancel(&mut *tx, &world.ctx, phone, &asked).await.unwrap());
        let live = super::super::channels::live_of_device(&mut *tx, phone).await.unwrap().unwrap();
        assert!(!live.leaving);
        assert_ne!(unenroll(&mut *tx, &world.ctx, phone).await.unwrap(), asked);
        assert_eq!(orders::cancel_all(&mut *tx, &world.ctx, phone).await.unwrap(), 0, "a farewell is canceled by name");
        assert!(super::super::channels::live_of_device(&mut *tx, phone).await.unwrap().unwrap().leaving);
        tx.commit().await.unwrap();
    }
}
