//! Property lists that must not be read, from a device whose identity holds.

use super::requests::Request;
use super::{Expect, House, Row, houses, long_text, noise};
use russet_protocol::plist::{Dictionary, Value};
use russet_protocol::xml;

fn list(body: &str) -> Vec<u8> {
    // Hostile lists only: nothing that the server sends is ever put together like this.
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><plist version=\"1.0\">{body}</plist>").into_bytes()
}

fn binary(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.to_writer_binary(&mut bytes).unwrap();
    bytes
}

fn keys(pairs: &[(&str, Value)]) -> Value {
    Value::Dictionary(pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
}

/// Arrays of two references each to the next one: the last of 40 stands there a million million times.
fn binary_bomb() -> Vec<u8> {
    let levels = 40u8;
    let mut bytes = b"bplist00".to_vec();
    let mut offsets = Vec::new();
    for level in 0..levels {
        offsets.push(u8::try_from(bytes.len()).unwrap());
        bytes.extend([0xA2, level + 1, level + 1]);
    }
    offsets.push(u8::try_from(bytes.len()).unwrap());
    bytes.push(0x09);
    let table = bytes.len() as u64;
    bytes.extend(&offsets);
    bytes.extend([0, 0, 0, 0, 0, 0, 1, 1]);
    bytes.extend(u64::from(levels + 1).to_be_bytes());
    bytes.extend(0u64.to_be_bytes());
    bytes.extend(table.to_be_bytes());
    bytes
}

/// A binary list of these objects, the first of which is the whole; references have two bytes.
fn binary_of(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"bplist00".to_vec();
    let mut offsets = Vec::new();
    for object in objects {
        offsets.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
        bytes.extend(object);
    }
    let table = bytes.len() as u64;
    bytes.extend(&offsets);
    bytes.extend([0, 0, 0, 0, 0, 0, 4, 2]);
    for number in [objects.len() as u64, 0, table] {
        bytes.extend(number.to_be_bytes());
    }
    bytes
}

/// Arrays in arrays.
fn binary_nest(levels: u16) -> Vec<u8> {
    let array = |level: u16| [&[0xA1][..], &(level + 1).to_be_bytes()].concat();
    binary_of(&(0..levels).map(array).chain([vec![0x09]]).collect::<Vec<_>>())
}

/// A dictionary that names two devices under one key.
fn binary_twice() -> Vec<u8> {
    let text = |text: &str| [&[0x50 + u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let keys = [0xD3, 0, 1, 0, 2, 0, 2, 0, 3, 0, 4, 0, 5];
    binary_of(&[keys.to_vec(), text("Status"), text("UDID"), text("Idle"), text("UDID-BAD"), text("UDID-GOOD")])
}

/// An array that holds itself.
fn binary_circle() -> Vec<u8> {
    binary_of(&[vec![0xA1, 0, 0]])
}

fn refused() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let unreadable = "the message cannot be read";
    let idle = |rest: &str| list(&format!("<dict><key>Status</key><string>Idle</string>{rest}</dict>"));
    let deep = |levels: usize| "<array>".repeat(levels) + &"</array>".repeat(levels);
    let nested = (0..200).fold(Value::Array(vec![]), |inner, _| Value::Array(vec![inner]));
    let many: String = (0..300).map(|number| format!("<key>K{number}</key><true/>")).collect();
    let whole = idle("<key>UDID</key><string>UDID-BAD</string>");
    let mut compressed = vec![0x1f, 0x8b, 8, 0];
    compressed.extend(noise(60));
    let id = |text: &str| binary(&keys(&[("Status", "Idle".into()), ("UDID", text.into())]));
    let named = |key: &str, text: &str| {
        binary(&keys(&[("Status", "Idle".into()), ("UDID", "UDID-BAD".into()), (key, text.into())]))
    };
    let wide: Vec<u8> = String::from_utf8(whole.clone()).unwrap().encode_utf16().flat_map(u16::to_be_bytes).collect();
    let mut latin = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><plist><dict/></plist>".to_vec();
    latin.push(b' ');
    vec![
        ("nothing", vec![], unreadable),
        ("a word", b"Hello".to_vec(), "neither an XML nor a binary property list"),
        ("noise", noise(4000), "neither an XML nor a binary property list"),
        ("old style", b"{ Status = Idle; UDID = \"UDID-BAD\"; }".to_vec(), "neither an XML nor a binary property list"),
        ("JSON", b"{\"Status\":\"Idle\"}".to_vec(), "neither an XML nor a binary property list"),
        ("compressed", compressed, "neither an XML nor a binary property list"),
        ("UTF-16", wide, "neither an XML nor a binary property list"),
        ("another encoding", latin, "an encoding other than UTF-8"),
        ("cut short", whole[..whole.len() - 30].to_vec(), unreadable),
        ("binary, cut short", binary(&keys(&[("Status", "Idle".into())]))[..20].to_vec(), unreadable),
        (
            "a binary date that cannot be written",
            [
                &b"bplist00\x33"[..],
                &8e12f64.to_be_bytes(),
                &[8, 0, 0, 0, 0, 0, 0, 1, 1],
                &[0, 0, 0, 0, 0, 0, 0, 1],
                &[0; 8],
                &[0, 0, 0, 0, 0, 0, 0, 17],
            ]
            .concat(),
            "a year that cannot be written",
        ),
        (
            "an XML date that cannot be written",
            idle("<key>D</key><date>9999-12-31T23:59:59-23:59</date>"),
            "a date that is not in UTC",
        ),
        ("binary noise", [b"bplist00".to_vec(), noise(300)].concat(), unreadable),
        ("thousands of arrays", idle(&format!("<key>X</key>{}", deep(5000))), "nested deeper than 64"),
        ("binary nesting", binary(&keys(&[("Status", "Idle".into()), ("X", nested)])), "nested deeper than 64"),
        ("thousands of arrays, binary", binary_nest(5000), "nested deeper than 64"),
        ("an array that holds itself", binary_circle(), unreadable),
        ("two UDIDs, binary", binary_twice(), "\"UDID\" stands twice"),
        ("a binary bomb", binary_bomb(), "expands to more than"),
        (
            "an XML bomb",
            b"<!DOCTYPE plist [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;\">]><plist><string>&b;</string></plist>"
                .to_vec(),
            "an internal DTD subset",
        ),
        (
            "an external entity",
            b"<!DOCTYPE plist [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><plist><string>&x;</string></plist>".to_vec(),
            "an internal DTD subset",
        ),
        ("an unknown entity", idle("<key>UDID</key><string>&udid;</string>"), "an entity"),
        ("CDATA", idle("<key>UDID</key><string><![CDATA[UDID-BAD]]></string>"), "CDATA"),
        (
            "two UDIDs",
            idle("<key>UDID</key><string>UDID-BAD</string><key>UDID</key><string>UDID-GOOD</string>"),
            "\"UDID\" stands twice",
        ),
        (
            "two UDIDs far apart",
            idle(&format!("<key>UDID</key><string>UDID-BAD</string>{many}<key>UDID</key><string>UDID-GOOD</string>")),
            "\"UDID\" stands twice",
        ),
        (
            "two UserIDs",
            idle("<key>UserID</key><string>A</string><key>UserID</key><string>B</string>"),
            "\"UserID\" stands twice",
        ),
        (
            "two EnrollmentIDs",
            idle("<key>EnrollmentID</key><string>A</string><key>EnrollmentID</key><string>B</string>"),
            "\"EnrollmentID\" stands twice",
        ),
        ("a comment in the midst of a UDID", idle("<key>UDID</key><string>UDID-<!-- x -->GOOD</string>"), ""),
        ("a processing instruction", list("<?php system('id') ?><array/>"), ""),
        ("two lists", [whole.clone(), whole.clone()].concat(), unreadable),
        ("something behind the list", [whole.clone(), b"<dict/>".to_vec()].concat(), unreadable),
        ("an array", list("<array/>"), "no dictionary"),
        ("no Status", list("<dict/>"), "Status is missing"),
        ("a Status that is a number", list("<dict><key>Status</key><integer>1</integer></dict>"), "Status is missing"),
        ("a UDID that is a number", idle("<key>UDID</key><integer>1</integer>"), "UDID is no text"),
        ("a UDID that is a list", idle("<key>UDID</key><array><string>UDID-BAD</string></array>"), "UDID is no text"),
        ("a UDID with a colon", id("UDID-BAD:1"), "UDID has a character"),
        ("a UDID with a slash", id("../UDID-BAD"), "UDID has a character"),
        ("a UDID with NUL", id("UDID-BAD\0"), "UDID has control characters"),
        ("a UDID with a line", id("UDID-BAD\n2026-11-21T08:00:00Z ERROR forged"), "UDID has control characters"),
        ("a long UDID", id(&long_text(10_000)), "UDID is too long"),
        ("an empty UDID", id(""), "UDID is empty"),
        ("an EnrollmentID with a slash", named("EnrollmentID", "../other"), "EnrollmentID has a character"),
        ("an EnrollmentID with NUL", named("EnrollmentID", "A\0"), "EnrollmentID has control characters"),
        ("a long EnrollmentID", named("EnrollmentID", &long_text(10_000)), "EnrollmentID is too long"),
        ("a UserID with NUL", named("UserID", "A\0"), "UserID has control characters"),
        ("a UserID with a line", named("UserID", "A\nB"), "UserID has control characters"),
        (
            "a long UserID",
            idle(&format!("<key>UserID</key><string>{}</string>", long_text(10_000))),
            "UserID is too long",
        ),
    ]
}

fn refused_check_ins() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let message = |kind: Value, more: &[(&str, Value)]| {
        let all = [&[("MessageType", kind), ("UDID", "UDID-BAD".into())], more].concat();
        xml::encode(&keys(&all))
    };
    let token = |more: &[(&str, Value)]| {
        let all = [&[("Topic", "com.apple.mgmt.x".into())], more].concat();
        message("TokenUpdate".into(), &all)
    };
    let magic = || ("PushMagic", Value::from("m"));
    vec![
        ("an unknown MessageType", message("Hello".into(), &[]), "MessageType \"Hello\" is not known"),
        (
            "a MessageType that is a line of a log",
            message("x\n2026-11-21T08:00:00Z ERROR forged".into(), &[]),
            "is not known",
        ),
        ("a long MessageType", message(long_text(100_000).into(), &[]), "is not known"),
        ("a MessageType that is a list", message(Value::Array(vec!["CheckOut".into()]), &[]), "MessageType is missing"),
        ("no MessageType", xml::encode(&keys(&[("UDID", "UDID-BAD".into())])), "MessageType is missing"),
        ("no Token", token(&[magic()]), "Token is missing"),
        ("a Token that is text", token(&[("Token", "abc".into()), magic()]), "Token is missing"),
        ("an empty Token", token(&[("Token", Value::Data(vec![])), magic()]), "push token is empty"),
        ("a long Token", token(&[("Token", Value::Data(vec![7; 4000])), magic()]), "push token is too long"),
        (
            "a long PushMagic",
            token(&[("Token", Value::Data(vec![7; 32])), ("PushMagic", long_text(10_000).into())]),
            "PushMagic is too long",
        ),
        (
            "a long UserShortName",
            message("CheckOut".into(), &[("UserShortName", long_text(3000).into())]),
            "UserShortName",
        ),
    ]
}

#[tokio::test]
async fn what_is_no_property_list_of_ours_is_refused_and_nothing_is_lost() {
    for house in houses().await {
        let waiting = house.queue(&house.bad, &russet_protocol::command::Command::DeviceConfigured).await;
        let mut rows = Vec::new();
        for (name, bytes, reason) in refused() {
            let expect = || Expect::Refused(400, reason);
            rows.push(Row::new(name, Request::report(&bytes).of(&house.bad), expect()));
            let untyped = Request::new("PUT /mdm", &bytes).with("Content-Type", "text/html; charset=utf-16");
            rows.push(Row::new(format!("{name}, of an odd type"), untyped.of(&house.bad), expect()));
        }
        for (name, bytes, reason) in refused_check_ins() {
            rows.push(Row::new(name, Request::check_in(&bytes).of(&house.bad), Expect::Refused(400, reason)));
        }
        house.run(rows).await;
        one_line_each(&house).await;
        let idle = Request::report(&house.bad.idle()).of(&house.bad).send(&house).await;
        assert_eq!(super::delivered(&idle), Some(waiting), "the queue is as it was");
    }
}

/// What a device says is never a line of the log.
async fn one_line_each(house: &House) {
    let forged = "x\n2026-11-21T08:00:00.000000Z ERROR forged\u{1b}[2J";
    for bytes in [
        xml::encode(&keys(&[("MessageType", forged.into())])),
        xml::encode(&keys(&[("MessageType", "Authenticate".into()), ("UDID", forged.into())])),
        list(&format!("<dict><key>{forged}</key><true/><key>{forged}</key><true/></dict>")),
        list(&format!("<dict><{forged}/></dict>")),
        list(&format!("<dict><key>Status</key><date>{forged}</date></dict>")),
    ] {
        house.log.forget();
        assert_eq!(Request::check_in(&bytes).of(&house.bad).send(house).await.status, 400);
        let said = house.log.text();
        assert!(!said.contains('\u{1b}'), "{said}");
        for line in said.lines() {
            assert!(line.starts_with("20") && !line.starts_with("2026-11-21T08:00:00"), "no line of ours: {line}");
            assert_ne!(line.split_whitespace().nth(1), Some("ERROR"), "forged: {line}");
        }
    }
}

#[tokio::test]
async fn odd_types_of_content_are_read_by_what_they_hold() {
    for house in houses().await {
        let idle = house.bad.idle();
        let types =
            ["", "application/xml", "text/plain; charset=utf-16", "multipart/form-data; boundary=x", "*/*", "\t"];
        let rows = types.map(|odd| {
            let request = Request::new("PUT /mdm", &idle).with("Content-Type", odd).of(&house.bad);
            Row::new(format!("content type {odd:?}"), request, Expect::Taken)
        });
        house.run(rows.into()).await;
        let mut binary = Vec::new();
        let keys: Dictionary = [("Status", "Idle"), ("UDID", "UDID-BAD")]
            .map(|(key, value)| (key.to_owned(), Value::from(value)))
            .into_iter()
            .collect();
        Value::Dictionary(keys).to_writer_binary(&mut binary).unwrap();
        let marked = [b"\xEF\xBB\xBF".to_vec(), idle].concat();
        let rows = [("binary", binary), ("a byte order mark", marked)];
        house
            .run(rows.map(|(name, bytes)| Row::new(name, Request::report(&bytes).of(&house.bad), Expect::Taken)).into())
            .await;
    }
}
