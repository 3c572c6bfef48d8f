//! The conversations of a device with its server: its own, and one for each of its users (Apple docs, Check-in). Each has its
//! own push token, magic and queue; the identity is the device's for all of them.

use super::fault::{Doing, Fault};
use super::roster::{Hardware, person};
use russet_protocol::checkin::{SHARED_IPAD_USER_ID, Sender};
use russet_protocol::{Platform, Udid, UserEnrollmentId};

/// Whose conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Channel {
    /// The device's own.
    Device,
    /// That of the user at this place of [`State::users`](super::state::State).
    User(usize),
}

/// A user of a Mac or of a Shared iPad.
#[derive(Debug, Clone)]
pub(super) struct User {
    /// Of a Shared iPad, the Managed Apple Account.
    pub(super) short_name: String,
    pub(super) long_name: String,
    /// The GUID of a Mac's user; in a user enrollment `EnrollmentUserID`.
    pub(super) id: String,
    pub(super) token: Vec<u8>,
    pub(super) magic: String,
    /// What the server gave a network user to speak with.
    pub(super) auth_token: Option<String>,
    /// Waits for `UserConfigured`.
    pub(super) awaiting: bool,
    /// The server has its token.
    pub(super) live: bool,
    /// The server does not manage this user.
    pub(super) declined: bool,
}

impl User {
    /// Invents user number `number` of a device.
    pub(super) fn invent(hardware: &Hardware, number: usize) -> Result<Self, Fault> {
        let name = person(hardware.index + number);
        let short_name = match hardware.platform {
            Platform::MacOs => format!("{}{number}", name.to_lowercase()),
            _ => format!("{}.{}.{number}@school.example", name.to_lowercase(), hardware.index),
        };
        let mut token = vec![0; 32];
        openssl::rand::rand_bytes(&mut token).doing("making a push token")?;
        Ok(Self {
            short_name,
            long_name: format!("{name} Example"),
            id: upper_uuid(),
            token,
            magic: upper_uuid(),
            auth_token: None,
            awaiting: hardware.shared && hardware.awaits,
            live: false,
            declined: false,
        })
    }
}

/// Identifiers of a message, with their keys.
pub(super) type Names = Vec<(&'static str, String)>;

/// What a message says about who sends it.
pub(super) fn names(hardware: &Hardware, user: Option<&User>) -> Names {
    let mut names = Vec::new();
    match &hardware.enrollment_id {
        Some(id) => names.push(("EnrollmentID", id.clone())),
        None => names.push(("UDID", hardware.udid.clone())),
    }
    let Some(user) = user else { return names };
    let mac = hardware.platform == Platform::MacOs;
    if hardware.enrollment_id.is_some() {
        names.push(("EnrollmentUserID", user.id.clone()));
    } else if mac {
        names.push(("UserID", user.id.clone()));
    } else {
        names.push(("UserID", SHARED_IPAD_USER_ID.to_owned()));
    }
    names.push(("UserShortName", user.short_name.clone()));
    if mac {
        names.push(("UserLongName", user.long_name.clone()));
    }
    if let Some(token) = &user.auth_token {
        names.push(("AuthToken", token.clone()));
    }
    names
}

/// The same for the frame of an answer.
pub(super) fn sender(names: &Names) -> Result<Sender, Fault> {
    let wrong = |what: &dyn std::fmt::Display| Fault::Refused(format!("a device cannot name itself: {what}"));
    let mut sender = Sender::default();
    for (key, value) in names {
        match *key {
            "UDID" => sender.udid = Some(Udid::new(value).map_err(|e| wrong(&e))?),
            "EnrollmentID" => {
                sender.user_enrollment_id = Some(UserEnrollmentId::new(value).map_err(|e| wrong(&e))?);
            }
            "EnrollmentUserID" => sender.enrollment_user_id = Some(value.clone()),
            "UserID" => sender.user_id = Some(value.clone()),
            "UserShortName" => sender.user_short_name = Some(value.clone()),
            "UserLongName" => sender.user_long_name = Some(value.clone()),
            _ => {}
        }
    }
    Ok(sender)
}

pub(super) fn upper_uuid() -> String {
    uuid::Uuid::new_v4().to_string().to_uppercase()
}
