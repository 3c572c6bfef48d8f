//! The SQL of accounts, the mirror, wishes, calls to Apple and its notifications.

mod accounts;
mod assets;
mod batches;
mod mirror;
mod notifications;
mod wishes;
mod work;

pub(super) use accounts::{
    NewAccount, NewToken, account, accounts, delete_account, insert_account, name_is_taken, name_of_token,
    set_defaults, set_token, unmark, want_sync,
};
pub(super) use assets::{asset, assets, counts};
pub(super) use batches::{
    Batch, Wish, begin_batch, came_true, due_batches, due_wishes, end_batch, failed, follow, hint, is_wanted, left,
    look_again, reopen, wait, wishes_of,
};
pub(super) use mirror::{
    drop_assets_before, drop_assignments_before, gained, held, lost, nameless, put_asset, put_assignments, put_metadata,
};
pub(super) use notifications::{forget, keep, of_path, processed, waiting};
pub(super) use wishes::{Key, Wanted, states_of_serials, wish};
pub(super) use work::{
    Claimed, Work, block, claimed, ids, marked, next_chore, other_with_location, serials_after, set_state, synced,
    want_counts, work,
};

use crate::ids::AccountId;
use russet_protocol::{AdamId, PricingParam};
use russet_store::{Row, StoreError};

/// Where secrets are sealed for.
pub(super) const ACCOUNT: &str = "license_account";
pub(super) const TOKEN: &str = "token";
pub(super) const WEBHOOK: &str = "webhook_secret";

/// A store number as it is stored; both are bounded to positive 64-bit numbers when they are parsed.
fn number(adam: AdamId) -> i64 {
    i64::try_from(adam.0).unwrap_or(i64::MAX)
}

fn adam_id(row: &Row) -> Result<AdamId, StoreError> {
    let number = row.int("adam_id")?;
    u64::try_from(number).map(AdamId).map_err(|_| StoreError::corrupt("a license table", "adam_id", number))
}

fn pricing(row: &Row) -> Result<PricingParam, StoreError> {
    let text = row.text("pricing")?;
    PricingParam::parse(&text).ok_or_else(|| StoreError::corrupt("a license table", "pricing", text))
}

fn account_id(row: &Row, column: &str) -> Result<AccountId, StoreError> {
    let text = row.text(column)?;
    text.parse().map_err(|_| StoreError::corrupt("a license table", column, text))
}
