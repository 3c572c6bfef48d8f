//! What may be sent, what goes first, and what is kept of it.

use super::desk::{Desk, desks};
use crate::commands::{self, CommandError, OutcomeState, Purpose};
use crate::directory::devices;
use russet_protocol::command::{Command, DeviceLock, EraseDevice, RestartDevice};
use russet_protocol::result::DeviceInformation;
use russet_protocol::{CommandUuid, Secret};

/// The device tells what it is.
pub(super) async fn is(desk: &Desk, product: &str, supervised: bool) {
    let mut information = DeviceInformation::default();
    information.set("ProductName", product);
    information.set("IsSupervised", supervised);
    let mut tx = desk.world.ctx.store.begin("test: information").await.unwrap();
    devices::record_information(&mut *tx, desk.device, &information, desk.world.ctx.now()).await.unwrap();
    tx.commit().await.unwrap();
}

fn restart() -> Command {
    Command::RestartDevice(RestartDevice::default())
}

fn locked_with(pin: &str) -> Command {
    Command::DeviceLock(DeviceLock { pin: Some(Secret::new(pin)), ..DeviceLock::default() })
}

async fn admin(desk: &Desk, command: &Command) -> Result<CommandUuid, CommandError> {
    desk.try_queue(command, &Purpose::Admin, None, None).await
}

#[tokio::test]
async fn what_the_schema_forbids_is_refused_with_the_reason_and_nothing_is_queued() {
    for desk in desks().await {
        // Nobody knows yet whether it is supervised: the device has the last word.
        admin(&desk, &restart()).await.unwrap();
        is(&desk, "iPhone17,2", false).await;
        let refused = admin(&desk, &restart()).await.unwrap_err();
        assert_eq!(refused.to_string(), "RestartDevice is for supervised devices only, and this one is not supervised");
        let pin = admin(&desk, &locked_with("246810")).await.unwrap_err();
        assert_eq!(pin.to_string(), "the key PIN of DeviceLock does not exist on iOS");
        assert_eq!(desk.open().await.len(), 1);
        // It waits in Setup Assistant, so it is supervised now, whatever it was before.
        admin(&desk, &Command::DeviceConfigured).await.unwrap();
        is(&desk, "iPhone17,2", true).await;
        admin(&desk, &restart()).await.unwrap();
    }
}

#[tokio::test]
async fn what_the_server_itself_must_not_send_ends_at_once_with_the_reason() {
    for desk in desks().await {
        is(&desk, "Watch7,1", false).await;
        desk.marks().await;
        let uuid = desk.try_queue(&Command::UserList, &Purpose::Inventory, None, None).await.unwrap();
        let ended = desk.outcome(&uuid).await.unwrap();
        assert_eq!(
            (ended.state, ended.reason.as_deref()),
            (OutcomeState::Failed, Some("UserList does not exist on watchOS"))
        );
        assert_eq!(desk.idle().await, None);
        assert_eq!(desk.marks().await, ["command not for this device"]);
    }
}

#[tokio::test]
async fn lock_and_wipe_pass_everything_even_what_was_not_answered() {
    for desk in desks().await {
        is(&desk, "Mac15,3", true).await;
        let first = desk.queue(&Command::SecurityInfo).await;
        let second = desk.queue(&Command::ProfileList { managed_only: false }).await;
        assert_eq!(desk.idle().await.unwrap().uuid, first, "delivered, and its answer is lost");
        let lock = admin(&desk, &locked_with("246810")).await.unwrap();
        let erase = admin(&desk, &Command::EraseDevice(EraseDevice::default())).await.unwrap();
        let delivered = desk.idle().await.unwrap();
        assert_eq!(delivered.uuid, lock);
        assert!(String::from_utf8_lossy(&delivered.bytes).contains("246810"));
        assert_eq!(desk.acknowledge(&lock).await.unwrap().uuid, erase);
        assert_eq!(desk.acknowledge(&erase).await.unwrap().uuid, first);
        assert_eq!(desk.acknowledge(&first).await.unwrap().uuid, second);
        assert_eq!(desk.marks().await, ["command ended"]);
    }
}

#[tokio::test]
async fn a_pin_is_kept_sealed_and_outlives_the_history() {
    for desk in desks().await {
        is(&desk, "Mac15,3", true).await;
        let lock = admin(&desk, &locked_with("246810")).await.unwrap();
        let again = admin(&desk, &locked_with("246810")).await.unwrap();
        desk.idle().await;
        desk.acknowledge(&lock).await;
        let ctx = &desk.world.ctx;
        let mut view = ctx.store.read().await.unwrap();
        let rows = view.rows("SELECT hash, sealed FROM command_body", &[]).await.unwrap();
        assert_eq!(rows.len(), 2, "no two bodies with a secret are told to be equal");
        let plain = locked_with("246810").to_body();
        let guess = ring::digest::digest(&ring::digest::SHA256, &plain);
        for row in &rows {
            assert_ne!(row.bytes("hash").unwrap(), guess.as_ref(), "a PIN could be found by trying them all");
            assert!(!row.bytes("sealed").unwrap().windows(6).any(|part| part == b"246810"));
        }
        drop(view);
        desk.world.clock.advance(std::time::Duration::from_secs(100 * 86_400));
        commands::upkeep(ctx).await.unwrap();
        assert!(desk.outcome(&lock).await.is_none(), "the history is forgotten");
        let mut view = ctx.store.read().await.unwrap();
        let kept = commands::reveal(&mut *view, ctx, desk.device, &lock).await.unwrap().unwrap();
        assert_eq!((kept.name.as_str(), kept.text.as_str()), ("pin", "246810"));
        let other = crate::ids::DeviceId(ctx.uuid());
        assert!(commands::reveal(&mut *view, ctx, other, &again).await.unwrap().is_none(), "another device's");
    }
}

#[tokio::test]
async fn a_canceled_command_that_was_delivered_is_still_told_by_the_device() {
    for desk in desks().await {
        is(&desk, "iPhone17,2", true).await;
        let given = admin(&desk, &restart()).await.unwrap();
        let waiting = desk.queue_after(&Command::SecurityInfo, &given).await;
        let never = admin(&desk, &Command::ShutDownDevice).await.unwrap();
        assert_eq!(desk.idle().await.unwrap().uuid, given);
        let ctx = &desk.world.ctx;
        let mut tx = ctx.store.begin("test: cancel").await.unwrap();
        assert!(commands::cancel(&mut *tx, desk.device, &given, ctx.now()).await.unwrap());
        assert!(!commands::cancel(&mut *tx, desk.device, &given, ctx.now()).await.unwrap());
        assert!(!commands::cancel(&mut *tx, crate::ids::DeviceId(ctx.uuid()), &never, ctx.now()).await.unwrap());
        assert_eq!(commands::cancel_all(&mut *tx, desk.device, ctx.now()).await.unwrap(), 1);
        tx.commit().await.unwrap();
        for uuid in [&given, &waiting, &never] {
            assert_eq!(desk.outcome(uuid).await.unwrap().state, OutcomeState::Dropped);
        }
        assert_eq!(desk.outcome(&given).await.unwrap().reason.as_deref(), Some("canceled by an admin"));
        desk.acknowledge(&given).await;
        assert_eq!(desk.outcome(&given).await.unwrap().state, OutcomeState::Done, "the device has the last word");
        desk.acknowledge(&never).await;
        assert_eq!(desk.outcome(&never).await.unwrap().state, OutcomeState::Dropped, "it was never delivered");
    }
}
