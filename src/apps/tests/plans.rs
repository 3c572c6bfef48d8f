//! How the database finds the states of a device among many.

use crate::apps::library::Library;
use crate::apps::{facts, rows};
use crate::directory::dirty::{self, Lane};
use crate::enrollment::channels;
use crate::profiles::delivery;
use crate::testing::{self, Explained};
use russet_protocol::SerialNumber;
use std::time::Duration;

#[tokio::test]
async fn no_statement_of_the_reconciler_reads_all_devices() {
    for world in testing::contexts().await {
        let (ctx, crowd) = (&world.ctx, world.crowd().await);
        let (now, device) = (ctx.now(), crowd.device);
        let mut tx = ctx.store.begin("test: plans").await.unwrap();
        let mut tx = Explained::new(&mut *tx, &world);
        let serial = SerialNumber::new(&crowd.serial).unwrap();
        dirty::mark_serials(&mut tx, [&serial], Lane::Interactive, "test", now).await.unwrap();
        dirty::next_ready(&mut tx).await.unwrap();
        let marks = dirty::take(&mut tx, "test", 8, now, Duration::from_secs(30)).await.unwrap();
        assert_eq!(marks.len(), 8);
        dirty::done(&mut tx, &marks[0], None).await.unwrap();
        dirty::done(&mut tx, &marks[1], Some((now, "test"))).await.unwrap();
        dirty::reclaim(&mut tx, "test", now).await.unwrap();
        dirty::of_device(&mut tx, device).await.unwrap();

        let library = Library::load(&mut tx).await.unwrap();
        let ids = [device, marks[2].device, marks[3].device];
        let cases = facts::load(&mut tx, ctx, &library, &ids, now).await.unwrap();
        assert_eq!(cases.len(), 3);
        channels::hold_live_of_device(&mut tx, device).await.unwrap().unwrap();
        delivery::settle(&mut tx, device).await.unwrap();
        rows::claim_plan(&mut tx, cases[0].device.id, &cases[0].notes).await.unwrap();
        rows::write_memory(&mut tx, device, &cases[0].facts.memory).await.unwrap();
        rows::story(&mut tx, device, cases[0].apps[0].app.id).await.unwrap();
        tx.expect_no_scans();
    }
}
