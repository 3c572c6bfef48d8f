//! The few tags of DER that CMS and SCEP are read and written with. Reading works on bytes that [`crate::ber::to_der`]
//! has been over; certificates inside are kept as the bytes they came in, since one byte changed breaks their signature.
//!
//! Must never accept an element that reaches beyond its container.

use crate::ber::put_length;

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
/// `[0]`, constructed.
pub(crate) const CONTEXT_0: u8 = 0xa0;

/// The bytes are not what CMS says stands here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// One element.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) contents: &'a [u8],
    /// Tag, length and contents.
    pub(crate) whole: &'a [u8],
}

/// Reads elements one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(contents: &'a [u8]) -> Self {
        Self(contents)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The next element. Tags of more than one byte do not occur in CMS.
    pub(crate) fn next(&mut self) -> Result<Element<'a>, Malformed> {
        let [tag, length, rest @ ..] = self.0 else { return Err(Malformed) };
        if tag & 0x1f == 0x1f {
            return Err(Malformed);
        }
        let (length, rest) = match *length {
            short @ 0..=0x7f => (usize::from(short), rest),
            long @ 0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(long & 0x7f)).ok_or(Malformed)?;
                (digits.iter().fold(0usize, |sum, digit| (sum << 8) | usize::from(*digit)), rest)
            }
            _ => return Err(Malformed),
        };
        let (contents, after) = rest.split_at_checked(length).ok_or(Malformed)?;
        let whole = &self.0[..self.0.len() - after.len()];
        self.0 = after;
        Ok(Element { tag: *tag, contents, whole })
    }

    /// The next element, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Result<Element<'a>, Malformed> {
        let element = self.next()?;
        if element.tag == tag { Ok(element) } else { Err(Malformed) }
    }

    /// The next element if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, Malformed> {
        if self.0.first() == Some(&tag) { self.next().map(Some) } else { Ok(None) }
    }

    /// Nothing may follow.
    pub(crate) fn end(self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}

impl<'a> Element<'a> {
    pub(crate) fn reader(self) -> Reader<'a> {
        Reader::new(self.contents)
    }
}

/// Writes one element.
pub(crate) fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(contents.len() + 6);
    out.push(tag);
    put_length(&mut out, contents.len());
    out.extend_from_slice(contents);
    out
}

/// Writes one element around others.
pub(crate) fn around(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    element(tag, &parts.concat())
}

/// Writes a SET OF: DER wants its elements sorted.
pub(crate) fn set_of(mut items: Vec<Vec<u8>>) -> Vec<u8> {
    items.sort();
    element(SET, &items.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_that_reaches_beyond_its_container_is_refused() {
        for bytes in [&[0x30][..], &[0x30, 0x02, 1], &[0x30, 0x80, 0, 0], &[0x30, 0x82, 1], &[0x1f, 0x01, 0x00]] {
            assert!(Reader::new(bytes).next().is_err(), "{bytes:02x?}");
        }
        let long = element(OCTET_STRING, &[7; 300]);
        let mut reader = Reader::new(&long);
        assert_eq!(reader.next().unwrap().contents.len(), 300);
        assert!(reader.end().is_ok());
    }
}
