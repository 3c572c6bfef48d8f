//! What happens when all goes well.

use super::*;
use crate::apps::{self, AppsError, NewApp, Scope};
use crate::directory::dirty::{self, Lane};
use crate::licenses::accounts::AccountState;
use crate::licenses::{LicenseError, assets, notifications, store};
use russet_simulator::apps_and_books::AssetRef;

#[tokio::test]
async fn a_location_is_claimed_and_read_to_the_last_page() {
    for stage in stages(quick()).await {
        let account = stage.account().await;
        assert_eq!(account.location_name.as_deref(), Some("Example GmbH – Berlin"));
        assert_eq!((account.country_code.as_deref(), account.webhook.as_str()), (Some("DE"), "polling"));
        assert_eq!(account.last_sync_at, Some(testing::BEGIN));
        let managed_by = stage.simulator.locations()[0].mdm_info.clone().unwrap();
        assert_eq!(managed_by.id, stage.account.text());

        let mut view = stage.ctx.store.read().await.unwrap();
        let assets = assets::list(&mut *view, stage.account).await.unwrap();
        assert_eq!(assets.len(), 10, "four pages of three");
        let app = assets.iter().find(|asset| asset.adam_id == APP).unwrap();
        assert_eq!((app.total, app.assigned, app.available), (Some(30), 0, Some(30)));
        assert_eq!(app.metadata.name.as_deref(), Some("Depot Console"), "a custom app, which the cookie shows");
        assert_eq!(app.metadata.bundle_id.as_ref().map(russet_protocol::BundleId::as_str), Some("com.example.depot"));
        let free = assets.iter().find(|asset| asset.metadata.name.as_deref() == Some("Lumen Notes")).unwrap();
        assert_eq!((free.total, free.available), (None, None), "without limit");
    }
}

#[tokio::test]
async fn a_license_is_given_once_and_taken_back() {
    for mut stage in stages(quick()).await {
        let device = stage.world.device("C02A").await;
        stage.need(APP, "C02A").await;
        stage.need(APP, "c02a").await;
        let since = stage.ctx.now();
        assert_eq!(stage.state(APP, "C02A").await, Some(State::Associating { since }));
        stage.turn().await;
        assert_eq!(stage.calls("assets/associate"), 0, "wishes are collected for a moment");
        stage.until("the license is there", async |stage| stage.is_assigned(APP, "C02A").await).await;
        assert_eq!(stage.asked(APP, "C02A"), (1, 0));
        let mark = dirty::of_device(&mut *stage.ctx.store.read().await.unwrap(), device).await.unwrap();
        assert!(mark.is_some(), "the reconciler is to look at the device");
        stage.need(APP, "C02A").await;
        stage.world.clock.advance(Duration::from_secs(5));
        stage.turn().await;
        assert_eq!(stage.asked(APP, "C02A"), (1, 0), "what is so is not asked for");

        stage.release(APP, "C02A").await;
        assert!(matches!(stage.state(APP, "C02A").await, Some(State::Releasing { .. })));
        stage.until("the license is back", async |stage| stage.state(APP, "C02A").await.is_none()).await;
        assert!(!stage.is_held(APP, "C02A"));
    }
}

