//! `russet simulate devices`: iPhones, iPads, Macs and Apple TVs that do not exist enroll in any MDM server and work for it until
//! Ctrl-C. Prints how far they are, and at the end what is on each of them; with `--json` everything that happens, one
//! object a line. Must never be pointed at a server whose licenses or push certificate are real.

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use russet_simulator::devices::{DeviceView, Fleet, Misbehavior, Mix, Options, Pace, Phase, Way};
use serde_json::json;
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  russet simulate devices --enroll https://mdm.example.com:8443/enroll/CODE -n 5 --root ca.pem
  russet simulate devices --enroll URL -n 100 --courier 127.0.0.1:2195 --store http://127.0.0.1:8082
  russet simulate devices --enroll URL --poll 5 --json > journal.jsonl
  russet simulate devices --enroll URL -n 50 --macs 2 --users 2 --apple-tvs 1 --shared-ipads 1
  russet simulate devices --enroll URL -n 50 --misbehave
  russet simulate devices --enroll URL -n 50 --misbehave lost-answers,wrong-clocks

Without --courier no push reaches the devices: --poll makes them ask for commands by themselves.

What --misbehave makes devices do, each now and then:
  locked             NotNow, because somebody has locked the device
  setup-assistant    wait in Setup Assistant until DeviceConfigured comes
  lost-answers       lose the connection before the server's answer is read, and send the same again
  broken-messages    lose the connection in the middle of a message
  repeated-answers   send a message twice
  slow-links         let a message dribble in
  wrong-clocks       find the server's certificate not yet valid at first; date everything oddly
  restored-backups   come back from a backup: TokenUpdate without Authenticate, with what was on it then
  old-identities     sign with the identity that a renewal has replaced
  unknown-status     answer with a Status nobody documents, and with the truth when asked again
  unknown-commands   answer commands that were never sent
  oversized-answers  answer with 33 MiB";

/// What `russet simulate devices` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Enrollment link or address of an enrollment profile; given several times, devices take them in turn
    #[arg(long, value_name = "URL", required = true)]
    enroll: Vec<String>,
    /// Number of devices
    #[arg(short, long, value_name = "N", default_value_t = 25)]
    number: usize,
    /// Courier door of the simulated APNs, through which pushes reach the devices
    #[arg(long, value_name = "HOST:PORT")]
    courier: Option<String>,
    /// Store door of the simulated Apps and Books service; without it every license is there
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// Trust root (PEM) beside the machine's and those of the enrollment profile; may be given several times
    #[arg(long, value_name = "FILE")]
    root: Vec<PathBuf>,
    /// Ask for commands this often even without a push, in seconds
    #[arg(long, value_name = "SECONDS")]
    poll: Option<u64>,
    /// How long an app takes to install, in seconds; without it each ManagedApplicationList moves it on
    #[arg(long, value_name = "SECONDS")]
    install_time: Option<f64>,
    /// Of a hundred profile and app commands, how many are answered NotNow
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=95))]
    not_now: u8,
    /// Share of iPhones; of every so many devices, as many as all shares together say
    #[arg(long, value_name = "N", default_value_t = 3)]
    iphones: u32,
    /// Share of iPads
    #[arg(long, value_name = "N", default_value_t = 1)]
    ipads: u32,
    /// Share of Macs
    #[arg(long, value_name = "N", default_value_t = 1)]
    macs: u32,
    /// Share of Apple TVs
    #[arg(long, value_name = "N", default_value_t = 0)]
    apple_tvs: u32,
    /// Share of Shared iPads
    #[arg(long, value_name = "N", default_value_t = 0)]
    shared_ipads: u32,
    /// Users of each Mac and each Shared iPad, where the server wants to hear of users
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=20))]
    users: u8,
    /// The users of Macs have network accounts: UserAuthenticate comes first
    #[arg(long)]
    network_users: bool,
    /// All are people's own devices, in user enrollments: EnrollmentID in place of UDID and serial number
    #[arg(long)]
    user_enrollment: bool,
    /// All wait in Setup Assistant until DeviceConfigured comes
    #[arg(long)]
    awaiting_configuration: bool,
    /// After so many seconds somebody unlocks a locked device, switches it on, or enrolls an erased one again
    #[arg(long, value_name = "SECONDS")]
    people_after: Option<u64>,
    /// Misbehave as devices in the field do: in every way, or in these (see below)
    #[arg(long, value_name = "WAY", num_args = 0..=1, value_delimiter = ',', default_missing_value = "all")]
    misbehave: Vec<String>,
    /// Number of the first device, so that two fleets can share one server
    #[arg(long, value_name = "N", default_value_t = 0)]
    first: usize,
    /// Everything invented follows from this: the same seed gives the same devices
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Print everything that happens as JSON, one object a line
    #[arg(long)]
    json: bool,
}

