//! A courier door as the simulated APNs has it, for one test server: remembers who listens, hands out pushes.

use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::{broadcast, watch};

pub(super) struct Door {
    pub(super) address: SocketAddr,
    lines: broadcast::Sender<String>,
    /// Every token that was subscribed.
    pub(super) subscribed: watch::Receiver<Vec<String>>,
}

impl Door {
    pub(super) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let lines = broadcast::Sender::<String>::new(100);
        let (heard, subscribed) = watch::channel(Vec::new());
        let pushes = lines.clone();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let (read, mut write) = stream.into_split();
            let mut incoming = BufReader::new(read).lines();
            let mut outgoing = pushes.subscribe();
            loop {
                tokio::select! {
                    line = incoming.next_line() => match line {
                        Ok(Some(line)) => {
                            let line: Value = serde_json::from_str(&line).unwrap();
                            let tokens = line["subscribe"].as_array().unwrap();
                            let tokens = tokens.iter().map(|token| token.as_str().unwrap().to_owned());
                            heard.send_modify(|all| all.extend(tokens));
                        }
                        _ => return,
                    },
                    line = outgoing.recv() => write.write_all(line.unwrap().as_bytes()).await.unwrap(),
                }
            }
        });
        Self { address, lines, subscribed }
    }

    pub(super) fn push(&self, token: &str, magic: &str) {
        self.lines.send(format!("{}\n", json!({ "token": token, "mdm": magic }))).unwrap();
    }
}
