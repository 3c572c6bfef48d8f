//! A request's body, bounded in size, time and memory.
//!
//! What is too large is read to its end and thrown away, so that the device hears our answer instead of a broken
//! connection, after which it would send the same again. What comes too slowly is given up with a 4xx of its own: a
//! peer that sends drop by drop must not look like a fault of this server.
//!
//! Must never keep more than [`SMALL`] of anybody who has not shown a certificate of ours.

use super::answer::plain;
use axum::body::{Body, HttpBody as _};
use axum::http::StatusCode;
use axum::response::Response;
use http_body_util::BodyExt as _;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Most bytes of a message that are kept. Lists of all apps with all their items have about one MiB; some are longer.
pub(crate) const LARGEST: usize = 32 << 20;
/// Most bytes that anybody may send before we look who it is. Most messages of devices are shorter.
pub(crate) const SMALL: usize = 64 * 1024;
/// Most bytes that are read at all.
const DRAINED: u64 = 256 << 20;

/// How slow a peer may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Longest pause within a body.
    pub(crate) pause: Duration,
    /// For any body, however short.
    pub(crate) base: Duration,
    /// Bytes a second after that.
    pub(crate) rate: u64,
    /// For any body, however long.
    pub(crate) most: Duration,
}

impl Default for Patience {
    /// A device on a slow line sends 64 kB a second: the largest answer takes eight minutes.
    fn default() -> Self {
        let [pause, base, most] = [20, 45, 12 * 60].map(Duration::from_secs);
        Self { pause, base, rate: 64 * 1024, most }
    }
}

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// All of it.
    Whole(Vec<u8>),
    /// More than was to be kept; it can be read on.
    More,
    /// So many bytes, thrown away.
    TooLarge(u64),
    /// The connection broke, or the body has no end.
    Broken,
    /// It came too slowly.
    Slow,
}

/// A body on its way.
pub(crate) struct Incoming {
    body: Body,
    bytes: Vec<u8>,
    size: u64,
    began: Instant,
    patience: Patience,
}

impl Incoming {
    pub(crate) fn new(body: Body, patience: Patience) -> Self {
        Self { body, bytes: Vec::new(), size: 0, began: Instant::now(), patience }
    }

    /// Reads on until the end, or until there are more than `most` bytes.
    pub(crate) async fn read(&mut self, most: usize) -> Received {
        loop {
            if self.bytes.len() > most {
                return Received::More;
            }
            match self.next().await {
                Ok(Some(data)) => self.bytes.extend_from_slice(&data),
                Ok(None) => return Received::Whole(std::mem::take(&mut self.bytes)),
                Err(other) => return other,
            }
        }
    }

    /// What the head of the request says that there will be; `None` where it says nothing.
    pub(crate) fn declared(&self) -> Option<u64> {
        let rest = self.body.size_hint().exact()?;
        Some(self.size.saturating_add(rest))
    }

    /// What has been read, which is not kept here any longer.
    pub(crate) fn let_go(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// Reads to the end and throws everything away.
    pub(crate) async fn drain(mut self) -> Received {
        self.bytes = Vec::new();
        self.pour(|_| ()).await
    }

    /// Reads to the end and hands each part on, none of which is kept.
    pub(crate) async fn pour(mut self, mut into: impl FnMut(&[u8])) -> Received {
        loop {
            match self.next().await {
                Ok(Some(part)) => into(&part),
                Ok(None) => return Received::TooLarge(self.size),
                Err(other) => return other,
            }
        }
    }

    async fn next(&mut self) -> Result<Option<axum::body::Bytes>, Received> {
        loop {
            let spent = self.began.elapsed();
            let allowed = self.patience.base + Duration::from_secs(self.size / self.patience.rate.max(1));
            let left = allowed.min(self.patience.most).saturating_sub(spent).min(self.patience.pause);
            let frame = timeout(left, self.body.frame()).await.map_err(|_| Received::Slow)?;
            let Some(frame) = frame else { return Ok(None) };
            let Ok(data) = frame.map_err(|_| Received::Broken)?.into_data() else { continue };
            self.size = self.size.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX));
            if self.size > DRAINED {
                return Err(Received::Broken);
            }
            return Ok(Some(data));
        }
    }
}

