//! The shorter lists that devices give: provisioning profiles, users, system updates. Source: Apple schema,
//! `{profile.provisioning.list,user.list,system.update.available,system.update.status}.yaml`.

use super::lists::{self, bounded, listed, moment, some_bounded};
use crate::ids::DeviceId;
use russet_protocol::Timestamp;
use russet_protocol::result;
use russet_store::{StoreError, Tx};

listed! {
    /// One provisioning profile on one device, as last reported.
    pub struct ProvisioningProfile in "provisioning_profile", list "provisioning_profiles", most 1000 {
        /// `UUID`.
        key uuid,
        /// `Name`. Hostile text.
        name: Option<String>,
        /// `ExpiryDate`.
        expires_at: Option<Timestamp>,
    }
}

listed! {
    /// One user with an account on one device, as last reported. Texts are hostile, sizes are bytes.
    pub struct DeviceUser in "device_user", list "users", most 1000 {
        /// `UserName`.
        key name,
        /// `FullName`.
        full_name: Option<String>,
        /// `UID`.
        uid: Option<i64>,
        /// `UserGUID`.
        guid: Option<String>,
        /// `IsLoggedIn`.
        logged_in: Option<bool>,
        /// `HasDataToSync`: deleting such a user loses data.
        has_data_to_sync: Option<bool>,
        /// `DataQuota`.
        data_quota: Option<i64>,
        /// `DataUsed`.
        data_used: Option<i64>,
        /// `MobileAccount`.
        mobile_account: Option<bool>,
        /// `HasSecureToken`.
        has_secure_token: Option<bool>,
    }
}

listed! {
    /// One system update that a device could install, as last reported.
    pub struct AvailableUpdate in "available_update", list "available_updates", most 200 {
        /// `ProductKey`.
        key product_key,
        /// `HumanReadableName`, else `ProductName`.
        name: Option<String>,
        /// `Version`.
        version: Option<String>,
        /// `Build`.
        build: Option<String>,
        /// `DownloadSize`, bytes.
        download_size: Option<i64>,
        /// `InstallSize`, bytes.
        install_size: Option<i64>,
        /// `IsCritical`.
        critical: Option<bool>,
        /// `IsMajorOSUpdate`.
        major: Option<bool>,
        /// `IsSecurityResponse`.
        security_response: Option<bool>,
        /// `RestartRequired`.
        restart_required: Option<bool>,
        /// `DeferredUntil`.
        deferred_until: Option<Timestamp>,
    }
}

listed! {
    /// How far one system update is on a device, as last reported.
    pub struct UpdateProgress in "update_progress", list "update_progress", most 200 {
        /// `ProductKey`.
        key product_key,
        /// `Status`.
        status: Option<String>,
        /// `IsDownloaded`.
        downloaded: Option<bool>,
        /// `DownloadPercentComplete`, in percent.
        percent: Option<i64>,
        /// `DeferralsRemaining`.
        deferrals_remaining: Option<i64>,
        /// `NextScheduledInstall`.
        next_install: Option<Timestamp>,
    }
}

/// Stores a device's list of all its provisioning profiles.
pub async fn record_provisioning(
    tx: &mut dyn Tx,
    device: DeviceId,
    profiles: &[result::ProvisioningProfile],
    now: Timestamp,
) -> Result<(), StoreError> {
    let entry = |profile: &result::ProvisioningProfile| ProvisioningProfile {
        uuid: bounded(&profile.uuid),
        name: some_bounded(profile.name.as_deref()),
        expires_at: profile.expires.map(moment),
    };
    lists::replace(tx, device, profiles.iter().map(entry), now).await
}

/// Stores a device's list of its users.
pub async fn record_users(
    tx: &mut dyn Tx,
    device: DeviceId,
    users: &[result::DeviceUser],
    now: Timestamp,
) -> Result<(), StoreError> {
    let entry = |user: &result::DeviceUser| DeviceUser {
        name: bounded(&user.name),
        full_name: some_bounded(user.full_name.as_deref()),
        uid: user.uid,
        guid: some_bounded(user.guid.as_deref()),
        logged_in: user.logged_in,
        has_data_to_sync: user.has_data_to_sync,
        data_quota: user.data_quota,
        data_used: user.data_used,
        mobile_account: user.mobile_account,
        has_secure_token: user.has_secure_token,
    };
    lists::replace(tx, device, users.iter().map(entry), now).await
}

/// Stores what system updates a device could install.
pub async fn record_updates(
    tx: &mut dyn Tx,
    device: DeviceId,
    updates: &[result::OsUpdate],
    now: Timestamp,
) -> Result<(), StoreError> {
    let entry = |update: &result::OsUpdate| AvailableUpdate {
        product_key: bounded(&update.product_key),
        name: some_bounded(update.name.as_deref().or(update.product_name.as_deref())),
        version: some_bounded(update.version.as_deref()),
        build: some_bounded(update.build.as_deref()),
        download_size: update.download_size,
        install_size: update.install_size,
        critical: update.is_critical,
        major: update.is_major,
        security_response: update.is_security_response,
        restart_required: update.restart_required,
        deferred_until: update.deferred_until.map(moment),
    };
    lists::replace(tx, device, updates.iter().map(entry), now).await
}

/// Stores how far system updates are.
pub async fn record_progress(
    tx: &mut dyn Tx,
    device: DeviceId,
    updates: &[result::OsUpdateProgress],
    now: Timestamp,
) -> Result<(), StoreError> {
    let entry = |update: &result::OsUpdateProgress| UpdateProgress {
        product_key: bounded(&update.product_key),
        status: some_bounded(update.status.as_deref()),
        downloaded: update.is_downloaded,
        percent: update.downloaded.and_then(percent),
        deferrals_remaining: update.deferrals_remaining,
        next_install: update.next_install.map(moment),
    };
    lists::replace(tx, device, updates.iter().map(entry), now).await
}

/// Everything known of these lists is uncertain from now on.
pub async fn forget(tx: &mut dyn Tx, device: DeviceId) -> Result<(), StoreError> {
    lists::forget::<ProvisioningProfile>(tx, device).await?;
    lists::forget::<DeviceUser>(tx, device).await?;
    lists::forget::<AvailableUpdate>(tx, device).await?;
    lists::forget::<UpdateProgress>(tx, device).await
}

/// A share between 0 and 1 in percent; nothing for what is no share.
fn percent(share: f64) -> Option<i64> {
    (0..=100_i32)
        .rev()
        .map(|percent| (percent, f64::from(percent) / 100.0))
        .find(|(_, at)| *at <= share + 1e-9)
        .map(|(p, _)| p.into())
}
