//! The one table of Apple's error numbers: what they mean, what Russet does by itself, what an admin can do.
//!
//! Sources: Apple's App and Book Management error codes (developer.apple.com, "Error codes"; `service/config`
//! `errorCodes` is the live list), the legacy list of its first version, and the device error domains as devices send
//! them in `ErrorChain`. Codes and domains change between releases, so they choose waits and words only; the last word
//! is the next `ManagedApplicationList`. What is not in the table is tried again as [`Class::Passing`].

use serde::{Deserialize, Serialize};

/// What an error asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The device does not see the license yet: retry ladder.
    LicenseNotVisible,
    /// Possibly no failure at all: look first, then decide.
    LookFirst,
    /// Passing trouble: retry ladder.
    Passing,
    /// Only the person at the device can help: offered again daily.
    Person,
    /// Only an admin can help: tried again daily.
    Admin,
    /// What was asked for is so already.
    AlreadySo,
    /// No license is left: goes on by itself when one is free.
    NoneLeft,
    /// The account as a whole is refused: nothing is sent until an admin mends it.
    Account,
    /// Our own mistake: not repeated unchanged.
    Ours,
}

/// Who says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Domain {
    /// Apps and Books; on devices `ASDServerErrorDomain` repeats its numbers.
    AppsAndBooks,
    /// `ASDErrorDomain`: the Mac's store daemon.
    StoreDaemon,
    /// `MCMDMErrorDomain`: the MDM client of iOS, iPadOS, tvOS, visionOS and macOS.
    MdmClient,
    /// `RejectionReason` of an `InstallApplication` answer, numbered by nothing but its name.
    Rejection,
}

impl Domain {
    /// The domain of an `ErrorChain` item.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "ASDServerErrorDomain" => Some(Self::AppsAndBooks),
            "ASDErrorDomain" => Some(Self::StoreDaemon),
            "MCMDMErrorDomain" => Some(Self::MdmClient),
            _ => None,
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Who says it.
    pub domain: Domain,
    /// The number; 0 in [`Domain::Rejection`].
    pub number: i64,
    /// What it means, as a sentence without a full stop.
    pub words: &'static str,
    /// What helps, as a sentence without a full stop.
    pub help: &'static str,
    /// What Russet does.
    pub class: Class,
}

const fn row(domain: Domain, number: i64, class: Class, words: &'static str, help: &'static str) -> Known {
    Known { domain, number, words, help, class }
}

const BY_ITSELF: &str = "nothing to do: it is tried again by itself";

