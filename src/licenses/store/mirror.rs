//! The SQL of the mirror, as it is written: assets, assignments, names.

use super::{Key, adam_id, number, pricing};
use crate::ids::AccountId;
use crate::licenses::assets::Metadata;
use russet_apps_and_books::{AssetRecord, Assignment, Target};
use russet_protocol::{AdamId, BundleId, Platform, PricingParam, SerialNumber, Timestamp};
use russet_store::{StoreError, Tx, Value};
use std::collections::{BTreeSet, HashSet};

/// Writes an asset as Apple gave it. Where more licenses are left than before, those who wait for one are due.
pub(in crate::licenses) async fn put_asset(
    tx: &mut dyn Tx,
    account: AccountId,
    asset: &AssetRecord,
    now: Timestamp,
) -> Result<(), StoreError> {
    let id = account.text();
    let key: [Value<'_>; 3] = [(&id).into(), number(asset.key.adam_id).into(), asset.key.pricing_param.as_str().into()];
    let before = tx
        .optional(
            "SELECT available FROM license_asset WHERE account_id = $1 AND adam_id = $2 AND pricing = $3 {lock}",
            &key,
        )
        .await?;
    let unlimited = asset.is_unlimited();
    let available = if unlimited { None } else { asset.available_count };
    let total = if unlimited { None } else { asset.total_count };
    let more = match &before {
        None => true,
        Some(row) => row.opt_int("available")?.is_some_and(|before| available.is_none_or(|now| now > before)),
    };
    let platforms: Vec<&str> =
        asset.supported_platforms.iter().filter_map(|name| Platform::parse(name)).map(Platform::as_str).collect();
    let platforms = platforms.join(",");
    let [account, adam, pricing] = key;
    tx.run(
        "INSERT INTO license_asset (account_id, adam_id, pricing, product_type, device_assignable, revocable, platforms,
             total, assigned, available, retired, seen_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (account_id, adam_id, pricing) DO UPDATE SET product_type = excluded.product_type,
             device_assignable = excluded.device_assignable, revocable = excluded.revocable,
             platforms = excluded.platforms, total = excluded.total, assigned = excluded.assigned,
             available = excluded.available, retired = excluded.retired, seen_at = excluded.seen_at",
        &[
            account,
            adam,
            pricing,
            (&asset.product_type).into(),
            asset.device_assignable.into(),
            asset.revocable.into(),
            (&platforms).into(),
            total.into(),
            asset.assigned_count.into(),
            available.into(),
            asset.retired_count.into(),
            now.millis().into(),
        ],
    )
    .await?;
    if more {
        wake_waiting(tx, &[account, adam, pricing], now).await?;
    }
    Ok(())
}

/// Those who wait for a license of this asset are due.
async fn wake_waiting(tx: &mut dyn Tx, key: &[Value<'_>; 3], now: Timestamp) -> Result<(), StoreError> {
    let [account, adam, pricing] = *key;
    tx.run(
        "UPDATE license_intent SET due_at = $4 WHERE account_id = $1 AND adam_id = $2 AND pricing = $3
             AND state = 'waiting' AND due_at > $4",
        &[account, adam, pricing, now.millis().into()],
    )
    .await
    .map(|_| ())
}

/// Removes assets that the reading begun at `run` did not show. What Apple no longer lists, it no longer sells or holds.
pub(in crate::licenses) async fn drop_assets_before(
    tx: &mut dyn Tx,
    account: AccountId,
    run: Timestamp,
) -> Result<u64, StoreError> {
    tx.run(
        "DELETE FROM license_asset WHERE account_id = $1 AND seen_at < $2",
        &[(&account.text()).into(), run.millis().into()],
    )
    .await
}

/// Writes assignments as Apple listed them; the serial numbers for which that is news.
pub(in crate::licenses) async fn put_assignments(
    tx: &mut dyn Tx,
    account: AccountId,
    assignments: &[Assignment],
    now: Timestamp,
) -> Result<BTreeSet<SerialNumber>, StoreError> {
    let id = account.text();
    let mut seen = HashSet::new();
    let rows: Vec<(i64, &str, &str, String)> = assignments
        .iter()
        .filter_map(|item| {
            let (kind, target) = match &item.target {
                Target::Device(serial) => ("serial", SerialNumber::normalized(serial).ok()?.to_string()),
                Target::User(user) => ("user", user.clone()),
            };
            Some((number(item.asset.adam_id), item.asset.pricing_param.as_str(), kind, target))
        })
        .filter(|row| seen.insert(row.clone()))
        .collect();
    let targets: Vec<Value<'_>> = rows.iter().map(|row| (&row.3).into()).collect();
    let known = tx
        .rows_in(
            "SELECT adam_id, pricing, target FROM license_assignment
             WHERE account_id = $1 AND target_kind = 'serial' AND target IN ({list})",
            &[(&id).into()],
            &targets,
        )
        .await?;
    let known: HashSet<(i64, String, String)> = known
        .iter()
        .map(|row| Ok((row.int("adam_id")?, row.text("pricing")?, row.text("target")?)))
        .collect::<Result<_, StoreError>>()?;
    let at = now.millis();
    let values: Vec<Vec<Value<'_>>> = rows
        .iter()
        .map(|(adam, pricing, kind, target)| {
            vec![(&id).into(), (*adam).into(), (*pricing).into(), (*kind).into(), target.into(), at.into(), at.into()]
        })
        .collect();
    tx.many(
        "INSERT INTO license_assignment (account_id, adam_id, pricing, target_kind, target, since, seen_at)
         VALUES {rows} ON CONFLICT (account_id, adam_id, pricing, target_kind, target) DO UPDATE SET seen_at = excluded.seen_at",
        &values,
    )
    .await?;
    let news = rows.iter().filter(|(adam, pricing, kind, target)| {
        *kind == "serial" && !known.contains(&(*adam, (*pricing).to_owned(), target.clone()))
    });
    Ok(news.filter_map(|row| SerialNumber::new(row.3.as_str()).ok()).collect())
}

/// Removes up to `limit` assignments that the reading begun at `run` did not show and that are older than `settled` (Apple's
/// list may lag behind its events); whom they were of.
pub(in crate::licenses) async fn drop_assignments_before(
    tx: &mut dyn Tx,
    account: AccountId,
    run: Timestamp,
    settled: Timestamp,
    limit: u32,
) -> Result<Vec<(String, String)>, StoreError> {
    let id = account.text();
    let rows = tx
        .rows(
            "SELECT adam_id, pricing, target_kind, target FROM license_assignment
             WHERE account_id = $1 AND seen_at < $2 AND since < $3 LIMIT $4",
            &[(&id).into(), run.millis().into(), settled.millis().into(), limit.into()],
        )
        .await?;
    let mut dropped = Vec::with_capacity(rows.len());
    for row in &rows {
        let (kind, target, quality) = (row.text("target_kind")?, row.text("target")?, row.text("pricing")?);
        tx.run(
            "DELETE FROM license_assignment
             WHERE account_id = $1 AND adam_id = $2 AND pricing = $3 AND target_kind = $4 AND target = $5",
            &[(&id).into(), row.int("adam_id")?.into(), (&quality).into(), (&kind).into(), (&target).into()],
        )
        .await?;
        dropped.push((kind, target));
    }
    Ok(dropped)
}

/// A license was given, or found given: writes it into the mirror, with the counts.
pub(in crate::licenses) async fn gained(tx: &mut dyn Tx, key: &Key, now: Timestamp) -> Result<(), StoreError> {
    let id = key.account.text();
    let asset: [Value<'_>; 3] = [(&id).into(), number(key.adam).into(), key.pricing.as_str().into()];
    let [account, adam, pricing] = asset;
    let new = tx
        .run(
            "INSERT INTO license_assignment (account_id, adam_id, pricing, target_kind, target, since, seen_at)
             VALUES ($1, $2, $3, 'serial', $4, $5, $5) ON CONFLICT DO NOTHING",
            &[account, adam, pricing, key.serial.as_str().into(), now.millis().into()],
        )
        .await?;
    if new == 1 {
        tx.run(
            "UPDATE license_asset SET assigned = assigned + 1,
                 available = CASE WHEN available > 0 THEN available - 1 ELSE available END
             WHERE account_id = $1 AND adam_id = $2 AND pricing = $3",
            &asset,
        )
        .await?;
    }
    Ok(())
}

/// A license went back, or was found gone.
pub(in crate::licenses) async fn lost(tx: &mut dyn Tx, key: &Key, now: Timestamp) -> Result<(), StoreError> {
    let id = key.account.text();
    let asset: [Value<'_>; 3] = [(&id).into(), number(key.adam).into(), key.pricing.as_str().into()];
    let [account, adam, pricing] = asset;
    let gone = tx
        .run(
            "DELETE FROM license_assignment
             WHERE account_id = $1 AND adam_id = $2 AND pricing = $3 AND target_kind = 'serial' AND target = $4",
            &[account, adam, pricing, key.serial.as_str().into()],
        )
        .await?;
    if gone == 1 {
        tx.run(
            "UPDATE license_asset SET assigned = CASE WHEN assigned > 0 THEN assigned - 1 ELSE 0 END,
                 available = available + 1
             WHERE account_id = $1 AND adam_id = $2 AND pricing = $3",
            &asset,
        )
        .await?;
        wake_waiting(tx, &asset, now).await?;
    }
    Ok(())
}

/// Which of these serial numbers hold a license of the account, by asset.
pub(in crate::licenses) async fn held(
    tx: &mut dyn Tx,
    account: AccountId,
    serials: &BTreeSet<&str>,
) -> Result<HashSet<(AdamId, PricingParam, String)>, StoreError> {
    let list: Vec<Value<'_>> = serials.iter().map(|serial| (*serial).into()).collect();
    let rows = tx
        .rows_in(
            "SELECT adam_id, pricing, target FROM license_assignment
             WHERE account_id = $1 AND target_kind = 'serial' AND target IN ({list})",
            &[(&account.text()).into()],
            &list,
        )
        .await?;
    rows.iter().map(|row| Ok((adam_id(row)?, pricing(row)?, row.text("target")?))).collect()
}

/// Up to `limit` apps whose names were never asked for, or before `stale`; with the platforms they run on.
pub(in crate::licenses) async fn nameless(
    tx: &mut dyn Tx,
    account: AccountId,
    stale: Timestamp,
    limit: u32,
) -> Result<Vec<(AdamId, String)>, StoreError> {
    let rows = tx
        .rows(
            "SELECT a.adam_id, min(a.platforms) AS platforms FROM license_asset a
             LEFT JOIN license_metadata m ON m.account_id = a.account_id AND m.adam_id = a.adam_id
             WHERE a.account_id = $1 AND (m.asked_at IS NULL OR m.asked_at < $2)
             GROUP BY a.adam_id ORDER BY a.adam_id LIMIT $3",
            &[(&account.text()).into(), stale.millis().into(), limit.into()],
        )
        .await?;
    rows.iter().map(|row| Ok((adam_id(row)?, row.text("platforms")?))).collect()
}

/// Writes what the lookup said; without anything said, only when it was asked. True where bundle id or version is news.
pub(in crate::licenses) async fn put_metadata(
    tx: &mut dyn Tx,
    account: AccountId,
    adam: AdamId,
    said: Option<&Metadata>,
    asked_at: Timestamp,
) -> Result<bool, StoreError> {
    let id = account.text();
    let key: [Value<'_>; 2] = [(&id).into(), number(adam).into()];
    let sql = "SELECT bundle_id, external_version_id FROM license_metadata WHERE account_id = $1 AND adam_id = $2";
    let before = tx.optional(sql, &key).await?;
    let before = match before {
        Some(row) => (row.opt_text("bundle_id")?, row.opt_int("external_version_id")?),
        None => (None, None),
    };
    let nothing = Metadata::default();
    let new = said.unwrap_or(&nothing);
    let bundle = new.bundle_id.as_ref().map(BundleId::as_str);
    let [account, adam] = key;
    // An empty answer says nothing: what was known stays.
    tx.run(
        "INSERT INTO license_metadata (account_id, adam_id, name, bundle_id, version, external_version_id, minimum_os,
             icon_url, asked_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (account_id, adam_id) DO UPDATE SET name = COALESCE(excluded.name, license_metadata.name),
             bundle_id = COALESCE(excluded.bundle_id, license_metadata.bundle_id),
             version = COALESCE(excluded.version, license_metadata.version),
             external_version_id = COALESCE(excluded.external_version_id, license_metadata.external_version_id),
             minimum_os = COALESCE(excluded.minimum_os, license_metadata.minimum_os),
             icon_url = COALESCE(excluded.icon_url, license_metadata.icon_url), asked_at = excluded.asked_at",
        &[
            account,
            adam,
            new.name.as_deref().into(),
            bundle.into(),
            new.version.as_deref().into(),
            new.external_version_id.into(),
            new.minimum_os.as_deref().into(),
            new.icon_url.as_deref().into(),
            asked_at.millis().into(),
        ],
    )
    .await?;
    let news = bundle.is_some_and(|bundle| before.0.as_deref() != Some(bundle))
        || new.external_version_id.is_some_and(|version| before.1 != Some(version));
    Ok(news)
}
