//! What answers teach.

use super::desk::{Desk, bundle, desks, install, license_not_found, sender};
use crate::commands::{OutcomeState, Purpose, history_of};
use crate::directory::{devices, installed_profiles, lists, managed_apps};
use russet_protocol::command::Command;
use russet_protocol::plist::Dictionary;
use russet_protocol::result::{
    Answer, AppState, DeviceInformation, InstallApplicationAnswer, InstalledProfile, ManagedApplication,
    ManagedApplicationList, ProfileList, Report, SecurityInfo, SettingResult, SettingsAnswer, Status,
};

fn managed(id: &str, status: AppState) -> ManagedApplication {
    ManagedApplication {
        identifier: bundle(id),
        status,
        management_flags: Some(5),
        has_configuration: None,
        has_feedback: None,
        is_validated: None,
        external_version: Some(7),
        other: Dictionary::new(),
    }
}

async fn apps(desk: &Desk) -> Vec<(String, AppState)> {
    let mut view = desk.world.ctx.store.read().await.unwrap();
    let apps = managed_apps::of_device(&mut *view, desk.device).await.unwrap();
    apps.into_iter().map(|app| (app.bundle_id.to_string(), app.status)).collect()
}

/// Queues a command, delivers it and answers it.
async fn ask(desk: &Desk, command: &Command, answer: &Answer) -> OutcomeState {
    let uuid = desk.queue(command).await;
    assert_eq!(desk.idle().await.unwrap().uuid, uuid);
    desk.answer(&uuid, answer).await;
    desk.outcome(&uuid).await.unwrap().state
}

#[tokio::test]
async fn lists_of_apps_become_facts_and_absence_counts_only_for_what_was_asked() {
    for desk in desks().await {
        let list = |apps: Vec<ManagedApplication>| Answer::ManagedApplicationList(ManagedApplicationList { apps });
        let all = Command::ManagedApplicationList { identifiers: vec![] };
        let (a, b) = (managed("a", AppState::Managed), managed("b", AppState::Installing));
        assert_eq!(ask(&desk, &all, &list(vec![a.clone(), b])).await, OutcomeState::Done);
        assert_eq!(apps(&desk).await, [("a".into(), AppState::Managed), ("b".into(), AppState::Installing)]);

        let only_b = Command::ManagedApplicationList { identifiers: vec![bundle("b")] };
        ask(&desk, &only_b, &list(vec![])).await;
        assert_eq!(
            apps(&desk).await,
            [("a".into(), AppState::Managed)],
            "b was asked for and is gone; a was not asked"
        );
        ask(&desk, &all, &list(vec![])).await;
        assert!(apps(&desk).await.is_empty());
    }
}

#[tokio::test]
async fn an_installation_is_accepted_or_rejected_with_its_reason() {
    for desk in desks().await {
        let accepted = InstallApplicationAnswer {
            identifier: Some(bundle("a")),
            state: Some(AppState::Queued),
            ..Default::default()
        };
        assert_eq!(ask(&desk, &install(1), &Answer::InstallApplication(accepted)).await, OutcomeState::Done);
        assert_eq!(apps(&desk).await, [("a".into(), AppState::Queued)]);

        let rejected = InstallApplicationAnswer { rejection_reason: Some("NotSupported".into()), ..Default::default() };
        let purpose = desk.app();
        let uuid = desk.try_queue(&install(1), &purpose, None, None).await.unwrap();
        desk.idle().await.unwrap();
        let answer = Answer::InstallApplication(rejected);
        desk.say(&Report::failed(sender(), uuid, license_not_found(), &answer)).await;
        let again = desk.try_queue(&install(1), &purpose, None, None).await.unwrap();
        desk.idle().await.unwrap();
        desk.answer(&again, &answer).await;

        let mut view = desk.world.ctx.store.read().await.unwrap();
        let history = history_of(&mut *view, desk.device, &purpose).await.unwrap();
        assert_eq!(history.len(), 2);
        for outcome in &history {
            assert_eq!((outcome.state, outcome.rejection.as_deref()), (OutcomeState::Failed, Some("NotSupported")));
        }
        assert!(history[0].error_chain.is_empty());
        assert_eq!(history[1].error_chain, license_not_found());
        assert!(history_of(&mut *view, desk.device, &desk.app()).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn settings_count_as_done_only_when_each_item_is() {
    for desk in desks().await {
        let item = |status, error_chain| SettingResult { status, error_chain, identifier: None };
        let fine = vec![item(Status::Acknowledged, vec![])];
        let mixed = vec![item(Status::Acknowledged, vec![]), item(Status::Error, license_not_found())];
        let settings = Command::Settings { items: vec![] };
        let answer = |results| Answer::Settings(SettingsAnswer { results });
        assert_eq!(ask(&desk, &settings, &answer(fine)).await, OutcomeState::Done);
        assert_eq!(ask(&desk, &settings, &answer(mixed)).await, OutcomeState::Failed);
    }
}

#[tokio::test]
async fn inventory_reaches_the_directory() {
    for desk in desks().await {
        let mut information = DeviceInformation::default();
        information.set("DeviceName", "Anna's iPhone");
        information.set("IsSupervised", true);
        let queries = vec!["DeviceName".to_owned(), "IsSupervised".to_owned()];
        ask(&desk, &Command::DeviceInformation { queries }, &Answer::DeviceInformation(information)).await;
        let profile = InstalledProfile { identifier: "com.example.vpn".into(), uuid: "u".into(), ..Default::default() };
        let list = Answer::ProfileList(ProfileList { profiles: vec![profile] });
        ask(&desk, &Command::ProfileList { managed_only: false }, &list).await;
        let mut security = SecurityInfo::default();
        security.info.insert("PasscodePresent".into(), true.into());
        ask(&desk, &Command::SecurityInfo, &Answer::SecurityInfo(security)).await;

        let mut view = desk.world.ctx.store.read().await.unwrap();
        let device = devices::get(&mut *view, desk.device).await.unwrap();
        assert_eq!((device.name.as_deref(), device.supervised), (Some("Anna's iPhone"), Some(true)));
        assert_eq!(device.seen_at, Some(desk.world.ctx.now()));
        let profiles =
            lists::page::<installed_profiles::InstalledProfile>(&mut *view, desk.device, "", 10).await.unwrap();
        assert_eq!(profiles[0].identifier, "com.example.vpn");
        assert!(devices::security(&mut *view, desk.device).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn one_body_serves_many_devices_and_is_kept_sealed() {
    for desk in desks().await {
        let secret = b"a profile with a password".to_vec();
        for _ in 0..3 {
            desk.queue(&Command::InstallProfile { payload: secret.clone() }).await;
        }
        desk.try_queue(&Command::DeviceConfigured, &Purpose::Admin, None, None).await.unwrap();
        let mut view = desk.world.ctx.store.read().await.unwrap();
        let bodies = view.rows("SELECT sealed FROM command_body", &[]).await.unwrap();
        assert_eq!(bodies.len(), 2);
        let encoded = b"YSBwcm9maWxlIHdpdGg";
        for body in bodies {
            let sealed = body.bytes("sealed").unwrap();
            assert!(!sealed.windows(encoded.len()).any(|part| part == encoded));
        }
    }
}
