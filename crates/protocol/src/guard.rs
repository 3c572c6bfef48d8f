//! Bounded property lists: measures one before anything is built from it.
//!
//! A property list from a device is hostile until measured: a few hundred binary bytes can expand to gigabytes by
//! naming the same object again and again, and some thousand nested arrays overflow a thread's stack, both while they
//! are built and while they are dropped. So every list passes twice: first the very parser that will build it only
//! counts (depth, values, bytes of the *expanded* tree) and stops at the first limit; then it builds.
//!
//! Must never be bypassed for bytes that come from outside.

mod binary;
mod meter;
mod xml;

use plist::Value;
use serde::de::DeserializeOwned;

/// How large a property list may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of the list as received.
    pub bytes: usize,
    /// Deepest nesting; the top level counts as 1.
    pub depth: usize,
    /// Most values (keys included) of the expanded tree.
    pub nodes: usize,
    /// Most bytes of all texts and data of the expanded tree.
    pub expanded_bytes: usize,
}

/// Most values of any list: built, each takes about a hundred bytes. The longest lists that devices send have a tenth.
const MOST_NODES: usize = 2_000_000;

impl Limits {
    /// For bodies of at most `bytes`: depth 64, one value for each four bytes received, never fewer than 4,096
    /// nor more than two million, and
    /// expanded text of at most four times the body.
    #[must_use]
    pub const fn for_body(bytes: usize) -> Self {
        let nodes = if bytes / 4 < 4096 { 4096 } else { bytes / 4 };
        let nodes = if nodes > MOST_NODES { MOST_NODES } else { nodes };
        let expanded_bytes = if bytes < 16_384 { 65_536 } else { bytes.saturating_mul(4) };
        Self { bytes, depth: 64, nodes, expanded_bytes }
    }
}

impl Default for Limits {
    /// The default of device endpoints: one MiB.
    fn default() -> Self {
        Self::for_body(1 << 20)
    }
}

/// Why a property list was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlistRefused {
    /// More bytes than the limit.
    #[error("the property list has {size} bytes; at most {limit} are accepted")]
    TooLarge {
        /// Bytes received.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// Nested deeper than the limit.
    #[error("the property list is nested deeper than {limit} levels")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// More values than the limit, once expanded.
    #[error("the property list expands to more than {limit} values")]
    TooManyNodes {
        /// The limit.
        limit: usize,
    },
    /// More text and data than the limit, once expanded.
    #[error("the property list expands to more than {limit} bytes of text and data")]
    ExpandsTooFar {
        /// The limit.
        limit: usize,
    },
    /// Neither XML nor binary; old-style ASCII lists are not accepted.
    #[error("this is neither an XML nor a binary property list")]
    NotAPropertyList,
    /// Something no Apple system writes and that parsers disagree about: entities, a DTD's internal subset, CDATA.
    #[error("the property list contains {what}, which is not accepted")]
    Construct {
        /// What was found.
        what: &'static str,
    },
    /// One key twice at the top level, where identity is read.
    #[error("the key \"{key}\" stands twice at the top level of the property list")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// The list does not parse.
    #[error("the property list cannot be read: {reason}")]
    Malformed {
        /// The parser's reason.
        reason: String,
    },
}

/// Measures a list without building it.
///
/// # Errors
/// The first limit it breaks, or why it is no acceptable property list.
pub fn check(bytes: &[u8], limits: Limits) -> Result<(), PlistRefused> {
    if bytes.len() > limits.bytes {
        return Err(PlistRefused::TooLarge { size: bytes.len(), limit: limits.bytes });
    }
    if bytes.starts_with(b"bplist00") {
        binary::check(bytes, limits)?;
        meter::measure(limits, || plist::from_bytes(bytes))
    } else {
        let text = xml::check(bytes)?;
        meter::measure(limits, || plist::from_reader_xml(text.as_bytes()))
    }
}

/// Measures a list and builds it as a tree.
///
/// # Errors
/// As [`check`].
pub fn parse(bytes: &[u8], limits: Limits) -> Result<Value, PlistRefused> {
    decode(bytes, limits)
}

/// Measures a list and builds a type from it.
///
/// # Errors
/// As [`check`], and when the list does not fit the type.
pub fn decode<T: DeserializeOwned>(bytes: &[u8], limits: Limits) -> Result<T, PlistRefused> {
    check(bytes, limits)?;
    let built = if bytes.starts_with(b"bplist00") {
        plist::from_bytes(bytes)
    } else {
        plist::from_reader_xml(xml::without_mark(bytes))
    };
    built.map_err(|error| PlistRefused::Malformed { reason: excerpt(&error.to_string()) })
}

/// The beginning of a text that may be the sender's, fit to stand in a line of a log: bounded, and without control
/// characters that would begin another line.
pub(crate) fn excerpt(text: &str) -> String {
    const MOST: usize = 120;
    let mut short: String = text.chars().take(MOST).flat_map(char::escape_debug).collect();
    if text.chars().nth(MOST).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests;
