//! Rewrites BER as DER, as far as CMS from real devices needs it: indefinite and over-long lengths become definite and
//! minimal, constructed octet strings become primitive. Everything else is copied.
//!
//! Apple devices sign with BER of indefinite length, and strict DER parsers refuse that (`apple/protocol.md`, sections 5
//! and 6). Must never allocate more than a small multiple of its input, nor recurse deeper than [`MAX_DEPTH`].
//!
//! Not flattened: an implicitly tagged octet string (`[0]` in an EncryptedContentInfo). That layer goes to OpenSSL, which
//! reads BER itself.

/// Elements nested deeper than this are refused. A signed message of a device needs about twelve levels.
pub const MAX_DEPTH: usize = 32;

const CONSTRUCTED: u8 = 0x20;
const OCTET_STRING: u8 = 0x04;
const CONSTRUCTED_OCTET_STRING: u8 = OCTET_STRING | CONSTRUCTED;

/// Why some bytes are not one BER element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BerError {
    /// The input ends within an element.
    #[error("the message ends too early")]
    Truncated,
    /// Bytes follow the element.
    #[error("bytes follow the end of the message")]
    TrailingBytes,
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("the message is nested too deep")]
    TooDeep,
    /// A length or a tag that BER does not allow, or that is larger than any message may be.
    #[error("the message has an invalid tag or length")]
    Invalid,
}

/// Rewrites exactly one element.
///
/// # Errors
/// When the input is not exactly one well-formed element.
pub fn to_der(input: &[u8]) -> Result<Vec<u8>, BerError> {
    let mut out = Vec::with_capacity(input.len() + 16);
    let rest = element(input, &mut out, 0)?;
    if rest.is_empty() { Ok(out) } else { Err(BerError::TrailingBytes) }
}

/// Rewrites the first element of `input` to the end of `out`, and gives what follows it.
fn element<'a>(input: &'a [u8], out: &mut Vec<u8>, depth: usize) -> Result<&'a [u8], BerError> {
    if depth >= MAX_DEPTH {
        return Err(BerError::TooDeep);
    }
    let (tag, length, rest) = header(input)?;
    let constructed = tag[0] & CONSTRUCTED != 0;
    let Some(length) = length else {
        if !constructed {
            return Err(BerError::Invalid);
        }
        return container(tag, rest, None, out, depth);
    };
    let (contents, after) = rest.split_at_checked(length).ok_or(BerError::Truncated)?;
    if constructed {
        return container(tag, contents, Some(after), out, depth);
    }
    out.extend_from_slice(tag);
    put_length(out, contents.len());
    out.extend_from_slice(contents);
    Ok(after)
}

/// Rewrites the elements inside a constructed one. `after` is what follows it where its length is known; else it ends
/// at two zero bytes.
fn container<'a>(
    tag: &[u8],
    mut contents: &'a [u8],
    after: Option<&'a [u8]>,
    out: &mut Vec<u8>,
    depth: usize,
) -> Result<&'a [u8], BerError> {
    let flatten = tag == [CONSTRUCTED_OCTET_STRING];
    let mut inner = Vec::new();
    let rest = loop {
        match after {
            Some(after) if contents.is_empty() => break after,
            None if contents.starts_with(&[0, 0]) => break &contents[2..],
            _ => {}
        }
        if flatten {
            let mut chunk = Vec::new();
            contents = element(contents, &mut chunk, depth + 1)?;
            let (chunk_tag, _, octets) = header(&chunk)?;
            if chunk_tag != [OCTET_STRING] {
                return Err(BerError::Invalid);
            }
            inner.extend_from_slice(octets);
        } else {
            contents = element(contents, &mut inner, depth + 1)?;
        }
    };
    if flatten {
        out.push(OCTET_STRING);
    } else {
        out.extend_from_slice(tag);
    }
    put_length(out, inner.len());
    out.extend_from_slice(&inner);
    Ok(rest)
}

/// A tag, a length (none: indefinite) and what follows them.
type Header<'a> = (&'a [u8], Option<usize>, &'a [u8]);

fn header(input: &[u8]) -> Result<Header<'_>, BerError> {
    let first = *input.first().ok_or(BerError::Truncated)?;
    let mut at = 1;
    if first & 0x1f == 0x1f {
        // A tag number of several bytes, each but the last with the high bit set; more than four are no tag of ours.
        loop {
            let byte = *input.get(at).ok_or(BerError::Truncated)?;
            at += 1;
            if byte & 0x80 == 0 {
                break;
            }
            if at > 5 {
                return Err(BerError::Invalid);
            }
        }
    }
    let (tag, rest) = input.split_at(at);
    if tag == [0] {
        // End-of-contents where an element must stand.
        return Err(BerError::Invalid);
    }
    let first = *rest.first().ok_or(BerError::Truncated)?;
    match first {
        0..=0x7f => Ok((tag, Some(usize::from(first)), &rest[1..])),
        0x80 => Ok((tag, None, &rest[1..])),
        0xff => Err(BerError::Invalid),
        _ => {
            let count = usize::from(first & 0x7f);
            let digits = rest.get(1..=count).ok_or(BerError::Truncated)?;
            let significant = &digits[digits.iter().take_while(|digit| **digit == 0).count()..];
            if significant.len() > 4 {
                return Err(BerError::Invalid);
            }
            let length = significant.iter().fold(0usize, |sum, digit| (sum << 8) | usize::from(*digit));
            Ok((tag, Some(length), &rest[1 + count..]))
        }
    }
}

/// Appends a definite length in its shortest form.
pub(crate) fn put_length(out: &mut Vec<u8>, length: usize) {
    if let Ok(short @ 0..=0x7f) = u8::try_from(length) {
        out.push(short);
        return;
    }
    let bytes = length.to_be_bytes();
    let digits = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
    #[expect(clippy::cast_possible_truncation, reason = "a usize has at most eight bytes")]
    out.push(0x80 | digits.len() as u8);
    out.extend_from_slice(digits);
}

#[cfg(test)]
mod tests;
