//! Why a device could not do what it set out to do. Texts say what to do next, where the reader can do something.

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The options make no fleet.
    #[error("{0}")]
    Options(String),
    /// What the server sent breaks Apple's rules; trying again would not help.
    #[error("{0}")]
    Refused(String),
    /// No connection, or it broke. Worth another try.
    #[error("cannot reach {url}: {reason}")]
    Unreachable {
        /// The address.
        url: String,
        /// What the network said.
        reason: String,
    },
    /// The server's TLS certificate is not trusted.
    #[error("the certificate of {url} is not trusted ({reason}); pass its root with --root")]
    Untrusted {
        /// The address.
        url: String,
        /// What TLS said.
        reason: String,
    },
    /// The server answered with something other than 200.
    #[error("{url} answered {status}: {text}")]
    Status {
        /// The address.
        url: String,
        /// HTTP status.
        status: u16,
        /// Begin of the body.
        text: String,
    },
    /// OpenSSL refused.
    #[error("{what}: {source}")]
    Crypto {
        /// What was being done.
        what: &'static str,
        /// OpenSSL's errors.
        source: openssl::error::ErrorStack,
    },
    /// A property list could not be read or written.
    #[error("{what}: {source}")]
    Plist {
        /// What was being read.
        what: &'static str,
        /// The reader's words.
        source: plist::Error,
    },
    /// A listener could not be opened.
    #[error("cannot listen on {at}: {source}; choose another address")]
    Listen {
        /// The address.
        at: std::net::SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The fleet is being stopped.
    #[error("the fleet is stopping")]
    Stopped,
}

impl Fault {
    /// Whether the same step may succeed later without anyone changing anything.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Status { status, .. } => *status >= 500 || *status == 429 || *status == 408,
            _ => false,
        }
    }
}

/// Names what OpenSSL was doing when it refused.
pub(super) trait Doing<T> {
    fn doing(self, what: &'static str) -> Result<T, Fault>;
}

impl<T> Doing<T> for Result<T, openssl::error::ErrorStack> {
    fn doing(self, what: &'static str) -> Result<T, Fault> {
        self.map_err(|source| Fault::Crypto { what, source })
    }
}

impl<T> Doing<T> for Result<T, plist::Error> {
    fn doing(self, what: &'static str) -> Result<T, Fault> {
        self.map_err(|source| Fault::Plist { what, source })
    }
}
