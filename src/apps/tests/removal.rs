//! Apps and devices that go: licenses come back, apps go after them, nothing stays behind.

use super::{Place, row};
use crate::apps::{AppsError, get, remove};
use crate::directory::{devices, dirty};
use crate::enrollment::orders::{self, Erase, How, Order};
use crate::testing;
use crate::{enrollment, licenses};
use russet_protocol::SerialNumber;
use std::time::Duration;

async fn licenses_of(place: &Place<'_>, serial: &str) -> usize {
    let mut view = place.ctx().store.read().await.unwrap();
    let serial = SerialNumber::new(serial).unwrap();
    licenses::states_of_serial(&mut *view, &serial).await.unwrap().len()
}

#[tokio::test]
async fn a_device_that_leaves_gives_its_license_back() {
    for world in testing::contexts().await {
        let place = Place::new(&world).await;
        let app = place.add(1001).await;
        let mut phone = place.enroll("PHONE1", "iPhone17,2").await;
        place.settle(&mut [&mut phone]).await;
        assert_eq!(licenses_of(&place, "PHONE1").await, 1);

        enrollment::testing::leave(place.ctx(), phone.device).await;
        place.plan().await;
        assert!(!place.report().await.satisfied, "the license is on its way back");
        licenses::testing::confirm(place.ctx()).await;
        place.plan().await;
        assert_eq!(licenses_of(&place, "PHONE1").await, 0);
        let report = place.report().await;
        let gone = row(&report, &phone, app);
        assert_eq!((gone.state.as_str(), gone.license.state.as_str()), ("not_enrolled", "nothing"));
        assert!(report.settled && report.satisfied);

        let mut back = place.enroll("PHONE1", "iPhone17,2").await;
        assert_eq!(back.device, phone.device);
        let report = place.settle(&mut [&mut back]).await;
        assert_eq!(row(&report, &back, app).state, "installed");
    }
}

#[tokio::test]
async fn a_device_that_erased_itself_gives_its_license_back_unless_it_goes_on_speaking() {
    for world in testing::contexts().await {
        let place = Place::new(&world).await;
        let app = place.add(1001).await;
        let mut phone = place.enroll("PHONE1", "iPhone17,2").await;
        place.settle(&mut [&mut phone]).await;
        let ctx = place.ctx();
        let mut tx = ctx.store.begin("test: erase").await.unwrap();
        let device = devices::get(&mut *tx, phone.device).await.unwrap();
        let order = Order::Erase(Erase::default());
        orders::give(&mut *tx, ctx, &device, order, How::default()).await.unwrap();
        tx.commit().await.unwrap();
        place.plan().await;
        assert_eq!(licenses_of(&place, "PHONE1").await, 1, "asked for is not erased");
        assert!(phone.session(ctx).await.contains(&"EraseDevice".to_owned()));
        place.plan().await;
        licenses::testing::confirm(ctx).await;
        place.plan().await;
        assert_eq!(licenses_of(&place, "PHONE1").await, 0);
        assert_eq!(row(&place.report().await, &phone, app).state, "not_enrolled");

        // It failed after all: the device is there, and so is what it should have.
        world.clock.advance(Duration::from_secs(120));
        phone.session(ctx).await;
        let mut tx = ctx.store.begin("test: look").await.unwrap();
        let now = ctx.now();
        dirty::mark(&mut *tx, phone.device, dirty::Lane::Interactive, "looked at again", now).await.unwrap();
        tx.commit().await.unwrap();
        let report = place.settle(&mut [&mut phone]).await;
        assert_eq!(row(&report, &phone, app).state, "installed");
        assert_eq!(licenses_of(&place, "PHONE1").await, 1);
    }
}

#[tokio::test]
async fn an_app_that_is_removed_gives_licenses_back_first_and_is_then_forgotten() {
    for world in testing::contexts().await {
        let place = Place::new(&world).await;
        let app = place.add(1001).await;
        let kept = place.add(1002).await;
        let mut phone = place.enroll("PHONE1", "iPhone17,2").await;
        place.settle(&mut [&mut phone]).await;

        remove(place.ctx(), app).await.unwrap();
        place.plan().await;
        assert_eq!(phone.session(place.ctx()).await, [""; 0], "the app goes only after its license");
        licenses::testing::confirm(place.ctx()).await;
        place.plan().await;
        let done = phone.session(place.ctx()).await;
        assert!(done.contains(&"RemoveApplication".to_owned()), "{done:?}");
        let report = place.settle(&mut [&mut phone]).await;
        assert_eq!(phone.apps.keys().collect::<Vec<_>>(), ["com.example.maps"]);
        assert_eq!(licenses_of(&place, "PHONE1").await, 1);
        assert_eq!(report.items.iter().map(|row| row.app.id).collect::<Vec<_>>(), [kept]);
        let mut view = place.ctx().store.read().await.unwrap();
        assert!(matches!(get(&mut *view, app).await, Err(AppsError::NoSuchApp)));
    }
}
