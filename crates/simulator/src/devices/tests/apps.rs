//! Apps from the command to `Managed`, and what stops them.

use super::house::{House, text};
use super::*;
use crate::serve::{Listener, Speaks};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use plist::{Dictionary, Value};
use russet_protocol::command::SettingsItem;
use russet_protocol::profile::{AppMapping, KerberosSso, NetworkRule};
use std::collections::HashMap;
use std::sync::Mutex;

fn list() -> Command {
    Command::ManagedApplicationList { identifiers: vec![] }
}

/// The states of the app in the next lists.
async fn states(house: &House, fleet: &Fleet, lists: usize) -> Vec<String> {
    let mut states = Vec::new();
    for _ in 0..lists {
        let answer = house.ask(fleet, &list()).await;
        let apps = answer.get("ManagedApplicationList").and_then(Value::as_dictionary).unwrap();
        let app = apps.get(APP).and_then(Value::as_dictionary);
        states.push(app.map_or("(none)", |app| text(app, "Status")).to_owned());
    }
    states
}

/// Code and domain of the first error.
fn error(answer: &Dictionary) -> (i64, String) {
    assert_eq!(text(answer, "Status"), "Error", "{answer:?}");
    let chain = answer.get("ErrorChain").and_then(Value::as_array).unwrap();
    let first = chain[0].as_dictionary().unwrap();
    (first.get("ErrorCode").and_then(Value::as_signed_integer).unwrap(), text(first, "ErrorDomain").to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_arrives_with_every_setting_on_an_iphone() {
    let house = House::open(true).await;
    let fleet = enrolled(&house, one(Platform::Ios)).await;
    let wanted = install(|install| {
        with_vpn(install);
        install.management_flags.remove_with_mdm = true;
        install.management_flags.prevent_backup = true;
    });
    let early = house.ask(&fleet, &wanted).await;
    assert_eq!(error(&early).0, 12008, "the VPN profile has to be there first");
    assert_eq!(only(&fleet).problems[0].kind, "vpn-uuid-unknown");
    assert!(only(&fleet).apps.is_empty());

    house.ask(&fleet, &send(&vpn())).await;
    let apps = Some(vec![APP.to_owned()]);
    let rule = NetworkRule { apps: apps.clone(), roaming: Some(false), cellular: Some(true) };
    house.ask(&fleet, &send(&profile("rules", vec![PayloadBody::NetworkUsageRules(vec![rule])]))).await;
    let sso = KerberosSso {
        name: "Field".into(),
        realm: "EXAMPLE.COM".into(),
        principal_name: Some("someone".into()),
        certificate_uuid: None,
        url_prefixes: Some(vec!["https://intranet.example.com".into()]),
        apps,
    };
    house.ask(&fleet, &send(&profile("sso", vec![PayloadBody::KerberosSso(sso)]))).await;
    let accepted = house.ask(&fleet, &wanted).await;
    assert_eq!((text(&accepted, "Status"), text(&accepted, "State")), ("Acknowledged", "Queued"));
    assert_eq!(states(&house, &fleet, 3).await, ["Installing", "Managed", "Managed"]);

    let device = only(&fleet);
    let app = device.app(APP).unwrap();
    assert!(app.prevents_backup && app.present && app.managed);
    assert_eq!((app.flags, app.vpn_uuid.as_deref()), (5, Some(VPN_UUID)));
    assert_eq!(app.network, Some(NetworkView { cellular: true, roaming: false }));
    let sso = app.sso.clone().unwrap();
    assert_eq!(
        (sso.realm.as_str(), sso.url_prefixes),
        ("EXAMPLE.COM", vec!["https://intranet.example.com/".to_owned()])
    );

    house.ask(&fleet, &Command::RemoveProfile { identifier: "com.example.vpn".into() }).await;
    assert!(only(&fleet).problems.iter().any(|problem| problem.kind == "vpn-pulled-away"));
    house.ask(&fleet, &Command::RemoveApplication { identifier: bundle(APP) }).await;
    assert!(only(&fleet).apps.is_empty());
    assert_eq!(error(&house.ask(&fleet, &Command::RemoveApplication { identifier: bundle(APP) }).await).0, 12029);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_mac_the_mapping_says_which_vpn_and_the_flag_that_it_is_managed() {
    let house = House::open(true).await;
    let fleet = enrolled(&house, one(Platform::MacOs)).await;
    let mapping = AppMapping {
        identifier: APP.into(),
        vpn_uuid: VPN_UUID.into(),
        signing_identifier: APP.into(),
        designated_requirement: format!("identifier \"{APP}\""),
    };
    let mapping = send(&profile("mapping", vec![PayloadBody::AppMapping(vec![mapping])]));
    assert_eq!(error(&house.ask(&fleet, &mapping).await).0, 4001, "the VPN it maps to is not there");
    house.ask(&fleet, &send(&vpn())).await;
    assert_eq!(text(&house.ask(&fleet, &mapping).await, "Status"), "Acknowledged");

    house.ask(&fleet, &install(|install| install.install_as_managed = Some(true))).await;
    assert_eq!(states(&house, &fleet, 2).await, ["Installing", "Managed"]);
    assert_eq!(only(&fleet).app(APP).unwrap().vpn_uuid.as_deref(), Some(VPN_UUID));
    house.ask(&fleet, &install(with_vpn)).await;
    assert_eq!(states(&house, &fleet, 1).await, ["(none)"], "sent without InstallAsManaged it is managed no more");
    let kinds: Vec<String> = only(&fleet).problems.into_iter().map(|problem| problem.kind).collect();
    assert_eq!(kinds, ["command-refused", "attributes-on-mac", "mac-app-unmanaged"]);
    fleet.stop().await;
}

#[derive(Default)]
struct Store {
    licensed: Mutex<bool>,
    version: Mutex<u64>,
}

/// A store door with one app, number 7.
async fn store() -> (Arc<Store>, Listener, String) {
    async fn look_up(
        State(store): State<Arc<Store>>,
        Path(adam_id): Path<u64>,
        Query(query): Query<HashMap<String, String>>,
    ) -> Result<Json<serde_json::Value>, StatusCode> {
        assert!(!query["serialNumber"].is_empty());
        if adam_id != 7 {
            return Err(StatusCode::NOT_FOUND);
        }
        let (licensed, version) = (*store.licensed.lock().unwrap(), *store.version.lock().unwrap());
        Ok(Json(serde_json::json!({ "adamId": 7, "bundleId": APP, "name": "Seven", "externalVersionId": version,
            "version": format!("1.{version}"), "licensed": licensed })))
    }
    let store = Arc::new(Store::default());
    let router = Router::new().route("/_sim/store/{adam_id}", get(look_up)).with_state(Arc::clone(&store));
    let listener = Listener::open(([127, 0, 0, 1], 0).into(), Speaks::Plain, router).await.unwrap();
    let url = format!("http://{}", listener.address());
    (store, listener, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_license_that_is_not_visible_stops_the_app_with_apples_errors() {
    let (store, _listener, url) = store().await;
    for (platform, expected) in
        [(Platform::Ios, (12064, "MCMDMErrorDomain")), (Platform::MacOs, (9610, "ASDServerErrorDomain"))]
    {
        *store.licensed.lock().unwrap() = false;
        let house = House::open(true).await;
        let fleet = enrolled(&house, Options { store_url: Some(url.clone()), ..one(platform) }).await;
        let wanted = install(|install| install.install_as_managed = (platform == Platform::MacOs).then_some(true));
        let refused = house.ask(&fleet, &wanted).await;
        assert_eq!(error(&refused), (expected.0, expected.1.to_owned()));
        assert_eq!(text(&refused, "RejectionReason"), "Other");
        assert!(only(&fleet).problems.is_empty(), "to be too early is no mistake of the server");
        *store.licensed.lock().unwrap() = true;
        assert_eq!(text(&house.ask(&fleet, &wanted).await, "State"), "Queued");
        let twice = house.ask(&fleet, &wanted).await;
        assert_eq!(error(&twice).0, if platform == Platform::MacOs { 506 } else { 12025 });
        let unknown = Command::InstallApplication(InstallApplication::licensed(AdamId(8)));
        assert_eq!(error(&house.ask(&fleet, &unknown).await).0, 12023);
        fleet.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sent_again_an_app_updates_and_takes_the_new_flags() {
    let (store, _listener, url) = store().await;
    *store.licensed.lock().unwrap() = true;
    let house = House::open(true).await;
    let fleet = enrolled(&house, Options { store_url: Some(url), ..one(Platform::Ios) }).await;
    house.ask(&fleet, &install(|_| ())).await;
    states(&house, &fleet, 2).await;
    let backup = install(|install| install.management_flags.prevent_backup = true);
    let answer = house.ask(&fleet, &backup).await;
    assert_eq!(text(&answer, "State"), "Managed", "no newer version: nothing to download");
    assert_eq!(only(&fleet).app(APP).unwrap().flags, 4);
    *store.version.lock().unwrap() = 2;
    assert_eq!(text(&house.ask(&fleet, &backup).await, "State"), "Updating");
    assert_eq!(states(&house, &fleet, 1).await, ["Managed"]);
    let device = only(&fleet);
    let app = device.app(APP).unwrap();
    assert_eq!((app.version.as_deref(), app.install_count, device.app_installs[APP]), (Some("1.2"), 2, 3));
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_is_asked_may_say_no_and_it_is_told_once() {
    let house = House::open(true).await;
    let fleet = enrolled(&house, Options { supervised_percent: 0, ..one(Platform::Ios) }).await;
    fleet.refuse_next(0, APP);
    assert_eq!(text(&house.ask(&fleet, &install(|_| ())).await, "State"), "Prompting");
    assert_eq!(states(&house, &fleet, 2).await, ["UserRejected", "(none)"]);
    house.ask(&fleet, &install(|_| ())).await;
    assert_eq!(states(&house, &fleet, 2).await, ["Installing", "Managed"]);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_time_an_app_arrives_however_often_it_is_asked_about() {
    let house = House::open(true).await;
    let pace = Pace::Time(Duration::from_millis(60));
    let fleet = enrolled(&house, Options { pace, ..one(Platform::IpadOs) }).await;
    house.ask(&fleet, &install(|_| ())).await;
    let arrives = async { while states(&house, &fleet, 1).await != ["Managed"] {} };
    tokio::time::timeout(SOON, arrives).await.unwrap();
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_answer_item_by_item() {
    let house = House::open(true).await;
    let fleet = enrolled(&house, one(Platform::Ios)).await;
    house.ask(&fleet, &install(|_| ())).await;
    house.ask(&fleet, &send(&vpn())).await;
    let attributes = AppAttributes { vpn_uuid: Some(VPN_UUID.into()), ..AppAttributes::default() };
    let items = vec![
        SettingsItem::ApplicationAttributes { identifier: bundle(APP), attributes: Some(attributes) },
        SettingsItem::ApplicationAttributes { identifier: bundle("com.example.none"), attributes: None },
        SettingsItem::DataRoaming { enabled: true },
    ];
    let answer = house.ask(&fleet, &Command::Settings { items }).await;
    let results = answer.get("Settings").and_then(Value::as_array).unwrap();
    let statuses: Vec<&str> = results.iter().map(|item| text(item.as_dictionary().unwrap(), "Status")).collect();
    assert_eq!((text(&answer, "Status"), statuses), ("Acknowledged", vec!["Acknowledged", "Error", "Acknowledged"]));
    let device = only(&fleet);
    assert_eq!(device.app(APP).unwrap().vpn_uuid.as_deref(), Some(VPN_UUID));
    assert_eq!(device.data_roaming, Some(true));
    fleet.stop().await;
}
