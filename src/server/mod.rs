//! Listeners, TLS, client certificates, limits, orderly stop. Knows nothing of MDM.
//!
//! A request that reaches a router carries [`PeerAddress`] and, on a TLS listener, [`PeerCertificate`] as extensions.
//! The handshake proves that the peer holds the certificate's key and nothing more: whether the certificate is known,
//! expired or foreign is decided where HTTP can say so.

mod client_certificate;
mod listener;
#[cfg(test)]
mod tests;
pub mod tls;

pub use listener::{Limits, Listener, bind};

use std::net::SocketAddr;
use std::sync::Arc;

/// The certificate that the peer proved to hold, DER; none where it sent none. Its issuer and its dates are NOT checked.
#[derive(Debug, Clone, Default)]
pub struct PeerCertificate(pub Option<Arc<[u8]>>);

/// Where the connection comes from.
#[derive(Debug, Clone, Copy)]
pub struct PeerAddress(pub SocketAddr);

/// Makes ring the one provider of TLS for this process. Called first thing by the program and by tests; more calls do
/// nothing.
pub fn install_crypto() {
    // An error says that one is installed already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
