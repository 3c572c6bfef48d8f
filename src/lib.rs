//! Russet: an Apple MDM server that turns app licenses into managed apps.
//!
//! The map of the house is `ARCHITECTURE.md`. Arrows between rooms go down only; `tests/it/rooms.rs` holds them.

pub mod access;
pub mod api;
pub mod apps;
pub mod cli;
pub mod commands;
pub mod config;
pub mod context;
pub mod directory;
pub mod enrollment;
pub mod events;
pub mod gateway;
pub mod ids;
pub mod licenses;
pub mod profiles;
pub mod push;
pub mod server;
pub mod start;
#[cfg(test)]
pub(crate) mod testing;
