//! The states of a managed app. Source: Apple schema, `mdm/commands/application.managed.list.yaml`.

use std::fmt;

macro_rules! states {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// `State` of `InstallApplication` and `Status` of `ManagedApplicationList`.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum AppState {
            $($(#[$doc])* $name,)*
            /// Any other text, Apple's own `Unknown` among them.
            Unknown(String),
        }

        impl AppState {
            /// The states Apple names, without `Unknown`.
            pub const KNOWN: &[Self] = &[$(Self::$name),*];

            /// The value on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => stringify!($name),)*
                    Self::Unknown(text) => text,
                }
            }

            /// Reads the value on the wire.
            #[must_use]
            pub fn parse(text: &str) -> Self {
                match text {
                    $(stringify!($name) => Self::$name,)*
                    other => Self::Unknown(other.to_owned()),
                }
            }
        }
    };
}

states!(
    /// Scheduled.
    Queued,
    /// The device waits for a redemption code.
    NeedsRedemption,
    /// A redemption code is being redeemed.
    Redeeming,
    /// The user is asked to allow the installation.
    Prompting,
    /// The user is asked to sign in to the store.
    PromptingForLogin,
    /// The purchase is being validated.
    ValidatingPurchase,
    /// Being installed.
    Installing,
    /// Installed and managed.
    Managed,
    /// Managed, but the user deleted it.
    ManagedButUninstalled,
    /// The user installed it before it could be managed. Reported once.
    UserInstalledApp,
    /// The user refused the installation. Reported once.
    UserRejected,
    /// The user is asked to allow the update.
    PromptingForUpdate,
    /// The user is asked to sign in for the update.
    PromptingForUpdateLogin,
    /// The update is being validated.
    ValidatingUpdate,
    /// Being updated.
    Updating,
    /// The user refused the update. Reported once.
    UpdateRejected,
    /// The user is asked to allow management.
    PromptingForManagement,
    /// The user refused management. Reported once.
    ManagementRejected,
    /// Failed. Reported once.
    Failed,
);

impl AppState {
    /// Whether the device forgets this state once it has reported it, so that a second list will not show it.
    #[must_use]
    pub fn is_reported_once(&self) -> bool {
        matches!(
            self,
            Self::UserInstalledApp
                | Self::UserRejected
                | Self::UpdateRejected
                | Self::ManagementRejected
                | Self::Failed
        )
    }

    /// Whether the device is still working on the app, or asking its user, so that another state will follow.
    #[must_use]
    pub fn is_in_progress(&self) -> bool {
        matches!(
            self,
            Self::Queued
                | Self::NeedsRedemption
                | Self::Redeeming
                | Self::Prompting
                | Self::PromptingForLogin
                | Self::ValidatingPurchase
                | Self::Installing
                | Self::PromptingForUpdate
                | Self::PromptingForUpdateLogin
                | Self::ValidatingUpdate
                | Self::Updating
                | Self::PromptingForManagement
        )
    }
}

impl fmt::Display for AppState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
