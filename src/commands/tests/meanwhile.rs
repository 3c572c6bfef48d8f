//! Two transactions at a time, as PostgreSQL allows: nobody is ended for another's sake, and nobody waits without need.

use super::desk::{desks, sender};
use crate::commands::{self, NewCommand, Priority, Purpose};
use crate::directory::dirty::{self, Lane};
use crate::ids::ChannelId;
use russet_protocol::command::Command;
use russet_protocol::result::{Answer, Report};
use std::time::Duration;

#[tokio::test]
async fn an_answer_and_a_plan_for_its_device_both_go_through() {
    for desk in desks().await.into_iter().filter(|desk| desk.world.is_concurrent()) {
        let ctx = &desk.world.ctx;
        let uuid = desk.queue(&Command::SecurityInfo).await;
        desk.idle().await.unwrap();
        // As the reconciler does: it queues, which asks for a push, and in the end says when to look again.
        let mut plan = ctx.store.begin("test: a plan").await.unwrap();
        let new = NewCommand {
            channel: desk.channel,
            device: desk.device,
            command: &Command::DeviceConfigured,
            after: None,
            purpose: Purpose::Admin,
            priority: Priority::Bulk,
            expires_at: None,
        };
        commands::enqueue(&mut *plan, ctx, new).await.unwrap();
        let finish = async {
            desk.world.until_one_waits().await;
            dirty::mark(&mut *plan, desk.device, Lane::Bulk, "a look that was planned", ctx.now()).await.unwrap();
            plan.commit().await.unwrap();
        };
        let (next, ()) = tokio::join!(desk.acknowledge(&uuid), finish);
        assert!(next.is_some(), "what was queued meanwhile");
        assert_eq!(desk.marks().await, ["a look that was planned", "command ended"]);
    }
}

#[tokio::test]
async fn devices_that_get_the_same_command_do_not_wait_for_each_other() {
    for desk in desks().await.into_iter().filter(|desk| desk.world.is_concurrent()) {
        let ctx = &desk.world.ctx;
        desk.queue(&Command::SecurityInfo).await;
        let new = |channel| NewCommand {
            channel,
            device: desk.device,
            command: &Command::SecurityInfo,
            after: None,
            purpose: Purpose::Inventory,
            priority: Priority::Bulk,
            expires_at: None,
        };
        let mut one = ctx.store.begin("test: one").await.unwrap();
        commands::enqueue(&mut *one, ctx, new(ChannelId(ctx.uuid()))).await.unwrap();
        let mut two = ctx.store.begin("test: two").await.unwrap();
        let done = commands::enqueue(&mut *two, ctx, new(ChannelId(ctx.uuid())));
        tokio::time::timeout(Duration::from_secs(20), done).await.expect("it waits for the other one").unwrap();
        two.commit().await.unwrap();
        one.commit().await.unwrap();
    }
}

#[tokio::test]
async fn the_same_answer_twice_at_a_time_counts_once() {
    for desk in desks().await.into_iter().filter(|desk| desk.world.is_concurrent()) {
        let ctx = &desk.world.ctx;
        let uuid = desk.queue(&Command::SecurityInfo).await;
        desk.idle().await.unwrap();
        let report = Report::acknowledged(sender(), uuid.clone(), &Answer::none());
        let raw = report.encode();
        let mut first = ctx.store.begin("test: first").await.unwrap();
        commands::record_and_next(&mut *first, ctx, desk.channel, desk.device, &report, &raw).await.unwrap();
        let finish = async {
            desk.world.until_one_waits().await;
            first.commit().await.unwrap();
        };
        let (next, ()) = tokio::join!(desk.acknowledge(&uuid), finish);
        assert_eq!(next, None);
        let notes: Vec<Option<String>> = desk.reports().await.into_iter().map(|(_, note, _)| note).collect();
        let again: Vec<bool> = notes.iter().map(|note| note.as_deref() == Some("answered again")).collect();
        assert_eq!(again, [false, true], "{notes:?}");
    }
}
