//! The SQL of assets and their metadata, as they are read.

use super::{account_id, adam_id, number, pricing};
use crate::ids::AccountId;
use crate::licenses::assets::{Asset, Counts, Metadata};
use russet_protocol::{AdamId, BundleId, Platform, PricingParam, Timestamp};
use russet_store::{Row, StoreError, Tx};

macro_rules! select_asset {
    ($rest:literal) => {
        concat!(
            "SELECT a.account_id, a.adam_id, a.pricing, a.product_type, a.device_assignable, a.revocable, a.platforms,
                 a.total, a.assigned, a.available, a.retired, a.seen_at,
                 m.name, m.bundle_id, m.version, m.external_version_id, m.minimum_os, m.icon_url, m.asked_at
             FROM license_asset a
             LEFT JOIN license_metadata m ON m.account_id = a.account_id AND m.adam_id = a.adam_id ",
            $rest
        )
    };
}

pub(in crate::licenses) async fn assets(tx: &mut dyn Tx, account: AccountId) -> Result<Vec<Asset>, StoreError> {
    let sql = select_asset!("WHERE a.account_id = $1 ORDER BY (m.name IS NULL), m.name, a.adam_id, a.pricing DESC");
    tx.rows(sql, &[(&account.text()).into()]).await?.iter().map(read).collect()
}

pub(in crate::licenses) async fn asset(
    tx: &mut dyn Tx,
    account: AccountId,
    adam: AdamId,
    pricing: PricingParam,
) -> Result<Option<Asset>, StoreError> {
    let sql = select_asset!("WHERE a.account_id = $1 AND a.adam_id = $2 AND a.pricing = $3");
    let row = tx.optional(sql, &[(&account.text()).into(), number(adam).into(), pricing.as_str().into()]).await?;
    row.as_ref().map(read).transpose()
}

pub(in crate::licenses) async fn counts(tx: &mut dyn Tx) -> Result<Counts, StoreError> {
    let assigned = tx.one("SELECT count(*) AS n FROM license_assignment WHERE target_kind = 'serial'", &[]).await?;
    let mut counts = Counts { assigned: assigned.int("n")?, ..Counts::default() };
    for row in tx.rows("SELECT state, count(*) AS n FROM license_intent GROUP BY state", &[]).await? {
        let n = row.int("n")?;
        match row.text("state")?.as_str() {
            "waiting" => counts.waiting += n,
            "failed" => counts.failed += n,
            _ => counts.under_way += n,
        }
    }
    Ok(counts)
}

fn read(row: &Row) -> Result<Asset, StoreError> {
    Ok(Asset {
        account: account_id(row, "account_id")?,
        adam_id: adam_id(row)?,
        pricing: pricing(row)?,
        product_type: row.text("product_type")?,
        device_assignable: row.flag("device_assignable")?,
        revocable: row.flag("revocable")?,
        platforms: row.text("platforms")?.split(',').filter_map(Platform::parse).collect(),
        total: row.opt_int("total")?,
        assigned: row.int("assigned")?,
        available: row.opt_int("available")?,
        retired: row.int("retired")?,
        seen_at: Timestamp(row.int("seen_at")?),
        metadata: Metadata {
            name: row.opt_text("name")?,
            // Written only where it is one.
            bundle_id: row.opt_text("bundle_id")?.and_then(|text| BundleId::new(text).ok()),
            version: row.opt_text("version")?,
            external_version_id: row.opt_int("external_version_id")?,
            minimum_os: row.opt_text("minimum_os")?,
            icon_url: row.opt_text("icon_url")?,
            asked_at: row.opt_int("asked_at")?.map(Timestamp),
        },
    })
}
