//! Stories of devices that come, stay, come again and go, on both databases.

mod again;
mod arriving;
mod certificates;
mod choices;
pub(crate) mod device;
mod keeps;
mod orders;
mod outside;
mod owners;
mod plans;
mod renewal;
mod return_to_service;
pub(crate) mod scep_client;
mod signatures;
mod users;
mod visits;
mod written;

use super::invitations::{Created, NewInvitation};
use super::{authority, invitations};
use crate::push;
use crate::testing::{BEGIN, World};
use device::Phone;
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::x509::{X509Builder, X509NameBuilder};
use russet_pki::ca::Authority;
use russet_protocol::SerialNumber;
use std::sync::Arc;
use std::time::Duration;

pub(crate) const TOPIC: &str = "com.apple.mgmt.External.7d0cf5d6-31f6-4e0c-8ea9-3f9f0f4a2b11";
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

/// A world with a push certificate and its authority.
pub(crate) async fn ready(world: &World) -> Arc<Authority> {
    push::certificates::import(&world.ctx, "test", &push_certificate(), None, false).await.unwrap();
    authority::open(&world.ctx).await.unwrap()
}

fn push_certificate() -> Vec<u8> {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_nid(Nid::USERID, TOPIC).unwrap();
    let name = name.build();
    let mut builder = X509Builder::new().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&BigNum::from_u32(77).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(BEGIN.millis() / 1000 - 3600).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(BEGIN.millis() / 1000 + 365 * 86_400).unwrap()).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    [builder.build().to_pem().unwrap(), key.private_key_to_pem_pkcs8().unwrap()].concat()
}

/// An invitation for a day.
pub(crate) async fn invite(world: &World, serial: Option<&str>, uses: u32) -> Created {
    let new = NewInvitation {
        serial: serial.map(|serial| SerialNumber::new(serial).unwrap()),
        user: None,
        uses,
        expires_in: DAY,
        sign_message: true,
        pkcs12: false,
        note: "test".to_owned(),
    };
    invitations::create(&world.ctx, new).await.unwrap()
}

/// An invitation for a device without SCEP.
async fn invite_pkcs12(world: &World) -> Created {
    let note = "test".to_owned();
    let new =
        NewInvitation { serial: None, user: None, uses: 1, expires_in: DAY, sign_message: true, pkcs12: true, note };
    invitations::create(&world.ctx, new).await.unwrap()
}

/// A device that has enrolled.
pub(crate) async fn enrolled(world: &World, authority: &Arc<Authority>, serial: &str) -> Phone {
    let invitation = invite(world, None, 1).await;
    let phone = Phone::accept(world, authority, &invitation.code, serial).await;
    phone.arrive(world).await;
    phone
}
