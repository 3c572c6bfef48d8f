//! The server is killed in the middle of its work, again and again, and nothing is lost and nothing done twice.

use crate::databases::{Kind, fresh};
use crate::story::Story;
use russet::cli::demo::truth::Wanted;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

const KILLS: u32 = 30;
const DEVICES: usize = 25;

/// Where the next kill falls: a random moment, from a seed that the test prints.
struct Moments(u64);

impl Moments {
    fn next(&mut self) -> Duration {
        // SplitMix64: small, and good enough to spread moments.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Duration::from_millis(30 + (z ^ (z >> 31)) % 900)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_kills_lose_nothing_and_repeat_nothing_on_sqlite() {
    killed_thirty_times(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_kills_lose_nothing_and_repeat_nothing_on_postgres() {
    killed_thirty_times(Kind::Postgres).await;
}

async fn killed_thirty_times(kind: Kind) {
    let Some(database) = fresh(kind).await else { return };
    let seed = std::env::var("RUSSET_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_261_121);
    println!("moments follow from RUSSET_TEST_SEED={seed}");
    let mut moments = Moments(seed);
    let mut story = Story::begin(database.url(), DEVICES).await;

    let mut wanted = Wanted::AT_FIRST;
    let mut in_the_middle = 0;
    for kill in 1..=KILLS {
        // Not a wait for something: the moment itself is what is tried.
        tokio::time::sleep(moments.next()).await;
        in_the_middle += u32::from(!story.is_as(wanted));
        story.kill_and_restart().await;
        // Work for the kills that are left, should the devices be served already.
        if kill == 20 {
            wanted.data_roaming = true;
            story.change(&[("data_roaming", json!(true))]).await;
        }
        if kill == 25 {
            wanted.prevent_backup = false;
            story.change(&[("data_roaming", json!(true)), ("prevent_backup", json!(false))]).await;
        }
    }
    println!("{in_the_middle} of {KILLS} kills fell while work was under way");
    assert!(in_the_middle > KILLS / 2, "the work was over before most of the kills: {in_the_middle}");
    story.settle(wanted).await;

    for license in story.apple.licenses() {
        let what = format!("{} for {:?}: {license:?}", license.adam_id, license.serial_number);
        assert_eq!(license.times_given, 1, "given once: {what}");
        assert_eq!(license.repeated_associate_calls, 0, "asked for once: {what}");
    }
    for device in story.fleet.snapshot() {
        let mut seen: BTreeMap<(&str, &str, &str), Vec<&str>> = BTreeMap::new();
        for command in &device.journal {
            // What the device refused, or put off for good, may be sent again; what it did, not.
            if !command.statuses.iter().any(|status| status == "Acknowledged") {
                continue;
            }
            let kind = command.request_type.as_str();
            if let ("InstallProfile" | "InstallApplication", Some(subject)) = (kind, command.subject.as_deref()) {
                seen.entry((kind, subject, &command.content_sha256)).or_default().push(&command.uuid);
            }
        }
        for ((kind, subject, _), commands) in seen {
            assert_eq!(
                commands.len(),
                1,
                "{}: {kind} of {subject} with the same content once: {commands:?}",
                device.serial
            );
        }
        let mut payloads: Vec<_> = device.profiles.iter().flat_map(|profile| &profile.payloads).collect();
        let all = payloads.len();
        payloads.sort_by_key(|payload| &payload.uuid);
        payloads.dedup_by_key(|payload| &payload.uuid);
        assert_eq!(payloads.len(), all, "{}: no payload twice", device.serial);
    }
    story.end().await;
}
