//! `russet simulate apns`: a push service on this machine, with a push certificate to go with it.

use super::simulate::{self, Common};
use anyhow::Context;
use russet_protocol::Topic;
use russet_simulator::apns::{Event, EventKind, Options, Simulator};
use russet_simulator::ca::{Authority, Identity};
use russet_simulator::journal::Journal;
use std::net::SocketAddr;
use std::process::ExitCode;

/// `russet simulate apns …`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  russet simulate apns                                  on 127.0.0.1, files in ./simulator
  russet simulate apns --listen 0.0.0.0:7443 --host mac-lab.example.com --folder /tmp/apns
  russet simulate apns --topic com.apple.mgmt.External.my-test

How a server uses it: send pushes to the URL that is printed instead of https://api.push.apple.com, trust roots.pem, and
present push-certificate.pem (or .p12) as client certificate. With Russet:
  russet serve --set apple.push_url=https://localhost:7443 --set apple.push_roots=simulator/roots.pem
  russet admin push-certificate import simulator/push-certificate.pem

Simulated devices hear their notifications at the courier door. Faults, figures and the journal: the control door, for
example  curl http://127.0.0.1:7445/_sim/stats")]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
    /// Where pushes are received (HTTP/2 over TLS)
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7443")]
    listen: SocketAddr,
    /// Where simulated devices wait for notifications
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7444")]
    courier_listen: SocketAddr,
    /// Where faults are ordered and figures are read (plain HTTP; keep it on loopback)
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7445")]
    control_listen: SocketAddr,
    /// The topic of the push certificate; made up at the first start
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// The password of push-certificate.p12
    #[arg(long, value_name = "TEXT", default_value = "simulator")]
    p12_password: String,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let authority = args.common.authority()?;
    let topic = push_certificate(&args, &authority)?;
    let options = Options {
        listen: args.listen,
        courier_listen: args.courier_listen,
        control_listen: args.control_listen,
        host: args.common.host.clone(),
        authority: Some(authority),
        clock: simulate::clock(),
    };
    let simulator = Simulator::start(options).await?;
    let file = |name| args.common.file(name).display().to_string();
    println!("Simulated APNs at {}", simulator.push_url());
    println!("  trust roots        {}", file("roots.pem"));
    println!("  push certificate   {}", file("push-certificate.pem"));
    println!("                     {} (password: {})", file("push-certificate.p12"), args.p12_password);
    println!("  topic              {topic}");
    println!("  courier            {}   (russet simulate devices --courier …)", simulator.courier_addr());
    println!("  control            {}/_sim/stats, /_sim/journal, /_sim/faults", simulator.control_url());
    println!("Stop with Ctrl-C.");
    let (journal, quiet) = (simulator.journal(), args.common.quiet);
    simulate::until_stopped(show(journal, quiet)).await?;
    simulator.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Makes the push certificate, or keeps the one of an earlier run unless another topic is wanted or another authority issued
/// it: a server that imported it goes on with it. The PKCS#12 bundle always has the password that is printed.
fn push_certificate(args: &Args, authority: &Authority) -> anyhow::Result<Topic> {
    let path = args.common.file("push-certificate.pem");
    let wanted = match &args.topic {
        Some(text) => Some(Topic::new(text.as_str()).with_context(|| format!("{text:?} cannot be a topic"))?),
        None => None,
    };
    let kept = std::fs::read(&path).ok().and_then(|pem| Identity::from_pem(&pem).ok());
    let kept = kept.filter(|kept| authority.issued(kept));
    let kept = kept.and_then(|kept| kept.topic().map(|topic| (kept, topic)));
    let kept = kept.filter(|(_, topic)| wanted.as_ref().is_none_or(|wanted| wanted == topic));
    let (identity, topic) = match kept {
        Some(kept) => kept,
        None => {
            let made_up = || Topic::new(format!("com.apple.mgmt.External.{}", uuid::Uuid::new_v4()));
            let topic = wanted.map_or_else(made_up, Ok)?;
            (authority.issue_push_certificate(&topic)?, topic)
        }
    };
    simulate::write(&path, identity.pem()?)?;
    let bundle = identity.pkcs12(&args.p12_password, "APSP push certificate")?;
    simulate::write(&args.common.file("push-certificate.p12"), bundle)?;
    Ok(topic)
}

/// Prints what happens, one line each.
async fn show(journal: Journal<Event>, quiet: bool) {
    let mut seen = 0;
    loop {
        for entry in journal.next(seen).await {
            seen = entry.number;
            if !quiet {
                println!("{}  {}", simulate::time_of_day(entry.what.at), line(&entry.what));
            }
        }
    }
}

fn line(event: &Event) -> String {
    let token: String = event.token.chars().take(12).collect();
    match event.kind {
        EventKind::Push => {
            let reason = event.reason.as_deref().map(|reason| format!(" {reason}")).unwrap_or_default();
            format!("push to {token}…: {}{reason}", event.status.unwrap_or_default())
        }
        EventKind::Delivered => format!("{token}… heard its notification"),
        EventKind::Expired => format!("the notification for {token}… was too old when its device came"),
        EventKind::Subscribed => format!("{token}… waits for notifications"),
        EventKind::Disturbed => format!("a connection was disturbed, as ordered ({token}…)"),
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
    fn a_folder_keeps_its_push_certificate_until_another_topic_is_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let read = |more: &[&str]| {
            let line = ["apns", "--folder", folder.path().to_str().unwrap()];
            Line::try_parse_from(line.iter().chain(more)).unwrap().args
        };
        let args = read(&[]);
        let authority = args.common.authority().unwrap();
        let first = push_certificate(&args, &authority).unwrap();
        let pem = args.common.file("push-certificate.pem");
        let file = std::fs::read(&pem).unwrap();
        assert_eq!(push_certificate(&args, &authority).unwrap(), first);
        assert_eq!(std::fs::read(&pem).unwrap(), file);

        let topic = |args: &Args| {
            push_certificate(args, &authority).unwrap();
            Identity::from_pem(&std::fs::read(&pem).unwrap()).unwrap().topic().unwrap()
        };
        assert_eq!(
            topic(&read(&["--topic", "com.apple.mgmt.External.wanted"])).as_str(),
            "com.apple.mgmt.External.wanted"
        );

        // Another password is that of the same certificate; a certificate of another authority is of no use.
        let kept = std::fs::read(&pem).unwrap();
        push_certificate(&read(&["--p12-password", "another"]), &authority).unwrap();
        assert_eq!(std::fs::read(&pem).unwrap(), kept);
        let now = russet_protocol::Timestamp(jiff::Timestamp::now().as_millisecond());
        let bundle = std::fs::read(args.common.file("push-certificate.p12")).unwrap();
        assert!(russet_pki::push_certificate::parse(&bundle, Some("another"), now).is_ok());
        push_certificate(&args, &Authority::create("Another").unwrap()).unwrap();
        assert_ne!(std::fs::read(&pem).unwrap(), kept);
    }
}
