//! Scenarios of profiles: what is taken in, what is composed, what a device is known to have.

use super::compose::{self, ComposeError, Mapping, Rule};
use super::delivery::{self, Asked};
use super::*;
use crate::commands;
use crate::directory::installed_profiles;
use crate::ids::{ChannelId, DeviceId};
use crate::testing;
use russet_protocol::checkin::Sender;
use russet_protocol::guard::Limits;
use russet_protocol::profile::{AppLayerVpn, KerberosSso, Mdm, Payload, PayloadBody, Profile};
use russet_protocol::result::{Answer, InstalledProfile, Report};
use russet_protocol::{BundleId, Udid};
use std::time::Duration;

const VPN_UUID: &str = "C9E3B7A4-1F26-4D0B-B3E5-7A90D1C2F312";

fn vpn_body(vpn_uuid: &str) -> PayloadBody {
    let text = |text: &str| russet_protocol::plist::Value::String(text.to_owned());
    let ikev2 = [("RemoteAddress", "vpn.example.com"), ("RemoteIdentifier", "a&b"), ("LocalIdentifier", "device")];
    let mut ikev2: russet_protocol::plist::Dictionary =
        ikev2.map(|(key, value)| (key.to_owned(), text(value))).into_iter().collect();
    ikev2.insert("AuthenticationMethod".to_owned(), text("SharedSecret"));
    ikev2.insert("SharedSecret".to_owned(), text("not a secret"));
    let mut settings = russet_protocol::plist::Dictionary::new();
    settings.insert("UserDefinedName".to_owned(), text("VPN"));
    settings.insert("VPNType".to_owned(), text("IKEv2"));
    settings.insert("IKEv2".to_owned(), russet_protocol::plist::Value::Dictionary(ikev2));
    PayloadBody::AppLayerVpn(AppLayerVpn { vpn_uuid: vpn_uuid.to_owned(), settings })
}

fn sso_body(principal: Option<&str>) -> PayloadBody {
    PayloadBody::KerberosSso(KerberosSso {
        name: "Sign-on".to_owned(),
        realm: "EXAMPLE.COM".to_owned(),
        principal_name: principal.map(str::to_owned),
        certificate_uuid: None,
        url_prefixes: Some(vec!["https://old.example.com/".to_owned()]),
        apps: None,
    })
}

fn profile(identifier: &str, bodies: Vec<PayloadBody>) -> Profile {
    let mut profile = Profile::new(identifier, format!("{identifier}-UUID"));
    profile.display_name = Some("Smith & Sons".to_owned());
    for (number, body) in bodies.into_iter().enumerate() {
        profile.payloads.push(Payload::new(format!("{identifier}.{number}"), format!("{identifier}-{number}"), body));
    }
    profile
}

fn app(id: &str) -> BundleId {
    BundleId::new(id).unwrap()
}

/// Holds a composed profile against Apple's schema where `SCHEMA_CHECK` names the program that knows it.
fn hold_against_schema(composed: &compose::Composed, os: &str, version: &str) {
    let Some(program) = std::env::var_os("SCHEMA_CHECK") else {
        eprintln!("skipped: SCHEMA_CHECK names no program, so nothing was held against Apple's schema");
        return;
    };
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &composed.bytes).unwrap();
    let target = ["--os", os, "--version", version, "--channel", "device", "--supervised", "yes"];
    let outcome = std::process::Command::new(program).arg("profile").arg(file.path()).args(target).output().unwrap();
    let said = String::from_utf8_lossy(&outcome.stdout);
    assert!(outcome.status.success(), "{}: {said}{}", composed.identifier, String::from_utf8_lossy(&outcome.stderr));
}

