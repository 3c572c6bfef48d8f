//! What an answer says, in a few words for a list of commands. The whole of it is a click away: the answer itself is kept.
//!
//! Must never hold a secret, and never much text: devices choose parts of it.

use russet_protocol::result::{Answer, Status};

/// Longest text of a device that is told, in characters.
const LONGEST: usize = 80;

/// The few words; none where the command says it all.
pub(super) fn of(answer: &Answer) -> Option<String> {
    Some(match answer {
        Answer::InstallApplication(install) => {
            let state = install.state.as_ref()?.as_str().to_owned();
            clipped(&state)
        }
        Answer::ManagedApplicationList(list) => count(list.apps.len(), "managed app"),
        Answer::InstalledApplicationList(list) => count(list.apps.len(), "app"),
        Answer::ProfileList(list) => count(list.profiles.len(), "profile"),
        Answer::DeviceInformation(information) => count(information.responses.len(), "fact"),
        Answer::SecurityInfo(security) => count(security.info.len(), "fact"),
        Answer::Settings(settings) => {
            let taken = settings.results.iter().filter(|item| item.status == Status::Acknowledged).count();
            format!("{taken} of {} taken over", count(settings.results.len(), "setting"))
        }
        Answer::CertificateList(all) => count(all.len(), "certificate"),
        Answer::ProvisioningProfileList(all) => count(all.len(), "provisioning profile"),
        Answer::UserList(all) => count(all.len(), "user"),
        Answer::AvailableOsUpdates(all) => count(all.len(), "update"),
        Answer::OsUpdateStatus(all) => format!("{} under way", count(all.len(), "update")),
        Answer::ManagedApplicationConfiguration(all) => format!("configuration of {}", count(all.len(), "app")),
        Answer::ManagedApplicationAttributes(all) => format!("attributes of {}", count(all.len(), "app")),
        Answer::ManagedApplicationFeedback(all) => format!("feedback of {}", count(all.len(), "app")),
        Answer::InviteToProgram(invited) => clipped(invited.result.as_deref()?),
        Answer::DeviceLock(locked) => format!("message: {}", clipped(locked.message_result.as_deref()?)),
        Answer::DeviceLocation(place) => {
            let within = place.horizontal_accuracy.map(|meters| format!(", within {meters:.0} m")).unwrap_or_default();
            format!("{:.5}, {:.5}{within}", place.latitude, place.longitude)
        }
        Answer::RequestMirroring(mirroring) => clipped(mirroring.result.as_deref()?),
        Answer::VerifyRecoveryLock(verified) if verified.verified => "the password is right".to_owned(),
        Answer::VerifyRecoveryLock(_) => "the password is wrong".to_owned(),
        Answer::RotateFileVaultKey(rotated) => {
            let key = rotated.result.as_ref().is_some_and(|result| result.encrypted_key.is_some());
            if key { "a new recovery key, encrypted".to_owned() } else { return None }
        }
        Answer::Other(_) => return None,
    })
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn clipped(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use russet_protocol::result::{DeviceInformation, DeviceLockAnswer, Location, RecoveryLockAnswer};

    #[test]
    fn an_answer_is_told_in_a_few_words() {
        let mut information = DeviceInformation::default();
        information.set("DeviceName", "x");
        let place = Location {
            latitude: 52.520_01,
            longitude: 13.404_95,
            horizontal_accuracy: Some(65.4),
            vertical_accuracy: None,
            altitude: None,
            speed: None,
            course: None,
            timestamp: None,
        };
        for (answer, expected) in [
            (Answer::none(), None),
            (Answer::DeviceInformation(information), Some("1 fact")),
            (Answer::UserList(vec![]), Some("0 users")),
            (Answer::DeviceLocation(place), Some("52.52001, 13.40495, within 65 m")),
            (Answer::VerifyRecoveryLock(RecoveryLockAnswer { verified: false }), Some("the password is wrong")),
            (Answer::DeviceLock(DeviceLockAnswer { message_result: None }), None),
            (
                Answer::DeviceLock(DeviceLockAnswer { message_result: Some("Suc\ncess".into()) }),
                Some("message: Success"),
            ),
        ] {
            assert_eq!(of(&answer).as_deref(), expected);
        }
    }
}
