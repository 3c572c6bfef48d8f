//! Enrolling, being woken, leaving.

use super::courier::Door;
use super::house::{ENROLLMENT, House, Proof, text};
use super::*;
use plist::Dictionary;

fn message_types(house: &House) -> Vec<String> {
    let read = |bytes: &Vec<u8>| text(&plist::from_bytes::<Dictionary>(bytes).unwrap(), "MessageType").to_owned();
    house.memory().check_ins.iter().map(read).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_of_every_kind_enroll_over_the_page_and_sign_as_real_ones_do() {
    let house = House::open(true).await;
    let fleet = enrolled(&house, Options { count: 5, ..quick() }).await;
    let devices = fleet.snapshot();
    for platform in [Platform::Ios, Platform::IpadOs, Platform::MacOs] {
        assert!(devices.iter().any(|device| device.platform == platform), "no {platform:?}");
    }
    for device in &devices {
        assert!(device.problems.is_empty(), "{:?}", device.problems);
        let profile = device.profile(ENROLLMENT).unwrap();
        assert_eq!((profile.signature, profile.install_count), (SignatureView::Verified, 1));
    }
    assert_eq!(house.memory().proofs, [Proof::Ber, Proof::Der].into());
    assert_eq!(message_types(&house).len(), 10);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_sign_message_the_client_certificate_speaks() {
    let house = House::open(false).await;
    let fleet = enrolled(&house, Options { count: 3, ..quick() }).await;
    assert_eq!(house.memory().proofs, [Proof::Certificate].into());
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_challenge_ends_the_attempt_with_the_reason() {
    let house = House::open_with(true, "somebody-else's").await;
    let options = Options { enroll_urls: vec![house.link()], trust_pem: house.roots_pem(), ..one(Platform::Ios) };
    let fleet = Fleet::start(options).await.unwrap();
    let failed = |devices: &[DeviceView]| (devices[0].phase == Phase::Failed).then(|| devices[0].clone());
    let device = fleet.wait_for(SOON, failed).await.unwrap();
    assert!(device.last_error.unwrap().contains("refused the request"));
    assert_eq!(device.problems[0].kind, "enrollment-failed");
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_nobody_trusts_is_not_talked_to() {
    let house = House::open(true).await;
    let fleet = Fleet::start(Options { enroll_urls: vec![house.link()], ..one(Platform::Ios) }).await.unwrap();
    let failed = |devices: &[DeviceView]| (devices[0].phase == Phase::Failed).then(|| devices[0].clone());
    let device = fleet.wait_for(SOON, failed).await.unwrap();
    let why = device.last_error.unwrap();
    assert!(why.contains("not trusted") && why.contains("--root"), "{why}");
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_wakes_only_with_the_right_magic() {
    let (house, door) = (House::open(true).await, Door::open().await);
    let options = Options { courier: Some(door.address.to_string()), ..one(Platform::Ios) };
    let fleet = enrolled(&house, options).await;
    let udid = only(&fleet).udid;
    let (token, magic) = house.memory().targets.get(&udid).unwrap().clone();
    let uuid =
        house.enqueue(&udid, &Command::DeviceInformation { queries: vec!["SerialNumber".into(), "IMEI".into()] });
    let mut subscribed = door.subscribed.clone();
    let listens = subscribed.wait_for(|tokens| tokens.contains(&token));
    tokio::time::timeout(SOON, listens).await.unwrap().unwrap();
    door.push(&token, "not this");
    let objected =
        |devices: &[DeviceView]| devices[0].problems.iter().any(|p| p.kind == "wrong-push-magic").then_some(());
    fleet.wait_for(SOON, objected).await.unwrap();
    assert!(only(&fleet).journal.is_empty());
    door.push(&token, &magic);
    let answer = house.answer(&uuid).await;
    let responses = answer.get("QueryResponses").and_then(plist::Value::as_dictionary).unwrap();
    assert_eq!(text(responses, "SerialNumber"), only(&fleet).serial);
    assert_eq!(only(&fleet).pushes, 1);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn removing_the_enrollment_profile_takes_along_what_came_with_it() {
    let house = House::open(true).await;
    let fleet = enrolled(&house, one(Platform::Ios)).await;
    house.ask(&fleet, &send(&vpn())).await;
    let managed = install(|install| install.management_flags.remove_with_mdm = true);
    house.ask(&fleet, &managed).await;
    for _ in 0..2 {
        house.ask(&fleet, &Command::ManagedApplicationList { identifiers: vec![] }).await;
    }
    assert_eq!(only(&fleet).app(APP).unwrap().state, "Managed");

    let answer = house.ask(&fleet, &Command::RemoveProfile { identifier: ENROLLMENT.into() }).await;
    assert_eq!(text(&answer, "Status"), "Acknowledged");
    let left = |devices: &[DeviceView]| (devices[0].phase == Phase::Left).then(|| devices[0].clone());
    let device = fleet.wait_for(SOON, left).await.unwrap();
    assert!(device.profiles.is_empty() && device.apps.is_empty() && !device.enrolled);
    assert_eq!(message_types(&house), ["Authenticate", "TokenUpdate", "CheckOut"]);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_enrollment_profile_sent_again_renews_the_identity_and_keeps_the_rest() {
    let house = House::open(true).await;
    let fleet = enrolled(&house, one(Platform::MacOs)).await;
    house.ask(&fleet, &send(&vpn())).await;
    let mut renewed = house.enrollment_profile();
    renewed.uuid = "enrollment-uuid-2".into();
    let answer = house.ask(&fleet, &Command::InstallProfile { payload: house.signed(&renewed) }).await;
    assert_eq!(text(&answer, "Status"), "Acknowledged");
    let device = only(&fleet);
    assert_eq!((device.enrollments, device.profiles.len()), (2, 2));
    assert_eq!(message_types(&house), ["Authenticate", "TokenUpdate", "Authenticate", "TokenUpdate"]);

    let mut moved = house.enrollment_profile();
    for payload in &mut moved.payloads {
        if let PayloadBody::Mdm(mdm) = &mut payload.body {
            mdm.server_url += "?somewhere=else";
        }
    }
    let answer = house.ask(&fleet, &send(&moved)).await;
    assert_eq!(text(&answer, "Status"), "Error");
    assert_eq!(only(&fleet).enrollments, 2);
    fleet.stop().await;
}
