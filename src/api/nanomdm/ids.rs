//! One request for many ids: each succeeds or fails by itself.

use super::super::audit::Ended;
use super::super::limits::RequestId;
use super::super::problem::Problem;
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use russet_protocol::CommandUuid;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Ids of one transaction, so that a long list holds up no device.
pub(super) const PART: usize = 256;

/// The ids of an address, `{id,id}`: each once, whole, in an order that all requests share, so that two of them never wait
/// for each other in a circle.
pub(super) fn of(path: &str) -> Result<Vec<&str>, Problem> {
    let ids: BTreeSet<&str> = path.split(',').filter(|id| !id.is_empty()).collect();
    if ids.is_empty() {
        return Err(Problem::malformed("The address names no id."));
    }
    Ok(ids.into_iter().collect())
}

/// What became of one id; nothing said is nothing wrong.
#[derive(Debug, Default, Serialize)]
pub(super) struct Outcome {
    #[serde(skip_serializing_if = "Option::is_none")]
    push_error: Option<String>,
    /// The id of this request, under which the server's log tells of it: the push itself is sent afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    push_result: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command_error: Option<String>,
    /// The channel knew the CommandUUID.
    #[serde(skip)]
    conflict: bool,
}

impl Outcome {
    /// The command was not queued.
    pub(super) fn refused(problem: &Problem) -> Self {
        Self { command_error: Some(problem.words()), conflict: problem.is_conflict(), ..Self::default() }
    }

    /// A push is on its way, or cannot be sent for this reason.
    pub(super) fn pushed(RequestId(id): &RequestId, trouble: Option<String>) -> Self {
        let push_result = if trouble.is_none() { Some(id.clone()) } else { None };
        Self { push_result, push_error: trouble, ..Self::default() }
    }

    fn failed(&self) -> bool {
        self.push_error.is_some() || self.command_error.is_some()
    }
}

/// What became of all of them.
#[derive(Debug, Default, Serialize)]
pub(super) struct Outcomes {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    status: BTreeMap<String, Outcome>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    no_push: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    command_uuid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_type: Option<String>,
    #[serde(skip)]
    count: Count,
}

/// How many there were.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    all: usize,
    failed: usize,
    conflicts: usize,
}

impl Outcomes {
    /// Of a command that goes into many queues.
    pub(super) fn of_command(request_type: &str, uuid: &CommandUuid, no_push: bool) -> Self {
        let (request_type, command_uuid) = (Some(request_type.to_owned()), Some(uuid.as_str().to_owned()));
        Self { no_push, command_uuid, request_type, ..Self::default() }
    }

    /// Adds one.
    pub(super) fn add(&mut self, id: &str, outcome: Outcome) {
        self.count.all += 1;
        self.count.failed += usize::from(outcome.failed());
        self.count.conflicts += usize::from(outcome.conflict);
        if outcome.failed() || outcome.push_result.is_some() {
            self.status.insert(id.to_owned(), outcome);
        }
    }

    fn status(&self) -> StatusCode {
        let Count { all, failed, conflicts } = self.count;
        match failed {
            0 => StatusCode::OK,
            _ if failed < all => StatusCode::MULTI_STATUS,
            _ if conflicts == all => StatusCode::CONFLICT,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// For the audit log: what was sent, and to how many.
    fn ended(&self) -> Ended {
        let Count { all, failed, .. } = self.count;
        let what = match (&self.request_type, &self.command_uuid) {
            (Some(kind), Some(uuid)) => format!("{kind} (CommandUUID {uuid})"),
            _ => "push".to_owned(),
        };
        let how = if failed == all { "refused" } else { "done" };
        Ended(format!("{how}: {what}, without fault for {} of {all}", all - failed))
    }
}

impl IntoResponse for Outcomes {
    fn into_response(self) -> Response {
        let (status, ended) = (self.status(), self.ended());
        let mut response = (status, Json(self)).into_response();
        response.extensions_mut().insert(ended);
        response
    }
}
