//! How the database finds an enrollment among many.

use super::super::identity::{self, Proven};
use super::super::{arrival, channels, records, silence, visits};
use crate::directory::devices;
use crate::testing::{self, Explained};
use russet_protocol::checkin::Sender;

#[tokio::test]
async fn no_statement_of_a_check_in_reads_all_enrollments() {
    for world in testing::contexts().await {
        let (ctx, crowd) = (&world.ctx, world.crowd().await);
        let (now, device) = (ctx.now(), crowd.device);
        let mut tx = ctx.store.begin("test: plans").await.unwrap();
        let mut tx = Explained::new(&mut *tx, &world);
        let proven = Proven { fingerprint: "print-77".to_owned(), expired: false, outside: None };
        let speaker = identity::speaker(&mut tx, &proven, &Sender::default(), now).await.unwrap().unwrap();
        assert_eq!(speaker.device, Some(device));
        identity::confirm(&mut tx, &speaker, now).await.unwrap();
        devices::seen(&mut tx, device, now).await.unwrap();
        devices::find(&mut tx, &crowd.serial).await.unwrap().unwrap();
        devices::find(&mut tx, "nobody").await.unwrap();
        let live = records::live_of(&mut tx, device).await.unwrap().unwrap();
        arrival::may_replace(&mut tx, &live, now).await.unwrap();
        records::held_beside(&mut tx, &live).await.unwrap();
        channels::live_of_devices(&mut tx, &[device]).await.unwrap();
        channels::of_enrollment(&mut tx, live.id).await.unwrap();
        assert_eq!(channels::enrollments_of_device(&mut tx, device).await.unwrap().len(), 1);
        tx.expect_no_scans();
    }
}

#[tokio::test]
async fn visits_and_the_list_of_silent_devices_do_not_read_the_whole_fleet() {
    for world in testing::contexts().await {
        let (ctx, crowd) = (&world.ctx, world.crowd().await);
        let mut tx = ctx.store.begin("test: plans").await.unwrap();
        let mut tx = Explained::new(&mut *tx, &world);
        visits::visit(&mut tx, ctx).await.unwrap();
        silence::of_devices(&mut tx, ctx, &[crowd.device]).await.unwrap();
        assert!(silence::list(&mut tx, ctx, None, 100).await.unwrap().is_empty());
        tx.expect_no_scans();
    }
}
