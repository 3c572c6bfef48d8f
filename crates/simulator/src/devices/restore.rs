//! Backups of a device, and what becomes of it when it is restored from one: it knows what it knew then, has the identity of
//! then, and says only `TokenUpdate` (Apple docs: Check-in, restored devices).

use super::channel::{Channel, upper_uuid};
use super::device::{Device, hex};
use super::fault::Doing;
use super::state::Backup;
use std::sync::Arc;

impl Device {
    /// Keeps what a backup would hold.
    pub(super) fn back_up(&self) {
        let mut state = self.state();
        let Some(enrollment) = state.enrollment.clone() else { return };
        state.backup = Some(Backup { enrollment, profiles: state.profiles.clone(), apps: state.apps.clone() });
    }

    /// The device is restored from its last backup, if that is of the present enrollment profile.
    pub(super) async fn restore(self: &Arc<Self>) {
        let Some(backup) = self.state().backup.clone() else { return };
        let Some(now) = self.state().enrollment.clone() else { return };
        if backup.enrollment.mdm.server_url != now.mdm.server_url {
            return;
        }
        let mut enrollment = backup.enrollment;
        // APNs gives a restored device another token.
        let mut token = vec![0; 32];
        if let Err(fault) = openssl::rand::rand_bytes(&mut token).doing("making a push token") {
            return self.change(|state| state.last_error = Some(fault.to_string()));
        }
        self.shared.courier.forget(&hex(&now.token));
        enrollment.token = token;
        enrollment.magic = upper_uuid();
        self.change(|state| {
            state.profiles = backup.profiles;
            state.apps = backup.apps;
            state.answers.clear();
            state.declarations.clear();
            state.restores += 1;
            state.arriving = Some(enrollment.magic.clone());
            state.enrollment = Some(enrollment.clone());
        });
        self.listen(Channel::Device, &enrollment.token);
        let said = match self.token_update(&enrollment) {
            Ok(update) => self.check_in(&enrollment, update).await,
            Err(fault) => Err(fault),
        };
        if let Err(fault) = said {
            self.change(|state| {
                state.last_error = Some(fault.to_string());
                state.problem("restore-refused", fault.to_string(), None);
            });
        }
    }
}
