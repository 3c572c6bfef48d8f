//! Sends one push and returns what APNs said to it.

use crate::answer::Answer;
use crate::connection::{Connections, Turn};
use crate::push::MdmPush;
use crate::settings::{Settings, SetupError, Target};
use a2::request::payload::PayloadLike;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use http_body_util::{BodyExt, Full, Limited};
use std::error::Error;
use std::time::Duration;

/// More than any answer of APNs; a larger one is not read.
const MAX_ANSWER: usize = 16 * 1024;

/// Why a push got no answer. None of these says that the push did not arrive; sending it again is always harmless, since
/// APNs keeps one per device.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No answer within the deadline.
    #[error("APNs did not answer within {0:?}")]
    Deadline(Duration),
    /// No connection.
    #[error("APNs cannot be reached: {0}; check that this machine may open TCP connections to it (port 443 or 2197)")]
    Connect(String),
    /// APNs refused the client certificate in the handshake.
    #[error("APNs refused the push certificate: {0}; renew it at identity.apple.com/pushcert and import it again")]
    CertificateRefused(String),
    /// The connection went away under the push, twice.
    #[error("the connection to APNs broke: {0}")]
    Lost(String),
    /// The token or topic fits in no request.
    #[error("the push cannot be written as a request: {0}")]
    Unsendable(String),
}

impl SendError {
    pub(crate) fn connect(error: &(dyn Error + 'static)) -> Self {
        let text = chain(error);
        if is_certificate_alert(&text) { Self::CertificateRefused(text) } else { Self::Connect(text) }
    }

    fn lost(error: &(dyn Error + 'static)) -> Self {
        let text = chain(error);
        if is_certificate_alert(&text) { Self::CertificateRefused(text) } else { Self::Lost(text) }
    }
}

/// An error with its causes. hyper and h2 hide the type of the TLS error below them, its text stays.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

/// With TLS 1.3 a refused client certificate shows as an alert at the first read, not in the handshake.
fn is_certificate_alert(text: &str) -> bool {
    let alert = text.to_ascii_lowercase();
    alert.contains("received fatal alert")
        && ["certificate", "unknownca", "unknown ca", "accessdenied", "access denied", "decrypterror"]
            .iter()
            .any(|word| alert.contains(word))
}

/// A client of APNs with one push certificate. Share it: its connections serve all pushes.
pub struct Client {
    connections: Connections,
    deadline: Duration,
}

impl Client {
    /// A client that presents this push certificate (PEM, with intermediates if any) and its key (PEM: PKCS#8, PKCS#1 or
    /// SEC1). Connects with the first push.
    ///
    /// # Errors
    /// When the URL, the roots or the certificate cannot be used.
    pub fn new(settings: &Settings, certificate_pem: &str, key_pem: &str) -> Result<Self, SetupError> {
        let target = Target::new(settings, certificate_pem, key_pem)?;
        let connections = Connections::new(target, settings.connections, settings.ping_every);
        Ok(Self { connections, deadline: settings.deadline })
    }

    /// Sends a push. Where the connection went away under it (GOAWAY, a refused stream, a reset) it is sent once more, on a
    /// new connection.
    ///
    /// # Errors
    /// When no answer came. Every answer of APNs, a refusal too, is an [`Answer`].
    pub async fn send(&self, push: &MdmPush<'_>) -> Result<Answer, SendError> {
        let attempts = async {
            let mut turn = self.connections.turn().await?;
            let number = turn.number;
            match self.once(&mut turn, push).await {
                Err(SendError::Lost(first)) => {
                    tracing::debug!(reason = first, "sending a push again on a new connection");
                    drop(turn);
                    self.connections.forget(number);
                    self.once(&mut self.connections.turn().await?, push).await
                }
                Ok(answer) if answer.reason == "Shutdown" => {
                    self.connections.forget(number);
                    Ok(answer)
                }
                outcome => outcome,
            }
        };
        tokio::time::timeout(self.deadline, attempts).await.unwrap_or(Err(SendError::Deadline(self.deadline)))
    }

    async fn once(&self, turn: &mut Turn, push: &MdmPush<'_>) -> Result<Answer, SendError> {
        let request = request(self.connections.authority(), push)?;
        let response = turn.sender.send_request(request).await.map_err(|e| SendError::lost(&e))?;
        let status = response.status().as_u16();
        let retry_after = text(response.headers(), header::RETRY_AFTER.as_str());
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        let body = body.map_err(|e| SendError::lost(e.as_ref()))?.to_bytes();
        Ok(Answer::read(status, &body, retry_after.as_deref()))
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn request(authority: &str, push: &MdmPush<'_>) -> Result<Request<Full<Bytes>>, SendError> {
    let unsendable = |error: &dyn std::fmt::Display| SendError::Unsendable(error.to_string());
    let body = push.to_json_string().map_err(|e| unsendable(&e))?;
    let options = push.get_options();
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(format!("https://{authority}/3/device/{}", push.get_device_token()))
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(kind) = options.apns_push_type {
        request = request.header("apns-push-type", kind.to_string());
    }
    if let Some(priority) = &options.apns_priority {
        request = request.header("apns-priority", priority.to_string());
    }
    if let Some(expiration) = options.apns_expiration {
        request = request.header("apns-expiration", expiration.to_string());
    }
    if let Some(topic) = options.apns_topic {
        request = request.header("apns-topic", topic);
    }
    if let Some(id) = options.apns_id {
        request = request.header("apns-id", id);
    }
    request.body(Full::new(Bytes::from(body))).map_err(|e| unsendable(&e))
}
