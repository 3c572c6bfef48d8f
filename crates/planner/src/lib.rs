//! What a device still needs, and why: pure functions, no I/O, no clock, no randomness.
//!
//! The room that carries plans out loads [`facts`] of one device, asks [`profiles::wanted`] which configuration
//! profiles the device is meant to have, composes them, and asks [`plan()`] for licenses, ordered steps and one
//! verdict per app. The same facts always give the same plan; a plan that was carried out and answered gives an empty
//! one. Nothing here ever leaves an app without a reason, an owner and a moment at which something happens next.

pub mod allocate;
mod app;
pub mod errors;
pub mod facts;
pub mod ladder;
pub mod memory;
mod plan;
mod profile_steps;
pub mod profiles;
pub mod reason;
pub mod settings;
pub mod steps;
pub mod support;

pub use facts::{AppFacts, DeviceFacts};
pub use memory::{DeviceMemory, Memory};
pub use plan::{OPEN_APP_COMMANDS, plan};
pub use reason::{Owner, Reason, Standing};
pub use steps::{Action, After, AppVerdict, LicenseNeed, Plan, Step};
