//! Who a message says it comes from. Never proof of anything: who really speaks is decided by the identity certificate.

use crate::fields::{Put, text};
use crate::ids::{InvalidId, Udid, UserEnrollmentId, checked};
use plist::Dictionary;

/// The `UserID` of every user of a Shared iPad; they are told apart by `UserShortName`.
pub const SHARED_IPAD_USER_ID: &str = "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF";

/// The conversations a device can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChannelKind {
    /// The device itself.
    Device,
    /// One of its users.
    User,
}

/// The identifiers a message carries. `UDID` and `EnrollmentID` exclude each other. Source: Apple docs, Check-in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Sender {
    /// `UDID`; absent in user enrollments.
    pub udid: Option<Udid>,
    /// `EnrollmentID`, the device part of a user enrollment.
    pub user_enrollment_id: Option<UserEnrollmentId>,
    /// `EnrollmentUserID`, the user part of a user enrollment on a Mac.
    pub enrollment_user_id: Option<String>,
    /// `UserID`.
    pub user_id: Option<String>,
    /// `UserShortName`; on a Shared iPad the Managed Apple Account.
    pub user_short_name: Option<String>,
    /// `UserLongName`.
    pub user_long_name: Option<String>,
}

pub(crate) const SENDER_KEYS: [&str; 6] =
    ["UDID", "EnrollmentID", "EnrollmentUserID", "UserID", "UserShortName", "UserLongName"];

impl Sender {
    /// The device channel of a device with this UDID.
    #[must_use]
    pub fn device(udid: Udid) -> Self {
        Self { udid: Some(udid), ..Self::default() }
    }

    /// Which kind of channel speaks.
    #[must_use]
    pub fn channel(&self) -> ChannelKind {
        if self.user_id.is_some() || self.enrollment_user_id.is_some() {
            ChannelKind::User
        } else {
            ChannelKind::Device
        }
    }

    /// What tells this user of the device from others; nothing on the device channel.
    #[must_use]
    pub fn user_key(&self) -> Option<&str> {
        match (&self.enrollment_user_id, &self.user_id) {
            (Some(id), _) => Some(id),
            (None, Some(id)) if id == SHARED_IPAD_USER_ID => self.user_short_name.as_deref().or(Some(id)),
            (None, Some(id)) => Some(id),
            (None, None) => None,
        }
    }

    /// Refuses identifiers that no Apple system sends: another type than text, empty, over-long, with control characters
    /// or with the `:` and `/` that other tools join ids with. Left out, such an identifier would be compared with nothing.
    pub(crate) fn check(keys: &Dictionary) -> Result<(), InvalidId> {
        for what in ["UDID", "EnrollmentID", "EnrollmentUserID", "UserID", "UserShortName"] {
            let Some(value) = keys.get(what) else { continue };
            let text = value.as_string().ok_or(InvalidId { what, problem: "is no text" })?;
            if what == "UserShortName" {
                // An account's name, and empty where a user has none.
                if !text.is_empty() {
                    checked(what, text, 255)?;
                }
                continue;
            }
            checked(what, text, 128)?;
            if text.contains([':', '/']) {
                return Err(InvalidId { what, problem: "has a character that no identifier has" });
            }
        }
        Ok(())
    }

    pub(crate) fn read(keys: &Dictionary) -> Self {
        Self {
            udid: text(keys, "UDID").and_then(|id| Udid::new(id).ok()),
            user_enrollment_id: text(keys, "EnrollmentID").and_then(|id| UserEnrollmentId::new(id).ok()),
            enrollment_user_id: text(keys, "EnrollmentUserID"),
            user_id: text(keys, "UserID"),
            user_short_name: text(keys, "UserShortName"),
            user_long_name: text(keys, "UserLongName"),
        }
    }

    pub(crate) fn write(&self, keys: &mut Dictionary) {
        keys.put_some("UDID", self.udid.as_ref().map(Udid::as_str));
        keys.put_some("EnrollmentID", self.user_enrollment_id.as_ref().map(UserEnrollmentId::as_str));
        keys.put_some("EnrollmentUserID", self.enrollment_user_id.as_deref());
        keys.put_some("UserID", self.user_id.as_deref());
        keys.put_some("UserShortName", self.user_short_name.as_deref());
        keys.put_some("UserLongName", self.user_long_name.as_deref());
    }
}
