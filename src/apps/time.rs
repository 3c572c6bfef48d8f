//! Moments as people and programs read them: RFC 3339, in UTC.

use russet_protocol::Timestamp;
use serde::Serializer;

/// `2026-11-21T08:00:00Z`; the number itself for a moment outside of the calendar.
pub(super) fn text(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.millis()).map_or_else(|_| at.millis().to_string(), |at| at.to_string())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands fields over by reference")]
pub(super) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(*at))
}
