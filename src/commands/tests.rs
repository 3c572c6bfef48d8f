//! Scenarios of the queue.

use super::*;
use crate::ids::ChannelId;
use crate::testing;

#[tokio::test]
async fn a_first_look() {
    for world in testing::contexts().await {
        let device = world.device("C01").await;
        let channel = ChannelId(world.ctx.uuid());
        let mut tx = world.ctx.store.begin("test").await.unwrap();
        let command = russet_protocol::command::Command::SecurityInfo;
        let new = NewCommand {
            channel,
            device,
            command: &command,
            after: None,
            purpose: Purpose::Inventory,
            priority: Priority::Bulk,
            expires_at: None,
        };
        enqueue(&mut *tx, &world.ctx, new).await.unwrap();
        tx.commit().await.unwrap();
    }
}
