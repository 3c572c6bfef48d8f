//! Apps besides `InstallApplication`: redemption codes, the invitation to Apps and Books, what apps leave for the server, the
//! organization's own apps on Macs (Apple schema: application.redemptioncode.yaml, application.invitetoprogram.yaml,
//! managed.application.feedback.yaml, application.install.enterprise.yaml).

use super::super::device::Device;
use super::super::profile::AppleError;
use super::super::state::App;
use super::Reply;
use plist::{Dictionary, Value};
use russet_protocol::BundleId;
use russet_protocol::command::{ApplyRedemptionCode, InstallEnterpriseApplication, InviteToProgram};
use russet_protocol::result::{Answer, AppFeedback, InviteToProgramAnswer};

/// `ApplyRedemptionCode`: only for an app that waits for one.
pub(super) fn redeem(device: &Device, apply: &ApplyRedemptionCode) -> Result<Reply, AppleError> {
    device.change(|state| {
        let waiting = state.apps.get_mut(apply.identifier.as_str()).filter(|app| app.state == "NeedsRedemption");
        let app = waiting.ok_or_else(|| {
            AppleError::mdm(12033, format!("{} does not wait for a redemption code", apply.identifier))
        })?;
        app.state = "Queued";
        app.started = std::time::Instant::now();
        Ok(Reply::done(Answer::none()))
    })
}

/// `InviteToProgram`: the person is asked.
pub(super) fn invite(invite: &InviteToProgram) -> Reply {
    let url = invite.invitation_url.reveal();
    let result = if url.starts_with("https://") { "Acknowledged" } else { "InvalidInvitationURL" };
    answered(result)
}

/// `InviteToProgram` to another program than there is.
pub(super) fn invite_elsewhere() -> Reply {
    answered("InvalidProgramID")
}

fn answered(result: &str) -> Reply {
    Reply::done(Answer::InviteToProgram(InviteToProgramAnswer { result: Some(result.to_owned()) }))
}

/// `ManagedApplicationFeedback`: every managed app that is there has counted its starts.
pub(super) fn feedback(device: &Device, identifiers: &[BundleId], delete: bool) -> Reply {
    let all = device.change(|state| {
        let mut all = Vec::new();
        for identifier in identifiers {
            if !state.apps.get(identifier.as_str()).is_some_and(|app| app.managed && app.present) {
                continue;
            }
            let first = || [("Starts".to_owned(), Value::from(1))].into_iter().collect::<Dictionary>();
            let left = state.feedback.entry(identifier.to_string()).or_insert_with(first);
            let feedback = Some(left.clone()).filter(|left| !left.is_empty());
            all.push(AppFeedback { identifier: identifier.clone(), feedback });
            if delete {
                *left = Dictionary::new();
            }
        }
        all
    });
    Reply::done(Answer::ManagedApplicationFeedback(all))
}

/// `InstallEnterpriseApplication`, with its manifest inline: simulated devices download none.
pub(super) fn install_enterprise(device: &Device, install: &InstallEnterpriseApplication) -> Result<Reply, AppleError> {
    let invalid = |text: &str| AppleError::mdm(12024, text.to_owned());
    let manifest = install.manifest.as_ref();
    let manifest = manifest.ok_or_else(|| invalid("Simulated devices download no manifests; give Manifest"))?;
    let metadata = manifest
        .get("items")
        .and_then(Value::as_array)
        .and_then(|items| items.first()?.as_dictionary()?.get("metadata")?.as_dictionary());
    let text = |key: &str| metadata.and_then(|keys| keys.get(key)?.as_string()).map(str::to_owned);
    let bundle_id = text("bundle-identifier").ok_or_else(|| invalid("The manifest names no bundle-identifier"))?;
    device.change(|state| {
        let app = state.apps.entry(bundle_id.clone()).or_insert_with(|| App::new(&bundle_id));
        app.name = text("title").unwrap_or_default();
        app.version = text("bundle-version");
        app.managed = install.install_as_managed == Some(true);
        app.flags = install.management_flags.unwrap_or(0);
        app.configuration = install.configuration.clone();
        app.present = true;
        app.state = "Managed";
        app.install_count += 1;
        *state.app_installs.entry(bundle_id).or_insert(0) += 1;
    });
    Ok(Reply::done(Answer::none()))
}
