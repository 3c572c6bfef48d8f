//! The object table of a binary property list, looked at before the parser reserves memory for it: objects may overlap,
//! so that each of many arrays claims most of the file as its own list of references.

use super::{Limits, PlistRefused};

fn malformed(reason: &str) -> PlistRefused {
    PlistRefused::Malformed { reason: reason.to_owned() }
}

fn number(bytes: &[u8], at: usize, size: usize) -> Option<usize> {
    let part = bytes.get(at..at.checked_add(size)?)?;
    part.iter().try_fold(0usize, |sum, byte| sum.checked_mul(256)?.checked_add(usize::from(*byte)))
}

/// Refuses a table whose containers together hold more references than the tree may have values.
///
/// # Errors
/// `TooManyNodes`, or `Malformed` when the table points outside of the list.
pub(super) fn check(bytes: &[u8], limits: Limits) -> Result<(), PlistRefused> {
    let trailer = bytes.len().checked_sub(32).ok_or_else(|| malformed("it is cut short"))?;
    let offset_size = usize::from(bytes[trailer + 6]);
    let count = number(bytes, trailer + 8, 8).ok_or_else(|| malformed("its object count is out of range"))?;
    let table = number(bytes, trailer + 24, 8).ok_or_else(|| malformed("its offset table is out of range"))?;
    if count > limits.nodes {
        return Err(PlistRefused::TooManyNodes { limit: limits.nodes });
    }
    let mut references = 0usize;
    for index in 0..count {
        let entry = index.checked_mul(offset_size).and_then(|by| table.checked_add(by));
        let object = entry.and_then(|at| number(bytes, at, offset_size));
        let Some(marker) = object.and_then(|at| bytes.get(at).copied().map(|byte| (at, byte))) else {
            return Err(malformed("an object lies outside of it"));
        };
        if marker.1 >> 4 == 3 && !is_date(bytes, marker.0) {
            return Err(malformed("a date has a year that cannot be written"));
        }
        references = references.saturating_add(children(bytes, marker.0, marker.1));
        if references > limits.nodes.saturating_mul(2) {
            return Err(PlistRefused::TooManyNodes { limit: limits.nodes });
        }
    }
    Ok(())
}

/// Whether the date at `at` lies in the years 0 to 9999. The parser lets others pass, and panics when one is turned into
/// text.
fn is_date(bytes: &[u8], at: usize) -> bool {
    const YEAR_0: f64 = -63_145_526_400.0;
    const YEAR_10000: f64 = 252_423_993_600.0;
    let seconds = bytes.get(at + 1..).and_then(<[u8]>::first_chunk).map(|bytes| f64::from_be_bytes(*bytes));
    seconds.is_some_and(|seconds| (YEAR_0..YEAR_10000).contains(&seconds))
}

/// How many references the object at `at` holds: none for a scalar, two an entry for a dictionary.
fn children(bytes: &[u8], at: usize, marker: u8) -> usize {
    let each = match marker >> 4 {
        0xA | 0xC => 1,
        0xD => 2,
        _ => return 0,
    };
    let entries = match marker & 0x0F {
        0x0F => {
            let size = 1usize << (bytes.get(at + 1).copied().unwrap_or(0) & 3);
            number(bytes, at + 2, size).unwrap_or(usize::MAX)
        }
        short => usize::from(short),
    };
    entries.saturating_mul(each)
}
