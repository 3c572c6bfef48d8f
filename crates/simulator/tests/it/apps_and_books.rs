//! The simulated Apps and Books service as an MDM server, a device and Apple's own books see it.

use crate::client::{self, Answer};
use crate::mdm::{Mdm, SOON, ended, job, stopped_service};
use http_body_util::Full;
use hyper::body::Bytes;
use russet_protocol::{AdamId, PricingParam};
use russet_simulator::apps_and_books::{
    AssetRef, AssignmentTruth, Fault, FaultKind, Options, Settings, Simulator, What, demo_location,
};
use serde_json::{Value, json};
use std::time::Duration;

const FIELDBOOK: u64 = 1_500_000_101;
const KEYNEST: u64 = 1_500_000_104;
const CUSTOM: u64 = 1_500_000_106;
const PEOPLE_ONLY: u64 = 1_500_000_108;
const BOOK: u64 = 1_500_000_201;

fn truth_of(simulator: &Simulator, adam_id: u64, serial: &str) -> AssignmentTruth {
    let fits = |row: &AssignmentTruth| row.adam_id.0 == adam_id && row.serial_number.as_deref() == Some(serial);
    simulator.truth().into_iter().find(fits).unwrap()
}

async fn store(simulator: &Simulator, adam_id: u64, serial: &str) -> Answer {
    let url = format!("{}/_sim/store/{adam_id}?serialNumber={serial}", simulator.control_url());
    client::plain("GET", &url, None).await
}

#[tokio::test]
async fn a_license_is_given_later_and_seen_by_the_store_later_still() {
    let (simulator, mdm) = stopped_service().await;
    let begun = mdm.associate(FIELDBOOK, &["C02XK1AAAA", "c02xk1bbbb"]).await;
    let event = begun["eventId"].as_str().unwrap().to_owned();
    let status = mdm.get(&format!("status?eventId={event}")).await;
    assert_eq!((&status["eventStatus"], &status["eventType"]), (&json!("PENDING"), &json!("ASSOCIATE")));
    assert_eq!((&status["numRequested"], &status["numCompleted"]), (&json!(2), &json!(0)));
    assert_eq!(mdm.get("assignments").await["assignments"], json!([]));

    simulator.clock().advance(Duration::from_secs(1));
    ended(&simulator, &event).await;
    let status = mdm.get(&format!("status?eventId={event}")).await;
    assert_eq!((&status["eventStatus"], &status["numCompleted"]), (&json!("COMPLETE"), &json!(2)));
    let found = mdm.get(&format!("assignments?adamId={FIELDBOOK}&serialNumber=C02XK1BBBB")).await;
    let expected = json!([{ "adamId": FIELDBOOK.to_string(), "pricingParam": "STDQ", "serialNumber": "C02XK1BBBB" }]);
    assert_eq!(found["assignments"], expected);
    let asset = &mdm.get(&format!("assets?adamId={FIELDBOOK}")).await["assets"][0];
    assert_eq!(
        (&asset["totalCount"], &asset["assignedCount"], &asset["availableCount"]),
        (&json!(60), &json!(2), &json!(58))
    );

    assert_eq!(store(&simulator, FIELDBOOK, "C02XK1AAAA").await.json()["licensed"], false);
    simulator.clock().advance(Duration::from_millis(500));
    let app = store(&simulator, FIELDBOOK, "C02XK1AAAA").await.json();
    assert_eq!((&app["licensed"], &app["bundleId"]), (&json!(true), &json!("com.example.fieldbook")));
    assert_eq!(store(&simulator, 42, "C02XK1AAAA").await.status, 404);

    let back = mdm.post("assets/disassociate", job(FIELDBOOK, &["C02XK1AAAA"])).await;
    simulator.clock().advance(Duration::from_secs(1));
    ended(&simulator, back["eventId"].as_str().unwrap()).await;
    assert_eq!(store(&simulator, FIELDBOOK, "C02XK1AAAA").await.json()["licensed"], false);
    let truth = truth_of(&simulator, FIELDBOOK, "C02XK1AAAA");
    assert_eq!((truth.held, truth.times_given, truth.times_taken), (false, 1, 1));
    simulator.stop().await;
}

#[tokio::test]
async fn an_association_asked_for_twice_is_seen_as_a_duplicate() {
    let (simulator, mdm) = stopped_service().await;
    mdm.associate(KEYNEST, &["C02MAC0001"]).await;
    mdm.associate(KEYNEST, &["C02MAC0001", "C02MAC0002"]).await;
    simulator.clock().advance(Duration::from_secs(1));
    let last = mdm.associate(KEYNEST, &["C02MAC0002"]).await;
    simulator.clock().advance(Duration::from_secs(1));
    ended(&simulator, last["eventId"].as_str().unwrap()).await;
    let first = truth_of(&simulator, KEYNEST, "C02MAC0001");
    assert_eq!((first.associate_calls, first.repeated_associate_calls, first.times_given), (2, 1, 1));
    let second = truth_of(&simulator, KEYNEST, "C02MAC0002");
    assert_eq!((second.associate_calls, second.repeated_associate_calls, second.times_given), (2, 1, 1));
    let asset = &mdm.get(&format!("assets?adamId={KEYNEST}")).await["assets"][0];
    assert_eq!((&asset["assignedCount"], &asset["availableCount"]), (&json!(2), &json!(38)));
}

