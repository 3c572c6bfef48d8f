//! Pages of lists: `limit`, and either `offset` or the `cursor` that the page before ended with.

use super::super::problem::Problem;
use serde::Deserialize;
use std::str::FromStr;

/// Entries of a page, unless another number is asked for.
const USUAL: u32 = 100;
/// Most entries of a page.
const MOST: u32 = 1000;

/// Which page is asked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Page {
    limit: Option<u32>,
    offset: Option<u32>,
    cursor: Option<String>,
}

impl Page {
    /// The same, with what stands in the body where the address says nothing.
    pub(super) fn or(self, other: Option<Self>) -> Self {
        let other = other.unwrap_or_default();
        Self {
            limit: self.limit.or(other.limit),
            offset: self.offset.or(other.offset),
            cursor: self.cursor.or(other.cursor),
        }
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit.unwrap_or(USUAL).clamp(1, MOST)
    }

    pub(super) fn offset(&self) -> u32 {
        self.offset.unwrap_or(0)
    }

    /// Where the page before ended.
    pub(super) fn cursor<T: FromStr>(&self) -> Result<Option<T>, Problem> {
        let Some(text) = self.cursor.as_deref().filter(|text| !text.is_empty()) else { return Ok(None) };
        if self.offset.is_some() {
            return Err(Problem::malformed("Give `offset` or `cursor`, not both."));
        }
        let wrong = |_| Problem::malformed("`cursor` must be the `next_cursor` of an earlier answer.");
        text.parse().map(Some).map_err(wrong)
    }

    /// Whether a page of this length may be followed by another one.
    pub(super) fn is_full(&self, length: usize) -> bool {
        u32::try_from(length).is_ok_and(|length| length >= self.limit())
    }
}
