//! What is delivered when, and how often.

use super::desk::{bundle, desks, install, install_profile, sender};
use crate::commands::{self, CommandError, NewCommand, OpenState, OutcomeState, Priority, Purpose};
use russet_protocol::command::{Command, Delivered, EraseDevice};
use russet_protocol::guard::Limits;
use russet_protocol::result::{Report, Status};
use std::time::Duration;

#[tokio::test]
async fn a_device_gets_its_commands_one_at_a_time_and_in_order() {
    for desk in desks().await {
        let first = desk.queue(&Command::SecurityInfo).await;
        let second = desk.queue(&Command::ManagedApplicationList { identifiers: vec![] }).await;
        assert_eq!(desk.next_push().await, Some(desk.world.ctx.now()), "the device is woken at once");

        let delivery = desk.idle().await.unwrap();
        assert_eq!(delivery.uuid, first);
        let read = Delivered::decode(&delivery.bytes, Limits::default()).unwrap().unwrap();
        assert_eq!((read.uuid, read.command), (first.clone(), Command::SecurityInfo));
        assert_eq!(desk.acknowledge(&first).await.unwrap().uuid, second);
        assert_eq!(desk.acknowledge(&second).await, None);

        assert!(desk.open().await.is_empty());
        assert_eq!(desk.next_push().await, None, "nothing is left to wake it for");
    }
}

#[tokio::test]
async fn a_lost_answer_means_the_same_command_again_byte_for_byte() {
    for desk in desks().await {
        let first = desk.queue(&Command::DeviceConfigured).await;
        let second = desk.queue(&install(1)).await;
        let delivered = desk.idle().await.unwrap();
        assert_eq!(desk.idle().await, Some(delivered.clone()), "the connection broke before the device had it");
        assert_eq!(desk.idle().await, Some(delivered));

        let next = desk.acknowledge(&first).await.unwrap();
        assert_eq!(next.uuid, second);
        // The server's answer was lost: the device sends its report again.
        assert_eq!(desk.acknowledge(&first).await, Some(next));
        assert_eq!(desk.outcome(&first).await.unwrap().state, OutcomeState::Done);
        let notes: Vec<_> = desk.reports().await.into_iter().map(|(_, note, _)| note).collect();
        assert_eq!(notes[1].as_deref(), Some("answered again"));
    }
}

#[tokio::test]
async fn not_now_lets_others_pass_and_is_offered_again_in_the_next_session() {
    for desk in desks().await {
        let put_off = desk.queue(&Command::SecurityInfo).await;
        let other = desk.queue(&Command::ProfileList { managed_only: false }).await;
        assert_eq!(desk.idle().await.unwrap().uuid, put_off);
        assert_eq!(desk.not_now(&put_off).await.unwrap().uuid, other, "the others pass");
        assert_eq!(desk.marks().await, ["device said not now"]);
        assert_eq!(desk.fail(&other).await, None, "not at once again");
        let later = desk.world.ctx.now().plus(Duration::from_secs(600));
        assert_eq!(desk.next_push().await, Some(later), "its last word was another: it will not come by itself");

        let open = desk.open().await;
        assert_eq!((open.len(), open[0].state), (1, OpenState::NotNow));
        assert_eq!(desk.idle().await.unwrap().uuid, put_off);
        assert_eq!(desk.not_now(&put_off).await, None);
        let far = desk.world.ctx.now().plus(desk.world.ctx.config.pace.push_again);
        assert!(desk.next_push().await <= Some(far), "it polls by itself, and is woken if it does not");
        assert_eq!(desk.idle().await.unwrap().uuid, put_off);
        assert_eq!(desk.acknowledge(&put_off).await, None);
    }
}

#[tokio::test]
async fn a_chain_goes_on_without_a_new_plan_and_ends_with_one() {
    for desk in desks().await {
        let profile = desk.queue(&install_profile()).await;
        let app = desk.queue_after(&install(1), &profile).await;
        let list = desk.queue_after(&Command::ManagedApplicationList { identifiers: vec![] }, &app).await;
        assert_eq!(desk.idle().await.unwrap().uuid, profile);
        assert_eq!(desk.not_now(&profile).await, None, "what waits for it does not pass it");
        desk.marks().await;
        assert_eq!(desk.idle().await.unwrap().uuid, profile);
        assert_eq!(desk.acknowledge(&profile).await.unwrap().uuid, app);
        assert_eq!(desk.acknowledge(&app).await.unwrap().uuid, list);
        assert!(desk.marks().await.is_empty());
        let answer = russet_protocol::result::Answer::ManagedApplicationList(Default::default());
        assert_eq!(desk.answer(&list, &answer).await, None);
        assert_eq!(desk.marks().await, ["command ended"]);
    }
}

#[tokio::test]
async fn what_the_device_does_not_understand_is_never_sent_again_and_the_queue_goes_on() {
    for desk in desks().await {
        let odd = desk.queue(&Command::SecurityInfo).await;
        let behind = desk.queue_after(&Command::DeviceConfigured, &odd).await;
        let next = desk.queue(&Command::ShutDownDevice).await;
        desk.idle().await.unwrap();
        let report = Report { status: Status::CommandFormatError, ..Report::not_now(sender(), odd.clone()) };
        assert_eq!(desk.say(&report).await.unwrap().uuid, next);
        let outcome = desk.outcome(&odd).await.unwrap();
        assert_eq!(outcome.state, OutcomeState::Failed);
        assert_eq!(outcome.reason.as_deref(), Some("the device does not know this command or its form"));
        assert_eq!(desk.outcome(&behind).await.unwrap().state, OutcomeState::Dropped);
        assert_eq!(desk.acknowledge(&next).await, None);
        assert_eq!(desk.idle().await, None, "not again in the next session");
    }
}

