//! What an answer teaches: how its command ended, and facts for the directory. The answer is read by the request type that we
//! remember for the CommandUUID, never guessed.

use super::answer::Session;
use super::history::OutcomeState;
use super::store::End;
use super::{secrets, summary};
use crate::directory::installed_apps::{self, ITEMS};
use crate::directory::managed_apps::{self, Coverage};
use crate::directory::{certificates, devices, installed_profiles, small_lists, standing};
use russet_protocol::checkin::ChannelKind;
use russet_protocol::command::Command;
use russet_protocol::result::{Answer, ErrorChainItem, Report, Status};
use russet_store::{StoreError, Tx};

/// How a command ended, by the device's word.
pub(super) struct Verdict {
    pub(super) state: OutcomeState,
    pub(super) reason: Option<&'static str>,
    error_chain: Option<String>,
    rejection: Option<String>,
    summary: Option<String>,
}

impl Verdict {
    fn new(state: OutcomeState, reason: Option<&'static str>, chain: &[ErrorChainItem]) -> Self {
        let error_chain = if chain.is_empty() { None } else { serde_json::to_string(chain).ok() };
        Self { state, reason, error_chain, rejection: None, summary: None }
    }

    fn done() -> Self {
        Self::new(OutcomeState::Done, None, &[])
    }

    pub(super) fn end(&self) -> End<'_> {
        End {
            state: Some(self.state),
            reason: self.reason,
            error_chain: self.error_chain.as_deref(),
            rejection: self.rejection.as_deref(),
            summary: self.summary.as_deref(),
        }
    }
}

/// Reads the answer, gives the directory its facts, and says how the command ended. `body` is the stored command, only where
/// the answer cannot be read without it.
pub(super) async fn learn(
    tx: &mut dyn Tx,
    session: Session,
    request_type: &str,
    uuid: &str,
    body: Option<&[u8]>,
    report: &Report,
) -> Result<Verdict, StoreError> {
    let answer = Answer::read(request_type, report);
    let mut verdict = match report.status {
        Status::Acknowledged => Verdict::done(),
        Status::CommandFormatError => {
            let reason = "the device does not know this command or its form";
            Verdict::new(OutcomeState::Failed, Some(reason), &report.error_chain)
        }
        _ => Verdict::new(OutcomeState::Failed, None, &report.error_chain),
    };
    if let Ok(Answer::InstallApplication(install)) = &answer {
        verdict.rejection.clone_from(&install.rejection_reason);
    }
    if report.status != Status::Acknowledged {
        return Ok(verdict);
    }
    let Ok(answer) = answer else {
        tracing::warn!(device = %session.device, request_type, "an answer could not be read; it is kept as it came");
        return Ok(Verdict::new(OutcomeState::Failed, Some("the device's answer could not be read"), &[]));
    };
    let Session { device, now, .. } = session;
    verdict.summary = summary::of(&answer);
    // What a user's channel lists are the user's things, not the device's.
    let of_user = report.sender.channel() == ChannelKind::User;
    if !of_user {
        acts(tx, session, request_type, uuid).await?;
    }
    match answer {
        _ if of_user => {}
        Answer::InstallApplication(install) => {
            if let (Some(app), Some(state)) = (&install.identifier, &install.state) {
                managed_apps::record_state(tx, device, app, state, now).await?;
            }
            if verdict.rejection.is_some() {
                verdict.state = OutcomeState::Failed;
                verdict.reason = Some("the device rejected the installation");
            }
        }
        Answer::ManagedApplicationList(list) => {
            let asked = match body.map(Command::from_body) {
                Some(Ok(Command::ManagedApplicationList { identifiers })) => Some(identifiers),
                _ => None,
            };
            let coverage = match &asked {
                Some(all) if all.is_empty() => Coverage::All,
                Some(asked) => Coverage::Only(asked),
                // Without the question nobody knows which absences mean something: only what is named counts.
                None => Coverage::Only(&[]),
            };
            managed_apps::record(tx, device, &list.apps, coverage, now).await?;
        }
        // A list of the managed profiles alone says nothing of the others.
        Answer::ProfileList(_) if asks_managed_only(body) => {}
        Answer::ProfileList(list) => installed_profiles::record(tx, device, &list.profiles, now).await?,
        Answer::DeviceInformation(information) => {
            devices::record_information(tx, device, &information, now).await?;
        }
        // As with profiles: only a list of all counts, since what it does not name is forgotten.
        Answer::InstalledApplicationList(list) if asks_for_all_apps(body) => {
            installed_apps::record(tx, device, &list.apps, now).await?;
        }
        Answer::CertificateList(all) if !asks_managed_only(body) => certificates::record(tx, device, &all, now).await?,
        Answer::ProvisioningProfileList(all) if !asks_managed_only(body) => {
            small_lists::record_provisioning(tx, device, &all, now).await?;
        }
        Answer::UserList(all) => small_lists::record_users(tx, device, &all, now).await?,
        Answer::AvailableOsUpdates(all) => small_lists::record_updates(tx, device, &all, now).await?,
        Answer::OsUpdateStatus(all) => small_lists::record_progress(tx, device, &all, now).await?,
        Answer::SecurityInfo(security) => devices::record_security(tx, device, &security, now).await?,
        Answer::Settings(settings) => {
            let failed: Vec<ErrorChainItem> = settings
                .results
                .into_iter()
                .filter(|item| item.status != Status::Acknowledged)
                .flat_map(|item| item.error_chain)
                .collect();
            if !failed.is_empty() {
                let reason = "the device did not take over every setting";
                return Ok(Verdict::new(OutcomeState::Failed, Some(reason), &failed));
            }
        }
        // Kept word for word with the report; nothing else is made of them here.
        _ => {}
    }
    Ok(verdict)
}

/// What the device has done to itself, by its own word.
async fn acts(tx: &mut dyn Tx, session: Session, request_type: &str, uuid: &str) -> Result<(), StoreError> {
    let Session { device, now, .. } = session;
    match request_type {
        "EraseDevice" => standing::wiped(tx, device, now).await?,
        "DeviceLock" => standing::locked(tx, device, now).await?,
        "EnableLostMode" => standing::lost_mode_on(tx, device, now).await?,
        "DisableLostMode" => standing::lost_mode_off(tx, device).await?,
        _ => {}
    }
    if secrets::KEPT.contains(&request_type) {
        secrets::confirm(tx, uuid, now).await?;
    }
    Ok(())
}

fn asks_managed_only(body: Option<&[u8]>) -> bool {
    matches!(
        body.map(Command::from_body),
        Some(Ok(Command::ProfileList { managed_only: true }
            | Command::CertificateList { managed_only: true }
            | Command::ProvisioningProfileList { managed_only: true }))
    )
}

/// Whether the question was for all apps, with all that is kept of them. Without the question nobody knows.
fn asks_for_all_apps(body: Option<&[u8]>) -> bool {
    match body.map(Command::from_body) {
        Some(Ok(Command::InstalledApplicationList { identifiers, managed_only, items })) => {
            let whole = items.is_empty() || ITEMS.iter().all(|item| items.iter().any(|asked| asked == item));
            identifiers.is_empty() && !managed_only && whole
        }
        _ => false,
    }
}
