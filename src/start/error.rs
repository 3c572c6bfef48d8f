//! Why the server did not start. Each text says what to do next.

use crate::access::AccessError;
use crate::enrollment::EnrollmentError;
use crate::server::tls::TlsError;
use russet_store::StoreError;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A file or folder of ours.
    #[error("{} cannot be {action}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What was tried, as "read" or "written".
        action: &'static str,
        /// What the machine says.
        source: std::io::Error,
    },
    /// The master key.
    #[error("the master key cannot be used: it must be 32 bytes")]
    Key,
    /// The database is there and the file of its master key is not.
    #[error(
        "the master key {} is missing, and this database was made with it; put it back from where you keep its copy, or set \
         master_key_file or RUSSET_MASTER_KEY", .0.display()
    )]
    KeyMissing(PathBuf),
    /// An address.
    #[error("{key}: cannot listen on {address}: {source}; another program may use the port, choose another one")]
    Listen {
        /// The setting.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the machine says.
        source: std::io::Error,
    },
    /// The public URL names no host that a certificate can be made for.
    #[error("device.public_url: {0} names no host that a TLS certificate can be made for")]
    Host(String),
    /// The TLS certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// OpenSSL.
    #[error(transparent)]
    Crypto(#[from] russet_pki::CryptoError),
    /// The certificate authority.
    #[error(transparent)]
    Authority(#[from] EnrollmentError),
    /// The first token.
    #[error(transparent)]
    Token(#[from] AccessError),
    /// The store.
    #[error("{}", with_reason(.0))]
    Store(#[from] StoreError),
}

/// At a start the log is what people read: the reason of an unreachable database belongs into the message. It names host and
/// user at most.
fn with_reason(error: &StoreError) -> String {
    match error {
        StoreError::Unavailable(reason) => {
            format!("the database cannot be used: {reason}; is database.url right, and does the database run?")
        }
        other => other.to_string(),
    }
}
