//! `russet admin devices lock|erase|restart|command|…`: what a device is told to do, after a question where it hurts.

mod written;

use super::connection::Desk;
use super::resolve::segment;
use super::table::{Table, items, plain, text};
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

/// Orders for a device.
#[derive(Debug, Subcommand)]
pub(super) enum Args {
    /// Ask a device to tell anew what it is and what is on it
    Refresh(Device),
    /// Restart a device
    Restart(Sure),
    /// Shut a device down
    ShutDown(Sure),
    /// Lock a device; a Mac gets a random PIN, which `secret` shows
    Lock {
        #[command(flatten)]
        sure: Sure,
        #[command(flatten)]
        screen: Screen,
    },
    /// Make a device forget its passcode
    ClearPasscode(Sure),
    /// Erase a device; a Mac gets a random PIN, which `secret` shows
    Erase {
        #[command(flatten)]
        sure: Sure,
        /// Keep the eSIM
        #[arg(long)]
        preserve_data_plan: bool,
        /// The device sets itself up again without hands (iPhone, iPad, Apple TV)
        #[arg(long)]
        return_to_service: bool,
        /// What a Mac does that cannot erase itself quickly: default, do_not_obliterate, obliterate_with_warning or always
        #[arg(long, value_name = "WHAT")]
        obliteration: Option<String>,
    },
    /// Lost Mode: on, off, a sound, where the device is
    LostMode {
        /// What to do
        what: Lost,
        #[command(flatten)]
        sure: Sure,
        #[command(flatten)]
        screen: Screen,
        /// A line at the foot of the Lock Screen
        #[arg(long)]
        footnote: Option<String>,
    },
    /// Cancel an open command, or all of them
    Cancel {
        #[command(flatten)]
        sure: Sure,
        /// CommandUUID; all open commands where none is given
        uuid: Option<String>,
    },
    /// Send any command of Apple's, by its keys or as a property list
    #[command(after_help = written::HELP)]
    Command(written::Args),
    /// Show one command, and what the device answered
    Answer {
        #[command(flatten)]
        device: Device,
        /// CommandUUID
        uuid: String,
    },
    /// Show the PIN or password that a command set on a Mac; the audit log tells who asked
    Secret {
        #[command(flatten)]
        device: Device,
        /// CommandUUID of the command that set it
        uuid: String,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Device {
    /// Id, serial number, UDID or name of the device
    device: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct Sure {
    #[command(flatten)]
    device: Device,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Screen {
    /// A text on the Lock Screen
    #[arg(long)]
    message: Option<String>,
    /// A phone number on the Lock Screen
    #[arg(long)]
    phone: Option<String>,
}

/// What to do with Lost Mode.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Lost {
    /// Switch it on
    On,
    /// Switch it off
    Off,
    /// Play a sound
    Sound,
    /// Ask where the device is; `russet admin devices commands` shows when it has answered
    Locate,
}

pub(super) async fn run(desk: &Desk, args: Args) -> anyhow::Result<()> {
    match args {
        Args::Refresh(Device { device }) => order(desk, &device, None, json!({ "type": "refresh" })).await,
        Args::Restart(sure) => {
            order(desk, &sure.device.device, Some(("Restart", sure.yes)), json!({ "type": "restart" })).await
        }
        Args::ShutDown(sure) => {
            order(desk, &sure.device.device, Some(("Shut down", sure.yes)), json!({ "type": "shut_down" })).await
        }
        Args::Lock { sure, screen } => {
            let body = json!({ "type": "lock", "message": screen.message, "phone_number": screen.phone });
            order(desk, &sure.device.device, Some(("Lock", sure.yes)), body).await
        }
        Args::ClearPasscode(sure) => {
            let body = json!({ "type": "clear_passcode" });
            order(desk, &sure.device.device, Some(("Clear the passcode of", sure.yes)), body).await
        }
        Args::Erase { sure, preserve_data_plan, return_to_service, obliteration } => {
            let body = json!({
                "type": "erase",
                "preserve_data_plan": preserve_data_plan.then_some(true),
                "return_to_service": return_to_service,
                "obliteration": obliteration,
            });
            order(desk, &sure.device.device, Some(("Erase everything on", sure.yes)), body).await
        }
        Args::LostMode { what, sure, screen, footnote } => {
            let (question, body) = match what {
                Lost::On => {
                    let Screen { message, phone } = screen;
                    let body = json!({
                        "type": "enable_lost_mode", "message": message, "phone_number": phone, "footnote": footnote,
                    });
                    (Some(("Switch Lost Mode on for", sure.yes)), body)
                }
                Lost::Off => (None, json!({ "type": "disable_lost_mode" })),
                Lost::Sound => (None, json!({ "type": "play_lost_mode_sound" })),
                Lost::Locate => (None, json!({ "type": "locate" })),
            };
            order(desk, &sure.device.device, question, body).await
        }
        Args::Cancel { sure, uuid } => cancel(desk, &sure, uuid.as_deref()).await,
        Args::Command(command) => {
            let question = command.question().map(|act| (act, command.yes));
            let question = question.as_ref().map(|(act, yes)| (act.as_str(), *yes));
            order(desk, &command.device, question, command.body()?).await
        }
        Args::Answer { device, uuid } => {
            let path = format!("{}/commands/{}", path(&device.device), segment(&uuid));
            let answer = desk.client.get(&path).await?;
            desk.show(&answer, || format!("{answer:#}"));
            Ok(())
        }
        Args::Secret { device, uuid } => {
            let path = format!("{}/commands/{}/secret", path(&device.device), segment(&uuid));
            let answer = desk.client.get(&path).await?;
            desk.show(&answer, || text(&answer, "secret"));
            Ok(())
        }
    }
}

fn path(device: &str) -> String {
    format!("/api/v1/devices/{}", segment(device))
}

/// The device's id, and what to call it in a question.
async fn known(desk: &Desk, device: &str) -> anyhow::Result<(String, String)> {
    let known = desk.client.get(&path(device)).await?;
    let name = plain(&format!("{} ({})", text(&known, "name"), text(&known, "serial_number")));
    Ok((text(&known, "id"), name))
}

async fn order(desk: &Desk, device: &str, question: Option<(&str, bool)>, body: Value) -> anyhow::Result<()> {
    let (id, name) = known(desk, device).await?;
    if let Some((act, yes)) = question {
        desk.confirm(&format!("{act} {name}?"), yes)?;
    }
    let answer = desk.client.post(&format!("{}/commands", path(&id)), &body).await?;
    desk.show(&answer, || told(&answer, &name, &id));
    Ok(())
}

fn told(answer: &Value, name: &str, id: &str) -> String {
    let mut table = Table::new(&["COMMAND", "COMMANDUUID"], "Everything is asked already.");
    let mut pins = String::new();
    for command in items(answer) {
        let uuid = text(command, "command_uuid");
        if command["keeps_secret"] == true {
            pins = format!("\nThe PIN or password that it set: russet admin devices secret {id} {uuid}\n");
        }
        table.line([text(command, "request_type"), uuid]);
    }
    format!("In the queue of {name}:\n{}{pins}", table.text())
}

async fn cancel(desk: &Desk, sure: &Sure, uuid: Option<&str>) -> anyhow::Result<()> {
    let (id, name) = known(desk, &sure.device.device).await?;
    let path = path(&id);
    if let Some(uuid) = uuid {
        let answer = desk.client.delete(&format!("{path}/commands/{}", segment(uuid))).await?;
        desk.show(&answer, || "Canceled.".to_owned());
        return Ok(());
    }
    desk.confirm(&format!("Cancel all open commands of {name}?"), sure.yes)?;
    let answer = desk.client.delete(&format!("{path}/commands")).await?;
    desk.show(&answer, || format!("Canceled: {}", text(&answer, "canceled")));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_that_set_a_pin_says_where_it_is() {
        let answer = json!({ "items": [{ "command_uuid": "u1", "request_type": "DeviceLock", "keeps_secret": true }] });
        let said = told(&answer, "Mia's Mac (C02)", "d1");
        assert!(said.starts_with("In the queue of Mia's Mac (C02):\n"), "{said}");
        assert!(said.contains("DeviceLock") && said.contains("russet admin devices secret d1 u1"), "{said}");
        assert!(!told(&json!({ "items": [] }), "x", "d1").contains("secret"));
    }
}
