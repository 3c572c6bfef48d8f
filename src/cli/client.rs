//! The one client of Russet's own HTTP API, for the subcommands and for the demo.
//!
//! Must never print the token, and must never repeat a request that may already have had its effect: whoever asks decides.

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// No answer of the API is larger.
const MOST_BYTES: usize = 256 * 1024 * 1024;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Why a request brought no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server's address cannot be used.
    #[error("{0} is not a usable server address; give one such as http://127.0.0.1:8080")]
    Address(String),
    /// The trust roots cannot be used.
    #[error("the trust roots cannot be used: {0}")]
    Roots(String),
    /// Nobody answered.
    #[error("{server} does not answer: {reason}. Is `russet serve` running there?")]
    NoAnswer {
        /// Where the request went.
        server: String,
        /// What went wrong.
        reason: String,
    },
    /// The server said no.
    #[error("{}", refusal(.title, .detail, .next_step.as_deref()))]
    Refused {
        /// HTTP status.
        status: StatusCode,
        /// In a few words.
        title: String,
        /// What was wrong with this request.
        detail: String,
        /// What to do next.
        next_step: Option<String>,
    },
    /// The answer is none of the API's.
    #[error("{server} answered something that is not Russet's API ({status}); is the address right?")]
    Foreign {
        /// Where the request went.
        server: String,
        /// HTTP status.
        status: StatusCode,
    },
}

fn refusal(title: &str, detail: &str, next_step: Option<&str>) -> String {
    let said = if detail.is_empty() { title } else { detail };
    match next_step {
        Some(step) => format!("{said}\n{step}"),
        None => said.to_owned(),
    }
}

/// An answer with what a change needs later.
pub struct Answer {
    /// The body; `Null` where there was none.
    pub body: Value,
    /// The version of what was read, for `If-Match`.
    pub etag: Option<String>,
}

/// A client of one server. Cheap to clone; connections are kept open.
#[derive(Clone)]
pub struct Client {
    server: String,
    token: Option<Arc<Zeroizing<String>>>,
    http: Http<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Client {
    /// A client of the server at this address. `roots` is PEM; without it the machine's own trust roots count.
    ///
    /// # Errors
    /// When the address or the roots cannot be used.
    pub fn new(server: &str, token: Option<&str>, roots: Option<&[u8]>) -> Result<Self, ClientError> {
        let server = server.trim_end_matches('/').to_owned();
        if !(server.starts_with("http://") || server.starts_with("https://")) {
            return Err(ClientError::Address(server));
        }
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls(roots)?).https_or_http().enable_all_versions();
        Ok(Self {
            http: Http::builder(TokioExecutor::new()).build(connector.build()),
            token: token.map(|token| Arc::new(Zeroizing::new(token.trim().to_owned()))),
            server,
        })
    }

    /// Reads.
    ///
    /// # Errors
    /// When nobody answers or the server refuses.
    pub async fn get(&self, path: &str) -> Result<Value, ClientError> {
        self.ask(Method::GET, path, None, None).await.map(|answer| answer.body)
    }

    /// Makes something new, or asks for something to be done.
    ///
    /// # Errors
    /// When nobody answers or the server refuses.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.ask(Method::POST, path, Some(body), None).await.map(|answer| answer.body)
    }

    /// Takes away.
    ///
    /// # Errors
    /// When nobody answers or the server refuses.
    pub async fn delete(&self, path: &str) -> Result<Value, ClientError> {
        self.ask(Method::DELETE, path, None, None).await.map(|answer| answer.body)
    }

    /// One request; `if_match` is the version that a change was based on.
    ///
    /// # Errors
    /// When nobody answers or the server refuses.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        if_match: Option<&str>,
    ) -> Result<Answer, ClientError> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.server));
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.as_str()));
        }
        if let Some(etag) = if_match {
            request = request.header(header::IF_MATCH, etag);
        }
        let bytes = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Bytes::from(body.to_string())
            }
            None => Bytes::new(),
        };
        let request = request.body(Full::new(bytes)).map_err(|_| ClientError::Address(self.server.clone()))?;
        let (status, etag, bytes) = tokio::time::timeout(PATIENCE, self.exchange(request))
            .await
            .map_err(|_| self.no_answer(format!("nothing came within {} seconds", PATIENCE.as_secs())))??;
        self.read(status, etag, &bytes)
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Option<String>, Bytes), ClientError> {
        let answer = self.http.request(request).await.map_err(|error| self.no_answer(innermost(&error)))?;
        let etag = answer.headers().get(header::ETAG).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, MOST_BYTES).collect().await.map_err(|error| self.no_answer(error.to_string()))?;
        Ok((parts.status, etag, body.to_bytes()))
    }

    fn read(&self, status: StatusCode, etag: Option<String>, bytes: &[u8]) -> Result<Answer, ClientError> {
        if bytes.is_empty() && status.is_success() {
            return Ok(Answer { body: Value::Null, etag });
        }
        let Ok(body) = serde_json::from_slice::<Value>(bytes) else {
            return Err(ClientError::Foreign { server: self.server.clone(), status });
        };
        if status.is_success() {
            return Ok(Answer { body, etag });
        }
        let text = |key: &str| body.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
        Err(ClientError::Refused {
            status,
            title: text("title").unwrap_or_else(|| status.to_string()),
            detail: text("detail").unwrap_or_default(),
            next_step: text("next_step"),
        })
    }

    fn no_answer(&self, reason: String) -> ClientError {
        ClientError::NoAnswer { server: self.server.clone(), reason }
    }
}

fn tls(roots: Option<&[u8]>) -> Result<rustls::ClientConfig, ClientError> {
    let mut store = rustls::RootCertStore::empty();
    match roots {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|error| ClientError::Roots(format!("{error:?}")))?;
                store.add(certificate).map_err(|error| ClientError::Roots(error.to_string()))?;
            }
        }
        None => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ClientError::Roots(error.to_string()))?;
    Ok(config.with_root_certificates(store).with_no_client_auth())
}

/// The cause that a person can do something about lies at the bottom of the chain.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut at = error;
    while let Some(source) = at.source() {
        at = source;
    }
    at.to_string()
}
