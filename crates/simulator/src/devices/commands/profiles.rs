//! `InstallProfile`, `RemoveProfile`, `ProfileList` (Apple schema: profile.*.yaml). A profile replaces the one with its `PayloadIdentifier`; the enrollment profile replaces the
//! enrollment, or ends it.

use super::super::channel::Channel;
use super::super::device::{Device, hex};
use super::super::fault::Fault;
use super::super::mdm_payload::{self, MDM, MdmPayload};
use super::super::power::After;
use super::super::profile::{AppleError, Profile};
use super::super::rules;
use super::super::state::{Enrollment, Installed};
use super::{Reply, Who};
use openssl::x509::X509;
use plist::Dictionary;
use russet_protocol::result::{Answer, InstalledPayload, InstalledProfile, ProfileList};
use std::sync::Arc;

/// Installs or replaces a profile.
pub(super) async fn install(who: Who<'_>, bytes: &[u8]) -> Result<Reply, AppleError> {
    let Who { device, channel, enrollment, uuid } = who;
    let profile = Profile::open(bytes, &device.trusted()?)?;
    device.shared.record.profile(&device.hardware, channel, &profile.top);
    {
        let state = device.state();
        let others: Vec<&Profile> = state
            .profiles
            .iter()
            .filter(|other| other.channel != channel || other.profile.identifier != profile.identifier)
            .map(|installed| &installed.profile)
            .collect();
        rules::check(&profile, device.hardware.platform, &others)?;
    }
    let carries_mdm = profile.of_kind(MDM).next().is_some();
    if profile.identifier == enrollment.profile_identifier && channel == Channel::Device {
        return replace_enrollment(device, enrollment, profile).await;
    }
    if carries_mdm {
        return Err(AppleError::mdm(12001, "The profile has an MDM payload, but the device is enrolled already"));
    }
    device.change(|state| {
        state.put_profile(channel, profile);
        Device::check_vpn_use(state, uuid);
    });
    Ok(Reply::done(Answer::none()))
}

/// The enrollment profile again: a new identity, `Authenticate` and `TokenUpdate` anew. The old enrollment stays as it is
/// until the new one stands, and for good where it does not come to stand.
async fn replace_enrollment(device: &Arc<Device>, old: &Enrollment, profile: Profile) -> Result<Reply, AppleError> {
    let (mdm, source, remarks) = mdm_payload::read(&profile)?;
    may_replace(&old.mdm, &mdm)?;
    device.change(|state| {
        remarks.into_iter().for_each(|remark| state.problem("enrollment-profile", remark, None));
    });
    let mut fresh = device.take_on(&profile, mdm, source).await.map_err(|fault| match fault {
        Fault::Refused(text) => AppleError::mdm(12011, text),
        other => AppleError::mdm(12002, other.to_string()),
    })?;
    device.shared.courier.forget(&hex(&old.token));
    fresh.previous = Some((old.identity.clone(), old.http.clone()));
    device.change(|state| {
        state.put_profile(Channel::Device, profile);
        state.enrollment = Some(fresh);
        state.enrollments += 1;
    });
    Ok(Reply::done(Answer::none()))
}

/// What may not change when the MDM payload is replaced (Apple schema: com.apple.mdm.yaml).
fn may_replace(old: &MdmPayload, new: &MdmPayload) -> Result<(), AppleError> {
    let changed = [
        ("Topic", old.topic != new.topic),
        ("ServerURL", old.server_url != new.server_url),
        ("CheckInURL", old.check_in_url != new.check_in_url),
        ("AccessRights", new.access_rights & !old.access_rights != 0),
        ("ServerCapabilities", old.per_user != new.per_user),
    ];
    match changed.iter().find(|(_, changed)| *changed) {
        None => Ok(()),
        Some((key, _)) => Err(AppleError::mdm(12012, format!("The new enrollment profile changes {key}"))),
    }
}

/// Removes a managed profile; the enrollment profile ends the enrollment.
pub(super) fn remove(who: Who<'_>, identifier: &str) -> Result<Reply, AppleError> {
    let Who { device, channel, enrollment, uuid } = who;
    if identifier == enrollment.profile_identifier && channel == Channel::Device {
        return Ok(Reply { after: After::Leave, ..Reply::done(Answer::none()) });
    }
    device.change(|state| {
        let Some(place) =
            state.profiles.iter().position(|one| one.channel == channel && one.profile.identifier == identifier)
        else {
            return Err(AppleError::mdm(12013, format!("The profile {identifier} is not installed")));
        };
        if !state.profiles.get(place).is_some_and(|installed| installed.managed) {
            return Err(AppleError::mdm(12013, format!("The profile {identifier} was not installed by this server")));
        }
        state.profiles.remove(place);
        Device::check_vpn_use(state, uuid);
        Ok(Reply::done(Answer::none()))
    })
}

/// The installed profiles.
pub(super) fn list(device: &Device, channel: Channel, managed_only: bool) -> Reply {
    let state = device.state();
    let shown = |one: &&Installed| one.channel == channel && (one.managed || !managed_only);
    let profiles = state.profiles.iter().filter(shown).map(listed).collect();
    Reply::done(Answer::ProfileList(ProfileList { profiles }))
}

fn listed(installed: &Installed) -> InstalledProfile {
    let profile = &installed.profile;
    let mut other = Dictionary::new();
    other.insert("PayloadVersion".to_owned(), 1.into());
    for key in ["PayloadOrganization", "PayloadDescription", "PayloadRemovalDisallowed"] {
        if let Some(value) = profile.top.get(key) {
            other.insert(key.to_owned(), value.clone());
        }
    }
    other.insert("HasRemovalPasscode".to_owned(), false.into());
    other.insert("IsEncrypted".to_owned(), false.into());
    let payload = |payload: &super::super::profile::Payload| InstalledPayload {
        payload_type: payload.kind.clone(),
        identifier: payload.identifier.clone(),
        uuid: payload.uuid.clone(),
    };
    InstalledProfile {
        identifier: profile.identifier.clone(),
        uuid: profile.uuid.clone(),
        display_name: profile.name.clone(),
        is_managed: Some(installed.managed),
        payloads: profile.payloads.iter().map(payload).collect(),
        other,
    }
}

impl Device {
    /// Certificates that installed profiles brought.
    pub(super) fn brought(&self) -> Result<Vec<X509>, AppleError> {
        let state = self.state();
        let all: Result<Vec<_>, _> = state.profiles.iter().map(|installed| installed.profile.certificates()).collect();
        Ok(all?.into_iter().flatten().collect())
    }

    /// Whose signature on a profile the device trusts.
    fn trusted(&self) -> Result<Vec<X509>, AppleError> {
        let mut roots = self.shared.roots.clone();
        roots.extend(self.brought()?);
        Ok(roots)
    }
}
