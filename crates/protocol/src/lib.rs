//! Apple's MDM wire types: identifiers, check-in, commands and their results, profiles, bounded property lists.
//!
//! Pure: no I/O, no clock, no randomness. Must never build a property list as text, and must never decode bytes that
//! were not measured first.

pub mod checkin;
pub mod command;
mod fields;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod guard;
pub mod ids;
pub mod media;
pub mod profile;
pub mod result;
mod secret;
pub mod support;
pub mod time;
mod wire;
pub mod xml;

pub use fields::WireError;
pub use ids::{
    AdamId, BundleId, ClientUserId, CommandUuid, InvalidId, Platform, PricingParam, PushMagic, PushToken, SerialNumber,
    Topic, Udid, UserEnrollmentId,
};
/// The tree that property lists are built from; part of this crate's interface (unknown keys, configurations).
pub use plist;
pub use secret::{Secret, SecretBytes, SecretText};
pub use time::Timestamp;
