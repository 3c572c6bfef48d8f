//! Transport to the Apple Push Notification service, as far as device management uses it: HTTP/2 over TLS with the push
//! certificate as client certificate, `POST /3/device/<token>` with `{"mdm":"<PushMagic>"}`.
//!
//! Types of options, payload and known reasons are those of the `a2` crate; its client is not used, since it can be pointed
//! at no other host and trusts no other roots. This crate holds no queue and no policy: it sends one push, retries once
//! where a connection went away under it, and says what the answer means. It must never log a token or a PushMagic, and
//! never speak without TLS.
//!
//! Source: "Sending notification requests to APNs" and "Handling notification responses from APNs" in Apple's documentation.

mod answer;
mod client;
mod connection;
mod push;
mod settings;

pub use answer::{Answer, Verdict};
pub use client::{Client, SendError};
pub use push::MdmPush;
pub use settings::{Roots, Settings, SetupError};
