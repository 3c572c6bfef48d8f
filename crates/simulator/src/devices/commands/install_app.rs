//! `InstallApplication` (Apple schema: application.install.yaml): what is checked before it is accepted, and what it
//! changes at once. `Acknowledged` means accepted; the way to `Managed` is in [`super::apps`].

use super::super::device::Device;
use super::super::profile::AppleError;
use super::super::state::{App, State};
use super::super::store_door::StoreApp;
use super::{Reply, apps};
use plist::{Dictionary, Value};
use russet_protocol::command::{AppAttributes, AppSource, InstallApplication, PurchaseMethod};
use russet_protocol::result::{Answer, AppState, InstallApplicationAnswer};
use russet_protocol::{AdamId, BundleId, Platform};
use std::time::Instant;

/// A refusal: the error, Apple's `RejectionReason`, and whether the server did something wrong (a license that is not
/// visible yet is the run of things).
struct Rejection {
    error: AppleError,
    reason: &'static str,
    fault: Option<&'static str>,
}

impl Rejection {
    fn fault(kind: &'static str, reason: &'static str, error: AppleError) -> Self {
        Self { error, reason, fault: Some(kind) }
    }

    fn expected(reason: &'static str, error: AppleError) -> Self {
        Self { error, reason, fault: None }
    }
}

/// Accepts or refuses.
pub(super) async fn install(device: &Device, uuid: &str, keys: &Dictionary, install: InstallApplication) -> Reply {
    match try_install(device, uuid, keys, &install).await {
        Ok((bundle_id, state)) => Reply::done(Answer::InstallApplication(InstallApplicationAnswer {
            identifier: BundleId::new(bundle_id).ok(),
            state: Some(AppState::parse(state)),
            rejection_reason: None,
        })),
        Err(rejection) => {
            if let Some(kind) = rejection.fault {
                let text = format!("InstallApplication: {}", rejection.error.text);
                device.change(|state| state.problem(kind, text, Some(uuid)));
            }
            let mac = device.hardware.platform == Platform::MacOs;
            let reason = if mac { "Other" } else { rejection.reason };
            Reply {
                answer: Answer::InstallApplication(InstallApplicationAnswer {
                    rejection_reason: Some(reason.to_owned()),
                    ..InstallApplicationAnswer::default()
                }),
                ..Reply::failed(rejection.error)
            }
        }
    }
}

async fn try_install(
    device: &Device,
    uuid: &str,
    keys: &Dictionary,
    install: &InstallApplication,
) -> Result<(String, &'static str), Rejection> {
    let malformed = |text: String| Rejection::fault("malformed-command", "Other", AppleError::mdm(12008, text));
    let flags = keys.get("ManagementFlags").map_or(Some(0), Value::as_signed_integer).unwrap_or(-1);
    if ![0, 1, 4, 5].contains(&flags) {
        return Err(malformed(format!("ManagementFlags {flags} is none of 1, 4 and 5")));
    }
    let mac = device.hardware.platform == Platform::MacOs;
    let mut attributes = install.attributes.as_ref().map(AppAttributes::to_dictionary).unwrap_or_default();
    if mac && !attributes.is_empty() {
        let text = "InstallApplication: Attributes do not exist on Macs and were ignored";
        device.change(|state| state.problem("attributes-on-mac", text, Some(uuid)));
        attributes = Dictionary::new();
    }
    let (adam_id, found) = look_up(device, install).await?;
    if adam_id.is_some() {
        may_buy(device, install, &found)?;
    }
    let wish = Wish {
        adam_id,
        store: found,
        flags,
        attributes,
        configuration: install.configuration.clone(),
        take_over: install.take_over,
        managed: !mac || install.install_as_managed == Some(true),
        asks: apps::asks(device),
        needs_code: adam_id.is_some() && install.purchase_method == Some(PurchaseMethod::FreeOrCode),
    };
    device.change(|state| {
        apps::advance(state, &wish.store.bundle_id, device.shared.options.pace, false);
        accept(state, mac, uuid, wish)
    })
}

