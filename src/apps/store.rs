//! The SQL of the table of apps.

use super::app::{App, AppSettings, NewApp, Scope};
use crate::ids::{AppId, DeviceId};
use russet_protocol::{AdamId, PricingParam, Timestamp};
use russet_store::{Row, StoreError, Tx};

const COLUMNS: &str =
    "SELECT id, account_id, adam_id, pricing_param, scope, settings, version, created_at FROM app ORDER BY id";

pub(super) async fn of_asset(tx: &mut dyn Tx, new: &NewApp) -> Result<Option<(AppId, Scope)>, StoreError> {
    let sql = "SELECT id, scope FROM app WHERE account_id = $1 AND adam_id = $2 AND pricing_param = $3 {lock}";
    let (account, adam) = (new.account.text(), number(new.adam));
    let row = tx.optional(sql, &[(&account).into(), adam.into(), new.pricing.as_str().into()]).await?;
    row.map(|row| Ok((parse(&row, "app", "id")?, scope(&row)?))).transpose()
}

pub(super) async fn insert(tx: &mut dyn Tx, id: AppId, new: &NewApp, now: Timestamp) -> Result<(), StoreError> {
    let settings = json(&AppSettings::default());
    tx.run(
        "INSERT INTO app (id, account_id, adam_id, pricing_param, scope, settings, version, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, 1, $7)",
        &[
            (&id.text()).into(),
            (&new.account.text()).into(),
            number(new.adam).into(),
            new.pricing.as_str().into(),
            new.scope.as_str().into(),
            (&settings).into(),
            now.millis().into(),
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn list(tx: &mut dyn Tx) -> Result<Vec<App>, StoreError> {
    tx.rows(COLUMNS, &[]).await?.iter().map(read).collect()
}

pub(super) async fn get(tx: &mut dyn Tx, id: AppId) -> Result<Option<App>, StoreError> {
    let sql =
        "SELECT id, account_id, adam_id, pricing_param, scope, settings, version, created_at FROM app WHERE id = $1";
    tx.optional(sql, &[(&id.text()).into()]).await?.as_ref().map(read).transpose()
}

pub(super) async fn set_scope(tx: &mut dyn Tx, id: AppId, scope: Scope) -> Result<(), StoreError> {
    tx.run("UPDATE app SET scope = $2 WHERE id = $1", &[(&id.text()).into(), scope.as_str().into()]).await?;
    Ok(())
}

/// Zero where the version has moved.
pub(super) async fn set_settings(
    tx: &mut dyn Tx,
    id: AppId,
    settings: &AppSettings,
    version: i64,
) -> Result<u64, StoreError> {
    tx.run(
        "UPDATE app SET settings = $2, version = version + 1 WHERE id = $1 AND version = $3",
        &[(&id.text()).into(), (&json(settings)).into(), version.into()],
    )
    .await
}

/// The devices that have a row of the app.
pub(super) async fn devices_with(tx: &mut dyn Tx, id: AppId) -> Result<Vec<DeviceId>, StoreError> {
    let rows = tx.rows("SELECT device_id FROM device_app WHERE app_id = $1", &[(&id.text()).into()]).await?;
    rows.iter().map(|row| parse(row, "device_app", "device_id")).collect()
}

/// Deletes an app that is wanted nowhere and known of no device any more.
pub(super) async fn forget_if_gone(tx: &mut dyn Tx, id: AppId) -> Result<u64, StoreError> {
    tx.run(
        "DELETE FROM app WHERE id = $1 AND scope = 'nobody'
             AND NOT EXISTS (SELECT 1 FROM device_app WHERE device_app.app_id = app.id)",
        &[(&id.text()).into()],
    )
    .await
}

pub(super) fn parse<T: std::str::FromStr>(row: &Row, table: &str, column: &str) -> Result<T, StoreError> {
    let text = row.text(column)?;
    text.parse().map_err(|_| StoreError::corrupt(table, column, text))
}

/// JSON of one of our own types, none of which can fail to encode.
pub(super) fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

pub(super) fn from_json<T: serde::de::DeserializeOwned>(
    row: &Row,
    table: &str,
    column: &str,
    id: impl std::fmt::Display,
) -> Result<T, StoreError> {
    serde_json::from_str(&row.text(column)?).map_err(|_| StoreError::corrupt(table, column, id))
}

fn number(adam: AdamId) -> i64 {
    i64::try_from(adam.0).unwrap_or(i64::MAX)
}

fn scope(row: &Row) -> Result<Scope, StoreError> {
    match row.text("scope")?.as_str() {
        "everyone" => Ok(Scope::Everyone),
        "nobody" => Ok(Scope::Nobody),
        _ => Err(StoreError::corrupt("app", "scope", row.text("id")?)),
    }
}

fn read(row: &Row) -> Result<App, StoreError> {
    let id: AppId = parse(row, "app", "id")?;
    Ok(App {
        id,
        account: parse(row, "app", "account_id")?,
        adam: AdamId(u64::try_from(row.int("adam_id")?).map_err(|_| StoreError::corrupt("app", "adam_id", id))?),
        pricing: PricingParam::parse(&row.text("pricing_param")?)
            .ok_or_else(|| StoreError::corrupt("app", "pricing_param", id))?,
        scope: scope(row)?,
        name: None,
        bundle_id: None,
        platforms: Vec::new(),
        settings: from_json(row, "app", "settings", id)?,
        version: row.int("version")?,
        created_at: Timestamp(row.int("created_at")?),
    })
}
