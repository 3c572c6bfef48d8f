//! `russet admin status`.

use super::connection::Desk;
use super::table::{facts, text, word};
use super::words;
use serde_json::Value;

pub(super) async fn run(desk: &Desk) -> anyhow::Result<()> {
    let status = desk.client.get("/api/v1/status").await?;
    desk.show(&status, || shown(&status, desk.now));
    Ok(())
}

fn shown(status: &Value, now: jiff::Timestamp) -> String {
    let mut rows = vec![
        ("version", text(status, "version")),
        ("organization", text(status, "organization")),
        ("devices reach it at", text(status, "public_url")),
    ];
    let topic = match status.get("push_certificate") {
        None | Some(Value::Null) => {
            "none yet: devices cannot be woken. russet admin push-certificate import FILE".to_owned()
        }
        Some(certificate) => text(certificate, "topic"),
    };
    rows.push(("push topic", topic));
    let ends: Vec<(String, String)> = items_of(status, "certificates")
        .map(|one| {
            let next =
                if text(one, "state") == "good" { String::new() } else { format!(". {}", text(one, "next_step")) };
            let date = words::day(one, "not_after", now);
            let date = date.split(' ').next().unwrap_or_default();
            (text(one, "name"), format!("{} ({date}){next}", text(one, "text")))
        })
        .collect();
    rows.extend(ends.iter().map(|(name, value)| (name.as_str(), value.clone())));
    let counts = status.get("counts").and_then(Value::as_object);
    let counted: Vec<(String, String)> =
        counts.into_iter().flatten().map(|(name, value)| (name.replace('_', " "), word(value))).collect();
    rows.extend(counted.iter().map(|(name, value)| (name.as_str(), value.clone())));
    facts(&rows)
}

/// The members of a list inside an answer.
fn items_of<'a>(answer: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    answer.get(key).and_then(Value::as_array).into_iter().flatten()
}
