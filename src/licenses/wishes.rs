//! What others wish: a license for a serial number, or no longer. A wish is written down here and carried out by the worker.

use super::store;
use crate::ids::AccountId;
use russet_protocol::{AdamId, PricingParam, SerialNumber, Timestamp};
use russet_store::{StoreError, Tx, Wake};
use std::collections::BTreeMap;

/// How one license of one serial number stands. No entry: none is assigned and none is wished for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicenseState {
    /// The account it is of.
    pub account: AccountId,
    /// The app's number in the store.
    pub adam_id: AdamId,
    /// Its quality.
    pub pricing: PricingParam,
    /// How it stands.
    pub state: State,
}

/// How a license stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Confirmed by Apple, and wished to stay.
    Assigned,
    /// Wished for; collected, sent or being followed. `since`: since the wish.
    Associating {
        /// Since when.
        since: Timestamp,
    },
    /// To be given back; collected, sent or being followed.
    Releasing {
        /// Since when.
        since: Timestamp,
    },
    /// Apple refused; it is tried again by itself.
    Failed {
        /// Whether it was to be given back; otherwise to be taken.
        releasing: bool,
        /// Apple's error number, 0 where it gave none.
        number: i64,
        /// Apple's words, or ours where it had none.
        text: String,
        /// When it is tried again.
        retry_at: Timestamp,
    },
    /// All licenses are in use; it goes on by itself when one comes free.
    WaitingForLicense {
        /// Since when.
        since: Timestamp,
    },
}

/// Wishes a license for a serial number. Repeating it changes nothing; a wish to give it back that is still open is undone.
///
/// # Errors
/// Where the store fails, or the account does not exist.
pub async fn need(
    tx: &mut dyn Tx,
    account: AccountId,
    adam: AdamId,
    pricing: PricingParam,
    serial: &SerialNumber,
    now: Timestamp,
) -> Result<(), StoreError> {
    wish(tx, (account, adam, pricing, serial), store::Wanted::Assigned, now).await
}

/// Wishes that a serial number's license goes back. Repeating it changes nothing; a wish for it that was not sent yet is undone.
///
/// # Errors
/// Where the store fails, or the account does not exist.
pub async fn release(
    tx: &mut dyn Tx,
    account: AccountId,
    adam: AdamId,
    pricing: PricingParam,
    serial: &SerialNumber,
    now: Timestamp,
) -> Result<(), StoreError> {
    wish(tx, (account, adam, pricing, serial), store::Wanted::Released, now).await
}

async fn wish(
    tx: &mut dyn Tx,
    (account, adam, pricing, serial): (AccountId, AdamId, PricingParam, &SerialNumber),
    wanted: store::Wanted,
    now: Timestamp,
) -> Result<(), StoreError> {
    let serial = SerialNumber::normalized(serial.as_str()).unwrap_or_else(|_| serial.clone());
    let key = store::Key { account, adam, pricing, serial };
    if store::wish(tx, &key, wanted, now).await? {
        tx.wake(Wake::Licenses);
    }
    Ok(())
}

/// The licenses of a serial number, over all accounts: those assigned, and those wished for or being given back.
///
/// # Errors
/// Where the store fails.
pub async fn states_of_serial(tx: &mut dyn Tx, serial: &SerialNumber) -> Result<Vec<LicenseState>, StoreError> {
    let serial = SerialNumber::normalized(serial.as_str()).unwrap_or_else(|_| serial.clone());
    let mut states = store::states_of_serials(tx, std::slice::from_ref(&serial)).await?;
    Ok(states.remove(&serial).unwrap_or_default())
}

/// The licenses of many serial numbers; those that have none are left out.
///
/// # Errors
/// Where the store fails.
pub async fn states_of_serials(
    tx: &mut dyn Tx,
    serials: &[SerialNumber],
) -> Result<BTreeMap<SerialNumber, Vec<LicenseState>>, StoreError> {
    store::states_of_serials(tx, serials).await
}
