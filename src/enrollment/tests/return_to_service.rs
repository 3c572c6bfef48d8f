//! Devices that are erased and come back by themselves.

use super::super::checkin::Reply;
use super::super::identity::{Refused, State};
use super::super::orders::{self, Erase, How, Order};
use super::super::return_to_service::{self, AskedBy};
use super::super::{EnrollmentError, channels, invitations};
use super::device::{Phone, opened};
use super::{DAY, enrolled, ready};
use crate::directory::devices;
use crate::testing::{self, World};
use russet_protocol::Secret;
use russet_protocol::checkin::{CheckIn, ReturnToService, SetBootstrapToken};
use russet_protocol::command::{Command, Delivered};
use russet_protocol::guard::{self, Limits};
use russet_protocol::plist::{Dictionary, Value};
use russet_protocol::profile::Profile;

const WIFI: &[u8] = b"the profile of a network";

/// What a device hears that asks whether it may return to service.
async fn asked(world: &World, phone: &Phone) -> Dictionary {
    let message = CheckIn::ReturnToService(ReturnToService { sender: phone.sender(), ..ReturnToService::default() });
    let Reply::PropertyList(answer) = phone.says(world, &message).await.unwrap() else { panic!("no answer") };
    let answer = guard::parse(&answer, Limits::default()).unwrap().into_dictionary().unwrap();
    answer.get("ReturnToService").and_then(Value::as_dictionary).unwrap().clone()
}

fn profile(signed: &[u8]) -> Profile {
    Profile::decode(&opened(signed), Limits::default()).unwrap()
}

async fn comes_back(world: &World, old: &Phone, profile: &Profile) -> Phone {
    let new = Phone::from_profile(world, &old.authority, profile, &old.serial).await;
    new.arrive(world).await;
    new
}

async fn states(world: &World) -> Vec<State> {
    let mut view = world.ctx.store.read().await.unwrap();
    let device = devices::find(&mut *view, "C01").await.unwrap().unwrap().id;
    let all = channels::enrollments_of_device(&mut *view, device).await.unwrap();
    let mut states: Vec<State> = all.into_iter().map(|one| one.state).collect();
    states.sort_by_key(|state| *state != State::Live);
    states
}

#[tokio::test]
async fn a_device_that_asks_may_not_return_to_service_unless_the_configuration_says_so() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let phone = enrolled(&world, &authority, "C01").await;
        let answer = asked(&world, &phone).await;
        assert_eq!((answer.get("Enabled"), answer.len()), (Some(&Value::Boolean(false)), 1));
    }
}

#[tokio::test]
async fn a_device_that_asks_gets_network_profile_and_bootstrap_token_and_comes_back() {
    for world in testing::contexts().await {
        let world = world.configured(|config| {
            config.check_in.returns_to_service = true;
            config.check_in.return_to_service_wifi = Some(Secret::new(WIFI));
        });
        let authority = ready(&world).await;
        let phone = enrolled(&world, &authority, "C01").await;
        let sender = phone.sender();
        let token = SetBootstrapToken { sender, bootstrap_token: Some(vec![5; 30]), ..SetBootstrapToken::default() };
        phone.says(&world, &CheckIn::SetBootstrapToken(token)).await.unwrap();
        for _ in 0..3 {
            asked(&world, &phone).await;
        }
        let answer = asked(&world, &phone).await;
        assert_eq!(answer.get("Enabled"), Some(&Value::Boolean(true)));
        let data = |key: &str| answer.get(key).and_then(Value::as_data).unwrap().to_vec();
        assert_eq!((data("WiFiProfileData"), data("BootstrapToken")), (WIFI.to_vec(), vec![5; 30]));

        let new = comes_back(&world, &phone, &profile(&data("MDMProfileData"))).await;
        assert!(new.idle(&world).await.unwrap().is_some(), "live at once: its invitation names the serial number");
        assert!(matches!(phone.idle(&world).await, Err(EnrollmentError::Refused(Refused::Over))));
        assert_eq!(states(&world).await, [State::Live, State::Ended]);
        let listed = invitations::list(&mut *world.ctx.store.read().await.unwrap()).await.unwrap();
        assert!(listed.iter().all(|invitation| invitation.used == invitation.uses), "nothing stays open");
    }
}

/// Erases the phone with return to service; the command as it is delivered.
async fn erased(world: &World, phone: &Phone) -> Command {
    let offer = return_to_service::offer(&world.ctx).await.unwrap();
    let mut tx = world.ctx.store.begin("test: erase").await.unwrap();
    let device = devices::find(&mut *tx, "C01").await.unwrap().unwrap();
    let granted = offer.record(&mut *tx, &world.ctx, device.serial.as_ref(), AskedBy::Admin).await.unwrap();
    let order = Order::Erase(Erase { return_to_service: Some(granted), ..Erase::default() });
    orders::give(&mut *tx, &world.ctx, &device, order, How::default()).await.unwrap();
    tx.commit().await.unwrap();
    let mut next = phone.idle(world).await.unwrap();
    while let Some(delivery) = next {
        let delivered = Delivered::decode(&delivery.bytes, Limits::default()).unwrap().unwrap();
        if delivered.command.request_type() == "EraseDevice" {
            return delivered.command;
        }
        next = phone.answers(world, &delivery.uuid, russet_protocol::result::Status::Acknowledged).await.unwrap();
    }
    panic!("no EraseDevice")
}

#[tokio::test]
async fn an_erased_device_comes_back_within_a_month_and_not_later() {
    for world in testing::contexts().await {
        let world = world.configured(|config| config.check_in.return_to_service_wifi = Some(Secret::new(WIFI)));
        let authority = ready(&world).await;
        let phone = enrolled(&world, &authority, "C01").await;
        let Command::EraseDevice(erase) = erased(&world, &phone).await else { panic!("no EraseDevice") };
        let returns = erase.return_to_service.unwrap();
        assert!(returns.enabled && returns.bootstrap_token.is_none(), "it is to be erased whole");
        assert_eq!(returns.wifi_profile.unwrap().reveal(), WIFI);
        let first = profile(returns.mdm_profile.unwrap().reveal());
        assert_eq!(first.identifier, profile_identifier(&world).await, "it takes the place of the old profile");
        world.clock.advance(29 * DAY);
        let new = comes_back(&world, &phone, &first).await;
        assert!(new.idle(&world).await.unwrap().is_some());
        let Command::EraseDevice(erase) = erased(&world, &new).await else { panic!("no EraseDevice") };
        let second = profile(erase.return_to_service.unwrap().mdm_profile.unwrap().reveal());
        world.clock.advance(31 * DAY);
        let client = super::scep_client::Client::new();
        let challenge = super::device::challenge(&second);
        let message = client.message(Some(&challenge), authority.certificate_der(), "T9", None);
        let answer = super::super::issuance::answer(&world.ctx, &authority, message).await.unwrap();
        assert!(client.open(&answer).is_none(), "the challenge ended with its command");
    }
}

async fn profile_identifier(world: &World) -> String {
    let mut view = world.ctx.store.read().await.unwrap();
    let sql = "SELECT profile_identifier FROM enrollment WHERE state = 'live'";
    view.one(sql, &[]).await.unwrap().text("profile_identifier").unwrap()
}
