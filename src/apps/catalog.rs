//! What admins do with apps: add, list, take off, change what an app says over its account's defaults.
//!
//! Each use case is one transaction, which also marks the devices that it touches.

use super::app::{App, AppSettings, NewApp, Scope};
use super::error::AppsError;
use super::{names, store};
use crate::context::Context;
use crate::directory::dirty;
use crate::ids::{AccountId, AppId, ProfileId};
use crate::licenses::{LicenseError, accounts, assets};
use crate::profiles::{self, ProfilesError};
use russet_store::{StoreError, Tx};

/// `productType` of a book in Apple's records; only people can have one.
const BOOK: &str = "Book";

/// Puts an app under management and gives it to those in its scope. One that is just being removed is wanted again.
///
/// # Errors
/// [`AppsError::NoSuchAccount`]; [`AppsError::AlreadyThere`] where the account manages it already;
/// [`AppsError::NotOwned`] and [`AppsError::Book`] where Apple's records say that it cannot be.
pub async fn add(ctx: &Context, new: NewApp) -> Result<App, AppsError> {
    let id = AppId(ctx.uuid());
    let mut tx = ctx.store.begin("add an app").await?;
    let account = accounts::get(&mut *tx, new.account).await?.ok_or(AppsError::NoSuchAccount)?;
    match assets::get(&mut *tx, new.account, new.adam, new.pricing).await? {
        Some(asset) if asset.product_type == BOOK => return Err(AppsError::Book),
        // Before the first reading nobody knows what there is.
        None if account.last_sync_at.is_some() => return Err(AppsError::NotOwned { account: account.name }),
        _ => {}
    }
    let id = match store::of_asset(&mut *tx, &new).await? {
        Some((_, Scope::Everyone)) => return Err(AppsError::AlreadyThere),
        Some((known, Scope::Nobody)) => {
            store::set_scope(&mut *tx, known, new.scope).await?;
            known
        }
        None => {
            store::insert(&mut *tx, id, &new, ctx.now()).await.map_err(|error| match error {
                StoreError::Conflict { .. } => AppsError::AlreadyThere,
                other => AppsError::Store(other),
            })?;
            id
        }
    };
    dirty::mark_all(&mut *tx, dirty::Lane::Bulk, "an app was added", ctx.now()).await?;
    let app = get(&mut *tx, id).await?;
    tx.commit().await?;
    Ok(app)
}

/// All apps under management, in the order in which they were added; those that are being removed too, with
/// [`Scope::Nobody`].
///
/// # Errors
/// Where the store fails.
pub async fn list(tx: &mut dyn Tx) -> Result<Vec<App>, AppsError> {
    Ok(names::all(tx).await?)
}

/// One app.
///
/// # Errors
/// [`AppsError::NoSuchApp`].
pub async fn get(tx: &mut dyn Tx, id: AppId) -> Result<App, AppsError> {
    names::one(tx, id).await?.ok_or(AppsError::NoSuchApp)
}

/// Takes an app off all devices: the licenses go back, then the app goes; when it is gone everywhere it is forgotten.
/// Doing it twice is doing it once.
///
/// # Errors
/// [`AppsError::NoSuchApp`].
pub async fn remove(ctx: &Context, id: AppId) -> Result<(), AppsError> {
    let mut tx = ctx.store.begin("remove an app").await?;
    get(&mut *tx, id).await?;
    store::set_scope(&mut *tx, id, Scope::Nobody).await?;
    if store::forget_if_gone(&mut *tx, id).await? == 0 {
        let devices = store::devices_with(&mut *tx, id).await?;
        dirty::mark_many(&mut *tx, &devices, dirty::Lane::Bulk, "an app was removed", ctx.now()).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Forgets an App Store account that manages no app any more.
///
/// # Errors
/// [`AppsError::AccountInUse`] while it manages apps, or one is still being taken off devices; [`AppsError::NoSuchAccount`].
pub async fn remove_account(ctx: &Context, id: AccountId) -> Result<(), AppsError> {
    let mut tx = ctx.store.begin("remove an App Store account").await?;
    let used: Vec<String> =
        names::all(&mut *tx).await?.iter().filter(|app| app.account == id).map(App::label).collect();
    if !used.is_empty() {
        return Err(AppsError::AccountInUse { apps: used.join(", ") });
    }
    accounts::forget(&mut *tx, id).await.map_err(|error| match error {
        LicenseError::Store(error) => AppsError::Store(error),
        _ => AppsError::NoSuchAccount,
    })?;
    tx.commit().await?;
    Ok(())
}

/// Deletes an imported profile that no account and no app names.
///
/// # Errors
/// [`AppsError::ProfileInUse`]; [`AppsError::NoSuchProfile`].
pub async fn remove_profile(ctx: &Context, id: ProfileId) -> Result<(), AppsError> {
    let mut view = ctx.store.read().await?;
    let chosen = |one: Option<ProfileId>, two: Option<ProfileId>| [one, two].contains(&Some(id));
    let accounts = accounts::list(&mut *view).await?;
    let accounts = accounts.iter().filter(|it| chosen(it.defaults.vpn_profile, it.defaults.sso_profile));
    let mut users: Vec<String> = accounts.map(|account| format!("the account {}", account.name)).collect();
    let apps = names::all(&mut *view).await?;
    let apps = apps.iter().filter(|it| chosen(it.settings.vpn_profile.profile(), it.settings.sso_profile.profile()));
    users.extend(apps.map(|app| format!("the app {}", app.label())));
    drop(view);
    if !users.is_empty() {
        return Err(AppsError::ProfileInUse { users: users.join(", ") });
    }
    profiles::delete(ctx, id).await.map_err(|error| match error {
        ProfilesError::Store(error) => AppsError::Store(error),
        _ => AppsError::NoSuchProfile,
    })
}

/// What an app says over its account's defaults, and the version to name in a change.
///
/// # Errors
/// [`AppsError::NoSuchApp`].
pub async fn settings(tx: &mut dyn Tx, id: AppId) -> Result<(AppSettings, i64), AppsError> {
    let app = get(tx, id).await?;
    Ok((app.settings, app.version))
}

/// Changes what an app says over its account's defaults. With `version`, only if it still is that.
///
/// # Errors
/// [`AppsError::NoSuchApp`], [`AppsError::Changed`], [`AppsError::BadSetting`].
pub async fn set_settings(
    ctx: &Context,
    id: AppId,
    settings: &AppSettings,
    version: Option<i64>,
) -> Result<App, AppsError> {
    let mut tx = ctx.store.begin("change the settings of an app").await?;
    let app = get(&mut *tx, id).await?;
    if version.is_some_and(|version| version != app.version) {
        return Err(AppsError::Changed);
    }
    if store::set_settings(&mut *tx, id, settings, app.version).await? == 0 {
        return Err(AppsError::Changed);
    }
    let devices = store::devices_with(&mut *tx, id).await?;
    dirty::mark_many(&mut *tx, &devices, dirty::Lane::Bulk, "settings of an app changed", ctx.now()).await?;
    let app = get(&mut *tx, id).await?;
    tx.commit().await?;
    Ok(app)
}
