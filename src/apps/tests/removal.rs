//! Apps and devices that go: licenses come back, apps go after them, nothing stays behind.

use super::{Place, row};
use crate::apps::{AppsError, get, remove};
use crate::testing;
use crate::{enrollment, licenses};
use russet_protocol::SerialNumber;

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