#[tokio::test]
async fn only_apps_that_the_location_owns_are_managed_and_an_account_goes_when_none_is() {
    for stage in stages(quick()).await {
        let new = |adam| NewApp {
            account: stage.account,
            adam: AdamId(adam),
            pricing: PricingParam::Standard,
            scope: Scope::Everyone,
        };
        assert!(matches!(apps::add(&stage.ctx, new(99)).await, Err(AppsError::NotOwned { .. })));
        assert!(matches!(apps::add(&stage.ctx, new(1_500_000_201)).await, Err(AppsError::Book)));
        let app = apps::add(&stage.ctx, new(APP.0)).await.unwrap().id;
        let refused = apps::remove_account(&stage.ctx, stage.account).await.unwrap_err().to_string();
        assert!(refused.contains("Depot Console"), "{refused}");
        apps::remove(&stage.ctx, app).await.unwrap();
        apps::remove_account(&stage.ctx, stage.account).await.unwrap();
        let mut view = stage.ctx.store.read().await.unwrap();
        assert!(accounts::list(&mut *view).await.unwrap().is_empty());
        assert!(assets::list(&mut *view, stage.account).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_wish_that_is_taken_back_in_time_never_leaves_the_house() {
    for mut stage in stages(quick()).await {
        stage.need(APP, "C02A").await;
        stage.release(APP, "C02A").await;
        assert_eq!(stage.state(APP, "C02A").await, None);
        stage.world.clock.advance(Duration::from_secs(5));
        stage.turn().await;
        assert_eq!(stage.calls("assets/associate") + stage.calls("assets/disassociate"), 0);
    }
}

#[tokio::test]
async fn many_wishes_go_in_few_calls() {
    for mut stage in stages(quick()).await {
        for number in 0..12 {
            stage.need(APP, &format!("C02{number:02}")).await;
            stage.need(OTHER, &format!("C02{number:02}")).await;
        }
        stage.need(APP, "LONE").await;
        stage
            .until("all have their licenses", async |stage| {
                stage.is_assigned(APP, "LONE").await && stage.is_assigned(OTHER, "C0211").await
            })
            .await;
        assert_eq!(stage.calls("assets/associate"), 2, "one for those who need both, one for the other");
        assert!(stage.simulator.truth().iter().all(|it| it.held && it.repeated_associate_calls == 0));
        assert_eq!(stage.simulator.truth().len(), 25);
    }
}

#[tokio::test]
async fn who_finds_no_license_waits_and_goes_on_by_itself() {
    for mut stage in stages(quick()).await {
        for number in 0..30 {
            stage.need(APP, &format!("C02{number:02}")).await;
        }
        stage.world.clock.advance(Duration::from_millis(10));
        stage.need(APP, "LATE").await;
        let since = stage.ctx.now();
        stage.need(OTHER, "LATE").await;
        stage.until("the first have theirs", async |stage| stage.is_assigned(APP, "C0229").await).await;
        stage.until("the other app is not held up", async |stage| stage.is_assigned(OTHER, "LATE").await).await;
        assert_eq!(stage.state(APP, "LATE").await, Some(State::WaitingForLicense { since }));
        assert_eq!(stage.asked(APP, "LATE"), (0, 0));

        stage.release(APP, "C0207").await;
        stage.until("the late one has it", async |stage| stage.is_assigned(APP, "LATE").await).await;

        stage.need(APP, "LATER").await;
        let asset = AssetRef { adam_id: APP, pricing_param: PricingParam::Standard };
        assert!(stage.simulator.purchase("Example GmbH – Berlin", &asset, 5));
        accounts::sync(&stage.ctx, stage.account, false).await.unwrap();
        stage.until("more were bought", async |stage| stage.is_assigned(APP, "LATER").await).await;
    }
}

#[tokio::test]
async fn changed_defaults_mark_the_devices_of_the_account() {
    for mut stage in stages(quick()).await {
        let device = stage.world.device("C02A").await;
        let other = stage.world.device("ELSE").await;
        stage.need(APP, "C02A").await;
        stage.until("the license is there", async |stage| stage.is_assigned(APP, "C02A").await).await;
        clear_marks(&stage.ctx).await;

        let before = stage.account().await;
        let new = Defaults { prevent_backup: Some(true), ..Defaults::default() };
        let after = accounts::set_defaults(&stage.ctx, stage.account, new.clone(), Some(&before.etag)).await.unwrap();
        assert_eq!((&after.defaults, after.etag == before.etag), (&new, false));
        let again = accounts::set_defaults(&stage.ctx, stage.account, Defaults::default(), Some(&before.etag)).await;
        assert!(matches!(again, Err(LicenseError::Changed)));

        stage.turn().await;
        let mut view = stage.ctx.store.read().await.unwrap();
        assert!(dirty::of_device(&mut *view, device).await.unwrap().is_some());
        assert!(dirty::of_device(&mut *view, other).await.unwrap().is_none());
        let log = crate::events::list(&mut *view, None, 10).await.unwrap();
        assert!(log.iter().any(|entry| entry.subject.contains("\"prevent_backup\":true")), "{log:?}");
    }
}

async fn clear_marks(ctx: &Context) {
    let mut tx = ctx.store.begin("test: nobody has to look").await.unwrap();
    for mark in dirty::take(&mut *tx, "test", 100, ctx.now(), Duration::from_secs(60)).await.unwrap() {
        assert!(matches!(mark.lane, Lane::Interactive | Lane::Bulk));
        dirty::done(&mut *tx, &mark, None).await.unwrap();
    }
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_notification_is_taken_from_apple_only_once_and_ends_a_wait() {
    let settings = Settings { event_delay_millis: 3_600_000, ..quick() };
    for mut stage in stages(settings).await {
        stage.need(APP, "C02A").await;
        stage.world.clock.advance(Duration::from_secs(2));
        stage.turn().await;
        let polls = stage.calls("status");
        stage.turn().await;
        assert_eq!(stage.calls("status"), polls, "it is not time to look yet");

        let event = {
            let mut view = stage.ctx.store.read().await.unwrap();
            let row = view.one("SELECT event_id FROM license_batch", &[]).await.unwrap();
            row.text("event_id").unwrap()
        };
        let (path, secret) = webhook(&stage).await;
        let body = format!(
            r#"{{"notificationId":"n-1","notificationType":"ASSET_MANAGEMENT","uId":"2049025000431439",
                "notification":{{"type":"ASSOCIATE","result":"SUCCESS","eventId":"{event}","assignments":[]}}}}"#
        );
        let take = async |path: &str, bearer: Option<&str>, body: &str| {
            notifications::take(&stage.ctx, path, bearer, body.as_bytes()).await.unwrap()
        };
        assert_eq!(take("nobody", Some(&secret), &body).await, notifications::Taken::UnknownPath);
        assert_eq!(take(&path, Some("guess"), &body).await, notifications::Taken::WrongSecret);
        assert_eq!(take(&path, None, &body).await, notifications::Taken::WrongSecret);
        assert_eq!(take(&path, Some(&secret), "{").await, notifications::Taken::Malformed);
        assert_eq!(take(&path, Some(&secret), &body).await, notifications::Taken::Accepted);
        assert_eq!(take(&path, Some(&secret), &body).await, notifications::Taken::Accepted);
        stage.turn().await;
        assert_eq!(stage.calls("status"), polls + 1, "looked at once, for both");
        assert!(!stage.is_assigned(APP, "C02A").await, "a notification is a hint, not the truth");
    }
}

/// The path and the secret of the account's webhook.
async fn webhook(stage: &Stage) -> (String, String) {
    let work = store::work(&mut *stage.ctx.store.read().await.unwrap(), stage.account).await.unwrap().unwrap();
    let sealer = stage.ctx.store.sealer();
    let secret = sealer.open(store::ACCOUNT, store::WEBHOOK, &stage.account.text(), &work.webhook_secret).unwrap();
    (work.webhook_path, String::from_utf8(secret.to_vec()).unwrap())
}

#[tokio::test]
async fn a_token_or_a_name_cannot_be_used_twice() {
    for stage in stages(quick()).await {
        let token = stage.simulator.vpptoken(None).unwrap();
        let again = accounts::create(&stage.ctx, "Hamburg", &token, Defaults::default()).await;
        assert!(matches!(again, Err(LicenseError::TokenTaken(name)) if name == "Berlin"));
        let renewed = stage.simulator.issue_token("Example GmbH – Berlin", Duration::from_secs(86_400), false).unwrap();
        let named = accounts::create(&stage.ctx, "Berlin", &renewed, Defaults::default()).await;
        assert!(matches!(named, Err(LicenseError::NameTaken(_))));

        // Another token of the same location is found out by Apple's word.
        let twin = accounts::create(&stage.ctx, "Hamburg", &renewed, Defaults::default()).await.unwrap().id;
        turn::turn(&stage.ctx, twin, &mut Kept::default()).await;
        let twin = accounts::get(&mut *stage.ctx.store.read().await.unwrap(), twin).await.unwrap().unwrap();
        assert_eq!(twin.state, AccountState::Stopped, "{}", twin.state_text);
    }
}
