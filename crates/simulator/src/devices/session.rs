//! A device at work: asks for commands, carries them out one at a time, and keeps every answer until the server has
//! taken it (Apple docs: Sending MDM commands to a device; Handling NotNow status responses).

use super::commands::{self, Reply};
use super::device::{Device, hex};
use super::fault::Fault;
use super::http::Answer;
use super::messages;
use super::record::Kind;
use super::state::Enrollment;
use plist::{Dictionary, Value};
use russet_protocol::checkin::Sender;
use russet_protocol::result::Report;
use russet_protocol::{CommandUuid, Udid};
use std::sync::Arc;

/// What the server said to a message.
enum Heard {
    /// 200 with a command, or without.
    Body(Vec<u8>),
    /// The server does not know this enrollment any more; the device gives it up.
    Unenrolled(String),
}

impl Device {
    /// One connection: Idle, then command after command until there is none. True if the last answer was `NotNow`, after
    /// which a device asks again by itself.
    pub(super) async fn session(self: &Arc<Self>) -> bool {
        let Ok(mut body) = messages::idle(&self.hardware) else { return false };
        let mut deferred = false;
        let mut answering: Option<String> = None;
        loop {
            let Some(enrollment) = self.state().enrollment.clone() else { return false };
            let heard = match self.deliver(&enrollment, body).await {
                Ok(heard) => heard,
                Err(fault) => {
                    self.change(|state| state.last_error = Some(fault.to_string()));
                    return false;
                }
            };
            if let Some(uuid) = answering.take() {
                self.change(|state| {
                    if let Some(entry) = state.entry(&uuid) {
                        entry.delivered_answer = true;
                    }
                });
            }
            let command = match heard {
                Heard::Unenrolled(why) => {
                    tracing::debug!(serial = self.hardware.serial, why, "a simulated device gives its enrollment up");
                    self.change(|state| state.problem("unenrolled-by-server", why, None));
                    self.forget_enrollment();
                    return false;
                }
                Heard::Body(bytes) if bytes.is_empty() => return deferred,
                Heard::Body(bytes) => bytes,
            };
            match self.carry_out(&enrollment, &command).await {
                Ok(done) => {
                    deferred = done.not_now;
                    answering = Some(done.uuid);
                    body = done.body;
                    if done.leave {
                        // RemoveProfile of the enrollment profile: the answer goes out first, as far as it can.
                        let _last = self.deliver(&enrollment, body).await;
                        self.check_out().await;
                        return false;
                    }
                }
                Err(fault) => {
                    self.change(|state| state.problem("unreadable-command", fault.to_string(), None));
                    return false;
                }
            }
        }
    }

    /// Sends one message until the server takes it.
    async fn deliver(&self, enrollment: &Enrollment, body: Vec<u8>) -> Result<Heard, Fault> {
        let wire = self.signed(enrollment, &enrollment.mdm.server_url, messages::COMMANDS, body)?;
        let retry = self.shared.options.retry;
        let mut wait = retry.first;
        loop {
            let fault = match enrollment.http.send(&wire).await {
                Ok(answer) if answer.status.is_success() => {
                    if self.state().last_error.is_some() {
                        self.change(|state| state.last_error = None);
                    }
                    return Ok(Heard::Body(answer.body.to_vec()));
                }
                Ok(answer) if answer.status.as_u16() == 401 => {
                    return Ok(Heard::Unenrolled(
                        "the server answered 401, which removes the enrollment from the device".into(),
                    ));
                }
                Ok(answer) if is_unrecognized(&answer) => {
                    return Ok(Heard::Unenrolled("the server answered 403 with com.apple.unrecognized.device".into()));
                }
                Ok(answer) => answer.fault(),
                Err(fault @ (Fault::Unreachable { .. } | Fault::Untrusted { .. })) => fault,
                Err(fault) => return Err(fault),
            };
            tracing::debug!(serial = self.hardware.serial, %fault, "a simulated device keeps its message");
            self.change(|state| state.last_error = Some(fault.to_string()));
            tokio::time::sleep(self.jittered(wait)).await;
            wait = (wait * 2).min(retry.most);
        }
    }

    async fn carry_out(self: &Arc<Self>, enrollment: &Enrollment, bytes: &[u8]) -> Result<Done, Fault> {
        let unreadable = |what: &str| Fault::Refused(format!("a command cannot be read: {what}"));
        let frame: Dictionary = plist::from_bytes(bytes).map_err(|e| unreadable(&e.to_string()))?;
        let uuid = frame
            .get("CommandUUID")
            .and_then(Value::as_string)
            .ok_or_else(|| unreadable("it has no CommandUUID"))?
            .to_owned();
        let command =
            frame.get("Command").and_then(Value::as_dictionary).ok_or_else(|| unreadable("it has no Command"))?;
        let request_type = command.get("RequestType").and_then(Value::as_string).unwrap_or("").to_owned();
        self.shared.record.bytes(Kind::Command, &self.hardware, bytes);
        let content = hex(&openssl::sha::sha256(&messages::xml(command.clone())?));
        let again = self.change(|state| state.received(&uuid, &request_type, commands::subject(command), content));
        if again {
            let kept = self.state().answers.iter().rev().find(|(known, ..)| *known == uuid).cloned();
            // NotNow is not kept: the command is tried anew.
            if let Some((_, body, status)) = kept.filter(|(_, _, status)| status != "NotNow") {
                self.change(|state| {
                    if let Some(entry) = state.entry(&uuid) {
                        entry.statuses.push(status);
                    }
                });
                return Ok(Done { uuid, body, not_now: false, leave: false });
            }
        }
        let delay = self.shared.options.answer_delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let reply = commands::answer(self, enrollment, &uuid, command).await;
        let body = self.frame(&uuid, &reply)?;
        let status = reply.status.as_str();
        self.change(|state| {
            if let Some(entry) = state.entry(&uuid) {
                entry.statuses.push(status.to_owned());
                entry.errors = reply.errors.iter().map(|error| format!("{} {}", error.domain, error.code)).collect();
            }
            state.keep_answer(&uuid, body.clone(), status);
        });
        Ok(Done { uuid, body, not_now: status == "NotNow", leave: reply.leave })
    }

    fn frame(&self, uuid: &str, reply: &Reply) -> Result<Vec<u8>, Fault> {
        let wrong = |what: &dyn std::fmt::Display| Fault::Refused(format!("a command cannot be answered: {what}"));
        let udid = Udid::new(&self.hardware.udid).map_err(|e| wrong(&e))?;
        let command = CommandUuid::new(uuid).map_err(|e| wrong(&e))?;
        let mut report = Report::acknowledged(Sender::device(udid), command, &reply.answer);
        report.status = reply.status.clone();
        report.error_chain = reply.error_chain();
        Ok(report.encode())
    }
}

/// A command carried out: the answer to send.
struct Done {
    uuid: String,
    body: Vec<u8>,
    not_now: bool,
    leave: bool,
}

fn is_unrecognized(answer: &Answer) -> bool {
    answer.status.as_u16() == 403 && String::from_utf8_lossy(&answer.body).contains("com.apple.unrecognized.device")
}
