//! Identifiers of our own rows: UUIDv7, so that they sort by the time they were made. Apple's identifiers live in
//! `russet_protocol::ids`.

use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

macro_rules! row_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The form that is stored: lower-case text with hyphens.
            #[must_use]
            pub fn text(self) -> String {
                self.0.hyphenated().to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

row_id!(
    /// One piece of hardware.
    DeviceId
);
row_id!(
    /// One enrollment of a device: an identity and its state. Not Apple's `EnrollmentID`.
    EnrollmentId
);
row_id!(
    /// One conversation with a device or with one of its users: a push token and a queue of commands.
    ChannelId
);
row_id!(
    /// One App Store account: a location, its server token and its defaults.
    AccountId
);
row_id!(
    /// One app of an account: an asset and how it is managed.
    AppId
);
row_id!(
    /// One configuration profile that an admin imported.
    ProfileId
);
row_id!(
    /// One user: a person whose devices are managed.
    UserId
);
row_id!(
    /// One invitation to enroll.
    InvitationId
);
row_id!(
    /// One API token.
    TokenId
);
