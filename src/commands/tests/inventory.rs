//! What devices list of themselves reaches the directory as sets: what is gone goes, what stayed is not written again, and no
//! device can fill the tables.

use super::desk::{Desk, bundle, desks};
use crate::commands::OutcomeState;
use crate::directory::certificates::InstalledCertificate;
use crate::directory::installed_apps::{ITEMS, InstalledApp};
use crate::directory::installed_profiles::{self, InstalledProfile};
use crate::directory::lists::{self, Entry, LONGEST_TEXT};
use crate::directory::small_lists::{AvailableUpdate, DeviceUser, ProvisioningProfile, UpdateProgress};
use crate::directory::{devices, inventory};
use russet_protocol::command::Command;
use russet_protocol::plist::{Date, Value};
use russet_protocol::result::{
    self, Answer, DeviceInformation, InstalledApplicationList, InstalledPayload, ProfileList, SecurityInfo,
};
use std::time::{Duration, SystemTime};

async fn ask(desk: &Desk, command: &Command, answer: &Answer) {
    let uuid = desk.queue(command).await;
    desk.answer(&uuid, answer).await;
    assert_eq!(desk.outcome(&uuid).await.unwrap().state, OutcomeState::Done);
}

async fn kept<E: Entry>(desk: &Desk) -> Vec<E> {
    lists::page(&mut *desk.world.ctx.store.read().await.unwrap(), desk.device, "", 10_000).await.unwrap()
}

fn all_apps() -> Command {
    let items = ITEMS.map(str::to_owned).to_vec();
    Command::InstalledApplicationList { identifiers: Vec::new(), managed_only: false, items }
}

fn app(id: &str, version: &str) -> result::InstalledApp {
    result::InstalledApp {
        identifier: Some(bundle(id)),
        name: Some(format!("The app {id}")),
        version: Some(version.to_owned()),
        ..result::InstalledApp::default()
    }
}

fn apps(apps: Vec<result::InstalledApp>) -> Answer {
    Answer::InstalledApplicationList(InstalledApplicationList { apps })
}

#[tokio::test]
async fn apps_are_kept_as_the_set_that_the_device_named_last() {
    for desk in desks().await {
        let mut large = app("com.example.a", "1.0");
        large.other.insert("BundleSize".into(), 5_000_000_000_u64.into());
        large.other.insert("BetaApp".into(), true.into());
        ask(&desk, &all_apps(), &apps(vec![large, app("com.example.b", "1.0")])).await;
        let first: Vec<InstalledApp> = kept(&desk).await;
        assert_eq!(first.iter().map(|app| app.place.as_str()).collect::<Vec<_>>(), ["com.example.a", "com.example.b"]);
        assert_eq!((first[0].bundle_size, first[0].beta), (Some(5_000_000_000), Some(true)));

        ask(&desk, &all_apps(), &apps(vec![app("com.example.b", "1.1"), app("com.example.c", "3.0")])).await;
        let second: Vec<InstalledApp> = kept(&desk).await;
        let seen: Vec<_> = second.iter().map(|app| (app.place.as_str(), app.version.as_deref().unwrap())).collect();
        assert_eq!(seen, [("com.example.b", "1.1"), ("com.example.c", "3.0")]);
    }
}

#[tokio::test]
async fn a_list_of_some_says_nothing_of_the_others() {
    for desk in desks().await {
        ask(&desk, &all_apps(), &apps(vec![app("com.example.a", "1.0"), app("com.example.b", "1.0")])).await;
        let some =
            |identifiers, managed_only, items| Command::InstalledApplicationList { identifiers, managed_only, items };
        for question in [
            some(vec![bundle("com.example.a")], false, Vec::new()),
            some(Vec::new(), true, Vec::new()),
            some(Vec::new(), false, vec!["Name".to_owned()]),
        ] {
            ask(&desk, &question, &apps(vec![app("com.example.z", "9")])).await;
            assert_eq!(kept::<InstalledApp>(&desk).await.len(), 2, "{question:?}");
        }
        let certificate = result::InstalledCertificate { common_name: None, is_identity: None, certificate: vec![1] };
        let managed = Command::CertificateList { managed_only: true };
        ask(&desk, &managed, &Answer::CertificateList(vec![certificate])).await;
        assert!(kept::<InstalledCertificate>(&desk).await.is_empty());
    }
}

