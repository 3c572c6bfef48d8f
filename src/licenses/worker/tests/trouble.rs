//! What happens when something goes wrong between us and Apple: no license is lost, and none is asked for twice.

use super::*;
use crate::licenses::LicenseError;
use crate::licenses::accounts::AccountState;
use russet_apps_and_books::{Claim, Client, MdmInfo, Roots, ServerToken};
use russet_simulator::apps_and_books::{Fault, FaultKind};

fn order(stage: &Stage, kind: FaultKind, path: &str) {
    stage.simulator.order(Fault { kind, times: 1, path: Some(path.to_owned()), location: None });
}

#[tokio::test]
async fn a_cut_connection_leads_to_reading_not_to_a_second_license() {
    for kind in [FaultKind::CutAfter, FaultKind::CutBefore, FaultKind::Html { status: 502 }] {
        for mut stage in stages(quick()).await {
            order(&stage, kind.clone(), "assets/associate");
            stage.need(APP, "C02A").await;
            stage.until("the license is there", async |stage| stage.is_assigned(APP, "C02A").await).await;
            assert_eq!(stage.asked(APP, "C02A"), (1, 0), "{kind:?}");
        }
    }
}

#[tokio::test]
async fn a_crash_while_a_call_is_under_way_leads_to_reading_too() {
    for apple_has_it in [false, true] {
        for mut stage in stages(quick()).await {
            if apple_has_it {
                order(&stage, FaultKind::Delay { milliseconds: 600_000 }, "assets/associate");
            }
            stage.need(APP, "C02A").await;
            stage.world.clock.advance(Duration::from_secs(2));
            // The process ends in the middle of the turn: the call is stored, its answer is not.
            let ctx = stage.ctx.clone();
            tokio::select! {
                () = async { turn::turn(&ctx, stage.account, &mut stage.kept).await; } => panic!("it was too quick"),
                () = stored(&ctx), if !apple_has_it => {}
                () = arrived(&stage.simulator) => {}
            }
            stage.restart();
            stage.until("the license is there", async |stage| stage.is_assigned(APP, "C02A").await).await;
            assert_eq!(stage.asked(APP, "C02A"), (1, 0));
        }
    }
}

/// Until a call is stored.
async fn stored(ctx: &Context) {
    loop {
        let mut view = ctx.store.read().await.unwrap();
        if view.optional("SELECT id FROM license_batch", &[]).await.unwrap().is_some() {
            return;
        }
        drop(view);
        tokio::task::yield_now().await;
    }
}

