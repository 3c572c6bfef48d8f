//! The enrollment profile as a device gets it: at its enrollment, and again when its identity is renewed. Sources: Apple schema,
//! `com.apple.mdm.yaml`, `com.apple.security.scep.yaml`, `com.apple.security.pkcs12.yaml`, `com.apple.security.root.yaml`.
//!
//! `Topic`, `ServerURL`, `CheckInURL`, the rights and `per-user-connections` may never change in a device's profile: it would
//! refuse the update, and its identity could not be renewed. So they come from the enrollment's own row, not from today's
//! configuration.

use super::{EnrollmentError, busy};
use crate::config::Config;
use crate::context::Context;
use crate::ids::EnrollmentId;
use ring::digest::{SHA256, digest};
use russet_pki::ca::Authority;
use russet_pki::cms;
use russet_protocol::profile::{Mdm, Payload, PayloadBody, Pkcs12, Profile, RootCertificate, Scep};
use std::sync::Arc;
use zeroize::Zeroizing;

/// All rights.
const ACCESS_RIGHTS: i64 = 8191;
/// Channels for users of Macs and Shared iPads, and the escrow of bootstrap tokens.
const CAPABILITIES: [&str; 2] = ["com.apple.mdm.per-user-connections", "com.apple.mdm.bootstraptoken"];
/// The device may ask for tokens of services. Comes and goes with the configuration: this one may change.
const TOKENS: &str = "com.apple.mdm.token";

/// What one enrollment's profile says.
pub(super) struct Terms {
    pub(super) enrollment: EnrollmentId,
    /// `PayloadIdentifier` of the profile.
    pub(super) identifier: String,
    pub(super) topic: String,
    /// Where the device reaches us, as it was when it enrolled.
    pub(super) public_url: String,
    pub(super) sign_message: bool,
}

/// How the device comes by its identity.
pub(super) enum Source {
    /// It makes its own key and asks with this challenge.
    Scep(Zeroizing<String>),
    /// The profile brings both.
    Pkcs12 { pkcs12: Zeroizing<Vec<u8>>, password: Zeroizing<String> },
}

/// The profile, signed (CMS, DER, content attached).
pub(super) async fn signed(
    ctx: &Context,
    authority: &Arc<Authority>,
    terms: &Terms,
    source: &Source,
) -> Result<Vec<u8>, EnrollmentError> {
    let content = compose(ctx, authority, terms, source).encode();
    let (authority, now) = (Arc::clone(authority), ctx.now());
    Ok(busy(move || cms::sign_attached(&content, &authority, now)).await??)
}

fn compose(ctx: &Context, authority: &Authority, terms: &Terms, source: &Source) -> Profile {
    let named = |part: &str| format!("{}.{part}", terms.identifier);
    let uuid = |part: &str| payload_uuid(terms.enrollment, part);
    let organization = ctx.config.organization.as_str();
    let mut profile = Profile::new(&terms.identifier, ctx.uuid().hyphenated().to_string().to_ascii_uppercase());
    profile.display_name = Some(format!("{organization}: device management"));
    profile.description = Some(format!("Lets {organization} manage this device and give it apps."));
    profile.organization = Some(organization.to_owned());
    profile.scope = Some("System".to_owned());
    if ctx.config.device.is_self_made() {
        // Our own authority issued the TLS certificate: devices must learn to trust it before they can reach us.
        let root = RootCertificate { certificate: authority.certificate_der().to_vec(), file_name: None };
        let body = PayloadBody::RootCertificate(root);
        profile.payloads.push(Payload::new(named("root"), uuid("root"), body).named(format!("{organization}: root")));
    }
    let identity = Payload::new(named("identity"), uuid("identity"), identity(&ctx.config, terms, source));
    profile.payloads.push(identity.named(format!("{organization}: device identity")));
    let body = PayloadBody::Mdm(mdm(&ctx.config, terms, uuid("identity")));
    profile.payloads.push(Payload::new(named("mdm"), uuid("mdm"), body).named(format!("{organization}: management")));
    profile
}

fn identity(config: &Config, terms: &Terms, source: &Source) -> PayloadBody {
    match source {
        Source::Scep(challenge) => PayloadBody::Scep(Scep {
            url: format!("{}/scep", config.device.public_url),
            name: Some(config.organization.clone()),
            subject: vec![vec![("CN".to_owned(), terms.enrollment.text())]],
            challenge: Some(challenge.as_str().to_owned()),
            key_size: 2048,
            key_usage: Some(5),
            ca_fingerprint: None,
            retries: Some(3),
            retry_delay: Some(10),
            key_is_extractable: Some(false),
        }),
        Source::Pkcs12 { pkcs12, password } => PayloadBody::Pkcs12(Pkcs12 {
            identity: pkcs12.to_vec(),
            password: Some(password.as_str().to_owned()),
            file_name: None,
        }),
    }
}

fn mdm(config: &Config, terms: &Terms, identity_uuid: String) -> Mdm {
    let mut server_capabilities = CAPABILITIES.map(str::to_owned).to_vec();
    if config.check_in.maid.is_some() {
        server_capabilities.push(TOKENS.to_owned());
    }
    Mdm {
        identity_uuid,
        topic: terms.topic.clone(),
        server_url: format!("{}/mdm", terms.public_url),
        check_in_url: Some(format!("{}/checkin", terms.public_url)),
        sign_message: terms.sign_message,
        access_rights: Some(ACCESS_RIGHTS),
        check_out_when_removed: true,
        server_capabilities,
        enrollment_mode: None,
        assigned_managed_apple_id: None,
    }
}

/// The `PayloadUUID` of a part: the same in every profile of one enrollment, so that a renewal updates payloads in place.
fn payload_uuid(enrollment: EnrollmentId, part: &str) -> String {
    let hash = digest(&SHA256, format!("{part} of {enrollment}").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_ref()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().hyphenated().to_string().to_ascii_uppercase()
}

/// The identity of the profile on devices, the same for all of this installation: a new enrollment replaces the old one.
pub(super) fn identifier(public_url: &str) -> String {
    let host = public_url.split("://").last().unwrap_or_default();
    let host = host.split(['/', ':']).next().unwrap_or_default();
    let mut labels: Vec<&str> = host.split('.').filter(|label| !label.is_empty()).collect();
    labels.reverse();
    if labels.is_empty() { "russet.enrollment".to_owned() } else { format!("{}.russet.enrollment", labels.join(".")) }
}
