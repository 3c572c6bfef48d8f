//! How the database finds due pushes among many.

use super::super::rows;
use super::super::{Lane, answered, delivered, request, standing};
use crate::testing::{self, Explained};

#[tokio::test]
async fn no_statement_of_the_outbox_reads_it_from_end_to_end() {
    for world in testing::contexts().await {
        let (ctx, crowd) = (&world.ctx, world.crowd().await);
        let (now, channel) = (ctx.now(), crowd.channel);
        let mut tx = ctx.store.begin("test: plans").await.unwrap();
        let mut tx = Explained::new(&mut *tx, &world);
        assert!(rows::any_due(&mut tx, "com.apple.mgmt.test", now).await.unwrap());
        let claims = rows::claim(&mut tx, "com.apple.mgmt.test", 8, now, now).await.unwrap();
        assert_eq!(claims.len(), 8);
        rows::accepted(&mut tx, &claims[0], now, now).await.unwrap();
        rows::failed(&mut tx, &claims[1], "test", now).await.unwrap();
        rows::returned(&mut tx, &claims[2], now).await.unwrap();
        rows::stop(&mut tx, &claims[3], "test").await.unwrap();
        request(&mut tx, channel, Lane::Bulk, now).await.unwrap();
        delivered(&mut tx, ctx, channel).await.unwrap();
        answered(&mut tx, channel, now).await.unwrap();
        standing(&mut tx, channel, now).await.unwrap();
        tx.expect_no_scans();
    }
}
