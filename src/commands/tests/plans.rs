//! How the database finds the rows of a queue among many.

use super::desk::{install_profile, sender};
use crate::commands::{self, NewCommand, Priority, Purpose, store};
use crate::testing::{self, Explained};
use russet_protocol::CommandUuid;
use russet_protocol::command::Command;
use russet_protocol::result::{Answer, Report};

#[tokio::test]
async fn no_statement_of_the_queue_reads_it_from_end_to_end() {
    for world in testing::contexts().await {
        let (ctx, crowd) = (&world.ctx, world.crowd().await);
        let (channel, device) = (crowd.channel, crowd.device);
        let first = CommandUuid::new(&crowd.command).unwrap();
        let mut tx = ctx.store.begin("test: plans").await.unwrap();
        let mut tx = Explained::new(&mut *tx, &world);
        for report in [
            Report::idle(sender()),
            Report::not_now(sender(), first.clone()),
            Report::acknowledged(sender(), first.clone(), &Answer::none()),
            Report::acknowledged(sender(), first.clone(), &Answer::none()),
        ] {
            let raw = report.encode();
            commands::record_and_next(&mut tx, ctx, channel, device, &report, &raw).await.unwrap();
        }
        let new = |command, after| {
            let (purpose, priority) = (Purpose::Inventory, Priority::Bulk);
            NewCommand { channel, device, command, after, purpose, priority, expires_at: None }
        };
        let profile = install_profile();
        let before = commands::enqueue(&mut tx, ctx, new(&profile, None)).await.unwrap();
        commands::enqueue(&mut tx, ctx, new(&Command::SecurityInfo, Some(&before))).await.unwrap();
        commands::withdraw(&mut tx, &before, "test", ctx.now()).await.unwrap();
        commands::outcomes(&mut tx, &[first]).await.unwrap();
        commands::open_of_devices(&mut tx, &[device]).await.unwrap();
        commands::history_of(&mut tx, device, &Purpose::Inventory).await.unwrap();
        commands::history_of_device(&mut tx, device).await.unwrap();
        commands::drop_all(&mut tx, channel, "test", ctx.now()).await.unwrap();
        store::expired(&mut tx, ctx.now(), 500).await.unwrap();
        tx.expect_no_scans();
    }
}
