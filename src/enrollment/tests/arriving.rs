//! From an invitation to a live enrollment, and the ways in which an invitation does not hold.

use super::super::identity::{Refused, State};
use super::super::{
    EnrollmentError, authority, channels, checkin::Reply, conversation, identity::Presented, invitations,
};
use super::super::{profile, unenroll};
use super::device::{Phone, download, opened};
use super::{DAY, TOPIC, enrolled, invite, ready};
use crate::directory::{devices, dirty};
use crate::testing::{self, World};
use russet_protocol::checkin::{CheckIn, GetBootstrapToken, GetToken, SetBootstrapToken, UserAuthenticate};
use russet_protocol::command::Command;
use russet_protocol::plist::Dictionary;
use russet_protocol::profile::PayloadBody;
use russet_protocol::result::Status;
use std::process;
use std::time::Duration;

async fn used(world: &World) -> u32 {
    invitations::list(&mut *world.ctx.store.read().await.unwrap()).await.unwrap()[0].used
}

#[tokio::test]
async fn a_link_leads_to_a_live_enrollment() {
    for world in testing::contexts().await {
        let ctx = &world.ctx;
        let invitation = invite(&world, None, 1).await;
        assert_eq!(invitation.link, format!("{}/enroll/{}", ctx.config.device.public_url, invitation.code));
        let early = authority::open(ctx).await.unwrap();
        let refused = profile::for_invitation(ctx, &early, &invitation.code).await;
        assert!(matches!(refused, Err(EnrollmentError::NoPushCertificate)), "its topic stands in the profile");

        let authority = ready(&world).await;
        assert_eq!(authority.certificate_der(), early.certificate_der(), "there is one authority");
        // The person opens the link twice: the second download is as good, and neither counts.
        download(&world, &authority, &invitation.code).await;
        let phone = Phone::accept(&world, &authority, &invitation.code, "C01").await;
        assert_eq!(used(&world).await, 0);
        phone.arrive(&world).await;
        assert_eq!(used(&world).await, 1);
        let refused = profile::for_invitation(ctx, &authority, &invitation.code).await;
        assert!(matches!(refused, Err(EnrollmentError::InvitationNotValid)), "it was for one device");

        let mut tx = ctx.store.begin("test").await.unwrap();
        let device = devices::find(&mut *tx, "c01").await.unwrap().unwrap();
        let live = channels::live_of_device(&mut *tx, device.id).await.unwrap().unwrap();
        assert!(!live.leaving && !live.user_enrollment);
        assert_eq!(channels::live_of_devices(&mut *tx, &[device.id]).await.unwrap(), [live]);
        let marks = dirty::take(&mut *tx, "node", 10, ctx.now(), DAY).await.unwrap();
        assert_eq!(
            marks.iter().map(|mark| (mark.device, mark.lane)).collect::<Vec<_>>(),
            [(device.id, dirty::Lane::Interactive)]
        );
        drop(tx);

        let asked: Vec<String> = phone.drain(&world).await.iter().map(|one| one.request_type().to_owned()).collect();
        assert_eq!(asked, ["DeviceInformation", "SecurityInfo"]);
        assert_eq!(phone.says(&world, &phone.token_update()).await.unwrap(), Reply::Done, "tokens change at any time");
        assert!(phone.drain(&world).await.is_empty(), "asked once per enrollment");
    }
}

