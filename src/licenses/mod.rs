//! App Store accounts and the mirror of Apple's records; every mutation at Apple goes through here.
//!
//! Others say what they wish ([`need`], [`release`]) and read what is so ([`states_of_serial`], [`assets`]); the
//! [`worker`] makes it so at Apple. Each change marks the device dirty, and the reconciler comes to look. Must never take two
//! licenses for one need: a wish is one row by its primary key, a call to Apple is stored before it is sent, and after an
//! unclear answer Apple's records are read before anything is sent again.

pub mod accounts;
pub mod assets;
mod defaults;
pub mod notifications;
mod store;
#[cfg(test)]
pub(crate) mod testing;
mod wishes;
pub mod worker;

pub use defaults::{AssignmentType, Defaults};
pub use wishes::{LicenseState, State, need, release, states_of_serial, states_of_serials};

use russet_apps_and_books::TokenError;
use russet_store::StoreError;

/// What can go wrong when an admin asks for something here. Trouble with Apple is a state of the account instead.
#[derive(Debug, thiserror::Error)]
pub enum LicenseError {
    /// The text is no server token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The name does not fit.
    #[error("give the account a name of 1 to 100 characters on one line")]
    BadName,
    /// Another account has this name.
    #[error("there is an account named {0:?} already; choose another name")]
    NameTaken(String),
    /// This very token is in use.
    #[error(
        "this server token belongs to the account {0:?} already; to add another location, download the token of that location"
    )]
    TokenTaken(String),
    /// The defaults contradict themselves.
    #[error("{0}")]
    BadDefaults(String),
    /// The defaults were changed by somebody else in between.
    #[error("the defaults were changed meanwhile; read them again, then repeat the change")]
    Changed,
    /// No such account.
    #[error("there is no such App Store account; `russet admin accounts list` shows those that exist")]
    NotFound,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
