//! What a location owns, as Apple last said, with the names from the metadata lookup.

use super::store;
use crate::ids::AccountId;
use russet_protocol::Timestamp;
use russet_protocol::{AdamId, BundleId, Platform, PricingParam};
use russet_store::{StoreError, Tx};

/// An asset: a product owned by the location, in one quality.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// The account.
    pub account: AccountId,
    /// Its number in the store.
    pub adam_id: AdamId,
    /// Its quality.
    pub pricing: PricingParam,
    /// `App` or `Book`.
    pub product_type: String,
    /// Whether devices can have it. The rest only people.
    pub device_assignable: bool,
    /// Whether a license can be taken back.
    pub revocable: bool,
    /// Where it runs. `iOS` includes iPadOS.
    pub platforms: Vec<Platform>,
    /// Licenses owned; none for free apps without limit.
    pub total: Option<i64>,
    /// Licenses given.
    pub assigned: i64,
    /// Licenses left; none for free apps without limit.
    pub available: Option<i64>,
    /// Licenses used up for good.
    pub retired: i64,
    /// When Apple said so.
    pub seen_at: Timestamp,
    /// What the metadata lookup says; each part may be missing.
    pub metadata: Metadata,
}

/// What the metadata lookup says about an app; each part may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    /// Its name in the store.
    pub name: Option<String>,
    /// Its bundle identifier.
    pub bundle_id: Option<BundleId>,
    /// The newest version, for people; never compared.
    pub version: Option<String>,
    /// The newest version's identifier, to compare with the device's `ExternalVersionIdentifier`.
    pub external_version_id: Option<i64>,
    /// The oldest system version it runs on.
    pub minimum_os: Option<String>,
    /// Where its icon is.
    pub icon_url: Option<String>,
    /// When it was last asked for; none where it has not been yet.
    pub asked_at: Option<Timestamp>,
}

/// The assets of an account, by name, those without a name last.
///
/// # Errors
/// Where the store fails.
pub async fn list(tx: &mut dyn Tx, account: AccountId) -> Result<Vec<Asset>, StoreError> {
    store::assets(tx, account).await
}

/// One asset.
///
/// # Errors
/// Where the store fails.
pub async fn get(
    tx: &mut dyn Tx,
    account: AccountId,
    adam: AdamId,
    pricing: PricingParam,
) -> Result<Option<Asset>, StoreError> {
    store::asset(tx, account, adam, pricing).await
}

/// Licenses by state over all accounts, for overviews: (assigned to devices, under way, waiting for a license, failed).
///
/// # Errors
/// Where the store fails.
pub async fn counts(tx: &mut dyn Tx) -> Result<Counts, StoreError> {
    store::counts(tx).await
}

/// Licenses by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Assigned to serial numbers.
    pub assigned: i64,
    /// Asked for or being given back.
    pub under_way: i64,
    /// Waiting: no license is left.
    pub waiting: i64,
    /// Refused by Apple.
    pub failed: i64,
}
