//! Certificates and signed messages: BER, CMS, SCEP, the device certificate authority, push certificates.
//!
//! No I/O, and no clock: every function that depends on the time is told it. Verification is *ring*'s, through
//! `x509-parser` for certificates; OpenSSL makes keys, opens envelopes and signs. Must never decide what a certificate
//! is allowed to do in the server: it says who signed and who issued, the `enrollment` room says for whom.

pub mod ber;
pub mod ca;
pub mod certificate;
pub mod cms;
mod der;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod portable;
pub mod push_certificate;
pub mod scep;
pub mod text;

use openssl::error::ErrorStack;

/// OpenSSL could not make a key, a certificate or a message. Never the fault of a peer's input: those have errors of
/// their own.
#[derive(Debug, thiserror::Error)]
#[error("the cryptographic library failed: {0}")]
pub struct CryptoError(#[from] pub(crate) ErrorStack);