#[tokio::test]
async fn what_concerns_one_device_passes_what_concerns_many() {
    for desk in desks().await {
        let ctx = &desk.world.ctx;
        let queue = async |priority, command: &Command| {
            let (channel, device, purpose) = (desk.channel, desk.device, Purpose::Inventory);
            let mut tx = ctx.store.begin("test: enqueue").await.unwrap();
            let new = NewCommand { channel, device, command, after: None, purpose, priority, expires_at: None };
            let uuid = commands::enqueue(&mut *tx, ctx, new).await.unwrap();
            tx.commit().await.unwrap();
            uuid
        };
        let bulk = queue(Priority::Bulk, &Command::SecurityInfo).await;
        let later = queue(Priority::Bulk, &Command::DeviceConfigured).await;
        let first = queue(Priority::Interactive, &Command::SecurityInfo).await;
        let wipe = queue(Priority::Bulk, &Command::EraseDevice(EraseDevice::default())).await;
        for expected in [wipe, first, bulk, later] {
            assert_eq!(desk.idle().await.unwrap().uuid, expected);
            desk.fail(&expected).await;
        }
    }
}

#[tokio::test]
async fn what_depends_on_a_failure_is_dropped_and_says_so() {
    for desk in desks().await {
        let profile = desk.queue(&install_profile()).await;
        let app = desk.queue_after(&install(1), &profile).await;
        let list = desk.queue_after(&Command::ManagedApplicationList { identifiers: vec![] }, &app).await;
        let free = desk.queue(&Command::DeviceConfigured).await;
        desk.idle().await.unwrap();
        assert_eq!(desk.fail(&profile).await.unwrap().uuid, free, "the rest of the queue goes on");
        assert_eq!(desk.marks().await, ["command ended"]);

        let failed = desk.outcome(&profile).await.unwrap();
        assert_eq!((failed.state, failed.error_chain[0].code), (OutcomeState::Failed, 9610));
        for dropped in [&app, &list] {
            let outcome = desk.outcome(dropped).await.unwrap();
            assert_eq!(outcome.state, OutcomeState::Dropped);
            assert_eq!(outcome.reason.as_deref(), Some("what it depends on failed"));
            assert_eq!(outcome.delivered_at, None);
        }
        // Queued too late to wait for it.
        let late = desk.queue_after(&Command::SecurityInfo, &profile).await;
        assert_eq!(desk.outcome(&late).await.unwrap().state, OutcomeState::Dropped);
        let fine = desk.acknowledge(&free).await;
        assert_eq!(fine, None);
        let after_success = desk.queue_after(&Command::DeviceConfigured, &free).await;
        assert_eq!(desk.idle().await.unwrap().uuid, after_success);
    }
}

#[tokio::test]
async fn an_app_has_one_open_installation_at_most() {
    for desk in desks().await {
        let (app, other) = (desk.app(), desk.app());
        let queue = async |command: &Command, purpose: &Purpose| desk.try_queue(command, purpose, None, None).await;
        let open = queue(&install(1), &app).await.unwrap();
        assert_eq!(queue(&install(1), &app).await.unwrap(), open, "asking twice is asking once");
        let refused = queue(&install(2), &app).await.unwrap_err();
        assert!(matches!(refused, CommandError::AlreadyOpen(uuid) if uuid == open));
        assert_ne!(queue(&install(2), &other).await.unwrap(), open, "another app is another matter");
        let removal = Command::RemoveApplication { identifier: bundle("com.example.app") };
        queue(&removal, &app).await.unwrap();

        assert_eq!(desk.idle().await.unwrap().uuid, open);
        desk.fail(&open).await.unwrap();
        assert_ne!(queue(&install(2), &app).await.unwrap(), open, "once it has ended, another may follow");
    }
}

#[tokio::test]
async fn a_command_is_withdrawn_only_before_its_delivery() {
    for desk in desks().await {
        let ctx = &desk.world.ctx;
        let first = desk.queue(&Command::SecurityInfo).await;
        let second = desk.queue(&Command::DeviceConfigured).await;
        let third = desk.queue_after(&Command::SecurityInfo, &second).await;
        desk.idle().await.unwrap();
        let mut tx = ctx.store.begin("test").await.unwrap();
        assert!(!commands::withdraw(&mut *tx, &first, "changed", ctx.now()).await.unwrap());
        assert!(commands::withdraw(&mut *tx, &second, "the wish changed", ctx.now()).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(desk.acknowledge(&first).await, None);
        assert_eq!(desk.outcome(&second).await.unwrap().reason.as_deref(), Some("the wish changed"));
        assert_eq!(desk.outcome(&third).await.unwrap().state, OutcomeState::Dropped);
    }
}

#[tokio::test]
async fn a_new_enrollment_inherits_no_command() {
    for desk in desks().await {
        let ctx = &desk.world.ctx;
        let first = desk.queue(&Command::SecurityInfo).await;
        let second = desk.queue_after(&Command::DeviceConfigured, &first).await;
        desk.idle().await.unwrap();
        let mut tx = ctx.store.begin("test").await.unwrap();
        assert_eq!(commands::drop_all(&mut *tx, desk.channel, "re-enrolled", ctx.now()).await.unwrap(), 2);
        tx.commit().await.unwrap();
        assert_eq!(desk.acknowledge(&first).await, None, "a late answer finds nothing");
        for uuid in [&first, &second] {
            let outcome = desk.outcome(uuid).await.unwrap();
            assert_eq!((outcome.state, outcome.reason.as_deref()), (OutcomeState::Dropped, Some("re-enrolled")));
        }
    }
}
