//! The commands of a device: what is under way and what came of it, page by page; and one of them with the device's answer.
//!
//! What a device said is its own text: not to be believed, and not to be run. Secrets in answers are not shown.

use super::super::Api;
use super::super::body::{Path, Query};
use super::super::devices::device_of;
use super::super::problem::Problem;
use super::super::show::Time;
use super::super::values;
use super::{known, no_such_command};
use crate::commands::{self, Listed, Mark, OpenCommand, Outcome, Said};
use axum::Json;
use axum::extract::State;
use russet_protocol::guard::Limits;
use russet_protocol::result::{ErrorChainItem, Report};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Commands of a page where the client does not say.
const PAGE: u32 = 200;
/// Most commands of a page.
const LARGEST: u32 = 1000;

/// A command, under way or ended.
#[derive(Serialize)]
struct Shown {
    command_uuid: String,
    request_type: String,
    purpose: String,
    /// `queued`, `delivered`, `not_now`; ended: `done`, `failed`, `dropped`, `expired`.
    state: &'static str,
    open: bool,
    /// Why it ended so, in the server's words.
    reason: Option<String>,
    /// What the device said went wrong, from the outermost error inwards, in one line.
    error: Option<String>,
    error_chain: Vec<ErrorChainItem>,
    rejection_reason: Option<String>,
    /// What the answer says, in a few words.
    summary: Option<String>,
    waits_for: Option<String>,
    created_at: Time,
    delivered_at: Option<Time>,
    not_now_at: Option<Time>,
    expires_at: Option<Time>,
    ended_at: Option<Time>,
}

impl From<OpenCommand> for Shown {
    fn from(command: OpenCommand) -> Self {
        Self {
            command_uuid: command.sent_as.unwrap_or(command.uuid).into(),
            request_type: command.request_type,
            purpose: command.purpose.to_string(),
            state: command.state.as_str(),
            open: true,
            reason: None,
            error: None,
            error_chain: Vec::new(),
            rejection_reason: None,
            summary: None,
            waits_for: command.waits_for.map(Into::into),
            created_at: Time(command.created_at),
            delivered_at: command.delivered_at.map(Time),
            not_now_at: command.not_now_at.map(Time),
            expires_at: command.expires_at.map(Time),
            ended_at: None,
        }
    }
}

impl From<Outcome> for Shown {
    fn from(command: Outcome) -> Self {
        Self {
            command_uuid: command.sent_as.unwrap_or(command.uuid).into(),
            request_type: command.request_type,
            purpose: command.purpose.to_string(),
            state: command.state.as_str(),
            open: false,
            reason: command.reason,
            error: in_words(&command.error_chain),
            error_chain: command.error_chain,
            rejection_reason: command.rejection,
            summary: command.summary,
            waits_for: None,
            created_at: Time(command.created_at),
            delivered_at: command.delivered_at.map(Time),
            not_now_at: None,
            expires_at: None,
            ended_at: Some(Time(command.ended_at)),
        }
    }
}

impl From<Listed> for Shown {
    fn from(listed: Listed) -> Self {
        match listed {
            Listed::Open(open) => open.into(),
            Listed::Ended(ended) => ended.into(),
        }
    }
}

/// `License not found (MCMDMErrorDomain 12064); …`: English where the device said it in English.
fn in_words(chain: &[ErrorChainItem]) -> Option<String> {
    let link = |item: &ErrorChainItem| {
        let words = item.english.as_deref().filter(|text| !text.is_empty()).unwrap_or(&item.localized);
        format!("{words} ({} {})", item.domain, item.code)
    };
    (!chain.is_empty()).then(|| chain.iter().map(link).collect::<Vec<_>>().join("; "))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    cursor: Option<String>,
    limit: Option<u32>,
}

#[derive(Serialize)]
pub(super) struct Commands {
    items: Vec<Shown>,
    next_cursor: Option<String>,
}

/// The open commands in the order of the queue, then those that ended, newest first.
pub(super) async fn list(
    State(api): State<Api>,
    Path(device): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<Commands>, Problem> {
    let after: Option<Mark> = page.cursor.map(|text| text.parse()).transpose().map_err(|error| {
        let error: commands::InvalidMark = error;
        Problem::malformed(format!("`cursor`: {error}."))
    })?;
    let limit = page.limit.unwrap_or(PAGE).min(LARGEST);
    let mut snapshot = api.ctx.store.read().await?;
    let device = device_of(&mut *snapshot, &device).await?.id;
    let (found, next) = commands::page_of_device(&mut *snapshot, device, after, limit).await?;
    let items = found.into_iter().map(Into::into).collect();
    Ok(Json(Commands { items, next_cursor: next.map(|mark| mark.to_string()) }))
}

/// A command with the answer.
#[derive(Serialize)]
pub(super) struct Whole {
    #[serde(flatten)]
    command: Shown,
    /// Whether `GET …/secret` shows one.
    keeps_secret: bool,
    answer: Option<Answer>,
}

/// What the device answered.
#[derive(Serialize)]
struct Answer {
    status: String,
    note: Option<String>,
    received_at: Time,
    bytes: u64,
    /// The keys of the answer; `null` where it is too large to be shown, or cannot be read.
    keys: Option<Value>,
    /// Whether something was left out because there was too much of it.
    cut: bool,
}

impl From<Said> for Answer {
    fn from(said: Said) -> Self {
        let read = said.raw.as_deref().map(|raw| Report::decode(raw, Limits::for_body(raw.len())));
        let (keys, cut) = match read {
            Some(Ok(report)) => {
                let (keys, cut) = values::shown(&report.keys);
                (Some(keys), cut)
            }
            Some(Err(_)) => (None, false),
            None => (None, true),
        };
        let Said { status, note, received_at, bytes, .. } = said;
        Self { status, note, received_at: Time(received_at), bytes, keys, cut }
    }
}

/// One command, and what the device answered.
pub(super) async fn one(
    State(api): State<Api>,
    Path((device, uuid)): Path<(String, String)>,
) -> Result<Json<Whole>, Problem> {
    let mut snapshot = api.ctx.store.read().await?;
    let device = device_of(&mut *snapshot, &device).await?.id;
    let uuid = known(uuid)?;
    let found = commands::find(&mut *snapshot, device, &uuid).await?.ok_or_else(no_such_command)?;
    let answer = commands::answer_to(&mut *snapshot, &api.ctx, &found).await?;
    let keeps_secret = commands::keeps_secret(&mut *snapshot, device, &uuid).await?;
    Ok(Json(Whole { command: found.into(), keeps_secret, answer: answer.map(Into::into) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_chain_is_told_in_one_line() {
        let item = |code, localized: &str, english: Option<&str>| ErrorChainItem {
            code,
            domain: "D".to_owned(),
            localized: localized.to_owned(),
            english: english.map(str::to_owned),
        };
        assert_eq!(in_words(&[]), None);
        let chain = [item(1, "Lizenz fehlt", Some("No license")), item(2, "Nichts", None)];
        assert_eq!(in_words(&chain).as_deref(), Some("No license (D 1); Nichts (D 2)"));
    }
}