/// Until Apple knows of it.
async fn arrived(simulator: &Simulator) {
    while simulator.truth().is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_event_that_fails_in_part_leaves_what_stands() {
    for mut stage in stages(quick()).await {
        order(&stage, FaultKind::EventFails { error_number: 9709, items: 1 }, "assets/associate");
        for serial in ["C02A", "C02B", "C02C"] {
            stage.need(APP, serial).await;
        }
        stage.until("two have theirs", async |stage| stage.is_assigned(APP, "C02B").await).await;
        assert!(stage.is_assigned(APP, "C02A").await);
        assert!(matches!(stage.state(APP, "C02C").await, Some(State::WaitingForLicense { .. })));
        stage.world.clock.advance(Duration::from_secs(600));
        stage.until("the third has its own", async |stage| stage.is_assigned(APP, "C02C").await).await;
        assert_eq!((stage.asked(APP, "C02A"), stage.asked(APP, "C02C")), ((1, 0), (2, 0)));
    }
}

#[tokio::test]
async fn what_apple_will_not_do_is_said_in_apples_words_and_holds_nothing_up() {
    let for_people_only = AdamId(1_500_000_108);
    for mut stage in stages(quick()).await {
        stage.need(for_people_only, "C02A").await;
        stage.need(APP, "C02A").await;
        stage.until("the other app is there", async |stage| stage.is_assigned(APP, "C02A").await).await;
        let Some(State::Failed { releasing: false, number: 9707, text, retry_at }) =
            stage.state(for_people_only, "C02A").await
        else {
            panic!("it should have failed");
        };
        assert!(text.contains("devices") && retry_at > stage.ctx.now(), "{text}");
    }
}

#[tokio::test]
async fn apple_is_left_alone_as_long_as_it_asks() {
    for mut stage in stages(quick()).await {
        let busy = FaultKind::Error { error_number: 9729, retry_after: Some("90".to_owned()) };
        order(&stage, busy, "assets/associate");
        stage.need(APP, "C02A").await;
        stage.world.clock.advance(Duration::from_secs(2));
        stage.turn().await;
        assert_eq!(stage.account().await.state, AccountState::Trouble);
        let requests = stage.simulator.journal().since(0).len();
        stage.world.clock.advance(Duration::from_secs(89));
        stage.turn().await;
        assert_eq!(stage.simulator.journal().since(0).len(), requests, "not a single request");
        stage.until("the license is there", async |stage| stage.is_assigned(APP, "C02A").await).await;
        assert_eq!((stage.asked(APP, "C02A"), stage.account().await.state), ((1, 0), AccountState::Ready));
    }
}

#[tokio::test]
async fn a_revoked_token_stops_its_account_until_an_admin_acts() {
    for mut stage in stages(quick()).await {
        order(&stage, FaultKind::Error { error_number: 9625, retry_after: None }, "assets/associate");
        stage.need(APP, "C02A").await;
        stage.until("it is stopped", async |stage| stage.account().await.state == AccountState::Stopped).await;
        let text = stage.account().await.state_text;
        assert!(text.contains("revoked") && text.contains("9625"), "{text}");
        stage.world.clock.advance(Duration::from_secs(86_400));
        stage.turn().await;
        assert_eq!(stage.account().await.state, AccountState::Stopped);
        accounts::sync(&stage.ctx, stage.account, false).await.unwrap();
        stage.until("the license is there", async |stage| stage.is_assigned(APP, "C02A").await).await;
    }
}

#[tokio::test]
async fn the_next_server_token_takes_the_place_of_the_old_one() {
    for mut stage in stages(quick()).await {
        order(&stage, FaultKind::Error { error_number: 9622, retry_after: None }, "client/config");
        accounts::sync(&stage.ctx, stage.account, false).await.unwrap();
        stage.until("it is stopped", async |stage| stage.account().await.state == AccountState::Stopped).await;
        let u_id = stage.simulator.locations()[0].u_id.clone();
        let next = stage.simulator.issue_token(&u_id, Duration::from_secs(86_400), false).unwrap();
        let renewed = accounts::renew_token(&stage.ctx, stage.account, &next).await.unwrap();
        assert_eq!(renewed.state, AccountState::Connecting);
        stage.need(APP, "C02A").await;
        stage.until("the license is there", async |stage| stage.is_assigned(APP, "C02A").await).await;
        assert_eq!(stage.account().await.state, AccountState::Ready);
        let again = accounts::renew_token(&stage.ctx, stage.account, &next).await;
        assert!(again.is_ok(), "the same token twice does no harm");
        assert!(matches!(accounts::renew_token(&stage.ctx, stage.account, "x").await, Err(LicenseError::Token(_))));
    }
}

#[tokio::test]
async fn a_location_that_another_mdm_takes_is_left_alone_until_it_is_taken_back() {
    for mut stage in stages(quick()).await {
        let roots = Roots::Given(stage.simulator.roots_pem().into_bytes());
        let settings = russet_apps_and_books::Settings::new(stage.simulator.base_url(), roots);
        let token = ServerToken::parse(&stage.simulator.vpptoken(None).unwrap()).unwrap();
        let rival = Client::new(settings, token).unwrap();
        let info = MdmInfo { id: "rival".into(), name: "Rival MDM".into(), metadata: "elsewhere".into() };
        rival.claim(&Claim { mdm_info: info, webhook: None }).await.unwrap();

        stage.need(APP, "C02A").await;
        stage.until("it is noticed", async |stage| stage.account().await.state == AccountState::Stopped).await;
        assert!(stage.account().await.state_text.contains("Rival MDM"));
        accounts::sync(&stage.ctx, stage.account, false).await.unwrap();
        stage.turn().await;
        assert_eq!(stage.account().await.state, AccountState::Stopped, "asking again is no leave to take over");
        accounts::sync(&stage.ctx, stage.account, true).await.unwrap();
        stage.until("it is ours again", async |stage| stage.is_assigned(APP, "C02A").await).await;
        assert_eq!(stage.simulator.locations()[0].mdm_info.as_ref().unwrap().id, stage.account.text());
        assert_eq!(stage.asked(APP, "C02A").1, 0);
    }
}

#[tokio::test]
async fn a_list_that_changes_while_it_is_read_loses_nobody() {
    for mut stage in stages(quick()).await {
        for number in 0..8 {
            stage.need(APP, &format!("C02{number:02}")).await;
        }
        stage.until("all are there", async |stage| stage.is_assigned(APP, "C0207").await).await;
        stage.world.clock.advance(Duration::from_secs(86_400));
        stage.simulator.order(Fault {
            kind: FaultKind::VersionChanges,
            times: 2,
            path: Some("assignments".to_owned()),
            location: None,
        });
        let due = stage.account().await.last_sync_at;
        stage.until("it was read again", async |stage| stage.account().await.last_sync_at != due).await;
        for number in 0..8 {
            assert!(stage.is_assigned(APP, &format!("C02{number:02}")).await);
        }
    }
}
