//! Every setting: its key, its default and what it means. The example file, the environment's names and the refusal of
//! unknown keys all follow from this one list.

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The dotted key, `device.address`.
    pub name: &'static str,
    /// The default as it would be written, or words for one that is worked out at the start.
    pub default: Preset,
    /// What it means, one line of the example file each.
    pub meaning: &'static [&'static str],
}

/// A setting's default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// This value.
    Value(&'static str),
    /// Worked out at the start; the text is what stands in the example file.
    Computed(&'static str),
    /// Not set; the text is what one could write.
    Absent(&'static str),
}

impl Key {
    /// The environment variable that sets it: `device.address` is `RUSSET_DEVICE_ADDRESS`.
    #[must_use]
    pub fn environment(&self) -> String {
        format!("RUSSET_{}", self.name.replace('.', "_").to_ascii_uppercase())
    }
}

const fn value(name: &'static str, default: &'static str, meaning: &'static [&'static str]) -> Key {
    Key { name, default: Preset::Value(default), meaning }
}

const fn computed(name: &'static str, shown: &'static str, meaning: &'static [&'static str]) -> Key {
    Key { name, default: Preset::Computed(shown), meaning }
}

const fn absent(name: &'static str, shown: &'static str, meaning: &'static [&'static str]) -> Key {
    Key { name, default: Preset::Absent(shown), meaning }
}