#[tokio::test]
async fn a_profile_is_taken_in_replaced_and_deleted() {
    for world in testing::contexts().await {
        let ctx = &world.ctx;
        let file = profile("com.example.vpn", vec![vpn_body(VPN_UUID)]);
        let id = import(ctx, " VPN ", &file.encode()).await.unwrap();
        let kept = get(&mut *ctx.store.read().await.unwrap(), id).await.unwrap();
        assert_eq!((kept.name.as_str(), &kept.kind), ("VPN", &Kind::PerAppVpn { vpn_uuid: VPN_UUID.to_owned() }));
        let composed = compose::imported(ctx, &kept).unwrap();
        assert_eq!(Profile::decode(&composed.bytes, Limits::default()).unwrap(), file, "as it was imported");
        assert_eq!(composed.hash, kept.hash);
        hold_against_schema(&composed, "iOS", "18.1");

        let mut newer = file.clone();
        newer.display_name = Some("newer".to_owned());
        assert_eq!(import(ctx, "VPN", &newer.encode()).await.unwrap(), id, "the same identifier is the same profile");
        let kept = list(&mut *ctx.store.read().await.unwrap()).await.unwrap();
        assert!(kept.len() == 1 && kept[0].hash != composed.hash);

        let twin = profile("com.example.twin", vec![vpn_body(VPN_UUID)]).encode();
        assert!(matches!(import(ctx, "twin", &twin).await, Err(ProfilesError::VpnUuidTaken { .. })));
        let other = profile("com.example.vpn", vec![sso_body(Some("user"))]).encode();
        assert!(matches!(import(ctx, "other", &other).await, Err(ProfilesError::OtherKind { .. })));
        delete(ctx, id).await.unwrap();
        assert!(matches!(delete(ctx, id).await, Err(ProfilesError::NotFound)));
    }
}

#[tokio::test]
async fn what_could_do_harm_is_refused_with_its_reason() {
    let world = testing::sqlite().await;
    let mdm = PayloadBody::Mdm(Mdm {
        identity_uuid: "I".to_owned(),
        topic: "T".to_owned(),
        server_url: "https://mdm.example.com".to_owned(),
        check_in_url: None,
        sign_message: true,
        access_rights: Some(8191),
        check_out_when_removed: true,
        server_capabilities: Vec::new(),
        enrollment_mode: None,
        assigned_managed_apple_id: None,
    });
    let mut same_uuid = profile("com.example.twice", vec![vpn_body("A"), sso_body(Some("user"))]);
    same_uuid.payloads[1].uuid = same_uuid.payloads[0].uuid.to_ascii_lowercase();
    let mut brief = profile("com.example.brief", vec![vpn_body("A")]);
    brief.other.insert("DurationUntilRemoval".to_owned(), russet_protocol::plist::Value::Integer(60.into()));
    for (file, words) in [
        (b"<plist/>".to_vec(), "no configuration profile"),
        (vec![0x30, 0x03, 0x02, 0x01, 0x00], "is signed, but"),
        (vec![b' '; (1 << 20) + 1], "at most"),
        (profile("com.example.empty", Vec::new()).encode(), "no payloads"),
        (profile("com.example.mdm", vec![mdm]).encode(), "end or replace the enrollment"),
        (profile("Russet.apps.x", vec![vpn_body("A")]).encode(), "this server's own"),
        (profile("com.example.russet.enrollment", vec![vpn_body("A")]).encode(), "this server's own"),
        (same_uuid.encode(), "more than once"),
        (brief.encode(), "removes itself"),
        (profile("com.example.two", vec![vpn_body("A"), vpn_body("B")]).encode(), "more than one"),
        (profile("com.example.none", vec![vpn_body(" ")]).encode(), "no VPNUUID"),
        (profile("com.example.sso", vec![sso_body(None)]).encode(), "no PrincipalName"),
    ] {
        let refused = import(&world.ctx, "x", &file).await.unwrap_err().to_string();
        assert!(refused.contains(words), "{refused}");
    }
    assert!(list(&mut *world.ctx.store.read().await.unwrap()).await.unwrap().is_empty());
}

#[tokio::test]
async fn single_sign_on_serves_the_apps_and_urls_and_no_others() {
    let world = testing::sqlite().await;
    let ctx = &world.ctx;
    let file = profile("com.example.sso", vec![sso_body(Some("user"))]).encode();
    let id = import(ctx, "sso", &file).await.unwrap();
    let base = get(&mut *ctx.store.read().await.unwrap(), id).await.unwrap();
    let urls = ["https://b.example.com/".to_owned(), "https://a.example.com/".to_owned()];
    let composed = compose::single_sign_on(ctx, &base, &[app("z.app"), app("a.app"), app("z.app")], &urls).unwrap();
    let again = compose::single_sign_on(ctx, &base, &[app("a.app"), app("z.app")], &urls).unwrap();
    assert_eq!(composed, again, "the order of apps does not matter");
    assert_eq!(composed.identifier, compose::SINGLE_SIGN_ON);
    hold_against_schema(&composed, "iOS", "18.1");
    let built = Profile::decode(&composed.bytes, Limits::default()).unwrap();
    let PayloadBody::KerberosSso(sso) = &built.payloads[0].body else { panic!("{:?}", built.payloads[0]) };
    assert_eq!(sso.apps, Some(vec!["a.app".to_owned(), "z.app".to_owned()]));
    assert_eq!(sso.url_prefixes, Some(urls.to_vec()));

    let own = compose::single_sign_on(ctx, &base, &[app("a.app")], &[]).unwrap();
    let own = Profile::decode(&own.bytes, Limits::default()).unwrap();
    let PayloadBody::KerberosSso(sso) = &own.payloads[0].body else { panic!("{:?}", own.payloads[0]) };
    assert_eq!(sso.url_prefixes, Some(vec!["https://old.example.com/".to_owned()]));
    assert_eq!((&own.uuid, &own.payloads[0].uuid), (&built.uuid, &built.payloads[0].uuid), "replaced in place");
    assert!(matches!(compose::single_sign_on(ctx, &base, &[], &urls), Err(ComposeError::Nothing)));
    assert!(compose::single_sign_on(ctx, &base, &[app("a.app")], &["intranet".to_owned()]).is_err());
}

