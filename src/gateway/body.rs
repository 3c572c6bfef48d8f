//! A request's body, bounded: what is too large is read to its end and thrown away, so that the device hears our answer
//! instead of a broken connection, after which it would send the same again.

use axum::body::Body;
use http_body_util::BodyExt as _;

/// Most bytes of a message that are kept. The longest answers, lists of all apps with all their items, have about one MiB.
pub(crate) const LARGEST: usize = 4 << 20;
/// Most bytes that are read at all.
const DRAINED: u64 = 256 << 20;

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// All of it.
    Whole(Vec<u8>),
    /// So many bytes, thrown away.
    TooLarge(u64),
    /// The connection broke, or the body has no end.
    Broken,
}

/// Reads a body.
pub(crate) async fn receive(mut body: Body) -> Received {
    let mut bytes = Vec::new();
    let mut size: u64 = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Received::Broken };
        let Some(data) = frame.data_ref() else { continue };
        size = size.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX));
        if size > DRAINED {
            return Received::Broken;
        }
        if oversized(size) {
            bytes = Vec::new();
        } else {
            bytes.extend_from_slice(data);
        }
    }
    if oversized(size) { Received::TooLarge(size) } else { Received::Whole(bytes) }
}

fn oversized(size: u64) -> bool {
    size > LARGEST as u64
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

    #[tokio::test]
    async fn a_body_is_whole_or_counted_and_thrown_away() {
        assert_eq!(receive(Body::empty()).await, Received::Whole(Vec::new()));
        assert_eq!(receive(chunks(LARGEST / 4, 4)).await, Received::Whole(vec![b'x'; LARGEST]));
        assert_eq!(receive(chunks(LARGEST + 1, 1)).await, Received::TooLarge(LARGEST as u64 + 1));
        assert_eq!(receive(chunks(LARGEST / 4, 5)).await, Received::TooLarge(LARGEST as u64 / 4 * 5));
        assert_eq!(receive(chunks(LARGEST, 65)).await, Received::Broken, "without an end");
    }

    #[tokio::test]
    async fn a_broken_connection_is_no_message() {
        let parts = [Ok(Bytes::from_static(b"<plist")), Err(std::io::Error::other("gone"))];
        assert_eq!(receive(Body::from_stream(stream::iter(parts))).await, Received::Broken);
    }
}
