//! Who a device is, and how it came: invitations, enrollment profiles, identities, check-in.
//!
//! Three things, three tables: a *device* is hardware (the `directory` room), an *enrollment* is an identity and its state,
//! a *channel* is one conversation of it, with a token and a queue. The server decides whom a certificate stands for when
//! it issues it; from then on a request speaks for that enrollment and no other, whatever it says about itself.
//!
//! The way of a device: [`invitations`] gives a link, [`profile`] what lies behind it, [`issuance`] the certificate, and
//! [`conversation`] is every message from then on.
//!
//! Must never plan, push or reach the network while a device waits: what a message changes is left as rows. Must never
//! give an enrollment anything that was queued for another.

pub mod addresses;
mod arrival;
pub mod authority;
mod bootstrap;
pub mod channels;
pub mod checkin;
mod composing;
pub mod conversation;
pub mod declarations;
mod ending;
pub mod held;
pub mod identity;
pub mod invitations;
pub mod issuance;
mod messages;
pub mod orders;
mod outside;
pub mod profile;
mod questions;
mod records;
pub mod renewal;
pub mod return_to_service;
mod rows;
mod service_tokens;
pub mod silence;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
pub(crate) mod tests;
pub mod visits;

pub use ending::unenroll;

use crate::commands::CommandError;
use russet_store::StoreError;
use std::time::Duration;

/// How long the SCEP challenge of a downloaded enrollment profile can be used. People download a profile and install it in
/// Settings later the same day.
pub const CHALLENGE_VALID: Duration = Duration::from_secs(24 * 3600);
/// How long the older identity of an enrollment is accepted after the newer one was confirmed: a device whose replacement
/// failed goes back to it [micromdm#557].
pub const OLDER_IDENTITY_VALID: Duration = Duration::from_secs(24 * 3600);
/// After this silence an enrollment no longer holds up another one of the same device.
pub const SILENT_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);

/// Why something in this room was not done.
#[derive(Debug, thiserror::Error)]
pub enum EnrollmentError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A command could not be queued.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// OpenSSL.
    #[error(transparent)]
    Crypto(#[from] russet_pki::CryptoError),
    /// The stored certificate authority.
    #[error(transparent)]
    Authority(#[from] russet_pki::ca::AuthorityError),
    /// The identity of a request.
    #[error(transparent)]
    Refused(#[from] identity::Refused),
    /// The body of a request.
    #[error("the message cannot be read: {0}")]
    Unreadable(String),
    /// The link leads nowhere: unknown, expired, revoked or used up. One answer for all, so that codes cannot be probed.
    #[error("this invitation is not valid (any more): ask for a new one")]
    InvitationNotValid,
    /// No profile can be made before there is a push certificate: its topic stands in the profile.
    #[error("no push certificate has been imported yet: import one with `russet admin push-certificate import`")]
    NoPushCertificate,
    /// The device has no live enrollment to end.
    #[error("the device is not enrolled")]
    NotEnrolled,
    /// The device was asked to leave: nothing more should be sent to it.
    #[error(
        "the device was asked to remove its enrollment; it gets nothing more. Cancel that command first if it is to stay"
    )]
    Leaving,
    /// No user, or more than one, goes by this name.
    #[error("the device has no channel of this user, or more than one by this short name; give the UserID")]
    NoSuchUser,
    /// What an admin asked for cannot be.
    #[error("{0}")]
    Invalid(&'static str),
    /// The keys of a command make none.
    #[error(transparent)]
    Written(#[from] russet_protocol::command::WrittenError),
    /// Work handed to another thread did not come back.
    #[error("the work was interrupted; try again")]
    Interrupted,
}

/// Runs what keeps a processor busy for a millisecond or more where it holds up no other request.
async fn busy<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, EnrollmentError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| EnrollmentError::Interrupted)
}
