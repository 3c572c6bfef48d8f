//! What devices are asked each day, who is woken, and who is called silent.

use super::super::orders::{self, How, Order};
use super::super::{questions, silence, unenroll, visits};
use super::device::Phone;
use super::{DAY, enrolled, ready};
use crate::commands;
use crate::directory::devices::{self, Device};
use crate::ids::DeviceId;
use crate::testing::{self, World};
use russet_protocol::command::Command;
use russet_protocol::{Timestamp, UserEnrollmentId};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

async fn known(world: &World, serial: &str) -> Device {
    devices::find(&mut *world.ctx.store.read().await.unwrap(), serial).await.unwrap().unwrap()
}

async fn open(world: &World, device: DeviceId) -> Vec<String> {
    let open = commands::open_of_device(&mut *world.ctx.store.read().await.unwrap(), device).await.unwrap();
    open.into_iter().map(|open| open.request_type).collect()
}

/// When the device is pushed next.
async fn push_due(world: &World) -> Option<Timestamp> {
    let mut view = world.ctx.store.read().await.unwrap();
    let row = view.one("SELECT due_at FROM push_channel", &[]).await.unwrap();
    row.opt_int("due_at").unwrap().map(Timestamp)
}

async fn talk(world: &World, phone: &Phone) {
    phone.drain(world).await;
}

const OF_A_PHONE: [&str; 7] = [
    "DeviceInformation",
    "SecurityInfo",
    "ProfileList",
    "ManagedApplicationList",
    "InstalledApplicationList",
    "CertificateList",
    "ProvisioningProfileList",
];

#[tokio::test]
async fn a_device_is_asked_soon_after_it_came_and_then_once_a_day_at_a_moment_of_its_own() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let phone = enrolled(&world, &authority, "C01").await;
        let device = known(&world, "C01").await.id;
        talk(&world, &phone).await;
        assert_eq!(visits::round(&world.ctx).await.unwrap(), 0, "what enrolling asks goes first");
        world.clock.advance(Duration::from_secs(30 * 60));
        assert_eq!(visits::round(&world.ctx).await.unwrap(), 1);
        assert_eq!(open(&world, device).await, OF_A_PHONE);
        talk(&world, &phone).await;

        let mut asked_at = Vec::new();
        for hour in 0..5 * 24 {
            world.clock.advance(HOUR);
            visits::round(&world.ctx).await.unwrap();
            if !open(&world, device).await.is_empty() {
                asked_at.push(hour);
                talk(&world, &phone).await;
            }
        }
        assert!((4..=5).contains(&asked_at.len()), "once a day: {asked_at:?}");
        assert!(asked_at.windows(2).all(|pair| pair[1] - pair[0] == 24), "at the same time: {asked_at:?}");
    }
}

#[tokio::test]
async fn an_inventory_of_each_week_is_asked_each_week() {
    let world = testing::sqlite().await.configured(|config| config.fleet.inventory_every = 7 * DAY);
    let authority = ready(&world).await;
    let phone = enrolled(&world, &authority, "C01").await;
    let device = known(&world, "C01").await.id;
    talk(&world, &phone).await;
    let mut asked = Vec::new();
    for hour in 0..21 * 24 {
        world.clock.advance(HOUR);
        visits::round(&world.ctx).await.unwrap();
        if !open(&world, device).await.is_empty() {
            asked.push(hour / 24);
        }
        talk(&world, &phone).await;
    }
    assert!((3..=4).contains(&asked.len()) && asked.windows(2).all(|pair| pair[1] - pair[0] >= 6), "{asked:?}");
}

