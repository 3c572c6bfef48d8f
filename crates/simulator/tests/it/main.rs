//! The simulators on real sockets: real TLS, real HTTP/2, outcomes checked.

#![expect(clippy::unwrap_used, reason = "a test fails where something is not as it must be")]

mod apns;
mod apps_and_books;
mod client;
mod mdm;
mod webhook;