impl Args {
    fn options(self) -> anyhow::Result<Options> {
        let mut trust_pem = Vec::new();
        for file in &self.root {
            let pem =
                std::fs::read(file).with_context(|| format!("the trust root {} cannot be read", file.display()))?;
            trust_pem.extend(pem);
            trust_pem.push(b'\n');
        }
        let pace = match self.install_time {
            None => Pace::Polls,
            Some(seconds) => Pace::Time(
                Duration::try_from_secs_f64(seconds)
                    .context("--install-time is no number of seconds; give 2.5, say")?,
            ),
        };
        let misbehavior = match self.misbehave.iter().any(|word| word == "all") {
            true => Misbehavior::all(),
            false => {
                let ways: Result<Vec<Way>, _> = self.misbehave.iter().map(|word| word.parse()).collect();
                Misbehavior::of(ways?)
            }
        };
        Ok(Options {
            mix: Mix {
                iphones: self.iphones,
                ipads: self.ipads,
                macs: self.macs,
                apple_tvs: self.apple_tvs,
                shared_ipads: self.shared_ipads,
            },
            users: self.users.into(),
            network_users: self.network_users,
            user_enrollment: self.user_enrollment,
            awaiting_configuration: self.awaiting_configuration,
            person_after: self.people_after.map(Duration::from_secs),
            misbehavior,
            enroll_urls: self.enroll,
            count: self.number,
            first: self.first,
            seed: self.seed,
            courier: self.courier,
            store_url: self.store,
            trust_pem,
            poll_every: self.poll.map(Duration::from_secs),
            pace,
            not_now_percent: self.not_now,
            ..Options::default()
        })
    }
}

