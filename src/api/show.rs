//! What goes out: lists and moments.

use axum::Json;
use russet_protocol::Timestamp;
use serde::{Serialize, Serializer};

/// A list.
#[derive(Serialize)]
pub(super) struct Items<T> {
    items: Vec<T>,
}

impl<T> Items<T> {
    /// A list of what a room gave.
    pub(super) fn of<R: Into<T>>(rows: impl IntoIterator<Item = R>) -> Json<Self> {
        Json(Self { items: rows.into_iter().map(Into::into).collect() })
    }
}

/// A moment, shown as RFC 3339 in UTC.
#[derive(Debug, Clone, Copy)]
pub(super) struct Time(pub(super) Timestamp);

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0.millis()) {
            Ok(moment) => moment.fmt(f),
            // Beyond the year 9999; only a broken clock writes that.
            Err(_) => f.write_str("9999-12-31T23:59:59Z"),
        }
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
