//! Where fuzzing begins: ordinary messages in both forms of a property list, and the tricks that are known.

use crate::checkin::{Authenticate, CheckIn, CheckOut, DeclarativeManagement, Sender, TokenUpdate, UserAuthenticate};
use crate::result::{Answer, ErrorChainItem, Report};
use crate::{CommandUuid, PushMagic, PushToken, Topic, Udid, xml};
use plist::{Date, Dictionary, Value};
use std::time::{Duration, SystemTime};

fn entry(key: &str, value: impl Into<Value>) -> (String, Value) {
    (key.to_owned(), value.into())
}

fn sender() -> Sender {
    // A UDID of the form that real ones have; nobody's.
    Sender { udid: Udid::new("00008110-000A1B2C3D4E001E").ok(), ..Sender::default() }
}

fn user() -> Sender {
    let user_id = Some("1D4F5A3B-0000-4000-8000-000000000001".to_owned());
    Sender { user_id, user_short_name: Some("user".to_owned()), ..sender() }
}

/// The XML form, and the binary form of the same list.
fn both(xml_form: Vec<u8>) -> Vec<Vec<u8>> {
    let mut binary = Vec::new();
    let tree = Value::from_reader_xml(&xml_form[..]);
    let written = tree.and_then(|tree| tree.to_writer_binary(&mut binary));
    if written.is_ok() { vec![xml_form, binary] } else { vec![xml_form] }
}

/// Property lists of every type of value, and hostile ones.
#[must_use]
pub fn property_lists() -> Vec<Vec<u8>> {
    let inner = Dictionary::from_iter([entry("Name", "x & <y> é"), entry("Flag", true), entry("Real", 1.5)]);
    let date = Date::from(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000));
    let tree = Dictionary::from_iter([
        entry("Text", "text"),
        entry("Number", -7),
        entry("Large", u64::MAX),
        entry("Data", Value::Data(vec![0, 1, 2, 255])),
        entry("Date", Value::Date(date)),
        entry("List", Value::Array(vec![Value::Dictionary(inner.clone()), Value::Dictionary(inner), true.into()])),
    ]);
    let mut seeds = both(xml::encode_dictionary(tree));
    // One array that names itself, which expands for ever.
    let mut bomb = b"bplist00\xa2\x00\x00\x08".to_vec();
    bomb.extend([0, 0, 0, 0, 0, 0, 1, 1]);
    bomb.extend(1u64.to_be_bytes());
    bomb.extend(0u64.to_be_bytes());
    bomb.extend(11u64.to_be_bytes());
    seeds.push(bomb);
    seeds.push([b"<plist>".to_vec(), b"<array>".repeat(70), b"</array>".repeat(70), b"</plist>".to_vec()].concat());
    let tricks: [&[u8]; 9] = [
        b"<plist><date>9999-12-31T23:59:59-23:59</date></plist>",
        b"<!DOCTYPE plist [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><plist><string>&b;</string></plist>",
        b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><plist><string>x</string></plist>",
        b"\xEF\xBB\xBF<plist><dict><key>A</key><string><![CDATA[x]]></string></dict></plist>",
        b"<plist><dict><key>UDID</key><string>a</string><key>UDID</key><string>b</string></dict></plist>",
        b"{ UDID = \"old style\"; }",
        b"<plist><dict><key>D</key><date>2026-11-21T08:00:00Z</date><key>N</key><integer>0x10</integer></dict></plist>",
        b"<plist><!-- a comment --><dict/></plist>",
        b"<plist><string>&#x1F600;&amp;&lt;</string></plist>",
    ];
    seeds.extend(tricks.map(<[u8]>::to_vec));
    seeds
}

/// Check-in messages.
#[must_use]
pub fn check_ins() -> Vec<Vec<u8>> {
    let mut messages = vec![
        CheckIn::Authenticate(Authenticate {
            sender: sender(),
            topic: Topic::new("com.apple.mgmt.External.test").ok(),
            product_name: Some("iPhone17,2".to_owned()),
            device_name: Some("A phone".to_owned()),
            ..Authenticate::default()
        }),
        CheckIn::CheckOut(CheckOut { sender: sender(), ..CheckOut::default() }),
        CheckIn::UserAuthenticate(UserAuthenticate { sender: user(), ..UserAuthenticate::default() }),
        CheckIn::DeclarativeManagement(DeclarativeManagement {
            sender: sender(),
            endpoint: "status".to_owned(),
            data: Some(b"{\"StatusItems\":{}}".to_vec()),
            other: Dictionary::new(),
        }),
    ];
    let words =
        (Topic::new("com.apple.mgmt.External.test"), PushToken::new(vec![7; 32]), PushMagic::new("1D4F-5A3B-magic"));
    if let (Ok(topic), Ok(token), Ok(push_magic)) = words {
        messages.push(CheckIn::TokenUpdate(TokenUpdate {
            sender: user(),
            topic,
            token,
            push_magic,
            unlock_token: Some(vec![1, 2, 3]),
            awaiting_configuration: Some(true),
            not_on_console: None,
            other: Dictionary::new(),
        }));
    }
    messages.iter().flat_map(|message| both(message.encode())).collect()
}

