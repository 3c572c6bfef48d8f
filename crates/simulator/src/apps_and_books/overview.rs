//! Locations as the control door and programs show them: what they hold, who manages them. Never a token.

use super::wire::{AssetRef, MdmInfo};
use super::world::World;
use russet_protocol::{AdamId, PricingParam, Timestamp};
use serde::Serialize;

/// A location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LocationView {
    /// The library's id.
    pub u_id: String,
    /// The location's name.
    pub name: String,
    /// The organization's name.
    pub organization: String,
    /// ISO country code.
    pub country: String,
    /// Which MDM server manages it.
    pub mdm_info: Option<MdmInfo>,
    /// Where notifications go.
    pub notification_url: Option<String>,
    /// Which notifications are wanted.
    pub notification_types: Vec<String>,
    /// What it holds.
    pub assets: Vec<AssetView>,
}

/// Licenses of one asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AssetView {
    /// The product.
    pub adam_id: AdamId,
    /// The quality.
    pub pricing_param: PricingParam,
    /// The product's name.
    pub name: String,
    /// Licenses held.
    pub total: u64,
    /// Licenses given.
    pub assigned: u64,
    /// Licenses that can be given.
    pub available: u64,
}

impl World {
    /// Every location.
    pub(super) fn overview(&self, now: Timestamp) -> Vec<LocationView> {
        let of_location = |location: &super::world::Location| {
            let asset = |(key, asset): (&AssetRef, &super::world::Asset)| {
                let counts = asset.counts(now);
                AssetView {
                    adam_id: key.adam_id,
                    pricing_param: key.pricing_param,
                    name: self.products.get(&key.adam_id.0).map(|product| product.name.clone()).unwrap_or_default(),
                    total: counts.total,
                    assigned: counts.assigned,
                    available: counts.available,
                }
            };
            LocationView {
                u_id: location.u_id.clone(),
                name: location.name.clone(),
                organization: location.organization.clone(),
                country: location.country.clone(),
                mdm_info: location.mdm_info.clone(),
                notification_url: location.webhook.as_ref().map(|webhook| webhook.url.to_string()),
                notification_types: location.webhook.as_ref().map(|webhook| webhook.types.clone()).unwrap_or_default(),
                assets: location.assets.iter().map(asset).collect(),
            }
        };
        self.locations.iter().map(of_location).collect()
    }

    /// How many licenses of an asset a location can give now.
    pub(super) fn available(&self, at: usize, key: &AssetRef, now: Timestamp) -> u64 {
        let asset = self.locations.get(at).and_then(|location| location.assets.get(key));
        asset.map_or(0, |asset| asset.counts(now).available)
    }

    /// Brings out a new version of a product; false when there is no such product.
    pub(super) fn release(&mut self, adam_id: u64, version: String, external_version_id: Option<u64>) -> bool {
        let Some(product) = self.products.get_mut(&adam_id) else { return false };
        product.version = version;
        product.external_version_id = external_version_id.unwrap_or(product.external_version_id + 1);
        true
    }
}
