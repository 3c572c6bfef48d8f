//! Odd answers of a device whose identity holds: kept, answered 200, and the queue goes on.

use super::requests::Request;
use super::{Device, Expect, House, Row, delivered, houses, long_text};
use crate::commands::OutcomeState;
use openssl::pkcs7::Pkcs7Flags;
use russet_protocol::CommandUuid;
use russet_protocol::checkin::Sender;
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
        // Answers that name nothing, or what cannot be a name: the command is put off, so that nobody turns in circles.
        assert_eq!(say(&house, &report(bad, "Acknowledged", None, &[])).await, Some(second.clone()));
        assert_eq!(last(&house).await.0.as_deref(), Some("names no command"));
        let odd_uuid = [("CommandUUID", Value::from(long_text(10_000)))];
        assert_eq!(say(&house, &report(bad, "Acknowledged", None, &odd_uuid)).await, Some(third.clone()));
        assert_eq!(say(&house, &report(bad, "Idle", None, &[])).await, Some(third.clone()));

        assert_eq!(say(&house, &report(bad, "Whatever", Some(&third), &[])).await, Some(first.clone()));
        assert_eq!(last(&house).await.0.as_deref(), Some("unknown status"));
        let long_status = long_text(10_000);
        assert_eq!(say(&house, &report(bad, &long_status, Some(&unknown), &[])).await, Some(first.clone()));

        let unreadable = report(bad, "Acknowledged", Some(&second), &[("SecurityInfo", "no dictionary".into())]);
        assert_eq!(say(&house, &unreadable).await, Some(first.clone()));
        assert_eq!(last(&house).await.0.as_deref(), Some("the device's answer could not be read"));
        assert_eq!(house.outcome(&second).await, Some(OutcomeState::Failed));
        assert_eq!(say(&house, &report(bad, "Acknowledged", Some(&first), &[])).await, None);
        assert_eq!(say(&house, &report(bad, "Error", Some(&first), &[])).await, None);
        assert_eq!(last(&house).await.0.as_deref(), Some("answered again"));
        assert_eq!(house.outcome(&first).await, Some(OutcomeState::Done), "the first word counts");
        assert_eq!(say(&house, &report(bad, "Idle", None, &[])).await, Some(third.clone()), "nothing is lost");
        assert_eq!(say(&house, &report(bad, "Acknowledged", Some(&third), &[])).await, None);
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
async fn an_answer_that_is_too_large_is_proven_by_a_signature_as_well() {
    for house in houses().await {
        let bad = &house.bad;
        for flags in [Pkcs7Flags::empty(), Pkcs7Flags::NOATTR] {
            let (first, second) = (
                house.queue(bad, &Command::DeviceConfigured).await,
                house.queue(bad, &Command::DeviceConfigured).await,
            );
            assert_eq!(say(&house, &report(bad, "Idle", None, &[])).await, Some(first.clone()));
            let long = report(bad, "Idle", None, &[("Data", Value::Data(vec![7; 2 << 20]))]).body;
            let long = Request::report(&long).signed(&bad.certificate, &bad.key, &long, flags);
            assert_eq!(say(&house, &long).await, Some(first.clone()));
            assert_eq!(last(&house).await, (None, long.body.len()), "every byte is kept");

            let mut body = report(bad, "Acknowledged", Some(&second), &[]).body;
            body.resize((32 << 20) + 70_000, b' ');
            let signed = Request::report(&body).signed(&bad.certificate, &bad.key, &body, flags);

            let mut forged = signed.clone();
            forged.body[(32 << 20) + 5] = b'!';
            let before = house.records().await;
            let answer = forged.send(&house).await;
            assert_eq!(answer.status, 400, "{}", answer.text());
            assert!(house.log.text().contains("does not belong to this message"));
            assert_eq!(house.records().await, before);

            // Not the one that was delivered: the one that is named.
            assert_eq!(say(&house, &signed).await, Some(first.clone()));
            assert!(last(&house).await.0.is_some_and(|note| note.contains("too large")));
            assert_eq!(house.outcome(&second).await, Some(OutcomeState::Failed));
            // Without a length in its head, and without a name that can be seen: the one that was delivered.
            let blind = vec![b' '; (32 << 20) + 1];
            let blind = Request::report(&blind).signed(&bad.certificate, &bad.key, &blind, flags).chunked();
            assert_eq!(say(&house, &blind).await, None);
            assert_eq!(house.outcome(&first).await, Some(OutcomeState::Failed));
        }
    }
}

#[tokio::test]
async fn an_answer_of_a_user_that_is_too_large_ends_the_users_command() {
    for house in houses().await {
        let bad = &house.bad;
        let devices = house.queue(bad, &Command::DeviceConfigured).await;
        assert_eq!(say(&house, &report(bad, "Idle", None, &[])).await, Some(devices.clone()));
        let user = Sender { user_id: Some("1D4F0000-USER".to_owned()), ..bad.sender() };
        let channel = house.user_channel(bad, &user).await;
        let theirs = house.queue_for(bad, channel, &Command::ProfileList { managed_only: false }).await;
        let idle = Request::report(&Report::idle(user.clone()).encode()).of(bad);
        assert_eq!(say(&house, &idle).await, Some(theirs.clone()));
        let mut answer = Report { command_uuid: Some(theirs.clone()), ..Report::idle(user) };
        answer.status = Status::Acknowledged;
        let mut long = Request::report(&answer.encode()).of(bad);
        // Its name stands behind what is thrown away.
        let padding = vec![b' '; 33 << 20];
        let at = long.body.windows(6).position(|part| part == b"<dict>").unwrap();
        long.body.splice(at..at, padding);
        assert_eq!(say(&house, &long).await, None);
        assert_eq!(house.outcome(&theirs).await, Some(OutcomeState::Failed));
        assert_eq!(house.outcome(&devices).await, None, "the device's own goes on");
    }
}

#[tokio::test]
async fn a_check_in_that_is_too_large_ends_nothing() {
    for house in houses().await {
        let waiting = house.queue(&house.bad, &Command::DeviceConfigured).await;
        assert_eq!(say(&house, &report(&house.bad, "Idle", None, &[])).await, Some(waiting.clone()));
        let large = Request::check_in(&vec![b' '; (32 << 20) + 1]).of(&house.bad);
        house.run(vec![Row::new("a long check-in", large, Expect::Refused(413, "too large"))]).await;
        assert_eq!(house.outcome(&waiting).await, None);
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
