//! A device's way to the network: HTTPS with its own trust and, where it has one, its identity as client certificate.
//! Redirects are followed with method and body, and never remembered (Apple docs: Managing MDM connections).

use super::fault::Fault;
use super::line::{self, Line, Manner, Sending};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use openssl::x509::X509;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(60);
const MOST_BODY: usize = 32 * 1024 * 1024;
const MOST_REDIRECTS: usize = 10;

/// What a server answered.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The address that answered, after redirects.
    pub(super) url: String,
}

impl Answer {
    /// Media type without parameters, lower case.
    pub(super) fn media_type(&self) -> String {
        let value = self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        value.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
    }

    /// Fails unless the status is 200.
    pub(super) fn ok(self) -> Result<Self, Fault> {
        if self.status == StatusCode::OK { Ok(self) } else { Err(self.fault()) }
    }

    pub(super) fn fault(&self) -> Fault {
        // A refusal of a check-in is a property list (Apple: ErrorCodeResponse), whose description is for people.
        let described = plist::from_bytes::<plist::Dictionary>(&self.body).ok();
        let described = described.and_then(|it| it.get("description")?.as_string().map(str::to_owned));
        let whole = String::from_utf8_lossy(&self.body);
        let title = || whole.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
        let text =
            described.or_else(|| title().map(|(title, _)| title.to_owned())).unwrap_or_else(|| whole.to_string());
        let text: String = text.chars().filter(|c| !c.is_control()).take(300).collect();
        Fault::Status { url: self.url.clone(), status: self.status.as_u16(), text }
    }
}

/// One request, before it is sent; kept so that it can be sent again.
#[derive(Debug, Clone)]
pub(super) struct Wire {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
}

impl Wire {
    pub(super) fn get(url: impl Into<String>) -> Self {
        Self { method: Method::GET, url: url.into(), headers: Vec::new(), body: Bytes::new() }
    }

    pub(super) fn with_body(method: Method, url: impl Into<String>, kind: &str, body: impl Into<Bytes>) -> Self {
        Self { method, url: url.into(), headers: vec![("content-type", kind.to_owned())], body: body.into() }
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// What a device trusts for TLS, and the line over which it speaks; a browser has none of its own.
#[derive(Debug, Clone)]
pub(super) struct Trust {
    roots: Arc<RootCertStore>,
    line: Option<Arc<Line>>,
}

impl Trust {
    /// The machine's roots (if `system`) and these.
    pub(super) fn new(system: bool, extra: &[X509]) -> Result<Self, Fault> {
        let mut roots = RootCertStore::empty();
        if system {
            // A machine without any (a bare container) is fine as long as the server brings its own.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        Self { roots: Arc::new(roots), line: None }.and(extra)
    }

    /// These and what was trusted before.
    pub(super) fn and(&self, extra: &[X509]) -> Result<Self, Fault> {
        let mut roots = (*self.roots).clone();
        for certificate in extra {
            let der =
                certificate.to_der().map_err(|e| Fault::Refused(format!("a root certificate cannot be read: {e}")))?;
            roots
                .add(CertificateDer::from(der))
                .map_err(|e| Fault::Refused(format!("a root certificate cannot be trusted: {e}")))?;
        }
        Ok(Self { roots: Arc::new(roots), line: self.line.clone() })
    }

    /// The same over this line.
    pub(super) fn over(&self, line: Arc<Line>) -> Self {
        Self { roots: Arc::clone(&self.roots), line: Some(line) }
    }
}

/// A client with one trust and at most one identity. Cloning shares its connections.
#[derive(Clone)]
pub(super) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Sending>,
    line: Option<Arc<Line>>,
}

impl Http {
    /// `identity`: certificate and PKCS#8 key in DER, presented when the server asks for a client certificate.
    pub(super) fn new(trust: &Trust, identity: Option<(Vec<u8>, Vec<u8>)>) -> Result<Self, Fault> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let clock = trust.line.as_ref().map(|line| line.clock()).unwrap_or_default();
        let builder = ClientConfig::builder_with_details(provider, clock)
            .with_safe_default_protocol_versions()
            .map_err(|e| Fault::Refused(format!("TLS cannot be set up: {e}")))?
            .with_root_certificates(trust.roots.clone());
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => builder
                .with_client_auth_cert(
                    vec![CertificateDer::from(certificate)],
                    PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key)),
                )
                .map_err(|e| Fault::Refused(format!("the identity cannot be used for TLS: {e}")))?,
        };
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(Duration::from_secs(10)));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(10))
            .pool_max_idle_per_host(1)
            .build(connector);
        Ok(Self { client, line: trust.line.clone() })
    }

    /// Sends a request once (as the line has it), following redirects.
    pub(super) async fn send(&self, wire: &Wire) -> Result<Answer, Fault> {
        let Some(line) = &self.line else { return self.follow(wire, Manner::Straight).await };
        // A question costs nothing to ask again, and is not what this is about.
        let manner = if wire.body.is_empty() { Manner::Straight } else { line.manner() };
        if manner == Manner::Twice {
            // The first answer is lost, as far as the device is concerned.
            let _lost = self.follow(wire, Manner::Straight).await;
        }
        match self.follow(wire, manner).await {
            Err(Fault::Untrusted { url, reason }) if line.refused_by_clock() => {
                let reason =
                    format!("the certificate is {reason} by the device's clock, which is wrong and will be set");
                Err(Fault::Unreachable { url, reason })
            }
            other => other,
        }
    }

    async fn follow(&self, wire: &Wire, manner: Manner) -> Result<Answer, Fault> {
        let mut url = wire.url.clone();
        for _ in 0..MOST_REDIRECTS {
            let answer = self.once(wire, &url, manner).await?;
            let target = match answer.headers.get(header::LOCATION).map(http::HeaderValue::to_str) {
                Some(Ok(target)) if answer.status.is_redirection() => target,
                _ => return Ok(answer),
            };
            url = resolve(&url, target)
                .ok_or_else(|| Fault::Refused(format!("{url} redirects to {target:?}, which is no address")))?;
        }
        Err(Fault::Refused(format!("{} redirects more than {MOST_REDIRECTS} times", wire.url)))
    }

    async fn once(&self, wire: &Wire, url: &str, manner: Manner) -> Result<Answer, Fault> {
        let uri: Uri = url.parse().map_err(|_| Fault::Refused(format!("{url:?} is no address")))?;
        let mut request = Request::builder().method(wire.method.clone()).uri(uri);
        for (name, value) in &wire.headers {
            request = request.header(*name, value);
        }
        if let Some(odd) = self.line.as_ref().map(|line| line.odd()).filter(|odd| *odd != 0) {
            request = request.header(header::DATE, date(odd));
        }
        if !wire.body.is_empty() {
            request = request.header(header::CONTENT_LENGTH, wire.body.len());
        }
        let (body, heard) = line::body(manner, &wire.body);
        let request =
            request.body(body).map_err(|e| Fault::Refused(format!("a request to {url} cannot be made: {e}")))?;
        let unreachable = |reason: String| Fault::Unreachable { url: url.to_owned(), reason };
        let exchange = async {
            let response = self.client.request(request).await.map_err(|e| classify(url, &e))?;
            let (parts, body) = response.into_parts();
            if let Some(line) = &self.line {
                line.count(parts.status.as_u16());
            }
            let body = Limited::new(body, MOST_BODY)
                .collect()
                .await
                .map_err(|e| unreachable(format!("the answer broke off: {e}")))?;
            Ok(Answer { status: parts.status, headers: parts.headers, body: body.to_bytes(), url: url.to_owned() })
        };
        let exchange = async {
            match tokio::time::timeout(TIMEOUT, exchange).await {
                Ok(result) => result,
                Err(_) => Err(unreachable(format!("no answer within {} seconds", TIMEOUT.as_secs()))),
            }
        };
        tokio::select! {
            result = exchange => match result {
                Ok(_) if manner == Manner::Cut => Err(unreachable("the connection was cut".to_owned())),
                result => result,
            },
            () = line::the_cut(heard) => Err(unreachable("the connection was cut".to_owned())),
        }
    }
}

