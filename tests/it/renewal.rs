//! Devices get new identities, by SCEP as their own OpenSSL speaks it, and nothing else on them changes.

use crate::databases::{Kind, fresh};
use crate::schema;
use crate::story::{LIMIT, Story, carried_out};
use russet::cli::demo::truth::Wanted;
use serde_json::{Value, json};
use std::time::Instant;

const DEVICES: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn identities_are_renewed_under_way_on_sqlite() {
    identities_are_renewed_under_way(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn identities_are_renewed_under_way_on_postgres() {
    identities_are_renewed_under_way(Kind::Postgres).await;
}

async fn identities_are_renewed_under_way(kind: Kind) {
    let Some(database) = fresh(kind).await else { return };
    let story = Story::begin(database.url(), DEVICES).await;
    story.settle(Wanted::AT_FIRST).await;
    let before = story.fleet.snapshot();
    let mut ends = Vec::new();
    for device in &before {
        ends.push(enrollment(&story, &device.serial).await["identity_ends_at"].clone());
        story.client.post(&format!("/api/v1/devices/{}/renew-identity", device.serial), &json!({})).await.unwrap();
    }
    story
        .until("every device has taken its enrollment profile again", || {
            story.fleet.snapshot().iter().zip(&before).all(|(is, was)| is.enrollments == was.enrollments + 1)
        })
        .await;
    for (device, end) in before.iter().zip(ends) {
        let began = Instant::now();
        loop {
            let now = enrollment(&story, &device.serial).await;
            if now["renewing_since"].is_null() && now["identity_ends_at"] != end {
                assert_eq!(now["state"], "live", "the same enrollment goes on: {now:#}");
                break;
            }
            assert!(began.elapsed() < LIMIT, "the renewal was not finished: {now:#}\n{}", story.log());
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
    // Work goes on with the new identities, and no app was sent again.
    story.change(&[("data_roaming", json!(true))]).await;
    story.settle(Wanted { data_roaming: true, ..Wanted::AT_FIRST }).await;
    for (was, is) in before.iter().zip(story.fleet.snapshot()) {
        let more = |kind: &str| carried_out(&is, kind) - carried_out(was, kind);
        assert_eq!(more("InstallApplication"), 0, "{}: no app again", is.serial);
        assert_eq!(more("InstallProfile"), 1, "{}: the enrollment profile and no other", is.serial);
        assert_eq!(more("SecurityInfo"), 0, "{}: nothing is asked again", is.serial);
        assert!(is.problems.is_empty(), "{}: {:?}", is.serial, is.problems);
    }
    schema::check_record(&story.record);
    story.end().await;
}

/// The one enrollment of a device.
async fn enrollment(story: &Story, serial: &str) -> Value {
    let device = story.client.get(&format!("/api/v1/devices/{serial}")).await.unwrap();
    let enrollments = device["enrollments"].as_array().unwrap();
    assert_eq!(enrollments.len(), 1, "{device:#}");
    enrollments[0].clone()
}
