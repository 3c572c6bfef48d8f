//! Scenarios of the outbox, against the simulated APNs.

mod plans;

use super::*;
use crate::testing::{self, World};
use certificates::ImportError;
use russet_simulator::apns::{EventKind, Fault, FaultKind, Options, Refusal, Simulator};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const TOPIC: &str = "com.apple.mgmt.External.5f1c9e3a";
const SOON: Duration = Duration::from_secs(20);

fn topic(text: &str) -> Topic {
    Topic::new(text).unwrap()
}

fn token(byte: u8) -> PushToken {
    PushToken::new(vec![byte; 32]).unwrap()
}

/// A world at the present time, since certificates of the simulator are valid then, beside a simulated APNs.
async fn beside_apns(world: &mut World) -> Simulator {
    let present = crate::context::Clock::now(&crate::context::SystemClock);
    world.clock.advance(present.since(world.ctx.now()) + Duration::from_secs(60));
    let apns = Simulator::start(Options::default()).await.unwrap();
    let roots = world.folder().join("apns.pem");
    std::fs::write(&roots, apns.roots_pem()).unwrap();
    let mut config = (*world.ctx.config).clone();
    config.apple.push_url = apns.push_url().to_owned();
    config.apple.push_roots = Some(roots);
    world.ctx.config = Arc::new(config);
    apns
}

async fn import(world: &World, apns: &Simulator, name: &str, confirm: bool) -> Result<(), ImportError> {
    let file = apns.issue_push_certificate(&topic(name)).unwrap().pem().unwrap();
    certificates::import(&world.ctx, "test", file.as_bytes(), None, confirm).await.map(|_| ())
}

async fn targeted(world: &World, byte: u8) -> ChannelId {
    let channel = ChannelId(world.ctx.uuid());
    target(world, channel, byte).await;
    channel
}

