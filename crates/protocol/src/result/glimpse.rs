//! A look into a report that is too large to be kept.

use crate::ids::CommandUuid;

/// The CommandUUID that stands in a part of an XML report, as devices write it. `None` where the part has none, or the report
/// is a binary property list.
///
/// The rest of the report is never seen, so this decides nothing but which of its own commands a device means.
#[must_use]
pub fn glimpse(part: &[u8]) -> Option<CommandUuid> {
    const KEY: &[u8] = b"<key>CommandUUID</key>";
    let after = part.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    let text = part.get(after..)?.trim_ascii_start().strip_prefix(b"<string>")?;
    let end = text.iter().position(|byte| *byte == b'<')?;
    // What is escaped is no CommandUUID of ours.
    let text = std::str::from_utf8(text.get(..end)?).ok().filter(|text| !text.contains('&'))?;
    CommandUuid::new(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_found_in_a_part_of_a_report() {
        let found = |part: &str| glimpse(part.as_bytes()).map(|uuid| uuid.as_str().to_owned());
        let whole = "<plist><dict>\n\t<key>CommandUUID</key>\n\t<string>A-1</string>\n\t<key>Data</key>";
        assert_eq!(found(whole).as_deref(), Some("A-1"));
        for part in [
            "",
            "<key>CommandUUID</key>",
            "<key>CommandUUID</key><string>A-1",
            "<key>CommandUUID</key><string></string>",
            "<key>CommandUUID</key><data>A-1</data>",
            "<key>CommandUUID</key><string>A&amp;1</string>",
            "<key>UUID</key><string>A-1</string>",
            &whole.replace("A-1", &"A".repeat(10_000)),
        ] {
            assert_eq!(found(part), None, "{part}");
        }
        assert_eq!(glimpse(b"<key>CommandUUID</key><string>\xff\xfe</string>"), None);
    }
}
