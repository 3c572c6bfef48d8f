//! Off, on, erased: what a device does after it has answered a command that ends its work, and what a person does about it.

use super::device::{Device, EnrollBy, hex};
use super::roster::Chance;
use super::state::State;
use super::view::{Phase, Power};
use russet_protocol::Platform;
use russet_protocol::command::ReturnToService;
use std::sync::Arc;

/// What follows an answer.
#[derive(Debug, Clone, Default)]
pub(super) enum After {
    /// The next command.
    #[default]
    Nothing,
    /// The enrollment profile goes.
    Leave,
    /// Everything goes.
    Erase(Option<ReturnToService>),
    /// It starts again.
    Restart,
    /// It is off.
    ShutDown,
    /// A Mac restarts and asks for the PIN.
    Pin,
}

impl After {
    /// Whether the session is over with this answer.
    pub(super) fn ends_session(&self) -> bool {
        !matches!(self, Self::Nothing)
    }
}

impl Device {
    /// Does what was acknowledged.
    pub(super) async fn follow_up(self: &Arc<Self>, after: After) {
        match after {
            After::Nothing => {}
            After::Leave => self.check_out().await,
            After::Erase(back) => self.erase(back),
            After::Restart => {
                tokio::time::sleep(self.shared.options.restart_time).await;
                self.change(|state| state.restarts += 1);
                self.poll_all();
            }
            After::ShutDown => self.change(|state| state.power = Power::Off),
            After::Pin => self.change(|state| state.power = Power::Pin),
        }
    }

    /// Forgets everything. With `ReturnToService` it enrolls again by itself, by the profile that came with it or as before.
    fn erase(&self, back: Option<ReturnToService>) {
        let before = self.change(|state| {
            if let Some(enrollment) = state.enrollment.take() {
                self.shared.courier.forget(&hex(&enrollment.token));
            }
            self.forget_users(state);
            let chance = Chance::new(state.chance.next(), self.hardware.index);
            let fresh = State::new(&self.hardware.name, chance);
            // What a test can see of the past stays; what the device knew goes.
            let old = std::mem::replace(state, fresh);
            state.enrollments = old.enrollments;
            state.journal = old.journal;
            state.known = old.known;
            state.problems = old.problems;
            state.heard = old.heard;
            state.installs = old.installs;
            state.app_installs = old.app_installs;
            state.pushes = old.pushes;
            state.restarts = old.restarts;
            state.restores = old.restores;
            state.sounds = old.sounds;
            state.erasures = old.erasures + 1;
            state.phase = Phase::Erased;
            state.enrolled_by.clone_from(&old.enrolled_by);
            old.enrolled_by
        });
        let Some(back) = back.filter(|back| back.enabled) else { return };
        let by = back.mdm_profile.map(|profile| EnrollBy::Profile(profile.reveal().clone())).or(before);
        self.order(|orders| orders.enroll = by);
    }

    /// A person comes: switches the device on, types its PIN or passcode, enrolls an erased one again.
    pub(super) fn tend(&self) {
        let again = self.change(|state| {
            state.power = Power::On;
            state.locked = false;
            state.lock_message = None;
            state.enrolled_by.clone().filter(|_| state.phase == Phase::Erased)
        });
        match again {
            Some(by) => self.order(|orders| orders.enroll = Some(by)),
            None => self.poll_all(),
        }
    }

    /// Asks for commands on every channel.
    pub(super) fn poll_all(&self) {
        let channels = self.state().channels();
        self.order(|orders| orders.poll.extend(channels));
    }

    /// Whether people hold it in their hands: an Apple TV has no passcode, and nothing to lock.
    pub(super) fn can_lock(&self) -> bool {
        self.hardware.platform != Platform::TvOs
    }
}
