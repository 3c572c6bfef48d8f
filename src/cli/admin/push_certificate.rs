//! `russet admin push-certificate …`.

use super::connection::{Desk, read, read_text};
use super::table::{facts, text};
use super::words::day;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};
use std::path::PathBuf;

/// `russet admin push-certificate …`.
#[derive(Debug, Subcommand)]
pub(super) enum Args {
    /// Show topic and end of the certificate in use
    Show,
    /// Import a certificate with its key, as PEM or PKCS#12
    #[command(after_help = "Examples:
  russet admin push-certificate import push.pem
  russet admin push-certificate import push.p12 --password-file push.password

A certificate of another topic would silently cut off every enrolled device: the server refuses it and says how many
devices would be lost, unless --confirm-new-topic is given.")]
    Import {
        /// The file: certificate and key as PEM, or a PKCS#12 bundle
        file: PathBuf,
        /// File with the password of the bundle or key
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// Accept a topic that differs from the one enrolled devices know
        #[arg(long)]
        confirm_new_topic: bool,
    },
}

pub(super) async fn run(desk: &Desk, args: Args) -> anyhow::Result<()> {
    match args {
        Args::Show => {
            let certificate = desk.client.get("/api/v1/push-certificate").await?;
            desk.show(&certificate, || shown(&certificate, desk.now));
        }
        Args::Import { file, password_file, confirm_new_topic } => {
            let mut body = json!({ "certificate": STANDARD.encode(read(&file)?) });
            if let Some(path) = password_file {
                // Only the line's end goes: a password may begin or end with a space.
                body["password"] = json!(read_text(&path)?.trim_end_matches(['\r', '\n']));
            }
            if confirm_new_topic {
                body["confirm_new_topic"] = json!(true);
            }
            let answer = desk.client.ask(Method::PUT, "/api/v1/push-certificate", Some(&body), None).await?.body;
            desk.show(&answer, || format!("Imported.\n{}", shown(&answer, desk.now)));
        }
    }
    Ok(())
}

fn shown(certificate: &Value, now: jiff::Timestamp) -> String {
    if certificate["topic"].is_null() {
        return "There is no push certificate yet: devices cannot be woken.\nrusset admin push-certificate import FILE"
            .to_owned();
    }
    let mut rows = vec![("topic", text(certificate, "topic")), ("ends", day(certificate, "not_after", now))];
    if certificate["refused"].is_string() {
        rows.push(("refused by APNs", text(certificate, "refused")));
    }
    facts(&rows)
}