#[tokio::test]
async fn the_queue_of_a_silent_device_does_not_fill_and_it_is_woken_once_a_day() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let phone = enrolled(&world, &authority, "C01").await;
        let device = known(&world, "C01").await.id;
        talk(&world, &phone).await;
        let mut pushes = 0;
        for _ in 0..10 * 24 {
            world.clock.advance(HOUR);
            visits::round(&world.ctx).await.unwrap();
            if push_due(&world).await.is_some_and(|due| due <= world.ctx.now()) {
                pushes += 1;
                // APNs took it; nobody answers.
                let mut tx = world.ctx.store.begin("test").await.unwrap();
                let again = world.ctx.now().plus(2 * DAY).millis();
                let sql = "UPDATE push_channel SET tried_at = $1, pushed_at = $1, due_at = $2";
                tx.run(sql, &[world.ctx.now().millis().into(), again.into()]).await.unwrap();
                tx.commit().await.unwrap();
            }
        }
        assert_eq!(open(&world, device).await, OF_A_PHONE, "no question waits twice");
        assert!((9..=11).contains(&pushes), "{pushes} pushes in ten days");
    }
}

#[tokio::test]
async fn a_silent_device_is_woken_though_nothing_waits_for_it() {
    for world in testing::contexts().await {
        let world = world.configured(|config| config.fleet.inventory_every = 30 * DAY);
        let authority = ready(&world).await;
        let phone = enrolled(&world, &authority, "C01").await;
        talk(&world, &phone).await;
        world.clock.advance(HOUR);
        visits::round(&world.ctx).await.unwrap();
        talk(&world, &phone).await;
        assert_eq!(push_due(&world).await, None, "it has just been heard");
        world.clock.advance(2 * DAY + HOUR);
        visits::round(&world.ctx).await.unwrap();
        assert_eq!(push_due(&world).await, Some(world.ctx.now()));
        talk(&world, &phone).await;
        assert_eq!(push_due(&world).await, None, "it has answered");
    }
}

#[tokio::test]
async fn who_leaves_or_has_left_is_not_asked() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let phone = enrolled(&world, &authority, "C01").await;
        let device = known(&world, "C01").await.id;
        talk(&world, &phone).await;
        let mut tx = world.ctx.store.begin("test").await.unwrap();
        unenroll(&mut *tx, &world.ctx, device).await.unwrap();
        tx.commit().await.unwrap();
        world.clock.advance(DAY);
        visits::round(&world.ctx).await.unwrap();
        assert_eq!(open(&world, device).await, ["RemoveProfile"]);
        phone.check_out(&world).await.unwrap();
        world.clock.advance(2 * DAY);
        assert_eq!(visits::round(&world.ctx).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn on_demand_a_device_is_asked_at_once_and_never_twice() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let phone = enrolled(&world, &authority, "C01").await;
        talk(&world, &phone).await;
        let device = known(&world, "C01").await;
        for expected in [OF_A_PHONE.len(), 0] {
            let mut tx = world.ctx.store.begin("test").await.unwrap();
            let ordered = orders::give(&mut *tx, &world.ctx, &device, Order::Refresh, How::default()).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(ordered.len(), expected);
        }
    }
}