#[tokio::test]
async fn what_did_not_change_is_not_written_again() {
    for desk in desks().await {
        let three = || apps(vec![app("com.example.a", "1"), app("com.example.b", "1"), app("com.example.c", "1")]);
        ask(&desk, &all_apps(), &three()).await;
        let writes = changes(&desk).await;
        ask(&desk, &all_apps(), &three()).await;
        let after = changes(&desk).await;
        assert_eq!(writes, after, "rows of PostgreSQL carry the transaction that wrote them");
    }
}

/// On PostgreSQL, which transactions wrote the rows of the apps.
async fn changes(desk: &Desk) -> Option<Vec<String>> {
    if !desk.world.is_concurrent() {
        return None;
    }
    let mut view = desk.world.ctx.store.read().await.unwrap();
    let rows = view.rows("SELECT CAST(xmin AS TEXT) AS writer FROM installed_app ORDER BY place", &[]).await.unwrap();
    Some(rows.iter().map(|row| row.text("writer").unwrap()).collect())
}

#[tokio::test]
async fn apps_of_one_identifier_or_of_none_stand_side_by_side() {
    for desk in desks().await {
        let nameless = || result::InstalledApp { name: Some("Tool".into()), ..result::InstalledApp::default() };
        let at = |path: &str| {
            let mut app = app("com.example.a", "1");
            app.other.insert("Path".into(), path.into());
            app
        };
        let mac = || apps(vec![at("/Applications/A"), at("/Users/mia/A"), nameless(), nameless(), nameless()]);
        ask(&desk, &all_apps(), &mac()).await;
        let first: Vec<InstalledApp> = kept(&desk).await;
        assert_eq!(first.len(), 5, "{first:?}");
        ask(&desk, &all_apps(), &mac()).await;
        assert_eq!(kept::<InstalledApp>(&desk).await, first, "the same list gives the same rows");
    }
}

#[tokio::test]
async fn a_device_cannot_fill_the_tables() {
    for desk in desks().await {
        let many: Vec<_> = (0..InstalledApp::MOST + 7)
            .map(|number| {
                let mut app = app(&format!("com.example.app{number:05}"), "1");
                app.name = Some("n".repeat(3 * LONGEST_TEXT));
                app
            })
            .collect();
        ask(&desk, &all_apps(), &apps(many)).await;
        let found: Vec<InstalledApp> = kept(&desk).await;
        assert_eq!(found.len(), InstalledApp::MOST);
        assert!(found.iter().all(|app| app.name.as_deref().is_some_and(|name| name.len() == LONGEST_TEXT)));
        let mut view = desk.world.ctx.store.read().await.unwrap();
        let last = lists::last_listed::<InstalledApp>(&mut *view, desk.device).await.unwrap().unwrap();
        assert_eq!((last.left_out, last.at), (7, desk.world.ctx.now()), "what was cut is said");
    }
}

#[tokio::test]
async fn certificates_are_read_as_far_as_they_can_be() {
    for desk in desks().await {
        let authority = crate::enrollment::authority::open(&desk.world.ctx).await.unwrap();
        let found = |name: &str, certificate: &[u8]| result::InstalledCertificate {
            common_name: Some(name.to_owned()),
            is_identity: Some(false),
            certificate: certificate.to_vec(),
        };
        let list = vec![found("Root", authority.certificate_der()), found("odd \0 one", b"no certificate")];
        ask(&desk, &Command::CertificateList { managed_only: false }, &Answer::CertificateList(list)).await;
        let mut kept: Vec<InstalledCertificate> = kept(&desk).await;
        kept.sort_by_key(|certificate| certificate.not_after);
        let [odd, root] = kept.as_slice() else { panic!("{kept:?}") };
        assert_eq!((odd.common_name.as_deref(), odd.not_after), (Some("odd  one"), None));
        assert_eq!((root.common_name.as_deref(), root.is_authority), (Some("Root"), Some(true)));
        assert!(root.not_after > Some(desk.world.ctx.now()) && root.fingerprint.len() == 64);
    }
}

