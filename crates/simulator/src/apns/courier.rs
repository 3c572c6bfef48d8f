//! How simulated devices hear their notifications: one line of JSON each way over plain TCP on loopback.
//! Device to APNs: `{"subscribe":["<hex token>",…]}` or `{"unsubscribe":[…]}`. APNs to device:
//! `{"token":"<hex>","mdm":"<PushMagic>"}`. The last undelivered, unexpired notification of a token is delivered at
//! subscription. Stands for the connection that a real device holds to Apple; no MDM server speaks it.

use super::state::{State, Subscriber};
use serde::Deserialize;
use std::collections::HashSet;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(default)]
    subscribe: Vec<String>,
    #[serde(default)]
    unsubscribe: Vec<String>,
}

#[derive(serde::Serialize)]
struct Notification<'a> {
    token: &'a str,
    mdm: &'a str,
}

/// Serves the courier door until it is stopped.
pub(super) async fn serve(socket: TcpListener, state: Arc<State>, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            () = stop.cancelled() => return,
        };
        if let Ok((stream, _)) = accepted {
            tokio::spawn(converse(stream, Arc::clone(&state), stop.clone()));
        }
    }
}

async fn converse(stream: TcpStream, state: Arc<State>, stop: CancellationToken) {
    let _ = stream.set_nodelay(true);
    let (from, to) = stream.into_split();
    let subscriber = Arc::new(Subscriber::default());
    let mut tokens = HashSet::new();
    tokio::select! {
        () = listen(from, &state, &subscriber, &mut tokens) => {}
        () = tell(to, &state, &subscriber) => {}
        () = stop.cancelled() => {}
    }
    for token in &tokens {
        state.unsubscribe(token, &subscriber);
    }
}

async fn listen(from: OwnedReadHalf, state: &State, subscriber: &Arc<Subscriber>, tokens: &mut HashSet<String>) {
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(text)) = lines.next_line().await {
        let line: Line = match serde_json::from_str(&text) {
            Ok(line) => line,
            Err(problem) => return tracing::warn!(%problem, "courier: a line that is none; connection closed"),
        };
        for token in line.subscribe {
            let token = token.to_ascii_lowercase();
            state.subscribe(&token, subscriber);
            tokens.insert(token);
        }
        for token in line.unsubscribe {
            let token = token.to_ascii_lowercase();
            state.unsubscribe(&token, subscriber);
            tokens.remove(&token);
        }
    }
}

async fn tell(mut to: OwnedWriteHalf, state: &State, subscriber: &Arc<Subscriber>) {
    loop {
        let mut text = Vec::new();
        let ready = state.take_ready(subscriber);
        for (token, waiting) in &ready {
            let notification = Notification { token, mdm: &waiting.magic };
            // Two texts always make a JSON object.
            if serde_json::to_writer(&mut text, &notification).is_ok() {
                text.push(b'\n');
            }
        }
        if text.is_empty() {
            subscriber.wake.notified().await;
        } else if to.write_all(&text).await.is_ok() {
            state.delivered(&ready);
        } else {
            return state.take_back(ready);
        }
    }
}
