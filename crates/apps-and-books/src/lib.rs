//! Client of Apple's license service (App and Book Management API, version 2) and of its metadata lookup.
//!
//! Typed requests and answers; no storage, no clock of its own, no decisions: the caller owns the rhythm, the order and
//! the state. Must never repeat a mutation by itself (Apple offers no idempotency key), follow a redirect, or show a server
//! token in a log, an error or `Debug`.

mod client;
mod error;
mod metadata;
mod pace;
mod service;
mod token;
mod transport;
mod walk;
mod wire;

pub use client::{Action, Answer, Claim, Client, Webhook};
pub use error::{Advice, AppleError, ErrorInfo, Failure};
pub use metadata::{Found, Lookup};
pub use service::{Limits, ServiceConfig};
pub use token::{ServerToken, TokenError};
pub use transport::{Roots, Settings, SetupError};
pub use walk::{Filter, Walk};
pub use wire::{
    AssetKey, AssetRecord, Assignment, ClientConfig, EventState, EventStatus, MdmInfo, Notification, Page, Target,
    Trailer,
};