/// Runs the devices until Ctrl-C (or SIGTERM).
///
/// # Errors
/// When the options make no fleet or a trust root cannot be read.
pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let json = args.json;
    let fleet = Fleet::start(args.options()?).await?;
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        stopped = tokio::signal::ctrl_c() => stopped.context("Ctrl-C cannot be waited for")?,
        _ = terminate.recv() => {}
        () = show(&fleet, json) => {}
    }
    let devices = fleet.snapshot();
    fleet.stop().await;
    if !json {
        print!("{}", table(&devices));
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows what happens; never ends.
async fn show(fleet: &Fleet, json: bool) {
    let bar = ProgressBar::new_spinner().with_style(ProgressStyle::default_spinner());
    let mut told = Told::default();
    let mut before = String::new();
    loop {
        let devices = fleet.snapshot();
        if json {
            told.lines(&devices).iter().for_each(|line| println!("{line}"));
        } else {
            let summary = summary(&devices);
            // Without a terminal (a log file) the bar is silent: a line for each change instead.
            if bar.is_hidden() && summary != before {
                println!("{summary}");
            }
            bar.set_message(summary.clone());
            bar.tick();
            before = summary;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// One line about all devices.
fn summary(devices: &[DeviceView]) -> String {
    let enrolled = devices.iter().filter(|device| device.enrolled).count();
    let failed = devices.iter().filter(|device| device.phase == Phase::Failed).count();
    let apps = devices.iter().flat_map(|device| &device.apps).filter(|app| app.managed && app.present).count();
    let (commands, problems) = devices.iter().fold((0, 0), |(commands, problems), device| {
        (commands + device.journal.len(), problems + device.problems.len())
    });
    let mut line = format!(
        "{enrolled} of {} devices enrolled, {apps} managed apps installed, {commands} commands, {problems} problems",
        devices.len()
    );
    if failed > 0 {
        line += &format!(", {failed} could not enroll");
    }
    if let Some(why) = devices.iter().find_map(|device| device.last_error.as_deref()) {
        line += &format!(" (last: {why})");
    }
    line
}

/// What is on each device, one line a device, and below it what the server did wrong.
fn table(devices: &[DeviceView]) -> String {
    let mut text = String::from("\n");
    for device in devices {
        let apps: Vec<String> = device.apps.iter().map(|app| format!("{} {}", app.bundle_id, app.state)).collect();
        text += &format!(
            "{:<12} {:<22} {:<9} {:<9} {} profiles, {} commands; {}\n",
            device.serial,
            device.name,
            format!("{} {}", device.platform.as_str(), device.os_version),
            format!("{:?}", device.phase),
            device.profiles.len(),
            device.journal.len(),
            if apps.is_empty() { "no apps".to_owned() } else { apps.join(", ") }
        );
        for problem in &device.problems {
            text += &format!("    {}: {}\n", problem.kind, problem.text);
        }
    }
    text
}

/// What was printed already, so that each thing is told once and told again only when it has changed.
#[derive(Default)]
struct Told {
    phases: HashMap<String, Phase>,
    problems: HashMap<String, usize>,
    commands: HashMap<String, (u32, usize, bool)>,
}

impl Told {
    fn lines(&mut self, devices: &[DeviceView]) -> Vec<serde_json::Value> {
        let mut lines = Vec::new();
        for device in devices {
            let serial = &device.serial;
            if self.phases.insert(serial.clone(), device.phase) != Some(device.phase) {
                let (phase, error) = (device.phase, &device.last_error);
                lines.push(json!({ "event": "enrollment", "device": serial, "phase": phase, "error": error }));
            }
            for entry in &device.journal {
                let now = (entry.deliveries, entry.statuses.len(), entry.delivered_answer);
                if self.commands.insert(format!("{serial} {}", entry.uuid), now) != Some(now) {
                    lines.push(json!({ "event": "command", "device": serial, "command": entry }));
                }
            }
            let known = self.problems.insert(serial.clone(), device.problems.len()).unwrap_or(0);
            for problem in device.problems.iter().skip(known) {
                lines.push(json!({ "event": "problem", "device": serial, "problem": problem }));
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn a_short_line_is_enough() {
        let line = ["simulate", "--enroll", "https://mdm/enroll/a", "--enroll", "https://mdm/enroll/b", "-n", "3"];
        let options = Line::parse_from(line).args.options().unwrap();
        assert_eq!((options.count, options.enroll_urls.len(), options.pace), (3, 2, Pace::Polls));
        assert!(Line::try_parse_from(["simulate"]).is_err(), "a link is needed");
    }

    #[test]
    fn misbehavior_is_all_of_it_or_some() {
        let parse = |words: &[&str]| {
            let line = ["simulate", "--enroll", "https://mdm/enroll/a"].iter().chain(words);
            Line::parse_from(line).args.options()
        };
        assert_eq!(parse(&[]).unwrap().misbehavior, Misbehavior::default());
        assert_eq!(parse(&["--misbehave"]).unwrap().misbehavior, Misbehavior::all());
        let some = parse(&["--misbehave", "lost-answers,slow-links"]).unwrap().misbehavior;
        assert_eq!(some, Misbehavior::of([Way::LostAnswers, Way::SlowLinks]));
        assert!(parse(&["--misbehave", "rudeness"]).unwrap_err().to_string().contains("old-identities"));
        for way in russet_simulator::devices::WAYS {
            assert!(EXAMPLES.contains(way.name()), "--help explains {way}");
        }
    }

    #[tokio::test]
    async fn devices_that_cannot_reach_the_server_say_so() {
        let options = Options { enroll_urls: vec!["http://127.0.0.1:1/enroll".into()], count: 1, ..Options::default() };
        let fleet = Fleet::start(options).await.unwrap();
        let look = |devices: &[DeviceView]| devices[0].last_error.is_some().then(|| devices.to_vec());
        let devices = fleet.wait_for(Duration::from_secs(10), look).await.unwrap();
        assert!(summary(&devices).starts_with("0 of 1 devices enrolled"), "{}", summary(&devices));
        assert!(table(&devices).contains(&devices[0].serial));
        let mut told = Told::default();
        assert_eq!(told.lines(&devices)[0]["phase"], "Enrolling");
        assert!(told.lines(&devices).is_empty(), "nothing is told twice");
        fleet.stop().await;
    }
}
