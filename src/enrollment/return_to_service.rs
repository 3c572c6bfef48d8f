//! Return to service: an erased device sets itself up again without hands. What it needs for that is made here: the enrollment
//! profile that it takes after the erasure, with an invitation of its own that names its serial number, and the network to join.
//! Source: Apple schema, `device.erase.yaml`, `returntoservice.yaml`.
//!
//! The profile holds a right to an identity, so it is made for one device and ends with the command that carries it.

use super::composing::{self, Terms};
use super::invitations::{self, NewInvitation};
use super::profile::{self, Grant};
use super::{EnrollmentError, authority};
use crate::context::Context;
use crate::ids::EnrollmentId;
use russet_protocol::command::ReturnToService;
use russet_protocol::plist::{Dictionary, Value};
use russet_protocol::{Secret, SerialNumber, xml};
use russet_store::{StoreError, Tx};
use std::time::Duration;

/// How long the enrollment profile can be used: the life of the command that brings it.
pub const VALID: Duration = Duration::from_secs(30 * 24 * 3600);

/// Who wants the device to return to service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedBy {
    /// An admin, who erases it.
    Admin,
    /// The device itself (the check-in message).
    Device,
}

impl AskedBy {
    /// The note of its invitation.
    fn note(self) -> &'static str {
        match self {
            Self::Admin => "return to service, by an admin",
            Self::Device => "return to service, asked for by the device",
        }
    }
}

/// An enrollment profile that counts once it is recorded for a device.
pub struct Offer {
    terms: Terms,
    grant: Grant,
    profile: Vec<u8>,
}

/// Makes an enrollment profile, before any transaction: signing takes its time.
///
/// # Errors
/// [`EnrollmentError::NoPushCertificate`]; or the store fails.
pub async fn offer(ctx: &Context) -> Result<Offer, EnrollmentError> {
    let authority = authority::open(ctx).await?;
    let enrollment = EnrollmentId(ctx.uuid());
    let terms = Terms {
        enrollment,
        identifier: composing::identifier(&ctx.config.device.public_url),
        topic: profile::topic(&mut *ctx.store.read().await?).await?,
        public_url: ctx.config.device.public_url.clone(),
        // It needs nothing of whoever stands between the device and us.
        sign_message: true,
    };
    let grant = Grant::make(ctx, &authority, enrollment, false).await?;
    let profile = composing::signed(ctx, &authority, &terms, &grant.source).await?;
    Ok(Offer { terms, grant, profile })
}

impl Offer {
    /// Makes it count for the device with this serial number, and gives what its command needs.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn record(
        self,
        tx: &mut dyn Tx,
        ctx: &Context,
        serial: Option<&SerialNumber>,
        asked_by: AskedBy,
    ) -> Result<ReturnToService, EnrollmentError> {
        let missing = EnrollmentError::Invalid("the device has no serial number by which it could come back");
        let serial = serial.ok_or(missing)?;
        if asked_by == AskedBy::Device {
            forget_unused(tx, serial).await?;
        }
        let now = ctx.now();
        let new = NewInvitation {
            serial: Some(serial.clone()),
            user: None,
            uses: 1,
            expires_in: VALID,
            sign_message: self.terms.sign_message,
            pkcs12: false,
            note: asked_by.note().to_owned(),
        };
        let invitation = invitations::make(tx, ctx, &new).await?;
        profile::record(tx, invitation.id, &self.terms, now).await?;
        self.grant.record(tx, self.terms.enrollment, now, now.plus(VALID)).await?;
        Ok(ReturnToService {
            enabled: true,
            wifi_profile: ctx.config.check_in.return_to_service_wifi.clone(),
            mdm_profile: Some(Secret::new(self.profile)),
            bootstrap_token: None,
            retry_enrollment: None,
        })
    }
}

/// A device may ask as often as it likes: only the last offer that it asked for stays open.
async fn forget_unused(tx: &mut dyn Tx, serial: &SerialNumber) -> Result<(), StoreError> {
    let values = [serial.as_str().into(), AskedBy::Device.note().into()];
    tx.run(
        "DELETE FROM enrollment WHERE state = 'offered'
           AND invitation IN (SELECT id FROM invitation WHERE serial = $1 AND note = $2 AND used = 0)
           AND NOT EXISTS (SELECT 1 FROM identity i WHERE i.enrollment = enrollment.id)",
        &values,
    )
    .await?;
    tx.run(
        "DELETE FROM invitation WHERE serial = $1 AND note = $2 AND used = 0
           AND NOT EXISTS (SELECT 1 FROM enrollment e WHERE e.invitation = invitation.id)",
        &values,
    )
    .await?;
    Ok(())
}

/// The answer to a device that asks whether it may return to service. `granted`: what it needs; none where it may not.
pub(super) fn answer(granted: Option<&ReturnToService>) -> Vec<u8> {
    let mut settings = Dictionary::new();
    let mut data = |key: &str, value: Option<&Vec<u8>>| {
        if let Some(value) = value {
            settings.insert(key.to_owned(), Value::Data(value.clone()));
        }
    };
    data("WiFiProfileData", granted.and_then(|it| it.wifi_profile.as_ref()).map(Secret::reveal));
    data("MDMProfileData", granted.and_then(|it| it.mdm_profile.as_ref()).map(Secret::reveal));
    data("BootstrapToken", granted.and_then(|it| it.bootstrap_token.as_ref()).map(Secret::reveal));
    settings.insert("Enabled".to_owned(), Value::Boolean(granted.is_some()));
    let mut keys = Dictionary::new();
    keys.insert("ReturnToService".to_owned(), Value::Dictionary(settings));
    xml::encode_dictionary(keys)
}
