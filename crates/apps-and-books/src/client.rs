//! The calls of the App and Book Management API for one location.

use crate::error::Failure;
use crate::metadata::{self, Found, Lookup};
use crate::pace::Pace;
use crate::service::ServiceConfig;
use crate::token::ServerToken;
use crate::transport::{Roots, Settings, SetupError, Transport, checked_url, request};
use crate::walk::{Filter, Walk};
use crate::wire::{AssetKey, AssetRecord, Assignment, ClientConfig, EventStatus, MdmInfo, Trailer};
use http::{Method, Uri};
use serde::Deserialize;
use serde_json::{Value, json};
use std::fmt;
use std::sync::Mutex;

/// What a call answered, and what every answer says at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<T> {
    /// What was asked for.
    pub body: T,
    /// Who the location is, and who manages it.
    pub trailer: Trailer,
}

/// Giving or taking licenses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// `assets/associate`.
    Associate,
    /// `assets/disassociate`.
    Disassociate,
}

/// Where Apple's notifications are to go.
#[derive(Clone)]
pub struct Webhook {
    /// An https URL of host and path only.
    pub url: String,
    /// The bearer value Apple is to send.
    pub secret: zeroize::Zeroizing<String>,
    /// All types that are wanted, not a difference.
    pub types: Vec<&'static str>,
}

/// What is written to `client/config`.
#[derive(Clone)]
pub struct Claim {
    /// Who we are.
    pub mdm_info: MdmInfo,
    /// Where notifications go; unchanged where absent. Apple tries it with a `TEST_NOTIFICATION` before it accepts.
    pub webhook: Option<Webhook>,
}

/// The client for one location. All its requests share Apple's limit on requests a second.
pub struct Client {
    settings: Settings,
    base: Uri,
    token: ServerToken,
    transport: Transport,
    lookup: Option<Transport>,
    pace: Pace,
    service: Mutex<ServiceConfig>,
}

impl Client {
    /// A client for the location of this token.
    ///
    /// # Errors
    /// Where a URL or the trust roots cannot be used.
    pub fn new(settings: Settings, token: ServerToken) -> Result<Self, SetupError> {
        let base = checked_url(&settings.base_url)?;
        if let Some(url) = &settings.metadata_url {
            checked_url(url)?;
        }
        let transport = Transport::new(&settings.roots)?;
        let lookup = settings.metadata_roots.as_ref().map(Transport::new).transpose()?;
        let service = ServiceConfig::default();
        let pace = Pace::new(service.limits.requests_per_second);
        Ok(Self { settings, base, token, transport, lookup, pace, service: Mutex::new(service) })
    }

    /// Reads `service/config` and keeps to its limits from now on.
    ///
    /// # Errors
    /// As any reading.
    pub async fn refresh_service(&self) -> Result<ServiceConfig, Failure> {
        let answer = self.get("service/config", &[]).await?;
        let read = ServiceConfig::read(&answer.body, self.service().limits);
        self.pace.set(read.limits.requests_per_second);
        *self.service.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = read.clone();
        Ok(read)
    }

    /// What `service/config` last said; the documented values before it was read.
    #[must_use]
    pub fn service(&self) -> ServiceConfig {
        self.service.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// `GET client/config`.
    ///
    /// # Errors
    /// As any reading.
    pub async fn client_config(&self) -> Result<Answer<ClientConfig>, Failure> {
        read(self.get("client/config", &[]).await?)
    }

    /// `POST client/config`: says who manages the location, and where notifications go. There is no compare-and-swap at
    /// Apple: read who manages it before.
    ///
    /// # Errors
    /// As any change; 9711, 9712 and 9728 where Apple cannot use the webhook, and nothing is changed then.
    pub async fn claim(&self, claim: &Claim) -> Result<Answer<ClientConfig>, Failure> {
        let mut body = json!({ "mdmInfo": claim.mdm_info });
        if let (Some(webhook), Some(body)) = (&claim.webhook, body.as_object_mut()) {
            body.insert("notificationUrl".to_owned(), json!(webhook.url));
            body.insert("notificationAuthToken".to_owned(), json!(*webhook.secret));
            body.insert("notificationTypes".to_owned(), json!(webhook.types));
        }
        read(self.post("client/config", &body).await?)
    }

    /// All assets.
    #[must_use]
    pub fn assets(&self) -> Walk<'_, AssetRecord> {
        Walk::new(self, "assets", "assets", Vec::new())
    }

