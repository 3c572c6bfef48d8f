//! `InstallApplication`: the one builder for first install, update, re-install, take-over and retry.
//! Source: Apple schema, `mdm/commands/application.install.yaml`.

use crate::fields::{Put, WireError, dictionary, flag, int, rest, text, texts};
use crate::ids::{AdamId, BundleId};
use plist::Dictionary;

/// Which app; exactly one way to say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppSource {
    /// `iTunesStoreID`.
    Store(AdamId),
    /// `Identifier`, a bundle identifier.
    Identifier(BundleId),
    /// `ManifestURL`, `https:`.
    Manifest(String),
}

/// `Options.PurchaseMethod`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PurchaseMethod {
    /// 0: free apps and redemption codes.
    FreeOrCode,
    /// 1: a license of Apps and Books.
    License,
}

/// `ManagementFlags`, a bit mask of which Apple documents 1, 4 and 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct ManagementFlags {
    /// 1: the app goes when the enrollment profile goes.
    pub remove_with_mdm: bool,
    /// 4: the app's data stays out of backups.
    pub prevent_backup: bool,
}

impl ManagementFlags {
    /// The bits.
    #[must_use]
    pub fn bits(self) -> i64 {
        i64::from(self.remove_with_mdm) + 4 * i64::from(self.prevent_backup)
    }

    /// Reads the bits; others than 1 and 4 are ignored.
    #[must_use]
    pub fn from_bits(bits: i64) -> Self {
        Self { remove_with_mdm: bits & 1 != 0, prevent_backup: bits & 4 != 0 }
    }
}

/// `Attributes` of a managed app. Not on Macs. Absent keys stay unset; [`super::SettingsItem::ApplicationAttributes`]
/// is taken to replace the whole set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AppAttributes {
    /// `VPNUUID` of an installed app-layer VPN payload.
    pub vpn_uuid: Option<String>,
    /// `ContentFilterUUID`.
    pub content_filter_uuid: Option<String>,
    /// `DNSProxyUUID`.
    pub dns_proxy_uuid: Option<String>,
    /// `RelayUUID`.
    pub relay_uuid: Option<String>,
    /// `AssociatedDomains`; empty is left out.
    pub associated_domains: Vec<String>,
    /// `AssociatedDomainsEnableDirectDownloads`.
    pub direct_downloads: Option<bool>,
    /// `Removable`: false keeps the user from deleting the app.
    pub removable: Option<bool>,
    /// `TapToPayScreenLock`.
    pub tap_to_pay_screen_lock: Option<bool>,
    /// `CellularSliceUUID`.
    pub cellular_slice_uuid: Option<String>,
    /// `Hideable`.
    pub hideable: Option<bool>,
    /// `Lockable`.
    pub lockable: Option<bool>,
    /// Keys that this type does not know.
    pub other: Dictionary,
}

const ATTRIBUTES: [&str; 11] = [
    "VPNUUID",
    "ContentFilterUUID",
    "DNSProxyUUID",
    "RelayUUID",
    "AssociatedDomains",
    "AssociatedDomainsEnableDirectDownloads",
    "Removable",
    "TapToPayScreenLock",
    "CellularSliceUUID",
    "Hideable",
    "Lockable",
];

impl AppAttributes {
    /// The dictionary on the wire.
    #[must_use]
    pub fn to_dictionary(&self) -> Dictionary {
        let mut keys = Dictionary::new();
        keys.put_some("VPNUUID", self.vpn_uuid.as_deref());
        keys.put_some("ContentFilterUUID", self.content_filter_uuid.as_deref());
        keys.put_some("DNSProxyUUID", self.dns_proxy_uuid.as_deref());
        keys.put_some("RelayUUID", self.relay_uuid.as_deref());
        if !self.associated_domains.is_empty() {
            keys.put_texts("AssociatedDomains", &self.associated_domains);
        }
        keys.put_some("AssociatedDomainsEnableDirectDownloads", self.direct_downloads);
        keys.put_some("Removable", self.removable);
        keys.put_some("TapToPayScreenLock", self.tap_to_pay_screen_lock);
        keys.put_some("CellularSliceUUID", self.cellular_slice_uuid.as_deref());
        keys.put_some("Hideable", self.hideable);
        keys.put_some("Lockable", self.lockable);
        keys.put_rest(&self.other);
        keys
    }

