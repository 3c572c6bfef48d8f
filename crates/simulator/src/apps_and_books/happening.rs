//! Entries of the journal: requests, ends of events, notifications, questions of devices. Must never hold a bearer value:
//! the webhook's token is taken out of bodies before they are written down.

use super::events::{EventStatus, EventType};
use russet_protocol::{AdamId, Timestamp};
use serde::Serialize;
use serde_json::Value;

/// One thing that happened.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Happening {
    /// When, by the simulation's clock (milliseconds since the epoch).
    pub at: Timestamp,
    /// The location concerned (`uId`), where one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// Kinds of [`Happening`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum What {
    /// A request was answered (or its connection was cut by a fault).
    Request {
        /// The HTTP method.
        method: String,
        /// The call, such as `assets/associate`, or the whole path of the metadata lookup.
        call: String,
        /// The query, as it came.
        query: String,
        /// The body of a POST, without the webhook's token.
        #[serde(skip_serializing_if = "Value::is_null")]
        body: Value,
        /// The HTTP status answered; absent where the connection was cut.
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// The error answered.
        #[serde(skip_serializing_if = "Option::is_none")]
        error_number: Option<u16>,
        /// The event that began.
        #[serde(skip_serializing_if = "Option::is_none")]
        event_id: Option<String>,
        /// The fault that struck.
        #[serde(skip_serializing_if = "Option::is_none")]
        fault: Option<super::settings::FaultKind>,
    },
    /// An event ended.
    EventEnded {
        /// Its id.
        event_id: String,
        /// What it did.
        event_type: EventType,
        /// How it ended.
        event_status: EventStatus,
        /// Elements done.
        completed: usize,
        /// Elements asked for.
        requested: usize,
    },
    /// A notification was sent, or could not be.
    Notification {
        /// Its type.
        notification_type: String,
        /// Its id.
        notification_id: String,
        /// Which try this was, from 1.
        attempt: u32,
        /// What the webhook answered; absent where it could not be reached.
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// Why it could not be reached.
        #[serde(skip_serializing_if = "Option::is_none")]
        problem: Option<String>,
    },
    /// A device asked the store for an app.
    StoreAsked {
        /// The product.
        adam_id: AdamId,
        /// The device.
        serial_number: String,
        /// Whether the store sees a license for it.
        licensed: bool,
    },
}

impl What {
    /// The call of an answered request, such as `assets/associate`; `None` for everything else.
    #[must_use]
    pub fn call(&self) -> Option<&str> {
        match self {
            Self::Request { call, .. } => Some(call),
            _ => None,
        }
    }
}