/// The table, by domain and number.
pub const TABLE: &[Known] = &{
    use Class::{Account, Admin, AlreadySo, LicenseNotVisible, LookFirst, NoneLeft, Ours, Passing, Person};
    use Domain::{AppsAndBooks as Books, MdmClient as Mdm, StoreDaemon as Daemon};
    [
        row(Books, 9600, Ours, "an argument is missing", "report it: the request was wrong"),
        row(Books, 9601, Account, "the server token is not accepted", "download a new server token and import it"),
        row(Books, 9602, Ours, "an argument is not valid", "report it: the request was wrong"),
        row(Books, 9603, Passing, "Apple's service had an internal error", BY_ITSELF),
        row(
            Books,
            9604,
            Admin,
            "Apple does not know what was asked for",
            "check that the app still belongs to this location",
        ),
        row(Books, 9605, Admin, "the app is not in this country's store", "check the country of the account"),
        row(Books, 9607, Admin, "this license cannot be taken back", "nothing can be done: Apple does not allow it"),
        row(Books, 9609, Passing, "Apple does not know this registered user", BY_ITSELF),
        row(
            Books,
            9610,
            LicenseNotVisible,
            "the license was not found",
            "check that the app's licenses are in this location",
        ),
        row(Books, 9616, AlreadySo, "the license is assigned already", "nothing to do"),
        row(Books, 9618, AlreadySo, "the user is retired already", "nothing to do"),
        row(Books, 9619, AlreadySo, "the license was not assigned", "nothing to do"),
        row(Books, 9620, AlreadySo, "it was deleted already", "nothing to do"),
        row(Books, 9621, Account, "the server token has expired", "renew the server token and import it"),
        row(Books, 9622, Account, "the server token is not valid", "download a new server token and import it"),
        row(Books, 9624, Admin, "the license was refunded", "buy a license for the app"),
        row(Books, 9625, Account, "the server token was revoked", "download a new server token and import it"),
        row(Books, 9626, Passing, "the license went to someone else meanwhile", BY_ITSELF),
        row(Books, 9628, Admin, "the app does not allow device licenses", "set the app to user licenses"),
        row(Books, 9630, Passing, "the same request came too often", BY_ITSELF),
        row(Books, 9631, Passing, "the same request came too often", BY_ITSELF),
        row(Books, 9632, Passing, "the same request came too often", BY_ITSELF),
        row(Books, 9634, Account, "Apple has removed this service", "update this server"),
        row(
            Books,
            9635,
            Admin,
            "the Managed Apple Account is not of this organization",
            "check the person's Managed Apple Account",
        ),
        row(Books, 9636, Admin, "Apple does not know this user", "assign the user to the account again"),
        row(
            Books,
            9637,
            Account,
            "the server token may not do this",
            "import a token of a manager who may change licenses",
        ),
        row(
            Books,
            9641,
            Admin,
            "the Apple Account belongs to another user already",
            "check who uses this Apple Account",
        ),
        row(Books, 9642, Account, "Apple's terms must be accepted first", "accept them in Apple Business Manager"),
        row(Books, 9643, Passing, "a license transfer is under way", BY_ITSELF),
        row(Books, 9644, Passing, "Apple's service is under maintenance", BY_ITSELF),
        row(Books, 9645, Account, "Apple's own device management owns this location", "choose another location"),
        row(Books, 9646, Passing, "too many requests of this organization", BY_ITSELF),
        row(
            Books,
            9647,
            Account,
            "not possible with a token of this kind",
            "download a new server token and import it",
        ),
        row(Books, 9700, Ours, "too many apps in one request", BY_ITSELF),
        row(Books, 9701, Ours, "too many users in one request", BY_ITSELF),
        row(Books, 9702, Ours, "too many devices in one request", BY_ITSELF),
        row(Books, 9703, Ours, "an app was named twice in one request", BY_ITSELF),
        row(Books, 9704, Ours, "a user was named twice in one request", BY_ITSELF),
        row(Books, 9705, Ours, "a device was named twice in one request", BY_ITSELF),
        row(Books, 9706, Admin, "this license cannot be taken back", "nothing can be done: Apple does not allow it"),
        row(Books, 9707, Admin, "the app does not allow device licenses", "set the app to user licenses"),
        row(Books, 9708, Passing, "Apple no longer knows this event", BY_ITSELF),
        row(Books, 9709, NoneLeft, "no license is left", "buy more licenses or take some back; it goes on by itself"),
        row(Books, 9715, Ours, "a user was named twice in one request", BY_ITSELF),
        row(Books, 9716, AlreadySo, "the user exists already", "nothing to do"),
        row(Books, 9718, Ours, "no app in the request", "report it: the request was wrong"),
        row(Books, 9719, Ours, "no device or user in the request", "report it: the request was wrong"),
        row(Books, 9722, Account, "the server token is damaged", "import the server token again"),
        row(Books, 9729, Passing, "Apple's service is not available", BY_ITSELF),
        row(Daemon, 506, LookFirst, "an install of this app runs already", "nothing to do: Russet looks again"),
        row(Daemon, 663, Passing, "the app is running, so it cannot be updated", "quit the app on the Mac"),
        row(Mdm, 12008, Ours, "the command was malformed", "report it, with the device's OS version"),
        row(Mdm, 12021, Ours, "the device does not know this request", "report it, with the device's OS version"),
        row(Mdm, 12023, Passing, "the device could not check the app's store number", BY_ITSELF),
        row(Mdm, 12024, Passing, "the device could not check the app's manifest", BY_ITSELF),
        row(Mdm, 12025, LookFirst, "the app is installed already", "nothing to do: Russet looks at what is there"),
        row(
            Mdm,
            12026,
            LicenseNotVisible,
            "the license for the app was not found",
            "check that the app's licenses are in this location",
        ),
        row(Mdm, 12027, Admin, "what was named is not an app", "check the app's store number"),
        row(Mdm, 12029, AlreadySo, "the app is not managed", "nothing to do"),
        row(Mdm, 12031, Admin, "the store or installing apps is restricted on the device", "lift the restriction"),
        row(
            Mdm,
            12035,
            Admin,
            "the app cannot be had in the store",
            "check that the app is still sold in this country",
        ),
        row(Mdm, 12036, Passing, "the app cannot be removed just now", BY_ITSELF),
        row(Mdm, 12038, AlreadySo, "the app is not managed", "nothing to do"),
        row(
            Mdm,
            12040,
            Person,
            "a sign-in to the store is needed",
            "ask the person to sign in, or use a device license",
        ),
        row(
            Mdm,
            12047,
            LicenseNotVisible,
            "the license assignment was not found",
            "check that the app's licenses are in this location",
        ),
        row(Mdm, 12063, Person, "the person refused", "ask the person; it is offered again"),
        row(
            Mdm,
            12064,
            LicenseNotVisible,
            "the license was not found",
            "check that the app's licenses are in this location",
        ),
        row(Mdm, 12065, Admin, "a system app cannot be installed so", "take the app out of scope for this device"),
    ]
};