/// Finds out which app is meant.
async fn look_up(device: &Device, install: &InstallApplication) -> Result<(Option<u64>, StoreApp), Rejection> {
    let unknown = |text: String| Rejection::fault("unknown-app", "CouldNotVerifyAppID", AppleError::mdm(12023, text));
    match &install.source {
        AppSource::Store(AdamId(number)) => match device.shared.store.look_up(*number, &device.hardware.serial).await {
            Ok(Some(found)) => Ok((Some(*number), found)),
            Ok(None) => Err(unknown(format!("The store has no app {number}"))),
            Err(fault) => {
                let text = format!("The app {number} could not be verified: {fault}");
                Err(Rejection::expected("CouldNotVerifyAppID", AppleError::mdm(12023, text)))
            }
        },
        AppSource::Identifier(bundle) => {
            let state = device.state();
            let app = state.apps.get(bundle.as_str());
            let app = app.ok_or_else(|| unknown(format!("The app {bundle} is not on the device")))?;
            let found = StoreApp {
                bundle_id: app.bundle_id.clone(),
                name: app.name.clone(),
                external_version_id: app.external_version.unwrap_or(0),
                version: app.version.clone().unwrap_or_default(),
                licensed: true,
            };
            Ok((None, found))
        }
        AppSource::Manifest(url) => {
            let text = format!("Simulated devices download no manifests ({url}); use iTunesStoreID");
            Err(Rejection::expected("NotSupported", AppleError::mdm(12024, text)))
        }
    }
}

/// Whether the store hands the app out to this device.
fn may_buy(device: &Device, install: &InstallApplication, found: &StoreApp) -> Result<(), Rejection> {
    if install.purchase_method == Some(PurchaseMethod::FreeOrCode) && device.hardware.platform.is_ios_family() {
        // The server pays with a code: ApplyRedemptionCode.
        return Ok(());
    }
    if install.purchase_method != Some(PurchaseMethod::License) {
        let text = "Without Options.PurchaseMethod 1 the person would have to sign in to the store";
        return Err(Rejection::fault("no-purchase-method", "Other", AppleError::mdm(12040, text)));
    }
    if found.licensed {
        return Ok(());
    }
    let text = format!("The store shows no license of {} for this device", found.bundle_id);
    let error = if device.hardware.platform == Platform::MacOs {
        AppleError::new("ASDServerErrorDomain", 9610, text)
    } else {
        AppleError::mdm(12064, text)
    };
    Err(Rejection::expected("Other", error))
}

/// An installation that passed the checks outside the device's memory.
struct Wish {
    adam_id: Option<u64>,
    store: StoreApp,
    flags: i64,
    attributes: Dictionary,
    configuration: Option<Dictionary>,
    take_over: bool,
    managed: bool,
    asks: bool,
    needs_code: bool,
}

fn accept(state: &mut State, mac: bool, uuid: &str, wish: Wish) -> Result<(String, &'static str), Rejection> {
    let bundle_id = wish.store.bundle_id.clone();
    apps::check_attributes(state, &wish.attributes)
        .map_err(|error| Rejection::fault("vpn-uuid-unknown", "Other", error))?;
    let coming = (wish.store.external_version_id, wish.store.version.clone());
    let known = state.apps.get(&bundle_id);
    if known.is_some_and(App::is_busy) {
        let text = format!("{bundle_id} is being installed already");
        let error = if mac { AppleError::new("ASDErrorDomain", 506, text) } else { AppleError::mdm(12025, text) };
        return Err(Rejection::fault("already-queued", "AppAlreadyQueued", error));
    }
    let next = match known.filter(|app| app.present) {
        Some(app) if !app.managed && !wish.take_over && wish.managed && !mac => {
            let text = format!("{bundle_id} was installed by the person; ChangeManagementState is needed");
            return Err(Rejection::expected("AppAlreadyInstalled", AppleError::mdm(12025, text)));
        }
        Some(app) if !app.managed && wish.asks => "PromptingForManagement",
        Some(app) if app.external_version.unwrap_or(0) < coming.0 => {
            if wish.asks {
                "PromptingForUpdate"
            } else {
                "Updating"
            }
        }
        Some(_) => "Managed",
        None if wish.needs_code => "NeedsRedemption",
        None if wish.asks => "Prompting",
        None => "Queued",
    };
    if mac && !wish.managed {
        let text = format!("InstallApplication: without InstallAsManaged {bundle_id} is not managed on a Mac");
        state.problem("mac-app-unmanaged", text, Some(uuid));
    }
    let app = state.apps.entry(bundle_id.clone()).or_insert_with(|| App::new(&bundle_id));
    app.adam_id = wish.adam_id.or(app.adam_id);
    app.name = wish.store.name;
    app.flags = wish.flags;
    app.attributes = wish.attributes;
    app.configuration = wish.configuration;
    app.by_device_license = true;
    app.managed = wish.managed && next != "PromptingForManagement";
    app.state = next;
    app.started = Instant::now();
    if next == "NeedsRedemption" || (app.is_busy() && next != "PromptingForManagement") {
        app.coming = Some(coming);
        app.install_count += 1;
    }
    *state.app_installs.entry(bundle_id.clone()).or_insert(0) += 1;
    Ok((bundle_id, next))
}
