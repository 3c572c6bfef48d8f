//! Calls to the MDM server's webhook: the test before a configuration is accepted, and notifications, each tried at most
//! three times. Source: "Handling notifications" of Apple's App and Book Management documentation.

use super::WebhookTrust;
use super::events::{Outgoing, envelope};
use super::happening::What;
use super::state::State;
use crate::ca::CaError;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use serde_json::{Value, json};
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

/// How long a webhook may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// How often a notification is tried.
const TRIES: u32 = 3;
/// From one try to the next, by the simulation's clock.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// The client that calls webhooks.
pub(super) struct Caller {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Caller {
    pub(super) fn new(trust: &WebhookTrust) -> Result<Self, CaError> {
        let refused = |problem: &dyn std::fmt::Display| CaError::Tls(problem.to_string());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|problem| refused(&problem))?;
        let config = match trust {
            WebhookTrust::Anything => {
                builder.dangerous().with_custom_certificate_verifier(Arc::new(Anyone(provider))).with_no_client_auth()
            }
            WebhookTrust::Roots(pem) => {
                let mut roots = RootCertStore::empty();
                for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                    let certificate = certificate.map_err(|problem| refused(&problem))?;
                    roots.add(certificate).map_err(|problem| refused(&problem))?;
                }
                builder.with_root_certificates(roots).with_no_client_auth()
            }
        };
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_only()
            .enable_http1()
            .enable_http2()
            .build();
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(connector) })
    }

    /// Posts a notification and returns the HTTP status, or why there is none.
    async fn post(&self, url: &http::Uri, auth_token: &str, body: &Value) -> Result<u16, String> {
        let request = http::Request::post(url.clone())
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {auth_token}"))
            .body(Full::new(Bytes::from(body.to_string())))
            .map_err(|problem| problem.to_string())?;
        match tokio::time::timeout(ANSWER_LIMIT, self.client.request(request)).await {
            Err(_) => Err("no answer within 10 seconds".to_owned()),
            Ok(Err(problem)) => {
                let cause = problem.source().map(|source| format!(": {source}")).unwrap_or_default();
                Err(format!("{problem}{cause}"))
            }
            Ok(Ok(answer)) => Ok(answer.status().as_u16()),
        }
    }
}

/// Sends the test notification that comes before a webhook is accepted; true when the answer was 2xx.
pub(super) async fn test(state: &State, u_id: &str, url: &http::Uri, auth_token: &str) -> bool {
    let told = Outgoing {
        due_at: state.clock.now(),
        tried: 0,
        u_id: u_id.to_owned(),
        url: url.clone(),
        auth_token: auth_token.to_owned(),
        notification_type: "TEST_NOTIFICATION".to_owned(),
        body: envelope("TEST_NOTIFICATION", u_id, &json!({})),
    };
    attempt(state, &told).await
}

/// Sends notifications one after the other; those that failed go back into the outbox until they were tried three times.
pub(super) async fn send(state: Arc<State>, ready: Vec<Outgoing>) {
    for mut told in ready {
        let arrived = attempt(&state, &told).await;
        told.tried += 1;
        if !arrived && told.tried < TRIES {
            told.due_at = state.clock.now().plus(RETRY_AFTER);
            state.world().outbox.push(told);
            state.ring();
        }
    }
}

async fn attempt(state: &State, told: &Outgoing) -> bool {
    let outcome = state.caller.post(&told.url, &told.auth_token, &told.body).await;
    let (status, problem) = match outcome {
        Ok(status) => (Some(status), None),
        Err(problem) => (None, Some(problem)),
    };
    let notification_id = told.body.get("notificationId").and_then(Value::as_str).unwrap_or_default().to_owned();
    let notification_type = told.notification_type.clone();
    let attempt = told.tried + 1;
    state.note(Some(&told.u_id), What::Notification { notification_type, notification_id, attempt, status, problem });
    status.is_some_and(|status| (200..300).contains(&status))
}

/// Accepts every certificate; the handshake's signatures are still checked.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