/// The words of `RejectionReason` (mdm/commands/application.install.yaml). macOS always says `Other`.
pub const REJECTIONS: &[(&str, Known)] = &{
    use Domain::Rejection;
    [
        (
            "AppAlreadyInstalled",
            row(
                Rejection,
                0,
                Class::LookFirst,
                "the app is installed already",
                "nothing to do: Russet looks at what is there",
            ),
        ),
        (
            "AppAlreadyQueued",
            row(
                Rejection,
                0,
                Class::LookFirst,
                "an install of this app runs already",
                "nothing to do: Russet looks again",
            ),
        ),
        (
            "AppStoreDisabled",
            row(Rejection, 0, Class::Admin, "the store is switched off on the device", "lift the restriction"),
        ),
        (
            "CouldNotVerifyAppID",
            row(Rejection, 0, Class::Passing, "the device could not check the app's store number", BY_ITSELF),
        ),
        (
            "ManagementChangeNotSupported",
            row(
                Rejection,
                0,
                Class::Admin,
                "the app cannot be taken over",
                "ask the person to delete the app; it is then installed",
            ),
        ),
        ("NotAnApp", row(Rejection, 0, Class::Admin, "what was named is not an app", "check the app's store number")),
        (
            "NotSupported",
            row(
                Rejection,
                0,
                Class::Admin,
                "the device does not support the app",
                "take the app out of scope for this device",
            ),
        ),
        (
            "PurchaseMethodNotSupported",
            row(
                Rejection,
                0,
                Class::Admin,
                "the device does not support this kind of license",
                "use the other kind of license",
            ),
        ),
        (
            "PurchaseMethodNotSupportedInMultiUser",
            row(
                Rejection,
                0,
                Class::Admin,
                "a shared device does not support this kind of license",
                "use a device license",
            ),
        ),
    ]
};

/// What is known about a number.
#[must_use]
pub fn look_up(domain: Domain, number: i64) -> Option<&'static Known> {
    TABLE.iter().find(|known| known.domain == domain && known.number == number)
}

/// One item of an `ErrorChain`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorItem {
    /// `ErrorDomain`.
    pub domain: String,
    /// `ErrorCode`.
    pub number: i64,
    /// `USEnglishDescription`, else `LocalizedDescription`. Text chosen by the device.
    pub text: String,
}

/// What a device said when it refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct DeviceError {
    /// `ErrorChain`, in the device's order.
    pub chain: Vec<ErrorItem>,
    /// `RejectionReason`, if any.
    pub rejection: Option<String>,
}

impl DeviceError {
    /// The first thing it says that the table knows: error numbers before the rejection, which is coarser.
    #[must_use]
    pub fn known(&self) -> Option<&'static Known> {
        let by_number = self
            .chain
            .iter()
            .find_map(|item| Domain::parse(&item.domain).and_then(|domain| look_up(domain, item.number)));
        let by_name = || {
            let name = self.rejection.as_deref()?;
            REJECTIONS.iter().find(|(known, _)| *known == name).map(|(_, known)| known)
        };
        by_number.or_else(by_name)
    }

    /// What to do about it; what is unknown is taken as passing trouble.
    #[must_use]
    pub fn class(&self) -> Class {
        self.known().map_or(Class::Passing, |known| known.class)
    }

    /// The error in words, with the number and the device's own text.
    #[must_use]
    pub fn words(&self) -> String {
        let known = self.known().map(|known| known.words);
        let said = self.chain.first().map(|item| format!("{} {}: {}", item.domain, item.number, item.text));
        match (known, said, self.rejection.as_deref()) {
            (Some(known), Some(said), _) => format!("{known} ({said})"),
            (Some(known), None, Some(rejection)) => format!("{known} ({rejection})"),
            (Some(known), None, None) => known.to_owned(),
            (None, Some(said), _) => said,
            (None, None, Some(rejection)) => format!("the device refused ({rejection})"),
            (None, None, None) => "the device refused without saying why".to_owned(),
        }
    }

    /// What helps.
    #[must_use]
    pub fn help(&self) -> &'static str {
        self.known().map_or("it is tried again by itself; if it stays, look the number up at Apple", |known| known.help)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_stands_twice() {
        for (at, known) in TABLE.iter().enumerate() {
            let twin =
                TABLE.iter().skip(at + 1).find(|other| other.domain == known.domain && other.number == known.number);
            assert_eq!(twin, None);
        }
    }

    #[test]
    fn license_not_found_is_tried_again_whatever_the_device_calls_it() {
        for (domain, number) in [
            ("ASDServerErrorDomain", 9610),
            ("MCMDMErrorDomain", 12064),
            ("MCMDMErrorDomain", 12026),
            ("MCMDMErrorDomain", 12047),
        ] {
            let outer = ErrorItem { domain: "SomeDomain".into(), number: 1, text: "Unhandled exception".into() };
            let inner = ErrorItem { domain: domain.into(), number, text: "License not found".into() };
            let error = DeviceError { chain: vec![outer, inner], rejection: Some("Other".into()) };
            assert_eq!(error.class(), Class::LicenseNotVisible);
        }
    }
}
