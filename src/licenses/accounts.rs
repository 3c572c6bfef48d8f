//! App Store accounts: one location at Apple, its server token, its defaults.

use super::{Defaults, LicenseError, store};
use crate::context::Context;
use crate::events;
use crate::ids::AccountId;
use ring::digest::{SHA256, digest};
use russet_apps_and_books::ServerToken;
use russet_protocol::Timestamp;
use russet_store::{StoreError, Tx, Wake};

/// Longest name of an account, in characters.
pub const LONGEST_NAME: usize = 100;

/// How an account stands with Apple.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountState {
    /// Added; Apple has not been asked yet, or the first reading is under way.
    Connecting,
    /// All is well.
    Ready,
    /// Passing trouble: tried again by itself.
    Trouble,
    /// Nothing is sent until an admin acts; the text says what to do.
    Stopped,
}

impl AccountState {
    /// The word in the API and in the database.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Ready => "ready",
            Self::Trouble => "trouble",
            Self::Stopped => "stopped",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Connecting, Self::Ready, Self::Trouble, Self::Stopped].into_iter().find(|state| state.word() == text)
    }
}

/// An account as it is shown: without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its name here.
    pub name: String,
    /// `orgName` of its token.
    pub organization_name: String,
    /// `locationName`, once Apple has said it.
    pub location_name: Option<String>,
    /// `countryISO2ACode`, once Apple has said it.
    pub country_code: Option<String>,
    /// When its token ends.
    pub token_expires_at: Timestamp,
    /// How it stands with Apple.
    pub state: AccountState,
    /// The same in a sentence, with what to do where something is to be done.
    pub state_text: String,
    /// Since when.
    pub state_at: Timestamp,
    /// Whether Apple can reach our webhook: `unknown`, `notified`, or `polling` where it cannot.
    pub webhook: String,
    /// When the mirror was last read as a whole.
    pub last_sync_at: Option<Timestamp>,
    /// Its defaults.
    pub defaults: Defaults,
    /// The version of the defaults, for `ETag` and `If-Match` (with the quotes).
    pub etag: String,
}

/// Adds an account. The worker claims its location and reads its records right after.
///
/// # Errors
/// Where the name, the token or the defaults do not do, or the store fails.
pub async fn create(ctx: &Context, name: &str, token: &str, defaults: Defaults) -> Result<Account, LicenseError> {
    let name = checked_name(name)?;
    let token = ServerToken::parse(token)?;
    defaults.check()?;
    let (id, now) = (AccountId(ctx.uuid()), ctx.now());
    let (path, secret) = (hex(&ctx.random_bytes::<16>()), hex(&ctx.random_bytes::<32>()));
    let hash = digest(&SHA256, token.secret().as_bytes());
    let sealer = ctx.store.sealer();
    let row = store::NewAccount {
        id,
        name,
        token: &sealer.seal(store::ACCOUNT, store::TOKEN, &id.text(), token.secret().as_bytes())?,
        token_hash: hash.as_ref(),
        token_expires_at: token.expires_at(),
        organization_name: token.organization(),
        webhook_path: &path,
        webhook_secret: &sealer.seal(store::ACCOUNT, store::WEBHOOK, &id.text(), secret.as_bytes())?,
        defaults: &defaults,
        now,
    };
    let mut tx = ctx.store.begin("add an App Store account").await?;
    if let Some(taken) = store::name_of_token(&mut *tx, hash.as_ref()).await? {
        return Err(LicenseError::TokenTaken(taken));
    }
    if store::name_is_taken(&mut *tx, name).await? {
        return Err(LicenseError::NameTaken(name.to_owned()));
    }
    store::insert_account(&mut *tx, &row).await?;
    tx.wake(Wake::Licenses);
    let account = store::account(&mut *tx, id).await?.ok_or(LicenseError::NotFound)?;
    tx.commit().await?;
    Ok(account)
}

