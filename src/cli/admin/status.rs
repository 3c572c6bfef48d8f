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
    let expiry = match status.get("push_certificate") {
        None | Some(Value::Null) => {
            "none yet: devices cannot be woken. russet admin push-certificate import FILE".to_owned()
        }
        Some(certificate) => {
            format!("{}, ends {}", text(certificate, "topic"), words::day(certificate, "not_after", now))
        }
    };
    rows.push(("push certificate", expiry));
    let counts = status.get("counts").and_then(Value::as_object);
    let counted: Vec<(String, String)> =
        counts.into_iter().flatten().map(|(name, value)| (name.replace('_', " "), word(value))).collect();
    rows.extend(counted.iter().map(|(name, value)| (name.as_str(), value.clone())));
    facts(&rows)
}
