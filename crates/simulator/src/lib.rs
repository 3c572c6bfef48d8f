//! Simulated devices, APNs and Apps and Books, after Apple's documents and independent of the server.
//!
//! Each simulator is a product of its own: it runs alone (`russet simulate …`) and works against any MDM server. They
//! share the modules at the top of this crate: [`ca`] (a simulator's own certificates), [`serve`] (listeners), [`clock`]
//! (a clock that can be moved) and [`journal`] (what happened, for assertions).
//!
//! This crate must never use the server's crates: certificates, CMS and SCEP are OpenSSL's here, so that a mistake of
//! ours cannot cancel itself out. Everything it holds lives in memory and is invented; nothing in it is a secret.

pub mod apns;
pub mod apps_and_books;
pub mod ca;
pub mod clock;
pub mod devices;
pub mod journal;
pub mod serve;

/// Why a simulator could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener could not be opened.
    #[error("cannot listen on {listen}: {source}; choose another address or stop what is using it")]
    Listen {
        /// The address asked for.
        listen: std::net::SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A certificate could not be made or read.
    #[error(transparent)]
    Certificates(#[from] ca::CaError),
    /// A location of the simulated Apps and Books service is wrong.
    #[error("location {location}: {problem}")]
    Location {
        /// The location's name.
        location: String,
        /// What is wrong with it.
        problem: String,
    },
}
