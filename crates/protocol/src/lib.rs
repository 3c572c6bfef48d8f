//! Apple's MDM wire types: identifiers, check-in, commands and their results, profiles, bounded property lists.
//!
//! Pure: no I/O, no clock, no randomness. Must never build a property list as text, and must never decode bytes that
//! were not measured first.

pub mod ids;
pub mod time;

pub use ids::{
    AdamId, BundleId, ClientUserId, CommandUuid, InvalidId, Platform, PricingParam, PushMagic, PushToken, SerialNumber,
    Topic, Udid, UserEnrollmentId,
};
pub use time::Timestamp;