#[tokio::test]
async fn the_profile_is_signed_and_whole() {
    let world = testing::sqlite().await;
    let authority = ready(&world).await;
    let invitation = invite(&world, None, 5).await;
    let signed = profile::for_invitation(&world.ctx, &authority, &invitation.code).await.unwrap();
    let content = opened(&signed);
    schema_check(&world, &content);
    let profile = download(&world, &authority, &invitation.code).await;
    let kinds: Vec<&str> = profile.payloads.iter().map(russet_protocol::profile::Payload::payload_type).collect();
    assert_eq!(kinds, ["com.apple.security.root", "com.apple.security.scep", "com.apple.mdm"]);
    let uuids: std::collections::BTreeSet<&str> =
        profile.payloads.iter().map(|payload| payload.uuid.as_str()).chain([profile.uuid.as_str()]).collect();
    assert_eq!(uuids.len(), 4, "each payload has its own UUID");
    let PayloadBody::Mdm(mdm) = &profile.payloads[2].body else { panic!("no MDM payload") };
    assert_eq!((mdm.topic.as_str(), mdm.access_rights, mdm.sign_message), (TOPIC, Some(8191), true));
    assert_eq!(mdm.identity_uuid, profile.payloads[1].uuid);
    let url = &world.ctx.config.device.public_url;
    assert_eq!(mdm.server_url, format!("{url}/mdm"));
    assert_eq!(mdm.check_in_url, Some(format!("{url}/checkin")));
    assert!(mdm.check_out_when_removed);
}

fn schema_check(world: &World, profile: &[u8]) {
    let Some(program) = std::env::var_os("SCHEMA_CHECK") else {
        eprintln!("skipped: SCHEMA_CHECK names no program, so nothing was held against Apple's schema");
        return;
    };
    let file = world.folder().join("enrollment.mobileconfig");
    std::fs::write(&file, profile).unwrap();
    for (system, version) in [("iOS", "18.1"), ("macOS", "15.1")] {
        let checked =
            process::Command::new(&program).args(["profile", "--os", system, "--version", version]).arg(&file).output();
        let checked = checked.unwrap();
        assert!(checked.status.success(), "{system}: {}", String::from_utf8_lossy(&checked.stdout));
    }
}

#[tokio::test]
async fn an_invitation_that_does_not_hold_admits_nobody() {
    for world in testing::contexts().await {
        let authority = ready(&world).await;
        let not_valid = async |code: &str| {
            let result = profile::for_invitation(&world.ctx, &authority, code).await;
            matches!(result, Err(EnrollmentError::InvitationNotValid))
        };
        assert!(not_valid("no such code").await);
        let revoked = invite(&world, None, 1).await;
        let late = Phone::accept(&world, &authority, &revoked.code, "C00").await;
        invitations::revoke(&world.ctx, revoked.id).await.unwrap();
        assert!(not_valid(&revoked.code).await);
        let refused = late.says(&world, &late.authenticate()).await;
        assert!(matches!(refused, Err(EnrollmentError::Refused(Refused::Over))), "revoked after the download");

        // Two downloaded it, one may come.
        let one = invite(&world, None, 1).await;
        let first = Phone::accept(&world, &authority, &one.code, "C01").await;
        let second = Phone::accept(&world, &authority, &one.code, "C02").await;
        first.arrive(&world).await;
        assert!(second.says(&world, &second.authenticate()).await.is_err());
        assert!(second.idle(&world).await.is_err(), "it stays out");

        let named = invite(&world, Some("c03"), 1).await;
        let other = Phone::accept(&world, &authority, &named.code, "C04").await;
        assert!(other.says(&world, &other.authenticate()).await.is_err(), "meant for another serial number");
        Phone::accept(&world, &authority, &named.code, "C03").await.arrive(&world).await;

        let expired = invite(&world, None, 1).await;
        world.clock.advance(DAY + Duration::from_secs(1));
        assert!(not_valid(&expired.code).await);
    }
}