/// Every setting, in the order of the example file: those without a section first.
pub const KEYS: &[Key] = &[
    value(
        "data_dir",
        "data",
        &[
            "Folder of the database, the master key and the self-made TLS certificate. Made where missing.",
            "Paths in this file are relative to the file; those in flags and environment, to the working folder.",
        ],
    ),
    value("organization", "Russet", &["Your organization's name, as people see it on their devices."]),
    computed(
        "node_name",
        "mdm-1",
        &[
            "This process's stable name among the nodes that share one database; each node needs its own.",
            "The machine's name where not set.",
        ],
    ),
    computed(
        "master_key_file",
        "data/master.key",
        &[
            "The key that seals secrets in the database. Made at the first start, mode 0600. Keep a copy apart from the",
            "database: without it the secrets are lost. RUSSET_MASTER_KEY in the environment (32 bytes as base64 or hex)",
            "takes its place.",
        ],
    ),
    computed(
        "database.url",
        "sqlite:data/russet.db",
        &["sqlite:PATH for one process without anything else, or postgres://USER:PASSWORD@HOST/DATABASE to grow."],
    ),
    value("device.address", "0.0.0.0:8443", &["Where devices connect, always over TLS."]),
    computed(
        "device.public_url",
        "https://mdm.example.com:8443",
        &[
            "How devices reach that address from where they are. It is written into enrollments and cannot change for",
            "devices that have it. The machine's name and the listening port where not set.",
        ],
    ),
    absent(
        "device.tls_certificate",
        "certificate.pem",
        &[
            "PEM chain, leaf first, and its key. Where not set, a certificate is made in data_dir by this server's own",
            "authority and renewed before it ends: fit for a private network, whose devices learn to trust it first.",
        ],
    ),
    absent("device.tls_key", "key.pem", &[]),
    absent(
        "device.trusted_proxies",
        "10.0.0.5, 10.1.0.0/16",
        &[
            "Addresses of proxies that end the TLS of devices and pass their client certificates on in a header. From any other",
            "address that header counts for nothing. The proxy must delete the header from what it receives, and must ask for a",
            "client certificate and check that its peer holds the key.",
        ],
    ),
    value(
        "device.client_certificate_header",
        "Client-Cert",
        &[
            "The header: RFC 9440's byte sequence (:base64 of the DER:), or PEM with percent escapes, as nginx writes it with",
            "proxy_set_header Client-Cert $ssl_client_escaped_cert. Either form is understood.",
        ],
    ),
    value(
        "device.plain_http",
        "no",
        &["yes: device.address speaks HTTP without TLS, to the proxies of device.trusted_proxies and to nobody else."],
    ),
    absent(
        "device.identity_authorities",
        "identity-authorities.pem",
        &[
            "Certificates (PEM) of authorities, other than this server's own, whose device identities are accepted. Such a device",
            "is enrolled at its first Authenticate, without an invitation, and its identity is renewed by who issued it.",
        ],
    ),
    value(
        "check_in.user_authenticate",
        "decline",
        &[
            "What a Mac hears when a network or mobile user logs in: decline (410, the user is not managed), or empty (an empty",
            "DigestChallenge: the user is managed without a password's proof).",
        ],
    ),
    absent(
        "check_in.maid_server_uuid",
        "5fd63e67-4d6e-4c6a-9d4b-2f8f0e5b1f6a",
        &[
            "Lets devices sign in to Managed Apple Accounts (GetToken): the server's UUID in Apple Business Manager, and the RSA",
            "key (PEM) whose certificate is registered there.",
        ],
    ),
    absent("check_in.maid_key", "maid-key.pem", &[]),
    value(
        "check_in.return_to_service",
        "decline",
        &[
            "What a device hears that is in return-to-service mode and asks (ReturnToService): decline, or allow (it erases itself",
            "and enrolls again without hands).",
        ],
    ),
    absent(
        "check_in.return_to_service_wifi",
        "wifi.mobileconfig",
        &["The profile of a network that devices join after the erasure, there and with `russet admin devices erase`."],
    ),
    value(
        "admin.address",
        "127.0.0.1:8080",
        &["Where admins and their programs connect. Other than loopback needs a certificate."],
    ),
    absent("admin.tls_certificate", "admin-certificate.pem", &["PEM chain, leaf first, and its key."]),
    absent("admin.tls_key", "admin-key.pem", &[]),
    value(
        "apple.push_url",
        "https://api.push.apple.com",
        &[
            "Apple's services. Change these to reach a simulator or a proxy; plain http is for loopback only. A file of",
            "trust roots (PEM) takes the place of the machine's own.",
        ],
    ),
    absent("apple.push_roots", "push-roots.pem", &[]),
    value("apple.apps_and_books_url", "https://vpp.itunes.apple.com/mdm/v2", &[]),
    absent("apple.apps_and_books_roots", "apps-and-books-roots.pem", &[]),
    absent(
        "apple.metadata_url",
        "https://uclient-api.itunes.apple.com/WebObjects/MZStorePlatform.woa/wa/lookup",
        &["Names and bundle ids of apps; where not set, the address that Apps and Books gives."],
    ),
    absent("apple.metadata_roots", "metadata-roots.pem", &[]),
    value(
        "apple.escrow_unlock_url",
        "https://deviceservices-external.apple.com/deviceservicesworkers/escrowKeyUnlock",
        &["Takes the Activation Lock off a device with its bypass code."],
    ),
    absent("apple.escrow_unlock_roots", "escrow-unlock-roots.pem", &[]),
    value(
        "pace.poll",
        "1s",
        &["The rhythm of background work (ms, s, m, h, d).", "How long workers sleep when nothing wakes them."],
    ),
    value("pace.license_collect", "1500ms", &["How long license changes are collected before they go out together."]),
    value("pace.event_poll", "30s", &["When to look after a license change that Apple has not reported done."]),
    value("pace.verify_after", "15s", &["When to look first whether an accepted app has arrived."]),
    value("pace.push_again", "24h", &["When to wake a silent device again."]),
    value(
        "retention.commands",
        "90d",
        &["How long ended commands and the answers of devices are kept. What is under way is never forgotten."],
    ),
    value(
        "fleet.inventory_every",
        "24h",
        &[
            "How often each device is asked what is on it: apps, certificates, profiles, security. Each has a moment of its own,",
            "so that a fleet is spread over this time. From 1h to 30d.",
        ],
    ),
    value(
        "fleet.silent_after",
        "7d",
        &["After so long without a word an enrolled device is called silent. Silent devices are woken once a day."],
    ),
    value("log.format", "text", &["text for people, json for programs."]),
    value("log.filter", "info", &["What is logged: error, warn, info, debug, or a filter as info,russet::push=debug."]),
];

/// The setting of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The setting whose name is nearest, where one is near enough to be meant.
#[must_use]
pub fn nearest(name: &str) -> Option<&'static str> {
    KEYS.iter()
        .map(|key| {
            let whole = distance(name, key.name);
            // A right name in the wrong section is as near as one wrong letter.
            let last = |text: &str| text.rsplit('.').next().unwrap_or_default().to_owned();
            let ending = if last(name) == last(key.name) { 1 } else { usize::MAX };
            (whole.min(ending), key.name)
        })
        .min()
        .filter(|(distance, _)| *distance <= 3)
        .map(|(_, name)| name)
}

/// How many letters have to be changed, added or left out to make one of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let next = (diagonal + usize::from(x != *y)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], next);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_near_a_key_are_recognized() {
        assert_eq!(nearest("device.adress"), Some("device.address"));
        assert_eq!(nearest("push_url"), Some("apple.push_url"));
        assert_eq!(nearest("something.else.entirely"), None);
    }

    #[test]
    fn every_key_stands_once_and_has_its_own_variable() {
        let mut names: Vec<_> = KEYS.iter().map(Key::environment).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), KEYS.len());
    }
}
