//! Holds what devices send against Apple's own schema. The program that knows the schema is named by `SCHEMA_CHECK`;
//! without it this test says that it was skipped. Reports have no schema kind of their own: their answers are read back by
//! the typed readers of the protocol instead.

use super::house::{ENROLLMENT, House};
use super::*;
use russet_protocol::guard::Limits;
use russet_protocol::result::{Answer, Report, Status};

#[tokio::test(flavor = "multi_thread")]
async fn every_check_in_message_is_apples_and_every_answer_can_be_read() {
    let house = House::open(true).await;
    let fleet = enrolled(&house, Options { count: 5, supervised_percent: 100, ..quick() }).await;
    let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let commands = [
        Command::DeviceInformation { queries: texts(&["SerialNumber", "DeviceName", "OSVersion", "IsSupervised"]) },
        Command::SecurityInfo,
        send(&vpn()),
        install(|install| install.install_as_managed = Some(true)),
        Command::ManagedApplicationList { identifiers: vec![] },
        Command::InstalledApplicationList { identifiers: vec![], managed_only: false, items: vec![] },
        Command::ProfileList { managed_only: false },
        Command::Raw { request_type: "CertificateList".into(), keys: plist::Dictionary::new() },
        Command::RemoveProfile { identifier: ENROLLMENT.into() },
    ];
    for (place, device) in fleet.snapshot().iter().enumerate() {
        for command in &commands {
            house.enqueue(&device.udid, command);
        }
        fleet.poll(place);
    }
    let gone =
        |devices: &[DeviceView]| devices.iter().all(|device| device.phase == Phase::Left).then(|| devices.to_vec());
    let devices = fleet.wait_for(SOON, gone).await.unwrap();
    for device in &devices {
        for entry in &device.journal {
            assert_eq!(entry.statuses, ["Acknowledged"], "{} {entry:?}", device.platform.as_str());
        }
    }
    let types: Vec<&str> = commands.iter().map(Command::request_type).collect();
    for report in house.memory().reports.clone() {
        let report = Report::decode(&russet_protocol::xml::encode_dictionary(report), Limits::default()).unwrap();
        assert_eq!(report.status, Status::Acknowledged);
        let uuid = report.command_uuid.clone().unwrap();
        let number: usize = uuid.as_str().trim_start_matches("command-").parse().unwrap();
        Answer::read(types[(number - 1) % types.len()], &report).unwrap();
    }
    let messages = house.memory().check_ins.clone();
    assert_eq!(messages.len(), 15, "Authenticate, TokenUpdate and CheckOut of five devices");
    hold_against_schema(&messages);
    fleet.stop().await;
}

fn hold_against_schema(documents: &[Vec<u8>]) {
    let Some(program) = std::env::var_os("SCHEMA_CHECK") else {
        eprintln!("skipped: SCHEMA_CHECK names no program, so nothing was held against Apple's schema");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for (number, document) in documents.iter().enumerate() {
        std::fs::write(folder.path().join(format!("{number:02}.plist")), document).unwrap();
    }
    let outcome = std::process::Command::new(program).arg("checkin").arg(folder.path()).output().unwrap();
    assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stdout));
}
