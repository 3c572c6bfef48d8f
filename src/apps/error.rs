//! What can go wrong when somebody changes or asks about apps.

use crate::commands::CommandError;
use russet_store::StoreError;

/// What can go wrong when somebody changes or asks about apps.
#[derive(Debug, thiserror::Error)]
pub enum AppsError {
    /// No such app.
    #[error("there is no such app; `russet admin apps list` shows those there are")]
    NoSuchApp,
    /// No such device.
    #[error("there is no such device; `russet admin devices list` shows those there are")]
    NoSuchDevice,
    /// The reconciler has not looked at the app on this device.
    #[error("nothing is planned for this app on this device; if the app was just added, ask again in a moment")]
    NotPlanned,
    /// No such account.
    #[error("there is no such App Store account; import its server token first")]
    NoSuchAccount,
    /// The account manages this app already.
    #[error("this account manages the app already; change its settings instead")]
    AlreadyThere,
    /// Apple's records of the account do not have it.
    #[error(
        "Apple's records of the account {account:?} hold no such license; `russet admin accounts assets` lists what it owns, \
         `russet admin accounts sync` reads the records again after you bought one"
    )]
    NotOwned {
        /// The account's name.
        account: String,
    },
    /// It is a book.
    #[error("this is a book; only apps can be managed on devices")]
    Book,
    /// No such profile.
    #[error("there is no such profile; `russet admin profiles list` shows those there are")]
    NoSuchProfile,
    /// The profile is chosen somewhere.
    #[error("the profile is used by {users}; choose another one, or none, there first")]
    ProfileInUse {
        /// Accounts and apps.
        users: String,
    },
    /// The account still has apps.
    #[error("the account manages apps, or they are still being taken off devices: {apps}; remove these first")]
    AccountInUse {
        /// Their names.
        apps: String,
    },
    /// Somebody else changed the settings meanwhile.
    #[error("the settings were changed by somebody else meanwhile; read them again, then repeat the change")]
    Changed,
    /// A setting that cannot be.
    #[error("{setting}: {reason}")]
    BadSetting {
        /// The setting's name, as in the API.
        setting: &'static str,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The device or Apple's mirror holds something that makes no command.
    #[error("the plan for this device cannot be carried out: {0}")]
    Plan(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CommandError> for AppsError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Store(error) => Self::Store(error),
            other => Self::Plan(other.to_string()),
        }
    }
}
