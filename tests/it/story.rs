//! A whole organization on this machine, for scenarios: the real server as a process, the simulated Apple, simulated
//! devices. Made of the same parts as `russet demo`.

use crate::schema;
use http::Method;
use russet::cli::client::Client;
use russet::cli::demo::rows::ServerReport;
use russet::cli::demo::server_process::ServerProcess;
use russet::cli::demo::setup::{self, Ready};
use russet::cli::demo::truth::{self, Fact, Wanted};
use russet::cli::demo::world::{Apple, Place};
use russet::cli::demo::{admin, fleet_options, settle};
use russet_simulator::devices::{DeviceView, Fleet, JournalEntry, Options};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The program under test.
pub(crate) fn russet() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_russet"))
}

/// Everything settles within this time, also on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(300);

/// The organization.
pub(crate) struct Story {
    pub(crate) place: Place,
    pub(crate) apple: Apple,
    pub(crate) client: Client,
    pub(crate) fleet: Fleet,
    pub(crate) ready: Ready,
    pub(crate) devices: usize,
    /// Where the devices keep what goes over the wire.
    pub(crate) record: PathBuf,
    server: Option<ServerProcess>,
    _folder: TempDir,
}

impl Story {
    /// Starts the server from an empty folder, does what an admin does once, and hands the link to the devices.
    pub(crate) async fn begin(database: Option<String>, devices: usize) -> Self {
        Self::begin_with(database, devices, |options| options).await
    }

    /// As [`Self::begin`], with other devices.
    pub(crate) async fn begin_with(
        database: Option<String>,
        devices: usize,
        change: impl FnOnce(Options) -> Options,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::prepare(folder.path().join("server"), database).unwrap();
        let apple = Apple::start(u32::try_from(devices).unwrap()).await.unwrap();
        apple.configure(&place).unwrap();
        let mut server = ServerProcess::spawn(russet(), &place).unwrap();
        server.ready(&place).await.unwrap();
        let client = admin(&place).unwrap();
        let ready = setup::run(&client, &apple, devices, &|_, _| {}).await.unwrap();
        let record = folder.path().join("wire");
        let options = fleet_options(&place, &apple, &ready.link, devices).unwrap();
        let fleet = Fleet::start(change(Options { record: Some(record.clone()), ..options })).await.unwrap();
        Self { place, apple, client, fleet, ready, devices, record, server: Some(server), _folder: folder }
    }

    /// Kills the server in the middle of whatever it does, and starts it again.
    pub(crate) async fn kill_and_restart(&mut self) {
        self.server.take().unwrap().kill().await.unwrap();
        let mut server = ServerProcess::spawn(russet(), &self.place).unwrap();
        server.ready(&self.place).await.unwrap();
        self.server = Some(server);
    }

