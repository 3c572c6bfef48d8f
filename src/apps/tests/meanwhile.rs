//! What happens while a plan is carried out.

use super::Place;
use crate::apps::reconciler;
use crate::{commands, enrollment, licenses, testing};
use tokio::sync::Notify;

#[tokio::test]
async fn nothing_is_queued_for_a_device_that_leaves_meanwhile() {
    for world in testing::contexts().await.into_iter().filter(testing::World::is_concurrent) {
        let place = Place::new(&world).await;
        place.add(1001).await;
        let phone = place.enroll("PHONE1", "iPhone17,2").await;
        place.plan().await;
        licenses::testing::confirm(place.ctx()).await;

        let leaving = Notify::new();
        let plan = async {
            leaving.notified().await;
            reconciler::step(place.ctx()).await
        };
        let meanwhile = async {
            leaving.notify_one();
            world.until_one_waits().await;
        };
        let leave = enrollment::testing::leave_during(place.ctx(), phone.device, meanwhile);
        let (planned, ()) = tokio::join!(plan, leave);
        assert_eq!(planned.unwrap(), 1);
        place.plan().await;
        let mut view = place.ctx().store.read().await.unwrap();
        assert_eq!(commands::open_count(&mut *view).await.unwrap(), 0, "it would be open for ever");
    }
}
