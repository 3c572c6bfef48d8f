//! The calls of the App and Book Management API: which there are, and what each does once a request was let in.

use super::client_config::{Change, NOTIFICATION_TYPES};
use super::door::Admitted;
use super::errors::{self, ApiError};
use super::events::EventType;
use super::reads::Query;
use super::state::State;
use super::webhook;
use super::wire::{Assign, WriteClientConfig};
use http::Method;
use serde_json::{Map, Value, json};

/// A call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    ServiceConfig,
    ClientConfig,
    Assets,
    Assignments,
    Users,
    Status,
    Job(EventType),
}

impl Call {
    /// The call of this path below `/mdm/v2/`.
    pub(super) fn of(path: &str) -> Option<Self> {
        Some(match path {
            "service/config" => Self::ServiceConfig,
            "client/config" => Self::ClientConfig,
            "assets" => Self::Assets,
            "assignments" => Self::Assignments,
            "users" => Self::Users,
            "status" => Self::Status,
            "assets/associate" => Self::Job(EventType::Associate),
            "assets/disassociate" => Self::Job(EventType::Disassociate),
            "assets/revoke" => Self::Job(EventType::Revoke),
            _ => return None,
        })
    }

    pub(super) fn allows(self, method: &Method) -> bool {
        match self {
            Self::ClientConfig => method == Method::GET || method == Method::POST,
            Self::Job(_) => method == Method::POST,
            _ => method == Method::GET,
        }
    }

    /// Whether a token that may only look is refused.
    pub(super) fn changes_licenses(self) -> bool {
        matches!(self, Self::Job(_))
    }
}

/// What a call answers, and the event it began.
pub(super) struct Performed {
    pub(super) answer: Map<String, Value>,
    pub(super) event_id: Option<String>,
}

/// Does what is asked. `body` is null for reads.
pub(super) async fn perform(
    state: &State,
    call: Call,
    caller: Option<&Admitted>,
    query: &Query,
    body: &Value,
) -> Result<Performed, ApiError> {
    let Some(caller) = caller else {
        return Ok(Performed { answer: service_config(state), event_id: None });
    };
    let now = state.clock.now();
    let mut event_id = None;
    let mut answer = match call {
        Call::ServiceConfig => return Ok(Performed { answer: service_config(state), event_id: None }),
        Call::ClientConfig => {
            if !body.is_null() {
                write_client_config(state, caller, body).await?;
            }
            state.world().location(caller.at)?.client_config()
        }
        Call::Assets => state.world().assets(caller.at, query, now)?,
        Call::Assignments => {
            let world = state.world();
            world.location(caller.at)?.assignments(query, world.settings.page_size)?
        }
        Call::Users => no_users(),
        Call::Status => state.world().location(caller.at)?.status(query)?,
        Call::Job(kind) => {
            let asked: Assign = serde_json::from_value(body.clone()).map_err(|_| ApiError::new(9602))?;
            let mut world = state.world();
            let work = world.plan(caller.at, kind, &asked)?;
            let id = world.begin(caller.at, kind, path_of(kind), work, now);
            let answer = Map::from_iter([("eventId".to_owned(), json!(id))]);
            event_id = Some(id);
            answer
        }
    };
    if event_id.is_some() {
        state.ring();
    }
    let always = call == Call::ClientConfig;
    answer.extend(state.world().location(caller.at)?.trailer(&caller.bearer, always, now));
    Ok(Performed { answer, event_id })
}

fn path_of(kind: EventType) -> &'static str {
    match kind {
        EventType::Associate => "assets/associate",
        EventType::Disassociate => "assets/disassociate",
        EventType::Revoke => "assets/revoke",
    }
}

/// Checks, tests the webhook, and only then changes anything.
async fn write_client_config(state: &State, caller: &Admitted, body: &Value) -> Result<(), ApiError> {
    let asked: WriteClientConfig = serde_json::from_value(body.clone()).map_err(|_| ApiError::new(9602))?;
    let change = Change::read(asked, &state.world().settings.limits)?;
    if let Some((url, auth_token)) = change.to_test()
        && !webhook::test(state, &caller.u_id, url, auth_token).await
    {
        return Err(ApiError::new(9728));
    }
    change.apply(state.world().location_mut(caller.at)?);
    Ok(())
}

/// The simulator has no users yet: the first page is the last, and empty.
fn no_users() -> Map<String, Value> {
    let page = json!({ "users": [], "currentPageIndex": 0, "size": 0, "totalPages": 1, "versionId": "u1" });
    match page {
        Value::Object(page) => page,
        _ => Map::new(),
    }
}

fn service_config(state: &State) -> Map<String, Value> {
    let base = state.base_url();
    let urls = json!({
        "clientConfig": format!("{base}/client/config"),
        "getAssets": format!("{base}/assets"),
        "getAssignments": format!("{base}/assignments"),
        "associateAssets": format!("{base}/assets/associate"),
        "disassociateAssets": format!("{base}/assets/disassociate"),
        "revokeAssets": format!("{base}/assets/revoke"),
        "getUsers": format!("{base}/users"),
        "createUsers": format!("{base}/users/create"),
        "updateUsers": format!("{base}/users/update"),
        "retireUsers": format!("{base}/users/retire"),
        "eventStatus": format!("{base}/status"),
        "invitationEmail": format!("{}/invitation?inviteCode=%25inviteCode%25", base.replace("/mdm/v2", "")),
        "contentMetadataLookup": state.lookup_url(),
    });
    Map::from_iter([
        ("limits".to_owned(), json!(state.world().settings.limits)),
        ("urls".to_owned(), urls),
        ("notificationTypes".to_owned(), json!(NOTIFICATION_TYPES)),
        ("errorCodes".to_owned(), json!(errors::codes())),
    ])
}