#[tokio::test]
async fn pages_are_cut_as_small_as_wanted_and_an_unknown_one_is_9650() {
    let (simulator, mdm) = stopped_service().await;
    simulator.change_settings(Settings { page_size: 3, throttle: false, ..Settings::default() });
    let (mut index, mut seen) = (Some(0), Vec::new());
    while let Some(page) = index {
        let page = mdm.get(&format!("assets?pageIndex={page}")).await;
        assert_eq!(page["totalPages"], 4);
        assert!(page["versionId"].is_string());
        seen.extend(page["assets"].as_array().unwrap().iter().map(|asset| asset["adamId"].clone()));
        index = page["nextPageIndex"].as_u64();
    }
    assert_eq!(seen.len(), demo_location().holdings.len());
    assert_eq!(mdm.error("GET", "assets?pageIndex=4", None).await, (400, 9650));
    let unlimited = mdm.get("assets?unlimited=true").await;
    assert_eq!(unlimited["unlimitedAssets"][0]["adamId"], "1500000107");
}

#[tokio::test]
async fn refusals_carry_apples_number_and_status() {
    let (simulator, mdm) = stopped_service().await;
    let one = "C02XK1AAAA";
    let many: Vec<String> = (0..1001).map(|number| format!("S{number:09}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (call, body, expected) in [
        ("assets/associate", json!({ "serialNumbers": [one] }), (400, 9718)),
        ("assets/associate", json!({ "assets": [{ "adamId": "1500000101" }] }), (400, 9719)),
        ("assets/associate", job(FIELDBOOK, &[one, one]), (400, 9705)),
        ("assets/associate", job(FIELDBOOK, &many), (400, 9702)),
        ("assets/associate", job(PEOPLE_ONLY, &[one]), (400, 9707)),
        ("assets/disassociate", job(BOOK, &[one]), (400, 9706)),
        ("assets/associate", json!("no object"), (400, 9602)),
    ] {
        assert_eq!(mdm.error("POST", call, Some(body.clone())).await, expected, "{call} {body}");
    }
    assert_eq!(mdm.error("GET", "assets/associate", None).await, (405, 9726));
    assert_eq!(mdm.error("GET", "status?eventId=none", None).await, (400, 9708));
    assert_eq!(mdm.error("GET", "assignments?sinceVersionId=x", None).await, (400, 9721));
    assert!(simulator.truth().is_empty(), "a refused request begins nothing");

    let location = simulator.locations().remove(0).u_id;
    let read_only = simulator.issue_token(&location, Duration::from_secs(60), true).unwrap();
    let looker = Mdm { token: read_only, ..Mdm::of(&simulator) };
    assert_eq!(looker.get("assets").await["uId"], location);
    assert_eq!(looker.error("POST", "assets/associate", Some(job(FIELDBOOK, &[one]))).await, (403, 9637));
    simulator.clock().advance(Duration::from_secs(61));
    assert_eq!(looker.error("GET", "assets", None).await, (401, 9621));
    let stranger = Mdm { token: "bm9ib2R5".to_owned(), ..Mdm::of(&simulator) };
    assert_eq!(stranger.error("GET", "assets", None).await, (401, 9622));
    client::plain("DELETE", &format!("{}/_sim/locations/{location}/tokens", simulator.control_url()), None).await;
    assert_eq!(mdm.error("GET", "assets", None).await, (401, 9625));
    assert_eq!(simulator.vpptoken(None), None);
    assert_eq!(mdm.ask("GET", "service/config", None).await.unwrap().status, 200);
}

#[tokio::test]
async fn too_many_requests_in_a_second_are_9646() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let mdm = Mdm::of(&simulator);
    let mut numbers = Vec::new();
    for _ in 0..40 {
        numbers.push(mdm.error("GET", "assets", None).await);
    }
    assert!(numbers.contains(&(429, 9646)), "{numbers:?}");
    assert_eq!(numbers[0].0, 200);
}

#[tokio::test]
async fn the_last_licenses_go_to_some_and_the_event_fails_for_the_rest() {
    let (simulator, mdm) = stopped_service().await;
    let serials: Vec<String> = (0..33).map(|number| format!("DEPOT{number:05}")).collect();
    let serials: Vec<&str> = serials.iter().map(String::as_str).collect();
    let begun = mdm.associate(CUSTOM, &serials).await;
    let event = begun["eventId"].as_str().unwrap();
    simulator.clock().advance(Duration::from_secs(1));
    ended(&simulator, event).await;
    let status = mdm.get(&format!("status?eventId={event}")).await;
    assert_eq!((&status["eventStatus"], &status["numCompleted"]), (&json!("FAILED"), &json!(30)));
    assert_eq!(status["failures"][0]["errorNumber"], 9709);
    assert_eq!(status["failures"][0]["errorInfo"]["serialNumbers"].as_array().unwrap().len(), 3);
    let asset = AssetRef { adam_id: AdamId(CUSTOM), pricing_param: PricingParam::Standard };
    assert!(simulator.purchase("Example GmbH – Berlin", &asset, 3));
    let asset = &mdm.get(&format!("assets?adamId={CUSTOM}")).await["assets"][0];
    assert_eq!((&asset["totalCount"], &asset["availableCount"]), (&json!(33), &json!(3)));
}

