//! Hostile property lists are refused before anything is decoded.

use super::*;

fn xml(body: &str) -> Vec<u8> {
    // Hostile lists only: nothing that the server sends is ever put together like this.
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\">{body}</plist>")
        .into_bytes()
}

fn limits() -> Limits {
    Limits::for_body(4 << 20)
}

/// A binary list of these objects (already encoded), the first being the root; references take one byte.
fn binary(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"bplist00".to_vec();
    let mut offsets = Vec::new();
    for object in objects {
        offsets.push(u32::try_from(bytes.len()).unwrap());
        bytes.extend(object);
    }
    finish(bytes, &offsets)
}

fn finish(mut bytes: Vec<u8>, offsets: &[u32]) -> Vec<u8> {
    let table = bytes.len() as u64;
    for offset in offsets {
        bytes.extend(offset.to_be_bytes());
    }
    bytes.extend([0; 6]);
    bytes.extend([4, 1]);
    bytes.extend((offsets.len() as u64).to_be_bytes());
    bytes.extend(0u64.to_be_bytes());
    bytes.extend(table.to_be_bytes());
    bytes
}

#[test]
fn ordinary_lists_pass_in_both_forms() {
    let list = xml(
        "<dict><key>A</key><string>x &amp; y &#233;</string><key>D</key><date>2026-01-01T00:00:00Z</date><key>B</key><array><true/><integer>1</integer><data>AAEC</data></array></dict>",
    );
    let value = parse(&list, limits()).unwrap();
    assert_eq!(value.as_dictionary().unwrap().get("A").unwrap().as_string(), Some("x & y é"));
    assert!(value.as_dictionary().unwrap().get("D").unwrap().as_date().is_some());
    let mut again = Vec::new();
    value.to_writer_binary(&mut again).unwrap();
    assert_eq!(parse(&again, limits()).unwrap(), value);
    let marked = [b"\xEF\xBB\xBF".to_vec(), list].concat();
    assert_eq!(parse(&marked, limits()).unwrap(), value);
}

#[test]
fn deep_nesting_is_refused_on_a_small_stack() {
    let deep = |levels: usize| xml(&("<array>".repeat(levels) + &"</array>".repeat(levels)));
    assert!(check(&deep(64), limits()).is_ok());
    assert_eq!(check(&deep(65), limits()), Err(PlistRefused::TooDeep { limit: 64 }));
    let outcome = std::thread::Builder::new()
        .stack_size(256 * 1024)
        .spawn(move || (check(&deep(100_000), limits()), check(&xml(&"<dict><key>a</key>".repeat(50_000)), limits())))
        .unwrap()
        .join()
        .unwrap();
    assert_eq!(outcome.0, Err(PlistRefused::TooDeep { limit: 64 }));
    assert_eq!(outcome.1, Err(PlistRefused::TooDeep { limit: 64 }));
}

#[test]
fn deep_nesting_behind_the_end_of_the_list_is_refused() {
    let bytes = xml(&format!("<dict/></plist><plist>{}", "<array>".repeat(50_000)));
    assert!(check(&bytes, limits()).is_err());
}

#[test]
fn deep_binary_nesting_is_refused() {
    let objects: Vec<Vec<u8>> = (0..200u8).map(|n| vec![0xA1, n + 1]).chain([vec![0xA0]]).collect();
    assert_eq!(check(&binary(&objects), limits()), Err(PlistRefused::TooDeep { limit: 64 }));
}

#[test]
fn a_binary_bomb_is_refused() {
    // 30 arrays, each naming the next one eight times: 8^30 values in about 300 bytes.
    let objects: Vec<Vec<u8>> =
        (1..31u8).map(|next| [vec![0xA8], vec![next; 8]].concat()).chain([vec![0x09]]).collect();
    let bytes = binary(&objects);
    assert!(bytes.len() < 500);
    assert_eq!(check(&bytes, limits()), Err(PlistRefused::TooManyNodes { limit: limits().nodes }));
}

#[test]
fn one_long_text_named_often_is_refused() {
    let text = [vec![0x5F, 0x11, 0xFF, 0xFF], vec![b'a'; 0xFFFF]].concat();
    let bytes = binary(&[[vec![0xAF, 0x11, 0x10, 0x00], vec![1; 0x1000]].concat(), text]);
    assert!(matches!(check(&bytes, limits()), Err(PlistRefused::ExpandsTooFar { .. })));
}

#[test]
fn overlapping_containers_are_refused_before_they_are_read() {
    // Many offsets into one long run of bytes, each of which claims the rest as its references.
    let mut bytes = b"bplist00".to_vec();
    let offsets: Vec<u32> = (0..2000).map(|n| 8 + n * 5).collect();
    for _ in 0..2000 {
        bytes.extend([0xAF, 0x11, 0x40, 0x00, 0x01]);
    }
    bytes.extend(vec![1; 0x4000]);
    let small = Limits::for_body(1 << 20);
    assert_eq!(check(&finish(bytes, &offsets), small), Err(PlistRefused::TooManyNodes { limit: small.nodes }));
}

#[test]
fn a_binary_list_that_holds_itself_is_refused() {
    assert!(matches!(check(&binary(&[vec![0xA1, 0]]), limits()), Err(PlistRefused::Malformed { .. })));
    assert!(matches!(check(b"bplist00", limits()), Err(PlistRefused::Malformed { .. })));
}