    /// One asset, in all its qualities.
    #[must_use]
    pub fn asset(&self, key: AssetKey) -> Walk<'_, AssetRecord> {
        Walk::new(self, "assets", "assets", vec![("adamId", key.adam_id.to_string())])
    }

    /// Assignments.
    #[must_use]
    pub fn assignments(&self, filter: &Filter) -> Walk<'_, Assignment> {
        Walk::new(self, "assignments", "assignments", filter.query())
    }

    /// Gives or takes licenses: every asset for every serial number. The answer is the id of the event to follow.
    ///
    /// # Errors
    /// As any change: see [`Failure::advice`] before anything is sent again.
    pub async fn change(
        &self,
        action: Action,
        assets: &[AssetKey],
        serial_numbers: &[String],
    ) -> Result<Answer<String>, Failure> {
        let call = match action {
            Action::Associate => "assets/associate",
            Action::Disassociate => "assets/disassociate",
        };
        let answer = self.post(call, &json!({ "assets": assets, "serialNumbers": serial_numbers })).await?;
        let event = answer.body.get("eventId").and_then(Value::as_str).map(str::to_owned);
        let body = event.ok_or_else(|| Failure::Unreadable("it names no event".to_owned()))?;
        Ok(Answer { body, trailer: answer.trailer })
    }

    /// How an event stands. 9708 where Apple does not know it (any more).
    ///
    /// # Errors
    /// As any reading.
    pub async fn event(&self, id: &str) -> Result<Answer<EventStatus>, Failure> {
        read(self.get("status", &[("eventId", id.to_owned())]).await?)
    }

    /// The metadata of an app; none where the lookup does not know it, or may not tell.
    ///
    /// # Errors
    /// As any reading.
    pub async fn metadata(&self, lookup: &Lookup<'_>) -> Result<Option<Found>, Failure> {
        let named = self.service().metadata_lookup;
        let own = self.settings.metadata_url.is_some();
        let Some(url) = self.settings.metadata_url.clone().or(named) else {
            return Err(Failure::Unreachable("nobody has named the metadata lookup's address yet".to_owned()));
        };
        let uri = checked_url(&url).map_err(|error| Failure::Unreachable(error.to_string()))?;
        let same_host = uri.authority() == self.base.authority();
        let apples = uri.host().is_some_and(|host| host.ends_with(".apple.com"));
        // The token goes along as a cookie: never to a host that Apple's answer could be tricked into naming.
        if !(own || same_host || apples) {
            return Err(Failure::Unreachable(format!("the metadata lookup is at an unexpected address, {url}")));
        }
        let machine;
        let transport = match &self.lookup {
            Some(transport) => transport,
            None if same_host || self.settings.roots == Roots::Machine => &self.transport,
            None => {
                machine = Transport::new(&Roots::Machine).map_err(|error| Failure::Unreachable(error.to_string()))?;
                &machine
            }
        };
        self.pace.turn().await;
        let request = metadata::request(&uri, lookup, &self.token)?;
        let body = transport.send(request, self.settings.read_timeout).await?;
        Ok(metadata::read(&body, lookup.adam_id))
    }

    pub(crate) async fn get(&self, call: &str, query: &[(&'static str, String)]) -> Result<Answer<Value>, Failure> {
        let uri = self.uri(call, query)?;
        self.pace.turn().await;
        let request = request(Method::GET, uri, Some(self.token.secret()), None)?;
        Ok(answer(self.transport.send(request, self.settings.read_timeout).await?))
    }

    async fn post(&self, call: &str, body: &Value) -> Result<Answer<Value>, Failure> {
        let uri = self.uri(call, &[])?;
        self.pace.turn().await;
        let request = request(Method::POST, uri, Some(self.token.secret()), Some(body))?;
        Ok(answer(self.transport.send(request, self.settings.write_timeout).await?))
    }

    fn uri(&self, call: &str, query: &[(&'static str, String)]) -> Result<Uri, Failure> {
        with_query(&format!("{}/{call}", self.settings.base_url.trim_end_matches('/')), query)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &self.base).field("token", &self.token).finish_non_exhaustive()
    }
}

/// A URL with its query, percent-encoded.
pub(crate) fn with_query(url: &str, query: &[(&'static str, String)]) -> Result<Uri, Failure> {
    let mut text = url.to_owned();
    for (place, (key, value)) in query.iter().enumerate() {
        text.push(if place == 0 { '?' } else { '&' });
        text.push_str(key);
        text.push('=');
        for byte in value.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
                other => text.push_str(&format!("%{other:02X}")),
            }
        }
    }
    text.parse().map_err(|_| Failure::Unreachable("the request's address cannot be written".to_owned()))
}

fn answer(body: Value) -> Answer<Value> {
    let trailer = Trailer::read(&body);
    Answer { body, trailer }
}

fn read<T: for<'de> Deserialize<'de>>(answer: Answer<Value>) -> Result<Answer<T>, Failure> {
    let body = serde_json::from_value(answer.body).map_err(|error| Failure::Unreadable(error.to_string()))?;
    Ok(Answer { body, trailer: answer.trailer })
}