async fn target(world: &World, channel: ChannelId, byte: u8) {
    let mut tx = world.ctx.store.begin("test").await.unwrap();
    let magic = PushMagic::new("MAGIC").unwrap();
    set_target(&mut *tx, channel, &token(byte), &magic, &topic(TOPIC), world.ctx.now()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn ask(world: &World, channel: ChannelId) {
    let mut tx = world.ctx.store.begin("test").await.unwrap();
    request(&mut *tx, channel, Lane::Interactive, world.ctx.now()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn speaks(world: &World, channel: ChannelId) {
    let mut tx = world.ctx.store.begin("test").await.unwrap();
    answered(&mut *tx, channel, world.ctx.now()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn stands(world: &World, channel: ChannelId) -> Standing {
    standing(&mut *world.ctx.store.read().await.unwrap(), channel, world.ctx.now()).await.unwrap().unwrap()
}

/// Lets the worker run until APNs has been asked so many times in all, then stops it, which writes down what came of it.
async fn until_asked(world: &World, apns: &Simulator, pushes: usize) {
    let stop = CancellationToken::new();
    let worker = tokio::spawn(worker::run(world.ctx.clone(), stop.clone()));
    let journal = apns.journal();
    let seen = journal.wait_for(SOON, |entries| {
        let asked = entries.iter().filter(|entry| entry.what.kind == EventKind::Push).count();
        (asked >= pushes).then_some(asked)
    });
    let seen = seen.await;
    stop.cancel();
    worker.await.unwrap();
    assert_eq!(seen, Some(pushes), "pushes that APNs was asked for");
}

#[tokio::test]
async fn a_device_is_pushed_until_it_speaks() {
    for mut world in testing::contexts().await {
        let apns = beside_apns(&mut world).await;
        import(&world, &apns, TOPIC, false).await.unwrap();
        let channel = targeted(&world, 1).await;
        assert_eq!(stands(&world, channel).await.next_at, None, "nobody waits for it");

        ask(&world, channel).await;
        assert_eq!(stands(&world, channel).await.next_at, Some(world.ctx.now()));
        until_asked(&world, &apns, 1).await;
        let pushed = stands(&world, channel).await;
        assert_eq!((pushed.pushed_at, pushed.trouble), (Some(world.ctx.now()), None));
        let again = pushed.next_at.unwrap();
        assert!(again >= world.ctx.now().plus(world.ctx.config.pace.push_again));

        world.clock.advance(again.since(world.ctx.now()));
        until_asked(&world, &apns, 2).await;
        speaks(&world, channel).await;
        let quiet = stands(&world, channel).await;
        assert_eq!((quiet.requested_at, quiet.next_at), (None, None));
    }
}

#[tokio::test]
async fn requests_while_a_push_is_on_its_way_wait_for_it() {
    for mut world in testing::contexts().await {
        let apns = beside_apns(&mut world).await;
        import(&world, &apns, TOPIC, false).await.unwrap();
        let channel = ChannelId(world.ctx.uuid());
        ask(&world, channel).await;
        assert_eq!(stands(&world, channel).await.next_at, None, "there is no token yet");
        target(&world, channel, 1).await;
        until_asked(&world, &apns, 1).await;
        let pushed = world.ctx.now();
        world.clock.advance(Duration::from_secs(5));
        ask(&world, channel).await;
        assert_eq!(stands(&world, channel).await.next_at, Some(pushed.plus(Duration::from_secs(30))));
        speaks(&world, channel).await;
        ask(&world, channel).await;
        assert_eq!(stands(&world, channel).await.next_at, Some(world.ctx.now()), "a new need after it spoke");
    }
}

#[tokio::test]
async fn a_dead_token_is_left_alone_until_the_next_token_update() {
    for mut world in testing::contexts().await {
        let apns = beside_apns(&mut world).await;
        import(&world, &apns, TOPIC, false).await.unwrap();
        let channel = targeted(&world, 1).await;
        let died = world.ctx.now().plus(Duration::from_secs(1));
        apns.order(Fault { kind: FaultKind::Refuse(Refusal::dead("Unregistered", died)), times: 1, token: None });
        ask(&world, channel).await;
        until_asked(&world, &apns, 1).await;
        let dead = stands(&world, channel).await;
        assert!(dead.trouble.unwrap().contains("dead"));
        ask(&world, channel).await;
        assert_eq!(stands(&world, channel).await.next_at, None);

        target(&world, channel, 2).await;
        until_asked(&world, &apns, 2).await;
        assert_eq!(stands(&world, channel).await.trouble, None);
        assert_eq!(apns.stats().accepted, 1);
    }
}

#[tokio::test]
async fn a_refused_certificate_parks_everything_until_another_comes() {
    for mut world in testing::contexts().await {
        let apns = beside_apns(&mut world).await;
        let channel = targeted(&world, 1).await;
        ask(&world, channel).await;
        assert!(stands(&world, channel).await.trouble.unwrap().contains("there is no push certificate"));

        import(&world, &apns, TOPIC, false).await.unwrap();
        let refusal = Refusal::new(403, "BadCertificate");
        apns.order(Fault { kind: FaultKind::Refuse(refusal), times: 1, token: None });
        until_asked(&world, &apns, 1).await;
        let parked = stands(&world, channel).await;
        assert!(parked.trouble.unwrap().contains("BadCertificate"));
        assert!(parked.next_at > Some(world.ctx.now()));

        import(&world, &apns, TOPIC, false).await.unwrap();
        until_asked(&world, &apns, 2).await;
        assert_eq!(stands(&world, channel).await.trouble, None);

        world.clock.advance(Duration::from_secs(366 * 24 * 3600));
        assert!(stands(&world, channel).await.trouble.unwrap().contains("expired"));
    }
}

#[tokio::test]
async fn trouble_of_apns_is_waited_out() {
    for mut world in testing::contexts().await {
        let apns = beside_apns(&mut world).await;
        import(&world, &apns, TOPIC, false).await.unwrap();
        let channel = targeted(&world, 1).await;
        let refusal = Refusal::new(503, "ServiceUnavailable");
        apns.order(Fault { kind: FaultKind::Refuse(refusal), times: 1, token: None });
        ask(&world, channel).await;
        until_asked(&world, &apns, 1).await;
        let waiting = stands(&world, channel).await;
        assert!(waiting.trouble.unwrap().contains("ServiceUnavailable"));
        let retry = waiting.next_at.unwrap();
        assert!(retry >= world.ctx.now().plus(Duration::from_secs(1)));
        ask(&world, channel).await;
        assert_eq!(stands(&world, channel).await.next_at, Some(retry), "a new request does not end a back-off");
        world.clock.advance(retry.since(world.ctx.now()));
        until_asked(&world, &apns, 2).await;
        assert_eq!(apns.stats().accepted, 1);
    }
}

#[tokio::test]
async fn another_topic_has_to_be_confirmed() {
    for mut world in testing::contexts().await {
        let apns = beside_apns(&mut world).await;
        import(&world, &apns, TOPIC, false).await.unwrap();
        let channel = targeted(&world, 1).await;
        let other = "com.apple.mgmt.External.other";
        match import(&world, &apns, other, false).await {
            Err(ImportError::OtherTopic { old, new, devices }) => {
                assert_eq!((old.as_str(), new.as_str(), devices), (TOPIC, other, 1));
            }
            unexpected => panic!("{unexpected:?}"),
        }
        import(&world, &apns, other, true).await.unwrap();
        let current = certificates::current(&mut *world.ctx.store.read().await.unwrap()).await.unwrap().unwrap();
        assert_eq!(current.topic, topic(other));
        assert!(stands(&world, channel).await.trouble.unwrap().contains(TOPIC));
    }
}
