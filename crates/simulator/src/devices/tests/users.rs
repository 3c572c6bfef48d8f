//! Users of Macs and Shared iPads, and devices of people in user enrollments.

use super::house::{House, text};
use super::*;
use plist::{Dictionary, Value};
use russet_protocol::SecretText;
use russet_protocol::command::{InviteToProgram, Program};

async fn with_user(house: &House, options: Options) -> Fleet {
    let fleet = enrolled(house, Options { users: 1, ..options }).await;
    let known = |devices: &[DeviceView]| devices[0].users.first().filter(|user| user.enrolled).map(|_| ());
    fleet.wait_for(SOON, known).await.unwrap_or_else(|| panic!("{:#?}", only(&fleet)));
    fleet
}

fn invite(url: &str) -> Command {
    Command::InviteToProgram(InviteToProgram { program: Program::AppsAndBooks, invitation_url: SecretText::new(url) })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_macs_user_has_a_queue_and_profiles_of_their_own() {
    let house = House::open(true).await;
    let fleet = with_user(&house, one(Platform::MacOs)).await;
    let update = house.said("TokenUpdate").remove(1);
    assert!(!text(&update, "UserID").is_empty() && !text(&update, "UserLongName").is_empty());
    assert_eq!(update.get("NotOnConsole").and_then(Value::as_boolean), Some(false));
    assert!(!update.contains_key("UnlockToken") && !update.contains_key("AwaitingConfiguration"));
    assert_eq!(text(&house.ask_user(&fleet, &send(&vpn())).await, "Status"), "Acknowledged");
    let device = only(&fleet);
    assert_eq!(device.users[0].profiles, ["com.example.vpn"]);
    assert!(device.profile("com.example.vpn").is_none(), "it is the user's, not the Mac's");
    let entry = &device.journal[0];
    assert_eq!(entry.user.as_deref(), Some(device.users[0].short_name.as_str()));
    let answer = house.ask_user(&fleet, &invite("https://buy.itunes.apple.com/invite")).await;
    assert_eq!(text(&answer, "InvitationResult"), "Acknowledged");
    assert_eq!(text(&house.ask_user(&fleet, &invite("ftp://x")).await, "InvitationResult"), "InvalidInvitationURL");
    assert_eq!(text(&house.ask_user(&fleet, &Command::UserList).await, "Status"), "Error", "the device's only");
    assert_eq!(text(&house.ask(&fleet, &invite("https://x")).await, "Status"), "Error", "users' only");
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_user_is_asked_for_first() {
    let house = House::open(true).await;
    house.memory().replies.insert("UserAuthenticate", [(410, Dictionary::new())].into());
    let options = Options { network_users: true, users: 1, ..one(Platform::MacOs) };
    let fleet = enrolled(&house, options.clone()).await;
    let declined = |devices: &[DeviceView]| devices[0].users.first().filter(|user| user.declined).cloned();
    assert!(!fleet.wait_for(SOON, declined).await.unwrap().enrolled);
    assert_eq!(house.said("TokenUpdate").len(), 1, "nothing more of a user who is not managed");
    fleet.stop().await;

    let house = House::open(true).await;
    let reply =
        |key: &str, value: &str| (200, [(key.to_owned(), Value::from(value))].into_iter().collect::<Dictionary>());
    let replies = [reply("DigestChallenge", "challenge"), reply("AuthToken", "token-of-this-login")];
    house.memory().replies.insert("UserAuthenticate", replies.into());
    let fleet = with_user(&house, options).await;
    assert!(!text(&house.said("UserAuthenticate")[1], "DigestResponse").is_empty());
    assert_eq!(text(&house.said("TokenUpdate")[1], "AuthToken"), "token-of-this-login");
    let answer = house.ask_user(&fleet, &Command::SecurityInfo).await;
    assert_eq!(text(&answer, "AuthToken"), "token-of-this-login");
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_a_shared_ipad_are_told_apart_by_their_accounts() {
    let house = House::open(true).await;
    let mix = Mix { iphones: 0, ipads: 0, macs: 0, apple_tvs: 0, shared_ipads: 1 };
    let fleet = with_user(&house, Options { mix, awaiting_configuration: true, ..one(Platform::IpadOs) }).await;
    let updates = house.said("TokenUpdate");
    assert!(!updates[0].contains_key("UnlockToken"), "nobody's passcode is to be removed");
    assert_eq!(text(&updates[1], "UserID"), "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF");
    assert!(text(&updates[1], "UserShortName").contains('@') && !updates[1].contains_key("UserLongName"));
    assert_eq!(updates[1].get("AwaitingConfiguration").and_then(Value::as_boolean), Some(true));
    let configured = Command::Raw { request_type: "UserConfigured".into(), keys: Dictionary::new() };
    assert_eq!(text(&house.ask_user(&fleet, &configured).await, "Status"), "Acknowledged");
    assert!(!only(&fleet).users[0].awaiting && only(&fleet).awaiting);
    let listed = house.ask(&fleet, &Command::UserList).await;
    let users = listed.get("Users").and_then(Value::as_array).unwrap();
    assert_eq!(text(users[0].as_dictionary().unwrap(), "UserName"), only(&fleet).users[0].short_name);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_in_a_user_enrollment_tells_neither_udid_nor_serial_number() {
    for platform in [Platform::Ios, Platform::MacOs] {
        let house = House::open(true).await;
        let options = Options { user_enrollment: true, users: 1, ..one(platform) };
        let fleet = enrolled(&house, options).await;
        let device = only(&fleet);
        let id = device.enrollment_id.clone().unwrap();
        let wanted = if platform == Platform::MacOs { 2 } else { 1 };
        house.until(|| house.said("TokenUpdate").len() == wanted).await;
        for message in house.said("Authenticate").iter().chain(&house.said("TokenUpdate")) {
            assert_eq!(text(message, "EnrollmentID"), id);
            for key in ["UDID", "SerialNumber", "IMEI", "UnlockToken", "UserID"] {
                assert!(!message.contains_key(key), "{key} in {message:?}");
            }
        }
        if platform == Platform::MacOs {
            assert_eq!(text(&house.said("TokenUpdate")[1], "EnrollmentUserID"), only(&fleet).users[0].id);
        }
        let queries = vec!["UDID".to_owned(), "SerialNumber".to_owned(), "OSVersion".to_owned()];
        let uuid = house.enqueue(&id, &Command::DeviceInformation { queries });
        let erase = house.enqueue(&id, &Command::EraseDevice(Default::default()));
        fleet.poll(0);
        let answer = house.answer(&uuid).await;
        let told = answer.get("QueryResponses").and_then(Value::as_dictionary).unwrap();
        assert_eq!(told.keys().collect::<Vec<_>>(), ["OSVersion"]);
        assert_eq!(text(&house.answer(&erase).await, "Status"), "Error");
        fleet.stop().await;
    }
}
