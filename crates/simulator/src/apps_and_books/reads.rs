//! The reading calls: assets, assignments, the status of an event, and how answers are cut into pages.

use super::errors::ApiError;
use super::licensing::normalized;
use super::wire::{self, AssetRef, Assignment, Target};
use super::world::{Location, World};
use russet_protocol::{AdamId, PricingParam, Timestamp};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

/// Answers name the token's last day when it is nearer than this.
const EXPIRY_WINDOW: Duration = Duration::from_secs(15 * 24 * 3600);

/// Parameters of a query, each name once.
pub(super) type Query = BTreeMap<String, String>;

/// Reads a parameter.
fn parameter<T: FromStr>(query: &Query, name: &str) -> Result<Option<T>, ApiError> {
    query.get(name).map(|text| text.parse().map_err(|_| ApiError::new(9602))).transpose()
}

fn pricing(query: &Query) -> Result<Option<PricingParam>, ApiError> {
    let read = |text: &String| PricingParam::parse(text).ok_or_else(|| ApiError::new(9602));
    query.get("pricingParam").map(read).transpose()
}

/// Cuts records into pages and returns the one asked for, with what every page says about itself.
fn page(
    name: &str,
    records: &[Value],
    query: &Query,
    size: usize,
    version: &str,
) -> Result<Map<String, Value>, ApiError> {
    let size = size.max(1);
    let pages = records.len().div_ceil(size).max(1);
    let index = parameter::<usize>(query, "pageIndex")?.unwrap_or(0);
    if index >= pages {
        return Err(ApiError::new(9650));
    }
    let shown = records.get(index * size..records.len().min((index + 1) * size)).unwrap_or_default();
    let mut answer = Map::new();
    answer.insert(name.to_owned(), json!(shown));
    answer.insert("currentPageIndex".to_owned(), json!(index));
    if index + 1 < pages {
        answer.insert("nextPageIndex".to_owned(), json!(index + 1));
    }
    answer.insert("size".to_owned(), json!(shown.len()));
    answer.insert("totalPages".to_owned(), json!(pages));
    answer.insert("versionId".to_owned(), json!(version));
    Ok(answer)
}

impl Location {
    /// What every authenticated answer says at its end; `always` names the token's last day however far it is.
    pub(super) fn trailer(&self, bearer: &str, always: bool, now: Timestamp) -> Map<String, Value> {
        let mut trailer = Map::new();
        trailer.insert("uId".to_owned(), json!(self.u_id));
        if let Some(token) = self.tokens.iter().find(|token| token.text == bearer)
            && (always || token.expires_at < now.plus(EXPIRY_WINDOW))
        {
            trailer.insert("tokenExpirationDate".to_owned(), json!(wire::date(token.expires_at)));
        }
        if let Some(info) = &self.mdm_info {
            trailer.insert("mdmInfo".to_owned(), json!(info));
        }
        trailer
    }

    /// `GET /status`.
    pub(super) fn status(&self, query: &Query) -> Result<Map<String, Value>, ApiError> {
        let unknown = || ApiError::new(9708);
        let event = query.get("eventId").and_then(|id| self.events.get(id)).ok_or_else(unknown)?;
        let mut answer = Map::new();
        answer.insert("eventStatus".to_owned(), json!(event.status()));
        answer.insert("eventType".to_owned(), json!(event.kind));
        answer.insert("numRequested".to_owned(), json!(event.work.len()));
        let completed = event.ended.as_ref().map_or(0, |ended| ended.completed);
        answer.insert("numCompleted".to_owned(), json!(completed));
        if let Some(ended) = event.ended.as_ref().filter(|ended| !ended.failures.is_empty()) {
            answer.insert("failures".to_owned(), json!(ended.failures));
        }
        Ok(answer)
    }

