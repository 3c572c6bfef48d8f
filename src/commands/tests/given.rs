//! Commands that programs wrote themselves: their bytes, their CommandUUID, and what two channels may share.

use super::desk::{Desk, desks};
use crate::commands::{self, CommandError, OutcomeState, Purpose};
use russet_protocol::CommandUuid;
use russet_protocol::command::{Command, GivenCommand};
use russet_protocol::guard::Limits;
use russet_protocol::plist::{Dictionary, Value};
use russet_protocol::xml;

fn written(uuid: &str) -> (Vec<u8>, Command) {
    let mut command = Dictionary::new();
    command.insert("RequestType".to_owned(), "RestartDevice".into());
    let mut keys = Dictionary::new();
    keys.insert("CommandUUID".to_owned(), uuid.into());
    keys.insert("Command".to_owned(), Value::Dictionary(command));
    let bytes = xml::encode_dictionary(keys);
    let given = GivenCommand::read(&bytes, Limits::for_body(bytes.len())).unwrap();
    (bytes, given.into())
}

async fn give(desk: &Desk, command: &Command) -> Result<CommandUuid, CommandError> {
    desk.try_queue(command, &Purpose::Admin, None, None).await
}

#[tokio::test]
async fn a_given_command_reaches_the_device_byte_for_byte_and_its_answer_comes_home() {
    for desk in desks().await {
        let (bytes, command) = written("GIVEN-1");
        let own = give(&desk, &command).await.unwrap();
        let delivery = desk.idle().await.unwrap();
        assert_eq!((delivery.uuid.as_str(), &delivery.bytes), ("GIVEN-1", &bytes));
        assert_eq!(desk.idle().await.unwrap().bytes, bytes, "again after a lost answer");
        assert_eq!(desk.open().await[0].sent_as, Some(delivery.uuid.clone()));
        assert!(desk.acknowledge(&delivery.uuid).await.is_none());
        let ended = desk.outcome(&own).await.unwrap();
        assert_eq!((ended.state, ended.sent_as), (OutcomeState::Done, Some(delivery.uuid.clone())));
        // The device says it twice: kept, and nothing changes.
        assert!(desk.acknowledge(&delivery.uuid).await.is_none());
        assert_eq!(desk.reports().await.last().unwrap().1.as_deref(), Some("answered again"));
    }
}

#[tokio::test]
async fn a_command_uuid_is_good_once_for_each_channel() {
    for desk in desks().await {
        let (_, command) = written("GIVEN-2");
        give(&desk, &command).await.unwrap();
        assert!(matches!(give(&desk, &command).await, Err(CommandError::UuidTaken(_))), "while it is open");
        let uuid = desk.idle().await.unwrap().uuid;
        desk.acknowledge(&uuid).await;
        assert!(matches!(give(&desk, &command).await, Err(CommandError::UuidTaken(_))), "and after its end");
        let ours = desk.queue(&Command::SecurityInfo).await;
        let (_, command) = written(ours.as_str());
        assert!(matches!(give(&desk, &command).await, Err(CommandError::UuidTaken(_))), "one of ours");
        assert_eq!(desk.open().await.len(), 1, "nothing came of those");
    }
}

#[tokio::test]
async fn clearing_leaves_what_ends_or_renews_an_enrollment() {
    for desk in desks().await {
        let first = desk.queue(&Command::SecurityInfo).await;
        let after = desk.queue_after(&Command::DeviceConfigured, &first).await;
        let leave = Command::RemoveProfile { identifier: "com.example.mdm".to_owned() };
        let leave = desk.try_queue(&leave, &Purpose::Unenroll, None, None).await.unwrap();
        let mut tx = desk.world.ctx.store.begin("test: clear").await.unwrap();
        let cleared = commands::clear(&mut *tx, desk.channel, "cleared", desk.world.ctx.now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(cleared, 2);
        for gone in [first, after] {
            assert_eq!(desk.outcome(&gone).await.unwrap().state, OutcomeState::Dropped);
        }
        assert_eq!(desk.idle().await.unwrap().uuid, leave);
    }
}

#[tokio::test]
async fn a_given_command_is_held_to_the_schema_and_its_pin_is_kept_and_cannot_be_guessed() {
    for desk in desks().await {
        let give_lock = |uuid: &str| {
            let mut command = Dictionary::new();
            command.insert("RequestType".to_owned(), "DeviceLock".into());
            command.insert("PIN".to_owned(), "246810".into());
            let mut keys = Dictionary::new();
            keys.insert("CommandUUID".to_owned(), uuid.into());
            keys.insert("Command".to_owned(), Value::Dictionary(command));
            let bytes = xml::encode_dictionary(keys);
            Command::from(GivenCommand::read(&bytes, Limits::for_body(bytes.len())).unwrap())
        };
        let refused = give(&desk, &give_lock("LOCK-1")).await.unwrap_err();
        assert_eq!(refused.to_string(), "the key PIN of DeviceLock does not exist on iOS");
        assert!(desk.open().await.is_empty());
        super::admission::is(&desk, "Mac15,3", true).await;
        give(&desk, &give_lock("LOCK-1")).await.unwrap();
        let mut view = desk.world.ctx.store.read().await.unwrap();
        let named = CommandUuid::new("LOCK-1").unwrap();
        let kept = commands::reveal(&mut *view, &desk.world.ctx, desk.device, &named).await.unwrap().unwrap();
        assert_eq!((kept.name.as_str(), kept.text.as_str()), ("pin", "246810"));
        let plain = give_lock("LOCK-1").to_body();
        let hash = view.one("SELECT hash FROM command_body", &[]).await.unwrap().bytes("hash").unwrap();
        assert_ne!(hash, ring::digest::digest(&ring::digest::SHA256, &plain).as_ref());
    }
}
