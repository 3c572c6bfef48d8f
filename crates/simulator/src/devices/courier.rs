//! How pushes reach simulated devices: one connection to the simulated APNs for the whole fleet, lines of JSON.
//! `{"subscribe":["<hex token>",…]}` goes out, `{"token":"<hex>","mdm":"<PushMagic>"}` comes in. The connection is
//! opened again for as long as the fleet lives, with every token subscribed anew.

use super::options::Retry;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// Who takes a push: called with the magic it carries.
pub(super) type Receiver = Arc<dyn Fn(&str) + Send + Sync>;

#[derive(Deserialize)]
struct Push {
    token: String,
    mdm: String,
}

#[derive(Default)]
struct Tokens {
    all: BTreeMap<String, Receiver>,
    /// Not yet subscribed on the present connection.
    new: Vec<String>,
}

/// The fleet's end of the courier.
#[derive(Default)]
pub(super) struct Courier {
    tokens: Mutex<Tokens>,
    changed: Notify,
}

impl Courier {
    fn tokens(&self) -> std::sync::MutexGuard<'_, Tokens> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Listens for pushes to this token.
    pub(super) fn subscribe(&self, token: String, receiver: Receiver) {
        let mut tokens = self.tokens();
        tokens.all.insert(token.clone(), receiver);
        tokens.new.push(token);
        drop(tokens);
        self.changed.notify_one();
    }

    /// Stops listening; a push that still comes is dropped, as APNs does for a token that is gone.
    pub(super) fn forget(&self, token: &str) {
        self.tokens().all.remove(token);
    }

    /// Runs until it is dropped.
    pub(super) async fn run(&self, address: &str, retry: Retry) {
        let mut wait = retry.first;
        loop {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    wait = retry.first;
                    if let Err(error) = self.serve(stream).await {
                        tracing::debug!(%error, "the courier's connection ended");
                    }
                }
                Err(error) => tracing::debug!(%error, address, "the courier cannot be reached"),
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(retry.most);
        }
    }

    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        {
            let mut tokens = self.tokens();
            tokens.new = tokens.all.keys().cloned().collect();
        }
        loop {
            let fresh = std::mem::take(&mut self.tokens().new);
            for part in fresh.chunks(500) {
                let mut line = serde_json::json!({ "subscribe": part }).to_string();
                line.push('\n');
                write.write_all(line.as_bytes()).await?;
            }
            tokio::select! {
                () = self.changed.notified() => {}
                line = lines.next_line() => match line? {
                    None => return Ok(()),
                    Some(line) => self.deliver(&line),
                },
            }
        }
    }

    fn deliver(&self, line: &str) {
        let Ok(push) = serde_json::from_str::<Push>(line) else {
            tracing::warn!(line, "the courier sent something that is no push");
            return;
        };
        let receiver = self.tokens().all.get(&push.token.to_ascii_lowercase()).cloned();
        if let Some(receiver) = receiver {
            receiver(&push.mdm);
        }
    }
}
