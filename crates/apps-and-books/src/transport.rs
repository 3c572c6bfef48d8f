//! One request, one answer: TLS with chosen roots, bounded reading, time limits. Follows no redirect and repeats nothing.

use crate::error::{AppleError, Failure};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Largest answer that is read, in bytes. A page of 1,000 assignments has about 100 kB.
const LARGEST: usize = 16 * 1024 * 1024;
/// How much of an answer that is not JSON is kept for people, in characters.
const EXCERPT: usize = 300;
const CONNECT: Duration = Duration::from_secs(10);
/// The wait where `Retry-After` gives a date that cannot be compared.
const SOME_TIME: Duration = Duration::from_secs(60);
/// No wait asked for is taken longer than this.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// Whom to trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// The machine's own roots.
    Machine,
    /// These, as PEM, and no others.
    Given(Vec<u8>),
}

/// Where Apple's services are and how long to wait for them.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The license service, `https://vpp.itunes.apple.com/mdm/v2`, without a trailing slash.
    pub base_url: String,
    /// Whom to trust there.
    pub roots: Roots,
    /// The metadata lookup; the one that `service/config` names where absent.
    pub metadata_url: Option<String>,
    /// Whom to trust there; where absent, `roots` if it is the same host, else the machine's own.
    pub metadata_roots: Option<Roots>,
    /// How long a reading may take.
    pub read_timeout: Duration,
    /// How long a change may take; a time-out leaves open whether it was carried out.
    pub write_timeout: Duration,
}

impl Settings {
    /// Settings for this service, with the usual time limits.
    #[must_use]
    pub fn new(base_url: impl Into<String>, roots: Roots) -> Self {
        Self {
            base_url: base_url.into(),
            roots,
            metadata_url: None,
            metadata_roots: None,
            read_timeout: Duration::from_secs(15),
            write_timeout: Duration::from_secs(30),
        }
    }
}

/// Why the client cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Not a URL that may be used.
    #[error("{0:?} cannot be used: give an https URL; plain http is for loopback addresses only")]
    BadUrl(String),
    /// No usable certificate.
    #[error("the trust roots for Apps and Books cannot be used: {0}; give a PEM file with at least one certificate")]
    BadRoots(String),
}

/// The URL, if it may be used: https, or plain http on loopback.
pub(crate) fn checked_url(text: &str) -> Result<Uri, SetupError> {
    let bad = || SetupError::BadUrl(text.chars().take(200).collect());
    let uri: Uri = text.parse().map_err(|_| bad())?;
    let host = uri.host().ok_or_else(bad)?.trim_matches(['[', ']']);
    let loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let plain_authority = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    let allowed = plain_authority && uri.query().is_none();
    match uri.scheme_str() {
        Some("https") if allowed => Ok(uri),
        Some("http") if allowed && loopback => Ok(uri),
        _ => Err(bad()),
    }
}

/// Connections to one service.
pub(crate) struct Transport {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Transport {
    pub(crate) fn new(roots: &Roots) -> Result<Self, SetupError> {
        let mut store = rustls::RootCertStore::empty();
        match roots {
            Roots::Machine => {
                let found = rustls_native_certs::load_native_certs();
                store.add_parsable_certificates(found.certs);
            }
            Roots::Given(pem) => {
                for certificate in CertificateDer::pem_slice_iter(pem) {
                    let bad = |error: &dyn std::fmt::Display| SetupError::BadRoots(error.to_string());
                    let certificate = certificate.map_err(|error| bad(&error))?;
                    store.add(certificate).map_err(|error| bad(&error))?;
                }
            }
        }
        if store.is_empty() {
            return Err(SetupError::BadRoots("no certificate was found".to_owned()));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| SetupError::BadRoots(error.to_string()))?
            .with_root_certificates(store)
            .with_no_client_auth();
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_connect_timeout(Some(CONNECT));
        http.set_nodelay(true);
        // One request on a connection at a time, so that a cut connection leaves one request in doubt and no more.
        let https = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(20))
            .build(https.wrap_connector(http));
        Ok(Self { client })
    }

    /// Sends a request; the JSON of its answer, unless that is an error in any of its forms.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>, limit: Duration) -> Result<Value, Failure> {
        let work = async {
            let answer = self.client.request(request).await.map_err(|error| not_answered(&error))?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, LARGEST).collect().await;
            let body = body.map_err(|error| Failure::NoAnswer(format!("it was cut off ({error})")))?.to_bytes();
            read(head.status.as_u16(), &head.headers, &body)
        };
        let late = || Failure::NoAnswer(format!("none within {} seconds", limit.as_secs()));
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(late()))
    }
}

