//! The few shapes of DER and BER that the openssl crate cannot express: signed attributes, requests with a challenge,
//! indefinite lengths. Writing and reading only; no cryptography, and never the server's own code for the same thing.

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BITS: u8 = 0x03;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const OID: u8 = 0x06;
pub(super) const UTF8: u8 = 0x0C;
pub(super) const PRINTABLE: u8 = 0x13;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
/// Context tag `[0]`, constructed.
pub(super) const CONTEXT_0: u8 = 0xA0;

/// One element with a definite length.
pub(super) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 6);
    out.push(tag);
    let length = content.len();
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let bytes = length.to_be_bytes();
        let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len() - 1);
        out.push(0x80 | (bytes.len() - start) as u8);
        out.extend_from_slice(&bytes[start..]);
    }
    out.extend_from_slice(content);
    out
}

/// One element around several, with a definite length.
pub(super) fn wrap(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    tlv(tag, &parts.concat())
}

/// One element around several, with an indefinite length, as Apple's encoder streams it.
pub(super) fn stream(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut out = vec![tag, 0x80];
    for part in parts {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(&[0, 0]);
    out
}

/// `wrap` or `stream`.
pub(super) fn framed(indefinite: bool, tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    if indefinite { stream(tag, parts) } else { wrap(tag, parts) }
}

/// The content of a SET OF: its members in DER's order.
pub(super) fn ordered(mut members: Vec<Vec<u8>>) -> Vec<u8> {
    members.sort();
    members.concat()
}

/// An object identifier from its dotted form. The first two numbers share a byte; the others are base 128.
pub(super) fn oid(dotted: &str) -> Vec<u8> {
    let numbers: Vec<u64> = dotted.split('.').filter_map(|part| part.parse().ok()).collect();
    let mut content = Vec::new();
    let first = numbers.first().copied().unwrap_or(0) * 40 + numbers.get(1).copied().unwrap_or(0);
    for number in std::iter::once(first).chain(numbers.iter().skip(2).copied()) {
        let mut digits = vec![(number & 0x7F) as u8];
        let mut rest = number >> 7;
        while rest > 0 {
            digits.push((rest & 0x7F) as u8 | 0x80);
            rest >>= 7;
        }
        digits.reverse();
        content.extend(digits);
    }
    tlv(OID, &content)
}

/// An unsigned integer from its bytes, most significant first.
pub(super) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    let mut content = bytes[start..].to_vec();
    if content.first().is_none_or(|byte| byte & 0x80 != 0) {
        content.insert(0, 0);
    }
    tlv(INTEGER, &content)
}

/// A text in the narrowest string type that holds it.
pub(super) fn text(value: &str) -> Vec<u8> {
    let printable = value.chars().all(|c| c.is_ascii_alphanumeric() || " '()+,-./:=?".contains(c));
    tlv(if printable { PRINTABLE } else { UTF8 }, value.as_bytes())
}

/// One element that was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    /// Tag, length and content.
    pub(super) whole: &'a [u8],
}

impl<'a> Element<'a> {
    pub(super) fn children(self) -> Reader<'a> {
        Reader(self.content)
    }
}

/// Reads elements with definite lengths one after the other; ends at the first thing it cannot read.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Reader<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let input = self.0;
        let tag = *input.first()?;
        let first = usize::from(*input.get(1)?);
        let (length, header) = if first < 0x80 {
            (first, 2)
        } else {
            let count = first & 0x7F;
            if count == 0 || count > 4 {
                return None;
            }
            let length = input.get(2..2 + count)?.iter().fold(0usize, |sum, byte| sum << 8 | usize::from(*byte));
            (length, 2 + count)
        };
        let end = header.checked_add(length)?;
        let element = Element { tag, content: input.get(header..end)?, whole: input.get(..end)? };
        self.0 = input.get(end..)?;
        Some(element)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_and_lengths_are_as_openssl_writes_them() {
        let asn1 = openssl::asn1::Asn1Object::from_str("2.16.840.1.113733.1.9.7").unwrap();
        assert_eq!(oid("2.16.840.1.113733.1.9.7"), tlv(OID, asn1.as_slice()));
        assert_eq!(tlv(OCTETS, &[7; 300])[..4], [4, 0x82, 1, 44]);
        assert_eq!(unsigned(&[0, 0x80]), [2, 2, 0, 0x80]);
        let long = tlv(SEQUENCE, &tlv(OCTETS, &[9; 200]));
        let read = Reader(&long).next().unwrap().children().next().unwrap();
        assert_eq!((read.tag, read.content.len()), (OCTETS, 200));
    }
}
