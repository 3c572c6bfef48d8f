//! Devices that are enrolled without a word over the wire, for tests of the rooms above.

use crate::context::Context;
use crate::directory::devices::{self, NewFacts};
use crate::directory::dirty::{self, Lane};
use crate::ids::{ChannelId, DeviceId, EnrollmentId, InvitationId};
use russet_protocol::{SerialNumber, Udid};

/// A device with this serial number and `ProductName`, enrolled. The UDID is `UDID-` and the serial number.
pub(crate) async fn enroll(ctx: &Context, serial: &str, product: &str) -> (DeviceId, ChannelId) {
    let (udid, serial) = (Udid::new(format!("UDID-{serial}")).unwrap(), SerialNumber::new(serial).unwrap());
    let facts = NewFacts {
        udid: Some(&udid),
        serial: Some(&serial),
        product_name: Some(product),
        os_version: Some("18.1"),
        ..NewFacts::default()
    };
    let mut tx = ctx.store.begin("test: enroll").await.unwrap();
    let now = ctx.now();
    let device = devices::upsert_from_authenticate(&mut *tx, &facts, DeviceId(ctx.uuid()), now).await.unwrap();
    let invitation = InvitationId(ctx.uuid()).text();
    let (enrollment, channel) = (EnrollmentId(ctx.uuid()).text(), ChannelId(ctx.uuid()));
    let hash: [u8; 32] = ctx.random_bytes();
    tx.run(
        "INSERT INTO invitation (id, code_hash, uses, used, sign_message, pkcs12, note, created_at, expires_at)
         VALUES ($1, $2, 1, 1, $3, $5, '', $4, $4)",
        &[(&invitation).into(), (&hash).into(), true.into(), now.millis().into(), false.into()],
    )
    .await
    .unwrap();
    tx.run(
        "INSERT INTO enrollment (id, invitation, profile_identifier, topic, state, device, udid, serial,
                                 awaiting_configuration, created_at, authenticated_at, live_at)
         VALUES ($1, $2, 'com.example.mdm', 'com.apple.mgmt.test', 'live', $3, $4, $5, $6, $7, $7, $7)",
        &[
            (&enrollment).into(),
            (&invitation).into(),
            (&device.text()).into(),
            udid.as_str().into(),
            serial.as_str().into(),
            false.into(),
            now.millis().into(),
        ],
    )
    .await
    .unwrap();
    tx.run(
        "INSERT INTO channel (id, enrollment, user_key, created_at, address, token_updates) VALUES ($1, $2, '', $3, $4, 1)",
        &[(&channel.text()).into(), (&enrollment).into(), now.millis().into(), udid.as_str().into()],
    )
    .await
    .unwrap();
    dirty::mark(&mut *tx, device, Lane::Interactive, "enrolled", now).await.unwrap();
    tx.commit().await.unwrap();
    (device, channel)
}

/// The device says that it leaves.
pub(crate) async fn leave(ctx: &Context, device: DeviceId) {
    let mut tx = ctx.store.begin("test: leave").await.unwrap();
    let live = super::records::live_of(&mut *tx, device).await.unwrap().unwrap();
    super::ending::end(&mut *tx, &live, "the device left", ctx.now()).await.unwrap();
    tx.commit().await.unwrap();
}

/// The device says that it leaves, while `meanwhile` happens: the enrollment is held from before that until it has ended.
pub(crate) async fn leave_during(ctx: &Context, device: DeviceId, meanwhile: impl Future<Output = ()>) {
    let mut tx = ctx.store.begin("test: leave").await.unwrap();
    let live = super::records::live_of(&mut *tx, device).await.unwrap().unwrap();
    meanwhile.await;
    super::ending::end(&mut *tx, &live, "the device left", ctx.now()).await.unwrap();
    tx.commit().await.unwrap();
}

/// An identity for a live channel's enrollment, as SCEP would have issued it: the certificate (DER) and its key.
pub(crate) async fn identity(
    ctx: &Context,
    channel: ChannelId,
) -> (Vec<u8>, openssl::pkey::PKey<openssl::pkey::Private>) {
    let authority = super::authority::open(ctx).await.unwrap();
    let key = openssl::pkey::PKey::from_rsa(openssl::rsa::Rsa::generate(2048).unwrap()).unwrap();
    let public = key.public_key_to_der().unwrap();
    let certificate = authority.issue_identity(&public, "test", ctx.random_bytes(), ctx.now()).unwrap();
    let fingerprint = ring::digest::digest(&ring::digest::SHA256, &certificate);
    let fingerprint: String = fingerprint.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut tx = ctx.store.begin("test: identity").await.unwrap();
    tx.run(
        "INSERT INTO identity (fingerprint, enrollment, certificate, public_key, origin, transaction_id, issued_at,
                               not_after)
         SELECT $1, enrollment, $2, $2, 'scep', 'test', $3, $4 FROM channel WHERE id = $5",
        &[
            (&fingerprint).into(),
            (&certificate).into(),
            ctx.now().millis().into(),
            i64::MAX.into(),
            (&channel.text()).into(),
        ],
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    (certificate, key)
}
