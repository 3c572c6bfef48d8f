//! The metadata lookup (`contentMetadataLookup`): names, bundle ids and versions, which the license service itself lacks.
//!
//! One app a call, profile `mdm-lockup`; the server token goes along as the cookie `itvt`, which shows custom apps and apps no
//! longer sold. An app the lookup does not know, may not tell, or a bad cookie all look alike: an empty answer.

use crate::client::with_query;
use crate::error::Failure;
use crate::token::ServerToken;
use crate::transport;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;
use russet_protocol::AdamId;
use serde_json::Value;

/// The size of the icon that is asked for, in points.
const ICON: &str = "256";

/// Which app's metadata, as seen from where.
#[derive(Debug, Clone, Copy)]
pub struct Lookup<'a> {
    /// The app.
    pub adam_id: AdamId,
    /// `defaultPlatform` of the location; `macappstore` for what only Macs have.
    pub platform: &'a str,
    /// The location's country, two letters.
    pub country: &'a str,
}

/// What the lookup says; each part may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// The name in the store.
    pub name: Option<String>,
    /// The bundle identifier.
    pub bundle_id: Option<String>,
    /// The newest version, for people.
    pub version: Option<String>,
    /// The newest version's identifier (`externalId`).
    pub external_version_id: Option<i64>,
    /// The oldest system it runs on.
    pub minimum_os: Option<String>,
    /// Where its icon is.
    pub icon_url: Option<String>,
}

pub(crate) fn request(url: &Uri, lookup: &Lookup<'_>, token: &ServerToken) -> Result<Request<Full<Bytes>>, Failure> {
    let query = [
        ("version", "2".to_owned()),
        ("id", lookup.adam_id.to_string()),
        ("p", "mdm-lockup".to_owned()),
        ("caller", "MDM".to_owned()),
        ("platform", lookup.platform.to_owned()),
        ("cc", lookup.country.to_ascii_lowercase()),
        ("l", "en".to_owned()),
    ];
    let mut request = transport::request(Method::GET, with_query(&url.to_string(), &query)?, None, None)?;
    let cookie = zeroize::Zeroizing::new(format!("itvt={}", token.secret()));
    let bad = |_| Failure::Unreachable("the token holds characters that no cookie can carry".to_owned());
    let mut cookie = HeaderValue::from_str(&cookie).map_err(bad)?;
    cookie.set_sensitive(true);
    request.headers_mut().insert(header::COOKIE, cookie);
    Ok(request)
}

pub(crate) fn read(body: &Value, adam_id: AdamId) -> Option<Found> {
    let result = body.get("results")?.get(adam_id.to_string())?;
    let text = |value: Option<&Value>| {
        value.and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let version = result.get("offers").and_then(|offers| offers.get(0)).and_then(|offer| offer.get("version"));
    let external = version.and_then(|version| version.get("externalId"));
    Some(Found {
        name: text(result.get("name")),
        bundle_id: text(result.get("bundleId")),
        version: text(version.and_then(|version| version.get("display"))),
        external_version_id: external.and_then(|id| id.as_i64().or_else(|| id.as_str()?.parse().ok())),
        minimum_os: text(result.get("minimumOSVersion")),
        icon_url: result.get("artwork").and_then(icon),
    })
}

/// Artwork is one object whose URL has places for size and format, or a list of sized pictures.
fn icon(artwork: &Value) -> Option<String> {
    let artwork = match artwork {
        Value::Array(sizes) => sizes.iter().max_by_key(|size| size.get("width").and_then(Value::as_u64)).or(None)?,
        one => one,
    };
    let url = artwork.get("url")?.as_str()?;
    let url = url.replace("{w}", ICON).replace("{h}", ICON).replace("{f}", "png");
    url.starts_with("https://").then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_forms_of_artwork_and_ids_are_read() {
        let body = json!({"results": {
            "1": {"name": " Fieldbook ", "bundleId": "com.example.fieldbook", "minimumOSVersion": "15.0",
                  "artwork": {"url": "https://i.example/{w}x{h}bb.{f}"},
                  "offers": [{"version": {"display": "4.2", "externalId": 871}}]},
            "2": {"artwork": [{"url": "https://i.example/60.png", "width": 60}, {"url": "https://i.example/512.png", "width": 512}],
                  "offers": [{"version": {"externalId": "872"}}]},
        }});
        let first = read(&body, AdamId(1)).unwrap();
        assert_eq!((first.name.as_deref(), first.external_version_id), (Some("Fieldbook"), Some(871)));
        assert_eq!(first.icon_url.as_deref(), Some("https://i.example/256x256bb.png"));
        let second = read(&body, AdamId(2)).unwrap();
        assert_eq!(
            (second.icon_url.as_deref(), second.external_version_id),
            (Some("https://i.example/512.png"), Some(872))
        );
        assert_eq!(read(&body, AdamId(3)), None);
    }
}
