//! A device at work: asks for commands, carries them out one at a time, and keeps every answer until the server has
//! taken it (Apple docs: Sending MDM commands to a device; Handling NotNow status responses).

use super::channel::{self, Channel};
use super::commands::{self, Reply};
use super::device::{Device, hex};
use super::fault::Fault;
use super::http::Answer;
use super::messages;
use super::misbehave::Way;
use super::power::After;
use super::record::Kind;
use super::state::Enrollment;
use plist::{Dictionary, Value};
use russet_protocol::CommandUuid;
use russet_protocol::result::Report;
use std::sync::Arc;

/// An answer that no server has room for.
const OVERSIZED: usize = 33 * 1024 * 1024;
/// An answer after which the device is no more (as it was) is tried so often.
const LAST_WORDS: u32 = 4;

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
    pub(super) async fn session(self: &Arc<Self>, channel: Channel) -> bool {
        if channel == Channel::Device && self.happens(Way::RestoredBackups) && self.hardware.platform.is_ios_family() {
            self.restore().await;
        }
        let locks = self.can_lock() && !self.state().locked && self.happens(Way::Locked);
        if locks {
            self.change(|state| state.locked = true);
        }
        let deferred = self.converse(channel).await;
        if locks {
            self.change(|state| state.locked = false);
        }
        if let Some(data) = self.change(|state| state.due.remove(&channel)) {
            self.synchronize(channel, data).await;
        }
        let restores = self.shared.options.misbehavior.share(Way::RestoredBackups) > 0;
        if restores && self.state().chance.percent(10) {
            self.back_up();
        }
        deferred
    }

    async fn converse(self: &Arc<Self>, channel: Channel) -> bool {
        let names = self.names(channel);
        let first = if self.happens(Way::UnknownCommands) {
            self.nonsense(channel)
        } else {
            messages::idle(&self.hardware, &names)
        };
        let Ok(mut body) = first else { return false };
        let mut deferred = false;
        let mut answering: Option<String> = None;
        loop {
            let Some(enrollment) = self.state().enrollment.clone() else { return false };
            let heard = match self.deliver(channel, &enrollment, body, None).await {
                Ok(heard) => heard,
                Err(fault) => {
                    self.change(|state| state.last_error = Some(fault.to_string()));
                    return false;
                }
            };
            if let Some(uuid) = answering.take() {
                self.note(channel, &uuid, |entry| entry.delivered_answer = true);
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
            match self.carry_out(channel, &enrollment, &command).await {
                Ok(done) => {
                    deferred = done.not_now;
                    if done.after.ends_session() {
                        // The answer goes out first, as far as it can.
                        if self.deliver(channel, &enrollment, done.body, Some(LAST_WORDS)).await.is_ok() {
                            self.note(channel, &done.uuid, |entry| entry.delivered_answer = true);
                        }
                        self.follow_up(done.after).await;
                        return false;
                    }
                    answering = Some(done.uuid);
                    body = done.body;
                }
                Err(fault) => {
                    self.change(|state| state.problem("unreadable-command", fault.to_string(), None));
                    return false;
                }
            }
        }
    }

    fn note(&self, channel: Channel, uuid: &str, note: impl FnOnce(&mut super::view::JournalEntry)) {
        self.change(|state| state.entry(channel, uuid).map(note));
    }

    /// An answer to a command that nobody sent.
    fn nonsense(&self, channel: Channel) -> Result<Vec<u8>, Fault> {
        let reply = Reply::done(russet_protocol::result::Answer::none());
        self.frame(channel, &channel::upper_uuid(), &reply)
    }

    /// Sends one message until the server takes it, or so many times.
    async fn deliver(
        &self,
        channel: Channel,
        enrollment: &Enrollment,
        body: Vec<u8>,
        attempts: Option<u32>,
    ) -> Result<Heard, Fault> {
        let mut by = enrollment.clone();
        if let Some((identity, http)) = by.previous.take().filter(|_| self.happens(Way::OldIdentities)) {
            (by.identity, by.http) = (identity, http);
        }
        let wire = self.signed(channel, &by, &enrollment.mdm.server_url, messages::COMMANDS, body)?;
        let retry = self.shared.options.retry;
        let mut wait = retry.first;
        let mut left = attempts;
        loop {
            let fault = match by.http.send(&wire).await {
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
            left = left.map(|left| left.saturating_sub(1));
            if left == Some(0) {
                return Err(fault);
            }
            tracing::debug!(serial = self.hardware.serial, %fault, "a simulated device keeps its message");
            self.change(|state| state.last_error = Some(fault.to_string()));
            tokio::time::sleep(self.jittered(wait)).await;
            wait = (wait * 2).min(retry.most);
        }
    }

    async fn carry_out(
        self: &Arc<Self>,
        channel: Channel,
        enrollment: &Enrollment,
        bytes: &[u8],
    ) -> Result<Done, Fault> {
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
        self.shared.record.bytes(Kind::Command, &self.hardware, channel, bytes);
        let content = hex(&openssl::sha::sha256(&messages::xml(command.clone())?));
        let again =
            self.change(|state| state.received(channel, &uuid, &request_type, commands::subject(command), content));
        if again {
            let kept = |kept: &&super::state::Kept| kept.channel == channel && kept.uuid == uuid;
            let kept = self.state().answers.iter().rev().find(kept).cloned();
            // NotNow is not kept: the command is tried anew.
            if let Some(kept) = kept.filter(|kept| kept.status != "NotNow") {
                self.note(channel, &uuid, |entry| entry.statuses.push(kept.status));
                return Ok(Done { uuid, body: kept.body, not_now: false, after: After::Nothing });
            }
        }
        let delay = self.shared.options.answer_delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let reply = commands::answer(self, channel, enrollment, &uuid, command).await;
        let body = self.frame(channel, &uuid, &reply)?;
        let status = reply.status.as_str();
        self.change(|state| {
            if let Some(entry) = state.entry(channel, &uuid) {
                entry.statuses.push(status.to_owned());
                entry.errors = reply.errors.iter().map(|error| format!("{} {}", error.domain, error.code)).collect();
            }
            state.keep_answer(channel, &uuid, body.clone(), status);
        });
        let (not_now, after) = (status == "NotNow", reply.after.clone());
        let body = if not_now || after.ends_session() { body } else { self.distort(channel, &uuid, reply, body)? };
        Ok(Done { uuid, body, not_now, after })
    }

    /// An answer as it goes out where the device misbehaves.
    fn distort(&self, channel: Channel, uuid: &str, mut reply: Reply, body: Vec<u8>) -> Result<Vec<u8>, Fault> {
        if self.happens(Way::UnknownStatus) {
            self.note(channel, uuid, |entry| entry.odd.push(Way::UnknownStatus.name().to_owned()));
            reply.status = russet_protocol::result::Status::Unknown("Perhaps".to_owned());
            return self.frame(channel, uuid, &reply);
        }
        if self.happens(Way::OversizedAnswers) {
            self.note(channel, uuid, |entry| entry.odd.push(Way::OversizedAnswers.name().to_owned()));
            let mut keys: Dictionary = plist::from_bytes(&body)
                .map_err(|e| Fault::Refused(format!("an answer of this device cannot be read: {e}")))?;
            keys.insert("Padding".to_owned(), "x".repeat(OVERSIZED).into());
            return messages::xml(keys);
        }
        Ok(body)
    }

    fn frame(&self, channel: Channel, uuid: &str, reply: &Reply) -> Result<Vec<u8>, Fault> {
        let wrong = |what: &dyn std::fmt::Display| Fault::Refused(format!("a command cannot be answered: {what}"));
        let command = CommandUuid::new(uuid).map_err(|e| wrong(&e))?;
        let names = self.names(channel);
        let mut report = Report::acknowledged(channel::sender(&names)?, command, &reply.answer);
        report.status = reply.status.clone();
        report.error_chain = reply.error_chain();
        if let Some((key, token)) = names.iter().find(|(key, _)| *key == "AuthToken") {
            report.keys.insert((*key).to_owned(), token.as_str().into());
        }
        Ok(report.encode())
    }
}

/// A command carried out: the answer to send.
struct Done {
    uuid: String,
    body: Vec<u8>,
    not_now: bool,
    after: After,
}

fn is_unrecognized(answer: &Answer) -> bool {
    answer.status.as_u16() == 403 && String::from_utf8_lossy(&answer.body).contains("com.apple.unrecognized.device")
}