    /// `GET /assignments`.
    pub(super) fn assignments(&self, query: &Query, page_size: usize) -> Result<Map<String, Value>, ApiError> {
        let version = |number: u64| format!("g{number}");
        let since = match query.get("sinceVersionId") {
            None => 0,
            Some(text) => {
                let number = text.strip_prefix('g').and_then(|number| number.parse::<u64>().ok());
                number.filter(|number| *number <= self.assignment_version).ok_or_else(|| ApiError::new(9721))?
            }
        };
        let (adam, pricing) = (parameter::<AdamId>(query, "adamId")?, pricing(query)?);
        let serial = query.get("serialNumber").map(|serial| Target::Device(normalized(serial)));
        let user = query.get("clientUserId").cloned().map(Target::User);
        let fits = |item: &Assignment| {
            adam.is_none_or(|adam| item.asset.adam_id == adam)
                && pricing.is_none_or(|pricing| item.asset.pricing_param == pricing)
                && serial.as_ref().is_none_or(|target| item.target == *target)
                && user.as_ref().is_none_or(|target| item.target == *target)
        };
        let records: Vec<Value> = self
            .assignments
            .iter()
            .filter(|(item, held)| held.changed > since && fits(item))
            .map(|(item, _)| json!(item))
            .collect();
        page("assignments", &records, query, page_size, &version(self.assignment_version))
    }
}

impl World {
    /// `GET /assets`.
    pub(super) fn assets(&self, at: usize, query: &Query, now: Timestamp) -> Result<Map<String, Value>, ApiError> {
        let Some(location) = self.locations.get(at) else { return Err(ApiError::new(9603)) };
        let filter = AssetFilter::read(query)?;
        let (mut records, mut unlimited) = (Vec::new(), Vec::new());
        for (key, asset) in &location.assets {
            let Some(product) = self.products.get(&key.adam_id.0) else { continue };
            let counts = asset.counts(now);
            if !filter.fits(key, product, &counts) {
                continue;
            }
            let mut record = json!({
                "adamId": key.adam_id.to_string(),
                "pricingParam": key.pricing_param,
                "productType": if product.is_app() { "App" } else { "Book" },
                "deviceAssignable": product.device_assignable,
                "revocable": product.revocable,
                "supportedPlatforms": product.supported_platforms(),
                "assignedCount": counts.assigned,
            });
            // Products without a limit stand among the others only where the caller does not know of them.
            if asset.total.is_none() && filter.unlimited.is_some() {
                unlimited.push(record);
                continue;
            }
            record["availableCount"] = json!(counts.available);
            record["retiredCount"] = json!(counts.retired);
            record["totalCount"] = json!(counts.total);
            records.push(record);
        }
        let version = format!("a{}", location.asset_version);
        let mut answer = page("assets", &records, query, self.settings.page_size, &version)?;
        if filter.unlimited == Some(true) {
            answer.insert("unlimitedAssets".to_owned(), json!(unlimited));
        }
        Ok(answer)
    }
}

/// Filters of `GET /assets`; bounds are inclusive.
struct AssetFilter {
    adam_id: Option<AdamId>,
    pricing: Option<PricingParam>,
    is_app: Option<bool>,
    revocable: Option<bool>,
    device_assignable: Option<bool>,
    available: (Option<u64>, Option<u64>),
    assigned: (Option<u64>, Option<u64>),
    unlimited: Option<bool>,
}

impl AssetFilter {
    fn read(query: &Query) -> Result<Self, ApiError> {
        let is_app = match query.get("productType").map(String::as_str) {
            None => None,
            Some("App") => Some(true),
            Some("Book") => Some(false),
            Some(_) => return Err(ApiError::new(9602)),
        };
        Ok(Self {
            adam_id: parameter(query, "adamId")?,
            pricing: pricing(query)?,
            is_app,
            revocable: parameter(query, "revocable")?,
            device_assignable: parameter(query, "deviceAssignable")?,
            available: (parameter(query, "minAvailableCount")?, parameter(query, "maxAvailableCount")?),
            assigned: (parameter(query, "minAssignedCount")?, parameter(query, "maxAssignedCount")?),
            unlimited: parameter(query, "unlimited")?,
        })
    }

    fn fits(&self, key: &AssetRef, product: &super::catalogue::Product, counts: &super::world::Counts) -> bool {
        let within = |count: u64, bounds: (Option<u64>, Option<u64>)| {
            bounds.0.is_none_or(|least| count >= least) && bounds.1.is_none_or(|most| count <= most)
        };
        self.adam_id.is_none_or(|adam_id| key.adam_id == adam_id)
            && self.pricing.is_none_or(|pricing| key.pricing_param == pricing)
            && self.is_app.is_none_or(|is_app| product.is_app() == is_app)
            && self.revocable.is_none_or(|revocable| product.revocable == revocable)
            && self.device_assignable.is_none_or(|wanted| product.device_assignable == wanted)
            && within(counts.available, self.available)
            && within(counts.assigned, self.assigned)
    }
}
