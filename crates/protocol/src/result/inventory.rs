//! Answers that list what is on a device: certificates, provisioning profiles, users, system updates. Texts in them were
//! chosen by the device or its user. Source: Apple schema,
//! `mdm/commands/{certificate.list,profile.provisioning.list,user.list,system.update.available,system.update.status}.yaml`.

use crate::wire::structure;
use plist::Date;

structure! {
    /// One certificate of `CertificateList`.
    pub struct InstalledCertificate {
        /// `CommonName`.
        common_name: Option<String> = "CommonName",
        /// `IsIdentity`: its private key is on the device.
        is_identity: Option<bool> = "IsIdentity",
        /// `Data`, DER.
        certificate: Vec<u8> = "Data",
    }
}

structure! {
    /// One provisioning profile of `ProvisioningProfileList`.
    pub struct ProvisioningProfile {
        /// `Name`.
        name: Option<String> = "Name",
        /// `UUID`.
        uuid: String = "UUID",
        /// `ExpiryDate`.
        expires: Option<Date> = "ExpiryDate",
    }
}

structure! {
    /// One user of `UserList`.
    #[derive(Default)]
    pub struct DeviceUser {
        /// `UserName`; on a Shared iPad the Managed Apple Account.
        name: String = "UserName",
        /// `FullName`, of Macs, as the next two.
        full_name: Option<String> = "FullName",
        /// `UID`.
        uid: Option<i64> = "UID",
        /// `UserGUID`.
        guid: Option<String> = "UserGUID",
        /// `IsLoggedIn`.
        logged_in: Option<bool> = "IsLoggedIn",
        /// `HasDataToSync`, of Shared iPads, as the next two: deleting such a user loses data.
        has_data_to_sync: Option<bool> = "HasDataToSync",
        /// `DataQuota`, bytes.
        data_quota: Option<i64> = "DataQuota",
        /// `DataUsed`, bytes.
        data_used: Option<i64> = "DataUsed",
        /// `MobileAccount`, of Macs, as the next.
        mobile_account: Option<bool> = "MobileAccount",
        /// `HasSecureToken`.
        has_secure_token: Option<bool> = "HasSecureToken",
    }
}

structure! {
    /// One update of `AvailableOSUpdates`.
    #[derive(Default)]
    pub struct OsUpdate {
        /// `ProductKey`.
        product_key: String = "ProductKey",
        /// `HumanReadableName`.
        name: Option<String> = "HumanReadableName",
        /// `ProductName`.
        product_name: Option<String> = "ProductName",
        /// `Version`.
        version: Option<String> = "Version",
        /// `Build`.
        build: Option<String> = "Build",
        /// `DownloadSize`, bytes.
        download_size: Option<i64> = "DownloadSize",
        /// `InstallSize`, bytes.
        install_size: Option<i64> = "InstallSize",
        /// `IsCritical`.
        is_critical: Option<bool> = "IsCritical",
        /// `IsMajorOSUpdate`.
        is_major: Option<bool> = "IsMajorOSUpdate",
        /// `IsSecurityResponse`.
        is_security_response: Option<bool> = "IsSecurityResponse",
        /// `RestartRequired`.
        restart_required: Option<bool> = "RestartRequired",
        /// `DeferredUntil`.
        deferred_until: Option<Date> = "DeferredUntil",
        /// `RequiresBootstrapToken`.
        requires_bootstrap_token: Option<bool> = "RequiresBootstrapToken",
        /// `SupplementalBuildVersion`.
        supplemental_build: Option<String> = "SupplementalBuildVersion",
        /// `SupplementalOSVersionExtra`.
        supplemental_version: Option<String> = "SupplementalOSVersionExtra",
    }
}

structure! {
    /// One update of `OSUpdateStatus`.
    #[derive(Default)]
    pub struct OsUpdateProgress {
        /// `ProductKey`.
        product_key: String = "ProductKey",
        /// `IsDownloaded`.
        is_downloaded: Option<bool> = "IsDownloaded",
        /// `DownloadPercentComplete`, 0 to 1.
        downloaded: Option<f64> = "DownloadPercentComplete",
        /// `Status`: Idle, Downloading, Installing and others.
        status: Option<String> = "Status",
        /// `MaxDeferrals`.
        max_deferrals: Option<i64> = "MaxDeferrals",
        /// `DeferralsRemaining`.
        deferrals_remaining: Option<i64> = "DeferralsRemaining",
        /// `NextScheduledInstall`.
        next_install: Option<Date> = "NextScheduledInstall",
    }
}

structure! {
    /// One subscription to a mobile network: of `ServiceSubscriptions` in `DeviceInformation` (iPhones and iPads, from 12 on).
    /// Source: Apple schema, `information.device.yaml`.
    #[derive(Default)]
    pub struct ServiceSubscription {
        /// `Slot`.
        slot: Option<String> = "Slot",
        /// `Label`.
        label: Option<String> = "Label",
        /// `PhoneNumber`, without punctuation.
        phone_number: Option<String> = "PhoneNumber",
        /// `ICCID`.
        iccid: Option<String> = "ICCID",
        /// `EID`.
        eid: Option<String> = "EID",
        /// `IMEI`.
        imei: Option<String> = "IMEI",
        /// `MEID`.
        meid: Option<String> = "MEID",
        /// `SubscriberCarrierNetwork`, at home.
        home_carrier: Option<String> = "SubscriberCarrierNetwork",
        /// `CurrentCarrierNetwork`.
        current_carrier: Option<String> = "CurrentCarrierNetwork",
        /// `CurrentMCC`.
        current_mcc: Option<String> = "CurrentMCC",
        /// `CurrentMNC`.
        current_mnc: Option<String> = "CurrentMNC",
        /// `CarrierSettingsVersion`.
        carrier_settings_version: Option<String> = "CarrierSettingsVersion",
        /// `IsRoaming`.
        is_roaming: Option<bool> = "IsRoaming",
        /// `IsDataPreferred`.
        is_data_preferred: Option<bool> = "IsDataPreferred",
        /// `IsVoicePreferred`.
        is_voice_preferred: Option<bool> = "IsVoicePreferred",
    }
}
