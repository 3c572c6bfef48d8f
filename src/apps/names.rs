//! Names, bundle identifiers and platforms of apps, from the mirror of Apple's records.

use super::app::App;
use super::store;
use crate::ids::{AccountId, AppId};
use crate::licenses::assets;
use russet_protocol::{AdamId, PricingParam};
use russet_store::{StoreError, Tx};
use std::collections::BTreeMap;

/// All apps, with what the mirror knows of their assets.
pub(super) async fn all(tx: &mut dyn Tx) -> Result<Vec<App>, StoreError> {
    let mut apps = store::list(tx).await?;
    let mut of_account: BTreeMap<AccountId, BTreeMap<(AdamId, PricingParam), assets::Asset>> = BTreeMap::new();
    // One query an account, of which there are few; not one an app.
    for account in apps.iter().map(|app| app.account).collect::<std::collections::BTreeSet<_>>() {
        let list = assets::list(tx, account).await?;
        of_account.insert(account, list.into_iter().map(|asset| ((asset.adam_id, asset.pricing), asset)).collect());
    }
    for app in &mut apps {
        if let Some(asset) = of_account.get(&app.account).and_then(|assets| assets.get(&(app.adam, app.pricing))) {
            describe(app, asset);
        }
    }
    Ok(apps)
}

/// One app, with what the mirror knows of its asset.
pub(super) async fn one(tx: &mut dyn Tx, id: AppId) -> Result<Option<App>, StoreError> {
    let Some(mut app) = store::get(tx, id).await? else { return Ok(None) };
    if let Some(asset) = assets::get(tx, app.account, app.adam, app.pricing).await? {
        describe(&mut app, &asset);
    }
    Ok(Some(app))
}

fn describe(app: &mut App, asset: &assets::Asset) {
    app.name.clone_from(&asset.metadata.name);
    app.bundle_id.clone_from(&asset.metadata.bundle_id);
    app.platforms.clone_from(&asset.platforms);
}