#[tokio::test]
async fn profiles_users_provisioning_profiles_and_updates_are_kept() {
    for desk in desks().await {
        let date = Date::from(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        let mdm = InstalledPayload { payload_type: "com.apple.mdm".into(), identifier: "m".into(), uuid: "u".into() };
        let profile = result::InstalledProfile {
            identifier: "com.example.mdm".into(),
            uuid: "u".into(),
            payloads: vec![mdm, InstalledPayload::default()],
            ..result::InstalledProfile::default()
        };
        let list = Answer::ProfileList(ProfileList { profiles: vec![profile] });
        ask(&desk, &Command::ProfileList { managed_only: false }, &list).await;
        let profiles: Vec<InstalledProfile> = kept(&desk).await;
        assert_eq!((profiles[0].payloads, profiles[0].has_mdm), (2, true));
        let mut view = desk.world.ctx.store.read().await.unwrap();
        assert_eq!(installed_profiles::with_mdm(&mut *view, desk.device).await.unwrap(), ["com.example.mdm"]);
        drop(view);

        let user = result::DeviceUser { name: "mia".into(), has_secure_token: Some(true), ..Default::default() };
        ask(&desk, &Command::UserList, &Answer::UserList(vec![user])).await;
        assert_eq!(kept::<DeviceUser>(&desk).await[0].has_secure_token, Some(true));

        let provisioning =
            result::ProvisioningProfile { name: Some("In-house".into()), uuid: "P1".into(), expires: Some(date) };
        let question = Command::ProvisioningProfileList { managed_only: false };
        ask(&desk, &question, &Answer::ProvisioningProfileList(vec![provisioning])).await;
        let provisioning: Vec<ProvisioningProfile> = kept(&desk).await;
        assert_eq!(provisioning[0].expires_at.unwrap().millis(), 1_800_000_000_000);

        let update = result::OsUpdate { product_key: "K".into(), version: Some("26.1".into()), ..Default::default() };
        ask(&desk, &Command::AvailableOsUpdates, &Answer::AvailableOsUpdates(vec![update])).await;
        assert_eq!(kept::<AvailableUpdate>(&desk).await[0].version.as_deref(), Some("26.1"));
        let progress = |share| result::OsUpdateProgress {
            product_key: "K".into(),
            downloaded: Some(share),
            ..result::OsUpdateProgress::default()
        };
        for (share, percent) in [(0.0, Some(0)), (0.57, Some(57)), (1.0, Some(100)), (-1.0, None), (f64::NAN, None)] {
            ask(&desk, &Command::OsUpdateStatus, &Answer::OsUpdateStatus(vec![progress(share)])).await;
            assert_eq!(kept::<UpdateProgress>(&desk).await[0].percent, percent, "{share}");
        }
    }
}

#[tokio::test]
async fn facts_security_and_sims_are_known_from_the_last_answers() {
    for desk in desks().await {
        let mut information = DeviceInformation::default();
        information.set("IsMultiUser", true);
        information.set("BatteryLevel", 0.5);
        let sim = [("ICCID", "8949"), ("PhoneNumber", "4930123456")];
        let sim = sim.into_iter().map(|(key, text)| (key.to_owned(), Value::from(text))).collect();
        information.set("ServiceSubscriptions", vec![Value::Dictionary(sim), "odd".into()]);
        let question = |query: &str| Command::DeviceInformation { queries: vec![query.to_owned()] };
        ask(&desk, &question("ServiceSubscriptions"), &Answer::DeviceInformation(information)).await;
        let mut later = DeviceInformation::default();
        later.set("BatteryLevel", 0.25);
        ask(&desk, &question("BatteryLevel"), &Answer::DeviceInformation(later)).await;
        let mut security = SecurityInfo::default();
        security.set_management_status(result::ManagementStatus {
            enrolled_via_dep: Some(true),
            ..result::ManagementStatus::default()
        });
        ask(&desk, &Command::SecurityInfo, &Answer::SecurityInfo(security)).await;

        let mut view = desk.world.ctx.store.read().await.unwrap();
        let device = devices::get(&mut *view, desk.device).await.unwrap();
        assert_eq!((device.shared_ipad, device.automated), (Some(true), Some(true)));
        let stored = devices::information(&mut *view, desk.device).await.unwrap().unwrap();
        let information = DeviceInformation { responses: inventory::read(&stored).unwrap() };
        assert_eq!(inventory::facts(&information.responses)["battery_level"], 0.25);
        let sims = information.subscriptions().unwrap();
        assert_eq!((sims.len(), sims[0].phone_number.as_deref()), (1, Some("4930123456")));
        let (security, at) = devices::security(&mut *view, desk.device).await.unwrap().unwrap();
        let words = inventory::security_in_words(&inventory::read(&security).unwrap());
        assert_eq!(
            (words.as_slice(), at),
            (["It came by Automated Device Enrollment.".to_owned()].as_slice(), desk.world.ctx.now())
        );
    }
}
