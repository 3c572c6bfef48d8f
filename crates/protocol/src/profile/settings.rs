//! The keys of each payload type. A body is read as its type only where writing it again gives the very same keys:
//! nothing an admin imported is ever lost or rewritten for being unknown here.

use super::payload::{
    AppLayerVpn, AppMapping, KerberosSso, Mdm, NetworkRule, PayloadBody, Pkcs12, RootCertificate, Scep,
};
use crate::fields::{Put, data, dictionaries, dictionary, flag, int, rest, text, texts};
use plist::{Dictionary, Value};

impl PayloadBody {
    /// `PayloadType`.
    #[must_use]
    pub fn payload_type(&self) -> &str {
        match self {
            Self::Mdm(_) => "com.apple.mdm",
            Self::Scep(_) => "com.apple.security.scep",
            Self::RootCertificate(_) => "com.apple.security.root",
            Self::Pkcs12(_) => "com.apple.security.pkcs12",
            Self::AppLayerVpn(_) => "com.apple.vpn.managed.applayer",
            Self::AppMapping(_) => "com.apple.vpn.managed.appmapping",
            Self::KerberosSso(_) => "com.apple.sso",
            Self::NetworkUsageRules(_) => "com.apple.networkusagerules",
            Self::Other { payload_type, .. } => payload_type,
        }
    }

    pub(super) fn write(&self, keys: &mut Dictionary) {
        match self {
            Self::Mdm(mdm) => write_mdm(mdm, keys),
            Self::Scep(scep) => write_scep(scep, keys),
            Self::RootCertificate(root) => {
                keys.put_some("PayloadCertificateFileName", root.file_name.as_deref());
                keys.put("PayloadContent", Value::Data(root.certificate.clone()));
            }
            Self::Pkcs12(identity) => {
                keys.put_some("PayloadCertificateFileName", identity.file_name.as_deref());
                keys.put("PayloadContent", Value::Data(identity.identity.clone()));
                keys.put_some("Password", identity.password.as_deref());
            }
            Self::AppLayerVpn(vpn) => {
                keys.put("VPNUUID", vpn.vpn_uuid.as_str());
                keys.put_rest(&vpn.settings);
            }
            Self::AppMapping(mappings) => {
                keys.put("AppLayerVPNMapping", mappings.iter().map(mapping_value).collect::<Vec<_>>());
            }
            Self::KerberosSso(sso) => write_sso(sso, keys),
            Self::NetworkUsageRules(rules) => {
                keys.put("ApplicationRules", rules.iter().map(rule_value).collect::<Vec<_>>());
            }
            Self::Other { keys: own, .. } => keys.put_rest(own),
        }
    }

    pub(super) fn read(payload_type: &str, keys: Dictionary) -> Self {
        let typed = match payload_type {
            "com.apple.mdm" => read_mdm(&keys).map(Self::Mdm),
            "com.apple.security.scep" => read_scep(&keys).map(Self::Scep),
            "com.apple.security.root" => data(&keys, "PayloadContent").map(|certificate| {
                Self::RootCertificate(RootCertificate {
                    certificate,
                    file_name: text(&keys, "PayloadCertificateFileName"),
                })
            }),
            "com.apple.security.pkcs12" => data(&keys, "PayloadContent").map(|identity| {
                let file_name = text(&keys, "PayloadCertificateFileName");
                Self::Pkcs12(Pkcs12 { identity, password: text(&keys, "Password"), file_name })
            }),
            "com.apple.vpn.managed.applayer" => text(&keys, "VPNUUID")
                .map(|vpn_uuid| Self::AppLayerVpn(AppLayerVpn { vpn_uuid, settings: rest(&keys, &["VPNUUID"]) })),
            "com.apple.vpn.managed.appmapping" => {
                let items: Option<_> =
                    dictionaries(&keys, "AppLayerVPNMapping").into_iter().map(read_mapping).collect();
                items.map(Self::AppMapping)
            }
            "com.apple.sso" => read_sso(&keys).map(Self::KerberosSso),
            "com.apple.networkusagerules" => {
                let rules = dictionaries(&keys, "ApplicationRules").into_iter().map(read_rule).collect();
                Some(Self::NetworkUsageRules(rules))
            }
            _ => None,
        };
        match typed {
            Some(body) if body.is_whole(&keys) => body,
            _ => Self::Other { payload_type: payload_type.to_owned(), keys },
        }
    }

    /// Whether writing this gives all of these keys and no other; their order may differ.
    fn is_whole(&self, keys: &Dictionary) -> bool {
        let mut written = Dictionary::new();
        self.write(&mut written);
        same(&Value::Dictionary(written), &Value::Dictionary(keys.clone()))
    }
}

fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Dictionary(left), Value::Dictionary(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| same(value, other)))
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        _ => left == right,
    }
}

fn write_mdm(mdm: &Mdm, keys: &mut Dictionary) {
    keys.put("IdentityCertificateUUID", mdm.identity_uuid.as_str());
    keys.put("Topic", mdm.topic.as_str());
    keys.put("ServerURL", mdm.server_url.as_str());
    keys.put_some("CheckInURL", mdm.check_in_url.as_deref());
    keys.put("SignMessage", mdm.sign_message);
    keys.put_some("AccessRights", mdm.access_rights);
    keys.put("CheckOutWhenRemoved", mdm.check_out_when_removed);
    keys.put_texts("ServerCapabilities", &mdm.server_capabilities);
    keys.put_some("EnrollmentMode", mdm.enrollment_mode.as_deref());
    keys.put_some("AssignedManagedAppleID", mdm.assigned_managed_apple_id.as_deref());
}

