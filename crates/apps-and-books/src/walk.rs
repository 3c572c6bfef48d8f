//! Reading a list to its end: page by page, a few at a time, following what Apple says is next.

use crate::client::{Answer, Client};
use crate::error::Failure;
use crate::wire::{AssetKey, Page, Target, Trailer};
use serde::de::DeserializeOwned;
use std::marker::PhantomData;

/// Most pages that are asked for at once (Apple's rule).
const AT_ONCE: u32 = 5;
/// `pageIndex` is out of range: the list became shorter.
const OUT_OF_RANGE: i64 = 9650;

/// Which assignments to read. All of them where nothing is set; what is set must all hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those of this asset.
    pub asset: Option<AssetKey>,
    /// Only those of this device or person.
    pub target: Option<Target>,
}

impl Filter {
    pub(crate) fn query(&self) -> Vec<(&'static str, String)> {
        let mut query = Vec::new();
        if let Some(asset) = &self.asset {
            query.push(("adamId", asset.adam_id.to_string()));
            query.push(("pricingParam", asset.pricing_param.as_str().to_owned()));
        }
        match &self.target {
            Some(Target::Device(serial)) => query.push(("serialNumber", serial.clone())),
            Some(Target::User(user)) => query.push(("clientUserId", user.clone())),
            None => {}
        }
        query
    }
}

/// A list that is being read.
pub struct Walk<'c, T> {
    client: &'c Client,
    call: &'static str,
    name: &'static str,
    query: Vec<(&'static str, String)>,
    next: Option<u32>,
    total: u32,
    version: Option<String>,
    steady: bool,
    trailer: Trailer,
    records: PhantomData<T>,
}

impl<'c, T: DeserializeOwned> Walk<'c, T> {
    pub(crate) fn new(
        client: &'c Client,
        call: &'static str,
        name: &'static str,
        query: Vec<(&'static str, String)>,
    ) -> Self {
        let trailer = Trailer::default();
        Self {
            client,
            call,
            name,
            query,
            next: Some(0),
            total: 1,
            version: None,
            steady: true,
            trailer,
            records: PhantomData,
        }
    }

    /// The next records: the first page, then up to five pages at once; none at the end.
    ///
    /// # Errors
    /// As any reading; the walk may be continued afterwards and asks for the same pages again.
    pub async fn more(&mut self) -> Result<Option<Vec<T>>, Failure> {
        let Some(first) = self.next else { return Ok(None) };
        let end = self.total.clamp(first + 1, first.saturating_add(AT_ONCE));
        let asked = (first..end).map(|index| self.page(index));
        let answers = futures_util::future::join_all(asked).await;
        let (mut records, mut last) = (Vec::new(), None);
        for answer in answers {
            match answer {
                Ok(Answer { body: page, trailer }) => {
                    self.total = self.total.max(page.total);
                    let version = self.version.get_or_insert_with(|| page.version.clone());
                    self.steady &= *version == page.version && page.unreadable == 0;
                    last = page.next;
                    records.extend(page.records);
                    self.trailer = trailer;
                }
                Err(failure) if failure.number() == Some(OUT_OF_RANGE) && first > 0 => {
                    self.steady = false;
                    last = None;
                }
                Err(failure) => return Err(failure),
            }
        }
        self.next = last.filter(|next| *next > first);
        Ok(Some(records))
    }

    /// Whether the list stayed the same while it was read, so that what was not in it is not there.
    #[must_use]
    pub fn is_steady(&self) -> bool {
        self.steady
    }

    /// What the latest answer said at its end.
    #[must_use]
    pub fn trailer(&self) -> &Trailer {
        &self.trailer
    }

    async fn page(&self, index: u32) -> Result<Answer<Page<T>>, Failure> {
        let mut query = self.query.clone();
        if index > 0 {
            query.push(("pageIndex", index.to_string()));
        }
        let answer = self.client.get(self.call, &query).await?;
        let page = Page::read(&answer.body, self.name);
        let body = page.ok_or_else(|| Failure::Unreadable(format!("it has no list `{}`", self.name)))?;
        Ok(Answer { body, trailer: answer.trailer })
    }
}
