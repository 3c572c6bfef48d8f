//! Certificates as devices report them. Source: Apple schema, `certificate.list.yaml`.

use super::lists::{self, listed, some_bounded};
use crate::ids::DeviceId;
use ring::digest::{SHA256, digest};
use russet_pki::certificate::{Facts, hex};
use russet_protocol::Timestamp;
use russet_protocol::result;
use russet_store::{StoreError, Tx};

listed! {
    /// One certificate on one device, as last reported. What cannot be read as a certificate is kept by its name.
    pub struct InstalledCertificate in "installed_certificate", list "certificates", most 2000 {
        /// SHA-256 of the certificate, hexadecimal.
        key fingerprint,
        /// `CommonName`. Hostile text.
        common_name: Option<String>,
        /// `IsIdentity`: its key is on the device.
        is_identity: Option<bool>,
        /// Its serial number, hexadecimal.
        serial: Option<String>,
        /// First moment of validity.
        not_before: Option<Timestamp>,
        /// Last moment of validity.
        not_after: Option<Timestamp>,
        /// Whether it is that of an authority.
        is_authority: Option<bool>,
    }
}

/// Stores a device's list of all its certificates.
pub async fn record(
    tx: &mut dyn Tx,
    device: DeviceId,
    certificates: &[result::InstalledCertificate],
    now: Timestamp,
) -> Result<(), StoreError> {
    lists::replace(tx, device, certificates.iter().map(entry), now).await
}

/// Everything known of a device's certificates is uncertain from now on.
pub async fn forget(tx: &mut dyn Tx, device: DeviceId) -> Result<(), StoreError> {
    lists::forget::<InstalledCertificate>(tx, device).await
}

fn entry(found: &result::InstalledCertificate) -> InstalledCertificate {
    let facts = Facts::of(&found.certificate).ok();
    let facts = facts.as_ref();
    InstalledCertificate {
        fingerprint: hex(digest(&SHA256, &found.certificate).as_ref()),
        common_name: some_bounded(found.common_name.as_deref()),
        is_identity: found.is_identity,
        serial: some_bounded(facts.map(|facts| facts.serial.as_str())),
        not_before: facts.map(|facts| facts.not_before),
        not_after: facts.map(|facts| facts.not_after),
        is_authority: facts.map(|facts| facts.is_authority),
    }
}
