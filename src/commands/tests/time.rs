//! Commands that come to their time, and history that grows old.

use super::desk::{desks, install};
use crate::commands::{OutcomeState, upkeep};
use russet_protocol::command::Command;
use russet_protocol::result::{Answer, AppState, InstallApplicationAnswer};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_command_ends_at_its_time_and_makes_room() {
    for desk in desks().await {
        let ctx = &desk.world.ctx;
        let app = desk.app();
        let in_an_hour = Some(ctx.now().plus(HOUR));
        let old = desk.try_queue(&install(1), &app, None, in_an_hour).await.unwrap();
        let waiting = desk.queue_after(&Command::SecurityInfo, &old).await;
        desk.world.clock.advance(HOUR);
        assert_eq!(desk.idle().await, None, "not delivered any more");
        assert_eq!(upkeep(ctx).await.unwrap(), 1);
        assert_eq!(desk.marks().await, ["command expired"]);
        assert_eq!(desk.outcome(&old).await.unwrap().state, OutcomeState::Expired);
        assert_eq!(desk.outcome(&waiting).await.unwrap().state, OutcomeState::Dropped);
        assert_eq!(upkeep(ctx).await.unwrap(), 0);

        // The next one need not wait for the sweep.
        let brief = desk.try_queue(&install(1), &app, None, Some(ctx.now().plus(HOUR))).await.unwrap();
        desk.world.clock.advance(HOUR);
        let new = desk.try_queue(&install(2), &app, None, None).await.unwrap();
        assert_ne!(new, brief);
        assert_eq!(desk.outcome(&brief).await.unwrap().state, OutcomeState::Expired);
    }
}

#[tokio::test]
async fn the_devices_word_counts_even_when_it_comes_late() {
    for desk in desks().await {
        let ctx = &desk.world.ctx;
        let uuid = desk.try_queue(&install(1), &desk.app(), None, Some(ctx.now().plus(HOUR))).await.unwrap();
        desk.idle().await.unwrap();
        desk.world.clock.advance(HOUR);
        upkeep(ctx).await.unwrap();
        desk.marks().await;
        let answer = InstallApplicationAnswer { state: Some(AppState::Queued), ..Default::default() };
        desk.answer(&uuid, &Answer::InstallApplication(answer)).await;
        assert_eq!(desk.outcome(&uuid).await.unwrap().state, OutcomeState::Done);
        assert_eq!(desk.marks().await, ["command answered late"]);
    }
}

#[tokio::test]
async fn history_is_kept_as_long_as_the_configuration_says() {
    for mut desk in desks().await {
        desk.world = desk.world.configured(|config| config.retention.commands = HOUR * 24);
        let ctx = &desk.world.ctx;
        let done = desk.queue(&Command::SecurityInfo).await;
        desk.idle().await.unwrap();
        desk.acknowledge(&done).await;
        desk.world.clock.advance(HOUR * 23);
        upkeep(ctx).await.unwrap();
        assert!(desk.outcome(&done).await.is_some() && !desk.reports().await.is_empty());
        desk.world.clock.advance(HOUR * 2);
        upkeep(ctx).await.unwrap();
        assert!(desk.outcome(&done).await.is_none() && desk.reports().await.is_empty());
    }
}

#[tokio::test]
async fn history_is_forgotten_after_ninety_days_and_the_queue_is_not() {
    for desk in desks().await {
        let ctx = &desk.world.ctx;
        let done = desk.queue(&Command::SecurityInfo).await;
        let open = desk.queue(&Command::DeviceConfigured).await;
        desk.idle().await.unwrap();
        desk.acknowledge(&done).await;
        desk.world.clock.advance(HOUR * 24 * 91);
        upkeep(ctx).await.unwrap();
        assert_eq!(desk.outcome(&done).await, None);
        assert!(desk.reports().await.is_empty());
        assert_eq!(desk.idle().await.unwrap().uuid, open);
        let mut view = ctx.store.read().await.unwrap();
        assert_eq!(view.rows("SELECT hash FROM command_body", &[]).await.unwrap().len(), 1);
    }
}