/// A request with a bearer token that no log of headers shows.
pub(crate) fn request(
    method: Method,
    uri: Uri,
    bearer: Option<&str>,
    body: Option<&Value>,
) -> Result<Request<Full<Bytes>>, Failure> {
    let bad = |what: &str| Failure::Unreachable(format!("the request cannot be written: {what}"));
    let mut request = Request::new(Full::new(Bytes::from(body.map(Value::to_string).unwrap_or_default())));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("Russet/", env!("CARGO_PKG_VERSION"))));
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    if body.is_some() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if let Some(bearer) = bearer {
        let text = zeroize::Zeroizing::new(format!("Bearer {bearer}"));
        let mut value = HeaderValue::from_str(&text).map_err(|_| bad("the token holds forbidden characters"))?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    Ok(request)
}

fn not_answered(error: &hyper_util::client::legacy::Error) -> Failure {
    // The innermost cause says what people can act on: refused, unknown certificate, name not found.
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text = cause.to_string();
    if error.is_connect() { Failure::Unreachable(text) } else { Failure::NoAnswer(text) }
}

fn read(status: u16, headers: &HeaderMap, body: &[u8]) -> Result<Value, Failure> {
    let json = serde_json::from_slice::<Value>(body).ok();
    let number = json.as_ref().and_then(|json| json.get("errorNumber")).and_then(Value::as_i64);
    if let (Some(json), Some(1..)) = (&json, number)
        && let Ok(error) = serde::Deserialize::deserialize(json)
    {
        let error: AppleError = error;
        return Err(Failure::Apple { error, retry_after: retry_after(headers) });
    }
    match (status, json) {
        (200..=299, Some(json @ Value::Object(_))) => Ok(json),
        (200..=299, _) => Err(Failure::Unreadable(excerpt(body))),
        _ => Err(Failure::Status { status, excerpt: excerpt(body), retry_after: retry_after(headers) }),
    }
}

/// `Retry-After`: seconds, or a date, which is compared with the answer's own `Date`.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let asked = text(header::RETRY_AFTER)?;
    let wait = match asked.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = |text: &str| jiff::fmt::rfc2822::parse(text).ok().map(|date| date.timestamp());
            match (date(asked), text(header::DATE).and_then(date)) {
                (Some(until), Some(now)) => Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO),
                _ => SOME_TIME,
            }
        }
    };
    Some(wait.min(LONGEST_WAIT))
}

/// The beginning of a body in one line, fit for logs and pages.
fn excerpt(body: &[u8]) -> String {
    let start = body.get(..body.len().min(EXCERPT * 4)).unwrap_or_default();
    let text = String::from_utf8_lossy(start);
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().filter(|c| !c.is_control()).take(EXCERPT).collect();
    if line.is_empty() { "an empty body".to_owned() } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn plain_http_is_for_loopback() {
        for good in
            ["https://vpp.itunes.apple.com/mdm/v2", "http://127.0.0.1:8/x", "http://localhost/", "http://[::1]:9"]
        {
            assert!(checked_url(good).is_ok(), "{good}");
        }
        for bad in
            ["http://vpp.itunes.apple.com", "http://10.0.0.1/", "ftp://x", "/mdm", "https://u:p@x/", "https://x/?a=1"]
        {
            assert!(checked_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_error_number_is_an_error_whatever_the_status() {
        let body = br#"{"errorNumber":9625,"errorMessage":"The content token has been revoked."}"#;
        assert_eq!(read(200, &HeaderMap::new(), body).unwrap_err().number(), Some(9625));
        assert_eq!(read(200, &HeaderMap::new(), br#"{"errorNumber":0,"size":1}"#).unwrap()["size"], 1);
        let html = read(502, &HeaderMap::new(), b"<html>\n  <b>Bad \x07Gateway</b>").unwrap_err();
        assert!(
            matches!(&html, Failure::Status { status: 502, excerpt, .. } if excerpt == "<html> <b>Bad Gateway</b>")
        );
        assert!(matches!(read(200, &HeaderMap::new(), b"<html>"), Err(Failure::Unreadable(_))));
    }

    #[test]
    fn apple_asks_for_quiet_in_seconds_or_until_a_date() {
        let wait = |pairs: &[(&'static str, &'static str)]| retry_after(&headers(pairs));
        assert_eq!(wait(&[("retry-after", "120")]), Some(Duration::from_secs(120)));
        let date = ("date", "Wed, 18 Nov 2026 10:00:00 GMT");
        assert_eq!(wait(&[("retry-after", "Wed, 18 Nov 2026 10:02:00 GMT"), date]), Some(Duration::from_secs(120)));
        assert_eq!(wait(&[("retry-after", "Wed, 18 Nov 2026 09:00:00 GMT"), date]), Some(Duration::ZERO));
        assert_eq!(wait(&[("retry-after", "soon")]), Some(SOME_TIME));
        assert_eq!(wait(&[("retry-after", "9999999")]), Some(LONGEST_WAIT));
        assert_eq!(wait(&[]), None);
    }
}