/// Reports, with the answers that are read.
#[must_use]
pub fn reports() -> Vec<Vec<u8>> {
    let app = Dictionary::from_iter([entry("Status", "Managed"), entry("ManagementFlags", 5)]);
    let apps = Dictionary::from_iter([entry("com.example.app", Value::Dictionary(app))]);
    let installed = Dictionary::from_iter([entry("Identifier", "com.example.app"), entry("Version", "1.2")]);
    let profile = Dictionary::from_iter([entry("PayloadIdentifier", "com.example.p"), entry("PayloadUUID", "U")]);
    let facts = Dictionary::from_iter([entry("DeviceName", "A phone"), entry("OSVersion", "18.1")]);
    let item = Dictionary::from_iter([entry("Item", "DataRoaming"), entry("Status", "Error")]);
    let subscription =
        one_of("ServiceSubscriptions", [entry("Slot", "One"), entry("ICCID", "89"), entry("IsRoaming", false)]);
    let answers = [
        entry("ManagedApplicationList", Value::Dictionary(apps)),
        entry("InstalledApplicationList", Value::Array(vec![Value::Dictionary(installed)])),
        entry("ProfileList", Value::Array(vec![Value::Dictionary(profile)])),
        entry("QueryResponses", Value::Dictionary(facts.clone())),
        entry("SecurityInfo", Value::Dictionary(facts)),
        entry("Settings", Value::Array(vec![Value::Dictionary(item)])),
        entry("State", "Installing"),
        one_of(
            "CertificateList",
            [entry("CommonName", "A"), entry("Data", Value::Data(vec![48, 3])), entry("IsIdentity", true)],
        ),
        one_of("ProvisioningProfileList", [entry("Name", "A"), entry("UUID", "U"), entry("ExpiryDate", epoch())]),
        one_of("Users", [entry("UserName", "a"), entry("HasDataToSync", true), entry("DataQuota", 1_i64 << 40)]),
        one_of("AvailableOSUpdates", [entry("ProductKey", "K"), entry("Version", "26.1"), entry("DownloadSize", 5)]),
        one_of(
            "OSUpdateStatus",
            [entry("ProductKey", "K"), entry("Status", "Idle"), entry("DownloadPercentComplete", 0.5)],
        ),
        one_of(
            "ApplicationConfigurations",
            [entry("Identifier", "a.b"), entry("Configuration", Dictionary::new()), entry("X", 1)],
        ),
        one_of(
            "ApplicationAttributes",
            [entry("Identifier", "a.b"), entry("Attributes", Dictionary::new()), entry("X", 1)],
        ),
        one_of(
            "ManagedApplicationFeedback",
            [entry("Identifier", "a.b"), entry("Feedback", Dictionary::new()), entry("X", 1)],
        ),
        entry("QueryResponses", Dictionary::from_iter([subscription])),
        entry("InvitationResult", "Acknowledged"),
        entry("MessageResult", "Success"),
        entry("MirroringResult", "Prompting"),
        entry("PasswordVerified", true),
        entry("RotateResult", Dictionary::from_iter([entry("EncryptedNewRecoveryKey", Value::Data(vec![7; 9]))])),
    ];
    let mut messages = vec![Report::idle(sender())];
    if let Ok(uuid) = CommandUuid::new("0001_ManagedApplicationList") {
        messages.push(Report::not_now(user(), uuid.clone()));
        let chain = ErrorChainItem { code: 12_064, domain: "MCMDMErrorDomain".to_owned(), ..ErrorChainItem::default() };
        messages.push(Report::failed(sender(), uuid.clone(), vec![chain], &Answer::none()));
        let place = ["Latitude", "Longitude", "HorizontalAccuracy", "Altitude"].map(|key| entry(key, 52.5));
        messages.push(Report::acknowledged(sender(), uuid.clone(), &Answer::Other(Dictionary::from_iter(place))));
        for answer in answers {
            let keys = Answer::Other(Dictionary::from_iter([answer]));
            messages.push(Report::acknowledged(sender(), uuid.clone(), &keys));
        }
    }
    messages.iter().flat_map(|message| both(message.encode())).collect()
}

/// A list of one dictionary.
fn one_of(key: &str, entries: [(String, Value); 3]) -> (String, Value) {
    entry(key, Value::Array(vec![Value::Dictionary(Dictionary::from_iter(entries))]))
}

fn epoch() -> Value {
    Value::Date(std::time::SystemTime::UNIX_EPOCH.into())
}
