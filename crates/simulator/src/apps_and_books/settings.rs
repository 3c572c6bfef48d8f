//! How the simulated service behaves: its limits, its delays, and the faults that were ordered.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Behaviour, readable and writable while the simulator runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Settings {
    /// From an accepted request to the end of its event, in milliseconds. Default 1,000.
    pub event_delay_millis: u64,
    /// From the end of an event to the moment at which the store sees the license of a device, in milliseconds.
    /// Default 500.
    pub visibility_delay_millis: u64,
    /// From a disassociation's end to the license being free again, in milliseconds. Default 0.
    pub release_delay_millis: u64,
    /// Records on a page. Default 1,000.
    pub page_size: usize,
    /// Whether more than `maxRequestPerSecond` requests in a second of real time are refused. Default yes.
    pub throttle: bool,
    /// Errors are answered with HTTP status 200 and an error object. Default no.
    pub errors_as_200: bool,
    /// An association that already holds fails with 9616, and a disassociation of what is not there with 9619, instead
    /// of succeeding without effect. Default no.
    pub repeats_fail: bool,
    /// Limits, as `service/config` gives them.
    pub limits: Limits,
}

/// `limits` of `service/config`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Limits {
    /// Assets in one association.
    pub max_assets: usize,
    /// People in one association.
    pub max_client_user_ids: usize,
    /// Devices in one association.
    pub max_serial_numbers: usize,
    /// People in one revocation.
    pub max_revoke_client_user_ids: usize,
    /// Devices in one revocation.
    pub max_revoke_serial_numbers: usize,
    /// People in one registration.
    pub max_users: usize,
    /// Characters of the notification URL, and of its token.
    pub max_notification_length: usize,
    /// Characters of the MDM's id.
    pub max_mdm_id_length: usize,
    /// Characters of the MDM's name.
    pub max_mdm_name_length: usize,
    /// Characters of the MDM's metadata.
    pub max_mdm_metadata_length: usize,
    /// Requests in a second with one token.
    pub max_request_per_second: usize,
    /// Subscriptions in one call (the simulator has none).
    pub max_subscriptions: usize,
    /// People in one call about subscriptions (the simulator has none).
    pub max_subscription_client_user_ids: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_assets: 25,
            max_client_user_ids: 1000,
            max_serial_numbers: 1000,
            max_revoke_client_user_ids: 100,
            max_revoke_serial_numbers: 100,
            max_users: 100,
            max_notification_length: 512,
            max_mdm_id_length: 100,
            max_mdm_name_length: 100,
            max_mdm_metadata_length: 255,
            max_request_per_second: 15,
            max_subscriptions: 25,
            max_subscription_client_user_ids: 1000,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            event_delay_millis: 1000,
            visibility_delay_millis: 500,
            release_delay_millis: 0,
            page_size: 1000,
            throttle: true,
            errors_as_200: false,
            repeats_fail: false,
            limits: Limits::default(),
        }
    }
}

impl Settings {
    pub(super) fn event_delay(&self) -> Duration {
        Duration::from_millis(self.event_delay_millis)
    }

    pub(super) fn visibility_delay(&self) -> Duration {
        Duration::from_millis(self.visibility_delay_millis)
    }

    pub(super) fn release_delay(&self) -> Duration {
        Duration::from_millis(self.release_delay_millis)
    }
}

/// A fault that was ordered: it strikes the next `times` occasions that it concerns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// What happens.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// How often it strikes. Default 1.
    #[serde(default = "once")]
    pub times: u32,
    /// Only paths that end like this, such as `assets/associate`; all where absent. Events and notifications go by the
    /// path of the request that began them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Only this location (`uId`); all where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
}

fn once() -> u32 {
    1
}

/// Kinds of [`Fault`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum FaultKind {
    /// The request is refused with this number.
    Error {
        /// Apple's number, such as 9603, 9646 or 9729.
        error_number: u16,
        /// `Retry-After`, word for word: seconds, or a date as HTTP writes it.
        #[serde(default)]
        retry_after: Option<String>,
    },
    /// The request is answered by something that is not the service: a page in HTML.
    Html {
        /// The HTTP status.
        status: u16,
    },
    /// The connection ends before anything happened.
    CutBefore,
    /// What was asked for happens, then the connection ends without an answer.
    CutAfter,
    /// The answer comes late, by this many milliseconds of real time.
    Delay {
        /// How late.
        milliseconds: u64,
    },
    /// The collection's `versionId` changes before this page is answered.
    VersionChanges,
    /// The event fails for its last `items` elements with this number.
    EventFails {
        /// Apple's number, such as 9709.
        error_number: u16,
        /// For how many elements.
        items: usize,
    },
    /// The event never ends.
    EventNeverEnds,
    /// The event takes this many milliseconds instead of the usual delay.
    EventDelay {
        /// How long.
        milliseconds: u64,
    },
    /// No notification is sent about the event.
    NotificationLost,
    /// Each notification about the event is sent twice.
    NotificationDoubled,
    /// Notifications about the event are sent this many milliseconds after its end.
    NotificationLate {
        /// How late.
        milliseconds: u64,
    },
    /// Notifications about the event are sent last first.
    NotificationReversed,
}

/// On which occasion a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    Request,
    Event,
    Notification,
}

impl FaultKind {
    pub(super) fn occasion(&self) -> Occasion {
        match self {
            Self::EventFails { .. } | Self::EventNeverEnds | Self::EventDelay { .. } => Occasion::Event,
            Self::NotificationLost
            | Self::NotificationDoubled
            | Self::NotificationLate { .. }
            | Self::NotificationReversed => Occasion::Notification,
            _ => Occasion::Request,
        }
    }
}

/// The faults still to strike.
#[derive(Debug, Default)]
pub(super) struct Faults(pub(super) Vec<Fault>);

impl Faults {
    /// The fault that strikes now, if any; one strike of it is used up.
    pub(super) fn strike(&mut self, occasion: Occasion, path: &str, location: Option<&str>) -> Option<FaultKind> {
        let concerned = |fault: &Fault| {
            fault.kind.occasion() == occasion
                && fault.times > 0
                && fault.path.as_deref().is_none_or(|end| path.ends_with(end))
                && (fault.location.is_none() || fault.location.as_deref() == location)
        };
        let fault = self.0.iter_mut().find(|fault| concerned(fault))?;
        fault.times -= 1;
        let kind = fault.kind.clone();
        self.0.retain(|fault| fault.times > 0);
        Some(kind)
    }
}