#[tokio::test]
async fn faults_strike_as_ordered() {
    let (simulator, mdm) = stopped_service().await;
    let fault = |kind, path: &str| Fault { kind, times: 1, path: Some(path.to_owned()), location: None };
    simulator.order(fault(FaultKind::Error { error_number: 9729, retry_after: Some("7".into()) }, "assets"));
    let refused = mdm.ask("GET", "assets", None).await.unwrap();
    assert_eq!((refused.status, &refused.headers["retry-after"]), (503, &http::HeaderValue::from_static("7")));
    assert_eq!(mdm.ask("GET", "assets", None).await.unwrap().status, 200);

    simulator.order(fault(FaultKind::CutAfter, "assets/associate"));
    assert!(mdm.ask("POST", "assets/associate", Some(job(FIELDBOOK, &["C02LOST001"]))).await.is_err());
    assert_eq!(truth_of(&simulator, FIELDBOOK, "C02LOST001").associate_calls, 1);
    simulator.clock().advance(Duration::from_secs(1));
    let journal = simulator.journal();
    let event = journal.wait_for(SOON, |entries| {
        entries.iter().any(|entry| matches!(entry.what.what, What::EventEnded { .. })).then_some(())
    });
    event.await.unwrap();
    assert!(truth_of(&simulator, FIELDBOOK, "C02LOST001").held, "what was asked for happened");

    simulator.order(fault(FaultKind::EventNeverEnds, "assets/associate"));
    mdm.associate(FIELDBOOK, &["C02LOST002"]).await;
    simulator.clock().advance(Duration::from_secs(3600));
    simulator.order(fault(FaultKind::Html { status: 502 }, "assignments"));
    assert_eq!(mdm.ask("GET", "assignments", None).await.unwrap().status, 502);
    assert!(!truth_of(&simulator, FIELDBOOK, "C02LOST002").held);
    let version = mdm.get("assets").await["versionId"].clone();
    simulator.order(fault(FaultKind::VersionChanges, "assets"));
    assert_ne!(mdm.get("assets").await["versionId"], version);
}

#[tokio::test]
async fn metadata_names_products_in_both_shapes_and_hides_custom_apps_from_strangers() {
    let (simulator, mdm) = stopped_service().await;
    let config = mdm.get("service/config").await;
    let lookup = config["urls"]["contentMetadataLookup"].as_str().unwrap().to_owned();
    assert_eq!(lookup, simulator.lookup_url());
    assert_eq!(config["limits"]["maxSerialNumbers"], 1000);
    let ask = |id: u64, cookie: Option<&str>| {
        let mut request = http::Request::get(format!(
            "{lookup}?version=2&id={id}&p=mdm-lockup&caller=MDM&platform=enterprisestore&cc=de&l=en"
        ));
        if let Some(cookie) = cookie {
            request = request.header("cookie", format!("itvt={cookie}"));
        }
        mdm.client.request(request.body(Full::new(Bytes::new())).unwrap())
    };
    let of = async |id: u64, cookie: Option<&str>| {
        let answer = Answer::of(ask(id, cookie).await.unwrap()).await.json();
        answer["results"][id.to_string()].clone()
    };
    let fieldbook = of(FIELDBOOK, None).await;
    assert_eq!((&fieldbook["name"], &fieldbook["bundleId"]), (&json!("Fieldbook"), &json!("com.example.fieldbook")));
    assert_eq!(fieldbook["deviceFamilies"], json!(["iphone", "ipad"]));
    assert_eq!(fieldbook["offers"][0]["version"], json!({ "display": "4.2.1", "externalId": 871_200_410 }));
    assert!(fieldbook["artwork"]["url"].as_str().unwrap().contains("{w}x{h}"));
    let keynest = of(KEYNEST, None).await;
    assert_eq!((&keynest["kind"], keynest["artwork"].is_array()), (&json!("macSoftware"), true));
    assert_eq!(of(CUSTOM, None).await, Value::Null);
    assert_eq!(of(CUSTOM, Some(&mdm.token)).await["isB2BCustomApp"], true);

    let url = format!("{}/_sim/products/{FIELDBOOK}/version", simulator.control_url());
    client::plain("POST", &url, Some(json!({ "version": "4.3" }))).await;
    assert_eq!(of(FIELDBOOK, None).await["offers"][0]["version"]["externalId"], 871_200_411);
}