    /// Waits until all is settled, and holds what the server says against what is true. Every fact is as wanted.
    pub(crate) async fn settle(&self, wanted: Wanted) -> Vec<Fact> {
        let began = Instant::now();
        loop {
            let left = LIMIT.saturating_sub(began.elapsed());
            let said = self.report(left).await;
            let facts = truth::facts(&self.fleet.snapshot(), &said.items, &self.apple.licenses(), wanted);
            if said.settled && said.satisfied && !facts.is_empty() && facts.iter().all(|fact| fact.as_wanted) {
                return facts;
            }
            if left.is_zero() {
                let faults: Vec<_> = facts
                    .iter()
                    .flat_map(|fact| fact.faults.iter().map(move |fault| (&fact.serial_number, fact.adam_id, fault)))
                    .collect();
                panic!("not everything is as wanted: {faults:#?}\n{}", self.log());
            }
            // The server settles before it has heard of a change only in the moment of the change.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Whether everything is as wanted on every device, at this moment and by the devices' own account.
    pub(crate) fn is_as(&self, wanted: Wanted) -> bool {
        truth::holds(&self.fleet.snapshot(), &self.apple.licenses(), wanted)
    }

    async fn report(&self, limit: Duration) -> ServerReport {
        let enrolled = || self.fleet.snapshot().iter().filter(|device| device.enrolled).count();
        let said = settle::wait(&self.client, self.devices, limit, &enrolled, &|_| {}).await;
        said.unwrap_or_else(|error| panic!("{error:#}\n{}", self.log()))
    }

    /// Waits until every device is enrolled.
    pub(crate) async fn enrolled(&self) {
        let all = |devices: &[DeviceView]| devices.iter().all(|device| device.enrolled).then_some(());
        let found = self.fleet.wait_for(LIMIT, all).await;
        assert!(found.is_some(), "not every device enrolls: {:#?}\n{}", self.fleet.snapshot(), self.log());
    }

    /// Waits until the server says this of a device.
    pub(crate) async fn knows(&self, device: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let said = self.client.get(&format!("/api/v1/devices/{device}")).await;
            match said {
                Ok(said) if holds(&said) => return said,
                said => assert!(began.elapsed() < LIMIT, "in vain: {said:#?}\n{}", self.log()),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the server says that this command of a device was done.
    pub(crate) async fn done(&self, device: &str, uuid: &str) {
        let began = Instant::now();
        loop {
            let said = self.client.get(&format!("/api/v1/devices/{device}/commands")).await.unwrap();
            let items = said["items"].as_array().unwrap();
            let command = items.iter().find(|item| item["command_uuid"] == uuid);
            let command = command.unwrap_or_else(|| panic!("{uuid} is lost: {said:#}"));
            if command["open"] == false {
                assert_eq!(command["state"], "done", "{command:#}");
                return;
            }
            assert!(began.elapsed() < LIMIT, "in vain: {command:#}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A link of its own for so many devices more.
    pub(crate) async fn invitation(&self, uses: usize) -> String {
        let body = serde_json::json!({ "uses": uses, "note": "more devices" });
        let made = self.client.post("/api/v1/invitations", &body).await.unwrap();
        made["link"].as_str().unwrap().to_owned()
    }

    /// What a change of the account's defaults would do.
    pub(crate) async fn preview(&self, change: &[(&str, Value)]) -> Value {
        let path = format!("/api/v1/accounts/{}/defaults/preview", self.ready.account);
        self.client.post(&path, &self.defaults(change)).await.unwrap()
    }

    /// Changes the account's defaults.
    pub(crate) async fn change(&self, change: &[(&str, Value)]) {
        let path = format!("/api/v1/accounts/{}/defaults", self.ready.account);
        let now = self.client.ask(Method::GET, &path, None, None).await.unwrap();
        self.client.ask(Method::PUT, &path, Some(&self.defaults(change)), now.etag.as_deref()).await.unwrap();
    }

    /// Waits until a condition holds.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(began.elapsed() < LIMIT, "in vain: {what}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The account's defaults, changed as said.
    fn defaults(&self, change: &[(&str, Value)]) -> Value {
        let mut defaults = self.ready.defaults.clone();
        for (key, value) in change {
            defaults[*key] = value.clone();
        }
        defaults
    }

    /// The end of the server's log.
    pub(crate) fn log(&self) -> String {
        let text = std::fs::read_to_string(self.place.log_file()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }

    /// Ends everything in order; the server's end is an orderly one, and all that went over the wire fits Apple's schema.
    pub(crate) async fn end(mut self) {
        self.fleet.stop().await;
        let status = self.server.take().unwrap().stop().await.unwrap();
        assert!(status.success(), "the server ended with {status}");
        self.apple.stop().await;
        schema::check_record(&self.record);
    }
}

/// How many commands of this type the device has carried out; redeliveries count once, refused ones not at all.
pub(crate) fn carried_out(device: &DeviceView, request_type: &str) -> usize {
    let done = |entry: &&JournalEntry| entry.statuses.iter().any(|status| status == "Acknowledged");
    device.journal.iter().filter(|entry| entry.request_type == request_type).filter(done).count()
}
