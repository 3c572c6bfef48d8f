//! Odd, broken and hostile reports: kept word for word, and the queue goes on.

use super::desk::{Desk, desks, install, sender};
use crate::commands::{self, OpenState, OutcomeState};
use crate::ids::ChannelId;
use russet_protocol::command::Command;
use russet_protocol::plist::Dictionary;
use russet_protocol::result::{Answer, Report, Status};
use russet_protocol::{CommandUuid, guard::Limits, plist};

fn report(status: &str, uuid: Option<&CommandUuid>) -> Report {
    let status = Status::parse(status);
    Report { sender: sender(), status, command_uuid: uuid.cloned(), error_chain: vec![], keys: Dictionary::new() }
}

async fn last_note(desk: &Desk) -> Option<String> {
    desk.reports().await.pop().and_then(|(_, note, _)| note)
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_ends_its_command_and_is_kept() {
    for desk in desks().await {
        let list = desk.queue(&Command::ManagedApplicationList { identifiers: vec![] }).await;
        let next = desk.queue(&Command::SecurityInfo).await;
        desk.idle().await.unwrap();
        let mut odd = report("Acknowledged", Some(&list));
        odd.keys.insert("ManagedApplicationList".into(), "surprise".into());
        assert_eq!(desk.say(&odd).await.unwrap().uuid, next);
        let outcome = desk.outcome(&list).await.unwrap();
        assert_eq!(outcome.state, OutcomeState::Failed);
        assert_eq!(outcome.reason.as_deref(), Some("the device's answer could not be read"));
        let (_, note, raw) = desk.reports().await.pop().unwrap();
        assert_eq!(note, outcome.reason);
        assert_eq!(raw, odd.encode());
    }
}

#[tokio::test]
async fn answers_to_what_was_never_asked_change_nothing() {
    for desk in desks().await {
        let ours = desk.queue(&install(1)).await;
        let theirs = {
            // Another device's channel with a command of its own.
            let device = desk.world.device("C03").await;
            let channel = ChannelId(desk.world.ctx.uuid());
            let world = &desk.world;
            let mut tx = world.ctx.store.begin("test").await.unwrap();
            let new = commands::NewCommand {
                channel,
                device,
                command: &Command::SecurityInfo,
                after: None,
                purpose: commands::Purpose::Inventory,
                priority: commands::Priority::Bulk,
                expires_at: None,
            };
            let uuid = commands::enqueue(&mut *tx, &world.ctx, new).await.unwrap();
            tx.commit().await.unwrap();
            uuid
        };
        let unknown = CommandUuid::new("nobody's").unwrap();
        for stray in [&theirs, &unknown] {
            for status in ["Acknowledged", "Error", "NotNow", "CommandFormatError", "Splendid"] {
                let next = desk.say(&report(status, Some(stray))).await.unwrap();
                assert_eq!(next.uuid, ours);
                assert_eq!(last_note(&desk).await.as_deref(), Some("not a command of this channel"));
            }
        }
        assert_eq!(desk.outcome(&theirs).await, None, "the other device's command is still open");
        assert!(desk.marks().await.is_empty());
    }
}

#[tokio::test]
async fn answers_that_name_no_command_do_not_turn_in_circles() {
    for desk in desks().await {
        for status in ["Acknowledged", "Error", "CommandFormatError", "NotNow", "Splendid"] {
            let uuid = desk.queue(&Command::SecurityInfo).await;
            let next = desk.queue(&Command::DeviceConfigured).await;
            assert_eq!(desk.idle().await.unwrap().uuid, uuid);
            assert_eq!(desk.say(&report(status, None)).await.unwrap().uuid, next, "{status}: put off");
            assert_eq!(last_note(&desk).await.as_deref(), Some("names no command"));
            assert_eq!(desk.acknowledge(&next).await, None);
            assert_eq!(desk.idle().await.unwrap().uuid, uuid, "offered again");
            assert_eq!(desk.say(&report(status, None)).await, None);
            let outcome = desk.outcome(&uuid).await.unwrap();
            assert_eq!(outcome.state, OutcomeState::Failed);
            assert!(outcome.reason.unwrap().contains("without naming the command"));
            assert_eq!(desk.say(&report(status, None)).await, None, "{status}: and nothing is under way");
        }
    }
}

#[tokio::test]
async fn an_unknown_status_does_not_turn_in_circles() {
    for desk in desks().await {
        let uuid = desk.queue(&Command::SecurityInfo).await;
        desk.idle().await.unwrap();
        assert_eq!(desk.say(&report("Splendid", Some(&uuid))).await, None);
        assert_eq!(desk.open().await[0].state, OpenState::NotNow);
        assert_eq!(desk.idle().await.unwrap().uuid, uuid, "the next session offers it again");
        assert_eq!(desk.say(&report("CommandFormatError", Some(&uuid))).await, None);
        assert_eq!(desk.outcome(&uuid).await.unwrap().state, OutcomeState::Failed);
    }
}

#[tokio::test]
async fn texts_that_databases_refuse_are_survived() {
    for desk in desks().await {
        let uuid = desk.queue(&install(1)).await;
        desk.idle().await.unwrap();
        // A binary property list carries NUL, which PostgreSQL has no form for.
        let mut keys = Dictionary::new();
        let chain = [("ErrorCode", plist::Value::from(1)), ("LocalizedDescription", "a\0b".into())];
        let item: Dictionary = chain.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        for (key, value) in [
            ("UDID", plist::Value::from("UDID-C02")),
            ("Status", "Err\0or".into()),
            ("CommandUUID", uuid.as_str().into()),
            ("Identifier", "com.example\0.app".into()),
            ("State", "Inst\0alling".into()),
            ("RejectionReason", "\0".into()),
            ("ErrorChain", vec![plist::Value::from(item)].into()),
        ] {
            keys.insert(key.to_owned(), value);
        }
        let mut raw = Vec::new();
        plist::Value::from(keys).to_writer_binary(&mut raw).unwrap();
        let report = Report::decode(&raw, Limits::default()).unwrap();
        assert_eq!(desk.say(&report).await, None);
        let outcome = desk.outcome(&uuid).await.unwrap();
        assert_eq!((outcome.state, outcome.error_chain[0].localized.as_str()), (OutcomeState::Failed, "ab"));
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_ends_its_command() {
    for desk in desks().await {
        let uuid = desk
            .queue(&Command::InstalledApplicationList { identifiers: vec![], managed_only: false, items: vec![] })
            .await;
        let next = desk.queue(&Command::SecurityInfo).await;
        desk.idle().await.unwrap();
        let ctx = &desk.world.ctx;
        let mut tx = ctx.store.begin("test").await.unwrap();
        let delivery =
            commands::record_too_large(&mut *tx, ctx, (desk.channel, desk.device), None, 1 << 20, None).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(delivery.unwrap().uuid, next);
        let outcome = desk.outcome(&uuid).await.unwrap();
        assert_eq!(outcome.state, OutcomeState::Failed);
        assert!(outcome.reason.unwrap().contains("too large"));
    }
}

#[tokio::test]
async fn a_damaged_command_does_not_block_the_queue() {
    for desk in desks().await {
        let broken = desk.queue(&Command::DeviceConfigured).await;
        let mut tx = desk.world.ctx.store.begin("test").await.unwrap();
        tx.run("UPDATE command_body SET sealed = $1", &[b"damaged".into()]).await.unwrap();
        tx.commit().await.unwrap();
        let fine = desk.queue(&Command::SecurityInfo).await;
        assert_eq!(desk.idle().await, None);
        assert_eq!(desk.outcome(&broken).await.unwrap().state, OutcomeState::Failed);
        assert_eq!(desk.idle().await.unwrap().uuid, fine);
        desk.answer(&fine, &Answer::none()).await;
    }
}
