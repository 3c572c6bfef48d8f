//! Lists of what is on the device besides apps and profiles: certificates, provisioning profiles, users, system updates (Apple
//! schema: certificate.list.yaml, profile.provisioning.list.yaml, user.list.yaml, system.update.*.yaml).

use super::super::device::Device;
use super::super::profile::AppleError;
use super::super::state::Enrollment;
use super::Reply;
use openssl::nid::Nid;
use openssl::x509::X509;
use plist::Date;
use russet_protocol::Platform;
use russet_protocol::result::{
    Answer, DeviceUser, InstalledCertificate, OsUpdate, OsUpdateProgress, ProvisioningProfile,
};
use std::time::{Duration, SystemTime};

/// Certificates that profiles brought, and the device's identity.
pub(super) fn certificates(device: &Device, enrollment: &Enrollment) -> Result<Reply, AppleError> {
    let item = |certificate: &X509, is_identity: bool| {
        let names = certificate.subject_name();
        let common_name = names.entries_by_nid(Nid::COMMONNAME).next().and_then(|name| name.data().to_string().ok());
        InstalledCertificate {
            common_name: Some(common_name.unwrap_or_default()),
            is_identity: Some(is_identity),
            certificate: certificate.to_der().unwrap_or_default(),
        }
    };
    let mut items: Vec<_> = device.brought()?.iter().map(|certificate| item(certificate, false)).collect();
    items.push(item(&enrollment.identity.certificate, true));
    Ok(Reply::done(Answer::CertificateList(items)))
}

/// One provisioning profile, of an app of the organization.
pub(super) fn provisioning(device: &Device) -> Reply {
    let profile = ProvisioningProfile {
        name: Some("Example In-House".to_owned()),
        uuid: format!("5E1F0000-0000-4000-8000-{:012X}", device.hardware.index),
        expires: Some(Date::from(SystemTime::now() + Duration::from_secs(300 * 86_400))),
    };
    Reply::done(Answer::ProvisioningProfileList(vec![profile]))
}

/// The users of a Mac or a Shared iPad.
pub(super) fn users(device: &Device) -> Reply {
    let mac = device.hardware.platform == Platform::MacOs;
    let network = device.shared.options.network_users;
    let state = device.state();
    let user = |(place, user): (usize, &super::super::channel::User)| {
        let mut listed = DeviceUser {
            name: user.short_name.clone(),
            full_name: mac.then(|| user.long_name.clone()),
            uid: mac.then(|| 501 + i64::try_from(place).unwrap_or(0)),
            guid: mac.then(|| user.id.clone()),
            logged_in: Some(user.live),
            ..DeviceUser::default()
        };
        if mac {
            listed.mobile_account = Some(network);
            listed.has_secure_token = Some(place == 0);
        } else {
            listed.has_data_to_sync = Some(false);
            listed.data_quota = Some(8_000_000_000);
            listed.data_used = Some(1_500_000_000);
        }
        listed
    };
    let all = state.users.iter().enumerate().map(user).collect();
    Reply::done(Answer::UserList(all))
}

/// The one update there is.
fn product_key(device: &Device) -> String {
    format!("{}-next", device.hardware.build)
}

/// `AvailableOSUpdates`.
pub(super) fn updates(device: &Device) -> Reply {
    let mac = device.hardware.platform == Platform::MacOs;
    let update = OsUpdate {
        product_key: product_key(device),
        name: Some(format!("{} 99.1", device.hardware.platform.as_str())),
        product_name: (!mac).then(|| device.hardware.platform.as_str().to_owned()),
        version: Some("99.1".to_owned()),
        build: Some("99B1".to_owned()),
        download_size: Some(900_000_000),
        install_size: (!mac).then_some(1_800_000_000),
        is_critical: Some(false),
        is_major: mac.then_some(false),
        is_security_response: Some(false),
        restart_required: Some(true),
        ..OsUpdate::default()
    };
    Reply::done(Answer::AvailableOsUpdates(vec![update]))
}

/// `OSUpdateStatus`.
pub(super) fn update_status(device: &Device) -> Reply {
    let progress = OsUpdateProgress {
        product_key: product_key(device),
        is_downloaded: Some(false),
        downloaded: Some(0.25),
        status: Some("Downloading".to_owned()),
        ..OsUpdateProgress::default()
    };
    Reply::done(Answer::OsUpdateStatus(vec![progress]))
}