#[test]
fn entities_and_dtds_are_refused() {
    let laughs = b"<?xml version=\"1.0\"?><!DOCTYPE plist [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]><plist><string>&b;</string></plist>";
    assert_eq!(check(laughs, limits()), Err(PlistRefused::Construct { what: "an internal DTD subset" }));
    assert_eq!(check(&xml("<string>&b;</string>"), limits()), Err(PlistRefused::Construct { what: "an entity" }));
    assert_eq!(check(&xml("<string>a & b</string>"), limits()), Err(PlistRefused::Construct { what: "an entity" }));
    assert_eq!(check(&xml("<string><![CDATA[x]]></string>"), limits()), Err(PlistRefused::Construct { what: "CDATA" }));
    assert!(check(&xml("<!-- & <![CDATA[ --><dict/>"), limits()).is_ok());
    assert!(check(&xml("<!ELEMENT x><dict/>"), limits()).is_err());
}

#[test]
fn other_formats_are_refused() {
    for bytes in [&b"{ a = b; }"[..], b"", b"{\"a\":1}", b"\xFF\xFE<\0", b"(a, b)", b"   "] {
        assert_eq!(check(bytes, limits()), Err(PlistRefused::NotAPropertyList), "{bytes:?}");
    }
}

#[test]
fn identity_keys_stand_once() {
    let twice = xml("<dict><key>UDID</key><string>a</string><key>UDID</key><string>b</string></dict>");
    assert_eq!(check(&twice, limits()), Err(PlistRefused::DuplicateKey { key: "UDID".to_owned() }));
    let inner = xml("<dict><key>A</key><dict><key>k</key><true/><key>k</key><false/></dict></dict>");
    assert!(check(&inner, limits()).is_ok());
}

#[test]
fn size_and_count_have_limits() {
    let small = Limits { bytes: 100, ..limits() };
    assert!(matches!(check(&xml("<dict/>"), small), Err(PlistRefused::TooLarge { limit: 100, .. })));
    let few = Limits { nodes: 10, ..limits() };
    assert_eq!(
        check(&xml(&format!("<array>{}</array>", "<true/>".repeat(10))), few),
        Err(PlistRefused::TooManyNodes { limit: 10 })
    );
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(0u8.., 0..400)) {
        let _ = check(&bytes, limits());
        let _ = check(&[b"bplist00".to_vec(), bytes.clone()].concat(), limits());
        let _ = check(&xml(&String::from_utf8_lossy(&bytes)), limits());
    }
}

#[test]
fn a_second_identity_far_behind_is_found() {
    let filler: String = (0..1000).map(|number| format!("<key>K{number}</key><true/>")).collect();
    let list = xml(&format!("<dict><key>UDID</key><string>a</string>{filler}<key>UDID</key><string>b</string></dict>"));
    assert_eq!(check(&list, limits()), Err(PlistRefused::DuplicateKey { key: "UDID".to_owned() }));
}

#[test]
fn a_list_that_names_another_encoding_is_refused() {
    let named = |encoding: &str| format!("<?xml version='1.0' {encoding}?><plist><string>x</string></plist>");
    for fine in ["", "encoding=\"utf-8\"", "encoding = 'UTF-8' standalone='yes'", "encoding='us-ascii'"] {
        assert_eq!(check(named(fine).as_bytes(), limits()), Ok(()), "{fine}");
    }
    for other in ["encoding='ISO-8859-1'", "encoding='UTF-16'", "encoding=''", "encoding"] {
        let refused = check(named(other).as_bytes(), limits());
        assert!(matches!(refused, Err(PlistRefused::Construct { .. })), "{other}: {refused:?}");
    }
    let wide: Vec<u8> = "<plist><true/></plist>".encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(check(&[&[0xFE, 0xFF][..], &wide].concat(), limits()), Err(PlistRefused::NotAPropertyList));
}

#[test]
fn a_refusal_is_one_short_line_whatever_was_sent() {
    let key = format!("<key>a\n2026 ERROR forged {}</key><true/>", "x".repeat(5000));
    let refused = check(&xml(&format!("<dict>{key}{key}</dict>")), limits()).unwrap_err().to_string();
    assert!(refused.len() < 500 && !refused.contains('\n'), "{refused}");
}

#[test]
fn a_date_that_cannot_be_written_is_refused() {
    let dated = |text: &str| check(&xml(&format!("<dict><key>D</key>{text}</dict>")), limits());
    for fine in ["<date>0000-01-01T00:00:00Z</date>", "<date>9999-12-31T23:59:59Z</date>"] {
        assert_eq!(dated(fine), Ok(()), "{fine}");
    }
    for wrong in [
        "<date>9999-12-31T23:59:59-23:59</date>",
        "<date>0000-01-01T00:00:00+23:59</date>",
        "<date>9999-12-31T23:59:59&#45;23:59</date>",
        "<date><!--Z-->9999-12-31T23:59:59-23:59</date>",
        "<date>9999-12-31T23:59:59Z<!--Z-->-23:59</date>",
        "<date a=\">Z<\">9999-12-31T23:59:59-23:59</date>",
        "<date\n>9999-12-31T23:59:59-23:59</date>",
        "<date/>",
    ] {
        assert!(dated(wrong).is_err(), "{wrong}");
    }
    let binary_date = |seconds: f64| check(&binary(&[[&[0x33][..], &seconds.to_be_bytes()].concat()]), limits());
    assert_eq!(binary_date(0.0), Ok(()));
    assert_eq!(binary_date(-63_145_526_400.0), Ok(()));
    assert_eq!(binary_date(252_423_993_599.9), Ok(()));
    for wrong in [-63_145_526_401.0, 252_423_993_600.0, 8e12, -8e12, f64::MAX, f64::INFINITY, f64::NAN] {
        assert!(binary_date(wrong).is_err(), "{wrong}");
    }
}