#[tokio::test]
async fn unenrolling_asks_the_device_to_remove_its_profile_and_ends_with_its_answer() {
    for world in testing::contexts().await {
        let (ctx, authority) = (&world.ctx, ready(&world).await);
        let phone = enrolled(&world, &authority, "C01").await;
        phone.drain(&world).await;
        let mut tx = ctx.store.begin("test").await.unwrap();
        let device = devices::find(&mut *tx, "C01").await.unwrap().unwrap().id;
        let uuid = unenroll(&mut *tx, ctx, device).await.unwrap();
        assert_eq!(unenroll(&mut *tx, ctx, device).await.unwrap(), uuid, "asked once");
        assert!(channels::live_of_device(&mut *tx, device).await.unwrap().unwrap().leaving);
        tx.commit().await.unwrap();
        assert_eq!(phone.answers(&world, &uuid, Status::NotNow).await.unwrap(), None);
        let commands = phone.idle(&world).await.unwrap().unwrap();
        assert_eq!(commands.uuid, uuid);
        assert!(phone.answers(&world, &uuid, Status::Acknowledged).await.unwrap().is_none());

        let mut tx = ctx.store.begin("test").await.unwrap();
        assert!(channels::live_of_device(&mut *tx, device).await.unwrap().is_none());
        let shown = channels::enrollments_of_device(&mut *tx, device).await.unwrap();
        assert_eq!(shown[0].state, State::Ended);
        assert!(matches!(unenroll(&mut *tx, ctx, device).await, Err(EnrollmentError::NotEnrolled)));
        drop(tx);
        assert_eq!(phone.check_out(&world).await.unwrap(), Reply::Done, "its goodbye may come afterwards");
        assert!(matches!(phone.idle(&world).await, Err(EnrollmentError::Refused(Refused::Over))));
        assert!(phone.answers(&world, &uuid, Status::Acknowledged).await.unwrap().is_none(), "or its answer once more");
    }
}

#[tokio::test]
async fn a_device_that_refuses_to_leave_can_be_asked_again() {
    let world = testing::sqlite().await;
    let authority = ready(&world).await;
    let phone = enrolled(&world, &authority, "C01").await;
    phone.drain(&world).await;
    let ask = async || {
        let mut tx = world.ctx.store.begin("test").await.unwrap();
        let device = devices::find(&mut *tx, "C01").await.unwrap().unwrap().id;
        let uuid = unenroll(&mut *tx, &world.ctx, device).await.unwrap();
        tx.commit().await.unwrap();
        uuid
    };
    let first = ask().await;
    let commands = phone.drain(&world).await;
    assert!(
        matches!(&commands[..], [Command::RemoveProfile { identifier }] if identifier.ends_with("russet.enrollment"))
    );
    assert_ne!(ask().await, first);
}

#[tokio::test]
async fn other_messages_have_clean_answers() {
    let world = testing::sqlite().await;
    let authority = ready(&world).await;
    let phone = enrolled(&world, &authority, "C01").await;
    let sender = || phone.sender();
    let user = UserAuthenticate { sender: sender(), ..UserAuthenticate::default() };
    assert_eq!(phone.says(&world, &CheckIn::UserAuthenticate(user)).await.unwrap(), Reply::UserNotManaged);
    let service = "com.apple.maid".to_owned();
    let token = GetToken { sender: sender(), service, parameters: None, other: Dictionary::new() };
    assert_eq!(phone.says(&world, &CheckIn::GetToken(token)).await.unwrap(), Reply::UnknownService);
    let ask = CheckIn::GetBootstrapToken(GetBootstrapToken { sender: sender(), ..GetBootstrapToken::default() });
    let give = |token: Option<Vec<u8>>| {
        let sender = sender();
        CheckIn::SetBootstrapToken(SetBootstrapToken { sender, bootstrap_token: token, ..SetBootstrapToken::default() })
    };
    let none = phone.says(&world, &ask).await.unwrap();
    assert_eq!(phone.says(&world, &give(Some(vec![5; 30]))).await.unwrap(), Reply::Done);
    assert_ne!(phone.says(&world, &ask).await.unwrap(), none);
    assert_eq!(phone.says(&world, &give(None)).await.unwrap(), Reply::Done);
    assert_eq!(phone.says(&world, &ask).await.unwrap(), none);
    let presented = Presented { peer: Some(&phone.certificate), signature: None };
    let garbage = conversation::check_in(&world.ctx, &authority, presented, b"no property list").await;
    assert!(matches!(garbage, Err(EnrollmentError::Unreadable(_))));
}
