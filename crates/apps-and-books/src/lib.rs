//! Client of Apple's license service (App and Book Management API, version 2) and of its metadata lookup.
//!
//! Typed requests and answers; no storage, no clock of its own, no decisions: the caller owns the rhythm, the order and
//! the state. Must never repeat a mutation by itself (Apple offers no idempotency key), follow a redirect, or show a server
//! token in a log, an error or `Debug`.

mod token;

pub use token::{ServerToken, TokenError};