/// The device answers its oldest command, and gets the next.
async fn device_says(world: &testing::World, channel: ChannelId, device: DeviceId, report: &Report) {
    let mut tx = world.ctx.store.begin("test").await.unwrap();
    let raw = report.encode();
    commands::record_and_next(&mut *tx, &world.ctx, channel, device, report, &raw).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_device_has_what_it_confirmed_and_nothing_else() {
    for world in testing::contexts().await {
        let (ctx, device) = (&world.ctx, world.device("C03").await);
        let channel = ChannelId(ctx.uuid());
        let sender = || Sender::device(Udid::new("UDID-C03").unwrap());
        let rule = Rule { bundle_id: app("a"), roaming: false, cellular: true };
        let rules = compose::network_usage_rules(&[rule]).unwrap();
        let install = async || {
            let mut tx = ctx.store.begin("test").await.unwrap();
            let uuid = delivery::install(&mut *tx, ctx, device, channel, &rules, None).await.unwrap();
            tx.commit().await.unwrap();
            uuid
        };
        let state = async || {
            let states = delivery::states(&mut *ctx.store.read().await.unwrap(), device).await.unwrap();
            assert_eq!(states.len(), 1);
            states.into_iter().next().unwrap()
        };

        let first = install().await;
        assert_eq!(install().await, first, "the same is not asked twice");
        device_says(&world, channel, device, &Report::idle(sender())).await;
        let open = state().await;
        assert!(
            open.installed_hash.is_none() && matches!(open.asked, Some(Asked::Open { .. })),
            "delivered is not done"
        );

        for refused in 0..2 {
            let uuid = install().await;
            device_says(&world, channel, device, &Report::failed(sender(), uuid, Vec::new(), &Answer::none())).await;
            let Some(Asked::Failed { hash, tries, .. }) = state().await.asked else { panic!("it was refused") };
            assert_eq!((hash.as_ref(), tries), (Some(&rules.hash), refused));
        }

        let uuid = install().await;
        device_says(&world, channel, device, &Report::acknowledged(sender(), uuid, &Answer::none())).await;
        let done = state().await;
        assert_eq!((done.installed_hash.as_ref(), &done.asked), (Some(&rules.hash), &None));
        let mut tx = ctx.store.begin("test").await.unwrap();
        delivery::settle(&mut *tx, device).await.unwrap();
        let uuid = delivery::remove(&mut *tx, ctx, device, channel, &rules.identifier, None).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(state().await.installed_hash, done.installed_hash, "there until its removal is confirmed");
        device_says(&world, channel, device, &Report::acknowledged(sender(), uuid, &Answer::none())).await;
        assert_eq!(state().await.installed_hash, None);
    }
}

#[tokio::test]
async fn what_a_device_lists_counts_more_than_what_it_once_confirmed() {
    for world in testing::contexts().await {
        let (ctx, device) = (&world.ctx, world.device("C04").await);
        let channel = ChannelId(ctx.uuid());
        let sender = || Sender::device(Udid::new("UDID-C04").unwrap());
        let rules =
            compose::network_usage_rules(&[Rule { bundle_id: app("a"), roaming: false, cellular: true }]).unwrap();
        let says = async |uuid| {
            device_says(&world, channel, device, &Report::acknowledged(sender(), uuid, &Answer::none())).await;
        };
        let lists = async |names: &[&str]| {
            world.clock.advance(Duration::from_secs(60));
            let profile =
                |name: &&str| InstalledProfile { identifier: (*name).to_owned(), ..InstalledProfile::default() };
            let profiles: Vec<_> = names.iter().map(profile).collect();
            let mut tx = ctx.store.begin("test: list").await.unwrap();
            installed_profiles::record(&mut *tx, device, &profiles, ctx.now()).await.unwrap();
            let states = delivery::states(&mut *tx, device).await.unwrap();
            tx.commit().await.unwrap();
            states.into_iter().next().and_then(|state| state.installed_hash)
        };
        assert_eq!(lists(&[&rules.identifier]).await, None, "it is none of ours before we asked for it");
        world.clock.advance(Duration::from_secs(60));
        let mut tx = ctx.store.begin("test").await.unwrap();
        let uuid = delivery::install(&mut *tx, ctx, device, channel, &rules, None).await.unwrap();
        tx.commit().await.unwrap();
        says(uuid).await;
        assert_eq!(lists(&[&rules.identifier]).await.as_ref(), Some(&rules.hash));
        assert_eq!(lists(&["com.example.other"]).await, None, "the device lost it");

        let mut tx = ctx.store.begin("test").await.unwrap();
        let uuid = delivery::remove(&mut *tx, ctx, device, channel, &rules.identifier, None).await.unwrap();
        tx.commit().await.unwrap();
        says(uuid).await;
        let mut tx = ctx.store.begin("test").await.unwrap();
        delivery::settle(&mut *tx, device).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(lists(&[]).await, None);
        assert_eq!(lists(&[&rules.identifier]).await.as_deref(), Some(delivery::LISTED), "restored from a backup");
    }
}

#[tokio::test]
async fn what_a_device_confirms_while_somebody_looks_is_not_forgotten() {
    for world in testing::contexts().await.into_iter().filter(testing::World::is_concurrent) {
        let (ctx, device) = (&world.ctx, world.device("C03").await);
        let channel = ChannelId(ctx.uuid());
        let sender = || Sender::device(Udid::new("UDID-C03").unwrap());
        let rule = Rule { bundle_id: app("a"), roaming: false, cellular: true };
        let rules = compose::network_usage_rules(&[rule]).unwrap();
        let mut tx = ctx.store.begin("test").await.unwrap();
        let uuid = delivery::install(&mut *tx, ctx, device, channel, &rules, None).await.unwrap();
        tx.commit().await.unwrap();
        device_says(&world, channel, device, &Report::idle(sender())).await;

        let answer = Report::acknowledged(sender(), uuid, &Answer::none());
        let mut tx = ctx.store.begin("test: look").await.unwrap();
        // Between the look at the queue and the look at its history.
        let then = Some(Box::pin(device_says(&world, channel, device, &answer)) as _);
        let mut look = testing::Meanwhile { inner: &mut *tx, needle: "FROM command", count: 2, then };
        delivery::settle(&mut look, device).await.unwrap();
        assert!(look.then.is_none(), "the device has answered");
        drop(look);
        tx.commit().await.unwrap();
        let mut tx = ctx.store.begin("test: look again").await.unwrap();
        delivery::settle(&mut *tx, device).await.unwrap();
        let states = delivery::states(&mut *tx, device).await.unwrap();
        assert_eq!(states.first().and_then(|it| it.installed_hash.as_ref()), Some(&rules.hash));
    }
}

#[test]
fn rules_and_mappings_are_merged_into_one_payload() {
    let rule = |id, roaming, cellular| Rule { bundle_id: app(id), roaming, cellular };
    let rules =
        compose::network_usage_rules(&[rule("b", false, true), rule("a", false, true), rule("c", false, false)]);
    let rules = rules.unwrap();
    hold_against_schema(&rules, "iOS", "18.1");
    let built = Profile::decode(&rules.bytes, Limits::default()).unwrap();
    let PayloadBody::NetworkUsageRules(merged) = &built.payloads[0].body else { panic!("{:?}", built.payloads[0]) };
    assert_eq!(merged.len(), 2);
    assert_eq!(merged[1].apps, Some(vec!["a".to_owned(), "b".to_owned()]));
    assert!(matches!(compose::network_usage_rules(&[]), Err(ComposeError::Nothing)));

    let mapping = |id: &str| Mapping {
        bundle_id: app(id),
        vpn_uuid: VPN_UUID.to_owned(),
        signing_identifier: id.to_owned(),
        designated_requirement: "anchor apple generic".to_owned(),
    };
    let one = compose::app_mapping(&[mapping("b"), mapping("a")]).unwrap();
    assert_eq!(one, compose::app_mapping(&[mapping("a"), mapping("b"), mapping("a")]).unwrap());
    hold_against_schema(&one, "macOS", "15.0");
}