/// A body of at most so many bytes, or the answer that refuses it.
pub(crate) async fn bounded(body: Body, most: usize, patience: Patience) -> Result<Vec<u8>, Response> {
    let mut incoming = Incoming::new(body, patience);
    let received = match incoming.read(most).await {
        Received::More => incoming.drain().await,
        received => received,
    };
    match received {
        Received::Whole(bytes) => Ok(bytes),
        other => Err(refusal(&other)),
    }
}

/// What is answered to a body that was not received whole.
pub(crate) fn refusal(received: &Received) -> Response {
    tracing::info!(?received, "the body of a request was refused");
    match received {
        Received::Slow => plain(StatusCode::REQUEST_TIMEOUT, "the message came too slowly"),
        Received::Broken => plain(StatusCode::BAD_REQUEST, "the message broke off, or has no end"),
        _ => plain(StatusCode::PAYLOAD_TOO_LARGE, "the message is too large"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Bytes;
    use futures_util::stream;

    fn chunks(size: usize, count: usize) -> Body {
        let chunk = Bytes::from(vec![b'x'; size]);
        Body::from_stream(stream::iter((0..count).map(move |_| Ok::<_, std::io::Error>(chunk.clone()))))
    }

    async fn receive(body: Body) -> Received {
        let mut incoming = Incoming::new(body, Patience::default());
        match incoming.read(SMALL).await {
            Received::More => incoming.drain().await,
            received => received,
        }
    }

    #[tokio::test]
    async fn a_body_is_whole_or_counted_and_thrown_away() {
        assert_eq!(receive(Body::empty()).await, Received::Whole(Vec::new()));
        assert_eq!(receive(chunks(SMALL / 4, 4)).await, Received::Whole(vec![b'x'; SMALL]));
        assert_eq!(receive(chunks(SMALL + 1, 1)).await, Received::TooLarge(SMALL as u64 + 1));
        assert_eq!(receive(chunks(SMALL / 4, 5)).await, Received::TooLarge(SMALL as u64 / 4 * 5));
        assert_eq!(receive(chunks(1 << 20, 257)).await, Received::Broken, "without an end");
    }

    #[tokio::test]
    async fn what_was_read_stays_when_more_is_allowed() {
        let mut incoming = Incoming::new(chunks(SMALL, 3), Patience::default());
        assert_eq!(incoming.read(SMALL).await, Received::More);
        assert_eq!(incoming.read(LARGEST).await, Received::Whole(vec![b'x'; 3 * SMALL]));
        let mut incoming = Incoming::new(chunks(1000, 3), Patience::default());
        assert_eq!(incoming.read(1500).await, Received::More);
        let mut all = incoming.let_go();
        assert_eq!(incoming.pour(|part| all.extend_from_slice(part)).await, Received::TooLarge(3000));
        assert_eq!(all, vec![b'x'; 3000]);
    }

    #[tokio::test]
    async fn a_broken_connection_is_no_message() {
        let parts = [Ok(Bytes::from_static(b"<plist")), Err(std::io::Error::other("gone"))];
        assert_eq!(receive(Body::from_stream(stream::iter(parts))).await, Received::Broken);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stands_still_or_trickles_is_given_up() {
        assert_eq!(
            receive(Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>())).await,
            Received::Slow
        );
        let drops = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b"x")), ()))
        });
        assert_eq!(receive(Body::from_stream(Box::pin(drops))).await, Received::Slow);
        // Fast enough, and without an end in sight: the listener must not be the one to give it up.
        let long = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 128 * 1024])), ()))
        });
        let began = Instant::now();
        assert_eq!(receive(Body::from_stream(Box::pin(long))).await, Received::Slow);
        assert!(began.elapsed() < super::super::LONGEST_REQUEST);
    }
}
