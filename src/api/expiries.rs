//! Certificates that end, and what ends with them: shown in `/status`, and warned of in the log each day of their last month.

use super::show::Time;
use crate::config::Config;
use crate::context::Context;
use crate::enrollment::authority;
use crate::push::certificates;
use russet_pki::certificate::Facts;
use russet_protocol::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// From here on the end is near.
const SOON: Duration = Duration::from_secs(30 * 24 * 3600);

/// A certificate that ends.
#[derive(Debug, Serialize)]
pub(super) struct Expiry {
    /// `push certificate`, `certificate authority`, `device TLS certificate`, `admin TLS certificate`.
    name: &'static str,
    not_after: Time,
    /// `ends in 12 days`.
    text: String,
    /// `good`, `soon` (within 30 days) or `over`.
    state: &'static str,
    /// What to do about it.
    next_step: &'static str,
}

impl Expiry {
    fn new(name: &'static str, next_step: &'static str, not_after: Timestamp, now: Timestamp) -> Self {
        let state = match not_after {
            end if end < now => "over",
            end if end < now.plus(SOON) => "soon",
            _ => "good",
        };
        Self { name, not_after: Time(not_after), text: words(not_after, now), state, next_step }
    }
}

/// The certificates of this installation, as this node sees them. A file that cannot be read is left out: its fault is told where
/// it is used.
pub(super) async fn all(ctx: &Context) -> Result<Vec<Expiry>, russet_store::StoreError> {
    let now = ctx.now();
    let mut snapshot = ctx.store.read().await?;
    let mut found = Vec::new();
    if let Some(push) = certificates::current(&mut *snapshot).await? {
        let next = "Renew it at Apple's Push Certificates Portal with the Renew button, then run russet admin \
                    push-certificate import. Without it no device can be woken.";
        found.push(Expiry::new("push certificate", next, push.not_after, now));
    }
    if let Some(end) = authority::not_after(&mut *snapshot).await? {
        let next = "It issues the identities of all devices. Plan a new installation for the time after it.";
        found.push(Expiry::new("certificate authority", next, end, now));
    }
    drop(snapshot);
    for (name, file, next) in files(&ctx.config) {
        let Ok(pem) = tokio::fs::read(&file).await else { continue };
        let Ok(leaf) = CertificateDer::from_pem_slice(&pem) else { continue };
        if let Ok(facts) = Facts::of(&leaf) {
            found.push(Expiry::new(name, next, facts.not_after, now));
        }
    }
    Ok(found)
}

fn files(config: &Config) -> Vec<(&'static str, PathBuf, &'static str)> {
    const GIVEN: &str = "Put the renewed files in the place of the old ones: they are read again within the hour.";
    let mut files = Vec::new();
    match &config.device.tls {
        Some(given) => files.push(("device TLS certificate", given.certificate.clone(), GIVEN)),
        None if config.device.is_self_made() => {
            let made = config.data_dir.join("tls-certificate.pem");
            files.push(("device TLS certificate", made, "Nothing: this server renews it by itself 60 days before."));
        }
        None => {}
    }
    if let Some(given) = &config.admin.tls {
        files.push(("admin TLS certificate", given.certificate.clone(), GIVEN));
    }
    files
}

/// `ends in 12 days`, `ended yesterday`.
fn words(not_after: Timestamp, now: Timestamp) -> String {
    let days = |from: Timestamp, to: Timestamp| to.since(from).as_secs() / DAY.as_secs();
    if not_after < now {
        match days(not_after, now) {
            0 => "ended today".to_owned(),
            1 => "ended yesterday".to_owned(),
            days => format!("ended {days} days ago"),
        }
    } else {
        match days(now, not_after) {
            0 => "ends within a day".to_owned(),
            1 => "ends tomorrow".to_owned(),
            days => format!("ends in {days} days"),
        }
    }
}

/// Warns in the log, once a day, of what ends within a month.
pub async fn watch(ctx: Context, stop: CancellationToken) {
    loop {
        match all(&ctx).await {
            Ok(found) => {
                for one in found.iter().filter(|one| one.state != "good") {
                    tracing::warn!(certificate = one.name, not_after = %one.not_after, "{}. {}", one.text, one.next_step);
                }
            }
            Err(error) => tracing::warn!(%error, "the ends of certificates were not looked at; again in a day"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(DAY) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::BEGIN;

    #[test]
    fn ends_are_said_in_words() {
        let hour = Duration::from_secs(3600);
        for (end, text, state) in [
            (BEGIN.plus(400 * DAY), "ends in 400 days", "good"),
            (BEGIN.plus(12 * DAY + hour), "ends in 12 days", "soon"),
            (BEGIN.plus(DAY + hour), "ends tomorrow", "soon"),
            (BEGIN.plus(hour), "ends within a day", "soon"),
            (BEGIN.minus(hour), "ended today", "over"),
            (BEGIN.minus(3 * DAY), "ended 3 days ago", "over"),
        ] {
            let expiry = Expiry::new("x", "", end, BEGIN);
            assert_eq!((expiry.text.as_str(), expiry.state), (text, state));
        }
    }
}
