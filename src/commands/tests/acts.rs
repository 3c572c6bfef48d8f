//! What devices did to themselves: wiped, locked, lost, by their own word and never by ours.

use super::admission::is;
use super::desk::{Desk, desks};
use crate::commands::Purpose;
use crate::directory::standing::{self, Standing};
use russet_protocol::command::{Command, DeviceLock, EnableLostMode, EraseDevice, SetRecoveryLock};
use russet_protocol::{CommandUuid, Secret};
use std::time::Duration;

async fn standing(desk: &Desk) -> Standing {
    standing::of_device(&mut *desk.world.ctx.store.read().await.unwrap(), desk.device).await.unwrap()
}

/// Queues a command, and the device takes it.
async fn delivered(desk: &Desk, command: &Command) -> CommandUuid {
    let uuid = desk.try_queue(command, &Purpose::Admin, None, None).await.unwrap();
    assert_eq!(desk.idle().await.unwrap().uuid, uuid);
    uuid
}

fn lost() -> Command {
    Command::EnableLostMode(EnableLostMode { message: Some("Lost".into()), ..EnableLostMode::default() })
}

#[tokio::test]
async fn a_device_is_locked_lost_and_wiped_once_it_says_so() {
    for desk in desks().await {
        is(&desk, "iPhone17,2", true).await;
        let lock = Command::DeviceLock(DeviceLock::default());
        let uuid = delivered(&desk, &lock).await;
        assert_eq!(standing(&desk).await, Standing::default(), "asked for is not done");
        desk.not_now(&uuid).await;
        assert_eq!(standing(&desk).await, Standing::default());
        desk.idle().await;
        desk.fail(&uuid).await;
        assert_eq!(standing(&desk).await, Standing::default(), "it said that it could not");

        let uuid = delivered(&desk, &lock).await;
        desk.acknowledge(&uuid).await;
        let locked_at = Some(desk.world.ctx.now());
        assert_eq!(standing(&desk).await, Standing { locked_at, ..Standing::default() });

        let on = delivered(&desk, &lost()).await;
        desk.acknowledge(&on).await;
        let since = Some(desk.world.ctx.now());
        desk.world.clock.advance(Duration::from_secs(60));
        let again = delivered(&desk, &lost()).await;
        desk.acknowledge(&again).await;
        assert_eq!(standing(&desk).await, Standing { locked_at, lost_mode_since: since, wiped_at: None });
        let off = delivered(&desk, &Command::DisableLostMode).await;
        desk.acknowledge(&off).await;
        assert_eq!(standing(&desk).await.lost_mode_since, None);

        let erase = delivered(&desk, &Command::EraseDevice(EraseDevice::default())).await;
        assert_eq!(standing(&desk).await.wiped_at, None);
        desk.acknowledge(&erase).await;
        let wiped_at = Some(desk.world.ctx.now());
        assert_eq!(standing(&desk).await, Standing { wiped_at, ..Standing::default() });
    }
}

#[tokio::test]
async fn the_password_in_use_is_the_one_that_was_acknowledged_last() {
    for desk in desks().await {
        is(&desk, "Mac15,3", true).await;
        let set = |new: &str| Command::SetRecoveryLock(SetRecoveryLock { current: None, new: Secret::new(new) });
        let in_use = async || {
            let ctx = &desk.world.ctx;
            let mut view = ctx.store.read().await.unwrap();
            let name = "recovery_lock_password";
            let kept = crate::commands::secret_in_use(&mut *view, ctx, desk.device, name).await.unwrap();
            kept.map(|kept| kept.text.to_string())
        };
        let first = delivered(&desk, &set("first")).await;
        assert_eq!(in_use().await, None);
        desk.acknowledge(&first).await;
        desk.world.clock.advance(Duration::from_secs(1));
        let second = delivered(&desk, &set("second")).await;
        desk.fail(&second).await;
        assert_eq!(in_use().await.as_deref(), Some("first"), "the other one was never set");
    }
}
