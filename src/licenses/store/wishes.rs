//! The SQL of wishes: one row for each license and serial number for which something is to be done.

use super::{account_id, adam_id, number, pricing};
use crate::ids::AccountId;
use crate::licenses::wishes::{LicenseState, State};
use russet_protocol::{AdamId, PricingParam, SerialNumber, Timestamp};
use russet_store::{Row, StoreError, Tx, Value};
use std::collections::BTreeMap;

/// One license of one serial number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::licenses) struct Key {
    pub(in crate::licenses) account: AccountId,
    pub(in crate::licenses) adam: AdamId,
    pub(in crate::licenses) pricing: PricingParam,
    pub(in crate::licenses) serial: SerialNumber,
}

/// What is wished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::licenses) enum Wanted {
    Assigned,
    Released,
}

impl Wanted {
    pub(in crate::licenses) fn word(self) -> &'static str {
        match self {
            Self::Assigned => "assigned",
            Self::Released => "released",
        }
    }

    pub(in crate::licenses) fn parse(text: &str) -> Option<Self> {
        [Self::Assigned, Self::Released].into_iter().find(|wanted| wanted.word() == text)
    }
}

/// Writes a wish down; false where it changes nothing.
pub(in crate::licenses) async fn wish(
    tx: &mut dyn Tx,
    key: &Key,
    wanted: Wanted,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let account = key.account.text();
    let (adam, pricing, serial) = (number(key.adam), key.pricing.as_str(), key.serial.as_str());
    let open = tx
        .optional(
            "SELECT wanted, state FROM license_intent
             WHERE account_id = $1 AND adam_id = $2 AND pricing = $3 AND serial = $4 {lock}",
            &[(&account).into(), adam.into(), pricing.into(), serial.into()],
        )
        .await?;
    let before = match &open {
        Some(row) => Some((row.text("wanted")?, row.text("state")?)),
        None => None,
    };
    if before.as_ref().is_some_and(|(before, _)| before == wanted.word()) {
        return Ok(false);
    }
    let assigned = tx
        .optional(
            "SELECT since FROM license_assignment
             WHERE account_id = $1 AND adam_id = $2 AND pricing = $3 AND target_kind = 'serial' AND target = $4",
            &[(&account).into(), adam.into(), pricing.into(), serial.into()],
        )
        .await?
        .is_some();
    let so_already = assigned == (wanted == Wanted::Assigned);
    match before {
        None if so_already => Ok(false),
        None => {
            let made = tx
                .run(
                    "INSERT INTO license_intent (account_id, adam_id, pricing, serial, wanted, state, since, tries, due_at)
                     VALUES ($1, $2, $3, $4, $5, 'open', $6, 0, $6) ON CONFLICT DO NOTHING",
                    &[
                        (&account).into(),
                        adam.into(),
                        pricing.into(),
                        serial.into(),
                        wanted.word().into(),
                        now.millis().into(),
                    ],
                )
                .await?;
            Ok(made == 1)
        }
        // Nothing has been sent, so nothing is left to be done.
        Some((_, state)) if so_already && state != "sent" => {
            tx.run(
                "DELETE FROM license_intent WHERE account_id = $1 AND adam_id = $2 AND pricing = $3 AND serial = $4",
                &[(&account).into(), adam.into(), pricing.into(), serial.into()],
            )
            .await?;
            Ok(true)
        }
        // What is under way at Apple is followed to its end first, then the new wish is looked at.
        Some(_) => {
            tx.run(
                "UPDATE license_intent SET wanted = $5, since = $6, due_at = $6, tries = 0,
                     error_number = NULL, error_text = NULL,
                     state = CASE WHEN state = 'sent' THEN 'sent' ELSE 'open' END
                 WHERE account_id = $1 AND adam_id = $2 AND pricing = $3 AND serial = $4",
                &[
                    (&account).into(),
                    adam.into(),
                    pricing.into(),
                    serial.into(),
                    wanted.word().into(),
                    now.millis().into(),
                ],
            )
            .await?;
            Ok(true)
        }
    }
}

pub(in crate::licenses) async fn states_of_serials(
    tx: &mut dyn Tx,
    serials: &[SerialNumber],
) -> Result<BTreeMap<SerialNumber, Vec<LicenseState>>, StoreError> {
    let list: Vec<Value<'_>> = serials.iter().map(|serial| serial.as_str().into()).collect();
    let wishes = tx
        .rows_in(
            "SELECT serial, account_id, adam_id, pricing, wanted, state, since, error_number, error_text, due_at
             FROM license_intent WHERE serial IN ({list}) ORDER BY account_id, adam_id, pricing",
            &[],
            &list,
        )
        .await?;
    let mut states: BTreeMap<SerialNumber, Vec<LicenseState>> = BTreeMap::new();
    for row in &wishes {
        states.entry(serial(row, "serial")?).or_default().push(known(row, state(row)?)?);
    }
    let assigned = tx
        .rows_in(
            "SELECT target, account_id, adam_id, pricing FROM license_assignment
             WHERE target_kind = 'serial' AND target IN ({list}) ORDER BY account_id, adam_id, pricing",
            &[],
            &list,
        )
        .await?;
    for row in &assigned {
        let held = known(row, State::Assigned)?;
        let same = |other: &LicenseState| {
            (other.account, other.adam_id, other.pricing) == (held.account, held.adam_id, held.pricing)
        };
        let states = states.entry(serial(row, "target")?).or_default();
        if !states.iter().any(same) {
            states.push(held);
        }
    }
    Ok(states)
}

fn serial(row: &Row, column: &str) -> Result<SerialNumber, StoreError> {
    let text = row.text(column)?;
    SerialNumber::new(&text).map_err(|_| StoreError::corrupt("a license table", column, text))
}

fn known(row: &Row, state: State) -> Result<LicenseState, StoreError> {
    Ok(LicenseState { account: account_id(row, "account_id")?, adam_id: adam_id(row)?, pricing: pricing(row)?, state })
}

fn state(row: &Row) -> Result<State, StoreError> {
    let wanted = row.text("wanted")?;
    let wanted = Wanted::parse(&wanted).ok_or_else(|| StoreError::corrupt("license_intent", "wanted", wanted))?;
    let since = Timestamp(row.int("since")?);
    Ok(match (row.text("state")?.as_str(), wanted) {
        ("waiting", _) => State::WaitingForLicense { since },
        ("failed", wanted) => State::Failed {
            releasing: wanted == Wanted::Released,
            number: row.opt_int("error_number")?.unwrap_or(0),
            text: row.opt_text("error_text")?.unwrap_or_default(),
            retry_at: Timestamp(row.int("due_at")?),
        },
        (_, Wanted::Assigned) => State::Associating { since },
        (_, Wanted::Released) => State::Releasing { since },
    })
}