/// Gives an account the next server token of its location; Apple's tokens last a year. The worker claims the location with
/// it right after, and stops where it is of another location.
///
/// # Errors
/// Where the text is no server token, another account has it, there is no such account, or the store fails.
pub async fn renew_token(ctx: &Context, id: AccountId, token: &str) -> Result<Account, LicenseError> {
    let token = ServerToken::parse(token)?;
    let hash = digest(&SHA256, token.secret().as_bytes());
    let row = store::NewToken {
        id,
        token: &ctx.store.sealer().seal(store::ACCOUNT, store::TOKEN, &id.text(), token.secret().as_bytes())?,
        hash: hash.as_ref(),
        expires_at: token.expires_at(),
        organization_name: token.organization(),
        now: ctx.now(),
    };
    let mut tx = ctx.store.begin("renew a server token").await?;
    let before = store::account(&mut *tx, id).await?.ok_or(LicenseError::NotFound)?;
    if let Some(taken) = store::name_of_token(&mut *tx, hash.as_ref()).await?.filter(|name| *name != before.name) {
        return Err(LicenseError::TokenTaken(taken));
    }
    store::set_token(&mut *tx, &row).await?;
    tx.wake(Wake::Licenses);
    let account = store::account(&mut *tx, id).await?.ok_or(LicenseError::NotFound)?;
    tx.commit().await?;
    Ok(account)
}

/// Forgets an account with everything that was mirrored of it. What Apple has stays as it is. Who calls makes sure that
/// nothing is managed with its licenses any more.
///
/// # Errors
/// Where there is no such account, or the store fails.
pub async fn forget(tx: &mut dyn Tx, id: AccountId) -> Result<(), LicenseError> {
    if store::delete_account(tx, id).await? { Ok(()) } else { Err(LicenseError::NotFound) }
}

/// All accounts, by name.
///
/// # Errors
/// Where the store fails.
pub async fn list(tx: &mut dyn Tx) -> Result<Vec<Account>, StoreError> {
    store::accounts(tx).await
}

/// One account.
///
/// # Errors
/// Where the store fails.
pub async fn get(tx: &mut dyn Tx, id: AccountId) -> Result<Option<Account>, StoreError> {
    store::account(tx, id).await
}

/// The defaults of an account and their version.
///
/// # Errors
/// Where there is no such account, or the store fails.
pub async fn defaults(tx: &mut dyn Tx, id: AccountId) -> Result<(Defaults, String), LicenseError> {
    let account = get(tx, id).await?.ok_or(LicenseError::NotFound)?;
    Ok((account.defaults, account.etag))
}

/// Replaces the defaults of an account, if they are still those of `etag` (where given). The devices that hold or await a
/// license of the account are marked to be looked at, in the bulk lane; the audit log holds the values before and after.
///
/// # Errors
/// Where the defaults contradict themselves, were changed meanwhile, there is no such account, or the store fails.
pub async fn set_defaults(
    ctx: &Context,
    id: AccountId,
    new: Defaults,
    etag: Option<&str>,
) -> Result<Account, LicenseError> {
    new.check()?;
    let before = get(&mut *ctx.store.read().await?, id).await?.ok_or(LicenseError::NotFound)?;
    if etag.is_some_and(|etag| etag != before.etag) {
        return Err(LicenseError::Changed);
    }
    if before.defaults == new {
        return Ok(before);
    }
    let words = |defaults: &Defaults| serde_json::to_string(defaults).unwrap_or_default();
    let subject = format!("account {:?}: {} → {}", before.name, words(&before.defaults), words(&new));
    let entry = events::begin(ctx, "russet", "change the defaults of an account", &subject).await?;
    let mut tx = ctx.store.begin("change the defaults of an account").await?;
    let changed = store::set_defaults(&mut *tx, id, &new, &before.etag).await?;
    let after = store::account(&mut *tx, id).await?.ok_or(LicenseError::NotFound)?;
    if changed {
        store::unmark(&mut *tx, id).await?;
        tx.wake(Wake::Licenses);
        tx.commit().await?;
    }
    events::end(ctx, entry, if changed { "done" } else { "refused: changed meanwhile" }).await?;
    if changed { Ok(after) } else { Err(LicenseError::Changed) }
}

/// Asks the worker to read the location's records now. An account that is stopped tries again; with `take_over` it takes the
/// location from another MDM server that has claimed it.
///
/// # Errors
/// Where there is no such account, or the store fails.
pub async fn sync(ctx: &Context, id: AccountId, take_over: bool) -> Result<(), LicenseError> {
    let mut tx = ctx.store.begin("read a location's records").await?;
    if !store::want_sync(&mut *tx, id, take_over, ctx.now()).await? {
        return Err(LicenseError::NotFound);
    }
    tx.wake(Wake::Licenses);
    Ok(tx.commit().await?)
}

fn checked_name(name: &str) -> Result<&str, LicenseError> {
    let name = name.trim();
    let fits = !name.is_empty() && name.chars().count() <= LONGEST_NAME && !name.chars().any(char::is_control);
    if fits { Ok(name) } else { Err(LicenseError::BadName) }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