    /// Reads the dictionary on the wire.
    #[must_use]
    pub fn from_dictionary(keys: &Dictionary) -> Self {
        Self {
            vpn_uuid: text(keys, "VPNUUID"),
            content_filter_uuid: text(keys, "ContentFilterUUID"),
            dns_proxy_uuid: text(keys, "DNSProxyUUID"),
            relay_uuid: text(keys, "RelayUUID"),
            associated_domains: texts(keys, "AssociatedDomains").unwrap_or_default(),
            direct_downloads: flag(keys, "AssociatedDomainsEnableDirectDownloads"),
            removable: flag(keys, "Removable"),
            tap_to_pay_screen_lock: flag(keys, "TapToPayScreenLock"),
            cellular_slice_uuid: text(keys, "CellularSliceUUID"),
            hideable: flag(keys, "Hideable"),
            lockable: flag(keys, "Lockable"),
            other: rest(keys, &ATTRIBUTES),
        }
    }
}

/// The command's keys.
#[derive(Debug, Clone, PartialEq)]
pub struct InstallApplication {
    /// Which app.
    pub source: AppSource,
    /// `Options.PurchaseMethod`; absent for apps of one's own.
    pub purchase_method: Option<PurchaseMethod>,
    /// `ManagementFlags`; left out when no bit is set, which Apple does not list as a value.
    pub management_flags: ManagementFlags,
    /// `Attributes`. Never for a Mac.
    pub attributes: Option<AppAttributes>,
    /// `Configuration` that the app reads from its user defaults.
    pub configuration: Option<Dictionary>,
    /// `ChangeManagementState` = `Managed`: takes over an app that the user installed. Never in user enrollments.
    pub take_over: bool,
    /// `InstallAsManaged`: on Macs only, where a later command without it would un-manage the app.
    pub install_as_managed: Option<bool>,
    /// `iOSApp`: an iPhone or iPad app on a Mac.
    pub ios_app: Option<bool>,
}

impl InstallApplication {
    /// A store app by license, everything else left at Apple's defaults.
    #[must_use]
    pub fn licensed(app: AdamId) -> Self {
        Self {
            source: AppSource::Store(app),
            purchase_method: Some(PurchaseMethod::License),
            management_flags: ManagementFlags::default(),
            attributes: None,
            configuration: None,
            take_over: false,
            install_as_managed: None,
            ios_app: None,
        }
    }

    pub(super) fn write(&self, keys: &mut Dictionary) {
        match &self.source {
            AppSource::Store(adam) => keys.put("iTunesStoreID", adam.0),
            AppSource::Identifier(id) => keys.put("Identifier", id.as_str()),
            AppSource::Manifest(url) => keys.put("ManifestURL", url.as_str()),
        }
        if let Some(method) = self.purchase_method {
            let mut options = Dictionary::new();
            options.put("PurchaseMethod", i64::from(method == PurchaseMethod::License));
            keys.put("Options", options);
        }
        let flags = self.management_flags.bits();
        keys.put_some("ManagementFlags", (flags != 0).then_some(flags));
        keys.put_some("Attributes", self.attributes.as_ref().map(AppAttributes::to_dictionary));
        keys.put_some("Configuration", self.configuration.clone());
        keys.put_some("ChangeManagementState", self.take_over.then_some("Managed"));
        keys.put_some("InstallAsManaged", self.install_as_managed);
        keys.put_some("iOSApp", self.ios_app);
    }

    pub(super) fn read(keys: &Dictionary) -> Result<Self, WireError> {
        let store = keys.get("iTunesStoreID").and_then(plist::Value::as_unsigned_integer);
        let source = match (store, text(keys, "Identifier"), text(keys, "ManifestURL")) {
            (Some(adam), None, None) => AppSource::Store(AdamId(adam)),
            (None, Some(id), None) => AppSource::Identifier(BundleId::new(id)?),
            (None, None, Some(url)) => AppSource::Manifest(url),
            // Apple: exactly one of the three.
            _ => return Err(WireError::Missing { message: "InstallApplication", key: "iTunesStoreID" }),
        };
        let method = dictionary(keys, "Options").and_then(|options| int(options, "PurchaseMethod"));
        Ok(Self {
            source,
            purchase_method: method.map(|method| match method {
                1 => PurchaseMethod::License,
                _ => PurchaseMethod::FreeOrCode,
            }),
            management_flags: ManagementFlags::from_bits(int(keys, "ManagementFlags").unwrap_or(0)),
            attributes: dictionary(keys, "Attributes").map(AppAttributes::from_dictionary),
            configuration: dictionary(keys, "Configuration").cloned(),
            take_over: text(keys, "ChangeManagementState").as_deref() == Some("Managed"),
            install_as_managed: flag(keys, "InstallAsManaged"),
            ios_app: flag(keys, "iOSApp"),
        })
    }
}
