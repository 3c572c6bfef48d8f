//! Holds what the server says against what is true: on the simulated devices, and at the simulated Apps and Books.
//!
//! What must be true is worked out here from what the admin asked for and from what Apple's platforms can do. Must never
//! take the server's word for it.

use super::profiles;
use super::rows::Row;
use super::setup::APPS;
use russet_protocol::Platform;
use russet_simulator::apps_and_books::{AssignmentTruth, Product, demo_products};
use russet_simulator::devices::{AppView, DeviceView};
use serde::Serialize;

/// `ManagementFlags`: the app goes when management goes.
const REMOVE_WITH_MANAGEMENT: i64 = 1;
/// `ManagementFlags`: no backup of the app's data.
const PREVENT_BACKUP: i64 = 4;

/// What the admin wants of the settings that change in a demo or a test.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// No backup of the app's data.
    pub prevent_backup: bool,
    /// Cellular data while roaming.
    pub data_roaming: bool,
    /// Cellular data.
    pub cellular_data: bool,
}

impl Wanted {
    /// What [`super::setup::defaults`] asks for.
    pub const AT_FIRST: Self = Self { prevent_backup: true, data_roaming: false, cellular_data: true };
}

/// The facts about one device and one app.
#[derive(Debug, Clone, Serialize)]
pub struct Fact {
    /// What the server says; absent where it says nothing.
    #[serde(flatten)]
    pub server: Option<Row>,
    /// Serial number of the device.
    pub serial_number: String,
    /// Number of the app in the store.
    pub adam_id: u64,
    /// The app as the device has it.
    pub on_device: Option<AppView>,
    /// Whether all is as wanted.
    pub as_wanted: bool,
    /// What is not as wanted.
    pub faults: Vec<String>,
}

/// Every device with every app that its platform can have, in this order.
#[must_use]
pub fn facts(devices: &[DeviceView], rows: &[Row], licenses: &[AssignmentTruth], wanted: Wanted) -> Vec<Fact> {
    let fact = |(device, product): (&DeviceView, Product)| {
        let row = rows.iter().find(|row| {
            row.app.adam_id == product.adam_id && row.device.serial_number.as_deref() == Some(device.serial.as_str())
        });
        let mut faults = faults(device, &product, licenses, wanted);
        if !row.is_some_and(|row| row.satisfied) {
            faults.push("the server does not say that all is as wanted".to_owned());
        }
        Fact {
            server: row.cloned(),
            serial_number: device.serial.clone(),
            adam_id: product.adam_id,
            on_device: app(device, &product).cloned(),
            as_wanted: faults.is_empty(),
            faults,
        }
    };
    pairs(devices).map(fact).collect()
}

/// Whether everything is as wanted on the devices and at Apple, whatever the server says.
#[must_use]
pub fn holds(devices: &[DeviceView], licenses: &[AssignmentTruth], wanted: Wanted) -> bool {
    devices.iter().all(|device| device.enrolled)
        && pairs(devices).all(|(device, product)| faults(device, &product, licenses, wanted).is_empty())
}

/// Each device with each of the demo's apps that is made for it.
fn pairs(devices: &[DeviceView]) -> impl Iterator<Item = (&DeviceView, Product)> {
    devices.iter().flat_map(|device| {
        let products = demo_products().into_iter().filter(|product| APPS.contains(&product.adam_id));
        products.filter(|product| product.platforms.contains(&device.platform)).map(move |product| (device, product))
    })
}

fn app<'a>(device: &'a DeviceView, product: &Product) -> Option<&'a AppView> {
    product.bundle_id.as_deref().and_then(|bundle_id| device.app(bundle_id))
}

/// What is not as wanted on the device and at Apple.
fn faults(device: &DeviceView, product: &Product, licenses: &[AssignmentTruth], wanted: Wanted) -> Vec<String> {
    let mut faults = Vec::new();
    let license = licenses.iter().find(|license| {
        license.adam_id.0 == product.adam_id && license.serial_number.as_deref() == Some(device.serial.as_str())
    });
    if !license.is_some_and(|license| license.held) {
        faults.push("Apple has given it no license".to_owned());
    }
    match app(device, product) {
        Some(app) => faults.extend(faults_of_app(device.platform, app, wanted)),
        None => faults.push("the app is not on the device".to_owned()),
    }
    faults.extend(device.problems.iter().map(|problem| format!("the device objects: {}", problem.text)));
    faults
}

fn faults_of_app(platform: Platform, app: &AppView, wanted: Wanted) -> Vec<String> {
    let mut faults = Vec::new();
    let mut must = |holds: bool, text: String| {
        if !holds {
            faults.push(text);
        }
    };
    must(app.present, "the app is not installed".to_owned());
    must(app.managed && app.state == "Managed", format!("the device says the app is {}", app.state));
    must(app.flags & REMOVE_WITH_MANAGEMENT != 0, "the app would stay when management goes".to_owned());
    must(
        app.vpn_uuid.as_deref() == Some(profiles::VPN_UUID),
        format!("its per-app VPN is {}", app.vpn_uuid.as_deref().unwrap_or("none")),
    );
    must((app.flags & PREVENT_BACKUP != 0) == wanted.prevent_backup, format!("its management flags are {}", app.flags));
    if platform == Platform::MacOs {
        // A Mac has neither network usage rules nor this single sign-on.
        return faults;
    }
    match &app.network {
        Some(network) => must(
            network.cellular == wanted.cellular_data && network.roaming == wanted.data_roaming,
            format!("cellular data is {}, roaming {}", network.cellular, network.roaming),
        ),
        // Without a rule, both are allowed.
        None => must(wanted.cellular_data && wanted.data_roaming, "no network usage rule is in force".to_owned()),
    }
    match &app.sso {
        Some(sign_on) => must(
            sign_on.url_prefixes.iter().map(String::as_str).eq(profiles::BASE_URLS.iter().copied()),
            format!("single sign-on serves {}", sign_on.url_prefixes.join(", ")),
        ),
        None => must(false, "single sign-on does not serve it".to_owned()),
    }
    faults
}