fn read_mdm(keys: &Dictionary) -> Option<Mdm> {
    Some(Mdm {
        identity_uuid: text(keys, "IdentityCertificateUUID")?,
        topic: text(keys, "Topic")?,
        server_url: text(keys, "ServerURL")?,
        check_in_url: text(keys, "CheckInURL"),
        sign_message: flag(keys, "SignMessage").unwrap_or(false),
        access_rights: int(keys, "AccessRights"),
        check_out_when_removed: flag(keys, "CheckOutWhenRemoved").unwrap_or(false),
        server_capabilities: texts(keys, "ServerCapabilities").unwrap_or_default(),
        enrollment_mode: text(keys, "EnrollmentMode"),
        assigned_managed_apple_id: text(keys, "AssignedManagedAppleID"),
    })
}

fn write_scep(scep: &Scep, keys: &mut Dictionary) {
    let mut inner = Dictionary::new();
    inner.put("URL", scep.url.as_str());
    inner.put_some("Name", scep.name.as_deref());
    if !scep.subject.is_empty() {
        let pair = |(kind, value): &(String, String)| {
            Value::Array(vec![Value::String(kind.clone()), Value::String(value.clone())])
        };
        let name = |pairs: &Vec<(String, String)>| Value::Array(pairs.iter().map(pair).collect());
        inner.put("Subject", scep.subject.iter().map(name).collect::<Vec<_>>());
    }
    inner.put_some("Challenge", scep.challenge.as_deref());
    inner.put("Keysize", scep.key_size);
    inner.put("Key Type", "RSA");
    inner.put_some("Key Usage", scep.key_usage);
    inner.put_some("CAFingerprint", scep.ca_fingerprint.clone().map(Value::Data));
    inner.put_some("Retries", scep.retries);
    inner.put_some("RetryDelay", scep.retry_delay);
    inner.put_some("KeyIsExtractable", scep.key_is_extractable);
    keys.put("PayloadContent", inner);
}

fn read_scep(keys: &Dictionary) -> Option<Scep> {
    let inner = dictionary(keys, "PayloadContent")?;
    Some(Scep {
        url: text(inner, "URL")?,
        name: text(inner, "Name"),
        subject: match inner.get("Subject") {
            Some(subject) => subject.as_array()?.iter().map(read_name).collect::<Option<_>>()?,
            None => Vec::new(),
        },
        challenge: text(inner, "Challenge"),
        key_size: int(inner, "Keysize").unwrap_or(1024),
        key_usage: int(inner, "Key Usage"),
        ca_fingerprint: data(inner, "CAFingerprint"),
        retries: int(inner, "Retries"),
        retry_delay: int(inner, "RetryDelay"),
        key_is_extractable: flag(inner, "KeyIsExtractable"),
    })
}

fn read_name(value: &Value) -> Option<Vec<(String, String)>> {
    let pair = |value: &Value| {
        let [kind, text] = value.as_array()?.as_slice() else { return None };
        Some((kind.as_string()?.to_owned(), text.as_string()?.to_owned()))
    };
    value.as_array()?.iter().map(pair).collect()
}

fn mapping_value(mapping: &AppMapping) -> Value {
    let mut keys = Dictionary::new();
    keys.put("Identifier", mapping.identifier.as_str());
    keys.put("VPNUUID", mapping.vpn_uuid.as_str());
    keys.put("DesignatedRequirement", mapping.designated_requirement.as_str());
    keys.put("SigningIdentifier", mapping.signing_identifier.as_str());
    Value::Dictionary(keys)
}

fn read_mapping(keys: &Dictionary) -> Option<AppMapping> {
    Some(AppMapping {
        identifier: text(keys, "Identifier")?,
        vpn_uuid: text(keys, "VPNUUID")?,
        signing_identifier: text(keys, "SigningIdentifier")?,
        designated_requirement: text(keys, "DesignatedRequirement")?,
    })
}

fn write_sso(sso: &KerberosSso, keys: &mut Dictionary) {
    let mut kerberos = Dictionary::new();
    kerberos.put_some("PrincipalName", sso.principal_name.as_deref());
    kerberos.put_some("PayloadCertificateUUID", sso.certificate_uuid.as_deref());
    kerberos.put("Realm", sso.realm.as_str());
    if let Some(prefixes) = &sso.url_prefixes {
        kerberos.put_texts("URLPrefixMatches", prefixes);
    }
    if let Some(apps) = &sso.apps {
        kerberos.put_texts("AppIdentifierMatches", apps);
    }
    keys.put("Name", sso.name.as_str());
    keys.put("Kerberos", kerberos);
}

fn read_sso(keys: &Dictionary) -> Option<KerberosSso> {
    let kerberos = dictionary(keys, "Kerberos")?;
    Some(KerberosSso {
        name: text(keys, "Name")?,
        realm: text(kerberos, "Realm")?,
        principal_name: text(kerberos, "PrincipalName"),
        certificate_uuid: text(kerberos, "PayloadCertificateUUID"),
        url_prefixes: texts(kerberos, "URLPrefixMatches"),
        apps: texts(kerberos, "AppIdentifierMatches"),
    })
}

fn rule_value(rule: &NetworkRule) -> Value {
    let mut keys = Dictionary::new();
    if let Some(apps) = &rule.apps {
        keys.put_texts("AppIdentifierMatches", apps);
    }
    keys.put_some("AllowRoamingCellularData", rule.roaming);
    keys.put_some("AllowCellularData", rule.cellular);
    Value::Dictionary(keys)
}

fn read_rule(keys: &Dictionary) -> NetworkRule {
    NetworkRule {
        apps: texts(keys, "AppIdentifierMatches"),
        roaming: flag(keys, "AllowRoamingCellularData"),
        cellular: flag(keys, "AllowCellularData"),
    }
}
