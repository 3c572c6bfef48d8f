//! Commands that act on the whole device: what is answered, and what is true afterwards.

use super::house::{House, text};
use super::*;
use russet_protocol::SecretText;
use russet_protocol::command::{
    DeviceLock, EnableLostMode, EraseDevice, RequestMirroring, RestartDevice, ReturnToService,
};

fn locks(message: Option<&str>, pin: Option<&str>) -> Command {
    let (message, pin) = (message.map(str::to_owned), pin.map(SecretText::new));
    Command::DeviceLock(DeviceLock { message, pin, ..DeviceLock::default() })
}

/// Waits until the only device is as wanted.
async fn until(fleet: &Fleet, holds: impl Fn(&DeviceView) -> bool) -> DeviceView {
    let look = |devices: &[DeviceView]| holds(&devices[0]).then(|| devices[0].clone());
    fleet.wait_for(SOON, look).await.unwrap_or_else(|| panic!("{:#?}", only(fleet)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_phone_is_opened_by_its_unlock_token_only() {
    let house = House::open(true).await;
    let fleet = enrolled(&house, one(Platform::Ios)).await;
    let answer = house.ask(&fleet, &locks(Some("Bring me back"), None)).await;
    assert_eq!((text(&answer, "Status"), text(&answer, "MessageResult")), ("Acknowledged", "Success"));
    let device = only(&fleet);
    assert!(device.locked && device.lock_message.as_deref() == Some("Bring me back"));
    let wrong = Command::ClearPasscode { unlock_token: russet_protocol::SecretBytes::new(vec![1, 2, 3]) };
    assert_eq!(text(&house.ask(&fleet, &wrong).await, "Status"), "Error");
    let update = house.said("TokenUpdate").remove(0);
    let token = update.get("UnlockToken").and_then(plist::Value::as_data).unwrap().to_vec();
    let right = Command::ClearPasscode { unlock_token: russet_protocol::SecretBytes::new(token) };
    assert_eq!(text(&house.ask(&fleet, &right).await, "Status"), "Acknowledged");
    assert!(!only(&fleet).locked && !only(&fleet).passcode);
    let answer = house.ask(&fleet, &locks(Some("Again"), None)).await;
    assert_eq!(text(&answer, "MessageResult"), "NoPasscodeSet");
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mac_locked_by_pin_is_silent_until_somebody_types_it() {
    let house = House::open(true).await;
    let fleet = enrolled(&house, one(Platform::MacOs)).await;
    assert_eq!(text(&house.ask(&fleet, &locks(None, Some("12345"))).await, "Status"), "Error", "too short");
    house.ask(&fleet, &locks(None, Some("123456"))).await;
    let device = until(&fleet, |device| device.power == Power::Pin).await;
    let uuid = house.enqueue(&device.udid, &Command::SecurityInfo);
    fleet.poll(0);
    fleet.tend(0);
    assert_eq!(text(&house.answer(&uuid).await, "Status"), "Acknowledged");
    assert_eq!(only(&fleet).power, Power::On);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restart_and_shut_down_are_acknowledged_first() {
    let house = House::open(true).await;
    let fleet = enrolled(&house, one(Platform::Ios)).await;
    house.ask(&fleet, &Command::RestartDevice(RestartDevice::default())).await;
    until(&fleet, |device| device.restarts == 1).await;
    house.ask(&fleet, &Command::ShutDownDevice).await;
    until(&fleet, |device| device.power == Power::Off).await;
    fleet.tend(0);
    until(&fleet, |device| device.power == Power::On).await;
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_device_knows_nothing_and_may_enroll_again() {
    let house = House::open(true).await;
    let fleet = enrolled(&house, one(Platform::Ios)).await;
    house.ask(&fleet, &send(&vpn())).await;
    house.ask(&fleet, &Command::EraseDevice(EraseDevice::default())).await;
    let device = until(&fleet, |device| device.phase == Phase::Erased).await;
    assert!(!device.enrolled && device.profiles.is_empty() && device.erasures == 1);
    assert!(house.said("CheckOut").is_empty(), "an erased device says no goodbye");
    fleet.tend(0);
    let device = until(&fleet, |device| device.enrolled).await;
    assert_eq!((device.enrollments, device.profiles.len()), (2, 1), "only its new enrollment profile is on it");
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn return_to_service_enrolls_by_the_profile_it_brings() {
    let house = House::open(true).await;
    let fleet = enrolled(&house, one(Platform::Ios)).await;
    let profile = house.signed(&house.enrollment_profile());
    let back = ReturnToService {
        enabled: true,
        wifi_profile: None,
        mdm_profile: Some(russet_protocol::SecretBytes::new(profile)),
        bootstrap_token: None,
        retry_enrollment: None,
    };
    let erase = EraseDevice { return_to_service: Some(back), ..EraseDevice::default() };
    house.ask(&fleet, &Command::EraseDevice(erase)).await;
    let device = until(&fleet, |device| device.enrollments == 2).await;
    assert!(device.enrolled && device.erasures == 1);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_mode_is_for_supervised_phones_and_tells_where_they_are() {
    let house = House::open(true).await;
    let fleet = enrolled(&house, one(Platform::Ios)).await;
    let lost =
        EnableLostMode { message: Some("Lost".into()), footnote: Some("Reward".into()), ..EnableLostMode::default() };
    assert_eq!(text(&house.ask(&fleet, &Command::DeviceLocation).await, "Status"), "Error", "it is not lost");
    assert_eq!(text(&house.ask(&fleet, &Command::EnableLostMode(lost.clone())).await, "Status"), "Acknowledged");
    assert_eq!(only(&fleet).lost.as_deref(), Some("Lost / Reward"));
    let location = house.ask(&fleet, &Command::DeviceLocation).await;
    assert!(location.get("Latitude").and_then(plist::Value::as_real).is_some(), "{location:?}");
    house.ask(&fleet, &Command::PlayLostModeSound).await;
    let answer = house.ask(&fleet, &locks(Some("?"), None)).await;
    assert_eq!(text(&answer, "MessageResult"), "DeviceInLostMode");
    house.ask(&fleet, &Command::DisableLostMode).await;
    let device = only(&fleet);
    assert!(device.lost.is_none() && device.sounds == 1);
    fleet.stop().await;

    let house = House::open(true).await;
    let fleet = enrolled(&house, Options { supervised_percent: 0, ..one(Platform::Ios) }).await;
    let answer = house.ask(&fleet, &Command::EnableLostMode(lost)).await;
    assert_eq!(text(&answer, "Status"), "Error");
    assert_eq!(only(&fleet).journal[0].errors, ["MCMDMErrorDomain 12021"]);
    assert_eq!(only(&fleet).problems[0].kind, "command-not-here");
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_asked_to_mirror_the_screen() {
    let house = House::open(true).await;
    let fleet = enrolled(&house, one(Platform::IpadOs)).await;
    let mut ask = RequestMirroring { destination_name: Some("Board Room".into()), ..RequestMirroring::default() };
    let answer = house.ask(&fleet, &Command::RequestMirroring(ask.clone())).await;
    assert_eq!(text(&answer, "MirroringResult"), "Prompting");
    ask.destination_name = Some("Nowhere".into());
    let answer = house.ask(&fleet, &Command::RequestMirroring(ask)).await;
    assert_eq!(text(&answer, "MirroringResult"), "DestinationNotFound");
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_waits_in_setup_assistant_until_it_is_told_to_go_on() {
    let house = House::open(true).await;
    let fleet = enrolled(&house, Options { awaiting_configuration: true, ..one(Platform::Ios) }).await;
    let update = house.said("TokenUpdate").remove(0);
    assert_eq!(update.get("AwaitingConfiguration").and_then(plist::Value::as_boolean), Some(true));
    assert!(only(&fleet).awaiting);
    house.ask(&fleet, &Command::DeviceConfigured).await;
    assert!(!only(&fleet).awaiting);
    fleet.stop().await;
}
