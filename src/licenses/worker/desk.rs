//! One account at work: its client, its lease, and the rule that nothing is asked at Apple without holding it.

use crate::context::Context;
use crate::ids::AccountId;
use crate::licenses::store::{self, Work};
use russet_apps_and_books::{Client, Failure, Roots, ServerToken, Settings, SetupError, Trailer};
use russet_protocol::Timestamp;
use russet_store::StoreError;
use std::future::Future;
use std::path::Path;
use std::time::Duration;

/// How long a lease holds, and how often it is renewed while a request is under way.
const LEASE: Duration = Duration::from_secs(10);
const RENEW: Duration = Duration::from_secs(3);
/// How long Apple's limits and addresses are believed (Apple: they change without notice, read them every 5 minutes).
const SERVICE_HOLDS: Duration = Duration::from_secs(300);

/// Why the work on an account ends for now.
#[derive(Debug, thiserror::Error)]
pub(super) enum Halt {
    /// Another node has the lease.
    #[error("another node serves this account")]
    Lost,
    /// Apple refused, or could not be reached.
    #[error(transparent)]
    Apple(#[from] Failure),
    /// An admin has to act; the text says what to do.
    #[error("{0}")]
    Stop(String),
    /// The configuration does not let us speak to Apple.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is kept from turn to turn: connections, Apple's limits. Worth nothing after a restart.
#[derive(Default)]
pub(super) struct Kept {
    client: Option<(Vec<u8>, Client)>,
    service_read_at: Option<Timestamp>,
}

impl Kept {
    /// Apple's limits are read again before the next change.
    pub(super) fn doubt_limits(&mut self) {
        self.service_read_at = None;
    }
}

/// One account at work.
pub(super) struct Desk<'a> {
    pub(super) ctx: &'a Context,
    pub(super) work: Work,
    kept: &'a mut Kept,
    token: Vec<u8>,
}

impl<'a> Desk<'a> {
    /// Sits down: takes the lease, opens the token, makes the client where there is none yet.
    pub(super) async fn open(ctx: &'a Context, work: Work, kept: &'a mut Kept) -> Result<Desk<'a>, Halt> {
        renew(ctx, work.id).await?;
        if kept.client.as_ref().is_none_or(|(token, _)| *token != work.token) {
            let sealer = ctx.store.sealer();
            let text = sealer.open(store::ACCOUNT, store::TOKEN, &work.id.text(), &work.token)?;
            let damaged = || Halt::Store(StoreError::corrupt(store::ACCOUNT, store::TOKEN, work.id));
            let text = std::str::from_utf8(&text).map_err(|_| damaged())?;
            let token = ServerToken::parse(text).map_err(|_| damaged())?;
            kept.client = Some((work.token.clone(), Client::new(settings(ctx).await?, token)?));
            kept.service_read_at = None;
        }
        let token = work.token.clone();
        Ok(Self { ctx, work, kept, token })
    }

    /// Reads the account again, after something in it has changed.
    pub(super) async fn reload(&mut self) -> Result<(), Halt> {
        let work = store::work(&mut *self.ctx.store.read().await?, self.id()).await?;
        self.work = work.ok_or(StoreError::NotFound)?;
        Ok(())
    }

    pub(super) fn id(&self) -> AccountId {
        self.work.id
    }

    pub(super) fn now(&self) -> Timestamp {
        self.ctx.now()
    }

    /// The client. There is one for as long as the desk is open.
    pub(super) fn client(&self) -> Result<&Client, Halt> {
        let kept = self.kept.client.as_ref().filter(|(token, _)| *token == self.token);
        kept.map(|(_, client)| client).ok_or(Halt::Lost)
    }

    /// Asks Apple while holding the lease: it is renewed before, and while the answer is awaited. Where it is lost the request is
    /// given up, and whether it was carried out is open.
    pub(super) async fn ask<T>(&self, request: impl Future<Output = Result<T, Failure>>) -> Result<T, Halt> {
        renew(self.ctx, self.id()).await?;
        let mut request = std::pin::pin!(request);
        loop {
            match tokio::time::timeout(RENEW, &mut request).await {
                Ok(answer) => return Ok(answer?),
                Err(_) => renew(self.ctx, self.id()).await?,
            }
        }
    }

    /// Hears what an answer said at its end: another MDM's id means that the location was taken from us.
    pub(super) fn heard(&self, trailer: &Trailer) -> Result<(), Halt> {
        match &trailer.mdm_info {
            Some(info) if self.work.claimed && info.id != self.id().text() => Err(Halt::Stop(taken(&info.name))),
            _ => Ok(()),
        }
    }

    /// Reads Apple's limits and addresses where they were not read lately.
    pub(super) async fn refresh_service(&mut self) -> Result<(), Halt> {
        let now = self.now();
        if self.kept.service_read_at.is_none_or(|at| now.since(at) >= SERVICE_HOLDS) {
            self.ask(self.client()?.refresh_service()).await?;
            self.kept.service_read_at = Some(now);
        }
        Ok(())
    }

    /// Apple's limits are read again before the next change.
    pub(super) fn doubt_limits(&mut self) {
        self.kept.doubt_limits();
    }
}

/// The words for a location that another MDM manages.
pub(super) fn taken(name: &str) -> String {
    format!(
        "The location is managed by another MDM server, {name:?}. Nothing is changed there. To take it over, ask for a \
         synchronization with take_over."
    )
}

/// Gives the lease back, so that another node need not wait for its end.
pub(super) async fn leave(ctx: &Context, id: AccountId) {
    if let Err(error) = ctx.store.release_lease(&lease(id)).await {
        tracing::debug!(account = %id, %error, "a lease was not given back; it ends by itself");
    }
}

fn lease(id: AccountId) -> String {
    format!("apps-and-books/{}", id.text())
}

async fn renew(ctx: &Context, id: AccountId) -> Result<(), Halt> {
    let name = lease(id);
    if ctx.store.lease(&name, ctx.now().millis(), LEASE).await? { Ok(()) } else { Err(Halt::Lost) }
}

async fn settings(ctx: &Context) -> Result<Settings, SetupError> {
    let apple = &ctx.config.apple;
    let roots = match &apple.apps_and_books_roots {
        Some(path) => read_roots(path).await?,
        None => Roots::Machine,
    };
    let mut settings = Settings::new(apple.apps_and_books_url.clone(), roots);
    settings.metadata_url.clone_from(&apple.metadata_url);
    if let Some(path) = &apple.metadata_roots {
        settings.metadata_roots = Some(read_roots(path).await?);
    }
    Ok(settings)
}

async fn read_roots(path: &Path) -> Result<Roots, SetupError> {
    let pem = tokio::fs::read(path).await;
    pem.map(Roots::Given).map_err(|error| SetupError::BadRoots(format!("{}: {error}", path.display())))
}
