//! Times as people say them.

use super::table::text;
use jiff::Timestamp;
use serde_json::Value;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A moment of an answer from where we stand: `3 minutes ago`, `in 2 hours`; a date where it is far.
pub(crate) fn when(answer: &Value, at: &str, now: Timestamp) -> String {
    let written = text(answer, at);
    written.parse().map_or(written, |moment| relative(moment, now))
}

/// A moment with its date: `2027-11-21 (in 364 days)`.
pub(crate) fn day(answer: &Value, at: &str, now: Timestamp) -> String {
    let written = text(answer, at);
    let Ok(moment) = written.parse::<Timestamp>() else { return written };
    format!("{} ({})", moment.strftime("%Y-%m-%d"), distance(moment, now))
}

/// A moment, exactly, in UTC.
pub(crate) fn exactly(answer: &Value, at: &str) -> String {
    let written = text(answer, at);
    let Ok(moment) = written.parse::<Timestamp>() else { return written };
    moment.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn relative(moment: Timestamp, now: Timestamp) -> String {
    if (moment.as_second() - now.as_second()).abs() >= 60 * DAY {
        return moment.strftime("%Y-%m-%d").to_string();
    }
    distance(moment, now)
}

fn distance(moment: Timestamp, now: Timestamp) -> String {
    let seconds = moment.as_second() - now.as_second();
    let far = seconds.abs();
    let (number, unit) = match far {
        0..10 => return "now".to_owned(),
        10..90 => (far, "second"),
        90..5400 => ((far + MINUTE / 2) / MINUTE, "minute"),
        5400..129_600 => ((far + HOUR / 2) / HOUR, "hour"),
        _ => ((far + DAY / 2) / DAY, "day"),
    };
    let plural = if number == 1 { "" } else { "s" };
    if seconds < 0 { format!("{number} {unit}{plural} ago") } else { format!("in {number} {unit}{plural}") }
}

/// `1 device`, `2 devices`.
pub(crate) fn count(number: u64, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::super::table::NOTHING;
    use super::*;
    use serde_json::json;

    #[test]
    fn moments_are_told_from_where_we_stand() {
        let now: Timestamp = "2026-11-21T08:00:00Z".parse().unwrap();
        for (written, said) in [
            ("2026-11-21T08:00:03Z", "now"),
            ("2026-11-21T07:59:20Z", "40 seconds ago"),
            ("2026-11-21T07:57:00Z", "3 minutes ago"),
            ("2026-11-21T10:00:00Z", "in 2 hours"),
            ("2026-11-19T08:00:00Z", "2 days ago"),
            ("2027-11-21T08:00:00Z", "2027-11-21"),
            ("soon", "soon"),
        ] {
            assert_eq!(when(&json!({ "at": written }), "at", now), said);
        }
        assert_eq!(when(&json!({ "at": null }), "at", now), NOTHING);
        assert_eq!(day(&json!({ "at": "2027-11-21T08:00:00Z" }), "at", now), "2027-11-21 (in 365 days)");
    }
}
