//! The worker: takes due pushes from the outbox, sends them, writes down what came of them.
//!
//! Any number of nodes may run it. A push is claimed for a minute, which is longer than it can take; where a node dies in
//! between, it comes back and is sent again, which does no harm: APNs keeps one per device. Must never log a token, a
//! PushMagic or a key.

use super::certificates::{self, Unusable, Usable};
use super::outcome::{self, Sent};
use super::rows::{self, Claim};
use crate::context::Context;
use russet_apns::{Client, MdmPush, Roots, SendError, Settings};
use russet_protocol::PushToken;
use russet_store::{StoreError, Wake};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Most pushes under way from one node.
const MOST: usize = 256;

/// How long a claimed push is nobody else's.
const CLAIM: Duration = Duration::from_secs(60);

/// How long APNs keeps a push for a sleeping device; up to 30 days are allowed.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// Pushes what is due until `stop`, then waits for the pushes under way.
pub async fn run(ctx: Context, stop: CancellationToken) {
    let bell = ctx.store.waker(Wake::Push);
    let mut worker = Worker { ctx, client: None, under_way: JoinSet::new(), ended: Vec::new(), outages: 0 };
    let mut look = true;
    while !stop.is_cancelled() {
        if look && let Err(error) = worker.claim().await {
            tracing::warn!(%error, "the push outbox could not be read");
        }
        look = tokio::select! {
            () = stop.cancelled() => break,
            () = bell.notified() => true,
            () = tokio::time::sleep(worker.ctx.config.pace.poll) => true,
            Some(sent) = worker.under_way.join_next() => {
                // A full house may have kept others waiting.
                let was_full = worker.under_way.len() + 1 >= MOST;
                worker.ended.extend(sent.ok());
                was_full
            }
        };
        worker.settle().await;
    }
    while let Some(sent) = worker.under_way.join_next().await {
        worker.ended.extend(sent.ok());
    }
    worker.settle().await;
}

struct Worker {
    ctx: Context,
    /// The client, with the fingerprint of its certificate: a new certificate gets a new client.
    client: Option<(String, Arc<Client>)>,
    under_way: JoinSet<Sent>,
    /// Sent, but not yet written down.
    ended: Vec<Sent>,
    /// How many times in a row nothing could be reached.
    outages: u32,
}

impl Worker {
    /// Takes what is due and starts to send it.
    async fn claim(&mut self) -> Result<(), StoreError> {
        let now = self.ctx.now();
        let room = MOST.saturating_sub(self.under_way.len() + self.ended.len());
        let mut tx = self.ctx.store.read().await?;
        // Where nothing can be pushed, everything stays as it is; `push::standing` tells why.
        let Ok(certificate) = certificates::usable(&mut *tx, now).await? else { return Ok(()) };
        // Looked up first, so that an idle worker begins no transaction that may write.
        if room == 0 || !rows::any_due(&mut *tx, &certificate.topic, now).await? {
            return Ok(());
        }
        drop(tx);
        let mut tx = self.ctx.store.begin("claim pushes").await?;
        let limit = u32::try_from(room).unwrap_or(u32::MAX);
        let claims = rows::claim(&mut *tx, &certificate.topic, limit, now, now.plus(CLAIM)).await?;
        tx.commit().await?;
        let expiration = u64::try_from(now.plus(KEPT).millis() / 1000).unwrap_or(0);
        match self.client(&certificate).await? {
            Ok(client) => {
                let certificate = Arc::new(certificate);
                for claim in claims {
                    let (client, certificate) = (Arc::clone(&client), Arc::clone(&certificate));
                    self.under_way.spawn(async move {
                        let result = send(&client, &claim, &certificate.topic, expiration).await;
                        Sent { claim, certificate, result }
                    });
                }
            }
            Err(reason) => {
                tracing::error!(reason, "nothing can be pushed");
                let mut tx = self.ctx.store.begin("put pushes back").await?;
                let retry_at = now.plus(outcome::UNREACHABLE);
                let pause = Unusable::Unreachable { reason, retry_at };
                certificates::set_pause(&mut *tx, &certificate.fingerprint, Some(&pause)).await?;
                for claim in &claims {
                    rows::returned(&mut *tx, claim, now).await?;
                }
                tx.commit().await?;
            }
        }
        Ok(())
    }

    /// The client for this certificate, or the reason why there can be none.
    async fn client(&mut self, certificate: &Usable) -> Result<Result<Arc<Client>, String>, StoreError> {
        if let Some((fingerprint, client)) = &self.client
            && *fingerprint == certificate.fingerprint
        {
            return Ok(Ok(Arc::clone(client)));
        }
        let Some((chain, key)) = certificates::for_handshake(&self.ctx, &certificate.fingerprint).await? else {
            return Ok(Err("the push certificate has just been replaced".to_owned()));
        };
        let apple = &self.ctx.config.apple;
        let roots = match &apple.push_roots {
            None => Roots::System,
            Some(path) => match tokio::fs::read(path).await {
                Ok(pem) => Roots::Pem(pem),
                Err(error) => {
                    return Ok(Err(format!(
                        "the file of trust roots for push (apple.push_roots) cannot be read: {error}"
                    )));
                }
            },
        };
        let settings = Settings { url: apple.push_url.clone(), roots, ..Settings::default() };
        let Ok(key) = std::str::from_utf8(&key) else {
            return Ok(Err(
                "the stored key of the push certificate is damaged: import the certificate again".to_owned()
            ));
        };
        Ok(match Client::new(&settings, &chain, key) {
            Ok(client) => {
                let client = Arc::new(client);
                self.client = Some((certificate.fingerprint.clone(), Arc::clone(&client)));
                Ok(client)
            }
            Err(error) => Err(error.to_string()),
        })
    }

    /// Writes down what has ended, all in one transaction. What cannot be written is kept for the next time.
    async fn settle(&mut self) {
        while let Some(sent) = self.under_way.try_join_next() {
            self.ended.extend(sent.ok());
        }
        if self.ended.is_empty() {
            return;
        }
        match outcome::record(&self.ctx, &self.ended, self.outages).await {
            Ok(outages) => {
                self.outages = outages;
                self.ended.clear();
            }
            Err(error) => tracing::warn!(%error, "the outcome of pushes could not be written down yet"),
        }
    }
}

async fn send(client: &Client, claim: &Claim, topic: &str, expiration: u64) -> Result<russet_apns::Answer, SendError> {
    let token = PushToken::new(claim.token.clone()).map_err(|error| SendError::Unsendable(error.to_string()))?;
    client.send(&MdmPush::new(&token.to_hex(), &claim.magic, topic, expiration)).await
}
