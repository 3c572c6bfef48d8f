//! Odd answers of a device whose identity holds: kept, answered 200, and the queue goes on.

use super::requests::Request;
use super::{Device, House, delivered, houses, long_text};
use crate::commands::OutcomeState;
use russet_protocol::CommandUuid;
use russet_protocol::command::Command;
use russet_protocol::plist::{Dictionary, Value};
use russet_protocol::result::{Report, Status};

fn report(device: &Device, status: &str, uuid: Option<&CommandUuid>, keys: &[(&str, Value)]) -> Request {
    let keys: Dictionary = keys.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    let idle = Report::idle(device.sender());
    let report = Report { status: Status::parse(status), command_uuid: uuid.cloned(), keys, ..idle };
    Request::report(&report.encode()).of(device)
}

async fn say(house: &House, request: &Request) -> Option<CommandUuid> {
    let next = delivered(&request.send(house).await);
    house.healthy("an odd answer").await;
    next
}

/// The last report that was kept of the bad device: its note and size.
async fn last(house: &House) -> (Option<String>, usize) {
    house.reports(&house.bad).await.pop().unwrap()
}

#[tokio::test]
async fn what_is_merely_odd_is_kept_and_the_queue_goes_on() {
    for house in houses().await {
        let bad = &house.bad;
        let theirs = house.queue(&house.good, &Command::DeviceConfigured).await;
        let first = house.queue(bad, &Command::DeviceConfigured).await;
        let second = house.queue(bad, &Command::SecurityInfo).await;
        let third = house.queue(bad, &Command::DeviceConfigured).await;

        assert_eq!(say(&house, &report(bad, "Idle", None, &[])).await, Some(first.clone()));
        let unknown = CommandUuid::new("nobody's").unwrap();
        assert_eq!(say(&house, &report(bad, "Acknowledged", Some(&unknown), &[])).await, Some(first.clone()));
        assert_eq!(last(&house).await.0.as_deref(), Some("not a command of this channel"));
        assert_eq!(say(&house, &report(bad, "Acknowledged", Some(&theirs), &[])).await, Some(first.clone()));
        assert_eq!(last(&house).await.0.as_deref(), Some("not a command of this channel"));
        assert_eq!(house.outcome(&theirs).await, None, "nothing changes there");
        assert_eq!(say(&house, &report(bad, "Acknowledged", None, &[])).await, Some(first.clone()));
        assert_eq!(last(&house).await.0.as_deref(), Some("names no command"));
        let odd_uuid = [("CommandUUID", Value::from(long_text(10_000)))];
        assert_eq!(say(&house, &report(bad, "Acknowledged", None, &odd_uuid)).await, Some(first.clone()));

        assert_eq!(say(&house, &report(bad, "Whatever", Some(&first), &[])).await, Some(second.clone()));
        assert_eq!(last(&house).await.0.as_deref(), Some("unknown status"));
        let long_status = long_text(10_000);
        assert_eq!(say(&house, &report(bad, &long_status, Some(&unknown), &[])).await, Some(second.clone()));

        let unreadable = report(bad, "Acknowledged", Some(&second), &[("SecurityInfo", "no dictionary".into())]);
        assert_eq!(say(&house, &unreadable).await, Some(third.clone()));
        assert_eq!(last(&house).await.0.as_deref(), Some("the device's answer could not be read"));
        assert_eq!(house.outcome(&second).await, Some(OutcomeState::Failed));
        assert_eq!(say(&house, &report(bad, "Acknowledged", Some(&third), &[])).await, None);
        assert_eq!(say(&house, &report(bad, "Error", Some(&third), &[])).await, None);
        assert_eq!(last(&house).await.0.as_deref(), Some("answered again"));
        assert_eq!(house.outcome(&third).await, Some(OutcomeState::Done), "the first word counts");
        assert_eq!(say(&house, &report(bad, "Idle", None, &[])).await, Some(first.clone()), "nothing is lost");
        assert_eq!(say(&house, &report(bad, "Acknowledged", Some(&first), &[])).await, None);
    }
}

#[tokio::test]
async fn long_answers_are_kept_and_longer_ones_recorded() {
    for house in houses().await {
        let bad = &house.bad;
        let (first, second) =
            (house.queue(bad, &Command::DeviceConfigured).await, house.queue(bad, &Command::DeviceConfigured).await);
        assert_eq!(say(&house, &report(bad, "Idle", None, &[])).await, Some(first.clone()));
        let long = report(bad, "Acknowledged", Some(&first), &[("Data", Value::Data(vec![7; 20 << 20]))]);
        assert!(long.body.len() > 24 << 20 && long.body.len() < 32 << 20, "{}", long.body.len());
        assert_eq!(say(&house, &long).await, Some(second.clone()));
        assert_eq!(last(&house).await, (None, long.body.len()), "every byte is kept");
        assert_eq!(house.outcome(&first).await, Some(OutcomeState::Done));

        let mut longer = report(bad, "Acknowledged", Some(&second), &[]);
        longer.body.resize((32 << 20) + 1, b' ');
        assert_eq!(say(&house, &longer).await, None);
        let (note, kept) = last(&house).await;
        assert!(note.is_some_and(|note| note.contains("too large")) && kept == 0);
        assert_eq!(house.outcome(&second).await, Some(OutcomeState::Failed));
    }
}

#[tokio::test]
async fn text_that_a_device_chose_is_only_text() {
    let mark = "<script>alert(1)</script>{{7*7}}${jndi:ldap://x}%n%s'; DROP TABLE device; --";
    for house in houses().await {
        let bad = &house.bad;
        for name in [mark.to_owned(), long_text(10_000), format!("x\n2026 ERROR {mark}\u{1b}[2J")] {
            let asked = house.queue(bad, &Command::DeviceInformation { queries: vec!["DeviceName".into()] }).await;
            let listed = house.queue(bad, &Command::ProfileList { managed_only: false }).await;
            assert_eq!(say(&house, &report(bad, "Idle", None, &[])).await, Some(asked.clone()));
            let keys: Dictionary = ["DeviceName", "OSVersion", "Model"]
                .map(|key| (key.to_owned(), Value::from(name.as_str())))
                .into_iter()
                .collect();
            let told = report(bad, "Acknowledged", Some(&asked), &[("QueryResponses", Value::Dictionary(keys))]);
            house.log.forget();
            assert_eq!(say(&house, &told).await, Some(listed.clone()));
            let profile: Dictionary = ["PayloadIdentifier", "PayloadUUID", "PayloadDisplayName"]
                .map(|key| (key.to_owned(), Value::from(name.as_str())))
                .into_iter()
                .collect();
            let list = [("ProfileList", Value::Array(vec![Value::Dictionary(profile)]))];
            assert_eq!(say(&house, &report(bad, "Acknowledged", Some(&listed), &list)).await, None);
            assert_eq!(house.outcome(&asked).await, Some(OutcomeState::Done));
            assert_eq!(house.outcome(&listed).await, Some(OutcomeState::Done));
            for line in house.log.text().lines() {
                assert!(
                    line.starts_with("20") && !line.starts_with("2026 ERROR") && !line.contains('\u{1b}'),
                    "{line}"
                );
            }
        }
    }
}