/// The value of a `Date` header by a clock that is so many seconds off.
fn date(odd: i64) -> String {
    let now = jiff::Timestamp::now();
    let then = jiff::Timestamp::from_second(now.as_second().saturating_add(odd)).unwrap_or(now);
    then.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn classify(url: &str, error: &hyper_util::client::legacy::Error) -> Fault {
    let mut reason = error.to_string();
    let mut next: Option<&(dyn Error + 'static)> = error.source();
    while let Some(inner) = next {
        reason = inner.to_string();
        if let Some(rustls::Error::InvalidCertificate(why)) = inner.downcast_ref() {
            return Fault::Untrusted { url: url.to_owned(), reason: format!("{why:?}") };
        }
        // TLS errors come wrapped in I/O errors, whose `source` passes over what they wrap.
        let wrapped = inner.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = wrapped.map_or_else(|| inner.source(), |wrapped| Some(wrapped as &(dyn Error + 'static)));
    }
    Fault::Unreachable { url: url.to_owned(), reason }
}

/// An address found in an answer, made whole against the address that answered.
pub(super) fn resolve(base: &str, target: &str) -> Option<String> {
    if target.starts_with("https://") || target.starts_with("http://") {
        return Some(target.to_owned());
    }
    let base: Uri = base.parse().ok()?;
    let (scheme, authority) = (base.scheme_str()?, base.authority()?);
    if let Some(rest) = target.strip_prefix("//") {
        return Some(format!("{scheme}://{rest}"));
    }
    if target.starts_with('/') {
        return Some(format!("{scheme}://{authority}{target}"));
    }
    if target.contains(':') {
        return None;
    }
    let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
    Some(format!("{scheme}://{authority}{folder}/{target}"))
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn links_are_made_whole() {
        let base = "https://mdm.example.com:8443/enroll/abc";
        assert_eq!(resolve(base, "/p").as_deref(), Some("https://mdm.example.com:8443/p"));
        assert_eq!(resolve(base, "abc/profile").as_deref(), Some("https://mdm.example.com:8443/enroll/abc/profile"));
        assert_eq!(resolve(base, "mailto:x@example.com"), None);
        assert_eq!(resolve(base, "https://other/").as_deref(), Some("https://other/"));
    }
}
