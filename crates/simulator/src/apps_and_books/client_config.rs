//! `client/config`: who manages the location, and where notifications go. The service does not hold ownership: the last
//! writer wins.

use super::errors::ApiError;
use super::settings::Limits;
use super::wire::{MdmInfo, WriteClientConfig, WriteMdmInfo};
use super::world::{Location, Webhook};
use serde_json::{Map, Value, json};

/// `notificationTypes` of `service/config`.
pub(super) const NOTIFICATION_TYPES: &[&str] = &[
    "ASSET_COUNT",
    "ASSET_MANAGEMENT",
    "USER_ASSOCIATED",
    "USER_MANAGEMENT",
    "SUBSCRIPTION_COUNT",
    "SUBSCRIPTION_MANAGEMENT",
    "UNLIMITED_ASSET",
];

/// A change of the configuration that was found in order, apart from the URL's test.
pub(super) struct Change {
    mdm_info: Option<MdmInfo>,
    webhook: WebhookChange,
    types: Option<Vec<String>>,
}

enum WebhookChange {
    Keep,
    Clear,
    Set(http::Uri, String),
}

impl Change {
    /// Checks what was written.
    pub(super) fn read(asked: WriteClientConfig, limits: &Limits) -> Result<Self, ApiError> {
        let mdm_info = asked.mdm_info.map(|info| mdm_info(info, limits)).transpose()?;
        let webhook = match (asked.notification_url, asked.notification_auth_token) {
            (None, None) => WebhookChange::Keep,
            // How to clear is not documented; the older version of the API takes empty texts.
            (Some(url), Some(token)) if url.is_empty() && token.is_empty() => WebhookChange::Clear,
            (Some(url), Some(token)) if !url.is_empty() && !token.is_empty() => {
                let longest = limits.max_notification_length;
                if url.len() > longest || token.len() > longest {
                    return Err(ApiError::new(9711));
                }
                WebhookChange::Set(notification_url(&url)?, token)
            }
            _ => return Err(ApiError::new(9710)),
        };
        if let Some(types) = &asked.notification_types
            && types.iter().any(|wanted| !NOTIFICATION_TYPES.contains(&wanted.as_str()))
        {
            return Err(ApiError::new(9602));
        }
        Ok(Self { mdm_info, webhook, types: asked.notification_types })
    }

    /// The URL that has to be tested before the change is accepted, with its token.
    pub(super) fn to_test(&self) -> Option<(&http::Uri, &str)> {
        match &self.webhook {
            WebhookChange::Set(url, token) => Some((url, token)),
            _ => None,
        }
    }

    /// Makes the change.
    pub(super) fn apply(self, location: &mut Location) {
        if let Some(info) = self.mdm_info {
            location.mdm_info = Some(info);
        }
        match self.webhook {
            WebhookChange::Keep => {}
            WebhookChange::Clear => location.webhook = None,
            WebhookChange::Set(url, auth_token) => {
                let types = location.webhook.take().map(|webhook| webhook.types).unwrap_or_default();
                location.webhook = Some(Webhook { url, auth_token, types });
            }
        }
        if let (Some(types), Some(webhook)) = (self.types, &mut location.webhook) {
            webhook.types = types;
        }
    }
}

fn mdm_info(written: WriteMdmInfo, limits: &Limits) -> Result<MdmInfo, ApiError> {
    let (Some(id), Some(name), Some(metadata)) = (written.id, written.name, written.metadata) else {
        return Err(ApiError::new(9723));
    };
    for (number, text, limit) in [
        (9724, &id, limits.max_mdm_id_length),
        (9725, &name, limits.max_mdm_name_length),
        (9713, &metadata, limits.max_mdm_metadata_length),
    ] {
        if text.chars().count() > limit {
            return Err(ApiError::new(number));
        }
    }
    Ok(MdmInfo { id, name, metadata })
}

/// https, host and path only. A port is taken too: a server on trial rarely has 443.
fn notification_url(text: &str) -> Result<http::Uri, ApiError> {
    let bad = || ApiError::new(9712);
    let url: http::Uri = text.parse().map_err(|_| bad())?;
    let plain_authority = url.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    if url.scheme_str() != Some("https") || !plain_authority || url.query().is_some() || text.contains('#') {
        return Err(bad());
    }
    Ok(url)
}

impl Location {
    /// `GET /client/config`, without what stands at every answer's end.
    pub(super) fn client_config(&self) -> Map<String, Value> {
        let mut answer = Map::new();
        answer.insert("countryISO2ACode".to_owned(), json!(self.country));
        let (platform, website) = if self.education {
            ("volumestore", "https://school.apple.com")
        } else {
            ("enterprisestore", "https://business.apple.com")
        };
        answer.insert("defaultPlatform".to_owned(), json!(platform));
        answer.insert("locationName".to_owned(), json!(self.name));
        answer.insert("websiteURL".to_owned(), json!(website));
        let types = self.webhook.as_ref().map(|webhook| webhook.types.clone()).unwrap_or_default();
        answer.insert("subscribedNotificationTypes".to_owned(), json!(types));
        if let Some(webhook) = &self.webhook {
            answer.insert("notificationUrl".to_owned(), json!(webhook.url.to_string()));
            answer.insert("notificationAuthToken".to_owned(), json!(webhook.auth_token));
        }
        answer
    }
}
