//! What an XML property list may not contain before it meets the parser. The parser reads CDATA and unknown entities as
//! nothing, without an error: data would be lost in silence, and two readers of one message would disagree.

use super::PlistRefused;

/// The bytes without a byte order mark.
pub(super) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

/// Refuses what no Apple system writes.
///
/// # Errors
/// `NotAPropertyList` for anything that is not UTF-8 XML, `Construct` for entities, a DTD's internal subset, CDATA.
pub(super) fn check(bytes: &[u8]) -> Result<&str, PlistRefused> {
    let text = std::str::from_utf8(without_mark(bytes)).map_err(|_| PlistRefused::NotAPropertyList)?;
    if !text.trim_start().starts_with('<') {
        return Err(PlistRefused::NotAPropertyList);
    }
    encoding(text)?;
    let mut rest = text;
    while let Some(at) = rest.find(['<', '&']) {
        rest = &rest[at..];
        rest = if rest.starts_with('&') { entity(rest)? } else { markup(rest)? };
    }
    Ok(text)
}

/// A list that calls itself something else than UTF-8, and is read as UTF-8 all the same, says two things at once.
fn encoding(text: &str) -> Result<(), PlistRefused> {
    const REFUSED: PlistRefused = PlistRefused::Construct { what: "an encoding other than UTF-8" };
    let Some(declaration) = text.trim_start().strip_prefix("<?xml") else { return Ok(()) };
    let declaration = &declaration[..declaration.find("?>").ok_or(REFUSED)?];
    let Some((_, after)) = declaration.split_once("encoding") else { return Ok(()) };
    let value = after.trim_start().strip_prefix('=').ok_or(REFUSED)?.trim();
    let name = value.trim_start_matches(['"', '\'']).split(['"', '\'']).next().unwrap_or_default();
    if ["utf-8", "us-ascii"].iter().any(|known| name.eq_ignore_ascii_case(known)) { Ok(()) } else { Err(REFUSED) }
}

fn entity(text: &str) -> Result<&str, PlistRefused> {
    const REFUSED: PlistRefused = PlistRefused::Construct { what: "an entity" };
    let end = text.bytes().take(16).position(|byte| byte == b';').ok_or(REFUSED)?;
    let name = &text[1..end];
    let known = matches!(name, "lt" | "gt" | "amp" | "quot" | "apos") || name.starts_with('#');
    if known { Ok(&text[end + 1..]) } else { Err(REFUSED) }
}

fn markup(text: &str) -> Result<&str, PlistRefused> {
    if let Some(rest) = text.strip_prefix("<date") {
        date(rest)?;
    }
    let Some(rest) = text.strip_prefix("<!") else { return Ok(&text[1..]) };
    if let Some(comment) = rest.strip_prefix("--") {
        return match comment.find("-->") {
            Some(end) => Ok(&comment[end + 3..]),
            None => Err(PlistRefused::Malformed { reason: "a comment does not end".to_owned() }),
        };
    }
    if rest.starts_with("[CDATA[") {
        return Err(PlistRefused::Construct { what: "CDATA" });
    }
    if !rest.starts_with("DOCTYPE") {
        return Err(PlistRefused::Construct { what: "a declaration" });
    }
    let end = rest.find('>').ok_or(PlistRefused::Construct { what: "an open DOCTYPE" })?;
    if rest[..end].contains('[') {
        return Err(PlistRefused::Construct { what: "an internal DTD subset" });
    }
    Ok(&rest[end + 1..])
}

/// Dates are in UTC, as the DTD has them. The parser takes any offset, and panics where that leads out of the years 0 to
/// 9999. `after` follows the name; other elements may begin with it.
fn date(after: &str) -> Result<(), PlistRefused> {
    const REFUSED: PlistRefused = PlistRefused::Construct { what: "a date that is not in UTC" };
    if !after.starts_with(['>', '/']) && !after.starts_with(char::is_whitespace) {
        return Ok(());
    }
    let content = after.strip_prefix('>').ok_or(REFUSED)?;
    let text = content.split('<').next().unwrap_or_default().trim_end();
    if text.ends_with(['Z', 'z']) { Ok(()) } else { Err(REFUSED) }
}
