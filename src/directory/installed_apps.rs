//! Apps as devices report them, managed or not. Source: Apple schema, `application.installed.list.yaml`.

use super::lists::{self, bounded, flag_in, int_in, listed, some_bounded, text_in};
use crate::ids::DeviceId;
use russet_protocol::Timestamp;
use russet_protocol::result;
use russet_store::{StoreError, Tx};
use std::collections::BTreeSet;

/// What is asked of apps, where a device takes a choice (`Items`): some of it is left out from 26 on unless it is asked for.
pub const ITEMS: [&str; 16] = [
    "AdHocCodeSigned",
    "AppStoreVendable",
    "BetaApp",
    "BundleSize",
    "DeviceBasedVPP",
    "DistributorIdentifier",
    "DynamicSize",
    "ExternalVersionIdentifier",
    "HasUpdateAvailable",
    "Identifier",
    "Installing",
    "IsAppClip",
    "IsValidated",
    "Name",
    "ShortVersion",
    "Version",
];

listed! {
    /// One app on one device, as last reported. Texts are hostile, sizes are bytes.
    pub struct InstalledApp in "installed_app", list "installed_apps", most 5000 {
        /// The bundle identifier; where several apps have the same or none, what tells them apart follows it.
        key place,
        /// `Identifier`.
        bundle_id: Option<String>,
        /// `Name`.
        name: Option<String>,
        /// `Version`.
        version: Option<String>,
        /// `ShortVersion`.
        short_version: Option<String>,
        /// `ExternalVersionIdentifier`.
        external_version: Option<i64>,
        /// `BundleSize`.
        bundle_size: Option<i64>,
        /// `DynamicSize`.
        dynamic_size: Option<i64>,
        /// `HasUpdateAvailable`.
        has_update: Option<bool>,
        /// `Installing`.
        installing: Option<bool>,
        /// `IsValidated`.
        is_validated: Option<bool>,
        /// `AppStoreVendable`.
        store_vendable: Option<bool>,
        /// `DeviceBasedVPP`.
        device_vpp: Option<bool>,
        /// `BetaApp`.
        beta: Option<bool>,
        /// `AdHocCodeSigned`.
        ad_hoc_signed: Option<bool>,
        /// `IsAppClip`.
        app_clip: Option<bool>,
        /// `DownloadFailed`.
        download_failed: Option<bool>,
        /// `Source`: names declarative management where that brought the app.
        source: Option<String>,
        /// `DistributorIdentifier`, of apps from a marketplace.
        distributor: Option<String>,
    }
}

/// Stores a device's list of all its apps.
pub async fn record(
    tx: &mut dyn Tx,
    device: DeviceId,
    apps: &[result::InstalledApp],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut taken = BTreeSet::new();
    let entries: Vec<InstalledApp> = apps.iter().map(|app| entry(app, &mut taken)).collect();
    lists::replace(tx, device, entries, now).await
}

/// Everything known of a device's apps is uncertain from now on.
pub async fn forget(tx: &mut dyn Tx, device: DeviceId) -> Result<(), StoreError> {
    lists::forget::<InstalledApp>(tx, device).await
}

fn entry(app: &result::InstalledApp, taken: &mut BTreeSet<String>) -> InstalledApp {
    let other = &app.other;
    let bundle_id = app.identifier.as_ref().map(|id| bounded(id.as_str()));
    let name = some_bounded(app.name.as_deref());
    InstalledApp {
        place: place(bundle_id.as_deref(), name.as_deref(), text_in(other, "Path").as_deref(), taken),
        bundle_id,
        name,
        version: some_bounded(app.version.as_deref()),
        short_version: some_bounded(app.short_version.as_deref()),
        external_version: app.external_version,
        bundle_size: int_in(other, "BundleSize"),
        dynamic_size: int_in(other, "DynamicSize"),
        has_update: app.has_update,
        installing: app.installing,
        is_validated: flag_in(other, "IsValidated"),
        store_vendable: flag_in(other, "AppStoreVendable"),
        device_vpp: flag_in(other, "DeviceBasedVPP"),
        beta: flag_in(other, "BetaApp"),
        ad_hoc_signed: flag_in(other, "AdHocCodeSigned"),
        app_clip: flag_in(other, "IsAppClip"),
        download_failed: flag_in(other, "DownloadFailed"),
        source: text_in(other, "Source"),
        distributor: text_in(other, "DistributorIdentifier"),
    }
}

/// Where an app stands in the list. Macs have the same app in several folders, and apps without an identifier.
fn place(bundle_id: Option<&str>, name: Option<&str>, path: Option<&str>, taken: &mut BTreeSet<String>) -> String {
    let first = bundle_id.or(name).unwrap_or_default();
    let with_path = bounded(&format!("{first} {}", path.or(name).unwrap_or_default()));
    // As many as this may have nothing that tells them apart; the others fall together.
    let numbered = (2..50).map(|count| bounded(&format!("{count} {with_path}")));
    let mut places =
        [first.to_owned(), with_path.clone()].into_iter().filter(|place| !place.is_empty()).chain(numbered);
    let place = places.find(|place| !taken.contains(place)).unwrap_or(with_path);
    taken.insert(place.clone());
    place
}