#[tokio::test]
async fn only_what_exists_for_a_device_is_asked() {
    let world = testing::sqlite().await;
    let id = world.device("C01").await;
    let phone = devices::get(&mut *world.ctx.store.read().await.unwrap(), id).await.unwrap();
    let asked = |device: &Device| -> Vec<String> {
        questions::all(device).iter().map(|command| command.request_type().to_owned()).collect()
    };
    let of = |product: &str, version: &str, supervised| Device {
        product_name: Some(product.to_owned()),
        os_version: Some(version.to_owned()),
        supervised: Some(supervised),
        ..phone.clone()
    };
    let has = |device: &Device, kind: &str| asked(device).iter().any(|asked| asked == kind);

    assert_eq!(asked(&of("iPhone17,2", "18.1", false)), OF_A_PHONE);
    assert!(has(&of("iPhone17,2", "18.1", true), "AvailableOSUpdates"));
    assert!(!has(&of("iPhone17,2", "27.0", true), "AvailableOSUpdates"), "gone");
    assert!(!has(&of("iPhone17,2", "18.1", true), "UserList"), "no Shared iPad");
    let shared = Device { shared_ipad: Some(true), ..of("iPad14,3", "18.1", true) };
    assert!(has(&shared, "UserList"));
    assert!(has(&of("Mac16,1", "15.1", true), "UserList") && !has(&of("Mac16,1", "15.1", false), "UserList"));
    let personal = Device {
        user_enrollment_id: UserEnrollmentId::new("E-1").ok(),
        udid: None,
        serial: None,
        ..of("Mac16,1", "15.1", false)
    };
    assert!(!has(&personal, "InstalledApplicationList"), "forbidden in a user enrollment of a Mac");
    let unknown = Device { product_name: None, os_version: None, supervised: None, ..phone.clone() };
    assert_eq!(asked(&unknown), ["DeviceInformation", "SecurityInfo", "ProfileList"]);

    let items = |device: &Device| {
        questions::all(device).into_iter().find_map(|command| match command {
            Command::InstalledApplicationList { items, .. } => Some(!items.is_empty()),
            _ => None,
        })
    };
    assert_eq!(items(&of("iPhone17,2", "26.1", false)), Some(true), "from 26 on sizes come only when asked for");
    assert_eq!(items(&of("Mac16,1", "26.1", false)), Some(false), "Macs know no Items");
    let queries = |version: &str| match questions::information(&of("iPhone17,2", version, false)) {
        Command::DeviceInformation { queries } => queries,
        other => panic!("{other:?}"),
    };
    assert!(queries("18.1").contains(&"IsRoaming".to_owned()) && !queries("26.0").contains(&"IsRoaming".to_owned()));
}

async fn silent(world: &World) -> Vec<DeviceId> {
    silence::list(&mut *world.ctx.store.read().await.unwrap(), &world.ctx, None, 10).await.unwrap()
}

async fn silence_of(world: &World, device: DeviceId) -> Option<silence::Silence> {
    let mut view = world.ctx.store.read().await.unwrap();
    silence::of_devices(&mut *view, &world.ctx, &[device]).await.unwrap().remove(&device)
}

#[tokio::test]
async fn a_device_is_silent_after_a_week_without_a_word_until_it_speaks() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let phone = enrolled(&world, &authority, "C01").await;
        let (device, enrolled_at) = (known(&world, "C01").await.id, world.ctx.now());
        world.clock.advance(7 * DAY - HOUR);
        assert_eq!((silent(&world).await, silence_of(&world, device).await), (Vec::new(), None));
        world.clock.advance(2 * DAY);
        assert_eq!(silent(&world).await, [device]);
        let told = silence_of(&world, device).await.unwrap();
        assert_eq!((told.since, told.unreachable.as_deref()), (enrolled_at, None));
        assert_eq!(told.in_words(world.ctx.now()), "silent for 8 days; it is woken once a day");
        phone.idle(&world).await.unwrap();
        assert_eq!((silent(&world).await, silence_of(&world, device).await), (Vec::new(), None));
        world.clock.advance(8 * DAY);
        phone.check_out(&world).await.unwrap();
        world.clock.advance(8 * DAY);
        assert!(silent(&world).await.is_empty(), "who has said goodbye is not silent");
    }
}

#[tokio::test]
async fn a_dead_push_token_is_a_second_signal() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let phone = enrolled(&world, &authority, "C01").await;
        let device = known(&world, "C01").await.id;
        let mut tx = world.ctx.store.begin("test: 410").await.unwrap();
        tx.run("UPDATE push_channel SET stopped = 'Apple says that the token is dead'", &[]).await.unwrap();
        tx.commit().await.unwrap();
        assert!(silent(&world).await.is_empty(), "it has just been heard");
        world.clock.advance(DAY + HOUR);
        assert_eq!(silent(&world).await, [device]);
        let told = silence_of(&world, device).await.unwrap().in_words(world.ctx.now());
        assert_eq!(told, "silent for 1 day, and it cannot be woken: Apple says that the token is dead");
        phone.says(&world, &phone.token_update()).await.unwrap();
        assert!(silent(&world).await.is_empty(), "a TokenUpdate brings it back");
    }
}
