//! One file a subcommand. Thin: reads arguments, calls one function, prints for people or as JSON.

pub mod client;
